#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# N5: a response that breaks off, or never ends, is a failure of the peer. nginx has made up its
# mind when it has the header.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Stock;

my @CASES = (
    ['cut',    'truncate', 20, 'a response that is cut short'],
    ['direct', 'truncate', 20, 'a response that is cut short, and not buffered'],
    ['stall',  'stall',    5,  'a response that comes to a halt'],
);

my $b  = backend(2);
my $ng = gateway(backend => $b, http => join('', map {<<"EOT"} @CASES) . <<'EOF');
    upstream $_->[0] {
        stock:    zone $_->[0] 64k;
        stock:    server %%BACKEND_1%% max_fails=2 fail_timeout=1h;
        kerberos: server %%BACKEND_1%%;
        kerberos: kerberos_breaker threshold=2 timeout=1h;
        server %%BACKEND_2%% backup;
    }
EOT
    server {
        listen 127.0.0.1:%%PORT%%;
        location /cut    { proxy_pass http://cut; }
        location /direct { proxy_pass http://direct; proxy_buffering off; }
        location /stall  { proxy_pass http://stall; proxy_read_timeout 500ms; }
    }
EOF

for my $case (@CASES) {
    my ($service, $mode, $count, $what) = @$case;

    subtest $what => sub {
        $b->mode(1, $mode);

        my $broken = 0;
        my $came   = reached($b, 1, sub {
            $broken += defined fetch($ng, "/$service")->{error} for 1 .. $count;
        });

        is $came, 2, 'N5: two are enough';
        is $broken, 2, 'N5: all other clients are served whole, elsewhere';
    };
}

done_testing;
