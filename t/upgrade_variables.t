#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# A new binary takes over by USR2. nginx clears its environment but for what "env" names; the
# variables that the registry uses are there all the same, or it would not start.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Daemon;

my $b  = backend(1);
my $ng = nginx(backend => $b, start => 0, daemon => 1, http => <<'EOF');
    kerberos_registry services.yaml env:;
    server {
        listen 127.0.0.1:%%PORT%%;
        location / { kerberos_service user; proxy_pass http://kerberos; }
    }
EOF

my $url = 'http://' . $b->address(1);

$ng->configure;
$ng->write_file('services.yaml', "file: [\"\${T_URL}\"]\n");

my $daemon = do {
    delete local @ENV{grep {/_SVC_/} keys %ENV};
    local @ENV{qw(T_URL USER_SVC_INSTANCES)} = ($url, "a:$url\::1:30s");
    Kerberos::Test::Daemon->new($ng);
};
my $old = $daemon->pid;

is http_get($ng->port, '/')->{status}, 200, 'it serves';
isnt $daemon->upgrade, $old, 'a new binary runs';
ok $daemon->retire, 'the old one ends';
is http_get($ng->port, '/')->{status}, 200, 'the new one serves';

$daemon->stop;
is_deeply [$ng->problems], [], 'without a complaint';

done_testing;
