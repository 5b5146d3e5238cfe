#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# A binary upgrade: the new nginx has shared memory of its own, and knows the breakers that are open
# all the same. For a while both write their state, and in the end the one that stays.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Daemon;
use Kerberos::Test::Log qw(slurp);
use Kerberos::Test::Process qw(is_alive);

my $b  = backend(2);
my $ng = nginx(backend => $b, start => 0, daemon => 1, http => <<'EOF');
    kerberos_state state;
    kerberos_breaker threshold=1 timeout=60s jitter=0%;
    upstream u {
        server %%BACKEND_1%%;
        kerberos_breaker threshold=1 timeout=60s jitter=0%;
    }
    upstream v { server %%BACKEND_2%%; kerberos_balance round_robin; }
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /status { kerberos_status; }
        location = /v { proxy_pass http://v; }
        location / { proxy_pass http://u; }
    }
EOF

sub get ($path = '/') { return http_get($ng->port, $path)->{status} }
sub breaker ()        { return peer(status($ng), 'u', $b->address(1))->{breaker} }
sub kept ()           { return slurp($ng->path('state/breakers.json')) }

my $daemon = Kerberos::Test::Daemon->new($ng->configure);
my $old    = $daemon->pid;

is get(), 200, 'the old one serves';

$b->mode(1, 'close');
get();
$b->mode(1, 'ok');
ok wait_for { kept() =~ /"state":"open"/ }, 'a breaker is open, and that is on disk';

my $before = breaker();
my $start  = now();

$b->reset_counters;
my $new = $daemon->upgrade;

isnt $new, $old, 'a new one serves beside it';
is scalar($ng->wait_for_log(qr/\[notice\] $new#\d+: .*state of 1 breakers restored, 1 of them open/)), 1,
    'and has read what the old one has written';

subtest 'with both of them' => sub {
    is_deeply [grep { $_ != 503 } map { get() } 1 .. 20], [], 'nobody lets a request through';
    is $b->requests(1), 0, 'not one';
    is get('/v'), 200, 'the others are served';
};

subtest 'with the new one alone' => sub {
    ok $daemon->retire, 'the old one is gone';

    my $after = breaker();
    my $left  = $before->{retry_in} - (now() - $start);

    is $after->{state}, 'open', 'the breaker is open';
    cmp_ok abs($after->{retry_in} - $left), '<', 1.5, 'for as long as it was to be';
    is $after->{trips}, $before->{trips}, 'with its history';
    is_deeply [grep { $_ != 503 } map { get() } 1 .. 10], [], 'nobody gets through';
    is $b->requests(1), 0, 'not one';
    is scalar($ng->log_lines(qr/circuit OPEN /)), 1, 'it was told of once';

    $b->mode(2, 'close');
    get('/v');
    $b->mode(2, 'ok');
    ok wait_for { (() = kept() =~ /"state":"open"/g) == 2 }, 'what it learns itself is kept';
};

$daemon->stop;
ok !is_alive($new), 'ended';
is_deeply [$ng->problems], [], 'without a complaint';

done_testing;
