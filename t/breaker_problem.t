#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# kerberos_problem_json: why a client is turned away, in words that a program understands.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b = backend(2);

my $ng = nginx(backend => $b, http => <<'EOF');
    kerberos_breaker threshold=1 timeout=60s jitter=0%;

    # Since 1.29.7 nginx keeps connections by default; one that closes without a word is then stale.
    proxy_http_version 1.0;
    upstream out  { server %%BACKEND_1%%; kerberos_balance round_robin; }
    upstream well { server %%BACKEND_2%%; kerberos_balance round_robin; }

    server {
        listen 127.0.0.1:%%PORT%%;
        kerberos_problem_json on;
        client_max_body_size  10m;

        location = /status { kerberos_status; }

        location /out   { proxy_pass http://out; }
        location /well  { proxy_pass http://well; }
        location /off   { proxy_pass http://out; kerberos_problem_json off; }
        location /added { proxy_pass http://out; add_header X-Added yes always; }
        location /streaming { proxy_pass http://out; proxy_request_buffering off; }

        location /page/named { proxy_pass http://out; error_page 503 @sorry; }
        location @sorry      { return 503 "sorry\n"; }
        location /page/200   { proxy_pass http://out; error_page 503 =200 /sorry.txt; }
        location = /sorry.txt { root %%PREFIX%%; internal; }
        location /page/other { proxy_pass http://out; error_page 502 504 @sorry; }

        location /auth  { auth_request /_auth; proxy_pass http://well; }
        location = /_auth { internal; proxy_pass http://out; }
    }
    server {
        listen 127.0.0.1:%%PORT_2%%;
        client_max_body_size 10m;
        location / { proxy_pass http://out; }
        location /streaming { proxy_pass http://out; proxy_request_buffering off; }
        location /on { proxy_pass http://out; kerberos_problem_json on; }
    }
EOF

$ng->write_file('sorry.txt', "sorry\n");

sub get ($path, %arg) { return http_request($ng->port, delete $arg{method} // 'GET', $path, %arg) }

# That an answer is a problem in JSON, whole, with the time to come back.

sub is_problem ($r, $what) {
    return subtest $what => sub {
        is $r->{status}, 503, 'turned away';
        is $r->{error}, undef, 'a whole answer';
        is $r->{headers}{'content-type'}, 'application/problem+json', 'its type';
        is $r->{headers}{'content-length'}, length $r->{body}, 'its length';
        like $r->{headers}{'retry-after'}, qr/^(?:[1-5]?\d|60)$/, 'Retry-After, once';

        my $said = eval { decode_json($r->{body}) } // {};
        is $said->{type},
            'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity', 'type';
        is $said->{status}, 503, 'status';
        like $said->{title},  qr/\w/, 'title';
        like $said->{detail}, qr/\w/, 'detail';
    };
}

# That it is what nginx says without us.

sub is_page ($r, $what) {
    return subtest $what => sub {
        is $r->{status}, 503, 'turned away';
        is $r->{headers}{'content-type'}, 'text/html', 'a page';
        like $r->{headers}{'retry-after'}, qr/^\d+$/, 'Retry-After';
    };
}


$b->mode(1, 'close');
is get('/out')->{status}, 502, 'who was asked and failed is heard as ever';
unlike get('/page/other')->{body}, qr/sorry/, 'error_page for others';
is peer(status($ng), 'out', $b->address(1))->{breaker}{state}, 'open', 'open from here on';

subtest 'on' => sub {
    is_problem(get('/out'), 'GET');
    is_problem(get('/out', method => 'DELETE'), 'DELETE');
    is_problem(get('/out', headers => { Accept => 'text/html' }), 'whatever the client would like');
    is_problem(get('/out', version => '1.0'), 'HTTP/1.0');
    is_problem(get('/page/other'), 'with an error_page for something else');
    is_problem($_, 'one of 32 at once') for (http_parallel(32, $ng->port, '/out'))[0, 31];
    is get('/added')->{headers}{'x-added'}, 'yes', 'add_header works as ever';
};

subtest 'HEAD' => sub {
    my $c = http_connect($ng->port);
    my $r = $c->request('HEAD', '/out');

    is "$r->{status} $r->{headers}{'content-type'}", '503 application/problem+json', 'the header';
    cmp_ok $r->{headers}{'content-length'}, '>', 0, 'with the length of what GET would bring';
    is $r->{body}, '', 'and no body';
    is $c->get('/well')->{status}, 200, 'the next answer on this connection is the right one';
};

subtest 'after a body' => sub {
    for my $case (
        ['small',   '/out',       'x' x 100],
        ['3 MB',    '/out',       'x' x 3_000_000],
        ['chunked', '/out',       ['x' x 5_000, 'y']],
        ['small, unbuffered', '/streaming', 'x' x 100],
    ) {
        my ($what, $path, $body) = @$case;
        my $c = http_connect($ng->port);

        is_problem($c->request('POST', $path, body => $body), "POST, $what");
        is $c->get('/well')->{status}, 200, 'and the connection goes on';
        is_problem($c->request('POST', $path, body => $body), 'once more');
        is_problem($c->get('/out'), 'and a GET');
    }

    # nginx does not wait for the rest of a body that it passes on as it comes.
    for my $n (1, 2) {
        my $c = http_connect($ng->port($n));
        my $r = $c->request('POST', '/streaming', body => 'x' x 3_000_000);

        $n == 1 ? is_problem($r, 'POST, 3 MB, unbuffered') : is_page($r, 'the same without JSON');
        ok $c->is_closed, 'and the connection ends';
    }
};

subtest 'error_page knows better' => sub {
    my $r = get('/page/named');
    is "$r->{status} $r->{body}", "503 sorry\n", 'a named location';
    $r = get('/page/200');
    is "$r->{status} $r->{body}", "200 sorry\n", 'another status';
    is $r->{headers}{'content-type'}, 'text/plain', 'and another type';
};

subtest 'only where it is on, and only what is ours' => sub {
    is_page(get('/off'), 'off below on');
    is_page(http_get($ng->port(2), '/out'), 'off by default');
    is_problem(http_get($ng->port(2), '/on'), 'on below the default');

    $b->mode(2, 'status', status => 503, retry_after => 7);
    my $r = get('/well');
    is $r->{headers}{'content-type'}, 'application/json', "a peer's own 503 stays as it is";
    is $r->{headers}{'retry-after'}, 7, 'with its own Retry-After';
    $b->mode(2, 'ok');

    $r = get('/auth');
    is $r->{status}, 500, 'a subrequest: nginx makes of it what it always does';
    like $r->{body}, qr/^<html>/, 'in its own words';
};

subtest 'the log has nothing to complain of' => sub {
    is scalar($ng->log_lines(qr/\[(?:error|crit)\](?!.*(?:prematurely closed|auth request))/)), 0,
        'no error' or diag $ng->log_lines(qr/\[(?:error|crit)\]/);
};

subtest 'nginx -t' => sub {
    my ($code, $said) = $ng->config_test('kerberos_problem_json maybe;');

    is $code, 1, 'neither on nor off';
    like $said, qr/invalid value "maybe" in "kerberos_problem_json" directive/, 'as nginx says it';
    is +($ng->config_test('kerberos_problem_json on;'))[0], 0, 'on, for the whole http block';
};

done_testing;
