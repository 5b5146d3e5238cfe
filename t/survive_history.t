#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# What a peer has behind it is kept by its name and address, whatever happens to the configuration
# around it: also when it is taken out for a while.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b = backend(4);

my $breaker = 'threshold=3 timeout=10m jitter=0% failure_rate=90% min_requests=50 window=1h';

# The servers of a block and what its breaker is told, and a service of a file beside it.
sub conf ($servers, $parameters = $breaker, $more = '') { return <<"EOF" }
    kerberos_registry services.yaml;

    # Since 1.29.7 nginx keeps connections by default; one that closes without a word is then stale.
    proxy_http_version 1.0;
    upstream u {
        $servers
        kerberos_breaker $parameters;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        $more
        location = /status { kerberos_status; }
        location = /u    { proxy_pass http://u; }
        location = /file { kerberos_service file; proxy_pass http://kerberos; }
    }
EOF

my $one  = 'server %%BACKEND_1%%; server %%BACKEND_2%%; server %%BACKEND_3%%;';
my $ng   = nginx(start => 0, backend => $b, http => conf($one));

sub registry (@peers) {
    my $urls = join ', ', map { 'http://' . $b->address($_) } @peers;

    return $ng->write_file('services.yaml', <<"EOF");
file:
  peers: [$urls]
  breaker: { threshold: 1, timeout: 10m }
EOF
}

registry(1, 2);
$ng->start;

sub reload (@conf) { return $ng->configure(@conf ? (http => conf(@conf)) : ())->reload }
sub at ($n, $service = 'u') { return peer(status($ng), $service, $b->address($n)) }

# Returns when it has been judged: nginx closes a connection when it has let go of the peer.

sub get ($path = '/u') {
    my $c = http_connect($ng->port)->ask('GET', $path, close => 1);
    my $r = $c->response;

    $c->is_closed;

    return $r->{status};
}

# All that is kept of a peer; of times, what does not pass.

sub history ($n, $service = 'u') {
    my $peer    = at($n, $service) // return;
    my $breaker = $peer->{breaker};

    return {
        (map { $_ => $peer->{$_} } qw(requests successes failures neutral responses causes)),
        (map { $_ => $breaker->{$_} }
            qw(state reason last trips doublings late window consecutive_failures)),
    };
}

sub histories () { return [map { history($_) } 1 .. 3] }


# Peer 1 is open, peer 2 has failed twice, peer 3 is well.

$b->mode(1, 'close');
wait_for { get(); at(1)->{breaker}{state} eq 'open' } or die "stays in\n";
$b->mode(1, 'ok');

$b->mode(2, 'status', status => 500, times => 2);
wait_for { get(); at(2)->{failures} == 2 } or die "does not fail\n";
my $served = at(2)->{successes};
wait_for { get(); at(2)->{successes} > $served } or die "does not serve\n";
$b->mode(2, 'status', status => 500, times => 1);
wait_for { get(); at(2)->{failures} == 3 } or die "does not fail\n";

my $before = histories();
my $wait   = at(1)->{breaker}{retry_in};

is $before->[0]{state}, 'open', 'peer 1 is open';
is $before->[1]{consecutive_failures}, 1, 'peer 2 has failed once in a row';
is $before->[1]{window}{failures}, 3, 'and three times in its window';
cmp_ok $before->[2]{successes}, '>', 0, 'peer 3 has served';

subtest 'another order, other weights' => sub {
    ok reload('server %%BACKEND_3%% weight=5; server %%BACKEND_1%% weight=2; server %%BACKEND_2%%;'),
        'reload';
    is_deeply histories(), $before, 'nothing is forgotten';
    is_deeply [map { at($_)->{weight} } 1 .. 3], [2, 1, 5], 'the weights are new';
};

subtest 'other thresholds and times' => sub {
    ok reload($one, 'threshold=2 timeout=1s max_timeout=8s probes=3 successes=5 window=1h '
        . 'failure_rate=80% min_requests=100 slow=5s ramp=10s max_open=67%'), 'reload';
    is_deeply histories(), $before, 'nothing is forgotten';
    cmp_ok at(1)->{breaker}{retry_in}, '>', 60, 'its time is that of the day when it opened';

    $b->mode(2, 'status', status => 500, times => 1);
    wait_for { get(); at(2)->{failures} == 4 } or die "does not fail\n";
    is at(2)->{breaker}{state}, 'open', 'the failure of before and one more are two in a row';
    ok reload($one), 'back again';
    $before = histories();
};

subtest 'a peer that is taken out and put back' => sub {
    ok reload('server %%BACKEND_2%%; server %%BACKEND_3%%;'), 'without peer 1';
    is at(1), undef, 'it is gone';
    $b->reset_counters;
    is_deeply [map { get() } 1 .. 4], [(200) x 4], 'the others serve';
    is $b->requests(1), 0, 'nobody comes to it';

    ok reload($one), 'with peer 1';
    is_deeply history(1), $before->[0], 'it is who it was';
    cmp_ok at(1)->{breaker}{retry_in}, '<', $wait, 'for what is left of its time';
    is_deeply [map { get() } 1 .. 8], [(200) x 8], 'all are served';
    is $b->requests(1), 0, 'and nobody comes to it yet';
};

subtest 'all of them, for two reloads, and one as a backup' => sub {
    my $kept = histories();

    ok reload('server %%BACKEND_4%%;'), 'others in their place';
    is get(), 200, 'which serve';
    ok reload('server %%BACKEND_4%% weight=2;'), 'and again';
    ok reload('server %%BACKEND_2%%; server %%BACKEND_3%%; server %%BACKEND_1%% backup;'), 'back';
    is_deeply histories(), $kept, 'nothing is forgotten';
    is at(1)->{backup}, JSON::PP::true, 'though one is a backup now';
};

subtest 'what has opened elsewhere is another history' => sub {
    is at(1, 'file')->{breaker}{state}, 'closed', 'the same peer in another service';
    is at(1, 'file')->{requests}, 0, 'has one of its own';
};

subtest 'in a file' => sub {
    $b->mode(1, 'close');
    wait_for { get('/file'); at(1, 'file')->{breaker}{state} eq 'open' } or die "stays in\n";
    $b->mode(1, 'ok');
    my $kept = history(1, 'file');

    registry(2);
    ok reload(), 'a reload without the peer';
    is at(1, 'file'), undef, 'it is gone';
    registry(2, 1);
    ok reload(), 'and with it, in another place';
    is_deeply history(1, 'file'), $kept, 'it is who it was';

    registry(3);
    ok reload(), 'without all of them';
    registry(1, 2);
    ok reload(), 'and with them';
    is_deeply history(1, 'file'), $kept, 'it is still';
};

subtest 'a reload that fails' => sub {
    ok reload($one), 'as it was';

    my $kept       = histories();
    my $generation = status($ng)->{generation};

    $ng->allow(qr/\[emerg\]/);

    for my $case (
        ['a peer less, and nonsense', 'server %%BACKEND_2%%;', $breaker, 'nonsense;'],
        ['other thresholds that contradict each other', $one, 'timeout=2s max_timeout=1s'],
        ['probes=0',        $one, 'probes=0'],
        ['failure_rate=0%', $one, 'failure_rate=0%'],
    ) {
        my ($what, @conf) = @$case;

        ok !reload(@conf), $what;
        is status($ng)->{generation}, $generation, 'it is the same generation';
        is_deeply histories(), $kept, 'with the same history';
    }

    ok reload($one), 'and one that does not';
    is_deeply histories(), $kept, 'finds it';
};

done_testing;
