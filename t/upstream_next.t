#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# proxy_next_upstream and its kin decide about the next attempt, as ever; what the
# client hears in the end is how the last attempt failed, and a peer that is out
# uses up no tries.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b = backend(3);

# Each case is an upstream, so that none is disturbed by what another has left.

my %CASES = (
    default  => '',
    off      => 'proxy_next_upstream off;',
    timeout  => 'proxy_read_timeout 200ms;',
    answer   => 'proxy_next_upstream error http_500 http_502 http_503 http_504 http_403 http_404
                 http_429;',
    post     => 'proxy_next_upstream error timeout; proxy_read_timeout 200ms;',
    again    => 'proxy_next_upstream error timeout non_idempotent; proxy_read_timeout 200ms;',
    invalid  => 'proxy_next_upstream error;',
    tries    => 'proxy_next_upstream_tries 2;',
    untimely => 'proxy_next_upstream_timeout 100ms; proxy_read_timeout 300ms;',
    last     => 'proxy_next_upstream error timeout http_500 http_503; proxy_read_timeout 200ms;',
);

my $blocks = join '', map {<<"EOF"} sort keys %CASES;
    upstream $_ {
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        server %%BACKEND_3%%;
        kerberos_breaker off;
    }
EOF

my $locations = join '', map {"location /$_ { $CASES{$_} proxy_pass http://$_; }\n"}
    sort keys %CASES;

my $ng = nginx(backend => $b, http => <<"EOF");
    $blocks
    upstream out {
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        server %%BACKEND_3%%;
        kerberos_breaker threshold=1 timeout=10m;
    }
    upstream rest {
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        kerberos_breaker threshold=1 timeout=10m;
    }
    upstream trip {
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        kerberos_breaker threshold=1 timeout=10m;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        add_header X-Addr     \$upstream_addr always;
        add_header X-Status   \$upstream_status always;
        add_header X-Attempts \$kerberos_attempts always;
        location = /status { kerberos_status; }
        location /out  { proxy_next_upstream_tries 2; proxy_pass http://out; }
        location /rest { proxy_read_timeout 200ms; proxy_pass http://rest; }
        location /trip { proxy_pass http://trip; }
        $locations
    }
EOF

# What came of a request: the status, and its attempts as "PEER:STATUS ...".

sub outcome ($r) {
    my %number = map { $b->address($_) => $_ } 1 .. 3;
    my @addr   = split /, /, $r->{headers}{'x-addr'} // '';
    my @status = split /, /, $r->{headers}{'x-status'} // '';

    return join ' ', $r->{status},
        map { ($number{ $addr[$_] } // $addr[$_]) . ":$status[$_]" } 0 .. $#addr;
}

sub ask ($upstream, %arg) {
    return outcome(http_request($ng->port, $arg{method} // 'GET', "/$upstream", %arg));
}

# The outcome of the first request whose turn is that of peer 1.

sub from_first ($upstream, %arg) {
    my $got;

    for (1 .. 10) {
        $got = ask($upstream, %arg);
        return $got if $got =~ /^\d+ 1:/;
    }

    return "never peer 1: $got";
}

sub with ($mode, %setting) { $b->mode(1, $mode, %setting) }


subtest 'error, which is on by default' => sub {
    with('refuse');
    is from_first('default'), '200 1:502 2:200', 'refused';

    with('reset');
    is from_first('default'), '200 1:502 2:200', 'reset';

    with('close');
    is from_first('default'), '200 1:502 2:200', 'closed';

    with('ok');
    is from_first('default'), '200 1:200', 'sound again';
};

subtest 'timeout' => sub {
    with('hang');
    is from_first('timeout'), '200 1:504 2:200', 'is on by default';
};

subtest 'off' => sub {
    with('refuse');
    is from_first('off'), '502 1:502', 'one attempt, which failed';

    with('status', status => 500);
    is from_first('off'), '500 1:500', 'or was answered';
};

subtest 'answers' => sub {
    for my $status (500, 502, 503, 504, 403, 404, 429) {
        with('status', status => $status);
        is from_first('answer'), "200 1:$status 2:200", "http_$status";
        is from_first('default'), "$status 1:$status", "$status without it";
    }
};

subtest 'invalid_header' => sub {
    with('bigheader');
    is from_first('invalid'), '502 1:502', 'is not an error';
};

subtest 'non_idempotent' => sub {
    with('hang');
    is from_first('post', method => 'POST', body => 'x'), '504 1:504', 'POST is sent once';
    is from_first('again', method => 'POST', body => 'x'), '200 1:504 2:200', 'unless allowed';
    is from_first('post', method => 'PUT', body => 'x'), '200 1:504 2:200', 'PUT may be repeated';

    with('refuse');
    is from_first('post', method => 'POST', body => 'x'), '200 1:502 2:200',
        'POST too, when it was never sent';
};

subtest 'proxy_next_upstream_tries' => sub {
    $b->mode($_, 'refuse') for 1, 2;
    is from_first('tries'), '502 1:502 2:502', 'two, though a third would answer';
    is from_first('default'), '200 1:502 2:502 3:200', 'all of them without it';
    $b->mode(2, 'ok');
};

subtest 'proxy_next_upstream_timeout' => sub {
    with('hang');
    is from_first('untimely'), '504 1:504', 'no time is left for another';
    with('ok');
};

subtest 'when all fail, the client hears how the last one did' => sub {
    $b->mode('all', 'refuse');
    is from_first('last'), '502 1:502 2:502 3:502', 'refused: 502';

    $b->mode('all', 'hang');
    is from_first('last'), '504 1:504 2:504 3:504', 'timed out: 504';

    $b->mode('all', 'status', status => 500);
    is from_first('last'), '500 1:500 2:500 3:500', 'answered 500: 500';

    $b->mode('all', 'status', status => 503);
    my $r;
    for (1 .. 10) {
        $r = http_get($ng->port, '/last');
        last if outcome($r) =~ /^503 1:/;
    }
    is outcome($r), '503 1:503 2:503 3:503', 'answered 503: 503';
    is $r->{headers}{'retry-after'}, undef, 'which is theirs: no Retry-After of ours';

    $b->mode(1, 'refuse');
    $b->mode(2, 'status', status => 500);
    $b->mode(3, 'hang');
    is from_first('last'), '504 1:502 2:500 3:504', 'each in its way: as the last';

    $b->mode('all', 'ok');
};

subtest 'a peer that is out uses up no tries' => sub {
    with('refuse');
    like from_first('out'), qr/^200 1:502 [23]:200$/, 'the first is out from now on';

    # Of two tries, one fails at peer 2 and one is left for peer 3.
    $b->mode(2, 'refuse');

    my $got;
    for (1 .. 3) {
        $got = ask('out');
        last if $got =~ /2:502/;
    }
    is $got, '200 2:502 3:200', 'both tries are for those that are in';
    is ask('out'), '200 3:200', 'one is left';
    $b->mode('all', 'ok');
};

subtest 'the last that is in fails, and there are others that are out' => sub {
    with('refuse');
    is from_first('rest'), '200 1:502 2:200', 'one is out';

    $b->mode(2, 'hang');
    is ask('rest'), '504 2:504', 'the client hears of the other, and of no further search';
    is ask('rest'), '503 rest:503', 'then nobody is left';
    $b->mode('all', 'ok');
};

subtest 'nobody is left' => sub {
    $b->mode('all', 'refuse');

    like ask('trip'), qr/^502 (?:1:502 2:502|2:502 1:502)$/, 'the request that asked in vain: 502';

    my $r = http_get($ng->port, '/trip');
    is outcome($r), '503 trip:503', 'the next asks nobody, and hears so';
    is $r->{headers}{'x-attempts'}, 0, 'no attempt was made';
    like $r->{headers}{'retry-after'}, qr/^\d+$/, 'but told when to come back';
    is scalar($ng->log_lines(qr/no live upstreams/)), 0, 'and nothing is logged about it';
    $b->mode('all', 'ok');
};

done_testing;
