#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# The registry changes while nginx runs: every worker takes it over within a second, without a
# reload; what has not changed keeps its breaker and its counters.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b  = backend(3);
my $ng = nginx(backend => $b, start => 0, http => <<'EOF');
    kerberos_registry services.yaml;
    kerberos_zone 256k;
    server {
        listen 127.0.0.1:%%PORT%%;
        proxy_next_upstream off;
        location = /status { kerberos_status; }
        location ~ ^/(?<service>\w+)/ {
            kerberos_service $service;
            proxy_pass http://kerberos;
            add_header X-Peer $kerberos_peer always;
            add_header X-Pid $pid always;
        }
    }
EOF

sub url ($n) { return 'http://' . $b->address($n) }

sub registry (%services) {
    my $yaml = "version: 1\nservices:\n";

    for my $name (sort keys %services) {
        $yaml .= "  $name:\n    breaker: {threshold: 2, timeout: 60s, jitter: 0%}\n    peers:\n";
        $yaml .= "      - $_\n" for $services{$name}->@*;
    }
    return $yaml;
}

# As deployments do it: beside, and then in its place.

sub change ($yaml) {
    $ng->write_file('services.yaml.new', $yaml);
    rename $ng->path('services.yaml.new'), $ng->path('services.yaml') or die $!;
    return;
}

sub get ($path = '/a/') { return http_get($ng->port, $path) }
sub generation ()       { return status($ng)->{generation} }

sub taken ($before) { return wait_for { generation() > $before } }

$ng->write_file('services.yaml', registry(a => [url(1), url(2)]));
$ng->start;

is get()->{status}, 200, 'served';
is get('/b/')->{status}, 404, 'no service "b" yet';
$ng->allow(qr/unknown service "b"/);

subtest 'a service is added' => sub {
    my $before = generation();

    change(registry(a => [url(1), url(2)], b => [url(3)]));
    ok taken($before), 'taken over';
    is get('/b/')->{status}, 200, 'served';
    is get('/b/')->{headers}{'x-peer'}, $b->address(3), 'by its peer';
    ok $ng->wait_for_log(qr/\[notice\].* registry taken over: generation \d+, 2 services, 3 peers/), 'the log says so';
};

subtest 'what has not changed is not forgotten' => sub {
    $b->mode(1, 'close');
    ok wait_for { get(); peer(status($ng), 'a', $b->address(1))->{breaker}{state} eq 'open' }, 'a breaker opens';

    my $before = status($ng);
    my $old    = peer($before, 'a', $b->address(1));

    change(registry(a => [url(1), "{url: @{[url(2)]}, weight: 3}", url(3)], b => [url(3)]));
    ok taken($before->{generation}), 'taken over';

    my $new = peer(status($ng), 'a', $b->address(1));

    is $new->{breaker}{state}, 'open', 'it is still open';
    cmp_ok $new->{failures}, '>=', $old->{failures}, 'with its counters';
    is peer(status($ng), 'a', $b->address(2))->{weight}, 3, 'weights are new';

    my %got;
    $got{ get()->{headers}{'x-peer'} }++ for 1 .. 40;
    is $got{ $b->address(1) }, undef, 'nobody goes there';
    is $got{ $b->address(2) }, 30, 'three of four';
    is $got{ $b->address(3) }, 10, 'one of four';
    $b->mode(1, 'ok');
};

subtest 'a bad file changes nothing' => sub {
    my $before = generation();

    $ng->allow(qr/services\.yaml|not taken over|\[error\] \S+ +\d* \| /);
    change("version: 1\nservices:\n  a:\n    peer: [http://127.0.0.1:1]\n");
    ok $ng->wait_for_log(qr/services\.yaml:4:5: unknown key "peer" .*did you mean "peers"/), 'the log says what is wrong';
    ok $ng->wait_for_log(qr/registry not taken over, what is in force stays/), 'and what follows';
    ok wait_for { status($ng)->{config}{error} }, 'so does the status';
    like status($ng)->{config}{error}{message}, qr/services\.yaml:4:5: unknown key "peer"/, 'with the same words';
    is get()->{status}, 200, 'served as before';
    is generation(), $before, 'the generation stays';

    change(registry(a => [url(1), url(2), url(3)], b => [url(3)]));
    ok taken($before), 'a good one is taken over';
    is status($ng)->{config}{error}, undef, 'and the error is gone';
};

subtest 'a file that is cut off' => sub {
    my $before = generation();

    $ng->allow(qr/peers are left: is a file cut off/);
    change(registry(a => [url(2)]));
    ok $ng->wait_for_log(qr/only 1 of 4 peers are left: is a file cut off\?/), 'is refused';
    is generation(), $before, 'nothing changes';

    change("version: 1\nallow_shrink: true\n" . registry(a => [url(2)]) =~ s/^version: 1\n//r);
    ok taken($before), 'unless it says that it is meant';
    is scalar(map { $_->{peers}->@* } status($ng)->{services}->@*), 1, 'as it says';
};

subtest 'more than there is memory for' => sub {
    my $before = generation();
    my $told   = sub { scalar $ng->log_lines(qr/has no memory for \d+ peers/) };
    my @many   = map { 'http://127.1.' . int($_ / 200) . '.' . (1 + $_ % 200) . ':1' } 1 .. 2000;

    $ng->allow(qr/has no memory for/);
    change(registry(a => [url(2)], b => \@many));
    ok wait_for { status($ng)->{config}{error} }, 'the status says so';
    like status($ng)->{config}{error}{message},
        qr/^zone "kerberos" of 256k has no memory for 2001 peers in 2 services .*trying again$/,
        'in the words of the log';
    pause(2);    # it is tried again
    is $told->(), 1, 'which are told once';
    is generation(), $before, 'what is in force stays';
    is get()->{status}, 200, 'and serves';

    change(registry(a => [url(2), url(3)]));
    ok taken($before), 'until there is less';
    is status($ng)->{config}{error}, undef, 'and the error is gone';
};

# Requests that have begun under an older registry keep its memory, until somebody asks for it. Then the
# change is tried again, and no file changes: nor has this one been written just now.

subtest 'until there is memory again' => sub {
    my $ng = nginx(backend => $b, start => 0, http => <<'EOF');
        kerberos_registry now/services.yaml;
        kerberos_zone 1m;
        server {
            listen 127.0.0.1:%%PORT%%;
            location = /status { kerberos_status; }
            location / { kerberos_service a; proxy_pass http://kerberos; }
        }
EOF
    my $write = sub ($net, $count) {
        my @peers = map { "http://127.$net." . int($_ / 200) . '.' . (1 + $_ % 200) . ':1' } 1 .. $count;
        $ng->write_file("$net/services.yaml", "allow_shrink: true\n" . registry(a => [url(1)], b => \@peers));
    };
    my $take = sub ($net) {
        symlink $net, $ng->path('new') or die $!;
        rename $ng->path('new'), $ng->path('now') or die $!;
    };
    my $in_force = sub { status($ng)->{generation} };

    $ng->allow(qr/has no memory for/);
    $write->(2, 480);
    $write->(3, 20);
    $write->(4, 1000);
    $take->(2);
    $ng->start;
    $b->mode(1, 'delay', delay => 60, path => '/long');
    my $c = http_connect($ng->port);
    $c->ask('GET', '/long');
    ok wait_for { service(status($ng), 'a')->{peers}[0]{in_flight} }, 'a request begins';

    $take->(3);
    ok wait_for { $in_force->() == 2 }, 'a change that there is room for';
    pause(1.5);
    $take->(4);
    ok $ng->wait_for_log(qr/has no memory for 1001 peers/), 'and one that there is none for at first';
    ok +(wait_for { $in_force->() == 3 } 20), 'is taken over' or diag explain status($ng)->{zone};
    is status($ng)->{config}{error}, undef, 'and no error is left';
    is service(status($ng), 'a')->{peers}[0]{in_flight}, 1, 'the request goes on';
    $c->close;
    $b->mode(1, 'ok');
};

done_testing;
