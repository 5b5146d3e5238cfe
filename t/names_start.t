#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# A start waits for no DNS. A name that nobody can tell has no peers until somebody does; one that was
# known before a restart is known again, where there is a kerberos_state.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Log qw(slurp);
use Kerberos::Test::Names;

my $srv  = '_http._tcp.items.test';
my $port = port();
my $b    = backend(map {"$_:$port"} qw(127.0.0.2 127.0.0.3 127.0.0.4));

sub at (@hosts) { return [map {"$_:$port"} @hosts] }

sub services ($more = '') { return <<"EOF" }
version: 1
services:
  users: [http://users.test:$port]
  fixed: [http://127.0.0.4:$port]
$more
EOF

# What is done to the server, what the log says of it, and what makes it good again.

my @ways = (
    ['there is no such name', '3: Host not found',
        sub ($dns) { $dns->set('users.test' => []) }, sub ($dns) { $dns->set('users.test' => ['127.0.0.2']) }],
    ['it fails', '2: Server failure',
        sub ($dns) { $dns->mode('servfail') }, sub ($dns) { $dns->mode('ok') }],
    ['it is silent', '110: Operation timed out',
        sub ($dns) { $dns->mode('silent') }, sub ($dns) { $dns->mode('ok') }],
    ['nobody listens', '110: Operation timed out',
        sub ($dns) { $dns->stop }, sub ($dns) { $dns->start }],
);

for my $way (@ways) {
    my ($what, $error, $break, $mend) = @$way;

    subtest $what => sub {
        my $dns = dns('users.test' => ['127.0.0.2']);
        $break->($dns);
        my $then = now();
        my $ng = following($dns, services);
        cmp_ok now() - $then, '<', 5, 'waits for nobody';

        my $load = load($ng->port, '/users/');
        my $r = http_get($ng->port, '/users/');
        is $r->{status}, 503, 'the service has no peers yet';
        like $r->{headers}{'retry-after'} // '', qr/^\d+$/, 'and says when to ask again';
        is http_get($ng->port, '/fixed/')->{status}, 200, 'another serves';
        is_deeply service(status($ng), 'users')->{peers}, [], 'nobody is in the status';

        ok $ng->wait_for_log(qr/\[warn\].* name "users\.test" could not be resolved \(\Q$error\E\)/), 'the log says why';
        is_deeply name($ng, 'users.test'), { name => 'users.test', addresses => 0, error => $error }, 'and so does the status';

        $mend->($dns);
        has($ng, 'users', at('127.0.0.2'), 'then there is an address', 15);
        ok wait_for { http_get($ng->port, '/users/')->{status} == 200 }, 'and the service serves';
        ok $ng->wait_for_log(qr/\[notice\].* name "users\.test" is 1 address: \+127\.0\.0\.2/), 'as the log says';
        is name($ng, 'users.test')->{error}, undef, 'no error is left';

        $load->go_on;
        my %got = $load->end;
        is_deeply [sort keys %got], ["200 127.0.0.2:$port", '503 -'], 'nobody has seen anything else';
        is told($ng, qr/\[warn\].* name "users\.test"/, 1), 1, 'one warning';
        $ng->stop;
    };
}

subtest 'a restart' => sub {
    my $dns = dns('users.test' => ['127.0.0.2', '127.0.0.3'], $srv => ["1 SRV 1 3 $port a.test", "1 SRV 2 1 $port b.test"],
        'a.test' => ['127.0.0.3'], 'b.test' => ['127.0.0.4']);
    my $ng = following($dns, services("  items: [http+srv://$srv]"),
        http => gateway($dns, 'kerberos_state state; kerberos_breaker threshold=2 timeout=60s;'));

    has($ng, 'users', at(qw(127.0.0.2 127.0.0.3)), 'two addresses');
    has($ng, 'items', at(qw(127.0.0.3 127.0.0.4)), 'two records');
    my $items = service(status($ng), 'items')->{peers};
    $b->mode(2, 'close', path => '/users/');
    ok wait_for { http_get($ng->port, '/users/'); peer(status($ng), 'users', "127.0.0.3:$port")->{breaker}{state} eq 'open' },
        'the breaker of one is open';
    ok wait_for { slurp($ng->path('state/names.json')) =~ /127\.0\.0\.4/
        && slurp($ng->path('state/breakers.json')) =~ /open/i }, 'all that is kept';
    $b->mode(2, 'ok');

    $dns->stop;
    ok $ng->crash, 'everything dies';
    $ng->start;
    is ids($ng, 'users'), join(' ', at(qw(127.0.0.2 127.0.0.3))->@*), 'without DNS, the addresses are known at once';
    is_deeply [map { [@$_{qw(id weight backup)}] } service(status($ng), 'items')->{peers}->@*],
        [map { [@$_{qw(id weight backup)}] } @$items], 'with weights and who is a backup';
    is peer(status($ng), 'users', "127.0.0.3:$port")->{breaker}{state}, 'open', 'the breaker is open';
    my %got = map { my $r = http_get($ng->port, '/users/'); ("$r->{status} " . ($r->{headers}{'x-backend'} // '') => 1) } 1 .. 8;
    is_deeply \%got, { "200 127.0.0.2:$port" => 1 }, 'no request fails';
    ok $ng->wait_for_log(qr/name "users\.test" could not be resolved .*, 2 addresses stay/), 'the log says why they are';

    $dns->set('users.test' => ['127.0.0.4'])->start;
    has($ng, 'users', at('127.0.0.4'), 'and followed', 15);
    $ng->stop;

    # What is kept is gone.
    $dns->set('users.test' => ['127.0.0.2']);
    $ng->write_file('state/names.json', 'nonsense');
    $ng->start;
    ok $ng->wait_for_log(qr/\[error\].* no answers of names restored: .*names\.json/), 'what is kept is broken: the log says so';
    has($ng, 'users', at('127.0.0.2'), 'and it is asked for');
    is http_get($ng->port, '/users/')->{status}, 200, 'served';
    $ng->stop;
};

done_testing;
