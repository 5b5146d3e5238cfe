#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Workers that die: what they held is free again, nothing is stuck, and nothing that they did not
# hold is touched.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();

use Kerberos::Test;
use Kerberos::Test::Log qw(slurp);

my $b  = backend(4);
my $ng = nginx(backend => $b, http => <<'EOF');
    upstream u {
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        server %%BACKEND_3%%;
        kerberos_breaker threshold=3 timeout=200ms probes=2 successes=2 probe_timeout=2s;
    }
    upstream single {
        server %%BACKEND_4%%;
        kerberos_breaker threshold=1 timeout=200ms jitter=0% probe_timeout=10m;
    }
    upstream limited { server %%BACKEND_4%% max_conns=4; kerberos_balance round_robin; }
    server {
        listen 127.0.0.1:%%PORT%%;
        proxy_read_timeout 10m;
        location = /status { kerberos_status; }
        location / { proxy_pass http://u; proxy_read_timeout 500ms; }
        location = /single  { proxy_pass http://single; }
        location = /limited { proxy_pass http://limited; }
    }
EOF

sub get ($path)        { return http_get($ng->port, $path)->{status} }
sub single ()          { return peer(status($ng), 'single', $b->address(4)) }
sub limited ()         { return peer(status($ng), 'limited', $b->address(4)) }
sub ask ($path)        { return http_connect($ng->port)->ask('GET', $path) }

# The status while workers come and go: a connection may be lost.

sub calm_status () {
    my $status;
    wait_for { $status = eval { status($ng) } } or die "no status: $@";

    return $status;
}


subtest 'requests that died with their worker are in flight no more' => sub {
    $b->mode(4, 'hang');

    my @c = map { ask('/limited') } 1 .. 4;

    wait_for { limited()->{in_flight} == 4 } or die "not in flight\n";
    is get('/limited'), 503, 'all places are taken';

    my @workers = $ng->workers;
    my $before  = 4;

    for my $worker (@workers) {
        $ng->kill_worker($worker);
        my $now = limited()->{in_flight};
        cmp_ok $now, '<=', $before, "$now in flight after a worker has died";
        ok wait_for { $b->counters(4)->{in_flight} == $now }, 'as many as the backend has';
        $before = $now;
    }

    is limited()->{in_flight}, 0, 'none when all have died';
    is limited()->{successes} + limited()->{failures} + limited()->{neutral}, 0, 'no verdict';
    is limited()->{state}, 'up', 'places are free';
    $b->mode(4, 'ok');
    is get('/limited'), 200, 'for the next';
};

subtest 'a probe that died with its worker is given back, without a verdict' => sub {
    $b->mode(4, 'close');
    get('/single');
    $b->mode(4, 'hang');

    my $c;
    ok wait_for {
        $c = ask('/single');
        pause(0.02);
        single()->{breaker}{probes_in_flight} == 1;
    }, 'a probe is in flight';
    is get('/single'), 503, 'the only one';

    # Which worker has it is not known: each dies until the probe is gone.
    for my $worker ($ng->workers) {
        $ng->kill_worker($worker);
        last if single()->{breaker}{probes_in_flight} == 0;
    }

    my $breaker = single()->{breaker};
    is $breaker->{probes_in_flight}, 0, 'gone with its worker';
    is $breaker->{state}, 'half_open', 'the breaker is as it was';
    is $breaker->{trips}, 1, 'it is no failure';
    is single()->{in_flight}, 0, 'nor in flight';

    $b->mode(4, 'ok');
    is get('/single'), 200, 'the very next request is a probe';
    ok wait_for { single()->{breaker}{state} eq 'closed' }, 'and decides';
};

subtest 'a worker that is told to end at once' => sub {
    $b->mode(4, 'hang');
    my @c = map { ask('/limited') } 1 .. 4;
    wait_for { limited()->{in_flight} == 4 } or die "not in flight\n";
    $ng->kill_worker($_, 'TERM') for $ng->workers;
    is limited()->{in_flight}, 0, 'leaves nothing in flight';
    $b->mode(4, 'ok');
    is get('/limited'), 200, 'and nothing taken';
};

subtest 'kill -9 ten times a second, with backends that come and go' => sub {
    my $before = calm_status();
    my $stop   = $ng->path('stop');
    my @load;

    # Clients in processes of their own: many of their requests die, none may hang.
    for my $n (1 .. 2) {
        my $pid = fork() // die "fork: $!\n";

        if (!$pid) {
            my %got;
            do {
                $got{ $_->{status} }++ for http_parallel(8, $ng->port, '/', timeout => 5);
            } until -e $stop;
            open my $out, '>', $ng->path("load.$n");
            print {$out} join ' ', %got;
            close $out;
            POSIX::_exit(0);
        }
        push @load, $pid;
    }

    my @modes  = qw(ok close hang refuse ok status ok reset);
    my $until  = now() + 3;
    my $killed = 0;

    $ng->allow(qr/worker process \d+ exited on signal 9/, qr/ was locked by \d+/);

    for (my $i = 0; now() < $until; $i++) {
        my @workers = $ng->workers;

        $b->mode($_, $modes[($i / 3 + 3 * $_) % @modes]) for 1 .. 3;
        $killed += kill KILL => $workers[$i % @workers] if @workers;
        pause(0.1);
    }

    $b->mode('all', 'ok');
    open my $out, '>', $stop;
    close $out;
    waitpid $_, 0 for @load;

    my %got;
    for my $n (1 .. 2) {
        my %one = split ' ', slurp($ng->path("load.$n"));
        $got{$_} += $one{$_} for keys %one;
    }
    note "$killed killed; ", join ', ', map {"$got{$_} x $_"} sort keys %got;
    cmp_ok $killed, '>=', 15, 'many workers have died';
    cmp_ok $got{200} // 0, '>', 0, 'and yet some requests were answered';

    # Everything is well by itself: within ten seconds, with a request now and then.
    ok wait_for { $ng->workers == $ng->{conf}->worker_count }, 'all workers are there';
    ok wait_for {
        eval { get('/') };
        my $u = service(calm_status(), 'u');
        $u->{state} eq 'up' && !grep { $_->{in_flight} || $_->{breaker}{probes_in_flight} } $u->{peers}->@*;
    }, 'all peers are back, nothing is in flight' or diag explain service(status($ng), 'u');

    $b->reset_counters;
    is_deeply [grep { $_ != 200 } map { get('/') } 1 .. 12], [], 'all requests are served';
    is_deeply [map { $b->requests($_) } 1 .. 3], [4, 4, 4], 'by all peers in turn';

    my $after = status($ng);
    my @wrong;

    for my $old (service($before, 'u')->{peers}->@*) {
        my $new = peer($after, 'u', $old->{id});
        my $sum = $new->{successes} + $new->{failures} + $new->{neutral};

        push @wrong, "$old->{id} $_" for grep { $new->{$_} < $old->{$_} } qw(requests successes failures);
        push @wrong, "$old->{id}: more ends than requests" if $sum > $new->{requests};
    }
    is_deeply \@wrong, [], 'counters only ever grew';
    is $after->{generation}, $before->{generation}, 'it is the same generation';
    ok $ng->reload, 'and can be reloaded';
    is get('/'), 200, 'into one that serves';
};

subtest 'a worker that was leaving after a reload, which nobody starts again' => sub {
    $b->mode(4, 'hang');

    my @c = map { ask('/limited') } 1 .. 4;

    wait_for { limited()->{in_flight} == 4 } or die "not in flight\n";

    my @old = $ng->workers;

    ok $ng->reload(wait => 'new'), 'reloaded, and the old workers still have requests';
    is limited()->{in_flight}, 4, 'which are in flight';

    kill KILL => @old;
    $ng->allow(qr/worker process \d+ exited on signal 9/);

    ok +(wait_for { limited()->{in_flight} == 0 } 5), 'and are not when those are dead';

    $b->mode(4, 'ok');
    is get('/limited'), 200, 'the places are free';
};


done_testing;
