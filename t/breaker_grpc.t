#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# gRPC tells by a status of its own, in trailers, how a call went: it is what a peer is judged by,
# as the HTTP status that it stands for.

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

my $server = server('grpc_echo');
my $peer   = '127.0.0.1:' . ($server->ready)[0];

# A service each, on a port of its own.

my %breaker = (
    counting => 'kerberos_breaker threshold=0;',
    header   => 'kerberos_breaker threshold=1 timeout=10m;',
    trailer  => 'kerberos_breaker threshold=1 timeout=10m;',
    named    => 'kerberos_breaker threshold=0; kerberos_failure_on http_404 http_429;',
);
my @services = sort keys %breaker;
my %port     = map { $services[$_] => $_ + 2 } 0 .. $#services;

my $ng = nginx(
    vars => {
        PEER   => $peer,
        LISTEN => $http2_on ? '' : 'http2',
        HTTP2  => $http2_on ? 'http2 on;' : '',
    },
    http => join('', <<'EOF', map { <<"EOT" } @services));
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /status { kerberos_status; }
    }
EOF
    upstream $_ { server %%PEER%%; $breaker{$_} }
    server {
        listen 127.0.0.1:%%PORT_$port{$_}%% %%LISTEN%%;
        %%HTTP2%%
        location / { grpc_pass grpc://$_; }
    }
EOT

sub at ($service) { return peer(status($ng), $service, $peer) }

# Calls at the same time, each "METHOD MESSAGE": what their clients were told. Returns when all
# have been judged.

sub calls ($service, @calls) {
    my $program = root . '/t/lib/servers/grpc_call';
    my $address = '127.0.0.1:' . $ng->port($port{$service});
    my @running = map {
        open my $out, '-|', $program, $address, split or die "grpc_call: $!\n";
        $out;
    } @calls;
    my @said = map { (split ' ', join '', <$_>)[0] } @running;

    wait_for { at($service)->{in_flight} == 0 } or die "$service: not over\n";

    return \@said;
}


subtest 'as the HTTP status that it stands for' => sub {
    my @codes = qw(NOT_FOUND UNIMPLEMENTED RESOURCE_EXHAUSTED INTERNAL UNAVAILABLE);

    for my $method ('Fail', 'Late') {
        my $before = at('counting');

        is_deeply calls('counting', map {"$method $_"} @codes), \@codes,
            "$method: the client is told as ever";

        my $after = at('counting');
        my %more  = map { $_ => $after->{$_} - $before->{$_} } qw(failures neutral successes);

        is_deeply \%more, { successes => 2, neutral => 1, failures => 2 }, 'each is judged';
        is $after->{causes}{grpc_status} - ($before->{causes}{grpc_status} // 0), 2,
            'INTERNAL and UNAVAILABLE are failures';
        is $after->{causes}{rate_limited} - ($before->{causes}{rate_limited} // 0), 1,
            'RESOURCE_EXHAUSTED is neither';
    }
};

subtest 'in the header, where nothing else comes' => sub {
    calls('header', 'Fail NOT_FOUND', 'Fail RESOURCE_EXHAUSTED', 'Say x');
    is at('header')->{breaker}{state}, 'closed', 'an answer opens nothing';
    is_deeply calls('header', 'Fail INTERNAL'), ['INTERNAL'], 'INTERNAL';
    is at('header')->{breaker}{state}, 'open', 'opens';
    is at('header')->{breaker}{last}, 'gRPC status 13', 'as the status says';
    like +($ng->log_lines(qr/circuit OPEN service "header"/))[0],
        qr/: 1 consecutive failure \(last: gRPC status 13\), probe in /, 'and the log';
};

subtest 'in the trailers, after a message' => sub {
    calls('trailer', 'Late NOT_FOUND', 'Late RESOURCE_EXHAUSTED', 'Stream x');
    is at('trailer')->{breaker}{state}, 'closed', 'an answer opens nothing';
    is_deeply calls('trailer', 'Late UNAVAILABLE'), ['UNAVAILABLE'], 'UNAVAILABLE';
    is at('trailer')->{breaker}{state}, 'open', 'opens';
    is at('trailer')->{breaker}{last}, 'gRPC status 14', 'as the status says';
};

subtest 'kerberos_failure_on' => sub {
    calls('named', map {"Fail $_"} qw(NOT_FOUND RESOURCE_EXHAUSTED INTERNAL));
    is at('named')->{failures},  2, 'NOT_FOUND and RESOURCE_EXHAUSTED, whose statuses are named';
    is at('named')->{successes}, 1, 'INTERNAL is none';
};

done_testing;
