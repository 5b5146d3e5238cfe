#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# A kept connection serves only requests that would have opened the same one: TLS names, client
# certificates, what is verified and local addresses stay apart, at one and the same peer.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $cert  = certificate();
my $one   = certificate('one');
my $two   = certificate('two');

# The peers are nginx too, which tells by whom it was connected, and how.

my $peers = nginx(module => 0, workers => 1,
    vars => { %$cert, one => $one->{cert}, two => $two->{cert} }, http => <<'EOF');
    ssl_certificate     %%cert%%;
    ssl_certificate_key %%key%%;
    keepalive_requests  10000;
    add_header X-Name       $ssl_server_name;
    add_header X-Subject    $ssl_client_s_dn;
    add_header X-From       $remote_addr;
    add_header X-Connection $connection;

    server {
        listen 127.0.0.1:%%PORT_1%% ssl;
        ssl_verify_client optional_no_ca;
        return 204;
    }
    server { listen 127.0.0.1:%%PORT_2%%; return 204; }
EOF

my $ng = nginx(start => 0, workers => 1, vars => {
        %$cert,
        one_cert => $one->{cert}, one_key => $one->{key},
        two_cert => $two->{cert}, two_key => $two->{key},
        PEER => '127.0.0.1:' . $peers->port(1), PLAIN => '127.0.0.1:' . $peers->port(2),
    }, http => <<'EOF');
    kerberos_registry %%PREFIX%%/registry.yml;

    upstream tls   { server %%PEER%%;  kerberos_breaker off; }
    upstream many  { server %%PEER%%;  kerberos_keepalive 200; }
    upstream plain { server %%PLAIN%%; kerberos_breaker off; }
    upstream named { kerberos_service $arg_service; }

    map $arg_as $own_cert { one %%one_cert%%; two %%two_cert%%; default ''; }
    map $arg_as $own_key  { one %%one_key%%;  two %%two_key%%;  default ''; }

    proxy_http_version    1.1;
    proxy_set_header      Connection "";
    proxy_ssl_server_name on;

    server {
        listen 127.0.0.1:%%PORT%%;
        keepalive_requests 10000;
        location = /status { kerberos_status; }
        location /alpha { proxy_ssl_name alpha; proxy_pass https://tls; }
        location /beta  { proxy_ssl_name beta;  proxy_pass https://tls; }
        location /any   { proxy_ssl_name $arg_name; proxy_pass https://tls; }
        location /many  { proxy_ssl_name $arg_name; proxy_pass https://many; }
        location /nameless {
            proxy_ssl_name alpha;
            proxy_ssl_server_name off;
            proxy_pass https://tls;
        }
        location /verified {
            proxy_ssl_name localhost;
            proxy_ssl_verify on;
            proxy_ssl_trusted_certificate %%cert%%;
            proxy_pass https://tls;
        }
        location /distrusted {
            proxy_ssl_name alpha;
            proxy_ssl_verify on;
            proxy_ssl_trusted_certificate %%cert%%;
            proxy_pass https://tls;
        }
        location /certified {
            proxy_ssl_name alpha;
            proxy_ssl_certificate     $own_cert;
            proxy_ssl_certificate_key $own_key;
            proxy_pass https://tls;
        }
        location /named    { proxy_ssl_name $kerberos_service; proxy_pass https://named; }
        location /registry {
            kerberos_service $arg_service;
            proxy_ssl_name $kerberos_service;
            proxy_pass https://kerberos;
        }
        location /as/one {
            proxy_ssl_name alpha;
            proxy_ssl_certificate     %%one_cert%%;
            proxy_ssl_certificate_key %%one_key%%;
            proxy_pass https://tls;
        }
        location /as/two {
            proxy_ssl_name alpha;
            proxy_ssl_certificate     %%two_cert%%;
            proxy_ssl_certificate_key %%two_key%%;
            proxy_pass https://tls;
        }
        location /either {
            kerberos_service third;
            proxy_pass http://$arg_to;
        }
        location /plain { proxy_pass http://plain; }
        location /bound { proxy_bind $arg_from; proxy_pass http://plain; }
        location /fixed { proxy_bind 127.0.0.5; proxy_pass http://plain; }
    }
    server {
        listen 127.0.0.1:%%PORT_2%%;
        keepalive_requests 10000;
        proxy_ssl_name localhost;
        proxy_ssl_verify on;
        proxy_ssl_trusted_certificate %%cert%%;
        location /named { proxy_pass https://tls; }
        location /nameless { proxy_ssl_server_name off; proxy_pass https://tls; }
    }
EOF

$ng->write_file('registry.yml', <<'EOF');
first:  [https://%%PEER%%]
second: [https://%%PEER%%]
third:  [http://%%PLAIN%%]
EOF

$ng->start;

our $c = http_connect($ng->port);

# What the peer says of these requests: a header of each answer, and how many connections for each
# of its values.

sub seen ($header, @paths) {
    my (@said, %connections);

    for my $path (@paths) {
        my $r = $c->get($path);
        my $said = $r->{status} == 204 ? $r->{headers}{$header} // '-' : "status $r->{status}";

        push @said, $said;
        $connections{$said}{ $r->{headers}{'x-connection'} // '' }++;
    }

    return (\@said, { map { $_ => scalar keys $connections{$_}->%* } keys %connections });
}

sub idle ($service, $peer) { return peer(status($ng), $service, "127.0.0.1:$peer")->{idle} }


subtest 'TLS names of two locations' => sub {
    my ($said, $count) = seen('x-name', ('/alpha', '/beta', '/beta', '/alpha') x 3);

    is_deeply $said, [qw(alpha beta beta alpha) x 3], 'each request by a connection of its name';
    is_deeply $count, { alpha => 1, beta => 1 }, 'one each';
};

subtest 'TLS names that the request decides' => sub {
    my @names = map {"n$_"} 1 .. 10, reverse 1 .. 10;
    my ($said, $count) = seen('x-name', map {"/any?name=$_"} @names);

    is_deeply $said, \@names, 'each its own';
    is_deeply $count, { map { $_ => 1 } @names }, 'one each';
};

subtest 'more of them than are kept apart' => sub {
    my @names = map {"m$_"} 1 .. 100, 1 .. 100;
    my ($said) = seen('x-name', map {"/many?name=$_"} @names);

    is_deeply $said, \@names, 'each its own';
    is idle('many', $peers->port(1)), 64, 'those of 64 names stay';
};

subtest 'no name at all' => sub {
    my ($said, $count) = seen('x-name', '/alpha', '/nameless', '/alpha', '/nameless');

    is_deeply $said, ['alpha', '-', 'alpha', '-'], 'is no name';
    is_deeply $count, { alpha => 1, '-' => 1 }, 'and kept as well';

    # Where all else is inherited from the server

    local $c = http_connect($ng->port(2));
    ($said) = seen('x-name', '/named', '/nameless', '/named', '/nameless');
    is_deeply $said, ['localhost', '-', 'localhost', '-'], 'also where a name is verified';
};

subtest 'what was not verified' => sub {
    my ($said) = seen('x-name', '/alpha', '/verified', '/distrusted', '/alpha', '/distrusted');

    is_deeply $said, ['alpha', 'localhost', 'status 502', 'alpha', 'status 502'],
        'is never used where it must be';
};

subtest 'client certificates' => sub {
    my @as = (qw(one two two one), '', 'one');
    my ($said, $count) = seen('x-subject', map {"/certified?as=$_"} @as);

    is_deeply $said, [map { $_ ? "CN=$_" : '-' } @as], 'each request with its own';
    is_deeply [values %$count], [(1) x keys %$count], 'one connection each';

    ($said, $count) = seen('x-subject', map {"/as/$_"} qw(one two one two));
    is_deeply $said, [map {"CN=$_"} qw(one two one two)], 'of two locations';
    is_deeply $count, { 'CN=one' => 1, 'CN=two' => 1 }, 'one connection each';
};

subtest 'services of the registry' => sub {
    for my $path (qw(named registry)) {
        my @services = qw(first second second first second);
        my ($said, $count) = seen('x-name', map {"/$path?service=$_"} @services);

        is_deeply $said, \@services, "$path: each its own name";
        is_deeply $count, { first => 1, second => 1 }, 'one each';
    }
};

subtest 'two blocks that share a peer' => sub {
    my ($said) = seen('x-connection', map {"/either?to=$_&service=third"} qw(named kerberos) x 2);

    is_deeply [@$said[2, 3]], [@$said[0, 1]], 'keep their connections';
    isnt $said->[0], $said->[1], 'each its own';
};

subtest 'local addresses' => sub {
    my @from = map {"127.0.0.$_"} 2, 3, 3, 2, 4, 2;
    my ($said, $count) = seen('x-from', map {"/bound?from=$_"} @from);

    is_deeply $said, \@from, 'each request from its own';
    is_deeply $count, { map { $_ => 1 } @from }, 'one connection each';

    ($said, $count) = seen('x-from', '/plain', '/fixed', '/bound?from=', '/bound?from=127.0.0.5');
    is_deeply $said, [qw(127.0.0.1 127.0.0.5 127.0.0.1 127.0.0.5)], 'from one or from none';
    is_deeply $count, { '127.0.0.1' => 1, '127.0.0.5' => 1 }, 'however it is said';
};

$c->close;
done_testing;
