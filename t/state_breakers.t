#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# A breaker that is open is still open when nginx has been stopped, or killed, and started again:
# as long as it was to be, with its history, and without a request for its peer.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Log qw(slurp);

my $b    = backend(3);
my $conf = <<'EOC';
    kerberos_state state;
    kerberos_breaker threshold=1 timeout=60s jitter=0%;
    upstream u {
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        kerberos_balance round_robin;
    }
    upstream quick {
        server %%BACKEND_3%%;
        kerberos_breaker threshold=1 timeout=500ms max_timeout=1h jitter=0%;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /status { kerberos_status; }
        location / { proxy_pass http://u; }
        location = /quick { proxy_pass http://quick; }
    }
EOC
my $ng = nginx(backend => $b, http => $conf);

sub get ($path = '/') { return http_get($ng->port, $path)->{status} }
sub at ($n)           { return peer(status($ng), $n == 3 ? 'quick' : 'u', $b->address($n)) }
sub breaker ($n)      { return at($n)->{breaker} }
sub kept ()           { return slurp($ng->path('state/breakers.json')) }

# What is on disk of a peer, once it says so: nginx writes it within a second.

sub wait_until_kept ($n, $what) {
    my $address = $b->address($n);

    return wait_for { kept() =~ /"address":"\Q$address\E",[^}]*$what/ };
}

sub trip ($n, $path = '/') {
    $b->mode($n, 'close');
    wait_for { get($path); breaker($n)->{state} eq 'open' } or die "does not open\n";
    $b->mode($n, 'ok');

    return;
}

my %end = (
    'stopped'                => sub { $ng->stop(name => 'nginx was well until it was stopped') },
    'stopped at once'        => sub { $ng->stop(quick => 1, name => 'and until the next time') },
    'killed, all of its processes' => sub { ok $ng->crash, 'killed' },
);

trip(1);

for my $how (reverse sort keys %end) {
    subtest "nginx is $how, and started again" => sub {
        ok wait_until_kept(1, '"state":"open"'), 'the state is on disk within a second';

        my $before = breaker(1);
        my $start  = now();

        $end{$how}->();
        $b->reset_counters;
        $ng->mark_log;
        $ng->start;

        my $after = breaker(1);
        my $left  = $before->{retry_in} - (now() - $start);

        is $after->{state}, 'open', 'it is still open';
        cmp_ok abs($after->{retry_in} - $left), '<', 1.5, 'for as long as it was to be'
            or diag "$after->{retry_in}, not $left";
        is $after->{$_}, $before->{$_}, "$_ is as it was"
            for qw(reason last consecutive_failures trips doublings);
        is at(1)->{state}, 'down', 'its peer is out';

        is_deeply [grep { $_ != 200 } map { get() } 1 .. 12], [], 'all requests are served';
        is $b->requests(1), 0, 'none by it';
        is $b->requests(2), 12, 'all by the other';
        is_deeply [$ng->log_lines(qr/circuit (?:OPEN|HALF_OPEN|CLOSED)/)], [],
            'no transition is told again';
        is scalar($ng->log_lines(qr/\[notice\].*state of 1 breakers restored, 1 of them open/)), 1,
            'but that it was restored, once';
    };
}

subtest 'whose time passed while nobody was there is probed at once' => sub {
    trip(3, '/quick');
    ok wait_until_kept(3, '"state":"open"'), 'on disk';
    $ng->stop(name => 'nginx was well');
    pause(0.6);
    $ng->mark_log;
    $ng->start;
    is breaker(3)->{state}, 'open', 'it comes back open';
    is get('/quick'), 200, 'the first request is its probe';
    ok wait_for { breaker(3)->{state} eq 'closed' }, 'which closes it';
    is scalar($ng->log_lines(qr/circuit HALF_OPEN service "quick"/)), 1, 'a line for the one';
    is scalar($ng->log_lines(qr/circuit CLOSED service "quick"/)), 1, 'and one for the other';
};

subtest 'who was half-open is open and due' => sub {
    trip(3, '/quick');
    $b->mode(3, 'hang');
    my $c = http_connect($ng->port);
    ok wait_for {
        $c = http_connect($ng->port)->ask('GET', '/quick');
        pause(0.02);
        breaker(3)->{state} eq 'half_open';
    }, 'a probe is under way';
    ok wait_until_kept(3, '"state":"half_open"'), 'on disk';
    ok $ng->crash, 'killed';
    $b->mode(3, 'ok');
    $ng->start;
    is breaker(3)->{probes_in_flight}, 0, 'nobody probes it';
    is get('/quick'), 200, 'the first request does';
    ok wait_for { breaker(3)->{state} eq 'closed' }, 'and closes it';
};

subtest 'history comes back, and the open time goes on growing' => sub {
    my $trips = breaker(3)->{trips};
    cmp_ok $trips, '>=', 2, "it has opened $trips times";
    ok wait_until_kept(3, '"state":"closed"'), 'it is closed on disk';
    ok $ng->crash, 'killed';
    $ng->start;
    is breaker(3)->{trips}, $trips, 'and has opened as often as before';
    is breaker(3)->{state}, 'closed', 'and is closed';
};

subtest 'who is told to end has the last word' => sub {
    for my $how ('stopped', 'stopped at once') {
        my $trips = breaker(3)->{trips};

        wait_for { breaker(3)->{retry_in} == 0 };
        $b->mode(3, 'close');
        get('/quick');
        $b->mode(3, 'ok');
        $end{$how}->();
        $ng->start;
        is breaker(3)->{trips}, $trips + 1, "$how: what has just happened is kept";
    }
};

subtest 'who has moved, or has another name, begins anew' => sub {
    ok wait_until_kept(1, '"state":"open"'), 'on disk';
    $ng->stop(name => 'nginx was well');
    $ng->mark_log;
    $ng->configure(http => $conf =~ s/upstream u/upstream v/r =~ s{http://u}{http://v}r);
    $ng->start;
    is peer(status($ng), 'v', $b->address(1))->{breaker}{state}, 'closed', 'another service';
    is scalar($ng->log_lines(qr/1 of other peers/)), 1, 'the log says so';
    $ng->stop(name => 'nginx was well');
    $ng->configure(http => $conf);
    $ng->start;
    is breaker(1)->{state}, 'closed', 'and what nobody was is forgotten';
};

subtest 'a reload with another size of the zone forgets nothing either' => sub {
    trip(1);
    ok wait_until_kept(1, '"state":"open"'), 'on disk';
    ok $ng->configure(http => "kerberos_zone 9m;\n$conf")->reload, 'reloaded';
    is breaker(1)->{state}, 'open', 'still open';
    is breaker(1)->{trips}, 1, 'and the same';
};

subtest 'nothing is written where nothing changes' => sub {
    my $file = $ng->path('state/breakers.json');
    # The workers of the configuration before may have had the last word.
    my $seen = sub { join ' ', (stat $file)[1, 7, 9] };
    my $last = '';

    my $calm = wait_for {
        my $before = $last;
        pause(2.2);
        $last = $seen->();
        return $last eq $before;
    } 20;

    ok $calm, 'the file is left alone';
    get() for 1 .. 50;
    pause(2.2);
    is $seen->(), $last, 'whatever traffic there is';

    unlink $file;
    ok +(wait_for { return -e $file } 5), 'who takes it away gets it back';
    like kept(), qr/"state":"open"/, 'as it was';

    is_deeply [map { s{.*/}{}r } glob $ng->path('state/*')], ['breakers.json'], 'no other file is left';
    is sprintf('%04o', (stat $file)[2] & 07777), '0600', 'and it is nobody else\'s';
};

done_testing;
