#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# N8: what is known of a peer survives a reload. nginx begins anew, and lets every dead peer fail
# its clients again.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Stock;

my $b = backend(3);

sub conf (%change) {
    my %is = (before => '', weight => 1, threshold => 2, %change);

    return <<"EOF";
    upstream u {
        $is{before}
        stock:    zone u 64k;
        stock:    server %%BACKEND_1%% weight=$is{weight} max_fails=$is{threshold} fail_timeout=1h;
        kerberos: server %%BACKEND_1%% weight=$is{weight};
        kerberos: kerberos_breaker threshold=$is{threshold} timeout=1h;
        server %%BACKEND_2%%;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        location / { proxy_pass http://u; }
    }
EOF
}

my $ng = gateway(backend => $b, http => conf());

# So many that it must be everybody's turn more than once.

sub twelve () { fetch($ng, '/') for 1 .. 12 }

$b->mode(1, 'close');
is reached($b, 1, \&twelve), 2, 'a peer fails twice, and is left alone';

for my $case (
    ['the same configuration'],
    ['another peer before it',     before    => 'server %%BACKEND_3%%;'],
    ['another weight',             weight    => 5],
    ['another threshold',          threshold => 3],
    ['the old weight and threshold'],
) {
    my ($what, %change) = @$case;

    $ng->configure(http => either(conf(%change)));
    ok $ng->reload, "reload: $what";
    is reached($b, 1, \&twelve), 0, "N8: it is left alone, with $what";
}

# Taken out by hand, and put back before it has recovered.

$ng->configure(http => either(conf() =~ s/^.*BACKEND_1.*\n//gmr));
ok $ng->reload, 'reload: without it';
is reached($b, 1, \&twelve), 0, 'it is not there';

$ng->configure(http => either(conf()));
ok $ng->reload, 'reload: with it';
is reached($b, 1, \&twelve), 0, 'N8: it is left alone, back as it is';

done_testing;
