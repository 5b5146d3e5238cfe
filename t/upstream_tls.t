#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Peers that speak TLS: verification, sessions that are really resumed, and two
# services of one address that differ in their names.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $cert  = certificate();
my $other = certificate('other');

# The peers are nginx too, which tells how it was shaken hands with. They do not
# keep connections, so that each request is a handshake, but for the last.

my $peers = nginx(module => 0, workers => 1,
    vars => { %$cert, other_cert => $other->{cert}, other_key => $other->{key} }, http => <<'EOF');
    ssl_certificate     %%cert%%;
    ssl_certificate_key %%key%%;
    keepalive_timeout   0;
    add_header X-Reused     $ssl_session_reused;
    add_header X-Name       $ssl_server_name;
    add_header X-Connection $connection;
    add_header X-Port       $server_port;

    server { listen 127.0.0.1:%%PORT_1%% ssl; ssl_protocols TLSv1.2; return 204; }
    server { listen 127.0.0.1:%%PORT_2%% ssl; ssl_protocols TLSv1.3; return 204; }
    server {
        listen 127.0.0.1:%%PORT_3%% ssl;
        ssl_certificate     %%other_cert%%;
        ssl_certificate_key %%other_key%%;
        return 204;
    }
    server { listen 127.0.0.1:%%PORT_4%% ssl; keepalive_timeout 60s; return 204; }
    server { listen 127.0.0.1:%%PORT_5%%; return 204; }
EOF

my %peer = map { ("PEER_$_" => '127.0.0.1:' . $peers->port($_)) } 1 .. 5;

my $ng = nginx(start => 0, vars => { %$cert, %peer }, http => <<'EOF');
    kerberos_registry %%PREFIX%%/registry.yml;
    upstream old   { server %%PEER_1%%; kerberos_breaker threshold=2; }
    upstream new   { server %%PEER_2%%; kerberos_breaker threshold=2; }
    upstream pair  { server %%PEER_1%%; server %%PEER_2%%; kerberos_breaker threshold=2; }
    upstream wrong { server %%PEER_3%%; server %%PEER_2%%; kerberos_breaker threshold=2; }
    upstream plain { server %%PEER_5%%; server %%PEER_2%%; kerberos_breaker threshold=2; }
    upstream kept {
        keepalive 8;
        server %%PEER_4%%;
        kerberos_breaker threshold=2;
    }
    upstream named {
        kerberos_service $arg_service;
        keepalive 8;
    }
    proxy_http_version    1.1;
    proxy_set_header      Connection "";
    proxy_ssl_server_name on;
    proxy_ssl_name        localhost;
    proxy_ssl_protocols   TLSv1.2 TLSv1.3;

    server {
        listen 127.0.0.1:%%PORT%%;
        add_header X-Addr $upstream_addr always;
        location = /status { kerberos_status; }
        location / {
            rewrite ^/([^/]+) /$1 break;
            proxy_pass https://$1;
        }
        location /off/ {
            rewrite ^/off/([^/]+) /$1 break;
            proxy_ssl_session_reuse off;
            proxy_pass https://$1;
        }
        location /verified/ {
            rewrite ^/verified/([^/]+) /$1 break;
            proxy_ssl_verify on;
            proxy_ssl_trusted_certificate %%cert%%;
            proxy_pass https://$1;
        }
        location = /named {
            proxy_ssl_name $kerberos_service;
            proxy_pass https://named;
        }
        location = /registry {
            kerberos_service $arg_service;
            proxy_ssl_name $kerberos_service;
            proxy_pass https://kerberos;
        }
    }
EOF

# Three services on one address, and one of another address, by one keepalive.

$ng->write_file('registry.yml', <<'EOF');
alpha:
  - https://%%PEER_4%%
beta:
  - https://%%PEER_4%%
gamma:
  - https://%%PEER_4%%
EOF

$ng->start;

# One client connection is one worker, and sessions are a worker's own.

my $c = http_connect($ng->port);

sub reused ($path, $count) {
    return join '', map { $c->get($path)->{headers}{'x-reused'} // '?' } 1 .. $count;
}


subtest 'sessions are resumed' => sub {
    is reused('/old', 5), '.rrrr', 'TLS 1.2: after the first handshake';
    is reused('/new', 5), '.rrrr', 'TLS 1.3';
};

subtest 'each peer has its own session' => sub {
    is reused('/pair', 6), '..rrrr', 'two peers, two full handshakes';
};

subtest 'proxy_ssl_session_reuse off' => sub {
    is reused('/off/old', 4), '....', 'TLS 1.2: never';
    is reused('/off/new', 4), '....', 'TLS 1.3: never';
};

subtest 'workers do not get in each other\'s way' => sub {
    my @r = http_parallel(40, $ng->port, '/pair');

    is scalar(grep { $_->{status} == 204 } @r), 40, 'all answered';
};

subtest 'a reload forgets sessions, and nothing else' => sub {
    ok $ng->reload, 'reloaded';

    $c = http_connect($ng->port);
    is reused('/old', 3), '.rr', 'a full handshake first';
};

subtest 'a peer whose certificate is another\'s has failed' => sub {
    my @r = map { $c->get('/verified/wrong') } 1 .. 4;

    is_deeply [map { $_->{status} } @r], [(204) x 4], 'another peer answers';
    is $r[0]{headers}{'x-addr'}, "$peer{PEER_3}, $peer{PEER_2}", 'after it was asked';

    my $peer = peer(status($ng), 'wrong', $peer{PEER_3});
    is $peer->{failures}, 2, 'both times it was a failure';
    is $peer->{breaker}{state}, 'open', 'so it is out';
};

subtest 'so has one that does not speak TLS' => sub {
    is_deeply [map { $c->get('/plain')->{status} } 1 .. 4], [(204) x 4], 'another peer answers';
    is peer(status($ng), 'plain', $peer{PEER_5})->{breaker}{state}, 'open', 'it is out';
};

subtest 'keepalive' => sub {
    my %connections = map { $c->get('/kept')->{headers}{'x-connection'} => 1 } 1 .. 6;

    is scalar(keys %connections), 1, 'one handshake for all';
};

sub named ($path, @services) {
    my (%connections, @names);

    for my $service (@services) {
        my $r = $c->get("$path?service=$service");

        push @names, $r->{headers}{'x-name'} // "status $r->{status}";
        $connections{$service}{ $r->{headers}{'x-connection'} // '' }++;
    }

    return (\@names, \%connections);
}

subtest 'two services of one address are kept apart by name' => sub {
    my @services = qw(alpha beta alpha gamma beta gamma alpha alpha beta);
    my ($names, $connections) = named('/named', @services);

    is_deeply $names, \@services, 'each request by a connection with its own name';
    is_deeply [map { scalar keys $connections->{$_}->%* } qw(alpha beta gamma)], [1, 1, 1],
        'one each, kept';
};

subtest 'also in the upstream that the registry declares' => sub {
    my @services = qw(alpha beta alpha beta);
    my ($names) = named('/registry', @services);

    is_deeply $names, \@services, 'each its own name';
};

$c->close;
done_testing;
