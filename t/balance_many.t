#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Ten thousand peers in one block, all but ten of them out: requests are answered by those ten,
# which share them as the method says. nginx itself would ask hundreds of dead peers for each.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(sum0);

use Kerberos::Test;
use Kerberos::Test::Balance qw(near);

use constant { PEERS => 10_000, ALIVE => 10 };

# Somebody listens at every thousandth address only. All of them are this machine.

my @all   = map { sprintf '127.%d.%d.%d', 1 + $_ % 7, $_ >> 8, $_ & 255 } 0 .. PEERS - 1;
my @alive = @all[map { 500 + 1000 * $_ } 0 .. ALIVE - 1];

my $servers = join "\n", map {"        server $_:%%PORT_2%%;"} @all;
my $listens = join "\n", map {"        listen $_:%%PORT_2%%;"} @alive;

sub gateway ($method) { return nginx(log => 'crit', http => <<"EOF") }
    kerberos_zone 128m;
    kerberos_breaker threshold=1 timeout=1h;
    upstream many {
$servers
        kerberos_balance $method;
    }
    server {
$listens
        return 200 \$server_addr;
    }
    server {
        listen 127.0.0.1:%%PORT%% reuseport;
        location = /status { kerberos_status; }
        location / { proxy_pass http://many; }
    }
EOF

# The document has megabytes: one number of it is enough.

sub available ($ng) {
    my ($number) = http_get($ng->port, '/status')->{body} =~ /"available":\s*(\d+)/;

    return $number;
}

# How many of so many requests each address answers, one after another, each with its own key.
# What is no answer counts by its status.

my $key = 0;

sub answers ($ng, $count) {
    my %by;

    for (1 .. $count / 20) {
        my $c = http_connect($ng->port, timeout => 30);

        $c->ask('GET', '/?k=' . $key++, close => $_ == 20) for 1 .. 20;
        $by{ $_->{status} == 200 ? $_->{body} : $_->{status} }++ for map { $c->response } 1 .. 20;
        $c->is_closed or die "the connection stays open\n";
    }

    return \%by;
}

# What each of the ten may have of a thousand requests.

my $even = sub ($n) { return $n == 100 };

my %FAIR = (
    'round_robin' => $even,
    'least_conn'  => $even,
    'random'      => sub ($n) { return near($n, 1000, 0.1) },
    'ewma'        => sub ($n) { return $n < 260 },    # the best of two: 200, and dice
    'hash $arg_k' => sub ($n) { return $n > 30 && $n < 200 },
);


for my $method (sort keys %FAIR) {
    subtest $method => sub {
        my $began = now();
        my $ng    = gateway($method);

        is available($ng), PEERS, 'all are in at first';

        # A request asks up to 32 peers; each that refuses is out from then on.
        my ($left, $requests) = (PEERS, 0);
        until ($left == ALIVE || $requests >= 4000) {
            answers($ng, 360);
            $requests += 360;
            $left = available($ng);
        }
        is $left, ALIVE, "all but ten are out after $requests requests";

        my $by = answers($ng, 1000);
        is_deeply [grep { !$FAIR{$method}->($by->{$_} // 0) } @alive], [], 'the ten share alike'
            or diag explain $by;
        is sum0(map { $by->{$_} // 0 } @alive), 1000, 'nobody else answers';

        my @r = http_parallel(100, $ng->port, '/?k=one');
        is scalar(grep { $_->{status} == 200 } @r), 100, 'many at once are answered';
        is available($ng), ALIVE, 'and still all others are out';
        note sprintf '%.1f s', now() - $began;
    };
}

done_testing;
