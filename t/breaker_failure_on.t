#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# kerberos_failure_on: which outcomes are failures, by directive and in YAML, and what nginx -t
# says to words and values that contradict each other or mean nothing.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b = backend(4);

# threshold=0: nothing opens, so that one case cannot shut out the next.

my $ng = nginx(start => 0, backend => $b, http => <<'EOF');
    kerberos_breaker threshold=0;
    kerberos_registry services.yaml;

    # Since 1.29.7 nginx keeps connections by default; one that closes without a word is then stale.
    proxy_http_version 1.0;
    upstream default { server %%BACKEND_1%%; kerberos_balance round_robin; }
    upstream codes   {
        server %%BACKEND_1%%;
        kerberos_failure_on http_404 http_429 http_501 http_503 http_505;
    }
    upstream error   { server %%BACKEND_1%%; kerberos_failure_on error; }
    upstream timeout { server %%BACKEND_1%%; kerberos_failure_on timeout; }
    upstream invalid { server %%BACKEND_1%%; kerberos_failure_on invalid_header; }
    upstream slow    {
        server %%BACKEND_1%%;
        kerberos_breaker threshold=1 slow=100ms timeout=10m;
        kerberos_failure_on slow;
    }
    upstream limited { server %%BACKEND_2%%; kerberos_breaker threshold=1 timeout=100ms; }
    upstream neutral {
        server %%BACKEND_3%%;
        server %%BACKEND_4%%;
        kerberos_breaker threshold=1 timeout=10m;
        kerberos_failure_on timeout invalid_header http_5xx;
    }

    server {
        listen 127.0.0.1:%%PORT%%;
        proxy_read_timeout 300ms;

        location = /status { kerberos_status; }
        location ~ ^/file/(?<service>\w+) {
            kerberos_service $service;
            proxy_pass http://kerberos;
        }
        location ~ ^/(?<name>\w+) { proxy_pass http://$name; }
    }
EOF

$ng->write_file('services.yaml', <<'EOF');
defaults:
  breaker: { threshold: 0 }
  failure_on: [error, http_404]
services:
  general: [http://%%BACKEND_1%%]
  special:
    peers: [http://%%BACKEND_1%%]
    failure_on: [http_5xx, http_429]
EOF
$ng->start;

sub at ($service, $n = 1) { return peer(status($ng), $service, $b->address($n)) }

# Returns when it has been judged: nginx closes a connection when it has let go of the peer.

sub get ($path) {
    my $c = http_connect($ng->port)->ask('GET', $path, close => 1);
    my $r = $c->response;

    $c->is_closed;

    return $r->{status};
}

# How one request ends for peer 1 in such a mode: "failures, status".

sub outcome ($path, $mode, %setting) {
    my ($service) = $path =~ m{(\w+)$};

    $b->mode(1, $mode, %setting);
    my $before = at($service);
    get($path);
    my $after = at($service);
    $b->mode(1, 'ok');

    my @more = grep { $after->{$_} > $before->{$_} } qw(successes failures neutral);
    my @why  = grep { $after->{causes}{$_} > ($before->{causes}{$_} // 0) }
        sort keys $after->{causes}->%*;

    return join ', ', @more, @why;
}

# Pairs of what happens and what it is held for.

sub outcomes ($path, @cases) {
    while (my ($mode, $expected) = splice @cases, 0, 2) {
        is outcome($path, ref $mode ? @$mode : $mode), $expected,
            join ' ', "$path:", ref $mode ? @$mode : $mode;
    }
}

sub code ($status, @more) { return ['status', status => $status, @more] }

my @again = (retry_after => 3);


subtest 'by default: error timeout invalid_header http_5xx' => sub {
    outcomes('/default',
        (map { code($_) => 'failures, status' } 500, 502, 503, 504, 507, 599),
        (map { code($_) => 'successes' } 200, 404, 408, 499, 501, 505),
        code(429)         => 'neutral, rate_limited',
        code(503, @again) => 'neutral, rate_limited',
        code(500, @again) => 'failures, status',
        refuse            => 'failures, connect_refused',
        close             => 'failures, closed',
        reset             => 'failures, reset',
        truncate          => 'failures, truncated',
        hang              => 'failures, response_timeout',
        stall             => 'failures, body_timeout',
        badheader         => 'failures, invalid_header',
        bigheader         => 'failures, invalid_header',
    );
};

subtest 'statuses by their names' => sub {
    outcomes('/codes',
        (map { code($_) => 'failures, status' } 404, 429, 501, 503, 505),
        code(503, @again) => 'failures, status',
        (map { code($_) => 'successes' } 200, 403, 500, 502, 504),
        refuse    => 'neutral, connect_refused',
        badheader => 'neutral, invalid_header',
    );
};

subtest 'error, timeout and invalid_header are each their own' => sub {
    outcomes('/error',
        refuse    => 'failures, connect_refused',
        close     => 'failures, closed',
        reset     => 'failures, reset',
        truncate  => 'failures, truncated',
        hang      => 'neutral, response_timeout',
        badheader => 'neutral, invalid_header',
        code(500) => 'successes',
    );
    outcomes('/timeout',
        hang      => 'failures, response_timeout',
        stall     => 'failures, body_timeout',
        refuse    => 'neutral, connect_refused',
        close     => 'neutral, closed',
        truncate  => 'neutral, truncated',
        badheader => 'neutral, invalid_header',
    );
    outcomes('/invalid',
        badheader => 'failures, invalid_header',
        reset     => 'neutral, reset',
        code(500) => 'successes',
    );
};

subtest 'error left out: a peer that refuses is asked again and again' => sub {
    $b->mode(3, 'refuse');
    is_deeply [map { get('/neutral') } 1 .. 8], [(200) x 8], 'and nobody sees it';
    cmp_ok $ng->log_lines(qr/connect\(\) failed/), '>=', 4, 'in turn';
    is at('neutral', 3)->{causes}{connect_refused}, at('neutral', 3)->{requests}, 'each is counted';
    is at('neutral', 3)->{failures}, 0, 'and not held against the peer';
    is at('neutral', 3)->{breaker}{state}, 'closed', 'which stays in';
};

subtest 'slow' => sub {
    outcomes('/slow', ok => 'successes', code(500) => 'successes');
    $b->mode(1, 'delay', delay => 0.2);
    is get('/slow'), 200, 'a late answer';
    is at('slow')->{failures}, 1, 'is a failure';
    is at('slow')->{breaker}{state}, 'open', 'that opens';
    is at('slow')->{breaker}{last}, 'slow response', 'for being late';
    like +($ng->log_lines(qr/circuit OPEN service "slow"/))[0],
        qr/: 1 consecutive failure \(last: slow response\), probe in /, 'as the log says';
    $b->mode(1, 'ok');
};

subtest 'rate limited: no failure, but no proof of health either' => sub {
    for my $case (code(429), code(503, @again)) {
        my ($mode, %setting) = @$case;

        $b->mode(2, $mode, %setting);
        get('/limited') for 1 .. 5;
        is at('limited', 2)->{breaker}{state}, 'closed', "$setting{status}: opens nothing";

        $b->mode(2, 'status', status => 500);
        get('/limited');
        is at('limited', 2)->{breaker}{state}, 'open', 'a failure does';

        my $trips = at('limited', 2)->{breaker}{trips};
        $b->mode(2, $mode, %setting);
        ok wait_for { get('/limited'); at('limited', 2)->{breaker}{trips} > $trips },
            'a probe that is told to come later has failed';
        is at('limited', 2)->{breaker}{last}, 'rate limited', 'for that';

        $b->mode(2, 'ok');
        ok wait_for { get('/limited') == 200 }, 'and the next is let through';
    }
};

subtest 'in YAML: the defaults, and a service with words of its own' => sub {
    outcomes('/file/general',
        close             => 'failures, closed',
        code(404)         => 'failures, status',
        code(500)         => 'successes',
        badheader         => 'neutral, invalid_header',
    );
    outcomes('/file/special',
        close             => 'neutral, closed',
        code(404)         => 'successes',
        code(500)         => 'failures, status',
        code(429)         => 'failures, status',
        code(503, @again) => 'neutral, rate_limited',
    );
};

subtest 'the http block is inherited, as a whole' => sub {
    ok $ng->configure(http => <<'EOF')->reload, 'reload';
    kerberos_failure_on timeout http_404;
    kerberos_breaker threshold=0;
    upstream inherits { server %%BACKEND_1%%; kerberos_balance round_robin; }
    upstream own      { server %%BACKEND_1%%; kerberos_failure_on http_5xx; }
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /status { kerberos_status; }
        location ~ ^/(?<name>\w+) { proxy_pass http://$name; }
    }
EOF
    outcomes('/inherits', code(404) => 'failures, status', code(500) => 'successes');
    outcomes('/own',      code(404) => 'successes',        code(500) => 'failures, status');
};

subtest 'refused' => sub {
    my $words = 'allowed: error, timeout, invalid_header, slow, http_5xx, http_400 to http_599';
    my %block = (
        'failure_on eror'            =>
            qq{invalid parameter "eror" (did you mean "error"? $words)},
        'failure_on http_200'        => qq{invalid parameter "http_200" ($words)},
        'failure_on http_600'        => qq{invalid parameter "http_600" ($words)},
        'failure_on http_4xx'        => qq{invalid parameter "http_4xx" ($words)},
        'failure_on error error'     => 'parameter "error" is duplicate',
        'failure_on slow'            =>
            'failure_on slow without slow, the time from which a response is slow',
        'breaker slow_rate=50%'      =>
            'slow_rate=50% without slow, the time from which a response is slow',
        'breaker failure_rate=0%'    =>
            'invalid parameter "failure_rate=0%" (a share from 1% to 100%)',
        'breaker failure_rate=50'    =>
            'invalid parameter "failure_rate=50" (a share from 1% to 100%)',
        'breaker probes=0'           => 'invalid parameter "probes=0" (a whole number from 1 to 8)',
        'breaker max_open=0%'        => 'invalid parameter "max_open=0%" (a share from 1% to 100%)',
        'breaker min_requests=0'     =>
            'invalid parameter "min_requests=0" (a whole number from 1 to 1000000)',
        'breaker timeout=2s max_timeout=1s' => 'max_timeout=1s is below timeout=2s',
        'breaker mode=maybe'         =>
            'invalid parameter "mode=maybe" (allowed: enforce, observe, off)',
    );

    for my $bad (sort keys %block) {
        my ($code, $said)
            = $ng->config_test("upstream u { server 127.0.0.1:9001; kerberos_$bad; }\n");

        is $code, 1, "kerberos_$bad";
        like $said, qr/\Q$block{$bad}\E/, 'in these words';
    }

    my %file = (
        'failure_on: [eror]'           => $words,
        'failure_on: [error, error]'   => 'each word once',
        'failure_on: error'            => 'failure_on',
        'failure_on: []'               => 'failure_on',
        'failure_on: [slow]'           => 'failure_on slow without slow',
        'breaker: { slow_rate: 50% }'  => 'slow_rate=50% without slow',
        'breaker: { failure_rate: 0% }' => 'a share from 1% to 100%',
        'breaker: { mode: maybe }'     => 'allowed: enforce, observe, off',
    );

    for my $bad (sort keys %file) {
        $ng->write_file('bad.yaml', "s:\n  peers: [http://127.0.0.1:9001]\n  $bad\n");
        my ($code, $said) = $ng->config_test("kerberos_registry bad.yaml;\n");

        is $code, 1, $bad;
        like $said, qr/bad\.yaml.*\Q$file{$bad}\E/, 'in these words';
    }
};

done_testing;
