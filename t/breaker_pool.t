#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# The rules for all peers of a service together: how many may be held open, who serves when too few
# are in, and a request that breaks whoever it comes to.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b = backend(4);

my %peers = (
    four  => 'server %%BACKEND_1%%; server %%BACKEND_2%%; server %%BACKEND_3%%; server %%BACKEND_4%%;',
    pair  => 'server %%BACKEND_1%%; server %%BACKEND_2%%;',
    spare => 'server %%BACKEND_1%%; server %%BACKEND_2%%; server %%BACKEND_3%% backup;',
);

# A service for each case: nothing that happened in one is remembered in another. They never come
# back by themselves but where that is the question.

my @services = (
    [capped   => four  => 'max_open=50%'],
    [refusing => four  => 'max_open=50%'],
    [mixed    => four  => 'max_open=50%'],
    [rush     => four  => 'max_open=50%'],
    [one      => pair  => 'max_open=1%'],
    [uncapped => four  => 'threshold=1'],
    [panic    => pair  => 'panic=50%'],
    [dead     => pair  => 'panic=50%'],
    [half     => pair  => 'panic=50%'],
    [calm     => pair  => 'threshold=1'],
    [healing  => pair  => 'panic=100% timeout=200ms'],
    [backup   => spare => 'timeout=200ms'],
    [reserve  => spare => 'panic=100%'],
    [poison   => four  => 'threshold=1'],
    [unsent   => pair  => 'threshold=1'],
);

my $ng = nginx(backend => $b, http => join('', map {<<"EOT"} @services) . <<'EOF');
    upstream $_->[0] {
        $peers{$_->[1]}
        kerberos_breaker $_->[2];
    }
EOT
    kerberos_breaker threshold=1 timeout=10m jitter=0%;     # inherited by all of them

    # Since 1.29.7 nginx keeps connections by default; one that closes without a word is then stale.
    proxy_http_version 1.0;
    server {
        listen 127.0.0.1:%%PORT%%;
        proxy_read_timeout 150ms;

        location = /status { kerberos_status; }
        location ~ ^/(?<name>\w+) { proxy_pass http://$name; }
    }
EOF

sub of ($service) { return service(status($ng), $service) }

sub at ($service, $n) { return peer(status($ng), $service, $b->address($n)) }

# The peers that are not in, by their numbers.
sub out ($service) {
    my $of = status($ng);

    return [grep {
        my $peer = peer($of, $service, $b->address($_));
        $peer && $peer->{breaker}{state} ne 'closed';
    } 1 .. 4];
}

# Returns when it has been judged: nginx closes a connection when it has let go of the peer.

sub get ($service, %arg) {
    my $c = http_connect($ng->port)->ask($arg{method} // 'GET', "/$service", close => 1, %arg);
    my $r = $c->response;

    $c->is_closed;

    return $r->{status};
}

sub statuses ($service, $times) { return [map { get($service) } 1 .. $times] }

# How many requests come to each peer.
sub spread ($service, $times) {
    $b->reset_counters;
    statuses($service, $times);

    return [map { $b->requests($_) } 1 .. 4];
}

sub bad ($n) { return $b->mode($n, 'status', status => 500) }
sub well ()  { return $b->mode('all', 'ok') }


subtest 'max_open: half of them at most are held open by bad answers' => sub {
    bad('all');
    is_deeply statuses('capped', 12), [(500) x 12], 'nobody is turned away';
    is scalar(out('capped')->@*), 2, 'two of four are out';
    is of('capped')->{state}, 'degraded', 'the service is not down';

    my $of  = of('capped');
    my $sum = 0;
    $sum += $_->{breaker}{overflow} for $of->{peers}->@*;
    cmp_ok $of->{overflow}, '>=', 1, 'that another should have gone is counted';
    is $sum, $of->{overflow}, 'at the peer, too';
    well();
    is_deeply statuses('capped', 8), [(200) x 8], 'those who are left serve';
    is scalar($ng->log_lines(qr/circuit OPEN service "capped"/)), 2, 'two lines in the log';
};

subtest 'max_open: who refuses connections is always out' => sub {
    $b->mode('all', 'refuse');
    wait_for { get('refusing') == 503 };
    is_deeply out('refusing'), [1 .. 4], 'all four';
    is of('refusing')->{overflow}, 0, 'no cap stood in the way';
    well();
};

subtest 'max_open: who refuses takes no place of those who answer badly' => sub {
    $b->mode($_, 'refuse') for 1, 2;
    wait_for { get('mixed'); "@{ out('mixed') }" eq '1 2' } or die "they do not open\n";
    $b->mode($_, 'status', status => 500) for 3, 4;
    ok wait_for { get('mixed') == 503 }, 'two refuse, and two answer badly';
    is_deeply out('mixed'), [1 .. 4], 'all are out';
    well();
};

subtest 'max_open: whatever comes at once' => sub {
    bad('all');
    my @r = http_parallel(64, $ng->port, '/rush');
    is_deeply [grep { $_->{status} != 500 } @r], [], '64 requests fail';
    cmp_ok scalar(out('rush')->@*), '<=', 2, 'two are out at most';
    ok wait_for { get('rush'); out('rush')->@* == 2 }, 'and two in the end';
    well();
};

subtest 'max_open: one may always go, and one has to stay' => sub {
    bad('all');
    statuses('one', 6);
    is scalar(out('one')->@*), 1, '1% of two peers is one';
    statuses('uncapped', 6);
    is scalar(out('uncapped')->@*), 4, '100% is all';
    is get('uncapped'), 503, 'then nobody is asked';
    well();
};

subtest 'panic: better a bad answer than none' => sub {
    bad('all');
    statuses('panic', 2);
    is_deeply out('panic'), [1, 2], 'both are out';
    is_deeply statuses('panic', 8), [(500) x 8], 'and are asked all the same';
    is_deeply spread('panic', 8), [4, 4, 0, 0], 'in turn';
    is of('panic')->{rejected}, 0, 'nobody was turned away';

    well();
    is_deeply statuses('panic', 8), [(200) x 8], 'what they can do, they do';
    is_deeply out('panic'), [1, 2], 'which is no probe: their time is not over';
    is at('panic', 1)->{breaker}{trips}, 1, 'nor a failure more';
};

subtest 'panic: never who refuses connections' => sub {
    $b->mode(1, 'refuse');
    wait_for { get('half'); "@{ out('half') }" eq '1' };
    bad(2);
    get('half');
    is_deeply out('half'), [1, 2], 'both are out, one of them refuses';
    $b->mode(1, 'ok');
    is_deeply spread('half', 8), [0, 8, 0, 0], 'the other is asked';
    well();

    $b->mode($_, 'refuse') for 1, 2;
    wait_for { get('dead') == 503 };
    well();
    is_deeply spread('dead', 4), [0, 0, 0, 0], 'where both refuse, nobody is';
    is get('dead'), 503, 'and the client is told so';
};

subtest 'without panic they are left alone' => sub {
    bad('all');
    statuses('calm', 2);
    well();
    is_deeply statuses('calm', 4), [(503) x 4], 'fail fast, by default';
};

subtest 'panic ends when a probe has succeeded' => sub {
    bad('all');
    statuses('healing', 2);
    is scalar(@{ out('healing') }), 2, 'both are out';
    well();

    my @got;
    ok wait_for { push @got, get('healing'); !out('healing')->@* }, 'both come back';
    is_deeply [grep { $_ != 200 } @got], [], 'and everybody was served meanwhile';
};

subtest 'backups join when no primary is in' => sub {
    is_deeply spread('backup', 6), [3, 3, 0, 0], 'not while both are';
    bad(1);
    wait_for { get('backup'); "@{ out('backup') }" eq '1' };
    $b->mode(1, 'hang');
    is +(spread('backup', 6))->[2], 0, 'nor while one is';

    bad($_) for 1, 2;
    ok wait_for { get('backup'); "@{ out('backup') }" eq '1 2' }, 'both are out';
    is_deeply statuses('backup', 6), [(200) x 6], 'and the backup serves';
    cmp_ok spread('backup', 6)->[2], '==', 6, 'everybody';

    well();
    ok wait_for { get('backup'); !out('backup')->@* }, 'when they come back';
    is_deeply spread('backup', 6), [3, 3, 0, 0], 'it goes';
};

subtest 'a backup is better than panic, and panic than nothing' => sub {
    bad($_) for 1, 2;
    ok wait_for { get('reserve'); "@{ out('reserve') }" eq '1 2' }, 'both primaries are out';
    well();
    is_deeply spread('reserve', 6), [0, 0, 6, 0], 'the backup serves';

    bad(3);
    get('reserve');
    is_deeply out('reserve'), [1, 2, 3], 'when it is out, too';
    well();
    is_deeply spread('reserve', 6), [3, 3, 0, 0], 'the primaries have to, and not the backup';
};

subtest 'a request that breaks every peer' => sub {
    $b->mode('all', 'close', methods => ['PUT']);
    is get('poison', method => 'PUT'), 502, 'has been tried on all';
    is_deeply [map { at('poison', $_)->{requests} } 1 .. 4], [1, 1, 1, 1], 'of them';
    is scalar(out('poison')->@*), 1, 'and took one out, which could not know';
    is of('poison')->{state}, 'degraded', 'the others stay';

    my %cause;
    for my $peer (of('poison')->{peers}->@*) {
        $cause{$_} += $peer->{causes}{$_} for keys $peer->{causes}->%*;
    }
    is_deeply \%cause, { closed => 1, correlated => 3 }, 'for it failed elsewhere, too';
    is_deeply statuses('poison', 6), [(200) x 6], 'everybody else is served';
    well();
};

subtest 'what never reached the first peer says nothing of the request' => sub {
    $b->mode(1, 'refuse');
    $b->mode(2, 'close');
    wait_for { get('unsent'); out('unsent')->@* == 2 } or die "they do not open\n";
    is at('unsent', 1)->{causes}{connect_refused}, 1, 'one refuses';
    is at('unsent', 2)->{causes}{closed},          1, 'the other closes: both have failed';
    is at('unsent', 2)->{causes}{correlated}, undef, 'each by itself';
};

done_testing;
