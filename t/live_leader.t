#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Whoever watches the registry may die, stop or hang: another goes on, and nobody waits for it.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Log qw(slurp);
use Kerberos::Test::Preload qw(preload);
use Kerberos::Test::Process qw(is_alive);

# The lease of a leader lasts 1.5 seconds; a busy machine gets as much again.

use constant LEASE => 3;

my $backend = backend(2);

sub conf ($more = '') { return <<"EOC" }
    kerberos_registry services.yaml;
    server {
        listen 127.0.0.1:%%PORT%%;
        $more
        add_header X-Pid \$pid always;
        location = /status { kerberos_status; }
        location / { kerberos_service a; proxy_pass http://kerberos; }
    }
EOC

my $edition = 0;

sub change ($ng) {
    $edition++;
    $ng->write_file('services.yaml', "a: [{url: http://%%BACKEND_1%%, weight: $edition}]\n");
    return;
}

sub in_force ($ng) { return (eval { status($ng) } // return 0)->{services}[0]{peers}[0]{weight} }

sub taken ($ng, $what, $seconds = LEASE) {
    my $since = now();
    my $ok    = ok +(wait_for { in_force($ng) == $edition } $seconds), $what;

    note sprintf '%s: %.2f s', $what, now() - $since;
    return $ok;
}

# The leader is the one that watches.

sub leaders ($ng) {
    return grep { grep { (readlink // '') eq 'anon_inode:inotify' } glob "/proc/$_/fd/*" } $ng->workers;
}

sub leader ($ng) {
    my @leaders;
    wait_for { (@leaders = leaders($ng)) == 1 } or die "there are leaders: @leaders\n";
    return $leaders[0];
}

sub started (%arg) {
    my $ng = nginx(backend => $backend, start => 0, workers => 3, http => conf, %arg);
    change($ng);
    return $ng->start;
}

sub is_stopped ($pid) { return slurp("/proc/$pid/stat") =~ /\) T/ }


subtest 'a leader that is killed' => sub {
    my $ng = started();

    for my $time (1 .. 3) {
        my $leader = leader($ng);
        $ng->allow(qr/worker process $leader exited on signal 9/, qr/ was locked by $leader\b/);
        change($ng);
        taken($ng, "it leads, time $time");
        kill KILL => $leader;
        change($ng);
        taken($ng, 'and is dead: the next change is taken over by another');
        isnt leader($ng), $leader, 'who is alive';
    }

    # In the middle of its work.
    for my $time (1 .. 5) {
        my $leader = leader($ng);
        $ng->allow(qr/worker process $leader exited on signal 9/, qr/ was locked by $leader\b/);
        change($ng);
        pause(0.04 + 0.01 * $time);
        kill KILL => $leader;
        taken($ng, "killed while it takes something over, time $time");
    }
    ok +(wait_for { status($ng)->{zone}{generations} == 1 } 5), 'what they began is freed';
};

subtest 'a leader that stops' => sub {
    my $ng     = started();
    my $leader = leader($ng);

    kill STOP => $leader;
    wait_for { is_stopped($leader) } or die "it goes on\n";
    change($ng);
    taken($ng, 'the next change is taken over by another');
    change($ng);
    taken($ng, 'and the one after', 1.5);

    my $generation = status($ng)->{generation};

    kill CONT => $leader;
    ok +(wait_for { !is_stopped($leader) && leaders($ng) == 1 } LEASE), 'it goes on, and leads no more';
    isnt leader($ng), $leader, 'another does';
    pause(0.6);
    is status($ng)->{generation}, $generation, 'nothing was taken over twice';
    ok +(wait_for { $ng->log_lines(qr/registry taken over/) == $generation - 1 }), 'one line for each';
    change($ng);
    taken($ng, 'a change');

    my $served = wait_for {
        my $r = http_get($ng->port, '/status');
        $r->{headers}{'x-pid'} == $leader && $r;
    };
    is decode_json($served->{body})->{services}[0]{peers}[0]{weight}, $edition, 'which it has adopted too';
};

subtest 'a leader that leaves in order' => sub {
    my $ng = started();

    for my $signal (qw(QUIT TERM)) {
        my $leader = leader($ng);
        kill $signal => $leader;
        wait_for { !is_alive($leader) } or die "it does not end\n";
        change($ng);
        taken($ng, "by SIG$signal: the next change is taken over by another", 1.5);
    }

    my $before = leader($ng);
    ok $ng->reload, 'reloaded';
    change($ng);
    taken($ng, 'after a reload', 1.5);
    isnt leader($ng), $before, 'by a new worker';
};

subtest 'without a master' => sub {
    my $ng = nginx(backend => $backend, start => 0, main => 'master_process off;', http => conf);

    # The only process is the one that is started; its title says nothing.
    change($ng);
    my $me = $ng->{pid} = $ng->run_binary('stderr', qw(-e error.log -c nginx.conf));
    wait_for { http_get($ng->port, '/status')->{status} == 200 } or die "it does not start\n";
    my @fds = map { readlink // '' } glob "/proc/$me/fd/*";

    is scalar(grep { $_ eq 'anon_inode:inotify' } @fds), 1, 'it watches';
    for my $time (1 .. 2) {
        change($ng);
        taken($ng, "a change, time $time", 1.5);
    }

    is http_get($ng->port, '/')->{status}, 200, 'it serves';
    is status($ng)->{faults}, 0, 'no fault';

    # After a reload such an nginx opens no connection any more, with us or without: it may not
    # watch either, but must not complain of it, and ends as ever.
    $ng->mark_log;
    kill HUP => $me;
    ok $ng->wait_for_log(qr/: using the "\w+" event method/), 'reloaded';
    change($ng);
    pause(1.5);
    is_deeply [$ng->log_lines(qr/\[(?:crit|alert|emerg|error)\]/)], [], 'without an alarm';
};

subtest 'nobody waits for a disk that hangs' => sub {
    my $hold = Kerberos::Test::Prefix->new;      # a folder
    my $flag = $hold->path('hold');

    local $ENV{KERBEROS_PRELOAD} = $ENV{KERBEROS_PRELOAD};
    local $ENV{HOLD};
    preload('hold', HOLD => $flag);

    my $ng = started();

    my $hang = sub () {
        unlink "$flag.held";
        open my $out, '>', $flag or die $!;
        close $out;
        change($ng);
        wait_for { -e "$flag.held" } or die "nobody reads\n";
    };

    $hang->();
    my $leader = leader($ng);
    my %got;

    for (1 .. 60) { $got{ http_get($ng->port, '/status')->{headers}{'x-pid'} }++ }
    ok $got{$leader}, 'the leader serves while its thread hangs';
    isnt in_force($ng), $edition, 'what it reads is not there yet';
    unlink $flag;
    taken($ng, 'when the disk is back, it is');

    # A reload, with a request on the leader; the disk hangs all the time.
    $backend->mode(1, 'delay', delay => 1, path => '/long');
    $hang->();
    $leader = leader($ng);

    my ($long, $through);
    wait_for {
        my $c = http_connect($ng->port);
        return 0 if $c->get('/status')->{headers}{'x-pid'} != $leader;
        $long = $c->ask('GET', '/long');
    } or die "no connection to the leader\n";
    wait_for { $backend->counters(1)->{in_flight} } or die "not on its way\n";

    ok $ng->configure(http => conf('# another'))->reload(wait => 'new'), 'reloaded meanwhile';
    my $r = $long->response;
    is $r->{status}, 200, 'a request through the one that hangs is answered';
    is $r->{headers}{'x-pid'}, $leader, 'by the old leader';
    ok +(wait_for { !is_alive($leader) } 5), 'which then ends';
    ok -e $flag, 'while the disk hangs still';
    unlink $flag;
    taken($ng, 'what was written meanwhile is in force after all');

    # The end.
    $hang->();
    my @problems = $ng->shut_down(deadline => 5);
    is "@problems", '', 'nginx ends in order';
    ok -e $flag, 'while the disk hangs still';
    unlink $flag;
};

done_testing;
