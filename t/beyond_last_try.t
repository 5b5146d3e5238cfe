#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# N2, N3, N4: every attempt is judged, whether or not it may be repeated. nginx blames a peer for a
# status only where it goes on to another one: not on the last try, and not for a POST.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Stock;

my $b  = backend(2);
my $ng = gateway(backend => $b, http => join('', map {<<"EOT"} qw(last post)) . <<'EOF');
    upstream $_ {
        stock:    zone $_ 64k;
        stock:    server %%BACKEND_1%% max_fails=2 fail_timeout=1h;
        kerberos: server %%BACKEND_1%%;
        kerberos: kerberos_breaker threshold=2 timeout=1h;
        server %%BACKEND_2%% backup;
    }
EOT
    upstream probe {
        stock:    zone probe 64k;
        stock:    server %%BACKEND_1%% max_fails=2 fail_timeout=1s;
        kerberos: server %%BACKEND_1%%;
        kerberos: kerberos_breaker threshold=2 timeout=300ms jitter=0% probe_grace=100ms;
        server %%BACKEND_2%% backup;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        proxy_next_upstream error timeout http_500;
        kerberos: location = /status { kerberos_status; }
        location /last  { proxy_pass http://last; proxy_next_upstream_tries 1; }
        location /post  { proxy_pass http://post; }
        location /probe { proxy_pass http://probe; proxy_next_upstream_tries 1; }
    }
EOF

# Twenty requests in turn: how many came to the peer, and the statuses that clients have got.

sub twenty ($path, %arg) {
    my @got;
    my $came = reached($b, 1, sub { push @got, fetch($ng, $path, %arg)->{status} for 1 .. 20 });

    return ($came, \@got);
}


subtest 'a peer that answers 500 to requests with a single try' => sub {
    $b->mode(1, 'status', status => 500);

    my ($came, $statuses) = twenty('/last');

    is $came, 2, 'N2: is asked until the threshold, and no more';
    is_deeply $statuses, [(500) x 2, (200) x 18], 'N2: all other clients are served';
};

subtest 'a peer that answers 500 to POST' => sub {
    $b->mode(1, 'status', status => 500);

    my ($came, $statuses) = twenty('/post', method => 'POST', body => 'x');

    is $came, 2, 'N3: is asked until the threshold, and no more';
    is_deeply $statuses, [(500) x 2, (200) x 18], 'N3: all other clients are served';
};

subtest 'a probe that is answered 500, on its only try' => sub {
    my $ask = sub { fetch($ng, '/probe') };

    $b->mode(1, 'close');
    trip($b, 1, $ask);
    due($ng, 'probe', $b->address(1));

    $b->mode(1, 'status', status => 500);

    my $then;
    ok +(wait_for { $then = now(); reached($b, 1, $ask) }), 'there is a probe';

    my $more = reached($b, 1, sub { $ask->() for 1 .. 5 });

    cmp_ok $more, '<=', most_since($then, 0.3), 'N4: and has failed: the peer is left alone';

    $b->mode(1, 'ok');
    due($ng, 'probe', $b->address(1));
    ok +(wait_for { reached($b, 1, $ask) }), 'until the next is due';
};

done_testing;
