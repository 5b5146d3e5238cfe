#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# One worker asks for names. When it dies, leaves or is held up another goes on, with what is known,
# and nothing that comes too late counts.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Fcntl;
use POSIX qw(mkfifo);

use Kerberos::Test;
use Kerberos::Test::Names;

use constant LEASE => 3;     # if the leader is gone

my $port = port();
my $b    = backend(map {"127.0.0.$_:$port"} 2 .. 5);
my $dns  = dns('users.test' => ['127.0.0.2']);

sub at (@hosts) { return [map {"$_:$port"} @hosts] }

my $users = "users: [http://users.test:$port]\n";
my $ng    = following($dns, $users, workers => 3);

# Each time another address.

my $last = 2;

sub move_on ($what, $seconds = SOON) {
    $last = $last % 4 + 2;
    $dns->set('users.test' => ["127.0.0.$last"]);

    return has($ng, 'users', at("127.0.0.$last"), $what, $seconds);
}

has($ng, 'users', at('127.0.0.2'), 'the first');

subtest 'every worker is killed' => sub {
    for my $time (1 .. 2) {
        for my $pid ($ng->workers) {
            $ng->kill_worker($pid);
            move_on("$pid is dead", SOON + LEASE);
        }
    }

    for my $pid ($ng->workers) {
        $dns->set('users.test' => ['127.0.0.' . ($last == 2 ? 3 : 2)]);
        $ng->kill_worker($pid);
        move_on("$pid is killed while names are asked for", SOON + LEASE);
    }
    is name($ng, 'users.test')->{error}, undef, 'no error';
    ok +(wait_for { status($ng)->{zone}{generations} == 1 } 5), 'what they began is freed';
};

# A leader that is held up may have an answer in its socket that is old by the time it reads it. What
# holds it up is a log that is a pipe, which is full.

subtest 'a leader that comes too late' => sub {
    my $dns = dns('users.test' => ['127.0.0.2']);
    my $ng  = following($dns, $users, start => 0, workers => 2, http => gateway($dns) =~ s/listen/
        location = \/held { access_log %%PREFIX%%\/pipe; return 200; }
        add_header X-Pid \$pid always;
        listen/r);

    mkfifo($ng->path('pipe'), 0600) or die "mkfifo: $!\n";
    sysopen my $pipe, $ng->path('pipe'), O_RDWR | O_NONBLOCK or die "pipe: $!\n";
    $ng->start;
    has($ng, 'users', at('127.0.0.2'), 'an address');

    my ($leader) = grep { grep { (readlink // '') eq 'anon_inode:inotify' } glob "/proc/$_/fd/*" } $ng->workers;
    my $c;
    wait_for { $c = http_connect($ng->port); $c->get('/status')->{headers}{'x-pid'} == $leader }
        or die "no connection to the leader\n";

    for my $size (4096, 1) {
        1 while syswrite $pipe, 'x' x $size;
    }

    # Its question waits at the server, and is answered when it cannot hear.
    $dns->set('users.test' => ['127.0.0.3']);
    $dns->pause;
    ok +(wait_for { $dns->is_asked } 5), 'the leader has asked';
    is $c->get('/held')->{status}, 200, 'it is held up';
    my $asked = $dns->queries('users.test');
    $dns->resume;
    ok wait_for { $dns->queries('users.test') > $asked }, 'when the answer comes';

    $dns->set('users.test' => ['127.0.0.4']);
    has($ng, 'users', at('127.0.0.4'), 'another leads, and hears of another address', SOON + LEASE);
    $c->ask('GET', '/status');
    1 while sysread $pipe, my $rest, 65_536;
    is $c->response->{headers}{'x-pid'}, $leader, 'it goes on';

    $asked = $dns->queries('users.test', 'A');
    ok wait_for { $dns->queries('users.test', 'A') >= $asked + 2 }, 'asked again';
    is ids($ng, 'users'), at('127.0.0.4')->[0], 'what it has heard is not taken for new';
    # Another may have heard of it before it had changed.
    is told($ng, qr/ $leader#\d+: .*127\.0\.0\.3/), 0, 'at no time';
    $ng->stop;
};

subtest 'nginx is reloaded' => sub {
    my $load = load($ng->port, '/users/');

    for my $time (1 .. 3) {
        ok $ng->reload, 'reloaded';
        move_on("and followed, time $time");
    }

    my %got = $load->end;
    is_deeply [grep {!/^200 /} keys %got], [], 'no request has failed';
};

subtest 'nobody waits for DNS' => sub {
    my $srv = '_http._tcp.users.test';
    my $dns = dns($srv => ["1 SRV 1 1 $port a.test"], 'a.test' => ['127.0.0.2'], 'users.test' => ['127.0.0.3']);
    my $ng  = following($dns, "${users}items: [http+srv://$srv]\n",
        http => gateway($dns) =~ s/resolver_timeout  1s/resolver_timeout 30s/r);

    has($ng, 'users', at('127.0.0.3'), 'an address');
    has($ng, 'items', at('127.0.0.2'), 'a record');

    for my $name ('users.test', $srv, 'a.test') {
        $dns->mode('silent', $name);
        my $asked = $dns->queries($name);
        ok wait_for { $dns->queries($name) > $asked }, "$name: asked, and no answer for 30 seconds";
        my $then = now();
        ok $ng->reload, 'reloaded, and the old workers are gone';
        cmp_ok now() - $then, '<', 10, 'which do not wait';
        $dns->mode('ok', $name);
    }

    $dns->mode('silent');
    my $asked = $dns->queries('users.test');
    wait_for { $dns->queries('users.test') > $asked } or die "nobody asks\n";
    is join("\n", $ng->shut_down(deadline => 5)), '', 'nor does the end of nginx';
};

subtest 'without a master' => sub {
    my $dns = dns('users.test' => ['127.0.0.2']);
    my $ng  = following($dns, $users, start => 0, main => 'master_process off;')->configure;

    # The only process is the one that is started; its title says nothing.
    $ng->{pid} = $ng->run_binary('stderr', qw(-e error.log -c nginx.conf));
    wait_for { http_get($ng->port, '/status')->{status} == 200 } or die "it does not start\n";
    has($ng, 'users', at('127.0.0.2'), 'an address');
    $dns->set('users.test' => ['127.0.0.3']);
    has($ng, 'users', at('127.0.0.3'), 'another', SOON);
    $ng->stop;
};

done_testing;
