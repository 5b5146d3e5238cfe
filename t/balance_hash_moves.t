#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# hash KEY when peers go and come: only the keys of the peer that goes move, they are spread over
# all that are left, and they come back with it.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Balance;

my $KEYS = 400;

my $b = backend(5);

sub conf ($servers, $breaker = 'threshold=1 timeout=150ms jitter=0%') {
    my $lines = join "\n", map {"        server %%BACKEND_$_;"} @$servers;

    return <<"EOF" . by_name('location = /status { kerberos_status; }');
    upstream keys {
$lines
        kerberos_balance hash \$arg_k;
        kerberos_breaker $breaker;
    }
    upstream backups {
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        server %%BACKEND_3%% backup;
        server %%BACKEND_4%% backup;
        server %%BACKEND_5%% backup;
        kerberos_balance hash \$arg_k;
        kerberos_breaker threshold=1 timeout=10m;
    }
EOF
}

my @four = map {"$_%%"} 1 .. 4;
my $ng   = nginx(backend => $b, http => conf(\@four));

sub reloaded (@conf) { return $ng->configure(http => conf(@conf))->reload }

sub owners ($name = 'keys') { return [turns($ng, $b, $KEYS, sub ($i) { "$name?k=key$i" })] }

sub breaker ($name, $n) { return peer(status($ng), $name, $b->address($n))->{breaker} }

# Only keys of that peer may be elsewhere, all of them, and at all the others by and by.

sub moved ($before, $after, $peer, @others) {
    my @keys = 0 .. $#$before;
    my %to   = map { $_ => 0 } @others;

    is_deeply [grep { $before->[$_] ne $peer && $before->[$_] ne $after->[$_] } @keys], [],
        'keys of others stay';
    $to{ $after->[$_] }++ for grep { $before->[$_] eq $peer } @keys;
    is_deeply [sort keys %to], [sort @others], "its keys go to the others"
        or diag explain \%to;

    my $own = grep { $_ eq $peer } @$before;
    cmp_ok $to{$_}, '>', 0.3 * $own / @others, "$to{$_} of $own to peer $_" for @others;

    return;
}

my $whole = owners();


subtest 'a breaker opens, and closes by itself' => sub {
    $b->mode(3, 'refuse');
    wait_for { owners(); breaker('keys', 3)->{state} eq 'open' } or die "stays in\n";
    $b->mode(3, 'ok');
    ok wait_for { owners(); breaker('keys', 3)->{state} eq 'closed' }, 'closed again';
    is_deeply owners(), $whole, 'all keys are where they were';
};

subtest 'breakers that are open for long' => sub {
    ok reloaded(\@four, 'threshold=1 timeout=10m'), 'for long';
    is_deeply owners(), $whole, 'no key has moved by that';

    $b->mode(2, 'refuse');
    wait_for { owners(); breaker('keys', 2)->{state} eq 'open' } or die "stays in\n";
    $b->mode(2, 'ok');
    moved($whole, owners(), 2, 1, 3, 4);

    $b->mode(4, 'refuse');
    wait_for { owners(); breaker('keys', 4)->{state} eq 'open' } or die "stays in\n";
    $b->mode(4, 'ok');
    my $without = owners();
    my @stay    = grep { $whole->[$_] =~ /[13]/ } 0 .. $KEYS - 1;
    is_deeply [grep { $whole->[$_] ne $without->[$_] } @stay], [],
        'another one: again, keys of others stay';

    ok reloaded(\@four, 'off'), 'the breakers are turned off';
    is_deeply owners(), $whole, 'all keys are back';
};

subtest 'a peer is taken out at a reload, and put back' => sub {
    ok reloaded([@four[0, 2, 3]], 'off'), 'taken out';
    moved($whole, owners(), 2, 1, 3, 4);

    ok reloaded([@four[2, 1, 0, 3]], 'off'), 'put back, in another order';
    is_deeply owners(), $whole, 'all keys are back';

    ok reloaded([@four[0 .. 2], '4%% down'], 'off'), 'one is marked down';
    moved($whole, owners(), 4, 1 .. 3);
};

subtest 'a peer is added' => sub {
    ok reloaded([@four, '5%%'], 'off'), 'a fifth';
    my $more = owners();

    is_deeply [grep { $more->[$_] ne 5 && $more->[$_] ne $whole->[$_] } 0 .. $KEYS - 1], [],
        'keys move to the new one only';
    my $moved = grep { $_ eq 5 } @$more;
    cmp_ok abs($moved - $KEYS / 5), '<', $KEYS / 10, "$moved of them";
};

subtest 'a weight is raised' => sub {
    ok reloaded(['1%%', '2%% weight=2', '3%%', '4%%'], 'off'), 'of one peer';
    my $heavy = owners();

    is_deeply [grep { $heavy->[$_] ne 2 && $heavy->[$_] ne $whole->[$_] } 0 .. $KEYS - 1], [],
        'keys move to it only';
    cmp_ok scalar(grep { $_ eq 2 } @$heavy), '>', scalar(grep { $_ eq 2 } @$whole), 'and some do';
};

subtest 'backups' => sub {
    my $first = owners('backups');
    is_deeply [grep {/[^12]/} @$first], [], 'have no keys';

    $b->mode(1, 'refuse');
    wait_for { owners('backups'); breaker('backups', 1)->{state} eq 'open' } or die "stays in\n";
    is_deeply [grep { $_ ne 2 } @{ owners('backups') }], [], 'nor when one primary is out';

    $b->mode(2, 'refuse');
    wait_for { owners('backups'); breaker('backups', 2)->{state} eq 'open' } or die "stays in\n";
    $b->mode($_, 'ok') for 1, 2;
    my $backups = owners('backups');
    my %seen    = map { $_ => 1 } @$backups;

    is_deeply [sort keys %seen], [3, 4, 5], 'all, when all primaries are out';
    is_deeply owners('backups'), $backups, 'each key at one of them';
    is status($ng)->{faults}, 0, 'without a fault';
};

done_testing;
