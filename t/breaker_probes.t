#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Half open: exactly `probes` probes at once over all workers together, and a place for the next
# as soon as one has ended, in whatever way.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;

use Kerberos::Test;

my $b = backend(6);

my $ng = nginx(backend => $b, workers => 4, http => <<'EOF');
    kerberos_breaker threshold=1 timeout=300ms jitter=0% probe_timeout=1m;

    upstream one   { server %%BACKEND_1%%; kerberos_balance round_robin; }
    upstream three { server %%BACKEND_2%%; kerberos_breaker probes=3 successes=1000; }
    upstream pair {
        server %%BACKEND_3%%;
        server %%BACKEND_4%%;
        kerberos_balance round_robin;
    }
    upstream short { server %%BACKEND_5%%; kerberos_breaker probe_timeout=400ms; }

    server {
        listen 127.0.0.1:%%PORT%%;

        # Nothing but the breaker's own deadline ends a probe here.
        proxy_read_timeout 1m;
        proxy_buffering    off;
        proxy_http_version 1.1;
        proxy_set_header   Upgrade $http_upgrade;
        proxy_set_header   Connection $http_connection;

        location = /status { kerberos_status; }
        location ~ ^/(?<name>\w+) { proxy_pass http://$name/ws; }
    }
EOF

sub breaker ($service, $n) { return peer(status($ng), $service, $b->address($n))->{breaker} }

sub get ($service, %arg) { return http_get($ng->port, "/$service", %arg) }


# Opens the breaker of a peer, and returns when its time has passed.

sub trip ($service, $n) {
    $b->mode($n, 'close');
    wait_for { get($service); breaker($service, $n)->{state} eq 'open' } or die "does not open\n";
    $b->mode($n, 'ok');

    # The status shows what is left of the time, so that no request need find out.
    wait_for { breaker($service, $n)->{retry_in} == 0 } or die "does not end\n";

    return;
}


# So many clients at once, of which $probes are to hang at the peer while all others are answered:
# their connections, and the statuses of the others.

sub rush ($service, $n, $clients, $probes) {
    my @all = map { http_connect($ng->port)->ask('GET', "/$service") } 1 .. $clients;
    my (@hang, @statuses);

    # All are answered but those that hang: read until only they are left.
    wait_for {
        my @left;

        for my $c (@all) {
            my $r = IO::Select->new($c->{socket})->can_read(0) && $c->response;
            $r ? push @statuses, $r->{status} : push @left, $c;
        }

        @all = @hang = @left;
        @left <= $probes;
    };

    return (\@hang, \@statuses);
}


subtest 'one probe, 64 clients, four workers' => sub {
    is scalar(@{ [$ng->workers] }), 4, 'workers';

    for my $round (1 .. 3) {
        trip('one', 1);
        $b->mode(1, 'hang');
        $b->reset_counters;

        my ($hang, $statuses) = rush('one', 1, 64, 1);

        is scalar(@$hang), 1, "round $round: one hangs";
        is_deeply $statuses, [(503) x 63], 'all others are told to come again';
        is $b->counters(1)->{in_flight}, 1, 'the backend, too, has one';
        is $b->requests(1), 1, 'and has had no more';
        is breaker('one', 1)->{probes_in_flight}, 1, 'the status says so';

        $b->mode(1, 'ok');
        is get('one')->{status}, 503, 'and nobody else gets in, however healthy the peer is now';
        $_->close for @$hang;
        ok wait_for { get('one')->{status} == 200 }, 'until it has gone, and its place is free';
    }
};

subtest 'three probes, 64 clients, four workers' => sub {
    trip('three', 2);
    $b->mode(2, 'hang');
    $b->reset_counters;

    my ($hang, $statuses) = rush('three', 2, 64, 3);

    is scalar(@$hang), 3, 'three hang';
    is_deeply $statuses, [(503) x 61], 'all others are told to come again';
    is $b->counters(2)->{in_flight}, 3, 'the backend has three';
    is $b->requests(2), 3, 'and has had no more';
    is breaker('three', 2)->{probes_in_flight}, 3, 'the status says so';

    my $one = shift @$hang;
    $one->close;
    ok wait_for { breaker('three', 2)->{probes_in_flight} == 2 }, 'a client leaves';

    my ($more) = rush('three', 2, 16, 3 - 2);
    is scalar(@$more), 1, 'one place is free, no more';
    is $b->requests(2), 4, 'the backend agrees';
    $_->close for @$hang, @$more;
};

subtest 'never more, while probes come and go' => sub {
    # The backend takes a moment to see that a client has left.
    wait_for { $b->counters(2)->{in_flight} == 0 } or die "still busy\n";
    is breaker('three', 2)->{state}, 'half_open', 'still half open';
    $b->mode(2, 'delay', delay => 0.05);

    my ($most, $ok) = (0, 0);
    my $reader = http_connect($b->control, timeout => 20);

    for my $round (1 .. 4) {
        my @all = map { http_connect($ng->port)->ask('GET', '/three') } 1 .. 64;

        wait_for {
            my $seen = decode_json($reader->get('/peers/' . $b->address(2))->{body})->{in_flight};

            $most = $seen if $seen > $most;
            @all = grep {
                my $r = IO::Select->new($_->{socket})->can_read(0) && $_->response;
                $ok++ if $r && $r->{status} == 200;
                !$r;
            } @all;
            !@all;
        } or die "no answer\n";
    }

    cmp_ok $most, '<=', 3, 'three at most';
    cmp_ok $ok, '>=', 3, "and $ok got through";
};

subtest 'who is not a probe goes to the other peer' => sub {
    $b->mode(3, 'close');
    wait_for { get('pair'); breaker('pair', 3)->{state} eq 'open' };
    wait_for { breaker('pair', 3)->{retry_in} == 0 };
    $b->mode(3, 'hang');
    $b->reset_counters;

    my ($hang, $statuses) = rush('pair', 3, 64, 1);

    is scalar(@$hang), 1, 'one hangs';
    is_deeply $statuses, [(200) x 63], 'nobody else notices';
    is_deeply [map { $b->requests($_) } 3, 4], [1, 63], 'the other peer served them';
    $_->close for @$hang;
};

subtest 'a client that leaves gives its probe back' => sub {
    trip('one', 1);
    $b->mode(1, 'hang');
    http_abort($ng->port, '/one', after => 0.05);
    ok wait_for { breaker('one', 1)->{probes_in_flight} == 0 }, 'given back';
    is breaker('one', 1)->{state}, 'half_open', 'without a verdict';
    $b->mode(1, 'ok');
    is get('one')->{status}, 200, 'the next is a probe at once';
    ok wait_for { breaker('one', 1)->{state} eq 'closed' }, 'and decides';
};

subtest 'a probe without an answer after probe_timeout has failed' => sub {
    trip('short', 5);
    $b->mode(5, 'hang');

    my $c = http_connect($ng->port)->ask('GET', '/short');

    wait_for { breaker('short', 5)->{probes_in_flight} == 1 };
    is get('short')->{status}, 503, 'not yet';
    ok wait_for { get('short'); breaker('short', 5)->{state} eq 'open' }, 'now';
    like +($ng->log_lines(qr/circuit OPEN service "short"/))[-1],
        qr/: probe failed \(last: probe timeout\), probe in 0\.3s/, 'logged as that';

    # What its late answer says decides nothing any more.
    my $trips = breaker('short', 5)->{trips};
    $c->close;
    wait_for { peer(status($ng), 'short', $b->address(5))->{in_flight} == 0 };
    is breaker('short', 5)->{trips}, $trips, 'once';
    $b->mode(5, 'ok');
    ok wait_for { get('short')->{status} == 200 }, 'and its place is free again';
};

subtest 'a response that goes on for longer is no failure' => sub {
    for my $kind ('stream', 'WebSocket') {
        trip('short', 5);
        $b->mode(5, 'stall') if $kind eq 'stream';

        my $opened = breaker('short', 5)->{trips};
        my $c      = http_connect($ng->port);

        $kind eq 'stream'
            ? $c->ask('GET', '/short')->read_bytes(20)
            : $c->send(join "\r\n", 'GET /short HTTP/1.1', 'Host: a', 'Upgrade: websocket',
                'Connection: Upgrade', 'Sec-WebSocket-Version: 13',
                'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', '', '')->read_bytes(20);

        is breaker('short', 5)->{probes_in_flight}, 1, "$kind: the probe goes on";
        $b->mode(5, 'ok');
        ok wait_for { get('short')->{status} == 200 }, 'past probe_timeout it is a success';
        ok wait_for { breaker('short', 5)->{state} eq 'closed' }, 'which closes the breaker';
        is breaker('short', 5)->{trips}, $opened, 'it never opened again';
        ok wait_for { peer(status($ng), 'short', $b->address(5))->{in_flight} == 1 },
            'and it still goes on';
        $c->close;
        wait_for { peer(status($ng), 'short', $b->address(5))->{in_flight} == 0 };
        is breaker('short', 5)->{state}, 'closed', 'its end decides nothing';
    }
};

done_testing;
