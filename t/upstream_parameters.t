#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# The parameters of nginx's "server" keep their meaning: weight, backup, down,
# max_conns; max_fails and fail_timeout become the breaker's.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b  = backend(4);
my $ng = nginx(backend => $b, http => <<'EOF');
    upstream weight {
        server %%BACKEND_1%% weight=3;
        server %%BACKEND_2%%;
        kerberos_balance round_robin;
    }
    upstream backup {
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        server %%BACKEND_3%% backup;
        server %%BACKEND_4%% backup;
        kerberos_breaker threshold=1 timeout=1s jitter=0%;
    }
    upstream next {
        server %%BACKEND_1%%;
        server %%BACKEND_3%% backup;
        kerberos_breaker off;
    }
    upstream down {
        server %%BACKEND_1%%;
        server %%BACKEND_2%% down;
        kerberos_balance round_robin;
    }
    upstream alldown {
        server %%BACKEND_1%% down;
        server %%BACKEND_2%% down;
        kerberos_balance round_robin;
    }
    upstream limited {
        server %%BACKEND_1%% max_conns=3;
        server %%BACKEND_2%% max_conns=2;
        kerberos_balance round_robin;
    }
    upstream spill {
        server %%BACKEND_1%% max_conns=1;
        server %%BACKEND_3%% backup;
        kerberos_balance round_robin;
    }
    upstream fails {
        server %%BACKEND_1%% max_fails=3 fail_timeout=120s;
        server %%BACKEND_2%% max_fails=0;
        kerberos_breaker threshold=1 timeout=10m;
    }
    upstream twins {
        server %%BACKEND_1%%;
        server %%BACKEND_1%%;
        kerberos_breaker threshold=1 timeout=10m;
    }
    server {
        listen 127.0.0.1:%%PORT%% reuseport;
        location = /status { kerberos_status; }
        location / {
            rewrite ^/([^/]+) /$1 break;
            add_header X-Addr $upstream_addr always;
            proxy_pass http://$1;
        }
    }
EOF

my %number = map { $b->address($_) => $_ } 1 .. 4;

sub ask ($upstream) { return http_get($ng->port, "/$upstream") }

sub order ($upstream, $count) {
    return join '', map { $number{ ask($upstream)->{headers}{'x-backend'} // '' } // '-' }
        1 .. $count;
}

sub in_flight ($upstream, $n) {
    return peer(status($ng), $upstream, $b->address($n))->{in_flight};
}

sub breaker ($upstream, $id) { return peer(status($ng), $upstream, $id)->{breaker} }


subtest 'weight' => sub {
    is order('weight', 8), '11211121', 'three to one';
    is peer(status($ng), 'weight', $b->address(1))->{weight}, 3, 'as the status says';
};

subtest 'backup' => sub {
    is order('backup', 6), '121212', 'backups rest while primaries serve';
    ok !peer(status($ng), 'backup', $b->address(2))->{backup}, 'status: no backup';
    ok peer(status($ng), 'backup', $b->address(3))->{backup}, 'status: a backup';

    $b->mode(1, 'refuse');
    ask('backup') for 1 .. 2;
    is order('backup', 4), '2222', 'and while one primary is left';

    $b->mode(2, 'refuse');
    like ask('backup')->{headers}{'x-backend'}, qr/^\Q${\$b->address(3)}\E$/,
        'they serve the very request that finds no primary';
    like order('backup', 6), qr/^(?:(?:34)+|(?:43)+)$/, 'and take turns while primaries are out';

    $b->mode($_, 'ok') for 1, 2;
    ok wait_for { order('backup', 4) =~ /^(?:1212|2121)$/ }, 'until the primaries are back';
};

subtest 'a backup is asked when the primaries have failed this request' => sub {
    $b->mode(1, 'refuse');

    my $r = ask('next');

    is $r->{status}, 200, 'answered';
    is $r->{headers}{'x-addr'}, join(', ', map { $b->address($_) } 1, 3), 'by the backup';
    $b->mode(1, 'ok');
};

subtest 'down' => sub {
    $b->reset_counters;
    is order('down', 6), '111111', 'is never asked';
    is peer(status($ng), 'down', $b->address(2))->{state}, 'down', 'as the status says';
    is service(status($ng), 'down')->{available}, 1, 'one is left';

    $b->reset_counters;
    my $r = ask('alldown');

    is $r->{status}, 503, 'all down: nobody to be had';
    is $r->{headers}{'x-addr'}, 'alldown', 'so the address is the name, as in nginx';
    is $b->requests, 0, 'nobody was asked';
};

# Requests that hang are the connections in flight, whatever the machine's speed:
# each either is one of them or was turned away.

subtest 'max_conns is never exceeded, by all workers together' => sub {
    my ($rounds, $each) = (12, 24);

    for my $round (1 .. $rounds) {
        $b->reset_counters;
        $b->mode('all', 'hang');

        my $rejected = service(status($ng), 'limited')->{rejected};
        my @c = map { http_connect($ng->port)->ask('GET', '/limited') } 1 .. $each;

        my $settled = wait_for {
            my $st = service(status($ng), 'limited');
            my $held = 0;
            $held += $_->{in_flight} for $st->{peers}->@*;

            $st->{rejected} - $rejected + $held == $each && $held == $b->requests;
        };

        my @held = map { $b->requests($_) } 1, 2;

        $settled && $held[0] <= 3 && $held[1] <= 2 && $held[0] + $held[1] > 0
            or fail("round $round: in flight at the backends: @held");

        $_->close for @c;
        wait_for { in_flight('limited', 1) + in_flight('limited', 2) == 0 }
            or fail("round $round: places not given back");
        $b->mode('all', 'ok');
    }

    pass("$rounds rounds of $each requests at once");
};

subtest 'max_conns is used in full, and says so when it is' => sub {
    $b->mode('all', 'hang');

    my @c;

    for my $n (1 .. 5) {
        push @c, http_connect($ng->port)->ask('GET', '/limited');
        wait_for { in_flight('limited', 1) + in_flight('limited', 2) == $n };
    }

    is_deeply [map { in_flight('limited', $_) } 1, 2], [3, 2], 'every place is taken';

    my $r = ask('limited');
    is $r->{status}, 503, 'one more is turned away';
    is $r->{headers}{'retry-after'}, 1, 'for a second';

    my $peer = peer(status($ng), 'limited', $b->address(1));
    is $peer->{state}, 'down', 'status: the peer is out';
    is_deeply $peer->{reasons}, ['max_conns'], 'and why';

    $c[0]->close;
    ok wait_for { in_flight('limited', 1) + in_flight('limited', 2) == 4 }, 'a client leaves';
    push @c, http_connect($ng->port)->ask('GET', '/limited');
    ok wait_for { in_flight('limited', 1) + in_flight('limited', 2) == 5 }, 'another gets its place';

    $_->close for @c[1 .. $#c];
    ok wait_for { in_flight('limited', 1) + in_flight('limited', 2) == 0 }, 'all given back';
    $b->mode('all', 'ok');
    is_deeply [map { peer(status($ng), 'limited', $b->address($_))->{failures} } 1, 2], [0, 0],
        'clients that leave are no failures';
};

subtest 'where the primaries are full, a backup serves' => sub {
    $b->mode(1, 'hang');

    my $c = http_connect($ng->port)->ask('GET', '/spill');
    ok wait_for { in_flight('spill', 1) == 1 }, 'the primary is full';
    is order('spill', 3), '333', 'the backup serves';

    $c->close;
    $b->mode(1, 'ok');
    ok wait_for { in_flight('spill', 1) == 0 }, 'the primary is free';
    is order('spill', 3), '111', 'and serves again';
};

subtest 'max_fails and fail_timeout are the threshold and the timeout of their peer' => sub {
    $b->mode($_, 'refuse') for 1, 2;

    ask('fails') for 1 .. 2;
    is breaker('fails', $b->address(1))->{state}, 'closed', 'closed after two failures of three';

    ask('fails');
    my $breaker = breaker('fails', $b->address(1));
    is $breaker->{state}, 'open', 'open after three';
    cmp_ok $breaker->{retry_in}, '<=', 132, 'for fail_timeout, and jitter';
    cmp_ok $breaker->{retry_in}, '>', 60, 'not for less';

    ask('fails') for 1 .. 10;
    is breaker('fails', $b->address(2))->{state}, 'closed', 'max_fails=0: never opens';
    $b->mode('all', 'ok');
};

subtest 'two servers of one address are two peers' => sub {
    my ($one, $two) = ($b->address(1), $b->address(1) . '#2');

    ask('twins') for 1 .. 4;

    my $st = status($ng);
    is_deeply [map { $_->{id} } service($st, 'twins')->{peers}->@*], [$one, $two], 'by their ids';
    is_deeply [map { peer($st, 'twins', $_)->{requests} } $one, $two], [2, 2], 'and their counts';
    is peer($st, 'twins', $two)->{address}, $one, 'of one address';

    $b->mode(1, 'status', status => 500, times => 1);
    is ask('twins')->{status}, 500, 'one fails';
    $st = status($ng);
    is_deeply [sort map { peer($st, 'twins', $_)->{breaker}{state} } $one, $two],
        ['closed', 'open'], 'and is out alone';
};

subtest 'what nginx refuses is refused' => sub {
    for my $bad ('weight=0', 'max_conns=x', 'slow_start=1s', 'max_fails=', 'nonsense') {
        my ($code, $said) = config_test(backend => $b, http => <<"EOF");
            upstream u { kerberos_balance round_robin; server %%BACKEND_1%% $bad; }
EOF
        is $code, 1, $bad;
        like $said, qr/\[emerg\] invalid parameter "\Q$bad\E" in .*test\.conf:\d+/, 'and named';
    }
};

done_testing;
