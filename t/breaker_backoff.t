#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# How long a breaker stays open: never shorter than `timeout`, doubling up to `max_timeout` on
# evidence, and falling back on evidence only.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b = backend(6);

my $jittery = join ' ', map {"server %%BACKEND_6%% weight=$_;"} 1 .. 8;

my $ng = nginx(backend => $b, http => <<"EOT" . <<'EOF');
    kerberos_breaker threshold=1 timeout=200ms jitter=0%;

    # Eight peers by name, and one backend.
    upstream jittery {
        $jittery
        kerberos_breaker timeout=2s jitter=50%;
    }
EOT
    upstream growing { server %%BACKEND_1%%; kerberos_breaker max_timeout=500ms window=1h; }
    upstream quiet   {
        server %%BACKEND_2%%;
        kerberos_breaker max_timeout=10m window=100ms min_requests=5;
    }
    upstream busy    {
        server %%BACKEND_3%%;
        kerberos_breaker max_timeout=10m window=100ms min_requests=5;
    }
    upstream ramping {
        server %%BACKEND_4%%;
        server %%BACKEND_5%%;
        kerberos_breaker max_timeout=10m window=1h ramp=1h;
    }
    upstream flat    {
        server %%BACKEND_4%%;
        server %%BACKEND_5%%;
        kerberos_breaker ramp=1h;
    }

    server {
        listen 127.0.0.1:%%PORT%%;

        location = /status { kerberos_status; }
        location ~ ^/(?<name>\w+) { proxy_pass http://$name; }
    }
EOF

sub breaker ($service, $n) { return peer(status($ng), $service, $b->address($n))->{breaker} }

# Returns when it has been judged: nginx closes a connection when it has let go of the peer.

sub get ($service) {
    my $c = http_connect($ng->port)->ask('GET', "/$service", close => 1);
    my $r = $c->response;

    $c->is_closed;

    return $r->{status};
}

# The open times of a service, as the log has them.
sub spans ($service) {
    return map {/circuit OPEN service "$service".* probe in (\S+)s$/ ? $1 : ()} $ng->log_lines;
}

# Fails a peer until its breaker has opened so many times more.

sub trip ($service, $n, $times = 1) {
    my $wanted = breaker($service, $n)->{trips} + $times;

    $b->mode($n, 'status', status => 500);
    wait_for { get($service); breaker($service, $n)->{trips} >= $wanted } or die "stays in\n";
    $b->mode($n, 'ok');

    return;
}

sub heal ($service, $n) {
    wait_for { get($service); breaker($service, $n)->{state} eq 'closed' } or die "stays open\n";
    return;
}


subtest 'each failed probe doubles it, up to max_timeout' => sub {
    trip('growing', 1);
    is breaker('growing', 1)->{doublings}, 0, 'a first failure is no pattern';
    trip('growing', 1);
    is breaker('growing', 1)->{doublings}, 1, 'a failed probe is';
    trip('growing', 1, 2);
    is_deeply [spans('growing')], [qw(0.2 0.4 0.5 0.5)], 'the open times'
        or diag join ' ', $ng->log_lines(qr/growing/);
    is breaker('growing', 1)->{doublings}, 2, 'no more than max_timeout needs';
};

subtest 'kept where the peer has served next to nothing since' => sub {
    heal('growing', 1);
    is breaker('growing', 1)->{doublings}, 2, 'closed, and remembered';
    get('growing') for 1 .. 30;
    is breaker('growing', 1)->{doublings}, 2, 'not a whole window yet';
    trip('growing', 1);
    is +(spans('growing'))[-1], '0.5', 'it begins where it was';
};

subtest 'falls back by good service, not by time' => sub {
    for my $service (['quiet', 2], ['busy', 3]) {
        trip(@$service, 2);
        heal(@$service);
        is breaker(@$service)->{doublings}, 1, "$service->[0]: one";
    }

    ok wait_for { get('busy'); breaker('busy', 3)->{doublings} == 0 },
        'a window with enough requests takes one back';
    is breaker('quiet', 2)->{doublings}, 1, 'time alone takes none';
    get('quiet');
    is breaker('quiet', 2)->{doublings}, 1, 'nor does a request now and then';
};

subtest 'to open again while traffic returns doubles it, too' => sub {
    trip('ramping', 4);
    heal('ramping', 4);
    cmp_ok breaker('ramping', 4)->{ramp}, '<', 1, 'it has a part of its share';
    is breaker('ramping', 4)->{doublings}, 0, 'and no doubling';
    trip('ramping', 4);
    is breaker('ramping', 4)->{reason}, 'consecutive', 'not a probe, but a request like any other';
    is breaker('ramping', 4)->{doublings}, 1, 'counts as one';

    trip('flat', 4);
    heal('flat', 4);
    trip('flat', 4);
    is breaker('flat', 4)->{doublings}, 0, 'unless there is nothing to double to';
};

subtest 'never shorter than timeout, and longer by the jitter at most' => sub {
    $b->mode(6, 'status', status => 500);

    my @peers = service(status($ng), 'jittery')->{peers}->@*;
    my $before = now();
    get('jittery') for 1 .. 60;
    my @open = grep { $_->{breaker}{state} eq 'open' } service(status($ng), 'jittery')->{peers}->@*;
    my $took = now() - $before;
    my @wait = map { $_->{breaker}{retry_in} } @open;

    is @open, @peers, 'all are open';

    # What has passed since is not known, but at most all of it. nginx's clock is coarse.
    is_deeply [grep { $_ + $took < 1.99 } @wait], [], 'two seconds at least';
    is_deeply [grep { $_ > 3.01 } @wait], [], 'three at most';

    my %different = map { $_ => 1 } spans('jittery');
    is_deeply [grep { $_ < 2 || $_ > 3 } keys %different], [], 'the log agrees';
    cmp_ok keys %different, '>', 1, 'and they do not come back together';
};

done_testing;
