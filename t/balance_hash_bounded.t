#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# hash KEY bounded=125%: a key that everybody wants does not put more than 125 % of what a peer has
# on average on its own peer; what is too much for it goes to others, and only that.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(sum0);
use POSIX qw(ceil);

use Kerberos::Test;
use Kerberos::Test::Balance;

my $b = backend(5);

my %WEIGHTS = (
    five     => [1, 1, 1, 1, 1],
    tight    => [1, 1, 1, 1, 1],
    wide     => [1, 1, 1, 1, 1],
    twice    => [1, 1, 1, 1, 1],
    weighted => [4, 1, 1, 2, 2],
    free     => [1, 1, 1, 1, 1],
    rush     => [1, 1, 1, 1, 1],
);
my %BOUND = (tight => 100, wide => 1000, twice => 200);

my $blocks = join '', map {
    my ($name, $n) = ($_, 0);
    my $bound   = $name eq 'free' ? '' : sprintf 'bounded=%d%%', $BOUND{$name} // 125;
    my $servers = join '', map { sprintf "server %%%%BACKEND_%d%%%% weight=%d;\n", ++$n, $_ }
        $WEIGHTS{$name}->@*;

    "upstream $name {\n${servers}kerberos_balance hash \$arg_k $bound;\n}\n";
} sort keys %WEIGHTS;

my $ng = nginx(backend => $b, http => "kerberos_breaker off;\n" . $blocks .
    by_name('location = /status { kerberos_status; }'));

$b->mode('all', 'hang', path => '/hold');

sub hot ($name, $count) { return hold($ng, $b, $count, "$name?k=hot") }

# What a peer may have of so many requests.

sub limit ($name, $peer, $total) {
    my $share = $WEIGHTS{$name}[$peer] / sum0($WEIGHTS{$name}->@*);

    return ceil(($BOUND{$name} // 125) / 100 * $total * $share - 1e-9);
}

sub owner ($name, $key) { return (turns($ng, $b, 1, "$name?k=$key"))[0] }


for my $name (qw(five tight twice weighted)) {
    subtest "$name: one key, one request after another" => sub {
        my $own = owner($name, 'hot');
        my (@held, @wrong, @idle);

        for my $total (1 .. 40) {
            my @before = loads($b);
            my ($one)  = hot($name, 1);
            my @loads  = loads($b);

            push @held, $one;
            for my $p (0 .. 4) {
                push @wrong, "peer $p: @loads" if $loads[$p] > limit($name, $p, $total);
            }
            push @idle, "$one->{peer}: @loads"
                if $one->{peer} != $own && $before[$own - 1] < limit($name, $own - 1, $total);
        }

        is_deeply \@wrong, [], 'nobody has more than the bound: ' . join ' ', loads($b);
        is_deeply \@idle,  [], 'nobody else is asked while its own peer has room';
        is((loads($b))[$own - 1], limit($name, $own - 1, 40), 'which has as much as it may');
        release($b, @held);
        is owner($name, 'hot'), $own, 'and all again, when nothing is in flight';
        $b->reset_counters;
    };
}

subtest 'other keys go where they belong while there is room' => sub {
    my %own  = map { $_ => owner('five', $_) } map {"key$_"} 1 .. 20;
    my @held = hot('five', 20);
    my @loads = loads($b);
    my @moved;

    for my $key (sort keys %own) {
        my $at = owner('five', $key);
        push @moved, $key
            if $at != $own{$key} && $loads[$own{$key} - 1] < limit('five', $own{$key} - 1, 21);
    }

    is_deeply \@moved, [], "in flight: @loads";
    release($b, @held);
    is_deeply { map { $_ => owner('five', $_) } keys %own }, \%own, 'and all do in the end';
    $b->reset_counters;
};

subtest 'without a bound, and with a wide one' => sub {
    for my $name ('free', 'wide') {
        my $own  = owner($name, 'hot');
        my @held = hot($name, 25);

        is_deeply [grep { $_->{peer} != $own } @held], [], "$name: all at one peer";
        release($b, @held);
        $b->reset_counters;
    }
};

subtest 'many at once' => sub {
    my @c = map { http_connect($ng->port)->ask('GET', '/hold/rush?k=hot') } 1 .. 80;

    ok +(wait_for { sum0(loads($b)) == 80 }), 'eighty of one key';
    my @loads = loads($b);
    is scalar(grep { $_ > limit('rush', 0, 80) } @loads), 0, "none above the bound: @loads";

    $_->close for @c;
    ok +(wait_for { sum0(loads($b)) == 0 }), 'all are gone';
    is status($ng)->{faults}, 0, 'without a fault';
};

done_testing;
