#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Routes of the registry: which service takes a request, and what the peer is sent.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b = backend(3);

sub url ($n) { return 'http://' . $b->address($n) }

my $ng = nginx(backend => $b, start => 0, http => <<'EOF');
    kerberos_registry services.yaml;
EOF

my $yaml = <<"EOF";
version: 1
services:
  echo:
    peers: [@{[url(1)]}]
    routes:
      - {path: /echo, strip: true}
  users:
    peers: [@{[url(2)]}]
    routes:
      - {name: users, path: /api/users}
      - {name: old, regex: '/v1/user/(\\d+)', rewrite: /api/users/\$1}
      - {name: tenant, path: /tenant, headers: {X-Tenant: blue}, set_headers: {X-Tenant: "", X-Seen: "\$request_method \$http_x_tenant", User-Agent: gate}}
  orders:
    peers: [@{[url(3)]}]
    routes:
      - {name: orders, path: /api/orders, methods: [GET, HEAD]}
      - {name: by-host, path: /, host: "*.orders.example"}
EOF

$ng->configure(http => <<'EOF');
    kerberos_registry services.yaml;
    server {
        listen 127.0.0.1:%%PORT%%;
        add_header X-Service $kerberos_service always;
        add_header X-Route $kerberos_route always;
        location = /status { kerberos_status; }
        location / { proxy_pass http://kerberos; }
        location /static/ { return 200 "static\n"; }
        location /named/ { kerberos_service orders; proxy_pass http://kerberos; }
        location /late/ { set $where kerberos; proxy_pass http://$where; }
    }
EOF
$ng->write_file('services.yaml', $yaml);
$ng->start;

# What the peer was sent, and who it was.

sub ask ($path, %arg) {
    my $r = http_request($ng->port, $arg{method} // 'GET', $path, %arg);

    return join ' ', $r->{status}, $r->{headers}{'x-service'} // '-', $r->{headers}{'x-route'} // '-';
}

is ask('/api/users/7'), '200 users users', 'by prefix';
is ask('/api/orders'), '200 orders orders', 'another';
is ask('/api/usersx'), '404 - -', 'a prefix ends where a segment does';
is ask('/api/orders', method => 'POST'), '404 - -', 'a method that no route has';
is ask('/static/x'), '200 - -', 'locations of other kinds are left alone';
is ask('/named/x'), '200 orders -', 'kerberos_service overrides';
is ask('/nowhere', headers => { Host => 'a.orders.example' }), '200 orders by-host', 'by host';
is status($ng)->{unmatched}, 2, 'what no route was for is counted';

subtest 'late' => sub {
    $ng->write_file('services.yaml', $yaml . "      - {name: late, path: /late}\n");
    ok wait_for { ask('/late/x') eq '200 orders late' }, 'proxy_pass with variables: the service';
};

done_testing;
