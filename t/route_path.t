#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# The path that a route hands on, as the peer sees it: what is taken off it or put in its place,
# encoded anew, with its arguments.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b  = backend(1);
my $ng = nginx(backend => $b, start => 0, http => <<'EOF');
    kerberos_registry services.yaml;
    log_format route '$request_uri $uri $kerberos_route';
    server {
        listen 127.0.0.1:%%PORT%%;
        access_log %%PREFIX%%/route.log route;
        location / {
            proxy_pass http://kerberos;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $http_connection;
        }
        location /replaced/ { proxy_pass http://kerberos/x/; }
    }
    server {
        listen 127.0.0.1:%%PORT_2%%;
        merge_slashes off;
        location / { proxy_pass http://kerberos; }
    }
EOF

$ng->write_file('services.yaml', <<"EOF");
services:
  a:
    peers: ["http://@{[$b->address(1)]}"]
    routes:
      - {path: /echo, strip: true}
      - {path: /below/, strip: true}
      - {path: /v1, rewrite: /v2}
      - {path: /short, rewrite: /}
      - {path: /caf\xc3\xa9, strip: true}
      - {path: /plain}
      - {exact: /login, rewrite: "/a b\$\$c"}
      - {regex: "/u/([^/]+)/(?P<rest>.*)", rewrite: "/\$rest/of/\$1"}
      - {regex: "/cost/([0-9]+)", rewrite: "/\$\$\$1"}
      - {path: /replaced, strip: true}
EOF
$ng->start;

sub ask ($path, %arg) {
    return http_request($ng->port($arg{port} // 1), $arg{method} // 'GET', $path, %arg);
}

# What the peer was asked for.

sub sent ($path, %arg) {
    my $r = ask($path, %arg);

    return $r->{status} == 200 ? decode_json($r->{body})->{uri} : $r->{status};
}

sub table (%sent) { is sent($_), $sent{$_}, "$_ is sent as $sent{$_}" for sort keys %sent }


subtest 'strip' => sub {
    table(
        '/echo/a/b'           => '/a/b',
        '/echo'               => '/',
        '/echo/'              => '/',
        '/echo?x=1'           => '/?x=1',
        '/echo/a%20b?x=1'     => '/a%20b?x=1',
        '/echo/a?x=%2F&y=a+b' => '/a?x=%2F&y=a+b',
        '/echo/a?'            => '/a',
        '/echo/%C3%A4'        => '/%C3%A4',
        '/echo/a%25b'         => '/a%25b',
        '/echo/a%3Fb'         => '/a%3Fb',
        '/echo/a%23b'         => '/a%23b',
        '/echo/a+b;c=d'       => '/a+b;c=d',
        '/echo//a'            => '/a',
        '/echo/../echo/./a'   => '/a',
        '/below/a'            => '/a',
        '/below/'             => '/',
        '/below'              => 404,
        '/echoes'             => 404,
        '/caf%C3%A9/a'        => '/a',
        '/e%63ho/a'           => '/a',
    );

    is sent('/echo/a%2Fb'), '/a/b', 'an encoded slash is one, as in nginx\'s own rewrite';
    is sent('/echo//a', port => 2), '//a', 'two slashes where nginx leaves them';
    is sent('//echo/a', port => 2), 404, 'also in front';
};

subtest 'rewrite' => sub {
    table(
        '/v1'              => '/v2',
        '/v1/'             => '/v2/',
        '/v1/a%20b?c'      => '/v2/a%20b?c',
        '/short/a'         => '/a',
        '/short'           => '/',
        '/login'           => '/a%20b$c',
        '/login?x=1'       => '/a%20b$c?x=1',
        '/u/7/x/y'         => '/x/y/of/7',
        '/u/7/?x'          => '//of/7?x',
        '/u/a%20b/%25%3F'  => '/%25%3F/of/a%20b',
        '/u/%23/%C3%A4%FF' => '/%C3%A4%FF/of/%23',
        '/u/%0A/%0D%0Ax:1' => '/%0D%0Ax:1/of/%0A',
        '/cost/5'          => '/$5',
    );
};

subtest 'as it came' => sub {
    table(map { $_ => $_ } '/plain/a%2Fb', '/plain/%61?x=%20', '/plain/a?');
};

subtest 'all methods' => sub {
    my $r = ask('/echo/a', method => 'HEAD');
    is_deeply [$r->{status}, $r->{body}], [200, ''], 'HEAD';

    $r = ask('/echo/a', method => 'POST', body => 'x' x 100_000);
    is decode_json($r->{body})->{body_bytes}, 100_000, 'a body';
    is decode_json($r->{body})->{uri}, '/a', 'and the path';

    is sent('/echo/a', method => 'POST', body => ['x' x 1000, 'y']), '/a', 'in chunks';
};

subtest 'a WebSocket' => sub {
    my $c = http_connect($ng->port);
    my $r = $c->get('/echo/ws', headers => {
        Upgrade                 => 'websocket',
        Connection              => 'Upgrade',
        'Sec-WebSocket-Version' => 13,
        'Sec-WebSocket-Key'     => 'dGhlIHNhbXBsZSBub25jZQ==',
    });

    is $r->{status}, 101, 'through a route that is stripped';
    $c->send(pack('CCN', 0x81, 0x85, 0) . 'hello');
    is substr($c->read_bytes(7), 2), 'hello', 'and back';
    $c->close;
};

subtest 'again at another peer' => sub {
    $b->mode(1, 'close', times => 1);
    is sent('/echo/a'), 502, 'a peer fails';
    is sent('/echo/a'), '/a', 'and not';
};

subtest 'proxy_pass with a path of its own' => sub {
    is sent('/replaced/users'), '/users', 'gives way to the route\'s';
    is sent('/replaced/'), '/', 'however short that is';
};

subtest 'the log' => sub {
    my $lines = sub { local (@ARGV, $/) = $ng->path('route.log'); <> };

    ok wait_for { $lines->() =~ m{^/v1/a%20b\?c }m }, 'written';
    like $lines->(), qr{^/v1/a%20b\?c /v1/a b /v1$}m, '$uri is what the client asked for';
};

done_testing;
