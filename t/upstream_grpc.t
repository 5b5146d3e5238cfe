#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# gRPC: real servers and a real client, through grpc_pass.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

# How this nginx is told to speak HTTP/2 to its clients, if it is able to.

my $said = do { my $nginx = $ENV{NGINX_BINARY} || '/usr/sbin/nginx'; `$nginx -V 2>&1` };
my ($major, $minor, $patch) = $said =~ m{nginx/(\d+)\.(\d+)\.(\d+)};
my $http2_on = $major * 1e6 + $minor * 1e3 + $patch >= 1_025_001;

plan skip_all => 'this nginx was built without HTTP/2' if $said !~ /--with-http_v2_module/;
plan skip_all => 'this nginx was built without gRPC' if $said =~ /--without-http_grpc_module/;
plan skip_all => 'needs python3-grpcio'
    if system('/usr/bin/python3 -c "import grpc" 2>/dev/null') != 0;

my @server = map { server('grpc_echo') } 1, 2;
my @peer   = map { '127.0.0.1:' . ($_->ready)[0] } @server;

my $ng = nginx(
    vars => {
        PEER_1 => $peer[0],
        PEER_2 => $peer[1],
        NOBODY => '127.0.0.1:' . port(),
        LISTEN => $http2_on ? '' : 'http2',
        HTTP2  => $http2_on ? 'http2 on;' : '',
    },
    http => <<'EOF');
    upstream two {
        server %%PEER_1%%;
        server %%PEER_2%%;
        kerberos_breaker threshold=2 timeout=10m;
    }
    upstream kept {
        keepalive 4;
        server %%PEER_1%%;
        kerberos_breaker threshold=2 timeout=10m;
    }
    upstream half {
        server %%NOBODY%%;
        server %%PEER_2%%;
        kerberos_breaker threshold=2 timeout=10m;
    }
    upstream none {
        server %%NOBODY%%;
        kerberos_breaker threshold=1 timeout=10m;
    }
    server {
        listen 127.0.0.1:%%PORT%% %%LISTEN%%;
        %%HTTP2%%
        location / { grpc_pass grpc://two; }
    }
    server {
        listen 127.0.0.1:%%PORT_2%% %%LISTEN%%;
        %%HTTP2%%
        location / { grpc_pass kept; }
    }
    server {
        listen 127.0.0.1:%%PORT_3%% %%LISTEN%%;
        %%HTTP2%%
        location / { grpc_pass grpc://half; }
    }
    server {
        listen 127.0.0.1:%%PORT_4%% %%LISTEN%%;
        %%HTTP2%%
        location / { grpc_pass grpc://none; }
    }
    server {
        listen 127.0.0.1:%%PORT_5%%;
        location = /status { kerberos_status; }
    }
EOF

# One call: what it said, and which peer answered.

sub call ($n, $method, $message) {
    my $program = root . '/t/lib/servers/grpc_call';
    my $address = '127.0.0.1:' . $ng->port($n);
    my $out     = `$program $address $method '$message' 2>/dev/null`;
    my ($first) = split /\n/, $out;
    my ($by)    = $out =~ /^x-backend (\S+)/m;

    return ($first, $by // '');
}

sub peer_of ($service, $id) { return peer(status($ng->port(5)), $service, $id) }


subtest 'calls are balanced' => sub {
    my @calls = map { [call(1, 'Say', "hello $_")] } 1 .. 4;

    is_deeply [map { $_->[0] } @calls], [map {"OK hello $_"} 1 .. 4], 'each is answered';
    is_deeply [map { $_->[1] } @calls], [@peer, @peer], 'by the peers in turn';
    is_deeply [call(1, 'Stream', 'x')], ['OK x x x', $peer[0]], 'a stream';
    is peer_of('two', $peer[0])->{in_flight}, 0, 'nothing is left in flight';
};

subtest 'with keepalive' => sub {
    is_deeply [map { (call(2, 'Say', $_))[0] } 1 .. 3], ['OK 1', 'OK 2', 'OK 3'], 'answered';
};

subtest 'a status of the application is judged as its HTTP status' => sub {
    for my $status (qw(UNAVAILABLE NOT_FOUND INTERNAL)) {
        is +(call(2, 'Fail', "$status why"))[0], "$status why", "$status reaches the client";
    }

    my $peer = peer_of('kept', $peer[0]);
    is $peer->{failures}, 2, 'two are failures of the peer';
    is $peer->{causes}{grpc_status}, 2, 'by their cause';
};

subtest 'a server that is not there' => sub {
    is_deeply [map { (call(3, 'Say', $_))[0] } 1 .. 4], [map {"OK $_"} 1 .. 4],
        'another answers';

    my ($out) = grep { $_->{id} ne $peer[1] } service(status($ng->port(5)), 'half')->{peers}->@*;
    is $out->{failures}, 2, 'after two failures';
    is $out->{breaker}{state}, 'open', 'it is out';
};

subtest 'a server that ends' => sub {
    $server[0]->stop;
    is_deeply [map { [call(1, 'Say', $_)] } 1 .. 4], [map { ["OK $_", $peer[1]] } 1 .. 4],
        'the other takes all';
};

subtest 'nobody is left' => sub {
    my ($first)  = call(4, 'Say', 'x');
    my ($second) = call(4, 'Say', 'x');

    like $first, qr/^UNAVAILABLE .*\b502\b/, 'the first was tried in vain';
    like $second, qr/^UNAVAILABLE .*\b503\b/, 'the second is turned away';
    is service(status($ng->port(5)), 'none')->{rejected}, 1, 'as the status says';
};

done_testing;
