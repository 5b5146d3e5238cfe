#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Least connections when processes come and go: what a killed worker had in flight counts no more,
# what an old worker still has after a reload counts as ever.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(min sum0);

use Kerberos::Test;
use Kerberos::Test::Balance;

my $b = backend(4);

sub conf (@servers) {
    return join "\n", 'upstream u {', (map {"    server %%BACKEND_$_%%;"} @servers),
        "    kerberos_balance least_conn;\n    kerberos_breaker off;\n}\n",
        by_name('location = /status { kerberos_status; }');
}

my $ng = nginx(backend => $b, http => conf(1 .. 3));

$b->mode('all', 'hang', path => '/hold');

# What our status says of the peers, in the order of the backend; those that it does not know: 0.

sub counted () {
    my $status = status($ng);

    return map { (peer($status, 'u', $b->address($_)) // {})->{in_flight} // 0 } 1 .. 4;
}

# Each of so many goes to one of these peers that has the fewest.

sub fills ($count, $peers, $held, $what) {
    my @wrong;

    for (1 .. $count) {
        my @before = loads($b);
        my ($one)  = hold($ng, $b, 1, 'u');
        my $least  = min map { $before[$_ - 1] } @$peers;

        push @$held, $one;
        push @wrong, ($one->{peer} // 'nobody') . " of @before"
            if !$one->{peer} || $before[$one->{peer} - 1] != $least;
    }

    return is_deeply \@wrong, [], $what;
}


subtest 'a worker that is killed' => sub {
    my @held;

    fills(12, [1 .. 3], \@held, 'twelve requests');

    # Nobody knows which worker has which, so that the peers are no longer equal.
    for my $worker ($ng->workers) {
        $ng->kill_worker($worker);

        ok wait_for { join(' ', loads($b)) eq join(' ', counted()) }, 'what it had is gone'
            or diag join ' ', 'backend', loads($b), 'status', counted();
        fills(7, [1 .. 3], \@held, 'new ones go where the truth is');
    }

    $_->{client}->close for @held;
    ok wait_for { sum0(loads($b)) == 0 && sum0(counted()) == 0 }, 'in the end nothing is in flight';
    is_deeply [shares($ng, $b, 30, 'u')], [10, 10, 10, 0], 'and all take turns';
};

subtest 'many at once, and a worker is killed' => sub {
    my @clients = map { http_connect($ng->port)->ask('GET', '/hold/u') } 1 .. 45;

    wait_for { sum0(loads($b)) == 45 } or die "not all arrive\n";
    $ng->kill_worker(($ng->workers)[0]);
    ok wait_for { join(' ', loads($b)) eq join(' ', counted()) }, 'its share is gone';

    my @left = loads($b);
    my @held;

    fills(9, [1 .. 3], \@held, "new ones go where the truth is: @left");
    $_->close for @clients, map { $_->{client} } @held;
    ok wait_for { sum0(loads($b)) == 0 && sum0(counted()) == 0 }, 'nothing is in flight';
};

subtest 'old workers that end what they have' => sub {
    my @old;

    fills(12, [1 .. 3], \@old, 'twelve requests');
    release($b, grep { $_->{peer} != 3 } @old);
    is_deeply [loads($b)], [0, 0, 4, 0], 'four are left, at one peer';

    ok $ng->configure(http => conf(3, 1, 4, 2))->reload(wait => 'new'),
        'reloaded: another order, and one more peer';
    is_deeply [counted()], [0, 0, 4, 0], 'they are in flight';

    my @new;
    fills(12, [1 .. 4], \@new, 'and count for the new workers');
    is_deeply [loads($b)], [4, 4, 4, 4], 'until all have as many';
    is scalar(grep { $_->{peer} == 3 } @new), 0, 'though they have none there';

    release($b, grep { $_->{peer} == 3 } @old);
    fills(4, [1 .. 4], \@new, 'as they end');
    is_deeply [loads($b)], [4, 4, 4, 4], 'others come in their place';

    $_->{client}->close for @new;
    ok wait_for { sum0(loads($b)) == 0 && sum0(counted()) == 0 }, 'nothing is in flight';
};

subtest 'old workers that are killed' => sub {
    my @held;

    fills(12, [1 .. 4], \@held, 'twelve requests');
    release($b, grep { $_->{peer} > 2 } @held);
    is_deeply [loads($b)], [3, 3, 0, 0], 'six are left, at two peers';

    my @old = $ng->workers;

    ok $ng->reload(wait => 'new'), 'reloaded';

    my @new;
    fills(6, [1 .. 4], \@new, 'new ones fill up');
    is_deeply [loads($b)], [3, 3, 3, 3], 'to three each';

    # Nobody starts another in the place of one that was leaving.
    kill KILL => @old;
    $ng->allow(qr/worker process \d+ exited on signal 9/);
    ok wait_for { join(' ', counted()) eq '0 0 3 3' }, 'what they had is gone';
    is_deeply [loads($b)], [0, 0, 3, 3], 'by the backend, too';

    fills(6, [1 .. 4], \@new, 'and others come in its place');
    $_->{client}->close for @held, @new;
    ok wait_for { sum0(loads($b)) == 0 && sum0(counted()) == 0 }, 'nothing is in flight';
};

subtest 'a peer that is taken out at a reload, and put back, with requests' => sub {
    my @held;

    fills(8, [1 .. 4], \@held, 'eight requests');
    release($b, grep { $_->{peer} != 2 && $_->{peer} != 4 } @held);
    is_deeply [loads($b)], [0, 2, 0, 2], 'two at each of two peers';

    ok $ng->configure(http => conf(1, 3, 4))->reload(wait => 'new'), 'one of those is taken out';

    my @new;
    fills(4, [1, 3, 4], \@new, 'the others fill up');
    is_deeply [loads($b)], [2, 2, 2, 2], 'to two each';

    ok $ng->configure(http => conf(1 .. 4))->reload(wait => 'new'), 'it is put back';
    fills(8, [1 .. 4], \@new, 'with what it still has');
    is_deeply [loads($b)], [4, 4, 4, 4], 'all have as many';

    $_->{client}->close for @held, @new;
    ok wait_for { sum0(loads($b)) == 0 && sum0(counted()) == 0 }, 'nothing is in flight';
    is status($ng)->{faults}, 0, 'without a fault';
};

done_testing;
