#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# hash KEY: one key comes to one peer, whichever worker and whichever gateway has it, and many keys
# come to all peers by their weight.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Balance;

my $b = backend(6);

sub upstream ($name, $method, @servers) {
    my $lines = join '', map {"        server %%BACKEND_$_;\n"} @servers;

    return "    upstream $name {\n$lines        kerberos_balance $method;\n    }\n";
}

sub gateway (@order) {
    my @peers = map {"$_%%"} @order;

    return nginx(backend => $b, http => join('', "    kerberos_breaker off;\n",
        upstream('keys',     'hash $arg_k',                @peers),
        upstream('cookie',   'hash $cookie_user',          @peers),
        upstream('client',   'hash $proxy_add_x_forwarded_for', @peers),
        upstream('text',     'hash "$host/$arg_a:$arg_b"', @peers),
        upstream('fixed',    'hash always',                @peers),
        upstream('weighted', 'hash $arg_k',                '1%% weight=3', '2%%'),
        upstream('fails',    'hash $arg_k',                '1%%', '2%%', '3%%'),
    ) . by_name('location = /status { kerberos_status; }'));
}

my $ng    = gateway(1 .. 6);
my $other = gateway(4, 2, 6, 1, 5, 3);

# Which peer has which of so many keys.

sub owners ($who, $name, $count, %arg) {
    return turns($who, $b, $count, sub ($i) { "$name?k=key$i" }, %arg);
}


subtest 'one key, one peer' => sub {
    my %workers;
    my @first = owners($ng, 'keys', 60);

    # Each key has been at each worker, or nearly.
    my $see = sub ($r) { $workers{ $r->{headers}{'x-worker'} }++ };
    ok wait_for {
        my @again = owners($ng, 'keys', 60, see => $see);
        die "moved: @first\n    to: @again\n" if "@again" ne "@first";
        keys %workers == $ng->workers && !grep { $_ < 300 } values %workers;
    }, 'whichever worker has it';

    is join(' ', owners($other, 'keys', 60)), "@first",
        'in another gateway, with peers in another order';
    is join(' ', owners($ng, 'weighted', 60)), join(' ', owners($other, 'weighted', 60)),
        'with weights';

    my @r = http_parallel(40, $ng->port, '/keys?k=one');
    my %by = map { $_->{headers}{'x-backend'} => 1 } @r;
    is scalar(keys %by), 1, 'many at once';

    my %fixed = map { $_ => 1 } turns($ng, $b, 30, 'fixed');
    is scalar(keys %fixed), 1, 'a key without variables is one key';
};

subtest 'after a reload and after a restart' => sub {
    my @first = owners($ng, 'keys', 60);

    ok $ng->reload, 'reloaded';
    is join(' ', owners($ng, 'keys', 60)), "@first", 'as before';
    $ng->stop;
    $ng->start;
    is join(' ', owners($ng, 'keys', 60)), "@first", 'restarted: as before';
};

subtest 'many keys are spread' => sub {
    my @got = shares($ng, $b, 3000, sub ($i) { "keys?k=key$i" });
    cmp_ok abs($got[$_] - 500), '<', 200, "$got[$_] of 3000 to one of six" for 0 .. 5;

    my @weighted = shares($ng, $b, 2000, sub ($i) { "weighted?k=key$i" });
    cmp_ok abs($weighted[0] - 1500), '<', 250, "$weighted[0] of 2000 to a weight of 3 in 4";

    my @alike = shares($ng, $b, 3000, sub ($i) { 'keys?k=' . 'x' x 40 . $i });
    cmp_ok abs($alike[$_] - 500), '<', 200, "long keys that are much alike: $alike[$_]" for 0 .. 5;
};

subtest 'a cookie' => sub {
    my %peer;

    for my $round (1 .. 3) {
        for my $user (map {"user$_"} 1 .. 20) {
            my ($at) = turns($ng, $b, 1, 'cookie', headers => { Cookie => "a=b; user=$user; c=d" });
            $peer{$user}{$at} = 1;
        }
    }

    is_deeply [grep { keys $peer{$_}->%* != 1 } sort keys %peer], [], 'keeps its user at one peer';
    cmp_ok scalar(keys %{ { map { %$_ } values %peer } }), '>', 2, 'users are at several';
};

subtest 'the client and its proxies' => sub {
    my %by;

    for my $client (1 .. 20) {
        my @headers = (headers => ['X-Forwarded-For' => "192.0.2.$client"]);

        $by{$client}{ http_get($ng->port, '/client', @headers)->{headers}{'x-backend'} } = 1 for 1 .. 5;
    }
    is scalar(grep { keys %$_ > 1 } values %by), 0, 'each client has its peer';
    my %all = map { %$_ } values %by;
    cmp_ok scalar(keys %all), '>', 2, 'and they are spread';
};

subtest 'without a key, as by random' => sub {
    for my $cookie (undef, 'user=', 'other=x') {
        my @headers = defined $cookie ? (headers => { Cookie => $cookie }) : ();
        my @got     = shares($ng, $b, 600, 'cookie', @headers);
        my $what    = $cookie // 'no cookie';

        ok near($got[$_], 600, 1 / 6), "$what: $got[$_] of 600 to one of six" for 0 .. 5;
    }

    $b->mode('all', 'hang', path => '/hold');
    my @held = hold($ng, $b, 30, 'cookie');
    release($b, grep { $_->{peer} != 1 } @held);

    my ($loaded) = shares($ng, $b, 600, 'cookie');
    cmp_ok $loaded, '<', 60, "a loaded one gets less: $loaded of 600";
    release($b, grep { $_->{peer} == 1 } @held);
    $b->mode('all', 'ok');
};

subtest 'a key of several parts' => sub {
    my $at = sub ($path, @host) {
        my @headers = @host ? (headers => { Host => @host }) : ();
        return join ' ', turns($ng, $b, 1, "text?$path", @headers);
    };
    my %hosts = map { $at->('a=1&b=2', "host$_") => 1 } 1 .. 30;
    my %parts = map { $at->("a=$_&b=2") => 1 } 1 .. 30;

    is $at->('a=1&b=2&c=3'), $at->('b=2&a=1'), 'what is not part of it is of no matter';
    cmp_ok scalar(keys %hosts), '>', 2, 'each part of it';
    cmp_ok scalar(keys %parts), '>', 2, 'is';
};

subtest 'who fails is stood in for' => sub {
    my @first = owners($ng, 'fails', 40);
    my $tried = 0;
    my $see   = sub ($r) { $tried += $r->{headers}{'x-tried'} =~ /,/ };

    $b->mode(2, 'refuse');
    my @now = owners($ng, 'fails', 40, see => $see);
    $b->mode(2, 'ok');

    my @his    = grep { $first[$_] eq 2 } 0 .. 39;
    my @others = grep { $first[$_] ne 2 } 0 .. 39;

    is $tried, @his, 'keys of his are tried there first';
    is_deeply [grep { $now[$_] !~ /^[13]$/ } @his], [], 'and answered by others';
    is_deeply [grep { $now[$_] ne $first[$_] } @others], [], 'those of others do not move';
    is join(' ', owners($ng, 'fails', 40)), "@first", 'and his come back';
};

subtest 'the status' => sub {
    like service(status($ng), 'keys')->{balance}, qr/^hash\b/, 'names the method';
    is status($ng)->{faults} + status($other)->{faults}, 0, 'and no fault';
};

done_testing;
