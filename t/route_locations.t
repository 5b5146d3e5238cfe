#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Where routes decide: all locations whose requests go to the registry, whichever way they are
# written, and no others; and before what they stand back.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $said = do { my $nginx = $ENV{NGINX_BINARY} || '/usr/sbin/nginx'; `$nginx -V 2>&1` };

my $b  = backend(2);
my $ng = nginx(backend => $b, start => 0, http => <<'EOF');
    kerberos_registry services.yaml;
    log_format route '$request_uri:$kerberos_service:$kerberos_route';
    upstream stock { server %%BACKEND_2%%; }
    upstream block { server %%BACKEND_2%%; kerberos_breaker threshold=9; }
    upstream alias { kerberos_service $arg_service; }
    map $arg_named $named { default $arg_named; }
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%PREFIX%%/files;
        access_log %%PREFIX%%/route.log route;
        add_header X-Service $kerberos_service always;
        add_header X-Route   $kerberos_route always;

        location = /status { kerberos_status; }
        location / {
            proxy_pass http://kerberos;
            location /s/nested {
                add_header X-Nested 1 always;
                add_header X-Route $kerberos_route always;
                proxy_pass http://kerberos;
            }
            location /s/stock { proxy_pass http://stock; }
            location /s/block { proxy_pass http://block; }
            location /s/file/ { }
        }
        location /s/if {
            if ($arg_x = header) { add_header X-If 1 always; }
            if ($arg_x = other) { proxy_pass http://stock; }
            if ($arg_x = return) { return 204; }
            if ($arg_x = break) { break; }
            proxy_pass http://kerberos;
        }
        location /s/into {
            if ($arg_x) { proxy_pass http://kerberos; }
            proxy_pass http://stock;
        }
        location /s/limit {
            limit_except GET { deny 192.0.2.0/24; }
            proxy_pass http://kerberos;
        }
        location /s/closed { deny all; proxy_pass http://kerberos; }
        location /closed   { deny all; proxy_pass http://kerberos; }
        location /s/named  { kerberos_service $named; proxy_pass http://kerberos; }
        location /s/fixed  { kerberos_service t; proxy_pass http://kerberos; }
        location /s/alias  { proxy_pass http://alias; }
        location /s/var    { set $to kerberos; proxy_pass http://$to; }
        location /s/regex  { location ~ \.x$ { proxy_pass http://kerberos; } }
        location /moved    { rewrite ^/moved(.*) /s$1 last; }
        location /broken   { rewrite ^/broken(.*) /s$1 break; proxy_pass http://kerberos; }
        location /s/try    { try_files $uri @routed; }
        location /s/stay   { try_files $uri /s/there; proxy_pass http://kerberos; }
        location @routed   { proxy_pass http://kerberos; }
    }
EOF

$ng->write_file('services.yaml', <<"EOF");
services:
  s:
    peers: ["http://@{[$b->address(1)]}"]
    routes:
      - {name: strip, path: /s, strip: true, set_headers: {X-Lane: fast}}
  t:
    peers: ["http://@{[$b->address(2)]}"]
EOF
$ng->write_file('files/s/try/file', "file\n");
$ng->write_file('files/s/file/file', "file\n");
$ng->write_file('files/s/stay/file', "file\n");
$ng->start;

# Who answered, by which route, and what it was asked for.

sub ask ($path, %arg) {
    my $r = http_request($ng->port, $arg{method} // 'GET', $path, %arg);
    my $told = $r->{status} == 200 && ($r->{headers}{'x-backend'} // '') ne ''
        ? decode_json($r->{body}) : {};

    return join ' ', grep {defined} $r->{status}, $r->{headers}{'x-service'},
        $r->{headers}{'x-route'}, $told->{uri}, $told->{headers}{'X-Lane'};
}

sub unmatched () { return status($ng)->{unmatched} }


subtest 'locations' => sub {
    is ask('/s/a'), '200 s strip /a fast', 'a plain one';
    is ask('/s/nested/a'), '200 strip /nested/a fast', 'nested';
    is ask('/s/regex/a.x'), '200 s strip /regex/a.x fast', 'of a regex';
    is ask('/moved/a'), '200 s strip /a fast', 'after a rewrite';
    is ask('/broken/a'), '200 s strip /a fast', 'that stays in its location';
    is ask('/s/var/a'), '200 s strip /s/var/a', 'by a variable: the service alone';
    $ng->allow(qr/changes neither path nor headers where "proxy_pass" has variables/);
};

subtest 'others are left alone' => sub {
    is ask('/s/stock'), '200 /s/stock', 'nginx\'s own';
    is ask('/s/block'), '200 block /s/block', 'an upstream block';
    is ask('/s/file/file'), '200', 'a file';
    is unmatched(), 0, 'nobody asks for their routes';
};

subtest 'if' => sub {
    is ask('/s/if/a'), '200 s strip /if/a fast', 'that is not so';
    is ask('/s/if/a?x=header'), '200 strip /if/a?x=header fast' =~ s/ strip//r, 'with a header'
        or diag 'add_header in an if-block is in place of those around it';
    is ask('/s/if/a?x=break'), '200 s strip /if/a?x=break fast', 'that stops rewriting';
    is ask('/s/if/a?x=other'), '200 /s/if/a?x=other', 'to elsewhere';
    is ask('/s/if/a?x=return'), '204', 'that returns';
    is ask('/s/into/a?x=1'), '200 s strip /into/a?x=1 fast', 'from elsewhere';
    is ask('/s/into/a'), '200 /s/into/a', 'or not';
};

subtest 'access' => sub {
    is ask('/s/limit'), '200 s strip /limit fast', 'limit_except: a method that is excepted';
    is ask('/s/limit', method => 'DELETE'), '200 s strip /limit fast', 'one that is not';
    is ask('/s/closed'), '403', 'denied';
    is ask('/closed'), '403', 'also what no route would take';
    is unmatched(), 0, 'which nobody looks for';
};

subtest 'kerberos_service' => sub {
    is ask('/s/fixed/a'), '200 t /s/fixed/a', 'goes first';
    is ask('/s/named/a?named=t'), '200 t /s/named/a?named=t', 'by a variable';
    is ask('/s/named/a?named=x'), '404', 'that names nobody';
    is ask('/s/named/a?named='), '200 s strip /named/a?named= fast', 'an empty one names none';
    is ask('/s/named/a'), '200 s strip /named/a fast', 'nor one that is not there';
    is ask('/s/alias/a?service=t'), '200 t /s/alias/a?service=t', 'in an upstream block';
    is ask('/s/alias/a'), '404', 'which routes do not serve';
    $ng->allow(qr/unknown service "x?"/);
};

subtest 'try_files' => sub {
    is ask('/s/try/file'), '200', 'a file';
    is ask('/s/try/a'), '200 s strip /try/a fast', 'or a route';
    is ask('/s/stay/file'), '200 s strip /stay/file fast', 'a file that a route serves';
    is ask('/s/stay/none'), '200 s strip /there fast', 'or another place';
};

subtest 'none' => sub {
    my $before = unmatched();

    is ask('/none'), '404', 'no route';
    is ask('/none', method => 'HEAD'), '404', 'HEAD';
    is ask('/none', method => 'POST', body => 'x' x 100_000), '404', 'with a body';
    is unmatched(), $before + 3, 'each is counted once';
};

subtest 'the log' => sub {
    my $lines = sub { local (@ARGV, $/) = $ng->path('route.log'); <> };

    ok wait_for { $lines->() =~ m{^/none:.*\n/none:.*\n/none:}m }, 'written';
    like $lines->(), qr{^/none:-:-$}m, 'none';
    like $lines->(), qr{^/s/a:s:strip$}m, '$kerberos_route';
    like $lines->(), qr{^/s/fixed/a:t:-$}m, 'none where kerberos_service decides';
};

done_testing;
