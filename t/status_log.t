#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# The log: exactly one line for each transition, in the format that people search for, whatever
# four workers do at the same time.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b  = backend(3);
my $ng = nginx(backend => $b, workers => 4, http => <<'EOF');
    upstream u {
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        server %%BACKEND_3%%;
        kerberos_breaker threshold=2 timeout=150ms probes=2 successes=2;
    }
    upstream slow { server %%BACKEND_1%%; kerberos_breaker threshold=3 timeout=200ms; }
    server {
        listen 127.0.0.1:%%PORT%%;
        proxy_read_timeout 300ms;
        location = /status { kerberos_status; }
        location ~ ^/(?<name>\w+)$ { proxy_pass http://$name; }
    }
EOF

sub trips ($service, $n) { peer(status($ng), $service, $b->address($n))->{breaker}{trips} }


subtest 'the format, to the letter, for every cause' => sub {
    my %cause = (
        refuse    => 'connect refused',
        hang      => 'response timeout',
        close     => 'closed before response header',
        reset     => 'reset before response header',
        badheader => 'invalid response header',
        truncate  => 'truncated body',
        stall     => 'body timeout',
        status    => 'status 503',
    );
    my $peer = $b->address(1);
    my $line = sub ($level, $to, $why) {
        qr{^[\d/]+ [\d:]+ \[$level\] \d+#\d+: circuit $to service "slow" peer \Q$peer\E: $why$};
    };

    for my $how (sort keys %cause) {
        $ng->mark_log;
        $b->mode(1, $how);
        http_parallel(3, $ng->port, '/slow');
        wait_for { peer(status($ng), 'slow', $peer)->{breaker}{state} eq 'open' };
        $b->mode(1, 'ok');
        wait_for { http_get($ng->port, '/slow')->{status} == 200 };
        my @lines = $ng->wait_for_log(qr/circuit/, 3);

        like $lines[0], $line->('warn', 'OPEN',
            qr{3 consecutive failures \(last: $cause{$how}\), probe in 0\.2s}), $how;
        like $lines[1], $line->('notice', 'HALF_OPEN', qr{timeout passed}), 'half open';
        like $lines[2], $line->('notice', 'CLOSED', qr{recovered after \d+\.\ds}), 'closed';
        is @lines, 3, 'no more';
    }
};


subtest 'one line each, under load' => sub {
    $ng->mark_log;

    my @bad   = qw(close refuse reset status);
    my $until = now() + 2.5;
    my $round = 0;
    my %got;

    # The peers fall ill and recover one after the other, so that two or three are out at times.
    while (now() < $until) {
        for my $n (1 .. 3) {
            my $phase = int(($round + 3 * $n) / 6);
            $b->mode($n, $phase % 2 ? $bad[($phase / 2 + $n) % @bad] : 'ok');
        }
        $got{ $_->{status} }++ for http_parallel(48, $ng->port, '/u');
        $round++;
    }

    $b->mode('all', 'ok');
    ok wait_for {
        http_get($ng->port, '/u');
        !grep { $_->{breaker}{state} ne 'closed' } service(status($ng), 'u')->{peers}->@*;
    }, 'all recover';
    note "$round rounds, ", join ', ', map {"$got{$_} x $_"} sort keys %got;

    for my $n (1 .. 3) {
        my @lines  = $ng->log_lines(qr/circuit \w+ service "u" peer \Q${\ $b->address($n)}\E: /);
        my $trips  = trips('u', $n);
        my %count  = map { my $to = $_; $to => scalar grep {/circuit $to /} @lines }
            qw(OPEN HALF_OPEN CLOSED);
        my $failed = grep {/circuit OPEN .*: probe failed/} @lines;

        cmp_ok $trips, '>=', 2, "peer $n opened $trips times";
        is $count{OPEN}, $trips, 'one line for each';
        is $count{HALF_OPEN}, $count{OPEN}, 'each time it was probed in the end';
        is $count{CLOSED} + $failed, $count{HALF_OPEN}, 'and each probe had one result';
        is scalar(grep { !/\[warn\] .*circuit OPEN|\[notice\] .*circuit (?:HALF_OPEN|CLOSED)/ } @lines),
            0, 'each of its level';
    }
};

done_testing;
