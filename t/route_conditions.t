#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Which route a request takes by what nginx makes of its host, method, headers and arguments.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b  = backend(1);
my $ng = nginx(backend => $b, start => 0, http => <<'EOF');
    kerberos_registry services.yaml;
    server {
        listen 127.0.0.1:%%PORT%%;
        underscores_in_headers on;
        add_header X-Route $kerberos_route always;
        location / { proxy_pass http://kerberos; }
    }
EOF

$ng->write_file('services.yaml', <<"EOF");
services:
  a:
    peers: ["http://@{[$b->address(1)]}"]
    routes:
      - {name: host, path: /, host: a.example}
      - {name: below, path: /, host: "*.b.example"}
      - {name: get, path: /m, methods: [GET]}
      - {name: own, path: /m, methods: [PURGE, POST]}
      - {name: blue, path: /h, headers: {X-Tenant: blue}}
      - {name: both, path: /h, headers: {X-Tenant: "blue, red"}}
      - {name: begins, path: /p, headers: {X-Tenant: {prefix: bl}}}
      - {name: cookie, path: /c, headers: {Cookie: {regex: ".*\\\\blane=fast\\\\b.*"}}}
      - {name: nobody, path: /n, headers: {Authorization: {present: false}}}
      - {name: somebody, path: /n, headers: {Authorization: {present: true}}}
      - {name: dash, path: /d, headers: {X-A-B: "1"}}
      - {name: two, path: /q, query: {version: "2"}}
      - {name: encoded, path: /q, query: {version: "%32"}}
      - {name: there, path: /e, query: {debug: {present: true}}}
      - {name: none, path: /q}
EOF
$ng->start;

# The route that takes a request.

sub route ($path, %arg) {
    my $r = http_request($ng->port, $arg{method} // 'GET', $path, %arg);

    return $r->{status} == 200 ? $r->{headers}{'x-route'} : $r->{status};
}

sub with ($path, @headers) { return route($path, headers => [@headers]) }


subtest 'host' => sub {
    is with('/', Host => $_), 'host', $_
        for 'a.example', 'A.Example', 'a.example:8080', 'a.example.';
    is with('/', Host => $_), 'below', $_ for 'x.b.example', 'X.Y.B.EXAMPLE:1';
    is with('/', Host => $_), 404, $_
        for 'b.example', 'xb.example', 'a.example.evil', '[::1]:80';
    is route('/', version => '1.0'), 404, 'none';
    is route('http://a.example/', headers => [Host => 'x.b.example']), 'host', 'in the line';
};

subtest 'method' => sub {
    is route('/m'), 'get', 'GET';
    is route('/m', method => 'HEAD'), 404, 'HEAD is not GET';
    is route('/m', method => 'POST', body => 'x'), 'own', 'POST';
    is route('/m', method => 'PURGE'), 'own', 'one that nginx does not know';
};

subtest 'headers' => sub {
    is with('/h', 'X-Tenant' => 'blue'), 'blue', 'a text';
    is with('/h', 'x-tENANT' => 'blue'), 'blue', 'names in any case';
    is with('/h', 'X-Tenant' => 'Blue'), 404, 'values are not';
    is with('/h', 'X-Tenant' => 'blue', 'x-tenant' => 'red'), 'both', 'several are joined';
    is with('/h', 'X-Tenant' => 'blue', 'X-Tenant' => 'blue'), 404, 'and do not match one';
    is with('/h', 'X-Tenant' => ''), 404, 'an empty one';
    is with('/p', 'X-Tenant' => 'blue', 'X-Tenant' => 'red'), 'begins', 'a prefix of the whole';
    is with('/c', Cookie => 'a=1; lane=fast'), 'cookie', 'an expression';
    is with('/c', Cookie => 'a=1', Cookie => 'lane=fast; b=2'), 'cookie', 'in several lines';
    is with('/n'), 'nobody', 'one that is not there';
    is with('/n', Authorization => ''), 'somebody', 'one that is there and empty';
    is with('/d', 'X-A-B' => 1), 'dash', 'a dash';
    is with('/d', 'X_A_B' => 1), 404, 'is no underscore';
};

subtest 'arguments' => sub {
    is route('/q?version=2'), 'two', 'a text';
    is route('/q?a=1&version=2&b'), 'two', 'among others';
    is route('/q?version=3&version=2'), 'none', 'the first counts';
    is route('/q?version=%32'), 'encoded', 'as it was sent';
    is route('/q?xversion=2'), 'none', 'another';
    is route('/e?debug=1'), 'there', 'one that is there';
    is route('/e?debug='), 'there', 'and empty';
    is route('/q'), 'none', 'or not';
};

done_testing;
