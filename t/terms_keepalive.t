#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# What a service says of idle connections: over what its block says, and as it changes.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b  = backend(3);
my $ng = nginx(backend => $b, workers => 1, start => 0, http => <<'EOF');
    kerberos_registry services.yaml;
    upstream few {
        kerberos_service $arg_service;
        kerberos_keepalive 1 idle=60s requests=1000;
    }
    upstream none {
        kerberos_service $arg_service;
        kerberos_keepalive off;
    }
    upstream foreign {
        kerberos_service $arg_service;
        keepalive 4;
    }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /status { kerberos_status; }
        location = /any {
            kerberos_service $arg_service;
            proxy_pass http://kerberos;
        }
        location / {
            rewrite ^/(.*) / break;
            proxy_pass http://$1;
        }
    }
EOF

# Services by name: what they say of keepalive, and the numbers of their peers.

sub registry (%services) {
    my $yaml = "allow_shrink: true\nservices:\n";

    for my $name (sort keys %services) {
        my ($keepalive, @peers) = $services{$name}->@*;

        $yaml .= "  $name:\n    breaker: off\n";
        $yaml .= "    keepalive: $keepalive\n" if $keepalive;
        $yaml .= '    peers: [' . join(', ', map { 'http://' . $b->address($_) } @peers) . "]\n";
    }
    return $yaml;
}

sub change ($yaml) {
    my $before = status($ng)->{generation};

    $ng->write_file('services.yaml.new', $yaml);
    rename $ng->path('services.yaml.new'), $ng->path('services.yaml') or die $!;

    return wait_for { status($ng)->{generation} > $before };
}

sub idle ($service, $n = 1) { return peer(status($ng), $service, $b->address($n))->{idle} }

# So many requests at once leave so many connections.

sub at_once ($count, $path) {
    $b->mode($_, 'delay', delay => 0.3) for 1 .. 3;

    my @r = http_parallel($count, $ng->port, $path);

    $b->mode($_, 'ok') for 1 .. 3;
    return scalar grep { $_->{status} == 200 } @r;
}

# How many connections so many requests take, one after the other.

sub opened ($count, $path) {
    my $before = $b->counters(1)->{accepted};
    my $c      = http_connect($ng->port);

    for (1 .. $count) {
        is $c->get($path)->{status}, 200, 'served' or last;
    }
    $c->close;

    return $b->counters(1)->{accepted} - $before;
}

$ng->write_file('services.yaml', registry(a => ['', 1], off => ['off', 1]));
$ng->start;

subtest 'to each peer' => sub {
    is at_once(6, '/any?service=a'), 6, 'six at once';
    ok wait_for { idle('a') == 6 }, 'are kept, as a block without a word has it';

    is at_once(6, '/few?service=a'), 6, 'six at once';
    ok wait_for { idle('a') == 7 }, 'one more is kept where the block says so';

    ok change(registry(a => ['{connections: 2}', 1])), 'two, says the service';
    is at_once(6, '/any?service=a'), 6, 'six at once';
    ok wait_for { idle('a') == 3 }, 'two are kept, and the one of the other block';
    is at_once(6, '/few?service=a'), 6, 'six at once';
    ok wait_for { idle('a') == 4 }, 'and two there: the service is heard before the block';
};

subtest 'off, and on again' => sub {
    is opened(4, '/any?service=a'), 0, 'those that are kept are used';
    ok change(registry(a => ['off', 1])), 'off';
    is opened(4, '/any?service=a'), 4, 'each request has its own';
    is idle('a'), 0, 'none is left, those of before neither';

    ok change(registry(a => ['8', 1])), 'on';
    is opened(4, '/any?service=a'), 1, 'one for all';
    is idle('a'), 1, 'kept';
    is opened(4, '/none?service=a'), 1, 'also where the block says "off"';

    ok change(registry(a => ['', 1])), 'nothing said';
    is opened(4, '/none?service=a'), 4, 'then "off" is heard';
};

subtest 'so many requests by one connection' => sub {
    ok change(registry(a => ['{requests: 3}', 1])), 'three';
    is opened(9, '/any?service=a'), 3, 'nine take three';
    ok change(registry(a => ['{requests: 1}', 1])), 'one';
    is opened(3, '/any?service=a'), 3, 'three take three';
    ok change(registry(a => ['', 1])), 'nothing said';
    is opened(5, '/any?service=a'), 1, 'five take one';
};

subtest 'for so long' => sub {
    ok change(registry(a => ['{idle: 300ms}', 1], b => ['{idle: 20s}', 2], c => ['', 3])), 'three times';
    http_get($ng->port, "/any?service=$_") for qw(b a c);

    is idle('b', 2), 1, 'kept';
    ok wait_for { idle('a', 1) == 0 }, 'the short time is over';
    is idle('b', 2), 1, 'the long one is not';
    is idle('c', 3), 1, 'nor that of the block';

    ok change(registry(a => ['{idle: 20s}', 1], b => ['{idle: 200ms}', 2], c => ['{idle: 250ms}', 3])), 'other times';
    http_get($ng->port, "/any?service=$_") for qw(a b c);
    ok wait_for { idle('b', 2) == 0 && idle('c', 3) == 0 }, 'two are over';
    is idle('a', 1), 1, 'one is not';

    ok change(registry(map { ("s$_" => ["{idle: ${_}0ms}", 1]) } 1 .. 20)), 'many times';
    http_get($ng->port, "/any?service=s$_") for 1 .. 20;
    ok wait_for { !grep { idle("s$_") } 1 .. 20 }, 'are over';
};

subtest 'of a service in all' => sub {
    ok change(registry(a => ['{total: 2}', 1, 2, 3], b => ['', 1])), 'two';
    is at_once(2, '/any?service=b'), 2, 'of another service';
    is at_once(9, '/any?service=a'), 9, 'nine at once';

    my $kept = sub { my $sum = 0; $sum += idle('a', $_) for 1 .. 3; return $sum };
    ok wait_for { $kept->() == 2 }, 'two are kept';
    is idle('b'), 2, 'the other service has its own';
};

subtest 'where nginx keeps them' => sub {
    ok change(registry(a => ['off', 1])), 'a service has no say';
    is opened(4, '/foreign?service=a'), 1, 'one for all';
};

done_testing;
