#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# What a registry says of peers and services is what happens: addresses of every kind, weights,
# ids, backups, limits, breakers and defaults.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Log qw(slurp);

my $b = backend(qw(tcp tcp tcp ipv6 unix));

# Another name of this machine's loopback address, where /etc/hosts has one.

sub host_name () {
    for my $line (split /\n/, slurp('/etc/hosts') =~ s/#.*//gr) {
        my ($address, @names) = split ' ', $line;
        next if ($address // '') ne '127.0.0.1';
        my ($name) = grep { $_ ne 'localhost' && /^[a-z][\w.-]*$/i } @names;
        return $name if $name;
    }
    return;
}

my $name = host_name();
my @kind = map { $b->address($_) =~ s/^127\.0\.0\.1/localhost/r } 1 .. 5;

my $ng = nginx(
    backend => $b,
    start   => 0,
    vars    => { LOCALHOST => $kind[0], HOST => $name // 'localhost', BPORT => $b->port(1) },
    http    => <<'EOF',
    kerberos_breaker threshold=4 timeout=60s jitter=0%;
    kerberos_registry services.yaml;
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /status { kerberos_status; }
        location ~ ^/(?<name>\w+) {
            kerberos_service $name;
            proxy_pass http://kerberos;
            proxy_next_upstream off;
        }
    }
EOF
);

$ng->write_file('services.yaml', <<'EOF');
version: 1
defaults:
  breaker: {threshold: 2, timeout: 30s}
  balance: round_robin
services:
  short:
    - http://%%BACKEND_1%%
    - http://%%BACKEND_2%%
  kinds:
    peers:
      - http://%%LOCALHOST%%
      - http://%%BACKEND_4%%
      - {url: "%%BACKEND_5%%"}
  named: [http://%%HOST%%:%%BPORT%%]
  weights:
    balance: round_robin
    peers:
      - {url: http://%%BACKEND_1%%, weight: 5, id: big}
      - {url: http://%%BACKEND_2%%, weight: 1}
      - {url: http://%%BACKEND_3%%, weight: 1, id: small}
  backups:
    peers:
      - http://%%BACKEND_1%%
      - {url: http://%%BACKEND_2%%, backup: true}
      - {url: http://%%BACKEND_3%%, down: true}
  limited:
    peers:
      - {url: http://%%BACKEND_1%%, max_conns: 2}
  same:
    - http://%%BACKEND_1%%
    - http://%%BACKEND_1%%
    - {url: http://%%BACKEND_1%%, id: third}
  inherits: [http://%%BACKEND_1%%]
  own:
    peers: [http://%%BACKEND_1%%]
    breaker: {threshold: 1}
  off:
    peers: [http://%%BACKEND_1%%]
    breaker: off
EOF
$ng->start;

# A client has its answer a moment before the outcome is counted: wait until nothing is under way.

sub settle () {
    return wait_for {
        !grep { $_->{in_flight} || $_->{requests} != $_->{successes} + $_->{failures} + $_->{neutral} }
            map { $_->{peers}->@* } status($ng)->{services}->@*;
    };
}

sub get ($service) {
    my $r = http_get($ng->port, "/$service");

    settle();

    return $r;
}

# Which backends served the next requests, by number.

sub served ($service, $times) {
    my %n = map { $b->address($_) => $_ } 1 .. 5;

    return join '', map { $n{ get($service)->{headers}{'x-backend'} // '' } // '-' } 1 .. $times;
}

sub ids ($service) { return [map { $_->{id} } service(status($ng), $service)->{peers}->@*] }


subtest 'the short form' => sub {
    like served('short', 6), qr/^(?:121212|212121)$/, 'in turn';
    is_deeply ids('short'), [$b->address(1), $b->address(2)], 'ids are addresses';
};

subtest 'addresses of every kind' => sub {
    is join('', sort split //, served('kinds', 6)), '114455', 'localhost, IPv6, unix';
    is_deeply ids('kinds'), [map { $b->address($_) } 1, 4, 5], 'localhost is one peer';
};

subtest 'a host name' => sub {
    plan skip_all => '/etc/hosts has no other name for 127.0.0.1' unless $name;

    is served('named', 2), '11', 'is resolved';
    is_deeply ids('named'), [$b->address(1)], 'one peer per address';
};

subtest 'weight and id' => sub {
    is served('weights', 14), '1121311' x 2, "nginx's smooth order";
    is_deeply ids('weights'), ['big', $b->address(2), 'small'], 'ids';
    is peer(status($ng), 'weights', 'big')->{weight}, 5, 'in the status';
    is peer(status($ng), 'weights', 'big')->{address}, $b->address(1), 'with the address';
};

subtest 'backup and down' => sub {
    $b->reset_counters;
    is served('backups', 4), '1111', 'the primary';
    $b->mode(1, 'status', status => 500);
    get('backups') for 1 .. 2;
    is served('backups', 4), '2222', 'the backup, when the primary is out';
    $b->mode(2, 'status', status => 500);
    get('backups') for 1 .. 2;
    is get('backups')->{status}, 503, 'nobody';
    is $b->requests(3), 0, 'and never the peer that is down';
    $b->mode($_, 'ok') for 1, 2;

    my $service = service(status($ng), 'backups');
    is_deeply [map { $_->{backup} ? 1 : 0 } $service->{peers}->@*], [0, 1, 0], 'in the status';
    is_deeply [map { $_->{reasons} } $service->{peers}->@*], [['breaker'], ['breaker'], ['config']],
        'each for its reason';
};

subtest 'max_conns' => sub {
    $b->mode(1, 'hang');
    my @c = map { http_connect($ng->port)->ask('GET', '/limited') } 1 .. 2;
    wait_for { $b->counters(1)->{in_flight} == 2 };
    my $r = http_get($ng->port, '/limited');    # two are under way
    is $r->{status}, 503, 'a third is one too many';
    is $r->{headers}{'retry-after'}, 1, 'but may come soon';
    is_deeply peer(status($ng), 'limited', $b->address(1))->{reasons}, ['max_conns'], 'the reason';
    $_->close for @c;
    $b->mode(1, 'ok');
    ok wait_for { get('limited')->{status} == 200 }, 'and then finds a place';
};

subtest 'one address, three peers' => sub {
    is_deeply ids('same'), [$b->address(1), $b->address(1) . '#2', 'third'], 'told apart by id';
    get('same') for 1 .. 6;
    is_deeply [map { $_->{requests} } service(status($ng), 'same')->{peers}->@*], [2, 2, 2],
        'each has its turn';

    $b->mode(1, 'status', status => 500, times => 6);
    get('same') for 1 .. 6;
    is_deeply [map { $_->{breaker}{state} } service(status($ng), 'same')->{peers}->@*],
        [('open') x 3], 'and a breaker of its own';
};

subtest 'breakers and defaults' => sub {
    $b->mode(1, 'status', status => 500);

    my $until_503 = sub ($service) {
        for my $n (0 .. 9) {
            return $n if get($service)->{status} == 503;
        }
        return 'never';
    };

    is $until_503->('own'),      1,       'its own threshold';
    is $until_503->('inherits'), 2,       'that of the defaults, not of the http block';
    is $until_503->('off'),      'never', 'off';
    like get('own')->{headers}{'retry-after'}, qr/^(?:29|30)$/, 'and the timeout of the defaults';
    $b->mode(1, 'ok');
};

subtest 'what a file does not say comes from the http block' => sub {
    $ng->write_file('services.yaml', "plain: [http://%%BACKEND_2%%]\n");
    ok $ng->reload, 'reload';
    $b->mode(2, 'status', status => 500);
    get('plain') for 1 .. 3;
    is peer(status($ng), 'plain', $b->address(2))->{breaker}{state}, 'closed', 'three of four';
    get('plain');
    like get('plain')->{headers}{'retry-after'}, qr/^(?:59|60)$/, 'open, for its timeout';
};

done_testing;
