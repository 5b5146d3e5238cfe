#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Peers that are no IPv4 addresses: unix sockets and IPv6.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b  = backend(qw(tcp unix ipv6 unix));
my $ng = nginx(backend => $b, http => <<'EOF');
    upstream unix { server %%BACKEND_2%%; server %%BACKEND_4%%; kerberos_breaker threshold=2; }
    upstream ipv6 { server %%BACKEND_3%%; kerberos_breaker threshold=2; }
    upstream all {
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        server %%BACKEND_3%%;
        kerberos_breaker threshold=2 timeout=10m;
    }
    upstream kept {
        keepalive 4;
        server %%BACKEND_2%%;
        server %%BACKEND_3%%;
        kerberos_breaker threshold=2;
    }
    upstream missing {
        server unix:%%PREFIX%%/missing;
        server %%BACKEND_1%%;
        kerberos_breaker threshold=2 timeout=10m;
    }
    upstream gone {
        server unix:%%PREFIX%%/missing;
        kerberos_breaker threshold=2 timeout=10m;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        listen [::1]:%%PORT%%;
        listen unix:%%PREFIX%%/nginx.sock;
        location = /status { kerberos_status; }
        location / {
            rewrite ^/([^/]+) /$1 break;
            add_header X-Addr $upstream_addr always;
            add_header X-Peer $kerberos_peer always;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_pass http://$1;
        }
    }
EOF

my $missing = 'unix:' . $ng->path('missing');

sub ask ($upstream) { return http_get($ng->port, "/$upstream") }

sub addresses ($upstream, $count) {
    return [map { ask($upstream)->{headers}{'x-backend'} } 1 .. $count];
}

sub by_number (@n) { return [map { $b->address($_) } @n] }


subtest 'unix sockets' => sub {
    is_deeply addresses('unix', 4), by_number(2, 4, 2, 4), 'take turns';

    my $peer = peer(status($ng), 'unix', $b->address(2));
    is $peer->{address}, $b->address(2), 'status: by their paths';
    is $peer->{successes}, 2, 'and with counts';
    is ask('unix')->{headers}{'x-peer'}, $b->address(2), '$kerberos_peer, too';
};

subtest 'IPv6' => sub {
    is_deeply addresses('ipv6', 2), by_number(3, 3), 'answers';
    like ask('ipv6')->{headers}{'x-addr'}, qr/^\[::1\]:\d+$/, '$upstream_addr';
    is peer(status($ng), 'ipv6', $b->address(3))->{successes}, 3, 'status: by its address';
};

subtest 'all kinds in one service' => sub {
    is_deeply addresses('all', 6), by_number(1 .. 3, 1 .. 3), 'take turns';

    for my $n (2, 3) {
        my $id = $b->address($n);

        $b->mode($n, 'refuse');
        ok wait_for {
            ask('all')->{status} == 200 or die 'not answered';
            peer(status($ng), 'all', $id)->{breaker}{state} eq 'open';
        }, "$id refuses, and is out";

        my ($line) = $ng->wait_for_log(qr/circuit OPEN service "all" peer \Q$id\E:/);
        like $line, qr/2 consecutive failures \(last: connect refused\)/, 'as the log says';
        $b->mode($n, 'ok');
    }

    is_deeply addresses('all', 3), by_number(1, 1, 1), 'one is left';
};

subtest 'idle connections are kept' => sub {
    my $c = http_connect($ng->port);

    $b->reset_counters;
    $c->get('/kept') for 1 .. 8;
    is_deeply [map { $b->counters($_)->{accepted} } 2, 3], [1, 1], 'one for each peer';
    is_deeply [map { $b->requests($_) } 2, 3], [4, 4], 'with half of the requests';
    $c->close;
};

subtest 'a socket that is not there refuses' => sub {
    my $r = ask('missing');

    is $r->{status}, 200, 'another peer answers';
    is $r->{headers}{'x-addr'}, $missing . ', ' . $b->address(1), 'after it was tried';

    ask('missing') for 1 .. 3;

    my $peer = peer(status($ng), 'missing', $missing);
    is $peer->{failures}, 2, 'two failures';
    is $peer->{breaker}{state}, 'open', 'open it';

    my ($line) = $ng->wait_for_log(qr/circuit OPEN service "missing"/);
    like $line, qr/peer \Q$missing\E: 2 consecutive failures \(last: connect refused\)/,
        'as refused connections';
};

subtest 'and when there is no other' => sub {
    is_deeply [map { ask('gone')->{status} } 1 .. 3], [502, 502, 503], '502 until it is out';
    is peer(status($ng), 'gone', $missing)->{in_flight}, 0, 'nothing is left in flight';
};

subtest 'clients by every kind of socket' => sub {
    for my $address ("[::1]:${\$ng->port}", 'unix:' . $ng->path('nginx.sock')) {
        is http_get($address, '/ipv6')->{status}, 200, $address;
    }
};

done_testing;
