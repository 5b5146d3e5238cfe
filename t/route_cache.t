#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Routes and nginx's cache: what is kept is found again, and renewed in the background by the same
# route; and slices, each of which is a request of its own.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $said  = do { my $nginx = $ENV{NGINX_BINARY} || '/usr/sbin/nginx'; `$nginx -V 2>&1` };
my $slice = $said =~ /--with-http_slice_module/;

plan skip_all => 'this nginx was built without a cache' if $said =~ /--without-http-cache/;

my $b      = backend(1);
my $sliced = $slice ? <<'EOF' : '';
        location /slice/ {
            slice 8;
            proxy_set_header Range $slice_range;
            proxy_cache cache;
            proxy_cache_key $uri$slice_range;
            proxy_cache_valid any 1h;
            proxy_pass http://kerberos;
        }
EOF

my $ng = nginx(backend => $b, start => 0, vars => { SLICE => $sliced }, http => <<'EOF');
    kerberos_registry services.yaml;
    proxy_cache_path %%PREFIX%%/cache keys_zone=cache:1m;
    log_format route '$request_uri $uri $upstream_cache_status $http_x_lane';
    server {
        listen 127.0.0.1:%%PORT_2%%;
        root %%PREFIX%%/files;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        access_log %%PREFIX%%/route.log route;
        add_header X-Cache   $upstream_cache_status always;
        add_header X-Service $kerberos_service always;
        add_header X-Route   $kerberos_route always;
        location = /status { kerberos_status; }
        location / {
            proxy_cache cache;
            proxy_cache_key $request_uri;
            proxy_cache_valid any 1s;
            proxy_cache_use_stale updating;
            proxy_cache_background_update on;
            proxy_pass http://kerberos;
        }
        %%SLICE%%
    }
EOF

$ng->write_file('files/data', 'abcdefghijklmnopqrstuvwxyz');
$ng->write_file('services.yaml', <<"EOF");
services:
  a:
    peers: ["http://@{[$b->address(1)]}"]
    routes:
      - {name: a, path: /a, strip: true,
         headers: {X-Lane: {present: true}}, set_headers: {X-Lane: ""}}
  files:
    peers: ["http://127.0.0.1:@{[$ng->port(2)]}"]
    routes:
      - {name: slice, path: /slice, strip: true,
         headers: {X-Lane: {present: true}}, set_headers: {X-Lane: ""}}
EOF
$ng->start;

sub ask ($path) { return http_get($ng->port, $path, headers => { 'X-Lane' => 'slow' }) }

# What was asked for, how often.

sub asked () { return $b->counters(1)->{paths} }


subtest 'kept' => sub {
    my $r = ask('/a/x');
    is "$r->{status} $r->{headers}{'x-cache'} $r->{headers}{'x-route'}", '200 MISS a', 'asked for';

    $r = ask('/a/x');
    is "$r->{status} $r->{headers}{'x-cache'} $r->{headers}{'x-route'}", '200 HIT a', 'and kept';
    is_deeply asked(), { '/x' => 1 }, 'once';

    my $lines = sub { local (@ARGV, $/) = $ng->path('route.log'); <> };
    ok wait_for { $lines->() =~ m{^/a/x /a/x HIT slow$}m }, 'the log has it as it was asked for';
};

subtest 'renewed in the background' => sub {
    my @stale;

    ok wait_for {
        my $r = ask('/a/x');
        push @stale, $r->{headers}{'x-cache'} if $r->{headers}{'x-cache'} ne 'HIT';
        return @stale;
    }, 'it is old';
    is $stale[0], 'STALE', 'the client has it nevertheless';
    ok wait_for { asked()->{'/x'} == 2 }, 'it is asked for again, by the same path';
    is_deeply [keys asked()->%*], ['/x'], 'and no other';
    is status($ng)->{unmatched}, 0, 'and a route was found each time';
};

subtest 'slices' => sub {
    plan skip_all => 'this nginx was built without slices' unless $slice;

    my $r = ask('/slice/data');
    is $r->{status}, 200, 'of a file';
    is $r->{body}, 'abcdefghijklmnopqrstuvwxyz', 'come to a whole';
    is service(status($ng), 'files')->{requests}, 4, 'each is a request';
    is ask('/slice/data')->{body}, 'abcdefghijklmnopqrstuvwxyz', 'and kept';
};

done_testing;
