#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# When kept connections end: with their peer's place, with their worker, with the configuration;
# and one that had ended unnoticed harms neither the client nor the peer.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b  = backend(4);
my $ng = nginx(workers => 4, backend => $b, http => <<'EOF');
    upstream u {
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        kerberos_breaker threshold=2 timeout=10m;
    }
    upstream single {
        server %%BACKEND_3%%;
        kerberos_breaker threshold=1 timeout=100ms jitter=0%;
    }
    upstream watched {
        server %%BACKEND_3%%;
        kerberos_breaker threshold=1 timeout=300ms jitter=0% mode=observe;
    }
    upstream pair {
        server %%BACKEND_3%%;
        server %%BACKEND_4%%;
        kerberos_breaker threshold=1 timeout=10m;
    }
    upstream small {
        server %%BACKEND_4%%;
        kerberos_keepalive 32;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        keepalive_requests 10000;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        location = /status { kerberos_status; }
        location / {
            rewrite ^/([^/]+) /$1 break;
            add_header X-Addr $upstream_addr always;
            add_header X-Tries $kerberos_attempts always;
            add_header X-Pid $pid always;
            add_header X-Breaker $kerberos_breaker always;
            proxy_pass http://$1;
        }
        location /one/ {
            rewrite ^/one/([^/]+) /$1 break;
            add_header X-Addr $upstream_addr always;
            proxy_next_upstream_tries 1;
            proxy_pass http://$1;
        }
    }
EOF

sub idle ($service, $peer) { return peer(status($ng), $service, $b->address($peer))->{idle} }

sub state_of ($service, $peer) {
    return peer(status($ng), $service, $b->address($peer))->{breaker}{state};
}

# A client connection to each worker, by its pid.

sub clients () {
    my %client;

    wait_for {
        my $c = http_connect($ng->port);
        my $pid = $c->get('/small')->{headers}{'x-pid'};

        $client{$pid} //= $c;
        keys %client == $ng->workers;
    } or die "not every worker takes connections\n";

    return %client;
}

my %client = clients();
my @client = values %client;
my $c      = $client[0];


subtest 'a peer that goes out has none, in any worker' => sub {
    for (1 .. 4) {
        for my $c (@client) { $c->get('/u') for 1 .. 2 }
    }

    my $open = sub { $b->counters(1)->{open} + $b->counters(2)->{open} };
    ok wait_for { idle('u', 1) + idle('u', 2) == $open->() }, 'all are kept that are open';
    cmp_ok idle('u', $_), '>=', 2, "peer $_: by several workers" for 1, 2;
    my $other = idle('u', 2);

    $b->mode(1, 'status', status => 500, times => 2);
    $c->get('/u') for 1 .. 4;
    is state_of('u', 1), 'open', 'one is out';

    ok wait_for { idle('u', 1) == 0 }, 'none is kept to it, says the status';
    ok wait_for { $b->counters(1)->{open} == 0 }, 'says the peer';
    is idle('u', 2), $other, 'the other has lost none';
};

subtest 'one that would be out has' => sub {
    $c->get('/watched');
    $b->mode(3, 'status', status => 500, times => 1);
    is $c->get('/watched')->{status}, 500, 'a failure';
    is state_of('watched', 3), 'open', 'mode=observe: it would be out';
    ok wait_for { idle('watched', 3) == 1 }, 'and has one';

    my $before = $b->counters(3)->{accepted};
    my @met;

    ok wait_for { push @met, $c->get('/watched')->{headers}{'x-breaker'}; $met[-1] eq 'HALF_OPEN' },
        'a request that would be a probe';
    is $b->counters(3)->{accepted}, $before + 1, 'opens its own, and no other did';
};

subtest 'a probe opens its own' => sub {
    $c->get('/single');
    $b->mode(3, 'status', status => 500, times => 1);
    $c->get('/single');
    ok wait_for { idle('single', 3) == 0 }, 'closed when the peer went out';

    my $before = $b->counters(3)->{accepted};
    ok wait_for { $c->get('/single')->{status} == 200 }, 'a probe brings it back';
    is $b->counters(3)->{accepted}, $before + 1, 'by a connection of its own';
    ok wait_for { idle('single', 3) == 1 }, 'which is kept';
    $c->get('/single');
    is $b->counters(3)->{accepted}, $before + 1, 'and used';
};

subtest 'one that the peer closed unnoticed' => sub {
    $c->get('/single');
    my $before = peer(status($ng), 'single', $b->address(3));

    # As if it was closed just when the request was on its way.
    $b->mode(3, 'close', times => 1);
    my $r = $c->get('/one/single');

    is $r->{status}, 200, 'the request is sent again, though it has one try';
    is $r->{headers}{'x-addr'}, join(', ', ($b->address(3)) x 2), 'to the same peer';

    my $after = peer(status($ng), 'single', $b->address(3));
    is $after->{failures}, $before->{failures}, 'no failure was counted';
    is $after->{neutral}, $before->{neutral} + 1, 'but one attempt that says nothing';
    is $after->{causes}{stale}, ($before->{causes}{stale} // 0) + 1, 'by its cause';
    is $after->{breaker}{state}, 'closed', 'threshold=1, and closed';
};

subtest 'a request asks that peer by a new connection, then' => sub {
    my @c = map { http_connect($ng->port) } 1 .. 12;

    $b->mode(4, 'delay', delay => 0.2);
    $_->ask('GET', '/small') for @c;
    my %kept;
    $kept{ $_->response->{headers}{'x-pid'} }++ for @c;
    $b->mode(4, 'ok');

    my ($most) = grep { $kept{$_} > 1 } keys %kept;
    cmp_ok $kept{$most}, '>', 1, 'a worker keeps several';

    my $before = $b->counters(4)->{accepted};
    $b->mode(4, 'close', times => 1);

    my $r = $client{$most}->get('/small');
    is $r->{status}, 200, 'answered';
    is $b->counters(4)->{accepted}, $before + 1, 'by a new one';
};

subtest 'no failure where all peers did' => sub {
    $c->get('/pair') for 1 .. 2;
    $b->mode($_, 'close', times => 1) for 3, 4;

    my $r = $c->get('/pair');
    is $r->{status}, 200, 'a third attempt succeeds';
    is scalar(split /, /, $r->{headers}{'x-addr'}), 3, 'it is the third';

    my $st = status($ng);
    is_deeply [map { peer($st, 'pair', $b->address($_))->{failures} } 3, 4], [0, 0], 'no failures';
};

subtest 'a killed worker keeps none' => sub {
    $b->mode(4, 'close_idle');
    ok wait_for { idle('small', 4) == 0 }, 'none is kept';
    $_->get('/small') for @client;
    ok wait_for { idle('small', 4) == 4 }, 'each worker keeps one';

    my $victim = (sort keys %client)[0];
    $ng->kill_worker($victim);

    ok wait_for { idle('small', 4) == 3 }, 'one less';
    ok wait_for { $b->counters(4)->{open} >= 3 }, 'the others are open';

    $ng->kill_worker($_) for grep { $_ != $victim } keys %client;
    ok wait_for { idle('small', 4) == 0 }, 'none when all have died';
};

subtest 'a reload closes them at once' => sub {
    %client = clients();
    $_->get('/small') for values %client;
    ok wait_for { idle('small', 4) >= 4 }, 'each worker keeps some';
    $_->close for values %client;

    my $since = now();
    ok $ng->reload, 'the old workers are gone';
    cmp_ok now() - $since, '<', 5, 'before any of them is old';
    is idle('small', 4), 0, 'none is kept';
    ok wait_for { $b->counters(4)->{open} == 0 }, 'nor open';
};

subtest 'also where something else is not over' => sub {
    http_get($ng->port, '/small') for 1 .. 8;
    $b->mode(3, 'hang');
    my $hanging = http_connect($ng->port)->ask('GET', '/watched');
    ok wait_for { $b->counters(3)->{in_flight} == 1 }, 'a request is under way';

    ok $ng->reload(wait => 'new'), 'there are new workers';
    ok wait_for { $b->counters(4)->{open} == 0 }, 'nothing is open to the other peer';
    is $b->counters(3)->{in_flight}, 1, 'the request is still under way';
    $hanging->close;
    $b->mode(3, 'ok');
};

subtest 'so does an end' => sub {
    http_get($ng->port, '/small') for 1 .. 8;
    ok wait_for { idle('small', 4) > 0 }, 'some are kept';

    my $since = now();
    ok $ng->stop, 'ended';
    cmp_ok now() - $since, '<', 5, 'at once';
    ok wait_for { $b->counters(4)->{open} == 0 }, 'nothing is open';
};

# Such an nginx can open no connections after a reload, with or without us. What it asks is asked by
# a connection that was there before.

subtest 'without a master, at a reload' => sub {
    my $ng = nginx(start => 0, main => 'master_process off;', backend => $b, http => <<'EOF');
    upstream u { server %%BACKEND_1%%; server %%BACKEND_2%%; kerberos_breaker off; }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /status { kerberos_status; }
        location / { proxy_pass http://u; }
    }
EOF

    $ng->{pid} = $ng->run_binary('stderr', qw(-e error.log -c nginx.conf));
    wait_for { http_get($ng->port, '/status')->{status} == 200 } or die "nginx does not answer\n";

    my ($c, $busy) = map { http_connect($ng->port) } 1, 2;
    my $open = sub { my $sum = 0; $sum += $b->counters($_)->{open} for 1, 2; $sum };
    my $idle = sub {
        my $status = decode_json($c->get('/status')->{body});
        return [map { $_->{idle} } service($status, 'u')->{peers}->@*];
    };

    $c->get('/') for 1 .. 4;
    is_deeply $idle->(), [1, 1], 'each peer has one';

    $b->mode($_, 'delay', delay => 0.5) for 1, 2;
    $busy->ask('GET', '/');
    ok wait_for { $b->counters(1)->{in_flight} + $b->counters(2)->{in_flight} == 1 }, 'one is used';

    $ng->mark_log;
    kill HUP => $ng->{pid};
    ok $ng->wait_for_log(qr/: using the "\w+" event method/), 'reloaded';
    is_deeply $idle->(), [0, 0], 'none is kept';
    ok wait_for { $open->() == 1 }, 'but for the one in use';
    is $busy->response->{status}, 200, 'which ends well';
    ok wait_for { $open->() == 0 }, 'and is closed';
    is_deeply $idle->(), [0, 0], 'nobody thinks otherwise';
    $b->mode($_, 'ok') for 1, 2;
};

done_testing;
