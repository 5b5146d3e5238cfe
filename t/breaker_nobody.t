#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# When nobody can be asked: 503 with Retry-After, at once, no backend touched, through every kind
# of location, and with everything that nginx has for such a case still working.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

# 1: the peer whose breaker opens; 2: a healthy one; 3, 4: of the services with times of their own.
my $b = backend(4);

my $ng = nginx(backend => $b, http => <<'EOF');
    kerberos_breaker threshold=1 timeout=60s jitter=0%;

    upstream u     { server %%BACKEND_1%%; kerberos_balance round_robin; }
    upstream u2    { server %%BACKEND_1%%; kerberos_breaker timeout=20s; }
    upstream good  { server %%BACKEND_2%%; kerberos_balance round_robin; }
    upstream plain { server %%BACKEND_2%%; }
    upstream soon  { server %%BACKEND_3%%; kerberos_breaker timeout=1300ms; }
    upstream first {
        server %%BACKEND_3%% fail_timeout=40s;
        server %%BACKEND_4%% fail_timeout=5s;
        kerberos_balance round_robin;
    }
    upstream full { server %%BACKEND_2%% max_conns=1; kerberos_balance round_robin; }
    upstream probing {
        server %%BACKEND_3%%;
        kerberos_breaker timeout=100ms probe_timeout=30s;
    }
    upstream none { server %%BACKEND_2%% down; kerberos_balance round_robin; }

    proxy_cache_path %%PREFIX%%/cache keys_zone=cache:1m;

    log_format ups '$uri $status $upstream_addr $upstream_status';

    server {
        listen 127.0.0.1:%%PORT%%;
        access_log %%PREFIX%%/ups.log ups;
        client_max_body_size 10m;

        location = /status { kerberos_status; }

        location /plain     { proxy_pass http://u; }
        location /uri       { proxy_pass http://u/other/; }
        location /variable  { set $name u; proxy_pass http://$name; }
        location /streaming { proxy_pass http://u; proxy_request_buffering off; }
        location /unbuff    { proxy_pass http://u; proxy_buffering off; }
        location /grpc      { grpc_pass grpc://u; }
        location /fcgi      { fastcgi_pass u; }
        location /uwsgi     { uwsgi_pass u; }
        location /scgi      { scgi_pass u; }
        location /memcached { set $memcached_key k; memcached_pass u; }
        location /soon      { proxy_pass http://soon; }
        location /first     { proxy_pass http://first; }
        location /full      { proxy_pass http://full; }
        location /probing   { proxy_pass http://probing; }
        location /none      { proxy_pass http://none; }
        location /good      { proxy_pass http://good; }

        location /page/named {
            proxy_pass http://u;
            error_page 503 @sorry;
        }
        location @sorry { return 503 "sorry\n"; }

        location /page/uri {
            proxy_pass http://u;
            error_page 503 /sorry.txt;
        }
        location = /sorry.txt { root %%PREFIX%%; internal; }

        location /page/200 {
            proxy_pass http://u;
            error_page 503 =200 /sorry.txt;
        }
        location /page/good {
            proxy_pass http://u;
            error_page 503 = @good;
        }
        location @good { proxy_pass http://good; }

        location /page/plain {
            proxy_pass http://u;
            error_page 503 = @plain;
        }
        location @plain { proxy_pass http://plain; }

        location /page/again {
            proxy_pass http://u;
            recursive_error_pages on;
            error_page 503 = @again;
        }
        location @again { proxy_pass http://u2; }

        # An error_page for what nginx itself would have answered is no concern of ours.
        location /page/502 {
            proxy_pass http://u;
            error_page 502 504 =200 /sorry.txt;
        }
        location /intercept {
            proxy_pass http://u;
            proxy_intercept_errors on;
            error_page 503 =200 /sorry.txt;
        }

        location /auth {
            auth_request /_auth;
            proxy_pass http://good;
        }
        location = /_auth { internal; proxy_pass http://u; }

        location /cached {
            proxy_cache           cache;
            proxy_cache_valid     200 1s;
            proxy_cache_valid     any 10m;
            proxy_cache_use_stale error;
            proxy_cache_lock      on;
            add_header            X-Cache $upstream_cache_status always;

            location /cached/plain    { proxy_pass http://u; }
            location /cached/variable { set $name u; proxy_pass http://$name; }
            location /cached/never    { proxy_pass http://u; proxy_cache_use_stale off; }
        }
    }
EOF

$ng->write_file('sorry.txt', "sorry\n");

sub get ($path, %arg) { return http_request($ng->port, delete $arg{method} // 'GET', $path, %arg) }

sub rejected ($service) { return service(status($ng), $service)->{rejected} }


# Asks while nobody can be asked: 503, at once, from nginx, with one honest Retry-After.

sub refused ($path, %arg) {
    my $what = delete $arg{what} // $path;

    return subtest $what => sub {
        my $asked = $b->requests;
        my $count = rejected('u');
        my $r     = get($path, %arg);

        is $r->{status}, 503, 'refused';
        is $r->{error}, undef, 'a whole answer';
        like $r->{headers}{'retry-after'}, qr/^(?:[1-5]?\d|60)$/, 'Retry-After, once, at most 60';
        cmp_ok $r->{headers}{'retry-after'}, '>', 30, 'in the seconds that are left';
        cmp_ok $r->{time}, '<', 3, 'at once';
        is $b->requests, $asked, 'no backend was asked';
        is rejected('u'), $count + 1, 'and it was counted';
    };
}


# The cache is filled while all is well.

for my $path (qw(/cached/plain /cached/variable /cached/never)) {
    is get($path)->{headers}{'x-cache'}, 'MISS', "$path: into the cache";
}

$b->mode(1, 'close');
get('/plain');
is peer(status($ng), 'u', $b->address(1))->{breaker}{state}, 'open', 'open from here on';
get('/page/again');       # opens u2
$b->mode(1, 'ok');
$ng->mark_log;

subtest 'every kind of location' => sub {
    refused($_) for qw(/plain /uri /variable /unbuff /streaming /grpc /fcgi /uwsgi /scgi /memcached);
    refused('/page/502', what => 'error_page 502 is for others');

    is scalar($ng->log_lines(qr/\[(?:warn|error|crit)\]/)), 0, 'without a complaint in the log';
};

subtest 'every kind of request' => sub {
    refused('/plain', what => $_, method => $_) for qw(HEAD DELETE OPTIONS);

    for my $path ('/plain', '/streaming', '/grpc', '/fcgi') {
        refused($path, what => "POST $path", method => 'POST', body => 'x' x 100);
        refused($path, what => "POST $path, 3 MB", method => 'POST', body => 'x' x 3_000_000);
        refused($path, what => "POST $path, chunked", method => 'POST', body => ['x' x 5000, 'y']);
    }

    is get('/plain', method => 'HEAD')->{body}, '', 'HEAD has no body';
    is get('/plain', version => '1.0')->{status}, 503, 'HTTP/1.0';

    my $c = http_connect($ng->port);
    is $c->get('/plain')->{status}, 503, 'on a kept connection';
    is $c->get('/good')->{status},  200, 'which stays';
    is $c->request('POST', '/streaming', body => 'x')->{status}, 503, 'also after a body';

    my @r = http_parallel(64, $ng->port, '/plain');
    is scalar(grep { $_->{status} == 503 && $_->{headers}{'retry-after'} } @r), 64, '64 at once';
};

subtest '$upstream_addr names the upstream' => sub {
    get($_) for '/plain', '/variable', '/good';

    my $log = sub { open my $in, '<', $ng->path('ups.log'); join '', <$in> };

    ok wait_for { $log->() =~ m{^/good 200}m }, 'logged';
    like $log->(), qr{^/plain 503 u 503$}m, 'as nginx does';
    like $log->(), qr{^/variable 503 u 503$}m, 'with variables, too';
    is +($log->() =~ m{^(/good 200 .*)$}m)[0], '/good 200 ' . $b->address(2) . ' 200', 'not else';
};

subtest 'error_page' => sub {
    refused('/page/named');
    is get('/page/named')->{body}, "sorry\n", 'a named location';

    refused('/page/uri');
    is get('/page/uri')->{body}, "sorry\n", 'a URI';

    for my $path (qw(/page/200 /intercept /page/good /page/plain)) {
        my $r = get($path);

        is $r->{status}, 200, "$path: another answer";
        is $r->{headers}{'retry-after'}, undef, 'that does not ask to come again';
    }
    is get('/page/200')->{body}, "sorry\n", 'from a file';
    is get('/page/good')->{headers}{'x-backend'}, $b->address(2), 'from a service';

    my $r = get('/page/again');
    is $r->{status}, 503, 'a service that has nobody either';
    like $r->{headers}{'retry-after'}, qr/^(?:1?\d|20)$/, 'one Retry-After, that of the last asked';

    # Our Retry-After was added to whatever 503 came after an internal redirect.
    $b->mode(2, 'status', status => 503, retry_after => 7);
    $r = get('/page/plain');
    is "$r->{status}, $r->{headers}{'retry-after'}", '503, 7', "a backend's own 503 stays as it is";
    $b->mode(2, 'status', status => 503);
    is get('/page/plain')->{headers}{'retry-after'}, undef, 'also where it has no Retry-After';
    $b->mode(2, 'ok');
};

subtest 'in a subrequest' => sub {
    my $r = get('/auth');

    # nginx knows 2xx, 401 and 403 here, and turns everything else into 500.
    is $r->{status}, 500, 'auth_request';
    is $r->{headers}{'retry-after'}, undef, 'says nothing of when';
    is get('/good')->{status}, 200, 'and all goes on';
};

subtest 'proxy_cache_use_stale' => sub {
    ok wait_for { get('/cached/never')->{status} == 503 }, 'what was cached has expired';

    for my $path (qw(/cached/plain /cached/variable)) {
        my $asked = $b->requests;
        my $r     = get($path);

        is $r->{status}, 200, "$path: an old answer";
        is $r->{headers}{'x-cache'}, 'STALE', 'from the cache';
        is $r->{headers}{'retry-after'}, undef, 'without Retry-After';
        is $b->requests, $asked, 'no backend was asked';
    }

    like get('/cached/never')->{headers}{'retry-after'}, qr/^\d+$/, 'off: 503 as ever';
    refused('/cached/plain/other', what => 'what is not in the cache');
};

subtest 'Retry-After tells the truth' => sub {
    my %seen;

    $b->mode($_, 'close') for 3, 4;
    get('/soon');
    $b->mode(3, 'ok');
    wait_for {
        my $r = get('/soon');
        $seen{ $r->{headers}{'retry-after'} // 'none' }++ if $r->{status} == 503;
        $r->{status} == 200;
    };
    is_deeply [sort keys %seen], [1, 2], '1.3 s: rounded up, down to 1, never 0';

    my $before = now();
    $b->mode(3, 'close');
    get('/soon');
    my $wait = get('/soon')->{headers}{'retry-after'};
    $b->mode(3, 'ok');
    pause($before + $wait - now());
    is get('/soon')->{status}, 200, 'who comes back when told is let through';

    $b->mode(3, 'close');
    get('/first') for 1, 2;  # one request opens one
    like get('/first')->{headers}{'retry-after'}, qr/^[45]$/, 'of two peers, the first to be due';
};

subtest 'other reasons' => sub {
    $b->mode(2, 'hang');
    my $c = http_connect($ng->port)->ask('GET', '/full');
    wait_for { peer(status($ng), 'full', $b->address(2))->{in_flight} == 1 };
    my $r = get('/full');
    is "$r->{status}, $r->{headers}{'retry-after'}", '503, 1', 'max_conns: a place is free any time';
    $c->close;
    $b->mode(2, 'ok');
    ok wait_for { get('/full')->{status} == 200 }, 'and then it is';

    $b->mode(3, 'close');
    get('/probing');
    $b->mode(3, 'hang');
    $c = undef;
    wait_for {
        $c = http_connect($ng->port)->ask('GET', '/probing');
        pause(0.05);
        peer(status($ng), 'probing', $b->address(3))->{breaker}{probes_in_flight} == 1;
    };
    $r = get('/probing');
    is $r->{status}, 503, 'the only probe is under way';
    like $r->{headers}{'retry-after'}, qr/^(?:2\d|30)$/, 'it is over in probe_timeout at the latest';
    $c->close;

    my $asked = $b->requests;
    is get('/none')->{status}, 503, 'all are down by configuration';
    is $b->requests, $asked, 'nobody was asked';
};

subtest 'who was asked and failed is heard' => sub {
    $ng->configure(http => <<'EOF')->reload;
    upstream u {
        server %%BACKEND_1%%;
        server %%BACKEND_2%%;
        kerberos_breaker threshold=2 timeout=60s;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /status { kerberos_status; }
        location / { proxy_pass http://u; }
    }
EOF
    $b->mode('all', 'close');
    $b->reset_counters;

    my @r = map { get('/') } 1 .. 4;

    # Peer 1 is open already; peer 2 is asked twice, then nobody can be.
    is_deeply [map { $_->{status} } @r], [502, 502, 503, 503], '502 from those who tried';
    is_deeply [map { defined $_->{headers}{'retry-after'} } @r], ['', '', 1, 1], 'without advice';
    is_deeply [map { $b->requests($_) } 1, 2], [0, 2], 'the open peer was left alone';
};

done_testing;
