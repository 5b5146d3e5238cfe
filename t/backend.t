#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# scripts/backend does what it says: the other tests believe what it does to them.

use strict;
use warnings;

use Digest::SHA qw(sha1_base64);
use Errno qw(ECONNREFUSED ECONNRESET);
use File::Temp qw(tempdir);
use FindBin;
use HTTP::Tiny;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::IP;
use IO::Socket::UNIX;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

use constant DEADLINE => 10;    # seconds; long, so that only what never happens meets it

delete @ENV{qw(http_proxy HTTP_PROXY all_proxy ALL_PROXY)};
$SIG{PIPE} = 'IGNORE';

my $backend = "$FindBin::Bin/../scripts/backend";
my $dir     = tempdir(CLEANUP => 1);
my $http    = HTTP::Tiny->new(timeout => DEADLINE, keep_alive => 0);
my %running;                    # pid => its stdout

my ($pid, $control, $port, $other, $unix) = start(0, 0, "unix:$dir/peer.sock");

END {
    my $result = $?;
    kill TERM => $_ or next for keys %running;
    waitpid $_, 0 for keys %running;
    $? = $result;
}

# Starts a backend; returns its pid and what its ready line says.
sub start {
    my $pid = open my $out, '-|', $backend, '--die-with-parent', @_ or die "$backend: $!";
    $running{$pid} = $out;
    IO::Select->new($out)->can_read(DEADLINE) or die "no ready line in time";
    my ($word, @ports) = split ' ', readline($out) // die "$backend: no ready line";
    die "unexpected: $word @ports" unless $word eq 'ready';
    return $pid, @ports;
}

sub stop {
    my ($pid) = @_;
    kill TERM => $pid;
    waitpid $pid, 0;
    my $status = $?;
    delete $running{$pid};
    return $status;
}

# The control API. Returns the decoded answer and the status.
sub api {
    my ($method, $path, $command) = @_;
    my %options = defined $command ? (content => encode_json($command)) : ();
    my $r = $http->request($method, "http://127.0.0.1:$control$path", \%options);
    return (decode_json($r->{content}), $r->{status});
}

sub mode {
    my ($mode, %settings) = @_;
    my ($peer, $status) = api(PUT => "/peers/$port", {mode => $mode, %settings});
    is $status, 200, "mode $mode is taken up" or diag explain $peer;
    return $peer;
}

sub peer { return (api(GET => "/peers/$port"))[0] }

sub ask {
    my ($method, $path, %options) = @_;
    return $http->request($method, "http://127.0.0.1:$port$path", \%options);
}

sub statuses { return join ' ', map { ask(GET => '/')->{status} } 1 .. shift }

sub eventually(&$) {
    my ($condition, $name) = @_;
    my $end = time + DEADLINE;
    my $met;
    sleep 0.02 until ($met = $condition->()) or time > $end;
    ok $met, $name;
}

sub dial {
    my %options = @_;
    return IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port", Timeout => DEADLINE, %options);
}

# Sends a request as it is written here.
sub send_raw {
    my ($socket, $request) = @_;
    $request //= "GET / HTTP/1.1\nHost: raw\n\n";
    $request =~ s/\n/\r\n/g;
    syswrite $socket, $request;
    return $socket;
}

# Everything that comes until the pattern matches or the connection ends: ($bytes, how it ended).
sub receive {
    my ($socket, $until) = @_;
    my ($select, $bytes, $end) = (IO::Select->new($socket), '', time + DEADLINE);
    while (not $until or $bytes !~ $until) {
        return $bytes, 'silence' unless $select->can_read($end - time);
        my $n = sysread $socket, $bytes, 65536, length $bytes;
        return $bytes, 'reset' if not defined $n and $! == ECONNRESET;
        return $bytes, defined $n ? 'end' : "$!" unless $n;
    }
    return $bytes, 'match';
}

sub is_silent { return not IO::Select->new(shift)->can_read(0) }

subtest 'ready line' => sub {
    ok $control > 0 && $port > 0 && $other > 0, 'the system chose ports';
    is $unix, "unix:$dir/peer.sock", 'a unix socket is named by its path';
};

subtest 'ok' => sub {
    my $r    = ask(POST => '/a%20b/x?y=1', content => 'abc', headers => {'X-Thing' => 'z'});
    my $told = decode_json($r->{content});
    is $r->{status}, 200, 'status';
    is $r->{headers}{'x-backend'}, "127.0.0.1:$port", 'X-Backend names the peer';
    is $told->{peer},              "127.0.0.1:$port", 'so does the body';
    is $told->{method},            'POST',            'method';
    is $told->{uri},               '/a%20b/x?y=1',    'uri, as it was sent';
    is $told->{host},              "127.0.0.1:$port", 'host';
    is $told->{headers}{'X-Thing'}, 'z', 'headers';
    is $told->{body_bytes},         3,   'length of the body';

    my $big = 'x' x 3_000_000;
    $told = decode_json(ask(PUT => '/', content => $big)->{content});
    is $told->{body_bytes}, 3_000_000, 'a big body';

    $r = ask(HEAD => '/');
    is $r->{status}, 200, 'HEAD';
    ok !length($r->{content} // ''), 'HEAD has no body';
    ok $r->{headers}{'content-length'} > 0, 'HEAD has the length';

    my ($old, $how) = receive(send_raw(dial(), "GET / HTTP/1.0\n\n"));
    like $old, qr{^HTTP/1\.0 200 .*"version": "1\.0"}s, 'HTTP/1.0';
    is $how, 'end', 'HTTP/1.0 ends the connection';
};

subtest 'keep-alive' => sub {
    my $before = peer()->{accepted};
    my $socket = dial();
    for my $n (1 .. 3) {
        is((receive(send_raw($socket), qr/\}\n\z/))[1], 'match', "request $n on one connection");
    }
    is peer()->{accepted}, $before + 1, 'one connection accepted';
    is peer()->{open}, 1, 'and it is open';
    close $socket;
    eventually { peer()->{open} == 0 } 'closed by the client';
};

subtest 'status' => sub {
    mode('status', status => 429, retry_after => 7);
    my $r = ask(GET => '/');
    is $r->{status}, 429, 'status';
    is $r->{headers}{'retry-after'}, 7, 'Retry-After';
    mode('status');
    is ask(GET => '/')->{status}, 503, '503 unless said otherwise';
    mode('status', status => 204);
    is ask(GET => '/')->{status}, 204, 'a status without a body';
};

subtest 'delay' => sub {
    mode('delay', delay => 0.3);
    my $start = time;
    is ask(GET => '/')->{status}, 200, 'answers';
    cmp_ok time - $start, '>=', 0.3, 'after the delay';
};

subtest 'hang' => sub {
    mode('hang');
    my $socket = send_raw(dial());
    eventually { peer()->{in_flight} == 1 } 'the request is in flight';
    ok is_silent($socket), 'no answer';
    close $socket;
    eventually { peer()->{in_flight} == 0 } 'until the client leaves';
};

subtest 'reset, close, garbage' => sub {
    mode('reset');
    is_deeply [receive(send_raw(dial()))], ['', 'reset'], 'reset: nothing, then RST';
    mode('close');
    is_deeply [receive(send_raw(dial()))], ['', 'end'], 'close: nothing, then the end';
    mode('garbage');
    my ($bytes, $how) = receive(send_raw(dial()));
    unlike $bytes, qr/^HTTP/, 'garbage: no HTTP';
    is $how, 'end', 'garbage: then the end';
};

subtest 'truncate, stall' => sub {
    my $partial = qr/^HTTP\/1\.1 200 .*Content-Length: 1000\r\n\r\nabc\z/s;
    mode('truncate');
    my ($bytes, $how) = receive(send_raw(dial()));
    like $bytes, $partial, 'truncate: 3 bytes of 1000';
    is $how, 'end', 'truncate: then the end';

    mode('stall');
    my $socket = send_raw(dial());
    ($bytes, $how) = receive($socket, qr/abc\z/);
    like $bytes, $partial, 'stall: 3 bytes of 1000';
    ok is_silent($socket), 'stall: then nothing';
    is peer()->{in_flight}, 1, 'stall: still in flight';
    close $socket;
    eventually { peer()->{in_flight} == 0 } 'stall: until the client leaves';
};

subtest 'badheader, cutheader, bigheader' => sub {
    mode('badheader');
    my ($bad) = receive(send_raw(dial()));
    like $bad, qr/^HTTP\/1\.1 200 OK\r\nX-Bad\0: x\r\n/, 'a header line that is none';

    mode('cutheader');
    is_deeply [receive(send_raw(dial()))], ["HTTP/1.1 200 OK\r\nContent-Le", 'end'],
        'half a header, then the end';

    mode('bigheader', size => 20_000);
    my ($bytes) = receive(send_raw(dial()), qr/\}\n\z/);
    like $bytes, qr/^HTTP\/1\.1 200 .*^X-Big: x{20000}\r$/sm, 'a header of that size';
};

subtest 'refuse, and back' => sub {
    mode('ok');
    my $kept = dial();
    receive(send_raw($kept), qr/\}\n\z/);
    mode('refuse');
    is((receive($kept))[1], 'end', 'a kept connection is closed');
    ok !dial(), 'no connection';
    is 0 + $!, ECONNREFUSED, 'because it is refused';
    is $http->get("http://127.0.0.1:$other/")->{status}, 200, 'other peers go on';
    mode('status', status => 500);
    is ask(GET => '/')->{status}, 500, 'any other mode listens again on the same port';
};

subtest 'blackhole, and back' => sub {
    mode('blackhole');
    ok !dial(Timeout => 0.3), 'connecting takes without end';
    mode('ok');
    is ask(GET => '/')->{status}, 200, 'back on the same port';
};

subtest 'times, share, methods, path' => sub {
    mode('status', times => 2);
    is ask(GET => '/')->{status}, 503, 'the first of two times';
    is peer()->{settings}{times}, 1, 'one is left';
    is statuses(3), '503 200 200', 'then ok';
    is peer()->{mode}, 'ok', 'and the mode says so';

    mode('status', share => 0.3);
    my $failed = () = statuses(20) =~ /503/g;
    is $failed, 6, 'share 0.3: 6 of 20';

    mode('status', methods => ['HEAD', 'PUT'], path => '/health');
    is ask(HEAD => '/health/live')->{status}, 503, 'method and path match';
    is ask(GET  => '/health')->{status},      200, 'another method';
    is ask(HEAD => '/')->{status},            200, 'another path';
};

subtest 'close_idle' => sub {
    mode('stall', path => '/slow');
    my $idle = dial();
    receive(send_raw($idle), qr/\}\n\z/);
    my $busy = send_raw(dial(), "GET /slow HTTP/1.1\nHost: raw\n\n");
    is((receive($busy, qr/abc\z/))[1], 'match', 'one connection is busy');
    my $answer = mode('close_idle');
    is $answer->{closed}, 1,       'closes the other';
    is $answer->{mode},   'stall', 'changes no mode';
    is((receive($idle))[1], 'end', 'the idle one has ended');
    eventually { peer()->{open} == 1 } 'one connection is left';
    ok is_silent($busy), 'and it is the busy one';
};

subtest 'counters' => sub {
    mode('ok');
    my ($all, $status) = api(DELETE => '/counters');
    is $status, 200, 'reset';
    is_deeply [map { $_->{requests} } @{$all->{peers}}], [0, 0, 0], 'of all peers';
    mode('status', times => 1);
    statuses(3);
    ask(GET => '/health?x');
    my $peer = peer();
    is $peer->{requests}, 4, 'requests';
    is $peer->{accepted}, 4, 'connections';
    is_deeply $peer->{modes},    {ok   => 3, status    => 1}, 'by mode';
    is_deeply $peer->{statuses}, {200  => 3, 503       => 1}, 'by status';
    is_deeply $peer->{paths},    {'/'  => 3, '/health' => 1}, 'by path';
};

subtest 'what the API refuses' => sub {
    my @cases = (
        ['an unknown mode',    {mode => 'explode'},                 qr/unknown mode "explode"/],
        ['no mode',            {status => 500},                     qr/expected an object/],
        ['an unknown setting', {mode => 'hang', delay => 1},        qr/no setting "delay"/],
        ['a bad value',        {mode => 'status', status => 99},    qr/invalid "status": 99/],
        ['a wrong type',       {mode => 'status', status => '500'}, qr/invalid "status": "500"/],
        ['share of a refusal', {mode => 'refuse', share => 0.5},    qr/no setting "share"/],
    );
    for (@cases) {
        my ($name, $command, $error) = @$_;
        my ($answer, $status) = api(PUT => "/peers/$port", $command);
        is $status, 400, $name;
        like $answer->{error}, $error, "$name: says why";
    }
    my ($answer) = api(PUT => "/peers/$port", {mode => 'explode'});
    ok((grep { $_ eq 'truncate' } @{$answer->{allowed}}), 'says which modes there are');
    ($answer) = api(PUT => "/peers/$port", {mode => 'status', status => 99});
    is $answer->{allowed}{status}, 'an integer from 200 to 599', 'says which values there are';

    ($answer, my $status) = api(PUT => '/peers/1', {mode => 'ok'});
    is $status, 404, 'an unknown peer';
    is_deeply $answer->{allowed}, ["127.0.0.1:$port", "127.0.0.1:$other", $unix], 'says which';
    is((api(POST => "/peers/$port"))[1], 405, 'an unknown method');
    is((api(PUT => '/peers', {mode => 'blackhole'}))[1], 400, 'for all, if one of them cannot');
    is peer()->{mode}, 'ok', 'nothing of that changed the mode';
};

subtest 'websocket' => sub {
    my $key    = 'dGhlIHNhbXBsZSBub25jZQ==';
    my $socket = send_raw(dial(), <<"END");
GET /ws HTTP/1.1
Host: raw
Connection: Upgrade
Upgrade: websocket
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: $key

END
    my ($head, $how) = receive($socket, qr/\r\n\r\n/);
    my $accept = sha1_base64("${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11") . '=';
    like $head, qr{^HTTP/1\.1 101 }, 'handshake';
    like $head, qr{^Sec-WebSocket-Accept: \Q$accept\E\r$}mi, 'accepts this key';
    syswrite $socket, pack('C2 a4', 0x81, 0x80 | 5, "\0\0\0\0") . 'hello';    # text, masked by 0
    is((receive($socket, qr/hello/))[0], pack('C2', 0x81, 5) . 'hello', 'echo');
    is ask(GET => '/ws')->{status}, 200, 'without an upgrade it is an ordinary path';
};

subtest 'unix socket' => sub {
    my $dial = sub { IO::Socket::UNIX->new(Peer => "$dir/peer.sock") };
    like((receive(send_raw($dial->()), qr/\}\n\z/))[0], qr/^X-Backend: \Q$unix\E\r$/m, 'answers');
    is((api(PUT => "/peers/$unix", {mode => 'refuse'}))[1], 200, 'told to refuse');
    ok !$dial->(), 'refuses';
    is 0 + $!, ECONNREFUSED, 'as a port does';
    is((api(PUT => "/peers/$unix", {mode => 'ok'}))[1], 200, 'told to listen');
    ok $dial->(), 'listens';
    is 0777 & (stat "$dir/peer.sock")[2], 0666, 'for whatever user nginx runs as';
};

subtest 'IPv6 and names' => sub {
    my $has_ipv6 = IO::Socket::IP->new(LocalHost => '::1', Listen => 1);
    plan skip_all => 'no ::1 on this machine' unless $has_ipv6;
    my ($pid, undef, $six) = start('--name-prefix', 'blue-', '[::1]:0');
    is $http->get("http://[::1]:$six/")->{headers}{'x-backend'}, "blue-[::1]:$six", 'answers';
    is stop($pid), 0, 'ends';
};

subtest 'TLS' => sub {
    my ($key, $cert) = ("$dir/key.pem", "$dir/cert.pem");
    my $made = system "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost"
        . " -keyout $key -out $cert 2>/dev/null";
    plan skip_all => 'no openssl command' if $made != 0;
    my ($pid, undef, $tls) = start('--cert', $cert, '--key', $key, 'tls:0');
    my $told = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' \\
        | openssl s_client -quiet -connect 127.0.0.1:$tls -CAfile $cert 2>/dev/null`;
    like $told, qr{^HTTP/1\.0 200 .*X-Backend: 127\.0\.0\.1:$tls\r}s, 'answers';
    is stop($pid), 0, 'ends';
};

subtest 'ctl' => sub {
    my $ctl = sub { my $said = `$backend ctl $control @_ 2>&1`; return ($?, $said) };
    my ($status, $said) = $ctl->("$port status status=418 methods=GET,HEAD");
    is $status, 0, 'a change';
    like $said, qr/^127\.0\.0\.1:$port +status /, 'is reported';
    is ask(GET => '/')->{status},  418, 'and done';
    is ask(POST => '/')->{status}, 200, 'with its settings';
    ($status, $said) = $ctl->('');
    is scalar(() = $said =~ /^.+$/mg), 3, 'lists every peer';
    ($status, $said) = $ctl->('all ok');
    is peer()->{mode}, 'ok', 'changes all';
    ($status, $said) = $ctl->("$port explode");
    isnt $status, 0, 'a refusal';
    like $said, qr/unknown mode "explode"; allowed:.*truncate/s, 'is explained';
};

subtest 'ends' => sub {
    $http->get("http://127.0.0.1:$port/");
    mode('hang');
    my $socket = send_raw(dial());
    eventually { peer()->{in_flight} == 1 } 'a request hangs';
    is stop($pid), 0, 'SIGTERM ends it all the same';
    ok !-e "$dir/peer.sock", 'its socket file is gone';
    ok !dial(), 'and its port is free';

    my $parent = open my $out, '-|' // die;
    if ($parent == 0) {
        exec $^X, '-e', 'system @ARGV', $backend, '--die-with-parent', 0 or die;
    }
    my (undef, undef, $orphan) = split ' ', readline $out;
    ok dial(PeerAddr => "127.0.0.1:$orphan"), 'one whose parent lives';
    kill KILL => $parent;
    eventually { !dial(PeerAddr => "127.0.0.1:$orphan") } 'ends when its parent is killed';
    close $out;
};

done_testing;
