#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Upgraded connections: balanced as requests are, held as long as they last, and
# no fault of the peer when nobody has anything to say.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b  = backend(2);
my $ng = nginx(backend => $b, http => <<'EOF');
    upstream two {
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        kerberos_breaker threshold=1 timeout=10m;
    }
    upstream idle {
        server %%BACKEND_1%%;
        kerberos_breaker threshold=1 timeout=10m;
        keepalive 4;
    }
    upstream limited {
        server %%BACKEND_1%% max_conns=1;
        server %%BACKEND_2%% max_conns=1;
        kerberos_breaker threshold=1 timeout=10m;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        proxy_http_version 1.1;
        proxy_set_header Upgrade    $http_upgrade;
        proxy_set_header Connection upgrade;

        location = /status { kerberos_status; }
        location /two/     { proxy_pass http://two/; }
        location /limited/ { proxy_pass http://limited/; }
        location /idle/    { proxy_read_timeout 200ms; proxy_pass http://idle/; }
    }
EOF

sub upgrade ($upstream) {
    my $c = http_connect($ng->port);
    my $r = $c->get("/$upstream/ws", headers => {
        Upgrade                 => 'websocket',
        Connection              => 'Upgrade',
        'Sec-WebSocket-Version' => 13,
        'Sec-WebSocket-Key'     => 'dGhlIHNhbXBsZSBub25jZQ==',
    });

    return ($c, $r);
}

# A text frame, masked as a client must, with a mask of zeros; and its echo.

sub echo ($c, $text) {
    $c->send(pack('CCN', 0x81, 0x80 | length $text, 0) . $text);

    return substr $c->read_bytes(2 + length $text), 2;
}

sub counts ($upstream, $n, @names) {
    my $peer = peer(status($ng), $upstream, $b->address($n));

    return join ' ', map {"$_ $peer->{$_}"} @names;
}


subtest 'a connection is upgraded, and carries both ways' => sub {
    my ($c, $r) = upgrade('two');

    is $r->{status}, 101, 'switching protocols';
    is $r->{headers}{'sec-websocket-accept'}, 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=', 'by the peer';
    is echo($c, $_), $_, $_ for 'hello', 'again';

    is counts('two', 1, 'in_flight'), 'in_flight 1', 'it is in flight';
    $c->close;
    ok wait_for { counts('two', 1, 'in_flight') eq 'in_flight 0' }, 'until it ends';
    is counts('two', 1, qw(requests successes)), 'requests 1 successes 1', 'which is a success';
};

subtest 'connections take turns' => sub {
    my @c = map { [upgrade('two')] } 1 .. 4;

    is_deeply [map { $_->[1]{headers}{'x-backend'} } @c],
        [map { $b->address($_) } 2, 1, 2, 1], 'in order, while all stay open';
    is echo($c[$_][0], "number $_"), "number $_", 'and each is heard' for 0 .. 3;
    is counts('two', $_, 'in_flight'), 'in_flight 2', 'two are in flight' for 1, 2;

    $_->[0]->close for @c;
    ok wait_for { counts('two', 1, 'in_flight') . counts('two', 2, 'in_flight')
        eq 'in_flight 0in_flight 0' }, 'all ended';
};

subtest 'max_conns counts them as long as they last' => sub {
    my @c = map { [upgrade('limited')] } 1 .. 3;

    is_deeply [map { $_->[1]{status} } @c], [101, 101, 503], 'the third is turned away';
    $c[0][0]->close;
    ok wait_for { counts('limited', 1, 'in_flight') eq 'in_flight 0' }, 'one ends';

    my ($c, $r) = upgrade('limited');
    is $r->{status}, 101, 'and leaves its place to another';

    $_->close for $c, map { $_->[0] } @c;
    ok wait_for { counts('limited', 2, 'in_flight') eq 'in_flight 0' }, 'all ended';
};

subtest 'one that falls silent is ended without a verdict' => sub {
    my ($c, $r) = upgrade('idle');

    is $r->{status}, 101, 'upgraded';
    ok $c->is_closed, 'proxy_read_timeout closes it';
    ok wait_for { counts('idle', 1, 'in_flight') eq 'in_flight 0' }, 'nothing is held';
    is counts('idle', 1, qw(failures neutral)), 'failures 0 neutral 1', 'it is nobody\'s fault';
};

subtest 'an upgrade that is refused is an answer' => sub {
    $b->mode(1, 'status', status => 403, times => 1);

    my (undef, $r) = upgrade('idle');
    is $r->{status}, 403, 'the client hears it';
    is counts('idle', 1, qw(failures successes)), 'failures 0 successes 1', 'of a sound peer';
};

subtest 'an upgrade goes to another peer when one is not there' => sub {
    $b->mode(1, 'refuse');

    my @c = map { [upgrade('two')] } 1, 2;

    is_deeply [map { $_->[1]{headers}{'x-backend'} } @c], [($b->address(2)) x 2], 'both do';
    is peer(status($ng), 'two', $b->address(1))->{breaker}{state}, 'open', 'the peer is out';
    is echo($_->[0], 'hello'), 'hello', 'it works' for @c;
    $_->[0]->close for @c;
    $b->mode(1, 'ok');
};

subtest 'a reload lets connections be' => sub {
    my ($c) = upgrade('two');

    ok $ng->reload(wait => 'new'), 'reloaded';
    is echo($c, 'still here'), 'still here', 'it goes on';
    is counts('two', 2, 'in_flight'), 'in_flight 1', 'and is counted';
    $c->close;
    ok wait_for { counts('two', 2, 'in_flight') eq 'in_flight 0' }, 'until it ends';
};

done_testing;
