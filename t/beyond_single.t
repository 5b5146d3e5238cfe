#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# N7: a peer without another has a breaker, too: who cannot be served is told so at once, and when
# to come again. nginx never gives a rest to the only server of an upstream.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Stock;

my $b  = backend(1);
my $ng = gateway(backend => $b, http => <<'EOF');
    upstream long {
        stock:    zone long 64k;
        stock:    server %%BACKEND_1%% max_fails=2 fail_timeout=1h;
        kerberos: server %%BACKEND_1%%;
        kerberos: kerberos_breaker threshold=2 timeout=1h;
    }
    upstream short {
        stock:    zone short 64k;
        stock:    server %%BACKEND_1%% max_fails=2 fail_timeout=1s;
        kerberos: server %%BACKEND_1%%;
        kerberos: kerberos_breaker threshold=2 timeout=300ms jitter=0%;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        location /long  { proxy_pass http://long; }
        location /short { proxy_pass http://short; }
    }
EOF

subtest 'a peer that always fails' => sub {
    $b->mode(1, 'close');

    my @answers;
    my $came = reached($b, 1, sub { push @answers, fetch($ng, '/long') for 1 .. 20 });
    my @told = grep { ($_->{headers}{'retry-after'} // '') =~ /^[1-9]\d*$/ } @answers;

    is $came, 2, 'N7: is asked until the threshold, and no more';
    is_deeply [map { $_->{status} } @answers], [(502) x 2, (503) x 18],
        'N7: all other clients are told that there is no service';
    is scalar(@told), 18, 'N7: and when to come again';
};

subtest 'a peer that recovers' => sub {
    $b->mode(1, 'close');
    fetch($ng, '/short') for 1 .. 3;
    $b->mode(1, 'ok');
    ok +(wait_for { fetch($ng, '/short')->{status} == 200 }), 'serves again';
};

done_testing;
