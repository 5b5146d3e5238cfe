#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# The timeouts of a service: over those of the location, for its requests alone, and as they were
# when the request began.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b  = backend(3);
my $ng = nginx(backend => $b, start => 0, http => <<'EOF');
    kerberos_registry services.yaml;
    upstream block { server %%BACKEND_1%%; kerberos_breaker off; }
    server {
        listen 127.0.0.1:%%PORT%%;
        proxy_next_upstream off;
        location = /status { kerberos_status; }
        location = /block { proxy_pass http://block; }
        location ~ ^/(?<service>\w+)$ {
            kerberos_service $service;
            proxy_pass http://kerberos;
        }
        location ~ ^/short/(?<service>\w+)$ {
            kerberos_service $service;
            proxy_read_timeout 200ms;
            proxy_pass http://kerberos;
        }
        location ~ ^/next/(?<service>\w+)$ {
            kerberos_service $service;
            proxy_next_upstream error timeout;
            proxy_pass http://kerberos;
        }
    }
EOF

sub url ($n) { return 'http://' . $b->address($n) }

# Services by name: their timeouts, and the numbers of their peers.

sub registry (%services) {
    my $yaml = "allow_shrink: true\nservices:\n";

    for my $name (sort keys %services) {
        my ($timeouts, @peers) = $services{$name}->@*;

        $yaml .= "  $name:\n    breaker: off\n";
        $yaml .= "    timeouts: {$timeouts}\n" if $timeouts;
        $yaml .= '    peers: [' . join(', ', map { url($_) } @peers) . "]\n";
    }
    return $yaml;
}

sub change ($yaml) {
    my $before = status($ng)->{generation};

    $ng->write_file('services.yaml.new', $yaml);
    rename $ng->path('services.yaml.new'), $ng->path('services.yaml') or die $!;

    return wait_for { status($ng)->{generation} > $before };
}

# Status, and how long it took in seconds.

sub timed ($path) {
    my $start = now();
    my $r     = http_get($ng->port, $path);

    return ($r->{status}, now() - $start);
}

sub ended ($path) { return (timed($path))[0] }

$ng->allow(qr/upstream timed out/);
$ng->write_file('services.yaml', registry(quick => ['read: 300ms', 1], patient => ['', 1]));
$ng->start;

subtest 'a slow peer' => sub {
    $b->mode(1, 'delay', delay => 1.2);

    my ($status, $took) = timed('/quick');
    is $status, 504, 'is not waited for';
    cmp_ok $took, '>=', 0.25, 'not before the time';
    cmp_ok $took, '<',  1.1,  'nor until the location says';

    is ended('/patient'),       200, 'another service of that peer waits';
    is ended('/block'),         200, 'so does a block';
    is ended('/short/quick'),   504, 'a location may say less';
    is ended('/short/patient'), 504, 'and is heard where the service says nothing';
};

subtest 'other times, while nginx runs' => sub {
    ok change(registry(quick => ['read: 5s', 1], patient => ['read: 300ms', 1])), 'taken over';
    is ended('/quick'),       200, 'more is waited';
    is ended('/short/quick'), 200, 'whatever the location says';
    is ended('/patient'),     504, 'less is waited';

    ok change(registry(quick => ['', 1], patient => ['', 1])), 'taken over';
    is ended('/patient'),     200, 'nothing said';
    is ended('/short/quick'), 504, 'is the location\'s time again';
};

subtest 'a request goes by what was said when it began' => sub {
    my $request = http_connect($ng->port);

    $request->ask(GET => '/patient');
    ok wait_for { peer(status($ng), 'patient', $b->address(1))->{in_flight} }, 'it is with its peer';
    ok change(registry(quick => ['', 1], patient => ['read: 100ms', 1])), 'less is said meanwhile';
    is $request->response->{status}, 200, 'it ends well';
    is ended('/patient'), 504, 'the next one does not';
};

subtest 'connecting' => sub {
    $b->mode(1, 'blackhole');
    ok change(registry(far => ['connect: 300ms', 1], patient => ['', 1])), 'taken over';

    my ($status, $took) = timed('/far');
    is $status, 504, 'is given up';
    cmp_ok $took, '<', 5, 'in time';
};

subtest 'each attempt has its time' => sub {
    $b->mode(1, 'ok');
    $b->mode($_, 'hang') for 2, 3;
    ok change(registry(three => ['read: 200ms', 2, 3, 1])), 'taken over';

    my ($status, $took) = timed('/next/three');
    is $status, 200, 'until one answers';
    cmp_ok $took, '<', 5, 'soon';
    $b->mode($_, 'ok') for 2, 3;
};

subtest 'probes have the lesser of two times' => sub {
    my $state = sub {
        $ng->allow(qr/timed out|prematurely closed/);
        http_get($ng->port, '/next/tried') if $_[0];
        return peer(status($ng), 'tried', $b->address(1))->{breaker}{state};
    };

    for my $times (['300ms', '10s'], ['10s', '300ms']) {
        my ($read, $probe) = @$times;

        $b->mode(1, 'close');
        ok change(<<"EOF"), "read: $read, probe_timeout: $probe";
allow_shrink: true
services:
  tried:
    timeouts: {read: $read}
    breaker: {threshold: 1, timeout: 200ms, jitter: 0%, probe_timeout: $probe}
    peers: [@{[url(1)]}, @{[url(2)]}]
EOF
        ok wait_for { $state->(1) eq 'open' }, 'a breaker opens';
        $b->mode(1, 'hang');

        my $cut_off = wait_for {
            my ($status, $took) = timed('/next/tried');

            return $status == 200 && $took >= 0.25 && $took < 5;
        };

        ok $cut_off, 'a probe is cut off, and another peer answers';
        $b->mode(1, 'ok');
        ok wait_for { $state->(1) eq 'closed' }, 'it heals';
    }

    $b->mode(1, 'delay', delay => 1);
    ok change(<<"EOF"), 'a service\'s time counts again when the probe has begun to answer';
services:
  tried:
    timeouts: {read: 3s}
    breaker: {threshold: 1, timeout: 200ms, jitter: 0%, probe_timeout: 2s}
    peers: [@{[url(1)]}, @{[url(2)]}]
EOF
    is ended('/next/tried'), 200, 'served' for 1 .. 2;
};

done_testing;
