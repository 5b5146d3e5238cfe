#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# N6: a request that breaks every peer says something about the request. nginx takes the peers out,
# one after the other, and then serves nobody.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Stock;

use constant PEERS => 10;

# The poison, and how peers take it: each in a service of its own, for none forgets it soon. One
# failure is enough, as it is for nginx unless told otherwise.

my %POISON = (close => 'HEAD', reset => 'POST', hang => 'HEAD');

my $b     = backend(PEERS);
my $many  = join ' ', map {"server %%BACKEND_$_%%;"} 1 .. PEERS;
my $pairs = join '', map {<<"EOT"} sort keys %POISON;
    upstream $_ {
        stock:    zone $_ 64k;
        kerberos: kerberos_breaker threshold=1 timeout=1h;
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
    }
EOT

my $ng = gateway(backend => $b, http => $pairs . <<"EOT" . <<'EOF');
    upstream two {
        stock:    zone two 64k;
        kerberos: kerberos_breaker threshold=1 timeout=1h max_open=50%;
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
    }
    upstream many {
        stock:    zone many 64k;
        kerberos: kerberos_breaker threshold=1 timeout=1h max_open=50%;
        $many
    }
EOT
    server {
        listen 127.0.0.1:%%PORT%%;
        location ~ ^/(?<name>\w+)$ { proxy_pass http://$name; }
        location ~ ^/again/(?<name>\w+)$ {
            proxy_pass http://$name;
            proxy_next_upstream error timeout non_idempotent;
            proxy_read_timeout 300ms;
        }
    }
EOF


# Healthy requests in turn: those that were not served.

sub unserved ($path) {
    return [grep { $_ != 200 } map { fetch($ng, $path)->{status} } 1 .. 20];
}


# The peers that healthy requests come to.

sub serving ($path) {
    $b->reset_counters;
    unserved($path);

    return scalar grep { $_->{requests} } $b->peers;
}


for my $mode (sort keys %POISON) {
    my $method = $POISON{$mode};

    subtest "one $method that every peer answers by $mode" => sub {
        $b->mode('all', $mode, methods => [$method]);
        $b->reset_counters;
        fetch($ng, "/again/$mode", method => $method);
        is $b->requests, 2, 'has been tried on both';
        is_deeply unserved("/$mode"), [], 'N6: all others are served';
    };
}

subtest 'twenty such requests, with others between' => sub {
    $b->mode('all', 'close', methods => [qw(HEAD POST)]);

    my @unserved;
    for my $round (1 .. 10) {
        fetch($ng, '/two', method => 'HEAD');
        fetch($ng, '/two', method => 'POST', body => 'x');
        push @unserved, grep { $_ != 200 } fetch($ng, '/two')->{status};
    }

    is_deeply \@unserved, [], 'N6: those between are served';
    is_deeply unserved('/two'), [], 'N6: and those that come after';
};

subtest 'a hundred at once, and ten peers' => sub {
    $b->mode('all', 'close', methods => ['POST']);
    http_parallel(100, $ng->port, '/many', method => 'POST', body => 'x');

    is_deeply unserved('/many'), [], 'N6: all others are served';

    my $serving = serving('/many');

    cmp_ok $serving, '>=', PEERS / 2, 'N6: by half of the peers at least';
    cmp_ok $serving, '<', PEERS, 'though not by all';
};

# The cap is for peers that somebody reaches. nginx, too, can do this.

subtest 'peers that refuse connections' => sub {
    $b->mode('all', 'refuse');
    fetch($ng, '/many');
    $b->mode('all', 'ok');
    is serving('/many'), 0, 'are left alone, all of them';
};

done_testing;
