#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# A binary upgrade: the new nginx has shared memory of its own, and knows the breakers that are open
# all the same. For a while both write their state, and in the end the one that stays.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Conf;
use Kerberos::Test::Log qw(slurp);
use Kerberos::Test::Process qw(children is_alive reap title);

my $b  = backend(2);
my $ng = nginx(backend => $b, start => 0, conf => <<"EOC");
load_module @{[ Kerberos::Test::Conf->module ]};
@{[ $> == 0 ? 'user root root;' : '' ]}
worker_processes 2;
env LD_PRELOAD;         # where the harness has set it
env ASAN_OPTIONS;
env LSAN_OPTIONS;
env UBSAN_OPTIONS;
pid %%PREFIX%%/nginx.pid;
error_log %%PREFIX%%/error.log info;
events {}
http {
%%GLOBALS_HTTP%%
    kerberos_state state;
    kerberos_breaker threshold=1 timeout=60s jitter=0%;
    upstream u {
        server %%BACKEND_1%%;
        kerberos_breaker threshold=1 timeout=60s jitter=0%;
    }
    upstream v { server %%BACKEND_2%%; kerberos_balance round_robin; }
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /status { kerberos_status; }
        location = /v { proxy_pass http://v; }
        location / { proxy_pass http://u; }
    }
}
EOC

sub get ($path = '/') { return http_get($ng->port, $path)->{status} }
sub breaker ()        { return peer(status($ng), 'u', $b->address(1))->{breaker} }
sub kept ()           { return slurp($ng->path('state/breakers.json')) }
sub pid_in ($name)    { return slurp($ng->path($name)) =~ /^(\d+)$/ ? $1 : undef }

# Whoever is upgraded has to be a daemon, and is thus no child of ours: it is told to end by its pid,
# whatever becomes of this test.

my %mine;

sub end_all () {
    for my $pid (grep { title($_) =~ /^nginx: master/ } keys %mine) {
        kill TERM => $pid;
        wait_for { !is_alive($pid) } 5 or kill KILL => $pid;
    }

    return;
}

END { local $?; end_all() }

$SIG{$_} = sub { exit 1 } for qw(INT TERM);

sub master ($name) {
    my $pid;

    wait_for { $pid = pid_in($name); $pid && 2 == grep { title($_) =~ /^nginx: worker/ } children($pid) }
        or die "no nginx of $name\n", slurp($ng->path('error.log'));
    $mine{$pid} = 1;

    return $pid;
}


$ng->configure;

my $launched = $ng->run_binary('stderr', qw(-e error.log -c nginx.conf));
my $old      = master('nginx.pid');

wait_for { defined reap($launched) };
is get(), 200, 'the old one serves';

$b->mode(1, 'close');
get();
$b->mode(1, 'ok');
ok wait_for { kept() =~ /"state":"open"/ }, 'a breaker is open, and that is on disk';

my $before = breaker();
my $start  = now();

$b->reset_counters;
kill USR2 => $old;
wait_for { -e $ng->path('nginx.pid.oldbin') } or die "it does not begin\n";

my $new = master('nginx.pid');

isnt $new, $old, 'a new one serves beside it';
is scalar($ng->wait_for_log(qr/\[notice\] $new#\d+: .*state of 1 breakers restored, 1 of them open/)), 1,
    'and has read what the old one has written';

subtest 'with both of them' => sub {
    is_deeply [grep { $_ != 503 } map { get() } 1 .. 20], [], 'nobody lets a request through';
    is $b->requests(1), 0, 'not one';
    is get('/v'), 200, 'the others are served';
};

subtest 'with the new one alone' => sub {
    kill QUIT => $old;
    ok wait_for { !is_alive($old) }, 'the old one is gone';

    my $after = breaker();
    my $left  = $before->{retry_in} - (now() - $start);

    is $after->{state}, 'open', 'the breaker is open';
    cmp_ok abs($after->{retry_in} - $left), '<', 1.5, 'for as long as it was to be';
    is $after->{trips}, $before->{trips}, 'with its history';
    is_deeply [grep { $_ != 503 } map { get() } 1 .. 10], [], 'nobody gets through';
    is $b->requests(1), 0, 'not one';
    is scalar($ng->log_lines(qr/circuit OPEN /)), 1, 'it was told of once';

    $b->mode(2, 'close');
    get('/v');
    $b->mode(2, 'ok');
    ok wait_for { (() = kept() =~ /"state":"open"/g) == 2 }, 'what it learns itself is kept';
};

end_all();
ok !is_alive($new), 'ended';
is_deeply [$ng->problems], [], 'without a complaint';

done_testing;
