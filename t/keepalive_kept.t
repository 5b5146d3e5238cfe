#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Connections to peers are kept and used again without a word about it, for each peer its own, as
# many and as long as "kerberos_keepalive" says, and the status counts them.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $many = 100;
my $b    = backend(('tcp') x $many, 'unix', 'ipv6');

my $two   = join ' ', map {"server %%BACKEND_$_%%;"} 1, 2;
my $all   = join ' ', map {"server %%BACKEND_$_%%;"} 1 .. $many;
my $other = join ' ', map { "server %%BACKEND_$_%%;" } $many + 1, $many + 2;

# One worker, for what is kept is a worker's own.

my $ng = nginx(workers => 1, backend => $b, http => <<"EOF");
    upstream default { $two kerberos_breaker off; }
    upstream many    { $all kerberos_breaker off; }
    upstream other   { $other kerberos_breaker off; }
    upstream two     { server %%BACKEND_1%%; kerberos_keepalive 2; }
    upstream total   { $two kerberos_keepalive 8 total=3; }
    upstream thrice  { server %%BACKEND_1%%; kerberos_keepalive 8 requests=3; }
    upstream once    { server %%BACKEND_1%%; kerberos_keepalive 8 requests=1; }
    upstream brief   { server %%BACKEND_1%%; kerberos_keepalive 8 idle=1s; }
    upstream never   { server %%BACKEND_1%%; kerberos_keepalive off; }
    upstream another { server %%BACKEND_1%%; kerberos_breaker off; }
    server {
        listen 127.0.0.1:%%PORT%%;
        keepalive_requests 10000;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        location = /status { kerberos_status; }
        location /old/ {
            rewrite ^/old/([^/]+) /\$1 break;
            proxy_http_version 1.0;
            proxy_set_header Connection close;
            proxy_pass http://\$1;
        }
        location / {
            rewrite ^/([^/]+) /\$1 break;
            proxy_pass http://\$1;
        }
    }
EOF

my $c = http_connect($ng->port);

sub idle ($upstream) {
    my $service = service(status($ng), $upstream);
    my $sum     = 0;

    $sum += $_->{idle} for $service->{peers}->@*;

    return $sum;
}

sub idle_of ($upstream, @peers) {
    my $status = status($ng);

    return [map { peer($status, $upstream, $b->address($_))->{idle} } @peers];
}

# Nothing is open to any peer, and nobody thinks so.

sub fresh () {
    $b->mode('all', 'close_idle');

    ok wait_for {
        !grep { $_->{idle} } map { $_->{peers}->@* } status($ng)->{services}->@*
    }, 'none is kept any more where peers close them all';

    wait_for { !grep { $_->{open} } $b->peers };
    $b->reset_counters;

    return;
}

sub ask ($count, $path) {
    my %status;
    $status{ $c->get($path)->{status} }++ for 1 .. $count;

    return is_deeply \%status, { 200 => $count }, "$path: $count requests answered";
}

# So many requests at once by one worker: they are asked in a row, and answered together.

sub ask_at_once ($count, $path) {
    $b->mode('all', 'delay', delay => 0.3);

    my @c = map { http_connect($ng->port) } 1 .. $count;
    $_->ask('GET', $path) for @c;
    my @r = map { $_->response } @c;

    $b->mode('all', 'ok');

    return is scalar(grep { $_->{status} == 200 } @r), $count, "$path: $count at once answered";
}

sub accepted (@peers) { return [map { $b->counters($_)->{accepted} } @peers] }


subtest 'kept without a directive' => sub {
    fresh();
    ask(20, '/default');
    is_deeply accepted(1, 2), [1, 1], 'one connection a peer for all';
    is_deeply idle_of('default', 1, 2), [1, 1], 'the status counts them';
    is_deeply [map { $_->{in_flight} } service(status($ng), 'default')->{peers}->@*], [0, 0],
        'they are not in flight';
};

subtest 'each peer has its own' => sub {
    fresh();
    ask(3 * $many, '/many');
    is_deeply accepted(1 .. $many), [(1) x $many], "one connection for each of $many peers";
    is idle('many'), $many, 'all are kept';
};

subtest 'over unix sockets and IPv6 too' => sub {
    fresh();
    ask(6, '/other');
    is_deeply accepted($many + 1, $many + 2), [1, 1], 'one connection each';
};

subtest 'a block shares them with no other' => sub {
    fresh();
    ask(4, '/default');
    ask(2, '/another');
    is_deeply accepted(1, 2), [2, 1], 'one of each block';
    is_deeply idle_of('another', 1), [1], 'which the status tells apart';
};

subtest 'not where the peer, or the request, wants them closed' => sub {
    fresh();
    ask(4, '/old/default');
    is_deeply accepted(1, 2), [2, 2], 'a connection a request';
    is idle('default'), 0, 'none is kept';
};

subtest 'off' => sub {
    fresh();
    ask(3, '/never');
    is_deeply accepted(1), [3], 'a connection a request';
    is idle('never'), 0, 'none is kept';
};

subtest 'at most N of a peer' => sub {
    fresh();
    ask_at_once(5, '/two');
    is_deeply accepted(1), [5], 'five were needed';
    is idle('two'), 2, 'two are kept';
    ok wait_for { $b->counters(1)->{open} == 2 }, 'the others are closed';
    ask(5, '/two');
    is_deeply accepted(1), [5], 'and those are used';
};

subtest 'at most so many of a block' => sub {
    fresh();
    ask_at_once(8, '/total');
    is idle('total'), 3, 'three are kept';
    ok wait_for { $b->counters(1)->{open} + $b->counters(2)->{open} == 3 }, 'the others are closed';
};

subtest 'for so many requests' => sub {
    fresh();
    ask(9, '/thrice');
    is_deeply accepted(1), [3], 'three each';
    is idle('thrice'), 0, 'none is left';
    ask(2, '/once');
    is_deeply accepted(1), [5], 'once is never again';
};

subtest 'for so long' => sub {
    fresh();
    my $since = now();
    ask(2, '/brief');
    is_deeply accepted(1), [1], 'used again at once';
    is idle('brief'), 1, 'kept';
    ok wait_for { $b->counters(1)->{open} == 0 }, 'then closed';
    cmp_ok now() - $since, '>=', 0.99, 'not before its time';
    is idle('brief'), 0, 'none is left';

    my ($before, $longest);

    wait_for {
        $before  = accepted(1)->[0];
        $longest = 0;

        for my $i (1 .. 10) {
            my $asked = now();
            $c->get('/brief');
            pause(0.15);
            $longest = now() - $asked if now() - $asked > $longest;
        }

        $longest < 0.7;
    } or die "this machine is too slow\n";

    is accepted(1)->[0], $before + 1, 'one that is used goes on for longer';
};

$c->close;
done_testing;
