#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Reloads: breakers and counters live on, requests under way are finished, and a reload that
# fails changes nothing, however late it does.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use POSIX ();

use Kerberos::Test;
use Kerberos::Test::Log qw(slurp);

my $b = backend(3);

my $name = 'u';    # another service is another history

sub conf ($servers, $breaker, $more = '') { return <<"EOF" }
    upstream $name {
        $servers
        kerberos_breaker $breaker;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        $more
        proxy_read_timeout 1m;
        location = /status { kerberos_status; }
        location / { proxy_pass http://$name; }
    }
EOF

my $two  = 'server %%BACKEND_1%%; server %%BACKEND_2%%;';
my $same = 'threshold=3 timeout=60s jitter=0%';
my $ng   = nginx(backend => $b, http => conf($two, $same));

sub at ($n)        { return peer(status($ng), $name, $b->address($n)) }
sub breaker ($n)   { return at($n)->{breaker} }
sub reload (@conf) { return $ng->configure(http => conf(@conf))->reload }

# A client has its answer a moment before the outcome is counted: wait until nothing is under way.

sub settle () {
    return wait_for {
        !grep { $_->{in_flight} || $_->{requests} != $_->{successes} + $_->{failures} + $_->{neutral} }
            map { $_->{peers}->@* } status($ng)->{services}->@*;
    };
}

sub get () {
    my $r = http_get($ng->port, '/');

    settle();

    return $r->{status};
}

# Fails a peer until its breaker opens.

sub trip ($n) {
    $b->mode($n, 'close');
    wait_for { get(); breaker($n)->{state} eq 'open' } or die "does not open\n";
    $b->mode($n, 'ok');

    return;
}


# Sends requests from a process of its own until it is told to stop: returns a sub that stops it
# and returns how often each status came.

sub load () {
    my $stop = $ng->path('stop');
    my $file = $ng->path('load');

    unlink $stop, $file;

    my $pid = fork() // die "fork: $!\n";

    if (!$pid) {
        my %got;
        do {
            $got{ $_->{status} }++ for http_parallel(8, $ng->port, '/');
        } until -e $stop;
        open my $out, '>', $file;
        print {$out} join ' ', %got;
        close $out;
        POSIX::_exit(0);
    }

    return sub () {
        open my $out, '>', $stop;
        close $out;
        waitpid $pid, 0;
        return { split ' ', slurp($file) };
    };
}


subtest 'under load: an open peer stays open, and counters go on' => sub {
    trip(1);
    $b->reset_counters;

    my $before = service(status($ng), $name);
    my $wait   = breaker(1)->{retry_in};
    my $stop   = load();

    for my $round (1 .. 3) {
        ok $ng->reload, "reload $round";
        is breaker(1)->{state}, 'open', 'open';
        cmp_ok breaker(1)->{retry_in}, '<', $wait, 'for what was left of its time';
    }

    my $got = $stop->();
    settle();
    my $after = service(status($ng), $name);
    my $sent  = $got->{200} // 0;

    is_deeply [keys %$got], [200], "$sent requests, all answered" or diag explain $got;
    is $b->requests(1), 0, 'none at the open peer';
    is $b->requests(2), $sent, 'all at the other';
    is $after->{requests} - $before->{requests}, $sent, 'each was counted';
    is at(2)->{successes} - $before->{peers}[1]{successes}, $sent, 'as a success';
    is at(2)->{in_flight}, 0, 'and has ended';
    is breaker(1)->{trips}, 1, 'one trip';
    is scalar($ng->log_lines(qr/circuit/)), 1, 'one line';
};

subtest 'other orders, weights and parameters' => sub {
    my $reversed = 'server %%BACKEND_2%% weight=3; server %%BACKEND_3%%; server %%BACKEND_1%% weight=2;';

    ok reload($reversed, $same), 'reordered, another weight, a new peer between';
    is breaker($_->[0])->{state}, $_->[1], "peer $_->[0] is $_->[1]"
        for [1, 'open'], [2, 'closed'], [3, 'closed'];
    is_deeply [map { at($_)->{weight} } 1 .. 3], [2, 3, 1], 'weights';
    is breaker(1)->{trips}, 1, 'and its history';

    $b->reset_counters;
    get() for 1 .. 8;
    is_deeply [map { $b->requests($_) } 1 .. 3], [0, 6, 2], 'the weights are in force';

    ok reload($two, 'threshold=7 timeout=30s jitter=0% probes=2'), 'other parameters';
    is breaker(1)->{state}, 'open', 'open';
    cmp_ok breaker(1)->{retry_in}, '>', 30, 'as long as it was told to be';

    # One failure is known already when the threshold comes down to two.
    $b->mode(2, 'status', status => 500, times => 1);
    get();
    is breaker(2)->{consecutive_failures}, 1, 'a failure';
    ok reload($two, 'threshold=2 timeout=30s'), 'a lower threshold';
    is breaker(2)->{consecutive_failures}, 1, 'is remembered';
    $b->mode(2, 'status', status => 500, times => 1);
    get();
    is breaker(2)->{state}, 'open', 'and the second is enough';
};

# An open peer used to be held out by a breaker that was off, for ever.

subtest 'a breaker that is turned off lets everybody through at once' => sub {
    is get(), 503, 'all are out';
    ok reload($two, 'off'), 'off';
    is_deeply [map { get() } 1 .. 8], [(200) x 8], 'nobody is';
    is scalar(grep { $_->{status} == 200 } http_parallel(16, $ng->port, '/')), 16, 'at once, too';
    is_deeply [map { breaker($_)->{state} } 1, 2], [qw(closed closed)], 'in the status as well';
    is service(status($ng), $name)->{state}, 'up', 'of the service';


    ok reload($two, $same), 'on again';
    is breaker(1)->{state}, 'open', 'it is where it was: its time has not passed';
};

$name = 'v';

subtest 'requests and probes under way' => sub {
    ok reload('server %%BACKEND_1%%;', 'threshold=1 timeout=200ms probe_timeout=1m'), 'one peer';
    trip(1);
    $b->mode(1, 'hang');

    my $c;
    wait_for {
        $c = http_connect($ng->port)->ask('GET', '/');
        pause(0.02);
        breaker(1)->{probes_in_flight} == 1;
    };

    ok $ng->reload(wait => 'new'), 'reload while a probe is under way';
    is breaker(1)->{state}, 'half_open', 'half open';
    is breaker(1)->{probes_in_flight}, 1, 'the probe of an old worker';
    is at(1)->{in_flight}, 1, 'is a request in flight';
    is http_get($ng->port, '/')->{status}, 503, 'and takes the only place, with the new ones, too';

    my $neutral = at(1)->{neutral};
    $c->close;
    # New workers used to wait for the deadline of a probe that an old one had given back.
    ok wait_for { breaker(1)->{probes_in_flight} == 0 && at(1)->{in_flight} == 0 }, 'given back';
    is at(1)->{neutral}, $neutral + 1, 'and counted where the new ones count';
    $b->mode(1, 'ok');
    is get(), 200, 'the next is a probe';
    is breaker(1)->{state}, 'closed', 'that closes it';
};

$name = 'w';

subtest 'a reload that fails changes nothing' => sub {
    ok reload($two, 'threshold=1 timeout=60s'), 'two peers again';
    trip(1);

    # Nothing but what time and these requests change may differ afterwards.
    my $view = sub {
        my $status = status($ng);
        my $peers  = service($status, $name)->{peers};
        return {
            generation => $status->{generation},
            workers    => [sort $ng->workers],
            peers      => [map {
                my $p = $_;
                join ' ', $p->{id}, @$p{qw(weight state requests failures neutral)},
                    @{ $p->{breaker} }{qw(state trips)};
            } @$peers],
        };
    };
    my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ng->port(2), Listen => 1)
        or die "listen: $!\n";
    my $evil  = 'server %%BACKEND_3%%; server %%BACKEND_1%% weight=9;';

    $ng->allow(qr/nonsense/, qr/bind\(\) to .* failed/, qr/still could not bind/,
        qr/max_timeout=1s is below/);
    $b->reset_counters;

    my $before = $view->();

    for my $case (
        ['a wrong directive', $evil, 'threshold=9', 'nonsense;'],
        ['a contradiction',   $evil, 'timeout=2s max_timeout=1s'],
        # Known only when the zone has been prepared for the new configuration.
        ['an address in use', $evil, 'threshold=9', 'listen 127.0.0.1:%%PORT_2%%;'],
    ) {
        my ($what, @conf) = @$case;
        my $stop = load();

        ok !reload(@conf), $what;
        ok $ng->wait_for_log(qr/still could not bind/), 'late' if $what =~ /address/;

        my $got = $stop->();
        is_deeply [keys %$got], [200], 'everybody is served meanwhile' or diag explain $got;

        settle();
        my $now = $view->();
        s/ up \d+ / up N / for $now->{peers}->@*, $before->{peers}->@*;
        is_deeply $now, $before, 'and nothing has changed';
        is $b->requests(3), 0, 'nobody came to a peer that is not there';
        is $b->requests(1), 0, 'nor to the one that is out';
    }

    close $taken;
    ok $ng->reload, 'the same, when the address is free';
    is_deeply [map { $_->{id} } service(status($ng), $name)->{peers}->@*],
        [$b->address(3), $b->address(1)], 'is in force';
    is breaker(1)->{state}, 'open', 'and the breaker is as it was';
    cmp_ok status($ng)->{generation}, '>', $before->{generation}, 'a new generation';
};

done_testing;
