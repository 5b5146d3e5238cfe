#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Random: the less loaded of two that are drawn by weight. Nobody's turn can be foretold, everybody
# gets his share, and who has much in flight gets less. As nginx's "random two least_conn", which
# is asked the same.
#
# What is asserted of dice is true but once in some hundred million runs.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(sum0);

use Kerberos::Test;
use Kerberos::Test::Balance;

my $b = backend(4);

my %WEIGHTS = (
    equal    => [1, 1, 1, 1],
    weighted => [1, 4, 2, 1],
    laden    => [1, 4, 2, 1],
    loaded   => [1, 1, 1, 1],
);

sub upstreams ($method) {
    return join '', map {
        my ($name, $n) = ($_, 0);
        my @servers = map { sprintf '        server %%%%BACKEND_%d%%%% weight=%d;', ++$n, $_ }
            $WEIGHTS{$name}->@*;
        join "\n", "    upstream $name {", ($method =~ s/NAME/$name/r), @servers, "    }\n";
    } sort keys %WEIGHTS;
}

my $ng = nginx(backend => $b, http => upstreams('kerberos_balance random;') .
    by_name('location = /status { kerberos_status; }'));

# The oracle. Of two it always draws another as the second, so that weights are lost where nobody
# has anything in flight; its plain random keeps them.
my $stock = nginx(module => 0, backend => $b,
    http => upstreams('zone NAME 64k; random two least_conn;')
        =~ s/upstream weighted.*?random \Ktwo least_conn//sr . by_name);


for (['nginx itself', $stock], ['Kerberos', $ng]) {
    my ($called, $who) = @$_;

    subtest "$called: everybody's share" => sub {
        my $count = 2000;
        my (@turns, @seen);

        @turns = turns($who, $b, $count, 'equal');
        $seen[$_]++ for @turns;
        ok near($seen[$_] // 0, $count, 1 / 4), "peer $_ of four: $seen[$_] of $count" for 1 .. 4;

        # Of two that follow each other, a quarter are the same: in no order at all.
        my $again = grep { $turns[$_] == $turns[$_ - 1] } 1 .. $#turns;
        ok near($again, $count - 1, 1 / 4), "twice running: $again";

        my $two = grep { $turns[$_] == $turns[$_ - 2] } 2 .. $#turns;
        ok near($two, $count - 2, 1 / 4), "and the next but one: $two";
    };

    subtest "$called: who has much in flight" => sub {
        $b->mode('all', 'hang', path => '/hold');
        my ($one, $other) = ($who->workers)[0, -1];
        my @held = hold($who, $b, 24, 'loaded', worker => $one);
        release($b, grep { $_->{peer} != 1 } @held);

        my $load = sum0(loads($b));
        cmp_ok $load, '>', 0, "$load requests are held at one of four";

        my @got = shares($who, $b, 1000, 'loaded', worker => $other);
        cmp_ok $got[0], '<', 150, "of a thousand at another worker it gets $got[0]";
        ok near($_, 1000 - $got[0], 1 / 3), "another $_" for @got[1 .. 3];

        release($b, grep { $_->{peer} == 1 } @held);
        my ($free) = shares($who, $b, 1000, 'loaded');
        ok near($free, 1000, 1 / 4), "and when they have left, $free";
        $b->mode('all', 'ok');
    };

    subtest "$called: by weight" => sub {
        my $count = 2000;
        my @got   = shares($who, $b, $count, 'weighted');

        ok near($got[$_], $count, $WEIGHTS{weighted}[$_] / 8),
            "$got[$_] of $count for weight $WEIGHTS{weighted}[$_] of 8" for 0 .. 3;
    };

    subtest "$called: many at once are spread better than by chance" => sub {
        $b->mode('all', 'hang', path => '/hold');

        for my $name ('equal', 'equal', 'equal', 'laden') {
            my @clients = map { http_connect($who->port)->ask('GET', "/hold/$name") } 1 .. 300;

            wait_for { sum0(loads($b)) == 300 } or die "not all arrive\n";

            # By chance alone, all four are within these bounds in less than half of all cases.
            my @loads  = loads($b);
            my @shares = map { 300 * $_ / sum0($WEIGHTS{$name}->@*) } $WEIGHTS{$name}->@*;
            is scalar(grep { abs($loads[$_] - $shares[$_]) > 9 } 0 .. 3), 0, "$name: @loads";

            $_->close for @clients;
            wait_for { sum0(loads($b)) == 0 } or die "still in flight\n";
        }
        $b->mode('all', 'ok');
    };
}

subtest 'the status' => sub {
    is service(status($ng), 'equal')->{balance}, 'random', 'names the method';
    is status($ng)->{faults}, 0, 'and no fault';
};

done_testing;
