#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# ewma: who answers late gets less, who answers early does not get more for having nothing to say,
# and who is well again is found out.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(sum0);

use Kerberos::Test;
use Kerberos::Test::Balance;

my $b = backend(4);

# A service for each case, so that none remembers another. No breaker takes anybody out.

my @names = qw(equal slow heals status500 status503 status429 refused reset held spread);

my $ng = nginx(backend => $b, http => join('', map {<<"EOT"} @names) . <<'EOF' . by_name(<<'EOL'));
    upstream $_ {
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        server %%BACKEND_3%%;
        kerberos_balance ewma;
    }
EOT
    upstream heavy {
        server %%BACKEND_1%% weight=4;
        server %%BACKEND_2%%;
        kerberos_balance ewma;
    }
    kerberos_breaker off;
    proxy_next_upstream off;
EOF
        location = /status { kerberos_status; }
EOL

# Who is asked how often: also those that fail.

sub asked ($count, $name, $at_once = 1) {
    $b->reset_counters;

    for (1 .. $count / $at_once) {
        $at_once == 1 ? turns($ng, $b, 1, $name) : http_parallel($at_once, $ng->port, "/$name");
    }

    return map { $_->{requests} } $b->peers;
}

sub asks ($name, $count) {
    $b->reset_counters;
    turns($ng, $b, $count, $name);

    return map { $_->{requests} } $b->peers;
}


# The first peer gets fewer than so many. Where the machine is busy, others stall as well for a
# moment, and are avoided for some seconds.

sub is_left_alone ($most, $ask, $what) {
    my @got;

    ok +(wait_for { @got = $ask->(); $got[0] < $most } 60), "fewer than $most $what" or diag "the last: @got";
    note "@got";

    return;
}


# Of two that are drawn, the faster one by a hair: two thirds for the fastest of three at most.

subtest 'nobody gets all' => sub {
    my @got = asks('equal', 600);

    is sum0(@got), 600, "@got: all are asked";
    is scalar(grep { $_ > 470 } @got), 0, 'and nobody takes what others could';
};

subtest 'a slow one gets clearly less' => sub {
    $b->mode(1, 'delay', delay => 0.05);

    is_left_alone(60, sub { asks('slow', 300) }, 'of 300, where its share would be 100');
    is_left_alone(70, sub { asked(320, 'slow', 16) }, 'of 320, 16 at once');
};

# What is known of a peer that is not asked decays over ten seconds.

subtest 'and comes back when it is fast again' => sub {
    $b->mode('all', 'delay', delay => 0.01);
    $b->mode(1, 'delay', delay => 0.03);
    is_left_alone(40, sub { asks('heals', 200) }, 'of 200 while it is slow');

    $b->mode(1, 'delay', delay => 0.01);

    my @now;
    ok +(wait_for { @now = asks('heals', 100); $now[0] > 20 } 60), 'more, soon after'
        or diag "the last: @now";
    $b->mode('all', 'ok');
};

# What fails at once is the fastest of all.

my %FAILS = (
    status500 => [status => status => 500],
    status503 => [status => status => 503],
    status429 => [status => status => 429],
    refused   => ['refuse'],
    reset     => ['reset'],
);

for my $name (sort keys %FAILS) {
    subtest "a peer that fails at once attracts nobody: $name" => sub {
        $b->mode('all', 'delay', delay => 0.01);
        $b->mode(1, $FAILS{$name}->@*);

        # Of one that refuses only nginx can tell.
        my $count  = 150;
        my $served = grep {/^[23]$/} turns($ng, $b, $count, $name);
        my $failed = $count - $served;

        cmp_ok $failed, '<=', 50, "$failed of $count, where its share would be 100";
        $b->mode('all', 'ok');
    };
}

subtest 'who has much in flight gets less, though it answers as fast' => sub {
    asks('held', 60);
    $b->mode('all', 'hang', path => '/hold');
    my @held = hold($ng, $b, 24, 'held');
    release($b, grep { $_->{peer} != 1 } @held);

    my @got = asks('held', 300);
    cmp_ok $got[0], '<', 60, "$got[0] of 300";
    $_->{client}->close for @held;
    $b->mode('all', 'ok');
};

# Nobody has answered anything yet, so that nothing but what is in flight decides.

subtest 'many at once are spread by weight' => sub {
    for (['spread', 90, 30, 30, 30], ['heavy', 100, 80, 20, 0]) {
        my ($name, $count, @expected) = @$_;

        $b->mode('all', 'hang', path => '/hold');
        my @clients = map { http_connect($ng->port)->ask('GET', "/hold/$name") } 1 .. $count;
        wait_for { sum0(loads($b)) == $count } or die "not all arrive\n";

        my @loads = loads($b);
        is scalar(grep { abs($loads[$_] - $expected[$_]) > 10 } 0 .. 2), 0, "$name: @loads";
        $_->close for @clients;
        wait_for { sum0(loads($b)) == 0 } or die "still in flight\n";
        $b->mode('all', 'ok');
    }
};

subtest 'the status' => sub {
    is service(status($ng), 'equal')->{balance}, 'ewma', 'names the method';
    is status($ng)->{faults}, 0, 'and no fault';
};

done_testing;
