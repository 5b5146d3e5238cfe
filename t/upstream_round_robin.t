#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Round robin: one order for all workers, nginx's own order of weights, and what
# becomes of the share of a peer that is out.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(sum);

use Kerberos::Test;

my $b = backend(4);

my %WEIGHTS = (
    classic => [5, 1, 1],
    mixed   => [4, 3, 2],
    four    => [3, 1, 7, 3],
    divisor => [4, 2, 6],
    equal   => [1, 1, 1, 1],
);

# An upstream block of these weights; a peer marked down by a minus.

sub upstream ($name, $weights, $more = '') {
    my $n = 0;
    my $servers = join '', map {
        sprintf "    server %%%%BACKEND_%d%%%% weight=%d%s;\n", ++$n, abs, $_ < 0 ? ' down' : ''
    } @$weights;

    return "upstream $name {\n$servers    $more\n}\n";
}

# reuseport: the kernel deals the connections out among the workers by itself.

sub gateway ($upstreams) {
    return $upstreams . <<'EOF';
    proxy_connect_timeout 5s;
    server {
        listen 127.0.0.1:%%PORT%% reuseport;
        location = /status { kerberos_status; }
        location / {
            rewrite ^/([^/]+) /$1 break;
            add_header X-Worker $pid;
            proxy_pass http://$1;
        }
    }
EOF
}

my %number = map { $b->address($_) => $_ } 1 .. 4;

sub order ($port, $upstream, $count) {
    return join '', map { $number{ http_get($port, "/$upstream")->{headers}{'x-backend'} } }
        1 .. $count;
}

my $ng = nginx(backend => $b, http => gateway(join '',
    upstream('two',   [1, 1],       'kerberos_balance round_robin;'),
    upstream('other', [1, 1],       'kerberos_balance round_robin;'),
    upstream('busy',  [1, 1],       'kerberos_balance round_robin;'),
    upstream('three', [1, 1, 1],    'kerberos_breaker threshold=1 timeout=10m;'),
    upstream('heavy', [5, 3, 2, 1], 'kerberos_breaker threshold=1 timeout=10m;'),
    upstream('retry', [1, 1, 1],    'kerberos_breaker off;'),
    upstream('full',  [1, 1, 1],    'kerberos_breaker off;')
        =~ s/(BACKEND_3%% weight=1)/$1 max_conns=1/r,
    map { upstream($_, $WEIGHTS{$_}, 'kerberos_balance round_robin;') } sort keys %WEIGHTS,
));

# The oracle: nginx itself, which keeps one order as long as it has one worker.

my $stock = nginx(module => 0, workers => 1, backend => $b, http =>
    gateway(join '',
        upstream('lightened', [-5, 3, 2, 1]),
        map { upstream($_, $WEIGHTS{$_}) } sort keys %WEIGHTS,
    ) =~ s/^.*kerberos_status.*\n//mr);


subtest 'two equal peers alternate strictly, whichever worker answers' => sub {
    my $workers = $ng->workers;
    my (%seen, @order);

    # Until every worker has had a part in it, and some more.
    wait_for {
        my $r = http_get($ng->port, '/two');

        push @order, $number{ $r->{headers}{'x-backend'} // '' } // "status $r->{status}";
        $seen{ $r->{headers}{'x-worker'} }++;
        @order >= 60 && keys %seen == $workers;
    };

    is scalar(keys %seen), $workers, "all $workers workers answered";
    is join(' ', @order), join(' ', map { 1 + $_ % 2 } 0 .. $#order), 'in turn, from the first';
};

subtest 'each service has an order of its own' => sub {
    is join('', map { order($ng->port, $_, 1) } qw(other other equal equal other)), '12121',
        'not moved on by another';
};

subtest 'requests at once are dealt out exactly' => sub {
    $b->reset_counters;

    my @r = http_parallel(60, $ng->port, '/busy');

    is scalar(grep { $_->{status} == 200 } @r), 60, 'all answered';
    is_deeply [map { $b->requests($_) } 1, 2], [30, 30], 'half each';
};

subtest 'the order of weights is that of nginx' => sub {
    for my $name (grep { $_ ne 'equal' } sort keys %WEIGHTS) {
        my $two_rounds = 2 * sum($WEIGHTS{$name}->@*);

        is order($ng->port, $name, $two_rounds), order($stock->port, $name, $two_rounds),
            "@{$WEIGHTS{$name}}, two rounds";
    }
};

# Opens the breaker of a peer by refused connections, then lets it listen again:
# who is asked for it now would be told.

sub take_out ($upstream, $n) {
    $b->mode($n, 'refuse');

    ok wait_for {
        http_get($ng->port, "/$upstream");
        peer(status($ng), $upstream, $b->address($n))->{breaker}{state} eq 'open';
    }, "peer $n of $upstream is out";

    $b->mode($n, 'ok');
}

subtest 'three equal peers, one out: the other two get half each' => sub {
    take_out('three', 1);

    my $order = order($ng->port, 'three', 60);

    like $order, qr/^(?:(?:23)+|(?:32)+)$/, 'in turn, none twice running';
    is length $order, 60, 'all of them';
};

subtest 'the share of a heavy peer goes to the others by weight, as in nginx' => sub {
    take_out('heavy', 1);

    my $round = order($stock->port, 'lightened', 6);
    my $order = order($ng->port, 'heavy', 24);

    # It need not begin where nginx does, but must go round as nginx does.
    ok index($round x 5, $order) >= 0, '3:2:1 in the order of nginx'
        or diag "nginx repeats $round, this is $order";
};

subtest 'so does the share of a peer that fails without being out' => sub {
    $b->mode(1, 'refuse');

    my $order = order($ng->port, 'retry', 30);

    $b->mode(1, 'ok');
    is +($order =~ tr/2//), 15, 'half to one';
    is +($order =~ tr/3//), 15, 'half to the other';
};

subtest 'and that of a peer at its max_conns' => sub {
    $b->mode(3, 'hang');

    my @c = map { http_connect($ng->port)->ask('GET', '/full') } 1 .. 3;
    ok wait_for { $b->counters(3)->{in_flight} == 1 }, 'the peer is busy';
    my $order = order($ng->port, 'full', 30);

    like $order, qr/^(?:(?:12)+|(?:21)+)$/, 'half each, in turn';

    $_->close for @c;
    $b->mode(3, 'ok');
    ok wait_for { peer(status($ng), 'full', $b->address(3))->{in_flight} == 0 }, 'it is free again';
    like order($ng->port, 'full', 6), qr/^(?:123|231|312){2}$/, 'and has its turn';
};

subtest 'a reload does not begin anew' => sub {
    my $before = order($ng->port, 'other', 1);

    ok $ng->reload, 'reloaded';
    isnt order($ng->port, 'other', 1), $before, 'the other peer is next';
};

done_testing;
