#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Shares of a window: a breaker opens when too many of its attempts failed, or were slow, among
# enough of them; and the window is one, however many workers count into it.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b = backend(8);

# threshold=0: no run of failures opens anything here.

my $ng = nginx(backend => $b, http => <<'EOF');
    kerberos_breaker threshold=0 window=1m timeout=1m jitter=0%;

    # Since 1.29.7 nginx keeps connections by default; one that closes without a word is then stale.
    proxy_http_version 1.0;
    upstream few   { server %%BACKEND_1%%; kerberos_breaker failure_rate=50% min_requests=10; }
    upstream share { server %%BACKEND_2%%; kerberos_breaker failure_rate=50% min_requests=10; }
    upstream brief {
        server %%BACKEND_3%%;
        kerberos_breaker failure_rate=100% min_requests=1000 window=200ms;
    }
    upstream slow  { server %%BACKEND_4%%; kerberos_breaker slow=400ms slow_rate=75% min_requests=4; }
    upstream begun { server %%BACKEND_5%%; kerberos_breaker slow=200ms min_requests=1000; }
    upstream late  { server %%BACKEND_6%%; kerberos_breaker slow=200ms min_requests=4; }
    upstream early { server %%BACKEND_6%%; kerberos_breaker slow=10m min_requests=1; }
    upstream one   { server %%BACKEND_7%%; kerberos_breaker failure_rate=100% min_requests=100000; }
    upstream once  { server %%BACKEND_8%%; kerberos_breaker failure_rate=100% min_requests=40; }

    server {
        listen 127.0.0.1:%%PORT%%;

        proxy_http_version 1.1;
        proxy_buffering    off;
        proxy_set_header   Upgrade $http_upgrade;
        proxy_set_header   Connection $http_connection;
        add_header         X-Worker $pid always;

        location = /status { kerberos_status; }
        location ~ ^/patient/(?<name>\w+) { proxy_pass http://$name; }
        location ~ ^/(?<name>\w+) {
            proxy_read_timeout 600ms;
            proxy_pass         http://$name/ws;
        }
    }
EOF

sub at ($service, $n)      { return peer(status($ng), $service, $b->address($n)) }
sub breaker ($service, $n) { return at($service, $n)->{breaker} }

# Attempts, failures, slow ones.
sub window ($service, $n) { return [breaker($service, $n)->{window}->@{qw(attempts failures slow)}] }

# Returns when all have been judged: nginx closes a connection when it has let go of the peer.

sub get ($path, $times = 1) {
    my @c = map { http_connect($ng->port)->ask('GET', $path, close => 1) } 1 .. $times;
    my @r = map { $_->response } @c;

    $_->is_closed for @c;

    return @r;
}

sub opened ($service) {
    return map {/circuit OPEN service "$service" peer \S+: (.*)/ ? $1 : ()} $ng->log_lines;
}


subtest 'not before min_requests' => sub {
    $b->mode(1, 'status', status => 500);
    get('/few') for 1 .. 9;
    is breaker('few', 1)->{state}, 'closed', 'nine failures of nine attempts';
    is_deeply window('few', 1), [9, 9, 0], 'as the window says';
    get('/few');
    is breaker('few', 1)->{state}, 'open', 'the tenth is enough';
    is +(get('/few'))[0]{status}, 503, 'the peer is out';
    is_deeply [opened('few')], [
        'failure rate 100% of 10 attempts in 60.0s (last: status 500), probe in 60.0s',
    ], 'the log has the numbers';
};

subtest 'at the share, not below it' => sub {
    get('/share') for 1 .. 6;
    $b->mode(2, 'status', status => 502);
    get('/share') for 1 .. 5;
    is breaker('share', 2)->{state}, 'closed', 'five of eleven are less than half';
    is_deeply window('share', 2), [11, 5, 0], 'as the window says';
    get('/share');

    my $now = breaker('share', 2);
    is $now->{state},  'open',         'six of twelve are half';
    is $now->{reason}, 'failure_rate', 'why';
    is $now->{last},   'status 502',   'and what the last one was';
    is_deeply window('share', 2), [12, 6, 0], 'the numbers that decided are kept';
    is_deeply [opened('share')], [
        'failure rate 50% of 12 attempts in 60.0s (last: status 502), probe in 60.0s',
    ], 'the log says the same';
};

subtest 'what is older than the window is forgotten' => sub {
    $b->mode(3, 'status', status => 500, times => 3);

    # Before the first of them is too old, which is soon.
    ok wait_for {
        get('/brief', 3);
        $b->mode(3, 'status', status => 500, times => 3);
        window('brief', 3)->[1] >= 3;
    }, 'there were failures';
    ok wait_for { "@{ window('brief', 3) }" eq '0 0 0' }, 'and there are none';
};

subtest 'slow answers' => sub {
    $b->mode(4, 'delay', delay => 0.6, times => 3);
    is_deeply [map { $_->{status} } get('/patient/slow', 3)], [(200) x 3], 'three come late';
    is breaker('slow', 4)->{state}, 'closed', 'fewer than min_requests';
    is_deeply window('slow', 4), [3, 0, 3], 'slow, and no failures';

    # The fourth is fast: three of four. A fast answer opens nothing, the next slow one does.
    get('/patient/slow');
    is breaker('slow', 4)->{state}, 'closed', 'after a fast one';
    is_deeply window('slow', 4), [4, 0, 3], 'three of four';
    $b->mode(4, 'delay', delay => 0.6);
    is +(get('/patient/slow'))[0]{status}, 200, 'another slow one';

    my $now = breaker('slow', 4);
    is $now->{state},  'open',          'and it is open';
    is $now->{reason}, 'slow_rate',     'why';
    is $now->{last},   'slow response', 'and the last one';
    is_deeply window('slow', 4), [5, 0, 4], 'the numbers are kept';
    is at('slow', 4)->{failures}, 0, 'which was no failure';
    is at('slow', 4)->{causes}{slow}, 4, 'four in all';
    like +(opened('slow'))[0],
        qr/^slow rate 80% of 5 attempts in 60\.0s.* \(last: slow response\), probe in 60\.0s$/,
        'the log has the numbers';
};

subtest 'it is the header that counts' => sub {
    $b->mode(5, 'stall');
    get('/begun');      # until proxy_read_timeout, long after the mark
    is_deeply window('begun', 5), [1, 1, 0], 'a body that takes long, and fails';

    my $c = http_connect($ng->port)->ask('GET', '/patient/begun');
    $c->read_bytes(20);
    pause(0.3);
    $c->close;
    ok wait_for { at('begun', 5)->{neutral} == 1 }, 'a client that leaves a body that takes long';
    is_deeply window('begun', 5), [1, 1, 0], 'has seen nothing';

    $b->mode(5, 'ok');
    my $ws = http_connect($ng->port)->send(join "\r\n", 'GET /begun HTTP/1.1', 'Host: a',
        'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', '', '');
    like $ws->read_bytes(12), qr/ 101/, 'a WebSocket';
    pause(0.3);
    $ws->close;
    ok wait_for { at('begun', 5)->{in_flight} == 0 }, 'that ends after a while';
    is window('begun', 5)->[2], 0, 'was not slow';
    is at('begun', 5)->{causes}{slow}, undef, 'nothing was';
};

subtest 'a client that leaves after the mark has seen a slow peer' => sub {
    $b->mode(6, 'hang');

    for my $service ('late', 'early') {
        my @c = map { http_connect($ng->port)->ask('GET', "/patient/$service") } 1 .. 3;

        wait_for { at($service, 6)->{in_flight} == 3 } or die "not there\n";
        pause(0.4);
        $_->close for @c;
        ok wait_for { at($service, 6)->{neutral} == 3 }, "$service: three have left";
        is at($service, 6)->{causes}{client_gone}, 3, 'the clients';
    }

    is_deeply window('late', 6),  [3, 0, 3], 'after the mark: slow attempts';
    is_deeply window('early', 6), [0, 0, 0], 'before the mark: nothing';
    is breaker('early', 6)->{state}, 'closed', 'and it stays in';

    http_abort($ng->port, '/patient/late', after => 0.4);
    ok wait_for { breaker('late', 6)->{state} eq 'open' }, 'four such clients open it';
    is breaker('late', 6)->{reason}, 'slow_rate', 'for being slow';
    is at('late', 6)->{failures}, 0, 'without one failure';
};

subtest 'all workers count into one window' => sub {
    my (%worker, $sent);

    $b->mode(7, 'status', status => 500, share => 0.5);
    my $wanted = $ng->workers > 1 ? 2 : 1;
    ok wait_for {
        $sent += 64;
        $worker{ $_->{headers}{'x-worker'} }++ for get('/one', 64);
        keys %worker >= $wanted;
    }, "$wanted worker(s) at least";
    is_deeply window('one', 7), [$sent, $sent / 2, 0], "each of $sent attempts, each once";
};

subtest 'and open one breaker once' => sub {
    $b->mode(8, 'status', status => 500);
    my %got;
    $got{ $_->{status} }++ for get('/once', 64), get('/once', 8);

    is breaker('once', 8)->{trips}, 1, 'one trip';
    is scalar(opened('once')), 1, 'one line';
    cmp_ok $got{500} // 0, '>=', 40, 'after forty at least';
    cmp_ok $got{503} // 0, '>=', 8, 'and then nobody is let through';
};

done_testing;
