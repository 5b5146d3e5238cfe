#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Internal redirects into and out of locations that routes serve: each location finds the route
# anew, of the path that the client asked for.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b  = backend(3);
my $ng = nginx(backend => $b, start => 0, http => <<'EOF');
    kerberos_registry services.yaml;
    upstream stock { server %%BACKEND_3%%; }
    server {
        listen 127.0.0.1:%%PORT_2%%;
        location / { add_header X-Accel-Redirect $arg_to; return 200; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%PREFIX%%/files;
        proxy_intercept_errors on;
        add_header X-Service $kerberos_service always;
        add_header X-Route   $kerberos_route always;

        location = /status { kerberos_status; }
        location /         { proxy_pass http://kerberos; }
        location /page/    { error_page 404 500 /sorry.html; proxy_pass http://kerberos; }
        location /lost/    { error_page 404 /nowhere; proxy_pass http://kerberos; }
        location /caught/  { error_page 404 500 = @routed; proxy_pass http://kerberos; }
        location /stock/   { error_page 404 500 = @stock; proxy_pass http://kerberos; }
        location /other/   { error_page 404 500 = /two/x; proxy_pass http://kerberos; }
        location /from/    { error_page 500 = @routed; proxy_pass http://stock; }
        location /accel/   { proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /large/   {
            client_max_body_size 10;
            error_page 413 = @stock;
            proxy_pass http://kerberos;
        }
        location = /sorry.html { }
        location @routed { proxy_pass http://kerberos; }
        location @stock  { proxy_pass http://stock; }
    }
EOF

$ng->write_file('services.yaml', <<"EOF");
services:
  one:
    peers: ["http://@{[$b->address(1)]}"]
    breaker: {mode: "off"}
    routes:
      - {name: page, path: /page/one, strip: true}
      - {name: caught, path: /caught, strip: true, set_headers: {X-Lane: fast, X-Lost: ""}}
      - {name: stock, path: /stock/one, strip: true, set_headers: {X-Lane: fast, X-Lost: ""}}
      - {name: other, path: /other/one, rewrite: /o}
      - {name: from, path: /from, strip: true}
      - {name: accel, path: /one/accel}
      - {name: large, path: /large, strip: true}
  two:
    peers: ["http://@{[$b->address(2)]}"]
    routes:
      - {name: two, path: /two, strip: true}
EOF
$ng->write_file('files/sorry.html', "sorry\n");
$ng->start;

my %name = map { $b->address($_) => $_ } 1 .. 3;

# Status, service, route, peer, and what it was asked for.

sub ask ($path, %arg) {
    my $r = http_request($ng->port, $arg{method} // 'GET', $path, %arg);
    my $by = $name{ $r->{headers}{'x-backend'} // '' };
    my $told = $by ? decode_json($r->{body}) : {};

    return join ' ', grep {defined} $r->{status}, $r->{headers}{'x-service'},
        $r->{headers}{'x-route'}, $by, $told->{uri}, $told->{headers}{'X-Lane'},
        $told->{headers}{'X-Lost'};
}

sub unmatched () { return status($ng)->{unmatched} }

sub failing ($n) { return $b->mode($n, 'status', status => 500, times => 1) }


subtest 'error_page of a 404' => sub {
    my $before = unmatched();

    is ask('/page/none'), '404', 'no route';
    is http_get($ng->port, '/page/none')->{body}, "sorry\n", 'has a page';
    is unmatched(), $before + 2, 'and counts once';

    is ask('/lost/x'), '404', 'a page that no route takes either';
    is unmatched(), $before + 3, 'is still one request';

    is ask('/other/none'), '200 two two 2 /x', 'or one that another does';
    is unmatched(), $before + 4, 'counts as well';
    is ask('/stock/none'), '200 3 /stock/none', 'or somebody else serves it';
};

subtest 'error_page of a failure' => sub {
    failing(1);
    is ask('/page/one/a'), '500 one page', 'a page';

    failing(1);
    is ask('/other/one/a'), '200 two two 2 /x', 'another route';

    failing(1);
    is ask('/caught/a'), '200 one caught 1 /a fast', 'the same route again: of the path as it was';

    failing(1);
    is ask('/stock/one/a', headers => ['X-Lost' => 'found', 'X-Lane' => 'slow']),
        '200 one stock 3 /stock/one/a slow found', 'elsewhere: as the client asked';

    failing(3);
    is ask('/from/a'), '200 one from 1 /a', 'from elsewhere';

    is ask('/large/a', method => 'POST', body => 'x' x 100), '200 3 /large/a',
        'a body that is too large';
    is ask('/large/a', method => 'POST', body => ['x' x 100]), '200 large 3 /large/a', 'in chunks';
};

subtest 'X-Accel-Redirect' => sub {
    is ask('/accel/?to=/two/x'), '200 two two 2 /x', 'into';
    is ask('/accel/?to=/two/a%20b'), '200 two two 2 /a%20b', 'with a path to encode';
    is ask('/accel/?to=/none'), '404', 'no route';
    is ask('/accel/?to=/sorry.html'), '200', 'elsewhere';
    is ask('/accel/?to=/accel/?to=/two/x'), '200 two two 2 /x', 'by two';
};

subtest 'out' => sub {
    $ng->write_file('services.yaml', <<"EOF");
services:
  one:
    peers: ["http://127.0.0.1:@{[$ng->port(2)]}"]
    routes:
      - {name: out, path: /out, strip: true, set_headers: {X-Lane: fast}}
  two:
    peers: ["http://@{[$b->address(2)]}"]
    routes:
      - {name: two, path: /two, strip: true}
EOF
    ok wait_for { ask('/out?to=/two/x') eq '200 two two 2 /x' }, 'into another route';
    is ask('/out?to=/sorry.html'), '200 one out', 'to a file';
};

done_testing;
