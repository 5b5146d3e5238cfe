#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# A new binary takes over by USR2. nginx clears its environment but for what "env" names; the
# variables that the registry uses are there all the same, or it would not start.

use v5.36;

use FindBin;
use POSIX ();
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Log qw(slurp);
use Kerberos::Test::Process qw(children is_alive title);

plan skip_all => 'the harness cannot preload sanitizers here' if $ENV{KERBEROS_PRELOAD};

my $b      = backend(1);
my $prefix = Kerberos::Test::Prefix->new(backend => $b, http => <<'EOF');
    kerberos_registry services.yaml env:;
    server {
        listen 127.0.0.1:%%PORT%%;
        location / { kerberos_service user; proxy_pass http://kerberos; }
    }
EOF

my $url = 'http://' . $b->address(1);
my $first;      # the master that is started, and the one that takes over
my $second;

sub workers ($master) { return grep { title($_) =~ /worker process$/ } children($master) }

END {
    local $?;

    for my $master (grep {$_} $second, $first) {
        kill QUIT => $master;
        wait_for { !is_alive($master) } 10 or kill KILL => $master;
    }
}

$prefix->configure;
$prefix->write_file('services.yaml', "file: [\"\${T_URL}\"]\n");

# nginx ignores USR2 while the process lives that started it: so somebody else does, and leaves.

my $starter = fork() // die "fork: $!";

if (!$starter) {
    delete @ENV{grep {/_SVC_/} keys %ENV};
    local @ENV{qw(T_URL USER_SVC_INSTANCES)} = ($url, "a:$url\::1:30s");

    if (!(fork() // die "fork: $!")) {
        open STDIN, '<', '/dev/null';
        open $_, '>>', $prefix->path('stderr') for *STDOUT, *STDERR;
        exec $ENV{NGINX_BINARY} || '/usr/sbin/nginx', '-p', $prefix->path . '/',
            qw(-e error.log -c nginx.conf)
            or POSIX::_exit(127);
    }
    wait_for { -s $prefix->path('nginx.pid') } 20;
    POSIX::_exit(0);
}

waitpid $starter, 0;
($first) = slurp($prefix->path('nginx.pid')) =~ /^(\d+)$/ or die "nginx did not start\n",
    slurp($prefix->path('stderr'));

ok((wait_for { workers($first) } 20), 'it runs');
is http_get($prefix->port, '/')->{status}, 200, 'and serves';

kill USR2 => $first;

my $ready = wait_for {
    ($second) = grep { title($_) =~ /master process/ } children($first);
    $second && workers($second)
} 20;
ok $ready, 'a new binary runs' or diag slurp($prefix->path('error.log'));

kill QUIT => $first;
ok((wait_for { !is_alive($first) } 20), 'the old one ends');
is http_get($prefix->port, '/')->{status}, 200, 'the new one serves';

done_testing;
