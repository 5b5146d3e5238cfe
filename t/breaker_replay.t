#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# A probe may fail, and nobody need see it: it rides on requests that can be sent again, and these
# are sent again, to another peer.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

# In each pair the first peer is ill and the second well.
my $b = backend(9);

my $ng = nginx(backend => $b, http => <<'EOF');
    # probe_grace=10m: what cannot be sent again does not probe as long as anybody else serves.
    kerberos_breaker threshold=1 timeout=100ms jitter=0% probe_timeout=300ms probe_grace=10m;

    # Since 1.29.7 nginx keeps connections by default; one that closes without a word is then stale.
    proxy_http_version 1.0;
    upstream pair  { server %%BACKEND_1%%; server %%BACKEND_2%%; kerberos_balance round_robin; }
    upstream grace {
        server %%BACKEND_3%%;
        server %%BACKEND_4%%;
        kerberos_breaker probe_grace=200ms;
    }
    upstream alone { server %%BACKEND_5%%; kerberos_balance round_robin; }
    upstream both  { server %%BACKEND_6%%; server %%BACKEND_7%%; kerberos_balance round_robin; }
    upstream calm  {
        server %%BACKEND_8%% weight=1000;
        server %%BACKEND_9%%;
        kerberos_breaker threshold=1000;
    }

    server {
        listen 127.0.0.1:%%PORT%%;

        # Nothing but the breaker's own time ends a probe here.
        proxy_read_timeout 1m;

        location = /status { kerberos_status; }
        location ~ ^/off/(?<name>\w+)      { proxy_pass http://$name; proxy_next_upstream off; }
        location ~ ^/once/(?<name>\w+)     { proxy_pass http://$name; proxy_next_upstream_tries 1; }
        location ~ ^/any/(?<name>\w+)      {
            proxy_pass http://$name;
            proxy_next_upstream error non_idempotent;
        }
        location ~ ^/unbuffered/(?<name>\w+) {
            proxy_pass http://$name;
            proxy_request_buffering off;
            proxy_http_version 1.1;
            proxy_set_header Connection close;
        }
        location ~ ^/(?<name>\w+) { proxy_pass http://$name; }
    }
EOF

sub breaker ($service, $n) { return peer(status($ng), $service, $b->address($n))->{breaker} }

# Returns when it has been judged: nginx closes a connection when it has let go of the peer.

sub fetch ($path, %arg) {
    my $c = http_connect($ng->port)->ask($arg{method} // 'GET', $path, close => 1, %arg);
    my $r = $c->response;

    $c->is_closed;

    return $r;
}

sub get ($path, %arg) { return fetch($path, %arg)->{status} }

sub post ($path) { return get($path, method => 'POST', body => 'x' x 100) }

# Opens a breaker, and returns when its time has passed, without a request that could find out.

sub trip ($service, $n) {
    $b->mode($n, 'status', status => 500);
    wait_for { get("/$service"); breaker($service, $n)->{state} ne 'closed' } or die "stays in\n";
    due($service, $n);

    return;
}

sub due ($service, $n) {
    wait_for { breaker($service, $n)->{retry_in} == 0 } or die "does not end\n";
    return;
}

sub heal ($service, $n) {
    $b->mode($n, 'ok');
    wait_for { get("/$service"); breaker($service, $n)->{state} eq 'closed' } or die "stays open\n";

    return;
}


subtest 'whatever a probe meets, the client is served' => sub {
    trip('pair', 1);

    for my $case (
        ['refuse'],
        ['close'],
        ['reset'],
        ['hang'],
        ['badheader'],
        ['cutheader'],
        (map { ['status', status => $_] } 429, 500, 502, 503, 504),
        ['status', status => 503, retry_after => 1],
    ) {
        my ($mode, %setting) = @$case;

        $b->mode(1, $mode, %setting);
        due('pair', 1);

        my $trips = breaker('pair', 1)->{trips};
        my $r     = fetch('/pair');

        is $r->{status}, 200, "@$case: the client gets an answer";
        is $r->{headers}{'x-backend'}, $b->address(2), 'of the other peer';
        is breaker('pair', 1)->{trips}, $trips + 1, 'and the probe has failed';
    }

    $b->mode(1, 'ok');
    due('pair', 1);
    is fetch('/pair')->{headers}{'x-backend'}, $b->address(1), 'one that succeeds is not sent again';
    is breaker('pair', 1)->{state}, 'closed', 'and closes it';
};

subtest 'with all that it has' => sub {
    trip('pair', 1);

    my $trips = breaker('pair', 1)->{trips};
    my $r     = fetch('/pair/a?b=c', method => 'PUT', body => 'x' x 100_000);
    my $saw   = decode_json($r->{body});

    is breaker('pair', 1)->{trips}, $trips + 1, 'a PUT was a probe, and failed';
    is_deeply [@$saw{qw(peer method uri body_bytes)}],
        [$b->address(2), 'PUT', '/pair/a?b=c', 100_000], 'the other peer got all of it';
};

subtest 'what cannot be sent again waits for what can' => sub {
    trip('pair', 1);
    $b->reset_counters;
    is_deeply [map { post('/pair') } 1 .. 6], [(200) x 6], 'POST: all are served';
    is $b->requests(1), 0, 'none of them has been a probe';

    is_deeply [map { get('/off/pair') } 1 .. 6], [(200) x 6], 'proxy_next_upstream off: as well';
    is $b->requests(1), 0, 'none';

    # What came with the header would have been kept all the same.
    is_deeply [map { get('/unbuffered/pair', method => 'PUT', body => 'x' x 50_000) } 1 .. 6],
        [(200) x 6], 'a body that nobody keeps: as well';
    is $b->requests(1), 0, 'none';

    is get('/unbuffered/pair'), 200, 'a GET in the same place';
    is $b->requests(1), 1, 'has no body: it is a probe';

    due('pair', 1);
    is post('/any/pair'), 200, 'POST, with non_idempotent';
    is $b->requests(1), 2, 'is a probe';
};

subtest 'after probe_grace anything may' => sub {
    for my $case (
        ['POST',                    sub { post('/grace') }],
        ['proxy_next_upstream off', sub { get('/off/grace') }],
    ) {
        my ($what, $ask) = @$case;

        trip('grace', 3);
        my $asked = $b->requests(3);
        my @got;

        ok wait_for { push @got, $ask->(); $b->requests(3) > $asked }, "$what: comes there in the end";
        is pop @got, 500, 'and is not sent again: the rules of the location hold';
        is_deeply [grep { $_ != 200 } @got], [], 'all before it were served';
        heal('grace', 3);
    }
};

subtest 'where nobody else serves, anything may at once' => sub {
    trip('alone', 5);
    $b->mode(5, 'ok');
    is post('/alone'), 200, 'one peer: a POST';
    is breaker('alone', 5)->{state}, 'closed', 'was the probe';

    for my $n (6, 7) {
        $b->mode($n, 'close');
        wait_for { get('/both'); breaker('both', $n)->{state} ne 'closed' } or die "stays in\n";
    }
    $b->mode($_, 'ok') for 6, 7;
    ok wait_for { breaker('both', 6)->{retry_in} == 0 && breaker('both', 7)->{retry_in} == 0 },
        'two peers, and both are out';
    is post('/both'), 200, 'a POST is served';
};

subtest 'proxy_next_upstream_tries is for requests that are no probes' => sub {
    trip('pair', 1);
    my $trips = breaker('pair', 1)->{trips};
    is get('/once/pair'), 200, 'a probe has one more';
    is breaker('pair', 1)->{trips}, $trips + 1, 'which it needed';

    $b->mode(8, 'close');
    $b->reset_counters;
    is get('/once/calm'), 502, 'a request that is none has one';
    is_deeply [map { $b->requests($_) } 8, 9], [1, 0], 'at one peer';
    is get('/calm'), 200, 'or, elsewhere, as many as there are peers';
};

subtest 'nobody sees anything, for as long as it is ill' => sub {
    trip('pair', 1);

    my $trips = breaker('pair', 1)->{trips};
    my %got;
    wait_for {
        $got{ $_->{status} }++ for http_parallel(16, $ng->port, '/pair');
        breaker('pair', 1)->{trips} >= $trips + 5;
    } or die "no probes\n";

    is_deeply [keys %got], [200], "five probes failed, $got{200} requests did not";
};

done_testing;
