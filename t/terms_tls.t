#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# TLS by the terms of a service: whether it is spoken, the name that is asked for, and whose word
# is taken for it, as it is while nginx runs.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $cert  = certificate();
my $other = certificate('other');

# The peers are nginx too, which tells how it was shaken hands with.

my $peers = nginx(module => 0, workers => 1,
    vars => { %$cert, other_cert => $other->{cert}, other_key => $other->{key} }, http => <<'EOF');
    keepalive_timeout 60s;
    add_header X-Name       $ssl_server_name;
    add_header X-Reused     $ssl_session_reused;
    add_header X-Connection $connection;
    add_header X-Scheme     $scheme;
    add_header X-Client     $ssl_client_verify;

    server {
        listen 127.0.0.1:%%PORT_1%% ssl;
        ssl_certificate        %%cert%%;
        ssl_certificate_key    %%key%%;
        ssl_client_certificate %%other_cert%%;
        ssl_verify_client      optional;
        return 204;
    }
    server {
        listen 127.0.0.1:%%PORT_2%% ssl;
        ssl_certificate     %%other_cert%%;
        ssl_certificate_key %%other_key%%;
        return 204;
    }
    server { listen 127.0.0.1:%%PORT_3%%; return 204; }
    server {
        listen 127.0.0.1:%%PORT_4%% ssl;
        keepalive_timeout   0;
        ssl_certificate     %%cert%%;
        ssl_certificate_key %%key%%;
        location / { return 204; }  # outside, nginx would say "keep-alive" and close
    }
EOF

my %peer  = map { ("PEER_$_" => '127.0.0.1:' . $peers->port($_)) } 1 .. 4;
my %trust = (own => $cert->{cert}, other => $other->{cert});

my $ng = nginx(start => 0,
    vars => { %$cert, %peer, other_cert => $other->{cert}, other_key => $other->{key} }, http => <<'EOF');
    kerberos_registry services.yaml;
    upstream foreign {
        kerberos_service $arg_service;
        keepalive 4;
    }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_next_upstream off;
    server {
        listen 127.0.0.1:%%PORT%%;
        kerberos_service $arg_service;
        location = /status { kerberos_status; }
        location = /plain  { proxy_pass http://kerberos; }
        location = /tls    { proxy_pass https://kerberos; }
        location = /foreign { proxy_pass http://foreign; }
        location = /unverified { proxy_ssl_session_reuse off; proxy_pass https://kerberos; }
        location = /verified {
            proxy_ssl_verify on;
            proxy_ssl_name localhost;
            proxy_ssl_trusted_certificate %%cert%%;
            proxy_pass https://kerberos;
        }
        location = /client {
            proxy_ssl_certificate     %%other_cert%%;
            proxy_ssl_certificate_key %%other_key%%;
            proxy_pass https://kerberos;
        }
        location = /grpc    { grpc_pass grpc://kerberos; }
        location = /grpcs   { grpc_pass grpcs://kerberos; }
        location = /fastcgi { fastcgi_pass kerberos; }
        location = /uwsgi   { uwsgi_pass kerberos; }
    }
EOF

# A service of one peer: its number and scheme, and what it says of TLS.

sub service_of ($n, $tls = '') {
    my $scheme = $n == 3 ? 'http' : 'https';
    my $yaml   = "    breaker: off\n    peers: [$scheme://$peer{\"PEER_$n\"}]\n";

    return $tls ? "$yaml    tls: {$tls}\n" : $yaml;
}

sub registry (%services) {
    return join '', "allow_shrink: true\nservices:\n", map {"  $_:\n$services{$_}"} sort keys %services;
}

sub change ($yaml, $done = undef) {
    my $before = status($ng)->{generation};

    $ng->write_file('services.yaml.new', $yaml);
    rename $ng->path('services.yaml.new'), $ng->path('services.yaml') or die $!;

    return wait_for { $done ? $done->() : status($ng)->{generation} > $before };
}

sub get ($path, $service) { return http_get($ng->port, "$path?service=$service") }
sub got ($path, $service) { return get($path, $service)->{status} }
sub name ($path, $service) { return get($path, $service)->{headers}{'x-name'} }

$ng->write_file('services.yaml', registry(a => service_of(1), plain => service_of(3)));
$ng->start;

subtest 'a service\'s scheme, whatever the location\'s' => sub {
    is get('/plain', 'a')->{headers}{'x-scheme'},     'https', 'https peers of "proxy_pass http"';
    is get('/tls', 'a')->{headers}{'x-scheme'},       'https', 'and of "https"';
    is get('/plain', 'plain')->{headers}{'x-scheme'}, 'http',  'http peers of "http"';
    is get('/tls', 'plain')->{headers}{'x-scheme'},   'http',  'and of "https"';

    ok change(registry(a => service_of(3))), 'another scheme';
    is get('/plain', 'a')->{headers}{'x-scheme'}, 'http', 'is spoken from then on';
    ok change(registry(a => service_of(1), plain => service_of(3))), 'and back';
    is get('/plain', 'a')->{headers}{'x-scheme'}, 'https', 'again';

    is get('/client', 'a')->{headers}{'x-client'}, 'SUCCESS', 'with the certificate of a location that speaks TLS';
};

subtest 'requests that cannot be the same with TLS' => sub {
    $ng->allow(qr/the peers of service "\w+" (?:do not )?speak TLS/);
    is got('/grpc', 'a'),      502, 'gRPC to https peers by "grpc://"';
    is got('/grpcs', 'plain'), 502, 'and to http peers by "grpcs://"';
    is got('/fastcgi', 'a'),   502, 'FastCGI';
    is got('/uwsgi', 'a'),     502, 'uwsgi';
    ok $ng->wait_for_log(qr/the peers of service "a" speak TLS, and "grpc_pass" here does not/), 'the log tells why';
    ok $ng->wait_for_log(qr/the peers of service "plain" do not speak TLS, and "grpc_pass" here does/), 'both ways';
};

subtest 'the name that is asked for' => sub {
    is name('/plain', 'a'), undef, 'none, as the location has it';
    ok change(registry(a => service_of(1, 'name: first.example'))), 'one is said';

    my $c = http_connect($ng->port);
    my %used;

    for (1 .. 4) {
        my $r = $c->get('/plain?service=a');
        is $r->{headers}{'x-name'}, 'first.example', 'it is asked for';
        $used{ $r->{headers}{'x-connection'} }++;
    }
    is scalar(keys %used), 1, 'by a connection that is kept';

    ok change(registry(a => service_of(1, 'name: second.example'))), 'another one';
    for (1 .. 4) {
        my $r = $c->get('/plain?service=a');
        is $r->{headers}{'x-name'}, 'second.example', 'no connection of the old name is used';
        ok !$used{ $r->{headers}{'x-connection'} }, 'another connection';
    }

    is $c->get('/foreign?service=a')->{headers}{'x-name'}, 'second.example', 'nginx keeps one';
    ok change(registry(a => service_of(1, 'name: third.example'))), 'a third one';
    is $c->get('/foreign?service=a')->{headers}{'x-name'}, 'third.example', 'nor where nginx keeps them';
    $c->close;
};

subtest 'sessions are of one name' => sub {
    my $c      = http_connect($ng->port);
    my $reused = sub ($count) { return join '', map { $c->get('/plain?service=s')->{headers}{'x-reused'} } 1 .. $count };

    ok change(registry(s => service_of(4, 'name: first.example'))), 'one name';
    is $reused->(4), '.rrr', 'its session is resumed';
    ok change(registry(s => service_of(4, 'name: second.example'))), 'another';
    is $reused->(4), '.rrr', 'has its own';
    ok change(registry(s => service_of(4, "name: second.example, trusted_certificate: $trust{own}, verify: false"))), 'other authorities';
    is $reused->(4), '.rrr', 'have their own';
    $c->close;
};

subtest 'verification' => sub {
    my $error = qr/upstream SSL certificate (?:verify error|does not match)/;

    $ng->allow($error);

    my @cases = (
        [200, "name: localhost, trusted_certificate: $trust{own}",                  'who it shall be, by who is trusted'],
        [502, "name: localhost, trusted_certificate: $trust{other}",                'by who is not trusted'],
        [502, "name: other, trusted_certificate: $trust{own}",                      'another than it shall be'],
        [200, "name: localhost, trusted_certificate: $trust{own}, verify: true",    'asked for'],
        [200, "name: other, trusted_certificate: $trust{other}, verify: false",     'not asked for'],
        [502, "name: localhost, trusted_certificate: $trust{other}, verify: true",  'asked for again'],
        [200, "name: localhost, trusted_certificate: $trust{own}",                  'and good again'],
    );

    for my $case (@cases) {
        my ($expected, $tls, $what) = @$case;
        my $ok = $expected == 200 ? 204 : $expected;

        ok change(registry(v => service_of(1, $tls))), $what;
        is got($_, 'v'), $ok, $_ for qw(/plain /tls /unverified /foreign /plain);
    }

    ok change(registry(v => service_of(1, "name: localhost, trusted_certificate: $trust{other}"))), 'in a location that verifies itself';
    is got('/verified', 'v'), 502, 'the service\'s authorities count';
    ok change(registry(v => service_of(2, "name: other, trusted_certificate: $trust{other}"))), 'and its name';
    is got('/verified', 'v'), 204, 'counts';
    ok change(registry(v => service_of(1))), 'nothing said';
    is got('/verified', 'v'), 204, 'then the location\'s count';
    ok change(registry(v => service_of(2))), 'another peer';
    is got('/verified', 'v'), 502, 'is not trusted there';
    ok change(registry(v => service_of(2, 'verify: false'))), 'unless the service says that it need not be';
    is got('/verified', 'v'), 204, 'it need not';
};

subtest 'no request fails, however often all of it changes' => sub {
    my @terms = (
        [1, "name: localhost, trusted_certificate: $trust{own}", 'https localhost'],
        [2, "name: other, trusted_certificate: $trust{other}",   'https other'],
        [3, '',                                                  'http '],
        [1, 'name: third.example',                               'https third.example'],
    );
    my %wrong;

    ok change(registry(w => service_of(@{ $terms[0] }[0, 1]))), 'in force';

    for my $n (1 .. 16) {
        my ($old, $new) = @terms[($n - 1) % 4, $n % 4];
        my $yaml = registry(w => service_of(@$new[0, 1]) . ($n % 3 ? "    keepalive: $n\n" : ''));
        my $changed = fork // die "fork: $!";

        # Beside the requests, so that these meet it at any point.

        if (!$changed) {
            $ng->write_file("services.yaml.$n", $yaml);
            rename $ng->path("services.yaml.$n"), $ng->path('services.yaml');
            require POSIX;
            POSIX::_exit(0);
        }

        my %seen;

        for my $round (1 .. 1000) {
            for my $r (http_parallel(8, $ng->port, '/plain?service=w')) {
                my $told = "$r->{status} " . join ' ', map { $_ // '' } @{ $r->{headers} }{qw(x-scheme x-name)};

                $seen{$told}++;
                $wrong{$told}++ if $told ne "204 $old->[2]" && $told ne "204 $new->[2]";
            }
            last if ($seen{"204 $new->[2]"} // 0) >= 16;
        }
        ok $seen{"204 $new->[2]"}, "$n: taken over";
        waitpid $changed, 0;
    }
    is_deeply \%wrong, {}, 'all are served, by what was in force before or is now';
    ok change(registry(v => service_of(1))), 'and back';
};

subtest 'what is not safe is refused' => sub {
    my %wrong = (
        'verify: true'                                    => qr/"verify" of service "v" without "trusted_certificate"/,
        'name: localhost, verify: true'                   => qr/"verify" of service "v" without "trusted_certificate"/,
        'trusted_certificate: missing.pem'                => qr{services\.yaml:6:32: trusted_certificate "missing\.pem": open\(\) "\S+/missing\.pem" failed \(2: No such file.* \^}s,
        'trusted_certificate: services.yaml'              => qr{trusted_certificate "services\.yaml": is not one or more certificates in PEM},
        "name: localhost, trusted_certificate: $cert->{key}" => qr/is not one or more certificates in PEM/,
    );
    my $before = status($ng)->{generation};

    $ng->allow(qr/services\.yaml|not taken over|\[error\] \S+ +\d* \| /);

    for my $tls (sort keys %wrong) {
        ok change(registry(v => service_of(1, $tls)), sub { (status($ng)->{config}{error}{message} // '') =~ $wrong{$tls} }), $tls;

        my ($code, $said) = $ng->config_test;
        is $code, 1, 'by nginx -t too';
        like $said, $wrong{$tls}, 'with the same words';
    }
    is status($ng)->{generation}, $before, 'nothing has changed';
    is got('/plain', 'v'), 204, 'and all goes on';
};

subtest 'a file beside nginx.conf, which is gone later' => sub {
    my $pem = do { local (@ARGV, $/) = $cert->{cert}; <> };

    $ng->write_file('authorities.pem', $pem);
    ok change(registry(v => service_of(1, 'name: localhost, trusted_certificate: authorities.pem'))), 'taken over';
    unlink $ng->path('authorities.pem') or die $!;
    is got('/plain', 'v'), 204, 'what was read counts';
};

done_testing;
