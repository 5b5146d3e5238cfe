#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# N9, N10: one breaker for all workers, without a `zone`, and as many probes as are asked for. Each
# worker of nginx has a breaker of its own; by a `zone` they share one, and it has a single probe,
# whose place nobody can take before fail_timeout has passed, dead as its worker may be.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Stock;

use constant WORKERS => 8;

my $b = backend(2);

# reuseport spreads connections over the workers: one is wanted for each.

my $ng = gateway(backend => $b, workers => WORKERS, http => <<'EOF');
    kerberos: kerberos_breaker threshold=2 timeout=300ms jitter=0% probe_timeout=1m;

    upstream alone {
        stock:    server %%BACKEND_1%% max_fails=2 fail_timeout=1s;
        kerberos: server %%BACKEND_1%%;
        kerberos: kerberos_breaker probes=1;
        server %%BACKEND_2%% backup;
    }
    upstream shared {
        stock:    zone shared 64k;
        stock:    server %%BACKEND_1%% max_fails=2 fail_timeout=1s;
        kerberos: server %%BACKEND_1%%;
        kerberos: kerberos_breaker probes=2;
        server %%BACKEND_2%% backup;
    }
    upstream orphan {
        stock:    zone orphan 64k;
        stock:    server %%BACKEND_1%% max_fails=2 fail_timeout=2s;
        kerberos: server %%BACKEND_1%%;
        kerberos: kerberos_breaker probes=1;
        server %%BACKEND_2%% backup;
    }
    server {
        listen 127.0.0.1:%%PORT%% reuseport;
        keepalive_timeout  1h;
        proxy_read_timeout 1m;
        kerberos: location = /status { kerberos_status; }
        location = /worker { return 200 $pid; }
        location /alone    { proxy_pass http://alone; }
        location /shared   { proxy_pass http://shared; }
        location /orphan   { proxy_pass http://orphan; }
    }
EOF

# A connection to each worker, by its pid.

sub one_each () {
    my %of;

    wait_for {
        my $c = http_connect($ng->port);
        $of{ $c->get('/worker')->{body} } //= $c;
        keys %of == WORKERS;
    } or die 'reached no more than ', scalar(keys %of), " workers\n";

    return %of;
}


# Fails every worker's requests in turn, so that none is under way when the threshold is reached:
# the peer gets two of them, and then it is left alone.

sub wreck ($service, $name, @clients) {
    $b->mode(1, 'close');

    my $then = now();
    my $came = reached($b, 1, sub { $_->get("/$service") for (@clients) x 2 });

    return cmp_ok $came, '<=', 2 + most_since($then, 0.3), $name;
}


# All workers at once, when the peer's time has passed and it hangs.

sub probe ($service, @clients) {
    due($ng, $service, $b->address(1));
    $b->mode(1, 'hang');
    $_->ask('GET', "/$service") for @clients;

    return land($b, 1, @clients);
}


subtest 'eight workers, no zone' => sub {
    my %of = one_each();

    wreck('alone', 'N9: the failures of all count together', values %of);

    my ($hang, $statuses) = probe('alone', values %of);

    is $hang, 1, 'N9: one probe for all';
    is_deeply [grep { $_ != 200 } @$statuses], [], 'the other clients are served elsewhere';
};

wait_for { $b->counters(1)->{in_flight} == 0 } or die "still busy\n";

subtest 'eight workers, zone' => sub {
    my %of = one_each();

    wreck('shared', 'the failures of all count together', values %of);

    my ($hang, $statuses) = probe('shared', values %of);

    is $hang, 2, 'N10: two probes, as told';
    is_deeply [grep { $_ != 200 } @$statuses], [], 'the other clients are served elsewhere';
};

wait_for { $b->counters(1)->{in_flight} == 0 } or die "still busy\n";

subtest 'a worker that dies with its probe' => sub {
    my %of = one_each();
    my ($doomed, $other) = keys %of;

    wreck('orphan', 'the failures of all count together', values %of);
    due($ng, 'orphan', $b->address(1), 2);
    $b->mode(1, 'hang');
    $of{$doomed}->ask('GET', '/orphan');
    wait_for { $b->counters(1)->{in_flight} == 1 } or die "no probe\n";

    $ng->kill_worker($doomed);
    $b->mode(1, 'ok');
    is reached($b, 1, sub { $of{$other}->get('/orphan') }), 1, 'N10: its place is free at once';
};

done_testing;
