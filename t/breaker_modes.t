#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# mode=observe: everything is seen and told, and nothing is done. mode=off: nothing is. And which
# of them is in force where several blocks say something.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b = backend(4);

sub conf ($mode) { return <<"EOT" . <<'EOF' }
    kerberos_breaker threshold=2 timeout=150ms jitter=0% mode=$mode;

EOT
    # Since 1.29.7 nginx keeps connections by default; one that closes without a word is then stale.
    proxy_http_version 1.0;
    upstream pair  { server %%BACKEND_1%%; server %%BACKEND_2%%; kerberos_balance round_robin; }
    upstream many  {
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        kerberos_breaker threshold=0 failure_rate=50% min_requests=10 ramp=1h max_open=50% panic=60%;
    }
    upstream alone { server %%BACKEND_3%%; kerberos_balance round_robin; }
    upstream slow  {
        server %%BACKEND_4%%;
        kerberos_breaker threshold=1 timeout=100ms probe_timeout=100ms;
    }

    server {
        listen 127.0.0.1:%%PORT%%;
        add_header X-Breaker $kerberos_breaker always;

        location = /status { kerberos_status; }
        location ~ ^/(?<name>\w+) { proxy_pass http://$name; }
    }
EOF

my $ng = nginx(backend => $b, http => conf('observe'));

sub at ($service, $n)      { return peer(status($ng), $service, $b->address($n)) }
sub breaker ($service, $n) { return at($service, $n)->{breaker} }

# Returns when it has been judged: nginx closes a connection when it has let go of the peer.

sub get ($service) {
    my $c = http_connect($ng->port)->ask('GET', "/$service", close => 1);
    my $r = $c->response;

    $c->is_closed;

    return $r->{status};
}

sub statuses ($service, $times) { return [map { get($service) } 1 .. $times] }

sub circuit ($service) {
    return map {/circuit (\w+) service "$service" peer \S+(: .*)/ ? "$1$2" : ()} $ng->log_lines;
}


subtest 'observe: what would have been done is told' => sub {
    $b->mode(3, 'status', status => 500);
    is_deeply statuses('alone', 2), [500, 500], 'two failures';

    my $open = at('alone', 3);
    is $open->{breaker}{mode},   'observe',     'the status says how';
    is $open->{breaker}{state},  'open',        'that it is open';
    is $open->{breaker}{reason}, 'consecutive', 'and why';
    is $open->{breaker}{trips},  1,             'once';
    is $open->{state}, 'up', 'and that the peer is in for all that';
    is_deeply $open->{reasons}, [], 'without a reason why not';
    is_deeply [circuit('alone')],
        ['OPEN: 2 consecutive failures (last: status 500), probe in 0.1s (observe)'], 'the log';

    ok wait_for { get('alone') == 500 && breaker('alone', 3)->{trips} > 1 }, 'a probe fails';
    $b->mode(3, 'ok');
    ok wait_for { get('alone') == 200 && breaker('alone', 3)->{state} eq 'closed' }, 'one succeeds';

    my @said = circuit('alone');
    is_deeply [grep { !/ \(observe\)$/ } @said], [], 'every line is marked';
    is_deeply [map {/^(\w+)/} @said[0 .. 2]], [qw(OPEN HALF_OPEN OPEN)], 'what would have been';
    is_deeply [map {/^(\w+)/} @said[-2, -1]], [qw(HALF_OPEN CLOSED)], 'to the end';
};

subtest 'observe: no client sees it' => sub {
    $b->mode(3, 'close');

    my @got = (@{ statuses('alone', 20) });
    ok wait_for { push @got, get('alone'); breaker('alone', 3)->{trips} >= 5 }, 'open, and again';
    is_deeply [grep { $_ != 502 } @got], [], scalar(@got) . ' requests, and each came to the peer';
    is $b->requests(3), at('alone', 3)->{requests}, 'as it says itself';
    is service(status($ng), 'alone')->{rejected}, 0, 'none was turned away';
    is service(status($ng), 'alone')->{state}, 'up', 'the service was never down';
    $b->mode(3, 'ok');
};

subtest 'observe: nor another order of peers' => sub {
    $b->mode(1, 'status', status => 500);

    for my $service ('pair', 'many') {
        $b->reset_counters;
        is_deeply statuses($service, 20), [(500, 200) x 10], "$service: in turn";
        is breaker($service, 1)->{state}, 'open', 'though one is open';
        ok wait_for { breaker($service, 1)->{retry_in} == 0 }, 'and due';
        is_deeply statuses($service, 20), [(500, 200) x 10], 'its probes are not sent again';
        is_deeply [map { $b->requests($_) } 1, 2], [20, 20], 'nor comes anybody twice';
    }

    $b->mode(1, 'ok');
    ok wait_for { breaker('many', 1)->{retry_in} == 0 }, 'when it is well again';
    is_deeply statuses('many', 20), [(200) x 20], 'all are served';
    is breaker('many', 1)->{state}, 'closed', 'it is closed';
    $b->reset_counters;
    statuses('many', 20);
    is_deeply [map { $b->requests($_) } 1, 2], [10, 10], 'and has its whole share at once';
};

subtest 'observe: a probe may take its time' => sub {
    $b->mode(4, 'close');
    get('slow');
    is breaker('slow', 4)->{state}, 'open', 'open';
    ok wait_for { breaker('slow', 4)->{retry_in} == 0 }, 'due';
    $b->mode(4, 'delay', delay => 0.5, times => 1);

    my $c = http_connect($ng->port)->ask('GET', '/slow');
    ok wait_for { breaker('slow', 4)->{probes_in_flight} == 1 }, 'a probe';
    ok wait_for {
        get('slow');
        grep {/^OPEN: probe failed \(last: probe timeout\)/} circuit('slow');
    }, 'that is without an answer for longer than probe_timeout, as the others are told';
    is $c->response->{status}, 200, 'gets it in the end';
};

subtest 'from observe to enforce: what was told is done' => sub {
    $b->mode(3, 'status', status => 500);
    ok wait_for { get('alone'); breaker('alone', 3)->{state} eq 'open' }, 'open, by observation';
    ok $ng->configure(http => conf('enforce') =~ s/timeout=150ms/timeout=10m/r)->reload, 'reload';

    # Its old time may be over: then one probe comes before it is out for ten minutes.
    ok wait_for { get('alone') == 503 }, 'it is out';
    is breaker('alone', 3)->{mode}, 'enforce', 'as the status says';
    is at('alone', 3)->{state}, 'down', 'now it is down';
    is_deeply at('alone', 3)->{reasons}, ['breaker'], 'by its breaker';

    $ng->mark_log;
    ok $ng->configure(http => conf('off'))->reload, 'reload: off';
    is_deeply statuses('alone', 5), [(500) x 5], 'everybody comes to it';
    is breaker('alone', 3)->{state}, 'closed', 'it is never open';
    is breaker('alone', 3)->{mode}, 'off', 'as the status says';
    is_deeply [circuit('alone')], [], 'and the log has nothing to tell';
    cmp_ok at('alone', 3)->{failures}, '>=', 5, 'failures are still counted';
};

subtest 'who says what' => sub {
    my @cases = (
        # http block       upstream block            in force
        ['off',            'threshold=2',            'enforce'],
        ['off',            'mode=observe',           'observe'],
        ['off',            'mode=off',               'off'],
        ['off',            undef,                    'off'],
        ['mode=off',       'threshold=2',            'off'],
        ['mode=off',       'mode=enforce',           'enforce'],
        ['mode=observe',   'threshold=2',            'observe'],
        ['mode=observe',   'mode=enforce timeout=1s', 'enforce'],
        ['mode=observe',   'off',                    'off'],
        ['threshold=2',    'off',                    'off'],
        ['threshold=2',    undef,                    'enforce'],
    );

    for my $case (@cases) {
        my ($http, $upstream, $mode) = @$case;
        my $own = defined $upstream ? "kerberos_breaker $upstream;" : 'kerberos_balance round_robin;';
        my $said = defined $upstream ? "'$upstream' below" : 'nothing below';

        ok $ng->configure(http => <<"EOT" . <<'EOF')->reload(wait => 'new'), "'$http', and $said";
    kerberos_breaker $http;
    upstream u { server %%BACKEND_1%%; $own }
EOT
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /status { kerberos_status; }
    }
EOF
        is breaker('u', 1)->{mode}, $mode, "is $mode";
    }
};

done_testing;
