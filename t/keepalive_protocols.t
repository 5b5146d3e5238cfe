#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# gRPC, FastCGI and TLS keep connections too; and where a worker runs short of connections, those
# that are idle are the first to go.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $said = do { my $nginx = $ENV{NGINX_BINARY} || '/usr/sbin/nginx'; `$nginx -V 2>&1` };

# The client may have its answer before all is over.

my $idle = sub ($port, $service) {
    my @peers;
    wait_for {
        @peers = service(status($port), $service)->{peers}->@*;
        !grep { $_->{in_flight} } @peers;
    };

    return $peers[0]{idle};
};


subtest 'gRPC' => sub {
    plan skip_all => 'this nginx was built without HTTP/2' if $said !~ /--with-http_v2_module/;
    plan skip_all => 'this nginx was built without gRPC' if $said =~ /--without-http_grpc_module/;
    plan skip_all => 'needs python3-grpcio'
        if system('/usr/bin/python3 -c "import grpc" 2>/dev/null') != 0;

    my ($major, $minor, $patch) = $said =~ m{nginx/(\d+)\.(\d+)\.(\d+)};
    my $http2_on = $major * 1e6 + $minor * 1e3 + $patch >= 1_025_001;

    my $server = server('grpc_echo');
    my $ng     = nginx(workers => 1, vars => {
            PEER   => '127.0.0.1:' . ($server->ready)[0],
            LISTEN => $http2_on ? '' : 'http2',
            HTTP2  => $http2_on ? 'http2 on;' : '',
        }, http => <<'EOF');
        upstream u { server %%PEER%%; kerberos_breaker off; }
        server {
            listen 127.0.0.1:%%PORT%% %%LISTEN%%;
            %%HTTP2%%
            location / { grpc_pass grpc://u; }
        }
        server { listen 127.0.0.1:%%PORT_2%%; location = /status { kerberos_status; } }
EOF

    my $program = root . '/t/lib/servers/grpc_call';
    my $address = '127.0.0.1:' . $ng->port;

    # A server may send frames of its own between two calls, which end the connection; but were
    # none used again, there would soon be two.

    my ($calls, $kept, $most) = (0, 0, 0);

    wait_for {
        my $said = `$program $address Say 'hello' 2>/dev/null`;
        return 1 if $said !~ /^OK hello$/m;

        my $idle = $idle->($ng->port(2), 'u');
        $calls++;
        $kept++ if $idle;
        $most = $idle if $idle > $most;

        $kept == 4;
    } 30;

    is $kept, 4, "$calls calls were answered, and a connection was kept after 4";
    is $most, 1, 'never more than one';
};

subtest 'FastCGI' => sub {
    plan skip_all => 'this nginx was built without FastCGI'
        if $said =~ /--without-http_fastcgi_module/;
    plan skip_all => 'needs the perl module FCGI' unless eval { require FCGI };

    my $server = server('fastcgi_echo');
    my $ng     = nginx(workers => 1, vars => { PEER => '127.0.0.1:' . ($server->ready)[0] },
        http => <<'EOF');
        fastcgi_param REQUEST_METHOD $request_method;
        fastcgi_param REQUEST_URI    $request_uri;
        fastcgi_param QUERY_STRING   $query_string;
        fastcgi_param CONTENT_LENGTH $content_length;
        upstream u { server %%PEER%%; kerberos_breaker off; }
        server {
            listen 127.0.0.1:%%PORT%%;
            location = /status { kerberos_status; }
            location /once { fastcgi_pass u; }
            location / { fastcgi_pass u; fastcgi_keep_conn on; }
        }
EOF

    is http_get($ng->port, '/once')->{status}, 200, 'answered';
    is $idle->($ng->port, 'u'), 0, 'not without fastcgi_keep_conn';

    for my $i (1 .. 4) {
        is http_get($ng->port, "/$i")->{status}, 200, 'answered';
        is $idle->($ng->port, 'u'), 1, 'one connection is kept';
    }
};

subtest 'plain and TLS to one peer' => sub {
    my $b  = backend('tls');
    my $ng = nginx(workers => 1, backend => $b, http => <<'EOF');
        upstream u { server %%BACKEND_1%%; kerberos_breaker threshold=0; }
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        server {
            listen 127.0.0.1:%%PORT%%;
            location = /status { kerberos_status; }
            location /plain { proxy_pass http://u; }
            location / { proxy_pass https://u; }
        }
EOF

    is_deeply [map { http_get($ng->port, '/')->{status} } 1 .. 4], [(200) x 4], 'answered by TLS';
    is $b->counters(1)->{accepted}, 1, 'and one connection';
    is $idle->($ng->port, 'u'), 1, 'which is kept';
    isnt http_get($ng->port, '/plain')->{status}, 200, 'is none for what is not TLS';
    is http_get($ng->port, '/')->{status}, 200, 'but for the next that is';
    is $b->counters(1)->{accepted}, 2, 'still the same one';
};

subtest 'a worker that runs short of connections' => sub {
    my $b  = backend(2);
    my $ng = nginx(workers => 1, backend => $b, events => 'worker_connections 50;',
        http => <<'EOF');
        upstream one { server %%BACKEND_1%%; kerberos_keepalive 40 total=40; }
        upstream two { server %%BACKEND_2%%; kerberos_keepalive 40 total=40; }
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        server {
            listen 127.0.0.1:%%PORT%%;
            location = /status { kerberos_status; }
            location /one { proxy_pass http://one; }
            location /two { proxy_pass http://two; }
        }
EOF

    $b->mode('all', 'delay', delay => 0.3);

    # 16 from clients and 16 to a peer are in use, where 16 may be idle

    for my $path (qw(/one /two /one /two)) {
        my @r = http_parallel(16, $ng->port, $path);
        is scalar(grep { $_->{status} == 200 } @r), 16, "$path: 16 at once";
    }

    cmp_ok $idle->($ng->port, 'one'), '<', 16, 'the oldest have gone';
    is $idle->($ng->port, 'two'), 16, 'the others have not';
};

done_testing;
