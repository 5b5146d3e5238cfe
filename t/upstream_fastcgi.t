#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# FastCGI: real applications, through fastcgi_pass.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $said = do { my $nginx = $ENV{NGINX_BINARY} || '/usr/sbin/nginx'; `$nginx -V 2>&1` };

plan skip_all => 'this nginx was built without FastCGI'
    if $said =~ /--without-http_fastcgi_module/;
plan skip_all => 'needs the perl module FCGI' unless eval { require FCGI };

my @server = map { server('fastcgi_echo') } 1, 2;
my @peer   = map { '127.0.0.1:' . ($_->ready)[0] } @server;

my $ng = nginx(vars => { PEER_1 => $peer[0], PEER_2 => $peer[1] }, http => <<'EOF');
    fastcgi_param REQUEST_METHOD $request_method;
    fastcgi_param REQUEST_URI    $request_uri;
    fastcgi_param QUERY_STRING   $query_string;
    fastcgi_param CONTENT_LENGTH $content_length;

    upstream two {
        server %%PEER_1%%;
        server %%PEER_2%%;
        kerberos_breaker threshold=5 timeout=10m;
    }
    upstream one {
        server %%PEER_2%%;
        kerberos_breaker threshold=2 timeout=10m;
    }
    upstream bad {
        server %%PEER_2%%;
        kerberos_breaker threshold=2 timeout=10m;
    }
    upstream next {
        server %%PEER_1%%;
        server %%PEER_2%%;
        kerberos_breaker threshold=1 timeout=10m;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        add_header X-Addr $upstream_addr always;
        location = /status { kerberos_status; }
        location /two { fastcgi_pass two; }
        location /one { fastcgi_pass one; }
        location /bad { fastcgi_pass bad; }
        location /next { fastcgi_pass next; }
        location /named { fastcgi_pass $arg_name; }
    }
EOF

sub ask ($path, %arg) { return http_request($ng->port, $arg{method} // 'GET', $path, %arg) }

sub peer_of ($service, $id) { return peer(status($ng), $service, $id) }


subtest 'requests are balanced' => sub {
    my @r = map { ask("/two/$_") } 1 .. 4;

    is_deeply [map { $_->{headers}{'x-backend'} } @r], [@peer, @peer], 'the peers take turns';
    like $r[0]{body}, qr{^GET /two/1 }, 'and answer what was asked';
    like ask('/two', method => 'POST', body => 'hello')->{body}, qr{^POST /two hello$}, 'a body';
    is peer_of('two', $peer[0])->{in_flight}, 0, 'nothing is left in flight';
};

subtest 'by a variable' => sub {
    my @r = map { ask('/named?name=two') } 1 .. 2;

    is_deeply [sort map { $_->{headers}{'x-backend'} } @r], [sort @peer], 'it is the same block';
};

subtest 'a status counts as over HTTP' => sub {
    is ask('/one?status=404')->{status}, 404, 'status 404';
    is peer_of('one', $peer[1])->{failures}, 0, 'is no failure';

    is ask('/one?status=500')->{status}, 500, 'status 500';
    is ask('/one?status=503')->{status}, 503, 'status 503';
    is peer_of('one', $peer[1])->{breaker}{state}, 'open', 'are failures';

    my $r = ask('/one');
    is $r->{status}, 503, 'so nobody is left';
    like $r->{headers}{'retry-after'}, qr/^\d+$/, 'and the client is told when to come back';
    is $r->{headers}{'x-addr'}, 'one', 'by us';
};

subtest 'an answer without a header' => sub {
    is ask('/bad?garbage')->{status}, 502, 'is none' for 1, 2;
    is peer_of('bad', $peer[1])->{failures}, 2, 'and a failure';
    is peer_of('bad', $peer[1])->{breaker}{state}, 'open', 'that opens the breaker';
};

subtest 'an application that ends' => sub {
    $server[0]->stop;

    my @r = map { ask('/next') } 1 .. 4;

    is_deeply [map { $_->{headers}{'x-backend'} } @r], [($peer[1]) x 4], 'the other takes all';
    is $r[0]{headers}{'x-addr'}, join(', ', @peer), 'the first request found out';
    is_deeply [map { $_->{headers}{'x-addr'} } @r[1 .. 3]], [($peer[1]) x 3], 'for the rest';
};

done_testing;
