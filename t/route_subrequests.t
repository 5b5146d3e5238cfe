#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Subrequests of a request that a route changes: each has a route by its own path and by the
# headers that the client sent, and none sees or changes what another one's route sets.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $said = do { my $nginx = $ENV{NGINX_BINARY} || '/usr/sbin/nginx'; `$nginx -V 2>&1` };
my %has  = (
    auth   => $said =~ /--with-http_auth_request_module/,
    ssi    => $said !~ /--without-http_ssi_module/,
    mirror => $said !~ /--without-http_mirror_module/,
);

my $locations = join "\n",
    $has{auth} ? <<'EOF' : '', $has{mirror} ? <<'EOF' : '', $has{ssi} ? <<'EOF' : '';
        location /private/ {
            auth_request /auth;
            auth_request_set $auth_route $kerberos_route;
            add_header X-Auth-Route $auth_route always;
            add_header X-Route      $kerberos_route always;
            proxy_pass http://kerberos;
        }
        location = /auth {
            internal;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_pass http://kerberos;
        }
EOF
        location /mirrored/ { mirror /mirror; proxy_pass http://kerberos; }
        location = /mirror { internal; proxy_pass http://kerberos; }
EOF
        location /page/ { ssi on; proxy_pass http://kerberos; }
        location /file/ { ssi on; root %%PREFIX%%; }
EOF

my $b    = backend(4);
my $page = join '', map {qq{<!--# include virtual="$_" -->}} qw(/part/a /none /part/b);
my $ng = nginx(backend => $b, start => 0, http => <<"EOF");
    kerberos_registry services.yaml;
    server {
        listen 127.0.0.1:%%PORT_2%%;
        default_type text/html;
        location /p { return 200 '$page'; }
        location /seen { return 200 "\$http_x_lane-\$http_authorization-\$http_x_tenant"; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        default_type text/html;
        add_header X-Route \$kerberos_route always;
        add_header X-Service \$kerberos_service always;
        location = /status { kerberos_status; }
        location / { proxy_pass http://kerberos; }
        $locations
    }
EOF

$ng->write_file('services.yaml', <<"EOF");
services:
  main:
    peers: ["http://@{[$b->address(1)]}"]
    breaker: {mode: "off"}
    routes:
      - {name: private, path: /private, strip: true, set_headers: {Authorization: "", X-Lane: main}}
      - {name: mirrored, path: /mirrored, strip: true, set_headers: {X-Tenant: "", X-Lane: main}}
  auth:
    peers: ["http://@{[$b->address(2)]}"]
    breaker: {mode: "off"}
    routes:
      - {name: auth, exact: /auth, rewrite: /check,
         headers: {Authorization: {present: true}}, set_headers: {X-Lane: auth, X-Tenant: ""}}
  shadow:
    peers: ["http://@{[$b->address(3)]}"]
    routes:
      - {name: mirror, exact: /mirror, rewrite: /shadow,
         headers: {X-Tenant: blue}, set_headers: {X-Lane: shadow}}
  pages:
    peers: ["http://127.0.0.1:%%PORT_2%%"]
    routes:
      - {name: page, path: /page, strip: true, set_headers: {Authorization: "", X-Lane: page}}
      - {name: part, path: /part, rewrite: /seen, set_headers: {X-Lane: part}}
EOF
my $yaml = do { local (@ARGV, $/) = $ng->path('services.yaml'); <> };
$ng->write_file('services.yaml', $yaml =~ s/%%PORT_2%%/$ng->port(2)/er);
$ng->start;

my @client = (headers => [Authorization => 'Bearer x', 'X-Tenant' => 'blue', 'X-Lane' => 'slow']);

sub ask ($path, @arg) { return http_get($ng->port, $path, @arg) }

# The headers that a peer got of those that matter.

sub told ($r) {
    my $told = decode_json($r->{body});

    return join ' ', $told->{uri},
        map { $told->{headers}{$_} // '-' } qw(Authorization X-Tenant X-Lane);
}


subtest 'auth_request' => sub {
    plan skip_all => 'this nginx was built without auth_request' unless $has{auth};

    my $r = ask('/private/a', @client);
    is $r->{status}, 200, 'allowed';
    is told($r), '/a - blue main', 'the request by its own route';
    is $r->{headers}{'x-auth-route'}, 'auth', 'after the other, by the headers of the client';
    is $r->{headers}{'x-route'}, 'private', '$kerberos_route is that of the request';
    is $b->requests(2), 1, 'which was asked once';

    $b->mode(2, 'status', status => 403, times => 1);
    is ask('/private/a', @client)->{status}, 403, 'forbidden';
    is $b->requests(1), 1, 'and nobody else asked';

    my $before = status($ng)->{unmatched};
    is ask('/private/a')->{status}, 500, 'a subrequest that no route takes';
    is status($ng)->{unmatched}, $before + 1, 'counts';
    $ng->allow(qr/auth request unexpected status: 404/);
};

subtest 'mirror' => sub {
    plan skip_all => 'this nginx was built without mirror' unless $has{mirror};

    $b->reset_counters;
    is told(ask('/mirrored/a', @client)), '/a Bearer x - main', 'the request by its own route';
    ok wait_for { $b->requests(3) == 1 }, 'and the mirror by another, of the headers of the client';
};

subtest 'SSI' => sub {
    plan skip_all => 'this nginx was built without SSI' unless $has{ssi};

    my $r = ask('/page/p', @client);

    is $r->{status}, 200, 'a page of parts';
    like $r->{body}, qr/^part-Bearer x-blue.*404 Not Found.*part-Bearer x-blue$/s,
        'each by its route, of what the client sent';
    is $r->{headers}{'x-route'}, 'page', '$kerberos_route is that of the page';
    is ask('/part/x', @client)->{body}, 'part-Bearer x-blue', 'as it is alone';
};

done_testing;
