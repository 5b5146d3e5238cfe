#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# What "kerberos_keepalive" takes and refuses, and how it gets on with nginx's own "keepalive".

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b       = backend(2);
my $binary  = $ENV{NGINX_BINARY} || '/usr/sbin/nginx';
my $version = join '', map { sprintf '%03d', $_ }
    `$binary -v 2>&1` =~ m{nginx/(\d+)\.(\d+)\.(\d+)};

# nginx -t of a block with these lines and a server.

sub block ($lines) {
    return config_test(backend => $b, http => <<"EOF");
        upstream u {
            $lines
            server %%BACKEND_1%%;
        }
        server { listen 127.0.0.1:%%PORT%%; location / { proxy_pass http://u; } }
EOF
}


subtest 'accepted' => sub {
    for my $lines (
        'kerberos_keepalive 1;',
        'kerberos_keepalive 65535;',
        'kerberos_keepalive off;',
        'kerberos_keepalive 32 idle=60s requests=1000 total=100;',
        'kerberos_keepalive 32 total=1 requests=1 idle=1ms;',
        'kerberos_breaker off; kerberos_keepalive 32;',
    ) {
        my ($code, $said) = block($lines);

        is $code, 0, $lines;
        unlike $said, qr/\[(?:warn|emerg)\]/, 'no complaint';
    }
};

subtest 'refused' => sub {
    my %wrong = (
        'kerberos_keepalive;'               => qr/invalid number of arguments in/,
        'kerberos_keepalive 0;'             => qr/invalid value "0" in "kerberos_keepalive"/,
        'kerberos_keepalive -1;'            => qr/invalid value "-1" in/,
        'kerberos_keepalive 65536;'         => qr/invalid value "65536" in/,
        'kerberos_keepalive on;'            => qr/invalid value "on" in/,
        'kerberos_keepalive idle=1s;'       => qr/invalid value "idle=1s" in/,
        'kerberos_keepalive off idle=1s;'   => qr/invalid parameter "idle=1s"/,
        'kerberos_keepalive 1 idle=0;'      => qr/invalid parameter "idle=0"/,
        'kerberos_keepalive 1 idle=;'       => qr/invalid parameter "idle="/,
        'kerberos_keepalive 1 idle=soon;'   => qr/invalid parameter "idle=soon"/,
        'kerberos_keepalive 1 requests=0;'  => qr/invalid parameter "requests=0"/,
        'kerberos_keepalive 1 requests=x;'  => qr/invalid parameter "requests=x"/,
        'kerberos_keepalive 1 total=0;'     => qr/invalid parameter "total=0"/,
        'kerberos_keepalive 1 total=-5;'    => qr/invalid parameter "total=-5"/,
        'kerberos_keepalive 1 local;'       => qr/invalid parameter "local"/,
        'kerberos_keepalive 1 2;'           => qr/invalid parameter "2"/,
        'kerberos_keepalive 1 idle=1s idle=1s;'       => qr/parameter "idle" is duplicate/,
        'kerberos_keepalive 1 total=5 idle=1s total=6;' => qr/parameter "total" is duplicate/,
        'kerberos_keepalive 1; kerberos_keepalive 1;' =>
            qr/"kerberos_keepalive" directive is duplicate/,
        'kerberos_keepalive off; kerberos_keepalive 1;' =>
            qr/"kerberos_keepalive" directive is duplicate/,
    );

    for my $lines (sort keys %wrong) {
        my ($code, $said) = block($lines);

        is $code, 1, $lines;
        like $said, qr/\[emerg\] .*$wrong{$lines}.* in .*test\.conf:\d+/, 'says why, and where';
    }
};

subtest 'nginx\'s own goes first' => sub {
    my $ignored = qr/\[warn\] "kerberos_keepalive" is ignored in upstream "u": /;

    for my $lines (
        'keepalive 4; kerberos_keepalive 32;',
        'kerberos_keepalive 32; keepalive 4;',
        'kerberos_breaker off; keepalive 4; kerberos_keepalive 32 idle=1s;',
    ) {
        my ($code, $said) = block($lines);

        is $code, 0, $lines;
        like $said, $ignored, 'says that ours is ignored';
        is scalar(() = $said =~ /\[warn\]/g), 1, 'and no more';
    }

    for my $lines (
        'kerberos_breaker off; keepalive 4;',
        'keepalive 4; kerberos_breaker off;',
        'kerberos_keepalive off; keepalive 4;',
        $version >= 1_029_007 ? ('kerberos_keepalive 32; keepalive 0;') : (),
    ) {
        my ($code, $said) = block($lines);

        is $code, 0, $lines;
        unlike $said, qr/\[warn\]/, 'nothing that was asked for is ignored';
    }
};

subtest 'then it keeps them, and ours does not' => sub {
    my $ng = nginx(backend => $b, http => <<'EOF');
        upstream before  { keepalive 4; server %%BACKEND_1%%; kerberos_breaker off; }
        upstream after   { server %%BACKEND_1%%; kerberos_breaker off; keepalive 4; }
        upstream ignored { server %%BACKEND_1%%; kerberos_keepalive 8; keepalive 4; }
        upstream both    {
            server %%BACKEND_1%%;
            keepalive 4;
            keepalive_requests 2;
            kerberos_keepalive 8 requests=100;
        }
        upstream ours    { server %%BACKEND_1%%; kerberos_keepalive 8; }
        upstream neither { server %%BACKEND_1%%; kerberos_keepalive off; }
        upstream limits  { server %%BACKEND_1%%; keepalive_requests 2; kerberos_breaker off; }
        upstream said    {
            server %%BACKEND_1%%;
            keepalive_requests 2;
            kerberos_keepalive 8 requests=100;
        }
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        server {
            listen 127.0.0.1:%%PORT%%;
            location = /status { kerberos_status; }
            location / { rewrite ^/(.*) / break; proxy_pass http://$1; }
        }
EOF

    my $c    = http_connect($ng->port);
    my %kept = (
        before  => [1, 0],
        after   => [1, 0],
        ignored => [1, 0],
        both    => [3, 0],
        ours    => [1, 1],
        neither => [5, 0],
        limits  => [3, 1],
        said    => [1, 1],
    );

    for my $upstream (sort keys %kept) {
        my ($connections, $idle) = $kept{$upstream}->@*;

        $b->reset_counters;
        $c->get("/$upstream") for 1 .. 5;

        is $b->counters(1)->{accepted}, $connections, "$upstream: connections";
        is peer(status($ng), $upstream, $b->address(1))->{idle}, $idle, 'those that we keep';
    }

    $c->close;
};

done_testing;
