#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Routes for whatever nginx passes to: gRPC, FastCGI, uwsgi, SCGI. Each of its modules has to show
# us, at a place of its own, where a location goes.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $said = do { my $nginx = $ENV{NGINX_BINARY} || '/usr/sbin/nginx'; `$nginx -V 2>&1` };
my ($major, $minor, $patch) = $said =~ m{nginx/(\d+)\.(\d+)\.(\d+)};
my $http2_on = $major * 1e6 + $minor * 1e3 + $patch >= 1_025_001;


subtest 'gRPC' => sub {
    plan skip_all => 'this nginx was built without HTTP/2' if $said !~ /--with-http_v2_module/;
    plan skip_all => 'this nginx was built without gRPC'
        if $said =~ /--without-http_grpc_module/;
    plan skip_all => 'needs python3-grpcio'
        if system('/usr/bin/python3 -c "import grpc" 2>/dev/null') != 0;

    my $server = server('grpc_echo');
    my ($port) = $server->ready;
    my $source = do { local (@ARGV, $/) = root . '/t/lib/servers/grpc_call'; <> };
    my ($service) = $source =~ m{"/([\w.]+)/};

    my $ng = nginx(start => 0, vars => {
        LISTEN => $http2_on ? '' : 'http2',
        HTTP2  => $http2_on ? 'http2 on;' : '',
    }, http => <<'EOF');
        kerberos_registry services.yaml;
        server {
            listen 127.0.0.1:%%PORT%% %%LISTEN%%;
            %%HTTP2%%
            location / { grpc_pass grpc://kerberos; }
        }
        server {
            listen 127.0.0.1:%%PORT_2%%;
            location = /status { kerberos_status; }
        }
EOF

    my $yaml = sub ($method, $more = '') {
        return "services:\n  echo:\n    peers: ['http://127.0.0.1:$port']\n"
            . "    routes: [{regex: '/([^/]+)/$method', host: 127.0.0.1$more}]\n";
    };
    my $call = sub ($method, $message) {
        my $program = root . '/t/lib/servers/grpc_call';
        my $out     = `$program 127.0.0.1:@{[$ng->port]} $method '$message' 2>/dev/null`;

        return +(split /\n/, $out)[0];
    };

    $ng->write_file('services.yaml', $yaml->('Say'));
    $ng->start;
    is $call->('Say', 'hello'), 'OK hello', 'a call that a route takes, by :authority and path';
    like $call->('Stream', 'x'), qr/^UNIMPLEMENTED .*404/, 'one that none takes';
    is status($ng->port(2))->{unmatched}, 1, 'counted';

    $ng->write_file('services.yaml', $yaml->('Stream', q(, rewrite: '/$1/Say')));
    ok wait_for { $call->('Stream', 'x') eq 'OK x' }, 'rewritten';
};

subtest 'FastCGI' => sub {
    plan skip_all => 'this nginx was built without FastCGI'
        if $said =~ /--without-http_fastcgi_module/;
    plan skip_all => 'needs the perl module FCGI' unless eval { require FCGI };

    my $server = server('fastcgi_echo');
    my ($port) = $server->ready;
    my $ng = nginx(start => 0, http => <<'EOF');
        kerberos_registry services.yaml;
        fastcgi_param REQUEST_METHOD $request_method;
        fastcgi_param REQUEST_URI    "$uri $fastcgi_script_name $http_x_lane";
        fastcgi_param QUERY_STRING   $query_string;
        server {
            listen 127.0.0.1:%%PORT%%;
            location = /status { kerberos_status; }
            location / { fastcgi_pass kerberos; }
        }
EOF

    $ng->write_file('services.yaml', "services:\n  app:\n    peers: ['http://127.0.0.1:$port']\n"
        . "    routes: [{path: /app, strip: true, set_headers: {X-Lane: fast}}]\n");
    $ng->start;

    my $r = http_get($ng->port, '/app/a%20b?x=1');
    is $r->{status}, 200, 'served';
    is $r->{body}, "GET /a b /a b fast \n", 'with the path and the headers of the route';
    is http_get($ng->port, '/other')->{status}, 404, 'no route';
};

# Nobody here speaks these: that the route was found tells the variable, and the failure.

for my $kind (qw(uwsgi scgi)) {
    subtest $kind => sub {
        plan skip_all => "this nginx was built without $kind"
            if $said =~ /--without-http_${kind}_module/;

        my $b  = backend(1);
        my $ng = nginx(start => 0, http => <<"EOF");
            kerberos_registry services.yaml;
            server {
                listen 127.0.0.1:%%PORT%%;
                add_header X-Route \$kerberos_route always;
                location / { ${kind}_pass kerberos; }
            }
EOF

        $ng->write_file('services.yaml', "services:\n  app:\n"
            . "    peers: ['http://@{[$b->address(1)]}']\n"
            . "    routes: [{name: app, path: /app, set_headers: {X-Lane: fast}}]\n");
        $ng->start;

        my $r = http_get($ng->port, '/app/x');
        isnt $r->{status}, 404, 'a route is found';
        is $r->{headers}{'x-route'}, 'app', 'before the request is written';
        is http_get($ng->port, '/other')->{status}, 404, 'or none';
        unlike $ng->log_text, qr{changes neither path}, 'and can change it';
    };
}

done_testing;
