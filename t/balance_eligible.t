#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Whatever the method: a peer that is down, full, out or a backup is not asked, a heavy one is asked
# more, one that comes back is asked less, and no request asks a peer twice.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(sum0);

use Kerberos::Test;
use Kerberos::Test::Balance;

my $b = backend(3);

my %METHODS = (
    turns    => 'round_robin',
    adaptive => 'round_robin adaptive',
    least    => 'least_conn',
    random   => 'random',
    ewma     => 'ewma',
    hash     => 'hash $arg_k',
    bounded  => 'hash $arg_k bounded=150%',
);

# Of each method a service for each case: its peers, and its breaker.

my %CASES = (
    down   => ['1', '2 down', '3'],
    full   => ['1 max_conns=2', '2 max_conns=1', '3 max_conns=2'],
    weight => ['1 weight=6', '2', '3'],
    tried  => ['1', '2', '3'],
    out    => ['1', '2', '3', 'threshold=1 timeout=10m'],
    backup => ['1', '2', '3 backup', 'threshold=1 timeout=10m'],
    ramp   => ['1', '2', 'threshold=1 timeout=150ms jitter=0% ramp=1h'],
);

sub block ($name, $method, @what) {
    my $breaker = $what[-1] =~ /^threshold/ ? pop @what : 'off';
    my $servers = join '', map { "        server %%BACKEND_" . s/^(\d)/$1%%/r . ";\n" } @what;

    return <<"EOF";
    upstream $name {
$servers        kerberos_balance $method;
        kerberos_breaker $breaker;
    }
EOF
}

my $blocks = join '', map {
    my $method = $_;
    map { block("${method}_$_", $METHODS{$method}, $CASES{$_}->@*) } sort keys %CASES;
} sort keys %METHODS;

my $ng = nginx(backend => $b, http => $blocks .
    by_name('location = /status { kerberos_status; }'));

# As many keys as requests: those that have no key do not look at it.

sub ask ($name, $count) { return shares($ng, $b, $count, sub ($i) { "$name?k=key$i" }) }

sub state_of ($name, $n) {
    return peer(status($ng), $name, $b->address($n))->{breaker}{state};
}

sub open_up ($name, $n) {
    $b->mode($n, 'refuse');
    ok wait_for { ask($name, 20); state_of($name, $n) eq 'open' }, "peer $n is out";
    $b->mode($n, 'ok');
}


for my $method (sort keys %METHODS) {
    subtest "$METHODS{$method}: who is down" => sub {
        my @got = ask("${method}_down", 60);

        is $got[1], 0, 'is not asked';
        cmp_ok $got[$_], '>', 0, "peer $_: $got[$_]" for 0, 2;
        is $got[0] + $got[2], 60, 'all are answered';
    };

    subtest "$METHODS{$method}: who has max_conns requests" => sub {
        my $name = "${method}_full";

        $b->mode('all', 'hang', path => '/hold');
        my @held = map { hold($ng, $b, 1, "$name?k=$_") } 1 .. 5;
        is_deeply [loads($b)], [2, 1, 2], 'is not asked for more';

        is http_get($ng->port, "/$name?k=$_")->{status}, 503, 'nobody has room' for 1 .. 2;

        release($b, grep { $_->{peer} == 2 } @held);
        is_deeply [turns($ng, $b, 4, "$name?k=1")], [2, 2, 2, 2], 'who has room again serves';
        release($b, grep { $_->{peer} != 2 } @held);
        $b->mode('all', 'ok');
    };

    subtest "$METHODS{$method}: by weight" => sub {
        $b->mode('all', 'hang', path => '/hold');
        my @c = map { http_connect($ng->port)->ask('GET', "/hold/${method}_weight?k=$_") } 1 .. 200;

        wait_for { sum0(loads($b)) == 200 } or die "not all arrive\n";
        my @loads = loads($b);
        cmp_ok $loads[0], '>', 100, "6 of 8: $loads[0] of 200";
        cmp_ok $loads[$_], '>', 0, "1 of 8: $loads[$_]" for 1, 2;

        $_->close for @c;
        wait_for { sum0(loads($b)) == 0 } or die "still in flight\n";
        $b->mode('all', 'ok');
    };

    subtest "$METHODS{$method}: no request asks a peer twice" => sub {
        my (%tried, @twice);

        $b->mode($_, 'refuse') for 1, 2;
        my @got = turns($ng, $b, 60, sub ($i) { "${method}_tried?k=key$i" }, see => sub ($r) {
            my @at = split /, /, $r->{headers}{'x-tried'};
            my %at = map { $_ => 1 } @at;
            push @twice, "@at" if keys %at < @at;
            $tried{ scalar @at }++;
        });
        $b->mode('all', 'ok');

        is scalar(grep { $_ ne 3 } @got), 0, 'the one that works answers all';
        is_deeply \@twice, [], 'others were tried once each';
        is join(' ', grep { $_ > 3 } keys %tried), '', 'in up to three attempts';
        cmp_ok $tried{3} // 0, '>', 0, 'where it was not asked first';
    };

    subtest "$METHODS{$method}: who is out" => sub {
        my $name = "${method}_out";

        open_up($name, 2);
        $b->reset_counters;
        my @got = ask($name, 90);
        is $b->requests(2), 0, 'is not asked';
        is $got[0] + $got[2], 90, 'the others serve';

        # which of two peers is faster, here chance decides
        cmp_ok $got[$_], '>', 10, "peer $_: $got[$_]" for $method eq 'ewma' ? () : (0, 2);

        open_up($name, 3);
        is_deeply [ask($name, 30)], [30, 0, 0], 'the last that is in serves all';
        open_up($name, 1);
        is_deeply [turns($ng, $b, 3, "$name?k=1")], [('status 503') x 3], 'then nobody';
    };

    subtest "$METHODS{$method}: backups" => sub {
        my $name = "${method}_backup";

        is((ask($name, 60))[2], 0, 'are not asked');
        open_up($name, 1);
        is_deeply [ask($name, 30)], [0, 30, 0], 'while a primary is in';
        open_up($name, 2);
        is_deeply [ask($name, 30)], [0, 0, 30], 'and then they are';
    };

    subtest "$METHODS{$method}: who comes back" => sub {
        my $name = "${method}_ramp";

        open_up($name, 1);
        ok wait_for { ask($name, 4); state_of($name, 1) eq 'closed' }, 'it is in again';

        # A tenth of its half is 20 of 400.
        my @got = ask($name, 400);
        cmp_ok $got[0], '<', 80, "gets a part of its share: $got[0] of 400";
        # To ewma what failed is slow, for longer than this test goes on.
        cmp_ok $got[0], '>', 0, 'but some' if $method ne 'ewma';
        is $got[0] + $got[1], 400, 'all are answered';
    };
}

is status($ng)->{faults}, 0, 'without a fault';

done_testing;
