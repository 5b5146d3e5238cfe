#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# The life of a breaker: closed until `threshold` failures in a row, open for `timeout`, then half
# open until `successes` probes in a row have succeeded or one has failed.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b = backend(8);

# jitter=0% so that open times can be told exactly from the log.

my $ng = nginx(backend => $b, http => <<'EOF');
    kerberos_breaker threshold=3 timeout=500ms jitter=0%;

    # Since 1.29.7 nginx keeps connections by default; one that closes without a word is then stale.
    proxy_http_version 1.0;
    upstream pair {
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        kerberos_balance round_robin;
    }
    upstream single  { server %%BACKEND_3%%; kerberos_breaker threshold=2; }
    upstream patient { server %%BACKEND_4%%; kerberos_breaker threshold=1 successes=3; }
    upstream growing {
        server %%BACKEND_5%%;
        kerberos_breaker threshold=1 timeout=200ms max_timeout=700ms;
    }
    upstream off     { server %%BACKEND_6%%; kerberos_breaker off; }
    upstream zero    { server %%BACKEND_6%%; kerberos_breaker threshold=0; }
    upstream lines {
        server %%BACKEND_7%% max_fails=2 fail_timeout=1s;
        server %%BACKEND_8%% max_fails=0;
        kerberos_breaker threshold=4;
    }

    server {
        listen 127.0.0.1:%%PORT%%;

        location = /status { kerberos_status; }
        location ~ ^/(?<name>\w+) { proxy_pass http://$name; }
    }
EOF

# A client has its answer a moment before the outcome is counted: wait until nothing is under way.

sub settle () {
    return wait_for {
        !grep { $_->{in_flight} || $_->{requests} != $_->{successes} + $_->{failures} + $_->{neutral} }
            map { $_->{peers}->@* } status($ng)->{services}->@*;
    };
}


sub breaker ($service, $n) { return peer(status($ng), $service, $b->address($n))->{breaker} }

sub get ($path) {
    my $r = http_get($ng->port, $path);

    settle();

    return $r->{status};
}

sub statuses ($path, $times) { return [map { get($path) } 1 .. $times] }

# What the log says of a service's circuits, without time, service and peer.

sub circuit ($service) {
    return map {/circuit (\w+) service "$service" peer \S+(: .*)/ ? "$1$2" : ()} $ng->log_lines;
}


subtest 'opens after threshold consecutive failures, also where there is one peer' => sub {
    $b->mode(3, 'status', status => 500, times => 1);
    is_deeply statuses('/single', 2), [500, 200], 'one failure';
    $b->mode(3, 'status', status => 500, times => 1);
    is_deeply statuses('/single', 2), [500, 200], 'another, but not in a row';
    is breaker('single', 3)->{state}, 'closed', 'closed';
    is breaker('single', 3)->{consecutive_failures}, 0, 'a success ends the run';

    $b->mode(3, 'status', status => 500);
    is_deeply statuses('/single', 1), [500], 'one';
    is breaker('single', 3)->{consecutive_failures}, 1, 'is counted';
    is_deeply statuses('/single', 3), [500, 503, 503], 'with the second it is open';

    my $open = breaker('single', 3);
    is $open->{state},  'open',        'open';
    is $open->{reason}, 'consecutive', 'why';
    is $open->{trips},  1,             'once';
    is $open->{consecutive_failures}, 2, 'after two';
    cmp_ok $open->{retry_in}, '<=', 0.5, 'for at most the timeout';
    is $b->requests(3), 6, 'and the peer is left alone';
};

subtest 'lets a probe through after timeout, closes after a success' => sub {
    $b->mode(3, 'ok');

    my $asked = $b->requests(3);

    ok wait_for { get('/single') == 200 }, 'comes back by itself';
    is breaker('single', 3)->{state}, 'closed', 'closed by one success';
    is $b->requests(3), $asked + 1, 'of the first request that reached it';

    my @said = circuit('single');

    is_deeply [@said[0, 1]], [
        'OPEN: 2 consecutive failures (last: status 500), probe in 0.5s',
        'HALF_OPEN: timeout passed',
    ], 'the log tells it';
    like $said[2], qr/^CLOSED: recovered after \d+\.\ds$/, 'to the end';
    is @said, 3, 'in three lines';
};

subtest 'never sooner than timeout' => sub {
    $b->mode(3, 'status', status => 500);
    statuses('/single', 2);

    my $opened = now();

    $b->mode(3, 'ok');
    wait_for { get('/single') == 200 };

    # The breaker opened a little before $opened was read.
    cmp_ok now() - $opened, '>', 0.3, 'most of half a second later';
};

subtest 'one failed probe opens it again' => sub {
    $b->mode(3, 'status', status => 500);
    statuses('/single', 2);

    ok wait_for { get('/single') == 500 }, 'a probe fails';
    is_deeply statuses('/single', 2), [503, 503], 'one is enough, whatever the threshold';

    my $open = breaker('single', 3);
    is $open->{state},  'open',  'open';
    is $open->{reason}, 'probe', 'by a probe';
    is +(circuit('single'))[-1], 'OPEN: probe failed (last: status 500), probe in 0.5s', 'logged';

    $b->mode(3, 'ok');
    ok wait_for { get('/single') == 200 }, 'and the next is let through';
};

subtest 'closes after successes in a row' => sub {
    $b->mode(4, 'close');
    is_deeply statuses('/patient', 2), [502, 503], 'open';
    $b->mode(4, 'ok');
    ok wait_for { get('/patient') == 200 }, 'one success';
    is breaker('patient', 4)->{state}, 'half_open', 'of three';
    is breaker('patient', 4)->{retry_in}, 0, 'the next may follow at once';

    $b->mode(4, 'close');
    is_deeply statuses('/patient', 1), [502], 'a failure between them';
    is breaker('patient', 4)->{state}, 'open', 'opens it again';
    $b->mode(4, 'ok');
    ok wait_for { get('/patient') == 200 }, 'counted anew: one';
    is_deeply statuses('/patient', 1), [200], 'two';
    is breaker('patient', 4)->{state}, 'half_open', 'not yet';
    is_deeply statuses('/patient', 1), [200], 'three';
    is breaker('patient', 4)->{state}, 'closed', 'closed';
};

subtest 'max_timeout: each failed probe doubles the open time' => sub {
    $b->mode(5, 'close');

    ok wait_for {
        get('/growing');
        4 <= grep {/^OPEN/} circuit('growing');
    }, 'three probes have failed';

    is_deeply [map {/^OPEN.* probe in (\S+)/} circuit('growing')],
        [qw(0.2s 0.4s 0.7s 0.7s)], 'up to max_timeout';

    $b->mode(5, 'ok');
    ok wait_for { get('/growing') == 200 }, 'a success closes it';
    $b->mode(5, 'close', times => 1);
    statuses('/growing', 1);
    like +(circuit('growing'))[-1], qr/^OPEN: 1 consecutive failure \(.*probe in 0\.7s$/,
        'and the next time is as long: one success is no evidence';
};

subtest 'off, and threshold=0' => sub {
    $b->mode(6, 'status', status => 500);

    for my $name ('off', 'zero') {
        is_deeply statuses("/$name", 8), [(500) x 8], "$name: every request goes through";
        is breaker($name, 6)->{state}, 'closed', 'it never opens';
        is peer(status($ng), $name, $b->address(6))->{failures}, 8, 'failures are still counted';
    }
};

subtest 'the http block is inherited parameter by parameter' => sub {
    $b->mode(1, 'refuse');
    is_deeply statuses('/pair', 8), [(200) x 8], 'no client sees the dead peer';
    is breaker('pair', 1)->{state}, 'open', 'open';
    is breaker('pair', 1)->{consecutive_failures}, 3, 'after three, as the http block says';
    is breaker('pair', 2)->{state}, 'closed', 'the other is not';
    $b->mode(1, 'ok');
    ok wait_for { statuses('/pair', 1); breaker('pair', 1)->{state} eq 'closed' }, 'and back again';
    is +(circuit('pair'))[0], 'OPEN: 3 consecutive failures (last: connect refused), probe in 0.5s',
        'its timeout, too; "single" has a threshold of its own and the same timeout';
};

subtest 'max_fails and fail_timeout of a server line' => sub {
    $b->mode($_, 'status', status => 500) for 7, 8;
    ok wait_for { statuses('/lines', 1); breaker('lines', 7)->{state} eq 'open' }, 'opens';
    is breaker('lines', 7)->{consecutive_failures}, 2, 'max_fails=2 is a threshold of 2';
    like +(circuit('lines'))[0], qr/^OPEN.* probe in 1\.0s$/, 'fail_timeout=1s is a timeout of 1s';
    is_deeply statuses('/lines', 6), [(500) x 6], 'max_fails=0: requests go on';
    is breaker('lines', 8)->{state}, 'closed', 'it never opens';
};

# `off` of the http block used to win over a block's own parameters.

subtest 'a block with parameters of its own is on where the http block says off' => sub {
    $b->mode(3, 'status', status => 500);
    ok $ng->configure(http => <<'EOF')->reload, 'reload';
    kerberos_breaker off;
    upstream on       { server %%BACKEND_3%%; kerberos_breaker threshold=2; }
    upstream inherits { server %%BACKEND_3%%; kerberos_balance round_robin; }
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /status { kerberos_status; }
        location ~ ^/(?<name>\w+) { proxy_pass http://$name; }
    }
EOF
    is_deeply statuses('/on', 3),       [500, 500, 503], 'on';
    is_deeply statuses('/inherits', 7), [(500) x 7],     'off';
};

done_testing;
