#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# N1: a client that leaves says nothing about the peer. nginx takes an aborted probe for a success,
# and sends everybody to a peer that hangs.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Stock;

my %slow = (patient => '', left => '', slow => 'slow=100ms');

my $b  = backend(2);
my $ng = gateway(backend => $b, http => join('', map {<<"EOT"} sort keys %slow) . <<'EOF');
    upstream $_ {
        stock:    zone $_ 64k;
        stock:    server %%BACKEND_1%% max_fails=2 fail_timeout=1s;
        kerberos: server %%BACKEND_1%%;
        kerberos: kerberos_breaker threshold=2 timeout=500ms jitter=0% probe_timeout=1m $slow{$_};
        server %%BACKEND_2%% backup;
    }
EOT
    server {
        listen 127.0.0.1:%%PORT%%;
        proxy_next_upstream error timeout http_500;
        kerberos: location = /status { kerberos_status; }
        location /patient { proxy_pass http://patient; proxy_read_timeout 300ms; }
        location /left    { proxy_pass http://left; proxy_read_timeout 1m; }
        location /slow    { proxy_pass http://slow; proxy_read_timeout 1m; }
    }
EOF


# The peer has failed, its time is over, and now it hangs.

sub sicken ($service) {
    $b->mode(1, 'status', status => 500);
    trip($b, 1, sub { fetch($ng, "/$service") });
    due($ng, $service, $b->address(1));
    $b->mode(1, 'hang');

    return;
}


# This much nginx can do, too.

subtest 'a probe that is waited for: nobody else meets the peer' => sub {
    sicken('patient');

    my $then = now();

    is reached($b, 1, sub { is fetch($ng, '/patient')->{status}, 200, 'the client is served' }), 1,
        'after a probe';

    my $more = reached($b, 1, sub { fetch($ng, '/patient') for 1 .. 3 });

    cmp_ok $more, '<=', most_since($then, 0.5), 'none of the next three is another';
};

# A probe whose client leaves after so many seconds, and then three more clients: how many of them
# are at the peer, which is well again after that, and when the probe has ended at the earliest.

sub leave ($service, $after) {
    sicken($service);

    my $probe = http_connect($ng->port)->ask('GET', "/$service");

    wait_for { $b->counters(1)->{in_flight} == 1 } or die "no probe\n";
    pause($after);

    my $then = now();
    $probe->close;
    wait_for { $b->counters(1)->{in_flight} == 0 } or die "nginx does not see that it has left\n";

    my @clients = map { http_connect($ng->port)->ask('GET', "/$service") } 1 .. 3;
    my ($hang, $statuses) = land($b, 1, @clients);

    is_deeply [grep { $_ != 200 } @$statuses], [], 'the others are served elsewhere';

    $_->close for @clients;
    $b->mode(1, 'ok');
    ok +(wait_for { reached($b, 1, sub { fetch($ng, "/$service") }) }), 'a sound peer is used';

    return ($hang, $then);
}

subtest 'a probe whose client leaves at once, which says nothing' => sub {
    my ($hang) = leave('left', 0);

    is $hang, 1, 'N1: of three clients, only the next probe meets the peer';
};

subtest 'a probe whose client leaves when it has waited for longer than `slow`' => sub {
    my ($hang, $then) = leave('slow', 0.2);

    cmp_ok $hang, '<=', most_since($then, 0.5), 'N1: of three clients, none meets the peer';
};

done_testing;
