#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# After closing: a peer gets a part of its share first, and is taken out again for half of what it
# would take otherwise.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

# In each pair the first peer is the one that comes back.
my $b = backend(8);

my $ng = nginx(backend => $b, http => <<'EOF');
    kerberos_breaker threshold=4 timeout=150ms jitter=0% ramp=1h;

    upstream slowly { server %%BACKEND_1%%; server %%BACKEND_2%%; kerberos_balance round_robin; }
    upstream soon   { server %%BACKEND_1%%; server %%BACKEND_2%%; kerberos_breaker ramp=500ms; }
    upstream never  { server %%BACKEND_1%%; server %%BACKEND_2%%; kerberos_breaker ramp=0; }
    upstream single { server %%BACKEND_1%%; kerberos_balance round_robin; }
    upstream left   { server %%BACKEND_3%%; server %%BACKEND_4%%; kerberos_balance round_robin; }
    upstream both   { server %%BACKEND_5%%; server %%BACKEND_6%%; kerberos_balance round_robin; }
    upstream rated  {
        server %%BACKEND_7%%;
        kerberos_breaker threshold=0 failure_rate=60% min_requests=10 window=1h;
    }
    upstream slowed {
        server %%BACKEND_8%%;
        kerberos_breaker slow=100ms slow_rate=60% min_requests=4 window=1h;
    }

    server {
        listen 127.0.0.1:%%PORT%%;

        location = /status { kerberos_status; }
        location ~ ^/(?<name>\w+) { proxy_pass http://$name; }
    }
EOF

sub breaker ($service, $n) { return peer(status($ng), $service, $b->address($n))->{breaker} }

# Returns when it has been judged: nginx closes a connection when it has let go of the peer.

sub get ($service) {
    my $c = http_connect($ng->port)->ask('GET', "/$service", close => 1);
    my $r = $c->response;

    $c->is_closed;

    return $r->{status};
}

# Opens a breaker and lets it close.

sub bounce ($service, $n) {
    $b->mode($n, 'status', status => 500);
    wait_for { get($service); breaker($service, $n)->{state} eq 'open' } or die "stays in\n";
    $b->mode($n, 'ok');
    wait_for { get($service); breaker($service, $n)->{state} eq 'closed' } or die "stays open\n";

    return;
}

# How many of so many requests come to each of two peers.

sub spread ($service, $times, $first = 1) {
    $b->reset_counters;

    my $served = 0;
    while ($times > 0) {
        $served += grep { $_->{status} == 200 } http_parallel(20, $ng->port, "/$service");
        $times -= 20;
    }

    return (map({ $b->requests($_) } $first, $first + 1), $served);
}


subtest 'a part of its share' => sub {
    is_deeply [spread('slowly', 40)], [20, 20, 40], 'not at start: nobody has been out';
    is breaker('slowly', 1)->{ramp}, 1, 'as the status says';

    bounce('slowly', 1);
    is breaker('slowly', 1)->{ramp}, 0.1, 'a tenth of it at first';
    is breaker('slowly', 2)->{ramp}, 1,   'the other has all of its own';

    # A tenth of the turns of one of two: 20 of 400, give or take.
    my ($back, $other, $served) = spread('slowly', 400);
    cmp_ok $back, '<', 80, "$back of 400 requests come back to it";
    cmp_ok $back, '>', 0,  'but some do';
    is $served, 400, 'all are served';

    bounce('never', 1);
    is breaker('never', 1)->{ramp}, 1, 'without ramp= all of its share';
    is_deeply [(spread('never', 40))[0, 1]], [20, 20], 'at once';
};

subtest 'all of it when the time is over' => sub {
    bounce('soon', 1);
    cmp_ok breaker('soon', 1)->{ramp}, '<', 1, 'a part';
    my $seen = 0;
    ok wait_for {
        my $now = breaker('soon', 1)->{ramp};
        $now < $seen && die "it shrinks\n";
        $seen = $now;
        $now == 1;
    }, 'that grows until it is whole';
    is_deeply [spread('soon', 40)], [20, 20, 40], 'and in turn with the others';
};

subtest 'who is alone has nobody to leave a part to' => sub {
    bounce('single', 1);
    is_deeply [(spread('single', 40))[0, 2]], [40, 40], 'one peer: it gets all';

    bounce('left', 3);
    $b->mode(4, 'refuse');
    wait_for { get('left'); breaker('left', 4)->{state} eq 'open' } or die "stays in\n";
    cmp_ok breaker('left', 3)->{ramp}, '<', 1, 'two peers: one is coming back';
    is_deeply [(spread('left', 40, 3))[0, 2]], [40, 40], 'the other is out: it gets all';
};

subtest 'nobody is turned away for want of shares' => sub {
    bounce('both', $_) for 5, 6;
    is_deeply [map { breaker('both', $_)->{ramp} } 5, 6], [0.1, 0.1], 'both come back';

    my @got = spread('both', 200, 5);
    is $got[2], 200, 'all are served';
    cmp_ok $got[$_], '>', 40, "by peer $_" for 0, 1;
};

subtest 'half of the threshold is enough' => sub {
    my %failures;

    for my $service ('slowly', 'never') {
        bounce($service, 1);
        $b->mode(1, 'status', status => 500);
        ok wait_for { get($service); breaker($service, 1)->{state} eq 'open' }, "$service: opens";
        $failures{$service} = breaker($service, 1)->{consecutive_failures};
        $b->mode(1, 'ok');
    }

    is_deeply \%failures, { slowly => 2, never => 4 }, 'after two of four while it comes back';
};

subtest 'of rates and of min_requests, too' => sub {
    bounce('rated', 7);
    is_deeply [map { get('rated') } 1 .. 3], [(200) x 3], 'three good answers';
    $b->mode(7, 'status', status => 500);
    get('rated');
    is breaker('rated', 7)->{state}, 'closed', 'one bad: fewer than half of min_requests';
    get('rated');
    is breaker('rated', 7)->{state}, 'open', 'two bad: more than half of the share';
    like +($ng->log_lines(qr/circuit OPEN service "rated"/))[-1],
        qr/: failure rate 40% of 5 attempts in /, 'as the log says';

    # Slow as they are, two of them are enough now, where four were needed.
    my %attempts;
    for my $time ('first', 'again') {
        $b->mode(8, 'delay', delay => 0.15);
        wait_for { get('slowed'); breaker('slowed', 8)->{state} eq 'open' } or die "stays in\n";
        $attempts{$time} = breaker('slowed', 8)->{window}{attempts};
        $b->mode(8, 'ok');
        wait_for { get('slowed'); breaker('slowed', 8)->{state} eq 'closed' } or die "stays open\n";
    }
    is_deeply \%attempts, { first => 4, again => 2 }, 'slow answers, too';
};

done_testing;
