#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# A new binary takes over by USR2, with shared memory of its own: what DNS said last it has from the
# disk, so that it serves though nobody answers, and from then on it follows names itself.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Daemon;
use Kerberos::Test::Log qw(slurp);
use Kerberos::Test::Names;

my $port = port();
my @at   = map {"$_:$port"} qw(127.0.0.2 127.0.0.3 127.0.0.4);
my $b    = backend(@at);
my $dns  = dns('users.test' => ['127.0.0.2']);
my $ng   = nginx(start => 0, daemon => 1, http => gateway($dns, 'kerberos_state state;'));

sub kept () { return slurp($ng->path('state/names.json')) }

$ng->write_file('services.yaml', "users: [http://users.test:$port]\n");

my $daemon = Kerberos::Test::Daemon->new($ng->configure);
my $old    = $daemon->pid;

has($ng, 'users', [$at[0]], 'the old one asks');
$dns->set('users.test' => ['127.0.0.3']);
has($ng, 'users', [$at[1]], 'and follows');
ok wait_for { kept() =~ /127\.0\.0\.3/ }, 'that is on disk';

my $load = load($ng->port, '/users/');
$dns->mode('silent');

my $new = $daemon->upgrade;

is scalar($ng->wait_for_log(qr{\[notice\] $new#\d+: .*last answers of 1 names restored from })), 1,
    'the new one has read it';
$load->go_on;
ok $daemon->retire, 'the old one is gone';
is ids($ng, 'users'), $at[1], 'nobody tells the name, and the peer is there';
$load->go_on;

$dns->set('users.test' => ['127.0.0.4'])->mode('ok');
has($ng, 'users', [$at[2]], 'the new one follows', 20);
ok wait_for { kept() =~ /127\.0\.0\.4/ && kept() !~ /127\.0\.0\.3/ }, 'and keeps what it hears';

$load->go_on;
my %got = $load->end;
is_deeply [grep {!/^200 /} keys %got], [], 'no request has failed';

$daemon->stop;
is_deeply [$ng->problems], [], 'without a complaint';

done_testing;
