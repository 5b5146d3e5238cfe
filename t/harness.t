#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# The harness itself, on a stock nginx: what it starts works, what it waits for
# happens, and what it asserts at the end of every test can fail.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Path qw(remove_tree);

use Kerberos::Test;
use Kerberos::Test::Log qw(complaints slurp);
use Kerberos::Test::Process qw(is_alive);

my $b    = backend(qw(tcp tcp tls ipv6 unix));
my $cert = certificate();

my $ng = nginx(module => 0, backend => $b, vars => {%$cert}, http => <<'EOF');
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%PORT_2%% ssl;
        listen unix:%%PREFIX%%/nginx.sock;

        ssl_certificate     %%cert%%;
        ssl_certificate_key %%key%%;

        proxy_next_upstream           off;
        proxy_ssl_verify              on;
        proxy_ssl_name                localhost;
        proxy_ssl_trusted_certificate %%cert%%;

        location /1 { proxy_pass http://%%BACKEND_1%%; }
        location /2 { proxy_pass http://%%BACKEND_2%%; }
        location /3 { proxy_pass https://%%BACKEND_3%%; }
        location /4 { proxy_pass http://%%BACKEND_4%%; }
        location /5 { proxy_pass http://%%BACKEND_5%%; }
        location /file/ { alias %%PREFIX%%/; }
        location /status {
            return 200 '{"services": [{"name": "u", "peers": [{"id": "a"}, {"id": "b"}]}]}';
        }
    }
EOF

subtest 'every kind of backend answers through nginx' => sub {
    for my $n (1 .. 5) {
        my $r = http_get($ng->port, "/$n");

        is $r->{status}, 200, "status from backend $n";
        is $r->{headers}{'x-backend'}, $b->address($n), 'and its name';
        is $b->requests($n), 1, 'and it counted the request';
    }

    is $b->requests, 5, 'all backends together';
    $b->reset_counters;
    is $b->requests, 0, 'counters set to 0';
};

subtest 'backends fail on command' => sub {
    $b->mode(1, 'status', status => 503, times => 1);
    is http_get($ng->port, '/1')->{status}, 503, 'status';
    is http_get($ng->port, '/1')->{status}, 200, 'once, as told';

    $b->mode($b->port(1), 'refuse');
    is http_get($ng->port, '/1')->{status}, 502, 'refuse, by port';
    is http_get($b->address(1), '/')->{status}, 0, 'no response';
    like http_get($b->address(1), '/')->{error}, qr/refused/, 'says why';

    $b->mode(1, 'truncate');
    is http_get($b->port(1), '/')->{error}, 'truncated', 'truncate';

    $b->mode(1, 'close');
    is http_get($b->port(1), '/')->{error}, 'closed', 'close';

    $b->mode(1, 'stall');
    my $r = http_get($b->port(1), '/', timeout => 0.2);
    is_deeply [@$r{qw(status error body)}], [200, 'timeout', 'abc'], 'stall';

    $b->mode('all', 'ok');
    ok !eval { $b->mode(1, 'nonsense') }, 'an unknown mode dies';
    ok !eval { $b->mode(6, 'ok') }, 'so does an unknown peer';
};

subtest 'the client speaks every HTTP a test needs' => sub {
    my $r = http_request($ng->port, 'POST', '/1', body => 'x' x 100_000);
    is decode_json($r->{body})->{body_bytes}, 100_000, 'a body with a length';

    $r = http_request($ng->port, 'POST', '/1', body => ['x' x 10, 'y' x 5]);
    is decode_json($r->{body})->{body_bytes}, 15, 'a body in chunks';

    $r = http_get($ng->port, '/1', headers => ['X-A' => 1, 'X-A' => 2]);
    is decode_json($r->{body})->{headers}{'X-A'}, '1, 2', 'repeated headers';

    $r = http_request($ng->port, 'HEAD', '/1');
    is_deeply [@$r{qw(status body error)}], [200, '', undef], 'HEAD';

    is http_get($ng->port, '/1', version => '1.0')->{status}, 200, 'HTTP/1.0';
    like http_get($ng->port, '/1', version => '0.9')->{body}, qr/"peer"/, 'HTTP/0.9';
    is http_raw($ng->port, "GARBAGE\r\n\r\n")->{status}, 400, 'raw bytes';
    is http_get($ng->port(2), '/1', tls => 1)->{status}, 200, 'TLS';
    is http_get('unix:' . $ng->path('nginx.sock'), '/1')->{status}, 200, 'unix socket';

    my $c = http_connect($ng->port);
    is $c->get("/$_")->{headers}{'x-backend'}, $b->address($_), "kept alive, $_" for 1, 2;

    $c->ask('GET', "/$_") for 1, 2;
    is $c->response->{headers}{'x-backend'}, $b->address($_), "pipelined, $_" for 1, 2;

    $c->send("GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")->expect('GET');
    is $c->response->{status}, 200, 'by hand';
    ok $c->is_closed, 'closed by nginx';

    $ng->write_file('big', 'x' x 3_000_000);
    is length http_get($ng->port, '/file/big')->{body}, 3_000_000, 'a big body';
};

subtest 'many requests at once' => sub {
    $b->mode(1, 'delay', delay => 0.3);

    my $start = now();
    my @r     = http_parallel(64, $ng->port, sub ($i) {"/1?$i"});

    is scalar(grep { $_->{status} == 200 } @r), 64, 'all answered';
    is decode_json($r[63]{body})->{uri}, '/1?63', 'in the order they were asked';
    cmp_ok now() - $start, '<', 64 * 0.3 / 2, 'not one after the other';

    @r = http_parallel(3, port(), '/');
    is scalar(grep { $_->{status} == 0 && $_->{error} } @r), 3, 'nobody there';
    $b->mode(1, 'ok');
};

subtest 'a client that leaves' => sub {
    $b->mode(1, 'hang');
    http_abort($ng->port, '/1', reset => 1, after => 0.05);

    ok $ng->wait_for_log(qr/client prematurely closed connection|reset by peer/), 'logged';
    ok wait_for { $b->counters(1)->{in_flight} == 0 }, 'the backend noticed';
    $b->mode(1, 'ok');
};

subtest 'reload' => sub {
    my @old = $ng->workers;

    ok $ng->reload, 'done';
    is scalar(grep { is_alive($_) } @old), 0, 'the old workers are gone';
    is scalar(@{ [$ng->workers] }), @old, 'as many serve';
    is http_get($ng->port, '/1')->{status}, 200, 'and answer';

    $b->mode(1, 'hang');
    my $c = http_connect($ng->port)->ask('GET', '/1');
    ok wait_for { $b->counters(1)->{in_flight} == 1 }, 'one worker is busy';
    ok $ng->reload(wait => 'new'), 'new workers serve beside it';
    $c->close;
    $b->mode(1, 'ok');

    $ng->mark_log;
    $ng->allow(qr/unknown directive "nonsense"/);
    $ng->write_file('nginx.conf', "nonsense;\n" . slurp($ng->path('nginx.conf')));
    ok !$ng->reload, 'a bad configuration is refused';
    ok $ng->log_lines(qr/unknown directive "nonsense"/), 'and the log says why';

    ok $ng->configure(main => 'worker_processes 3;')->reload, 'another number of workers';
    is scalar(@{ [$ng->workers] }), 3, 'is what then serves';
};

subtest 'a worker that is killed on purpose is replaced, and forgiven' => sub {
    my $killed = $ng->kill_worker;

    ok !is_alive($killed), 'gone';
    is scalar(@{ [$ng->workers] }), 3, 'replaced';
    ok $ng->wait_for_log(qr/\b$killed exited on signal 9/), 'logged';
};

subtest 'nginx -t' => sub {
    my ($code, $said) = $ng->config_test;
    is $code, 0, 'accepted' or diag $said;

    ($code, $said) = $ng->config_test("server {\n    listen 1.2.3.4:x;\n}");
    is $code, 1, 'refused';
    like $said, qr/\[emerg\] invalid port in "1.2.3.4:x".* in .*test\.conf:\d+/, 'says why';

    ($code, $said) = config_test(module => 0, http => 'bogus;');
    is $code, 1, 'without an nginx';
    like $said, qr/unknown directive "bogus"/, 'says why, too';

    ok !eval { nginx(module => 0, http => 'bogus;') }, 'such an nginx does not start';
    like $@, qr/unknown directive "bogus"/, 'and its words are in the exception';

    ok !eval { nginx(module => 0, http => '%%NOBODY%%') }, 'nor one with a gap in it';
    like $@, qr/%%NOBODY%%/, 'which is named';
};

subtest 'a whole file as configuration' => sub {
    my $whole = nginx(module => 0, conf => <<'EOF');
%%GLOBALS%%
worker_processes 1;
events {}
http {
%%GLOBALS_HTTP%%
    server { listen [::1]:%%PORT%%; return 204; }
}
EOF

    is http_get('[::1]:' . $whole->port, '/')->{status}, 204, 'is served, by IPv6';
    is scalar(@{ [$whole->workers] }), 1, 'its number of workers counts';
};

subtest 'status' => sub {
    my $status = status($ng);

    is peer($status, 'u', 'b')->{id}, 'b', 'a peer by its names';
    is service($status, 'v'), undef, 'no such service';
    is peer($status, 'u', 'c'), undef, 'no such peer';
    ok !eval { status($ng, '/nowhere') }, 'no such place';
};

subtest 'complaints' => sub {
    my @bad = (
        '2026/11/20 09:30:00 [alert] 7#7: *1 open socket #3 left in connection 4',
        '2026/11/20 09:30:00 [emerg] 7#7: bind() failed',
        '2026/11/20 09:30:00 [notice] 7#7: worker process 9 exited with code 23',
        '==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010',
        'src/core/base/words.cpp:12:9: runtime error: signed integer overflow',
        '==7==ERROR: LeakSanitizer: detected memory leaks',
    );
    my $good = "[error] connect() failed\n[notice] worker process 9 exited with code 0\n";

    is_deeply [complaints($good)], [], 'none about what is normal';
    is_deeply [complaints("$good$_\n$good")], [$_], "about: $_" for @bad;
    is_deeply [complaints(join("\n", @bad[0, 1]), qr/left in/)], [$bad[1]], 'not if allowed';
};

# Runs a test of its own, as prove would: returns its exit code and output, and
# the pid and directory of its nginx.

sub run_test ($body) {
    my $file = $ng->write_file('inner.t', <<"EOF" . $body);
use v5.36; use lib '$FindBin::Bin/lib'; use Kerberos::Test;
use Kerberos::Test::Process qw(is_alive);
my \$ng = nginx(module => 0, http => '');
\$| = 1; say '# pid ', \$ng->pid, ' prefix ', \$ng->path;
sub add (\$file, \$text) { open my \$to, '>>', \$ng->path(\$file); print {\$to} \$text }
EOF
    my $out  = `exec $^X $file 2>&1`;
    my $code = $? >> 8;
    my ($pid, $prefix) = $out =~ /^# pid (\d+) prefix (\S+)/m or diag $out;

    return ($code, $out, $pid, $prefix);
}

subtest 'the end of a test can fail' => sub {
    my %bad = (
        'an alert'            => 'add("error.log", "[alert] 7#7: INJECTED\n")',
        'a sanitizer, stderr' => 'add("stderr", "==7==ERROR: AddressSanitizer: INJECTED\n")',
        'a sanitizer, file'   => 'add("sanitizer.7", "x.c:1:2: runtime error: INJECTED\n")',
        'a worker killed'     => 'kill KILL => ($ng->workers)[0]; $ng->wait_for_log(qr/signal 9/)',
        'the master killed'   => 'kill KILL => $ng->pid; wait_for { !is_alive($ng->pid) }',
    );

    for my $what (sort keys %bad) {
        my ($code, $out, $pid, $prefix) = run_test("ok 1; $bad{$what}; done_testing;");

        isnt $code, 0, "$what: exit code";
        like $out, qr/^not ok 2 - nginx was well/m, "$what: assertion";
        like $out, qr/INJECTED|exited on signal 9|ended before it was told/, "$what: reason";
        ok -d $prefix, "$what: the files are kept";
        remove_tree($prefix);
    }

    my ($code, $out, $pid, $prefix) = run_test('ok 1; done_testing;');
    is $code, 0, 'and it can pass' or diag $out;
    like $out, qr/^ok 2 - nginx was well/m, 'with the assertion';
    ok !-e $prefix, 'and no files';

    ($code) = run_test('$ng->allow(qr/FINE/); add("error.log", "[alert] FINE\n"); done_testing;');
    is $code, 0, 'what is allowed is no failure';
};

subtest 'nothing is left behind' => sub {
    my %end = (
        'a test that dies'          => 'die "on purpose\n"',
        'a test that is terminated' => 'kill TERM => $$; pause 10',
        'a test that is killed'     => 'kill KILL => $$; pause 10',
        'a test without its end'    => 'add("error.log", "[alert] INJECTED\n")',
    );

    for my $what (sort keys %end) {
        my ($code, $out, $pid, $prefix) = run_test("plan(tests => 1); ok 1; $end{$what};");

        isnt $code, 0, "$what: exit code" if $what !~ /killed/;
        ok wait_for { !is_alive($pid) }, "$what: no nginx";
        remove_tree($prefix);
    }
};

subtest 'ports' => sub {
    my $mine = port();
    my ($code, $out) = run_test('say "port ", port() for 1 .. 50; done_testing;');
    my %theirs = map { $_ => 1 } $out =~ /^port (\d+)$/mg;

    is scalar(keys %theirs), 50, 'no port twice';
    ok !$theirs{$mine}, 'nor one of another process';
};

subtest 'waiting' => sub {
    my $start = now();

    ok !(wait_for {0} 0.1), 'ends at the deadline';
    cmp_ok now() - $start, '>=', 0.1, 'not before';

    my $calls = 0;
    my $got   = wait_for { $calls++ == 2 && 'value' };
    is $got, 'value', 'returns what the condition did';
};

done_testing;
