#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Least connections: each request goes to a peer that has the fewest in flight for its weight, over
# all workers together; who has equally few takes turns. All of it as nginx does, which is asked
# the same.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(sum0);

use Kerberos::Test;
use Kerberos::Test::Balance;

my $b = backend(4);

my %WEIGHTS = (
    equal => [1, 1, 1, 1],
    mixed => [3, 2, 1, 1],
    heavy => [5, 1, 1, 2],
    rush  => [1, 1, 1, 1],
    steep => [4, 1, 2, 1],

    # Where nothing was ever in flight: an order that loads have disturbed stays so.
    fresh => [5, 1, 1, 2],
    other => [3, 1, 7, 3],
);

# The upstream blocks, balanced by the directives of whoever is asked.

sub upstreams ($method) {
    return join '', map {
        my ($name, $n) = ($_, 0);
        my @servers = map { sprintf '        server %%%%BACKEND_%d%%%% weight=%d;', ++$n, $_ }
            $WEIGHTS{$name}->@*;
        join "\n", "    upstream $name {", ($method =~ s/NAME/$name/r), @servers, "    }\n";
    } sort keys %WEIGHTS;
}

my $ng    = nginx(backend => $b, http => upstreams('kerberos_balance least_conn;') .
    by_name('location = /status { kerberos_status; }'));
my $stock = nginx(module => 0, backend => $b,
    http => upstreams('zone NAME 64k; least_conn;') . by_name);

$b->mode('all', 'hang', path => '/hold');


# Whether nobody else had fewer for its weight than the peer had.

sub had_least ($peer, $loads, $weights) {
    return !grep {
        $loads->[$_] * $weights->[$peer - 1] < $loads->[$peer - 1] * $weights->[$_]
    } keys @$loads;
}

# One request after another that stays: returns those that went wrong, and what is held now.

sub fill ($who, $name, $count, $held) {
    my @wrong;

    for (1 .. $count) {
        my @before = loads($b);
        my ($one)  = hold($who, $b, 1, $name);

        push @$held, $one;
        push @wrong, ($one->{peer} // 'nobody') . " of @before"
            if !$one->{peer} || !had_least($one->{peer}, \@before, $WEIGHTS{$name});
    }

    return \@wrong;
}

# Lets go of those of a peer, of every third, or of all.

sub drop ($held, $which) {
    my ($n, @go, @stay) = (0);

    push @{ $which->($_, $n++) ? \@go : \@stay }, $_ for @$held;
    release($b, @go);
    @$held = @stay;

    return;
}


for (['nginx itself', $stock], ['Kerberos', $ng]) {
    my ($called, $who) = @$_;

    subtest "$called: one after another, in turn by weight" => sub {
        is join('', turns($who, $b, 12, 'equal')), '1234' x 3, 'equal peers';

        for my $name ('mixed', 'heavy', 'steep') {
            my $round = sum0($WEIGHTS{$name}->@*);
            my @got   = shares($who, $b, 4 * $round, $name);

            is_deeply \@got, [map { 4 * $_ } $WEIGHTS{$name}->@*], "weights @{$WEIGHTS{$name}}";
        }
    };

    subtest "$called: the least loaded of all workers" => sub {
        for my $name ('equal', 'mixed', 'heavy') {
            my @held;

            is_deeply fill($who, $name, 15, \@held), [], "weights @{$WEIGHTS{$name}}: each of 15";
            drop(\@held, sub ($one, $n) { $one->{peer} == 1 });
            is_deeply fill($who, $name, 5, \@held), [], 'when those at peer 1 have left';
            drop(\@held, sub ($one, $n) { $n % 3 == 0 });
            is_deeply fill($who, $name, 8, \@held), [], 'and when some have left here and there';

            my $answered = 0;
            $answered += grep {/^\d$/} turns($who, $b, 8, $name);
            is $answered, 8, 'those that are answered at once';
            is_deeply fill($who, $name, 3, \@held), [], 'change nothing';
            drop(\@held, sub ($one, $n) { 1 });
        }
    };

    subtest "$called: many at once" => sub {
        for my $name ('rush', 'steep') {
            for my $round (1 .. 5) {
                my @clients = map { http_connect($who->port)->ask('GET', "/hold/$name") } 1 .. 37;

                ok +(wait_for { sum0(loads($b)) == 37 }), "$name: 37 requests";
                my @loads = loads($b);
                ok in_step(\@loads, $WEIGHTS{$name}), "@loads of @{$WEIGHTS{$name}}";

                $_->close for @clients;
                wait_for { sum0(loads($b)) == 0 } or die "still in flight\n";
            }
        }
    };
}

subtest 'the order of ties is that of nginx' => sub {
    for my $name ('fresh', 'other') {
        my $rounds = 4 * sum0($WEIGHTS{$name}->@*);

        is join('', turns($ng, $b, $rounds, $name)), join('', turns($stock, $b, $rounds, $name)),
            "weights @{$WEIGHTS{$name}}";
    }
};

subtest 'in the end nothing is in flight' => sub {
    ok wait_for {
        !grep { $_->{in_flight} } map { $_->{peers}->@* } status($ng)->{services}->@*;
    }, 'by the status';
    is status($ng)->{faults}, 0, 'without a fault';
    is service(status($ng), 'equal')->{balance}, 'least_conn', 'which names the method';
};

done_testing;
