#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# What counts: every way in which a request can end, and whether it is held for a success of the
# peer, a failure, or neither.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b    = backend(2);
my $fcgi = server('fastcgi_echo');

# threshold=0: nothing ever opens, so that one case cannot shut out the next. One worker: a kept
# connection is used again for sure.

my $ng = nginx(backend => $b, workers => 1, vars => { FCGI => $fcgi->ready }, http => <<'EOF');
    kerberos_breaker threshold=0;

    # Since 1.29.7 nginx keeps connections by default; one that closes without a word is then stale.
    proxy_http_version 1.0;
    upstream one  { server %%BACKEND_1%%; kerberos_balance round_robin; }
    upstream kept { server %%BACKEND_1%%; kerberos_balance round_robin; keepalive 4; }
    upstream two {
        server %%BACKEND_1%% weight=1000;
        server %%BACKEND_2%%;
        kerberos_balance round_robin;
    }
    upstream fcgi { server 127.0.0.1:%%FCGI%%; kerberos_balance round_robin; }

    server {
        listen 127.0.0.1:%%PORT%%;

        proxy_connect_timeout 300ms;
        proxy_read_timeout    300ms;
        fastcgi_read_timeout  300ms;

        location = /status { kerberos_status; }

        location /one        { proxy_pass http://one; }
        location /unbuffered { proxy_pass http://one; proxy_buffering off; }
        location /stream     { proxy_pass http://one; proxy_buffering off; proxy_read_timeout 1m; }
        location /own_error  {
            proxy_pass http://one;
            proxy_intercept_errors on;
            error_page 404 500 = @own;
        }
        location @own { return 200 own; }

        location /kept {
            proxy_pass http://kept;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }

        location /ws {
            proxy_pass http://one;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
        }

        location /retry {
            proxy_pass http://two;
            proxy_next_upstream error timeout http_500 http_404 non_idempotent;
        }
        location /never {
            proxy_pass http://two;
            proxy_next_upstream off;
        }

        location /fcgi {
            fastcgi_pass fcgi;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param QUERY_STRING $args;
        }
    }
EOF

# "success 1 failure 2": what was added to a peer's counters while a piece of code ran. An outcome
# may be counted a moment after the client has its answer.

sub counters ($service, $id) {
    my $peer = peer(status($ng), $service, $id);

    return { %$peer{qw(successes failures neutral in_flight requests)} };
}


sub counted ($code, $service = 'one', $id = $b->address(1)) {
    my $before = counters($service, $id);

    $code->();

    my $after;
    wait_for {
        $after = counters($service, $id);
        my $ends = $after->{successes} + $after->{failures} + $after->{neutral};
        $after->{in_flight} == 0 && $ends == $after->{requests} && $ends > $before->{requests};
    };

    return join ' ', map { my $n = $after->{$_} - $before->{$_}; $n ? "$_ $n" : () }
        qw(successes failures neutral);
}


# One request while peer 1 is in that mode: what was counted, what the client got.

sub outcome ($path, $mode = 'ok', %arg) {
    my $method  = delete $arg{method} // 'GET';
    my $service = delete $arg{service} // 'one';
    my $r;

    $b->mode(1, $mode, %arg);
    my $counted = counted(sub {
        $r = http_request($ng->port, $method, $path, $method eq 'POST' ? (body => 'x') : ());
    }, $service);
    $b->mode(1, 'ok');

    return "$counted, $r->{status}" . ($r->{error} ? " $r->{error}" : '');
}


subtest 'statuses' => sub {
    is outcome('/one'), 'successes 1, 200', 'ok';
    is outcome('/one', 'ok', method => $_), 'successes 1, 200', $_ for qw(HEAD POST);

    for my $status (200, 204, 301, 304, 400, 401, 403, 404, 408, 499, 501, 505) {
        is outcome('/one', 'status', status => $status), "successes 1, $status",
            "status $status";
    }

    for my $status (500, 502, 503, 504, 507, 599) {
        is outcome('/one', 'status', status => $status), "failures 1, $status",
            "status $status";
    }

    is outcome('/one', 'status', status => 429), 'neutral 1, 429', 'status 429: it has enough';

    for my $method (qw(HEAD POST)) {
        is outcome('/one', 'status', status => 500, method => $method), 'failures 1, 500',
            "500, $method";
    }

    is outcome('/own_error', 'status', status => 500), 'failures 1, 200', '500 behind error_page';
    is outcome('/own_error', 'status', status => 404), 'successes 1, 200', '404 behind error_page';
};

subtest 'no sound header' => sub {
    is outcome('/one', 'refuse'),    'failures 1, 502', 'refused';
    is outcome('/one', 'blackhole'), 'failures 1, 504', 'connect timeout';
    is outcome('/one', 'hang'),      'failures 1, 504', 'response timeout';
    is outcome('/one', 'close'),     'failures 1, 502', 'closed before the header';
    is outcome('/one', 'reset'),     'failures 1, 502', 'reset before the header';
    is outcome('/one', 'badheader'), 'failures 1, 502', 'a bad header';
    is outcome('/one', 'bigheader'), 'failures 1, 502', 'too big a header';
    like outcome('/one', 'garbage'), qr/^failures 1, /, 'no HTTP at all';

    is outcome('/one', $_, method => 'POST'), 'failures 1, 502', "$_, POST"
        for qw(refuse close reset);
    is outcome('/one', 'hang', method => 'POST'), 'failures 1, 504', 'hang, POST';
};

subtest 'a body that is not whole' => sub {
    for my $path ('/one', '/unbuffered') {
        is outcome($path, 'truncate'), 'failures 1, 200 truncated', "$path: truncated";
        is outcome($path, 'stall'),    'failures 1, 200 truncated', "$path: stalled";
    }
};

subtest 'a client that leaves is neutral' => sub {
    for my $reset (0, 1) {
        my $how = $reset ? 'by a reset' : 'by closing';

        $b->mode(1, 'hang');
        is counted(sub { http_abort($ng->port, '/stream', after => 0.05, reset => $reset) }),
            'neutral 1', "before the header, $how";

        $b->mode(1, 'stall');
        is counted(sub {
            my $c = http_connect($ng->port)->ask('GET', '/stream');
            $c->read_bytes(20);    # the response has begun
            $reset ? $c->reset : $c->close;
        }), 'neutral 1', "in the body, $how";
    }

    $b->mode(1, 'ok');
};

subtest 'a kept connection' => sub {
    my $kept = sub ($mode, %arg) { outcome('/kept', $mode, service => 'kept', %arg) };

    is $kept->('ok'), 'successes 1, 200', 'is there';
    is $kept->('close', times => 1), 'successes 1 neutral 1, 200', 'stale: nothing was wrong';
    is $kept->('reset', times => 1), 'successes 1 neutral 1, 200', 'stale, by a reset';
    is $kept->('close'), 'failures 1 neutral 1, 502', 'and a new one that fails, too';
    is $kept->('ok'), 'successes 1, 200', 'is there again';
    is $kept->('status', status => 500), 'failures 1, 500', 'answers count as ever';
    is $kept->('ok'), 'successes 1, 200', 'and again';
    is $kept->('hang'), 'failures 1, 504', 'to hang is not to be stale';
    is $kept->('ok'), 'successes 1, 200', 'and again';
    is $kept->('truncate'), 'failures 1, 200 truncated', 'nor is to break off';
};

subtest 'WebSocket' => sub {
    my $shake = join "\r\n", 'GET /ws HTTP/1.1', 'Host: a', 'Upgrade: websocket',
        'Connection: Upgrade', 'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', '', '';

    is counted(sub {
        my $c = http_connect($ng->port)->send($shake)->expect('GET');
        is $c->response->{status}, 101, 'upgraded';
        ok $c->is_closed, 'closed by nginx, for nobody said a word';
    }), 'neutral 1', 'idle: neutral';

    is counted(sub {
        my $c = http_connect($ng->port)->send($shake)->expect('GET');
        is $c->response->{status}, 101, 'upgraded';
        $c->send("\x88\x80\0\0\0\0");    # a close frame, masked by zeros
        $c->is_closed;
    }), 'successes 1', 'closed in order: a success';
};

subtest 'retries: each attempt is judged' => sub {
    my $first  = sub ($code) { counted($code, 'two', $b->address(1)) };
    my $second = sub ($code) { counted($code, 'two', $b->address(2)) };

    # Peer 1 has the weight: it is asked first, all but once in 1001 times.
    my $both = sub ($path, $mode, %arg) {
        my ($r, $on_first);

        $b->mode(1, $mode, %arg);
        my $on_second = $second->(sub {
            $on_first = $first->(sub { $r = http_get($ng->port, $path) });
        });
        $b->mode(1, 'ok');

        return "$on_first | $on_second, $r->{status}";
    };

    is $both->('/retry', 'status', status => 500), 'failures 1 | successes 1, 200', 'status 500';
    is $both->('/retry', 'status', status => 404), 'successes 1 | successes 1, 200', 'status 404';
    is $both->('/retry', 'refuse'),                'failures 1 | successes 1, 200', 'refused';
    is $both->('/retry', 'close'),                 'failures 1 | successes 1, 200', 'closed';

    my $never = sub ($mode, %arg) {
        my $r;
        $b->mode(1, $mode, %arg);
        my $counted = $first->(sub { $r = http_get($ng->port, '/never') });
        $b->mode(1, 'ok');
        return "$counted, $r->{status}";
    };

    is $never->('status', status => 503), 'failures 1, 503', 'not retried: the only try counts';
    is $never->('close'),                 'failures 1, 502', 'and so it does here';

    $b->mode('all', 'status', status => 500);
    my $r;
    my $on_second = $second->(sub { $r = http_get($ng->port, '/retry') });
    is "$on_second, $r->{status}", 'failures 1, 500', 'the last try counts, too';
    $b->mode('all', 'ok');
};

subtest 'FastCGI' => sub {
    my ($port) = $fcgi->ready;
    my $fcgi_counted = sub ($path) {
        counted(sub { http_get($ng->port, $path) }, 'fcgi', "127.0.0.1:$port");
    };

    is $fcgi_counted->('/fcgi'),            'successes 1', 'ok';
    is $fcgi_counted->('/fcgi?status=404'), 'successes 1', 'status 404';
    is $fcgi_counted->('/fcgi?status=503'), 'failures 1',  'status 503';
    is $fcgi_counted->('/fcgi?garbage'),    'failures 1',  'no header';
};

done_testing;
