#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# nginx's "zone" in an upstream block, before or after our directives, shared or
# alone: nginx copies its own peers into it, which must leave ours alone.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b  = backend(2);
my $ng = nginx(backend => $b, http => <<'EOF');
    upstream before {
        zone one 64k;
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        kerberos_breaker threshold=2 timeout=10m;
    }
    upstream after {
        server %%BACKEND_1%% weight=2;
        server %%BACKEND_2%% max_conns=5;
        kerberos_balance round_robin;
        zone two 64k;
    }
    upstream shared {
        server %%BACKEND_1%%;
        server %%BACKEND_2%% backup;
        kerberos_balance round_robin;
        zone two;
    }
    upstream kept {
        keepalive 4;
        zone three 64k;
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        kerberos_breaker threshold=2 timeout=10m;
    }
    upstream stock {
        zone two;
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
    }
    server {
        listen 127.0.0.1:%%PORT%% reuseport;
        location = /status { kerberos_status; }
        location / {
            rewrite ^/([^/]+) /$1 break;
            proxy_pass http://$1;
        }
    }
EOF

my %number = map { $b->address($_) => $_ } 1, 2;

sub order ($upstream, $count) {
    return join '', map {
        $number{ http_get($ng->port, "/$upstream")->{headers}{'x-backend'} // '' } // '-'
    } 1 .. $count;
}

sub breaker ($upstream, $n) {
    return peer(status($ng), $upstream, $b->address($n))->{breaker}{state};
}


subtest 'every block is served, and in turn' => sub {
    is order('before', 12), '12' x 6,  'zone before';
    is order('after', 12),  '121' x 4, 'zone after, with weights';
    is order('shared', 4),  '1111',    'a zone of two blocks, with a backup';
    is order('kept', 12),   '12' x 6,  'with keepalive';
};

subtest 'a block without our directives stays nginx\'s' => sub {
    is +(() = order('stock', 12) =~ /[12]/g), 12, 'it is served';

    # nginx keeps the order in its zone, so that it alternates there too.
    $b->reset_counters;
    order('stock', 10);
    is_deeply [map { $b->requests($_) } 1, 2], [5, 5], 'evenly';
    is service(status($ng), 'stock'), undef, 'and is no service';
};

subtest 'the breaker works, for all workers' => sub {
    $b->mode(1, 'status', status => 500, times => 2);
    http_get($ng->port, '/before') for 1 .. 4;

    is breaker('before', 1), 'open', 'open after two failures';
    is order('before', 12), '2' x 12, 'and nobody asks the peer';
    is breaker('kept', 1), 'closed', 'another service has its own';
};

subtest 'a reload keeps what is known' => sub {
    ok $ng->reload, 'reloaded';
    is breaker('before', 1), 'open', 'the breaker is open';
    is order('before', 6), '2' x 6, 'and acts';
    is order('after', 6) =~ tr/2//, 2, 'weights hold';
};

subtest 'a zone that is too small is nginx\'s to refuse' => sub {
    my ($code, $said) = config_test(backend => $b, http => <<'EOF');
        upstream u { server %%BACKEND_1%%; kerberos_breaker off; zone u 1k; }
EOF
    is $code, 1, 'refused';
    like $said, qr/\[emerg\] zone "u" is too small/, 'in its words';
};

done_testing;
