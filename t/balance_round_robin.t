#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Round robin of any weights: the order of nginx over all workers, and nobody's share falls to a
# neighbour when he is out, fails or is full. nginx with a zone is asked the same.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(sum0);

use Kerberos::Test;
use Kerberos::Test::Balance;

my $b = backend(7);

# A weight below 0: that peer is out.

my %WEIGHTS = (
    equal  => [(1) x 7],
    classic => [5, 1, 1],
    primes => [2, 3, 5, 7, 11, 13],
    large  => [100, 50, 25],
    odd    => [1, 9, 2, 8, 3, 7, 4],
    common => [4, 2, 6, 8],
    single => [3],
    lacks  => [-5, 3, 2, 1],
    lacking => [3, -9, 2, -4, 1, 2, 1],
    last   => [1, -1, -1, 2],
);

my @lacking = grep { grep { $_ < 0 } $WEIGHTS{$_}->@* } sort keys %WEIGHTS;
my @whole   = grep { !/^la(?:ck|st)/ } sort keys %WEIGHTS;

sub upstreams ($more, $down) {
    return join '', map {
        my ($name, $n) = ($_, 0);
        my @servers = map {
            sprintf '        server %%%%BACKEND_%d%%%% weight=%d%s;', ++$n, abs, $_ < 0 ? $down : ''
        } $WEIGHTS{$name}->@*;
        join "\n", "    upstream $name {", @servers, ($more =~ s/NAME/$name/r), "    }\n";
    } sort keys %WEIGHTS;
}

my $ng = nginx(backend => $b, http => upstreams('kerberos_balance round_robin;', '') . <<'EOF' .
    kerberos_breaker threshold=1 timeout=10m;
    upstream tried {
        server %%BACKEND_1%% weight=5;
        server %%BACKEND_2%% weight=3;
        server %%BACKEND_3%% weight=2;
        server %%BACKEND_4%% weight=1;
        kerberos_breaker off;
    }
    upstream full {
        server %%BACKEND_1%% weight=5 max_conns=1;
        server %%BACKEND_2%% weight=3;
        server %%BACKEND_3%% weight=2;
        server %%BACKEND_4%% weight=1;
        kerberos_balance round_robin;
    }
EOF
    by_name('location = /status { kerberos_status; }'));

my $stock = nginx(module => 0, backend => $b,
    http => upstreams('zone NAME 64k;', ' down') . by_name);


subtest 'the order of nginx, whichever worker answers' => sub {
    my %workers;

    for my $name (@whole) {
        my $count = 2 * sum0($WEIGHTS{$name}->@*);
        my $see   = sub ($r) { $workers{ $r->{headers}{'x-worker'} }++ };

        is join('', turns($ng, $b, $count, $name, see => $see)),
            join('', turns($stock, $b, $count, $name)), "@{$WEIGHTS{$name}}: two rounds";
    }

    is scalar(keys %workers), scalar($ng->workers), 'all workers had a part in it';
};

subtest 'it goes on when a worker is killed' => sub {
    my $round = join '', turns($stock, $b, 7, 'classic');
    my $order = join '', turns($ng, $b, 3, 'classic');

    $ng->kill_worker;
    $order .= join '', turns($ng, $b, 4, 'classic');
    is $order, $round, 'where it was';
};

subtest 'many at once are dealt out exactly' => sub {
    $b->reset_counters;
    http_parallel(72, $ng->port, '/primes');
    http_parallel(10, $ng->port, '/primes');
    is_deeply [map { $_->{requests} } ($b->peers)[0 .. 5]], [map { 2 * $_ } $WEIGHTS{primes}->@*],
        "@{$WEIGHTS{primes}}: two rounds";
};

subtest 'the share of those that are out goes to the others by weight' => sub {
    for my $name (@lacking) {
        my @out = grep { $WEIGHTS{$name}[$_ - 1] < 0 } 1 .. $WEIGHTS{$name}->@*;
        my @in  = map { $_ < 0 ? 0 : $_ } $WEIGHTS{$name}->@*;

        for my $n (@out) {
            $b->mode($n, 'refuse');
            ok wait_for {
                turns($ng, $b, 5, $name);
                peer(status($ng), $name, $b->address($n))->{breaker}{state} eq 'open';
            }, "$name: peer $n is out";
            $b->mode($n, 'ok');
        }

        my $round = join '', turns($stock, $b, sum0(@in), $name);
        my $order = join '', turns($ng, $b, 4 * length $round, $name);

        # It need not begin where nginx does, but must go round as nginx does.
        ok index($round x 6, $order) >= 0, "@in, in the order of nginx"
            or diag "nginx repeats $round, this is $order";
    }
};

subtest 'so does the share of one that fails without being out' => sub {
    $b->mode(1, 'refuse');
    my @got = shares($ng, $b, 120, 'tried');
    $b->mode(1, 'ok');
    is_deeply [@got[0 .. 3]], [0, 60, 40, 20], '3:2:1';
};

subtest 'and of one that is full' => sub {
    $b->mode(1, 'hang', path => '/hold');
    my @held = grep { $_->{peer} } hold($ng, $b, 1, 'full');
    my @got  = shares($ng, $b, 120, 'full');

    is scalar(@held), 1, 'it has what it may have';
    is_deeply [@got[0 .. 3]], [0, 60, 40, 20], '3:2:1';
    release($b, @held);
    is_deeply [(shares($ng, $b, 22, 'full'))[0 .. 3]], [10, 6, 4, 2], 'and then it has its share';
};

is status($ng)->{faults}, 0, 'without a fault';

done_testing;
