#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Services from variables, "kerberos_registry env:;": USER_SVC_INSTANCES and what belongs to it, as
# some gateways have them.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

delete @ENV{grep {/_SVC_/} keys %ENV};

my $b = backend(3);

my %conf = (backend => $b, start => 0, http => <<'EOF');
    kerberos_registry services.yaml env:;
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /status { kerberos_status; }
        location ~ ^/(?<name>[\w-]+) { kerberos_service $name; proxy_pass http://kerberos; }
    }
EOF

my $ng = nginx(%conf);
$ng->write_file('services.yaml', "file: [\"http://%%BACKEND_3%%\"]\n");

my $one = 'a:http://127.0.0.1:1::1:30s';

sub instance ($n, $weight) {
    my $url = 'http://' . $b->address($n);

    return "user-$n:$url:$url/health:$weight:30s";
}

# nginx -t with these variables: its code, "NAME:LINE:COLUMN: text" of each problem, and all.

sub told (%variable) {
    local @ENV{keys %variable} = values %variable;
    my ($code, $said) = $ng->config_test;

    return ($code, [map {/^nginx: \[emerg\] env:(.*:\d+:\d+: .*)/ ? $1 : ()} split /\n/, $said],
        $said);
}

my %variable = (
    USER_SVC_INSTANCES              => join(',', instance(1, 100), instance(2, 50)),
    USER_SVC_LOAD_BALANCE_STRATEGY  => 'least_connections',
    USER_SVC_CIRCUIT_BREAKER        => '2:3:60s',
    USER_SVC_RETRY                  => '3:100ms:5s:2.0',
    USER_SVC_HEALTH_CHECK           => '30s:10s:5s',
    ORDER_ITEM_SVC_INSTANCES        => instance(3, 1),
    FOO_SVC_SERVICE_HOST            => '10.0.0.1',    # as Kubernetes sets it
    FOO_SVC_PORT                    => 'tcp://10.0.0.1:80',
);


subtest 'they are services' => sub {
    {
        local @ENV{keys %variable} = values %variable;
        $ng->start;
    }
    my $status = status($ng);

    is_deeply [map { $_->{name} } $status->{services}->@*], [qw(file order-item user)],
        'beside those of files';
    is_deeply [map {"$_->{id} $_->{address} $_->{weight}"} service($status, 'user')->{peers}->@*],
        [map {"user-$_ " . $b->address($_) . ' ' . 100 / $_} 1, 2], 'with their instances';
    is service($status, 'user')->{balance}, 'least_conn', 'and their strategy';
    is http_get($ng->port, "/$_")->{status}, 200, "$_ serves" for qw(user order-item file);

    $b->mode($_, 'close') for 1, 2;
    http_get($ng->port, '/user') for 1 .. 4;
    is http_get($ng->port, '/user')->{status}, 503, 'and their breaker';
    $b->mode($_, 'ok') for 1, 2;
};

subtest 'what has no effect yet is said' => sub {
    is_deeply [map {s/.*\[warn\] \S+ //r} $ng->log_lines(qr/\[warn\].*no effect/)],
        ['kerberos_registry: no effect in this version: ORDER_ITEM_SVC_INSTANCES (health URLs), '
            . 'USER_SVC_RETRY, USER_SVC_HEALTH_CHECK, USER_SVC_INSTANCES (health URLs)'],
        'in one line';

    $ng->mark_log;
    ok $ng->reload, 'reloaded';
    is scalar(my @lines = $ng->log_lines(qr/\[warn\].*no effect/)), 1, 'and again when read again';
    is http_get($ng->port, '/order-item')->{status}, 200, 'and they serve on';

    my ($code, undef, $said) = told(USER_SVC_INSTANCES => $one);
    is $code, 0, 'accepted';
    unlike $said, qr/no effect/, 'nothing is said of instances alone';
};

subtest 'a change of a file leaves them' => sub {
    $ng->write_file('services.yaml', "other: [\"http://%%BACKEND_3%%\"]\n");

    ok((wait_for { service(status($ng), 'other') } 10), 'taken over');
    is_deeply [map { $_->{name} } status($ng)->{services}->@*], [qw(other order-item user)],
        'they are there';
    is http_get($ng->port, '/order-item')->{status}, 200, 'and serve';
    $ng->write_file('services.yaml', "file: [\"http://%%BACKEND_3%%\"]\n");
};

subtest 'problems are told with the variable and the column' => sub {
    my $form = '(ID:URL:HEALTH_URL:WEIGHT:TIMEOUT; HEALTH_URL may be empty)';

    for (
        [{}, '*_SVC_INSTANCES:1:1: no such variable is set (ID:URL:HEALTH_URL:WEIGHT:TIMEOUT, ...)'],
        [{ A_SVC_INSTANCES => '' },
            'A_SVC_INSTANCES:1:1: no instances (ID:URL:HEALTH_URL:WEIGHT:TIMEOUT, ...)'],
        [{ A_SVC_INSTANCES => 'a:http://127.0.0.1:80:100' },
            "A_SVC_INSTANCES:1:1: invalid instance \"a:http://127.0.0.1:80:100\" $form"],
        [{ A_SVC_INSTANCES => "$one,b:http://127.0.0.1:0::0:30" },
            'A_SVC_INSTANCES:1:31: invalid URL "http://127.0.0.1:0" (a port is a number from 1 to 65535)',
            'A_SVC_INSTANCES:1:51: invalid value "0" of "weight" (a whole number from 1 to 1000000)',
            'A_SVC_INSTANCES:1:53: invalid time "30" (with its unit, from 1ms to 24h, such as 30s)'],
        [{ A_SVC_INSTANCES => $one, A_SVC_CIRCUIT_BREAKER => '5:0:60s' },
            'A_SVC_CIRCUIT_BREAKER:1:3: invalid value "0" of "successes" (a whole number from 1 to 1000)'],
        [{ A_SVC_INSTANCES => $one, A_SVC_RETRY => '3:5s:100ms:2.0' },
            'A_SVC_RETRY:1:6: invalid time "100ms" (with its unit, from 5s to 24h, such as 30s)'],
        [{ A_SVC_INSTANCES => $one, A_SVC_HEALTH_CHECK => '30s:10s' },
            'A_SVC_HEALTH_CHECK:1:1: invalid value "30s:10s" (INTERVAL:TIMEOUT:DELAY, such as 30s:10s:5s)'],
        [{ A_SVC_INSTANCES => $one, A_SVC_LOAD_BALANCE_STRATEGY => 'fastest' },
            qr/^A_SVC_LOAD_BALANCE_STRATEGY:1:1: invalid balancing method "fastest"/],
        [{ A_SVC_INSTANCES => $one, A_SVC_LOAD_BALANCE_STRATEGY => 'hash $nobody_set_this' },
            'A_SVC_INSTANCES:1:1: unknown "nobody_set_this" variable'],
        [{ A_SVC_INSTANCE => $one },
            qr/^A_SVC_INSTANCE:1:1: unknown variable "A_SVC_INSTANCE" \(did you mean "INSTANCES"\?/],
        [{ A_SVC_RETRY => '3:1s:1s:1' }, qr/^A_SVC_RETRY:1:1: service "a" without A_SVC_INSTANCES/],
        [{ FILE_SVC_INSTANCES => $one },
            qr/^FILE_SVC_INSTANCES:1:1: service "file" is defined twice \(first at \S+yaml:1:1\)/],
    ) {
        my ($variables, @want) = @$_;
        my ($code, $told, $said) = told(%$variables);
        my $what = join ' ', map {"$_=$variables->{$_}"} sort keys %$variables;

        is $code, 1, "refused: $what";
        is scalar @$told, @want, 'with as many problems' or diag $said;
        like $told->[$_], ref $want[$_] ? $want[$_] : qr/^\Q$want[$_]\E$/, 'and why' for 0 .. $#want;
    }
};

subtest 'no secret is told' => sub {
    for (
        { A_SVC_INSTANCES => 'a:http://me:secret@127.0.0.1:1::1:30s' },
        { A_SVC_INSTANCES => "$one,a:http://me:secret\@127.0.0.1" },
        { A_SVC_INSTANCES => $one, A_SVC_RETRY => 'http://me:secret@127.0.0.1' },
    ) {
        my ($code, $told, $said) = told(%$_);

        is $code, 1, 'refused';
        unlike $said, qr/secret/, 'and not repeated';
    }
};

done_testing;
