#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Clients of every HTTP that nginx speaks: 0.9, 1.0, 1.1 and 2, answered by a peer
# and turned away.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

# How this nginx is told to speak HTTP/2, if it is able to; and a client for that.

my $said = do { my $nginx = $ENV{NGINX_BINARY} || '/usr/sbin/nginx'; `$nginx -V 2>&1` };
my ($major, $minor, $patch) = $said =~ m{nginx/(\d+)\.(\d+)\.(\d+)};
my $http2_on = $major * 1e6 + $minor * 1e3 + $patch >= 1_025_001;

my $no_http2 = $said !~ /--with-http_v2_module/       ? 'this nginx was built without HTTP/2'
    : `curl --version 2>&1` !~ /^Features:.*\bHTTP2\b/m ? 'needs a curl with HTTP/2'
    :                                                     '';

my $b  = backend(2);
my $ng = nginx(
    backend => $b,
    vars    => {
        certificate()->%*,
        LISTEN => $http2_on || $no_http2 ? '' : 'http2',
        HTTP2  => $http2_on && !$no_http2 ? 'http2 on;' : '',
    },
    http => <<'EOF');
    upstream two {
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        kerberos_breaker threshold=2 timeout=10m;
    }
    upstream out {
        server %%BACKEND_1%%;
        kerberos_breaker threshold=1 timeout=10m;
    }
    upstream slow {
        server %%BACKEND_2%%;
        kerberos_breaker threshold=1 timeout=10m;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%PORT_2%% %%LISTEN%%;
        listen 127.0.0.1:%%PORT_3%% ssl %%LISTEN%%;
        %%HTTP2%%
        ssl_certificate     %%cert%%;
        ssl_certificate_key %%key%%;
        location = /status { kerberos_status; }
        location /two  { proxy_pass http://two; }
        location /out  { proxy_pass http://out; }
        location /slow { proxy_pass http://slow; }
    }
EOF

my %number = map { $b->address($_) => $_ } 1, 2;

sub by ($r) { return $number{ $r->{headers}{'x-backend'} // '' } // "status $r->{status}" }

sub in_flight () {
    my $sum = 0;
    $sum += $_->{in_flight} for map { $_->{peers}->@* } status($ng)->{services}->@*;

    return $sum;
}

# Runs curl, and returns its exit code, the responses as {status, version, headers},
# and the bodies that it wrote after them.

sub curl (@arg) {
    my @command = (qw(curl --noproxy * --silent --insecure --include --max-time 10), @arg);

    open my $from, '-|', @command or die "curl: $!\n";
    my $out = do { local $/; <$from> } // '';
    close $from;

    my @responses;

    while ($out =~ m{^HTTP/(\S+) (\d+)[^\n]*\n((?:[^\r\n]+\r?\n)*)}mg) {
        my ($version, $status, $head) = ($1, $2, $3);
        my %headers = map { lc($_->[0]) => $_->[1] }
            map { [/^([^:]+):\s*(.*?)\r?$/] } split /\n/, $head;

        push @responses, { version => $version, status => $status, headers => \%headers };
    }

    return { code => $? >> 8, responses => \@responses, text => $out };
}

# Takes the only peer of "out" out.

$b->mode(1, 'status', status => 500, times => 1);
http_get($ng->port, '/out');


subtest 'HTTP/0.9' => sub {
    my @r = map { http_get($ng->port, '/two', version => '0.9') } 1 .. 4;

    is_deeply [map { $number{ decode_json($_->{body})->{peer} } } @r], [1, 2, 1, 2],
        'a body, by the peers in turn';
    like http_get($ng->port, '/out', version => '0.9')->{body}, qr/503 Service/,
        'or why there is none';
    is in_flight(), 0, 'nothing is left in flight';
};

subtest 'HTTP/1.0' => sub {
    my @r = map { http_get($ng->port, '/two', version => '1.0') } 1 .. 2;

    is_deeply [map { by($_) } @r], [1, 2], 'by the peers in turn';

    my $r = http_get($ng->port, '/out', version => '1.0');
    is $r->{status}, 503, 'turned away';
    like $r->{headers}{'retry-after'}, qr/^\d+$/, 'and told when to come back';

    my $c = http_connect($ng->port);
    is_deeply [map { by($c->get('/two', version => '1.0')) } 1, 2], [1, 2], 'kept alive';
    $c->close;
};

subtest 'HTTP/1.1' => sub {
    my $c = http_connect($ng->port);

    is_deeply [map { $c->get($_)->{status} } qw(/two /out /two /out /two)],
        [200, 503, 200, 503, 200], 'a connection outlives being turned away';

    $c->ask('GET', $_) for qw(/two /out /two);
    is_deeply [map { $c->response->{status} } 1 .. 3], [200, 503, 200], 'pipelined';

    is $c->request('HEAD', '/out')->{status}, 503, 'HEAD';
    is $c->request('POST', '/out', body => 'x' x 100_000)->{status}, 503, 'a body, turned away';
    is $c->request('POST', '/two', body => ['x' x 70_000, 'y'])->{status}, 200, 'a body in chunks';
    is $c->get('/two')->{status}, 200, 'and the connection is still there';
    $c->close;
    is in_flight(), 0, 'nothing is left in flight';
};

subtest 'TLS' => sub {
    my @r = map { http_get($ng->port(3), $_, tls => 1) } qw(/two /out);

    is_deeply [map { $_->{status} } @r], [200, 503], 'the same';
};

subtest 'HTTP/2' => sub {
    plan skip_all => $no_http2 if $no_http2;

    my $url = 'https://127.0.0.1:' . $ng->port(3);
    my $got = curl('--http2', map {"$url/two"} 1 .. 6);

    is $got->{code}, 0, 'six requests on a connection';
    is_deeply [map { $_->{version} } $got->{responses}->@*], [(2) x 6], 'are answered by HTTP/2';
    like join('', map { by($_) } $got->{responses}->@*), qr/^(?:(?:12){3}|(?:21){3})$/,
        'by the peers in turn';

    $got = curl('--http2', "$url/out", "$url/two");
    is_deeply [map { $_->{status} } $got->{responses}->@*], [503, 200], 'turned away, and on';
    like $got->{responses}[0]{headers}{'retry-after'}, qr/^\d+$/, 'told when to come back';

    $got = curl('--http2', '--data', 'x' x 50_000, "$url/two", "$url/out");
    is_deeply [map { $_->{status} } $got->{responses}->@*], [200, 503], 'with a body';
    like $got->{text}, qr/"body_bytes": 50000\b/, 'which arrived';
    is in_flight(), 0, 'nothing is left in flight';
};

subtest 'HTTP/2, many streams at once' => sub {
    plan skip_all => $no_http2 if $no_http2;

    $b->reset_counters;
    $b->mode($_, 'delay', delay => 0.2) for 1, 2;

    my $url = 'https://127.0.0.1:' . $ng->port(3);
    my $got = curl('--http2', '--parallel', '--no-progress-meter', map {"$url/two?$_"} 1 .. 20);

    is $got->{code}, 0, 'curl is content';
    is scalar(grep { $_->{status} == 200 } $got->{responses}->@*), 20, 'all are answered';
    is_deeply [map { $b->requests($_) } 1, 2], [10, 10], 'by the peers, half each';
    is in_flight(), 0, 'nothing is left in flight';
    $b->mode($_, 'ok') for 1, 2;
};

# One request a connection: curl 7.88 cannot ask twice in this way.

subtest 'HTTP/2 in the clear' => sub {
    plan skip_all => $no_http2 if $no_http2;

    my @got = map { curl('--http2-prior-knowledge',
        'http://127.0.0.1:' . $ng->port(2) . $_)->{responses}[0] } qw(/two /two /out);

    is_deeply [map { $_->{status} } @got], [200, 200, 503], 'the same';
    is_deeply [map { $_->{version} } @got], [2, 2, 2], 'by HTTP/2';
    like join('', map { by($_) } @got[0, 1]), qr/^(?:12|21)$/, 'by the peers in turn';
    like $got[2]{headers}{'retry-after'}, qr/^\d+$/, 'told when to come back';
};

subtest 'clients that leave are nobody\'s fault' => sub {
    $b->mode(2, 'hang');

    http_abort($ng->port, '/slow', reset => 1, after => 0.05);
    http_abort($ng->port, '/slow', version => '0.9', after => 0.05);

    if (!$no_http2) {
        is curl('--http2-prior-knowledge', '--max-time', 0.3,
            'http://127.0.0.1:' . $ng->port(2) . '/slow')->{code}, 28, 'HTTP/2: curl gives up';
    }

    my $clients = $no_http2 ? 2 : 3;

    ok wait_for { peer(status($ng), 'slow', $b->address(2))->{neutral} == $clients },
        'each is an attempt without a verdict';
    is in_flight(), 0, 'nothing is left in flight';
    is peer(status($ng), 'slow', $b->address(2))->{breaker}{state}, 'closed', 'the peer is in';
    $b->mode(2, 'ok');
};

done_testing;
