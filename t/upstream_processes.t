#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Every arrangement of processes: one, two and four workers, no master, in the
# background, and no http block at all. Also what a reload does to each.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();

use Kerberos::Test;
use Kerberos::Test::Conf;
use Kerberos::Test::Log qw(slurp);
use Kerberos::Test::Process qw(children is_alive);

my $b = backend(3);

# The version tells which configuration answers.

sub http ($version = 1) {
    return <<"EOF";
    upstream u {
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        kerberos_breaker threshold=3 timeout=10m;
    }
    upstream v {
        server %%BACKEND_3%%;
        kerberos_breaker threshold=1 timeout=10m;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /version { return 200 $version; }
        location = /status { kerberos_status; }
        location /v { proxy_pass http://v; }
        location / { proxy_pass http://u; }
    }
EOF
}

my %number = map { $b->address($_) => $_ } 1 .. 3;

sub order ($ng, $count) {
    return join '', map {
        my $r = http_get($ng->port, '/');
        $number{ $r->{headers}{'x-backend'} // '' } // "($r->{status})";
    } 1 .. $count;
}

sub in_flight ($ng) {
    my $sum = 0;
    $sum += $_->{in_flight} for map { $_->{peers}->@* } status($ng)->{services}->@*;

    return $sum;
}

sub breaker ($ng, $service, $n) {
    return peer(status($ng), $service, $b->address($n))->{breaker}{state};
}

# What must hold for every arrangement.

sub serves_well ($ng) {
    like order($ng, 12), qr/^(?:12){6}$/, 'two peers alternate';

    my @r = http_parallel(16, $ng->port, '/');
    is scalar(grep { $_->{status} == 200 } @r), 16, 'requests at once';

    $b->mode(3, 'status', status => 500);
    is_deeply [map { http_get($ng->port, '/v')->{status} } 1 .. 6], [500, (503) x 5],
        'a breaker is open for everybody after one failure of one';
    $b->mode(3, 'ok');

    ok wait_for { in_flight($ng) == 0 }, 'nothing is left in flight';

    return;
}

# Four requests that the backends hold back until they are told.

sub under_way ($ng) {
    $b->mode($_, 'delay', delay => 2) for 1, 2;

    my @c = map { http_connect($ng->port)->ask('GET', '/', close => 1) } 1 .. 4;
    ok wait_for { $b->counters(1)->{in_flight} + $b->counters(2)->{in_flight} == 4 },
        'four requests are under way';

    return @c;
}

# $reload makes the configuration of that version the one that answers.

sub reloads_well ($ng, $reload) {
    my $before = peer(status($ng), 'u', $b->address(1))->{requests};

    ok $reload->(2), 'reload, nothing under way';
    is http_get($ng->port, '/version')->{body}, 2, 'the new configuration answers';
    is breaker($ng, 'v', 3), 'open', 'the breaker stays open';
    is http_get($ng->port, '/v')->{status}, 503, 'and acts';
    is peer(status($ng), 'u', $b->address(1))->{requests}, $before, 'counters go on';
    like order($ng, 6), qr/^(?:(?:12){3}|(?:21){3})$/, 'and two peers alternate';

    my @c = under_way($ng);
    ok $reload->(3), 'reload, with requests under way';
    is_deeply [map { $_->response->{status} } @c], [(200) x 4], 'all are answered';

    $b->mode($_, 'ok') for 1, 2;
    ok wait_for { in_flight($ng) == 0 }, 'and given back' or diag 'in flight: ', in_flight($ng);
    like order($ng, 6), qr/^(?:(?:12){3}|(?:21){3})$/, 'two peers alternate';

    return;
}


for my $workers (1, 2, 4) {
    subtest "worker_processes $workers" => sub {
        my $ng = nginx(backend => $b, main => "worker_processes $workers;", http => http());

        is scalar(@{ [$ng->workers] }), $workers, 'so many serve';
        serves_well($ng);
        reloads_well($ng, sub ($version) { $ng->configure(http => http($version))->reload });
    };
}

subtest 'the number of workers changes' => sub {
    my $ng = nginx(backend => $b, main => 'worker_processes 1;', http => http());

    for my $workers (4, 2, 1, 3) {
        ok $ng->configure(main => "worker_processes $workers;")->reload, "to $workers";
        like order($ng, 8), qr/^(?:(?:12){4}|(?:21){4})$/, 'two peers alternate';
    }
};

subtest 'reloads under traffic lose nothing' => sub {
    my $ng   = nginx(backend => $b, http => http());
    my $stop = $ng->path('stop');

    # The client is a process of its own: it asks until it is told to stop, and its
    # exit code says whether an answer was missing.
    pipe my $from, my $to or die "pipe: $!\n";
    my $pid = fork() // die "fork: $!\n";

    if (!$pid) {
        my ($asked, @bad) = (0);

        until (-e $stop || $asked >= 100_000) {
            my $r = http_get($ng->port, '/');
            $asked++;
            push @bad, $r->{error} // $r->{status} if $r->{error} || $r->{status} != 200;
        }

        syswrite $to, "$asked asked, bad: @bad[0 .. ($#bad > 4 ? 4 : $#bad)]\n";
        POSIX::_exit(@bad ? 1 : 0);
    }

    for my $round (1 .. 5) {
        $ng->reload(wait => 'new') or fail("reload $round");
        order($ng, 4);
    }

    $ng->write_file('stop', '');
    waitpid $pid, 0;
    my $code = $? >> 8;
    close $to;

    is $code, 0, 'each of them answered' or diag <$from>;
    ok wait_for { in_flight($ng) == 0 }, 'nothing is left in flight';
};

# Without a master nginx is one process, which the harness, that waits for
# workers, has to be told of.

sub start_single ($ng) {
    $ng->{pid} = $ng->run_binary('stderr', qw(-e error.log -c nginx.conf));
    wait_for { http_get($ng->port, '/version')->{status} == 200 }
        or die "nginx does not answer\n", slurp($ng->path('stderr'));

    return $ng;
}

# Such an nginx, of any version and without us too, serves what it has after a
# SIGHUP but can open no new connections, neither to clients nor to peers. So what
# is under way must end well, and what is asked is asked by a connection that was
# there before. It happens to crash when that is done again and again, also
# without us: once is what can be asserted.

sub survives_a_reload ($ng, $pid) {
    my $kept = http_connect($ng->port);
    my $sum  = sub {
        my $sum = 0;
        my $st  = decode_json($kept->get('/status')->{body});
        $sum += $_->{in_flight} for map { $_->{peers}->@* } $st->{services}->@*;

        return $sum;
    };

    my @c = under_way($ng);
    is $sum->(), 4, 'and counted';

    $ng->mark_log;
    kill HUP => $pid;
    ok $ng->wait_for_log(qr/: using the "\w+" event method/), 'reloaded';
    is_deeply [$ng->log_lines(qr/\[(?:crit|alert|emerg)\]/)], [], 'without an alarm';
    is_deeply [map { $_->response->{status} } @c], [(200) x 4], 'all requests are answered';
    ok wait_for { $sum->() == 0 }, 'and given back' or diag 'in flight: ', $sum->();

    $b->mode($_, 'ok') for 1, 2;
    $kept->close;

    return;
}

subtest 'master_process off' => sub {
    my $ng = start_single(
        nginx(start => 0, backend => $b, main => 'master_process off;', http => http()));

    is status($ng)->{pid}, $ng->{pid}, 'one process does it all';
    serves_well($ng);
    survives_a_reload($ng, $ng->{pid});
};

subtest 'master_process off, reloaded without traffic' => sub {
    my $ng = start_single(
        nginx(start => 0, backend => $b, main => 'master_process off;', http => http()));

    $ng->mark_log;
    kill HUP => $ng->{pid};
    ok $ng->wait_for_log(qr/: using the "\w+" event method/), 'reloaded';
    is_deeply [$ng->log_lines(qr/\[(?:crit|alert|emerg)\]/)], [], 'without an alarm';
};

# In the background it is no child of ours: the pid file has its number.

my @daemons;

END { kill KILL => grep { is_alive($_) } @daemons }

sub daemon ($more) {
    my $module = Kerberos::Test::Conf->module;
    my $user   = $> == 0 ? 'user root root;' : '';
    my $http   = http();

    my $ng = nginx(start => 0, backend => $b, conf => <<"EOF");
load_module $module;
$user
$more
daemon on;
pid %%PREFIX%%/nginx.pid;
error_log %%PREFIX%%/error.log info;
events { worker_connections 1024; }
http {
%%GLOBALS_HTTP%%
$http
}
EOF

    $ng->run_binary('stderr', qw(-e error.log -c nginx.conf));
    wait_for { slurp($ng->path('nginx.pid')) =~ /^(\d+)\n/ and push @daemons, $1 }
        or die "no pid file\n", slurp($ng->path('stderr'));
    wait_for { http_get($ng->port, '/version')->{status} == 200 } or die "nginx does not answer\n";

    return ($ng, $daemons[-1]);
}

subtest 'daemon on' => sub {
    my ($ng, $pid) = daemon('worker_processes 2;');

    serves_well($ng);
    reloads_well($ng, sub ($version) {
        my $conf = slurp($ng->path('nginx.conf')) =~ s/return 200 \d+/return 200 $version/r;
        my @old  = children($pid);

        $ng->write_file('nginx.conf', $conf);
        kill HUP => $pid;

        return wait_for { !grep { is_alive($_) } @old }
            && http_get($ng->port, '/version')->{body} eq $version;
    });

    kill QUIT => $pid;
    ok wait_for { !is_alive($pid) }, 'it ends';
    is_deeply [$ng->problems], [], 'and was well';
};

subtest 'daemon on, master_process off' => sub {
    my ($ng, $pid) = daemon('worker_processes 1; master_process off;');

    is status($ng)->{pid}, $pid, 'one process does it all';
    serves_well($ng);
    survives_a_reload($ng, $pid);

    kill QUIT => $pid;
    ok wait_for { !is_alive($pid) }, 'it ends';
    is_deeply [$ng->problems], [], 'and was well';
};

subtest 'no http block' => sub {
    my $none = "%%GLOBALS%%\nevents {}\n";
    my $ng   = nginx(backend => $b, workers => 2, conf => $none);

    is scalar(@{ [$ng->workers] }), 2, 'the module is loaded and does no harm';
    ok $ng->reload, 'nor at a reload';

    ok $ng->configure(http => http(1))->reload, 'with an http block after a reload';
    like order($ng, 4), qr/^1212$/, 'it serves';

    ok $ng->configure(conf => $none)->reload, 'without one again';
    is http_get($ng->port, '/')->{status}, 0, 'nobody listens';

    ok $ng->configure(http => http(2))->reload, 'and with it once more';
    like order($ng, 4), qr/^(?:1212|2121)$/, 'it serves again';
};

subtest 'an http block without our directives' => sub {
    my $ng = nginx(backend => $b, http => <<'EOF');
        upstream u { server %%BACKEND_1%%; }
        server { listen 127.0.0.1:%%PORT%%; location / { proxy_pass http://u; } }
EOF

    is http_get($ng->port, '/')->{status}, 200, 'is served by nginx';
    ok $ng->configure(http => http())->reload, 'ours come by a reload';
    like order($ng, 4), qr/^1212$/, 'and are served';
};

done_testing;
