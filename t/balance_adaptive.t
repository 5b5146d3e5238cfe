#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# round_robin adaptive: strict turns while all are well, and for a peer that fails more or answers
# later than the others a smaller part of its share, but never less than a tenth.
#
# Averages reach back ten seconds and shares grow by a tenth a second, so this takes its time.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Balance;

# Peers 1 to 3 will have their troubles, 4 and 5 are well.

my $b = backend(7);

my %PEERS = (
    equal   => ['4', '5', '6'],
    heavy   => ['4%% weight=3', '5%% weight=2', '6'],
    fails   => ['1', '4', '5'],
    slow    => ['2', '4', '5'],
    errors  => ['3', '4', '5'],
    plain   => ['1', '4', '5'],
    uniform => ['1', '7'],          # all of its peers fail
);

# No breaker takes anybody out, and who fails is not stood in for.

my $blocks = join '', map {
    my $method  = $_ eq 'plain' ? 'round_robin' : 'round_robin adaptive';
    my @peers   = map {s/^\d\K$/%%/r} $PEERS{$_}->@*;
    my $servers = join '', map {"        server %%BACKEND_$_;\n"} @peers;

    "    upstream $_ {\n$servers        kerberos_balance $method;\n    }\n";
} sort keys %PEERS;

my $ng = nginx(backend => $b, http => <<'EOF' . $blocks . by_name(<<'EOL'));
    kerberos_breaker off;
    proxy_next_upstream off;
EOF
        location = /status { kerberos_status; }
EOL

# How many of so many requests each peer of a service is asked.

sub asked ($name, $count) {
    my @before = map { $_->{requests} } service(status($ng), $name)->{peers}->@*;

    turns($ng, $b, $count, $name);

    my @after = map { $_->{requests} } service(status($ng), $name)->{peers}->@*;

    return map { $after[$_] - $before[$_] } keys @after;
}

# Sends requests to these services until the first peer of each gets as few, or as many, as it
# should: each service in turn, so that they share their time.

sub until_first ($seconds, %condition) {
    my %last;

    my $done = wait_for {
        for my $name (sort keys %condition) {
            $last{$name} = [asked($name, 69)];
            delete $condition{$name} if $condition{$name}->($last{$name}[0]);
        }
        !%condition;
    } $seconds;

    note "$_: @{$last{$_}} of 69" for sort keys %last;

    return $done;
}


subtest 'all are well: strictly in turn' => sub {
    my $equal = sub ($count) {
        return join('', turns($ng, $b, $count, 'equal')) eq '456' x ($count / 3);
    };

    ok $equal->(90), 'one after another';
    like join('', turns($ng, $b, 36, 'heavy')), qr/^([456]{6})\g1{5}$/, 'weighted ones, too';
    is_deeply [asked('heavy', 36)], [18, 12, 6], 'by weight';

    $b->reset_counters;
    http_parallel(30, $ng->port, '/equal') for 1 .. 3;
    is_deeply [map { $b->requests($_) } 4 .. 6], [30, 30, 30], 'and many at once';

    # Whatever is thought of them is thought anew each second.
    my $until = now() + 2.5;
    my $wrong = 0;
    do { $wrong += !$equal->(30); pause(0.05) } while now() < $until;
    is $wrong, 0, 'all the time';
};

subtest 'who fails or is slow gets less' => sub {
    $b->mode(1, 'status', status => 500);
    $b->mode(7, 'status', status => 500);
    $b->mode(2, 'delay', delay => 0.03);
    $b->mode(3, 'status', status => 500, share => 0.5);

    ok until_first(60,
        fails  => sub ($n) { $n <= 5 },
        slow   => sub ($n) { $n <= 8 },
        errors => sub ($n) { $n <= 12 },
    ), 'than the 23 of 69 that would be its share';

    # A tenth of its turns is the least, give or take what dice give.
    my @got = asked('fails', 3000);
    cmp_ok $got[0], '<', 250, "one that always fails: $got[0] of 3000";
    ok near($_, 3000 - $got[0], 1 / 2), "the others have half each of the rest: $_" for @got[1, 2];
    cmp_ok $got[0], '>', 100 - 6 * sqrt(1000 * 0.1 * 0.9), 'and it has a tenth of its share';

    my @errors = asked('errors', 600);
    cmp_ok $errors[0], '>', 30, "one that fails half of the time keeps more: $errors[0] of 600";

    is_deeply [asked('plain', 90)], [30, 30, 30], 'without adaptive all keep their shares';
};

subtest 'where all fail alike, nobody gets less' => sub {
    turns($ng, $b, 60, 'uniform');
    pause(1.1);    # once a second shares are thought over
    turns($ng, $b, 60, 'uniform');

    is_deeply [asked('uniform', 400)], [200, 200], 'strictly in turn';
};

subtest 'who is well again comes back slowly' => sub {
    $b->mode('all', 'ok');

    my @soon = asked('fails', 30);
    cmp_ok $soon[0], '<', 10, "$soon[0] of the next 30";

    my $began = now();
    ok until_first(90, map { $_ => sub ($n) { $n >= 22 } } qw(fails slow errors)), 'to its share';
    cmp_ok now() - $began, '>', 5, 'but not soon';

    ok +(wait_for { join('', turns($ng, $b, 30, 'fails')) =~ /^(...)\g1{9}$/ } 20),
        'strictly in turn';
};

subtest 'the status' => sub {
    like service(status($ng), 'equal')->{balance}, qr/^round_robin\b/, 'names the method';
    is status($ng)->{faults}, 0, 'and no fault';
};

done_testing;
