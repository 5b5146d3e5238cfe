#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# nginx's "keepalive" around our balancer, whichever stands first in the block;
# and other balancing methods, which cannot stand in it at all.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b  = backend(2);
my $ng = nginx(backend => $b, http => <<'EOF');
    upstream after {
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        kerberos_breaker threshold=2;
        keepalive 8;
    }
    upstream before {
        keepalive 8;
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        kerberos_breaker threshold=2;
    }
    upstream between {
        kerberos_balance round_robin;
        server %%BACKEND_1%%;
        keepalive 8;
        server %%BACKEND_2%%;
        kerberos_breaker threshold=2;
    }
    upstream none {
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        kerberos_breaker threshold=2;
        kerberos_keepalive off;
    }
    upstream small {
        keepalive 1;
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        kerberos_breaker threshold=2;
    }
    upstream thrice {
        keepalive 8;
        keepalive_requests 3;
        server %%BACKEND_1%%;
        kerberos_breaker threshold=2;
    }
    upstream brief {
        keepalive_timeout 100ms;
        keepalive 8;
        server %%BACKEND_1%%;
        kerberos_breaker threshold=2;
    }
    upstream single {
        server %%BACKEND_1%%;
        kerberos_breaker threshold=1;
        keepalive 8;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        keepalive_requests 10000;
        location = /status { kerberos_status; }
        location / {
            rewrite ^/([^/]+) /$1 break;
            add_header X-Addr $upstream_addr always;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_pass http://$1;
        }
    }
EOF

# One client connection is one worker, and the cache is a worker's own.

my $c = http_connect($ng->port);

sub ask ($upstream, @arg) { return $c->get("/$upstream", @arg) }

sub connections ($count, $upstream) {
    $b->mode('all', 'close_idle');
    wait_for { !grep { $_->{open} } $b->peers };
    $b->reset_counters;

    my %status;
    $status{ ask($upstream)->{status} }++ for 1 .. $count;

    is_deeply \%status, { 200 => $count }, "$upstream: $count requests answered";

    return map { $b->counters($_)->{accepted} } 1, 2;
}


for my $where (qw(after before between)) {
    subtest "keepalive $where our directives" => sub {
        is_deeply [connections(20, $where)], [1, 1], 'one connection a peer';
        is_deeply [map { $b->requests($_) } 1, 2], [10, 10], 'for half of the requests each';
    };
}

subtest 'its parameters hold where it stands before' => sub {
    is_deeply [connections(10, 'small')], [5, 5], 'keepalive 1: the other peer takes the place';
    is_deeply [connections(9, 'thrice')], [3, 0], 'keepalive_requests';

    connections(1, 'brief');
    ok wait_for { $b->counters(1)->{open} == 0 }, 'keepalive_timeout closes what is idle';
};

subtest 'without it, and without ours' => sub {
    is_deeply [connections(10, 'none')], [5, 5], 'a connection a request';
};

subtest 'idle connections are not in flight' => sub {
    ask('after') for 1 .. 2;

    my $st = status($ng);
    is_deeply [map { peer($st, 'after', $b->address($_))->{in_flight} } 1, 2], [0, 0], 'none is';
};

subtest 'an idle connection that the peer closed is not a failure' => sub {
    my $before = peer(status($ng), 'single', $b->address(1));

    is ask('single')->{status}, 200, 'a connection is kept';

    # As if it was closed just when the request was on its way.
    $b->mode(1, 'close', times => 1);
    my $r = ask('single');

    is $r->{status}, 200, 'the request goes to the same peer again, by a new connection';
    is $r->{headers}{'x-addr'}, join(', ', ($b->address(1)) x 2), 'the only one there is';

    my $after = peer(status($ng), 'single', $b->address(1));
    is $after->{failures}, $before->{failures}, 'no failure was counted';
    is $after->{neutral}, $before->{neutral} + 1, 'but one attempt that says nothing';
    is $after->{breaker}{state}, 'closed', 'threshold=1, and closed';
};

subtest 'nor is it when all peers did' => sub {
    ask('after') for 1 .. 2;
    $b->mode($_, 'close', times => 1) for 1, 2;

    my $r = ask('after');

    is $r->{status}, 200, 'a third attempt, by a new connection, succeeds';
    is scalar(split /, /, $r->{headers}{'x-addr'}), 3, 'it is the third';

    my $st = status($ng);
    is_deeply [map { peer($st, 'after', $b->address($_))->{failures} } 1, 2], [0, 0], 'no failures';
};

subtest 'idle connections do not keep a peer in that is out' => sub {
    ask('before') for 1 .. 2;
    $b->mode(1, 'status', status => 500, times => 2);
    ask('before') for 1 .. 4;
    is peer(status($ng), 'before', $b->address(1))->{breaker}{state}, 'open', 'it is out';

    $b->reset_counters;
    ask('before') for 1 .. 6;
    is_deeply [map { $b->requests($_) } 1, 2], [0, 6], 'and gets nothing';
};

$c->close;

# nginx -t of a block with these lines and a server.

sub block ($lines, $more = '') {
    return config_test(backend => $b, http => <<"EOF");
        $more
        upstream u {
            $lines
            server %%BACKEND_1%%;
        }
        server { listen 127.0.0.1:%%PORT%%; location / { proxy_pass http://u; } }
EOF
}

subtest 'keepalive is accepted anywhere, without a word' => sub {
    for my $lines (
        'keepalive 4; kerberos_breaker threshold=2;',
        'kerberos_breaker threshold=2; keepalive 4;',
        'keepalive 4; kerberos_balance round_robin; kerberos_breaker off;',
        'kerberos_balance round_robin; keepalive 4; kerberos_breaker off;',
        'keepalive 4; keepalive_requests 10; keepalive_timeout 5s; kerberos_breaker off;',
        'kerberos_breaker off; keepalive_time 1m; keepalive 4;',
    ) {
        my ($code, $said) = block($lines);

        is $code, 0, $lines;
        unlike $said, qr/\[(?:warn|emerg)\]/, 'no complaint';
    }
};

subtest 'twice is still once too often' => sub {
    for my $lines (
        'keepalive 4; kerberos_breaker off; keepalive 4;',
        'kerberos_breaker off; keepalive 4; keepalive 4;',
    ) {
        my ($code, $said) = block($lines);

        is $code, 1, $lines;
        like $said, qr/\[emerg\] "keepalive" directive is duplicate/, 'says nginx';
    }
};

subtest 'another balancing method after ours is refused' => sub {
    for my $method ('least_conn', 'ip_hash', 'hash $uri', 'random') {
        for my $between ('', 'keepalive 4; ') {
            my ($code, $said) = block("kerberos_breaker off; $between$method;");

            is $code, 1, "kerberos_breaker off; $between$method;";
            like $said, qr/\[emerg\] another load balancing method is not allowed .* "u" in/,
                'says why';
        }
    }
};

subtest 'another balancing method before ours is refused as well' => sub {
    for my $method ('least_conn', 'ip_hash', 'hash $uri', 'random') {
        for my $lines (
            "$method; kerberos_breaker off;",
            "$method; kerberos_breaker off; keepalive 4;",
            "$method; keepalive 4; kerberos_breaker off;",
        ) {
            my ($code, $said) = block($lines);

            is $code, 1, $lines;
            like $said, qr/\[emerg\] another load balancing method is not allowed .*kerberos_balance/,
                'says what to use';
        }
    }
};

done_testing;
