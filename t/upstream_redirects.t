#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Internal redirects: error_page, named locations, try_files, X-Accel-Redirect; and
# what is known of a request that has been at two services.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

# "accel" is a peer that answers by X-Accel-Redirect to where the request says.

my $b  = backend(4);
my $ng = nginx(backend => $b, http => <<'EOF');
    upstream one {
        server %%BACKEND_1%%;
        kerberos_breaker threshold=1 timeout=10m;
    }
    upstream two {
        server %%BACKEND_2%%;
        server %%BACKEND_3%%;
        kerberos_breaker threshold=2 timeout=10m;
    }
    upstream out   { server %%BACKEND_1%%; kerberos_breaker threshold=1 timeout=10m; }
    upstream away  { server %%BACKEND_1%%; kerberos_breaker threshold=1 timeout=10m; }
    upstream bad   { server %%BACKEND_1%%; kerberos_breaker off; }
    upstream stock { server %%BACKEND_4%%; }
    upstream accel { server 127.0.0.1:%%PORT_2%%; kerberos_breaker threshold=2 timeout=10m; }

    server {
        listen 127.0.0.1:%%PORT_2%%;
        location / { add_header X-Accel-Redirect $arg_to; return 200; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%PREFIX%%/files;

        add_header X-Addr     $upstream_addr always;
        add_header X-Status   $upstream_status always;
        add_header X-Service  $kerberos_service always;
        add_header X-Attempts $kerberos_attempts always;
        add_header X-Outcome  $kerberos_outcome always;

        location = /status { kerberos_status; }

        location /plain    { proxy_pass http://out; }
        location /page     { error_page 503 /sorry.html; proxy_pass http://out; }
        location /fine     { error_page 503 =200 /sorry.html; proxy_pass http://out; }
        location /named    { error_page 503 @said; proxy_pass http://out; }
        location /to/two   { error_page 503 = @two; proxy_pass http://out; }
        location /to/stock { error_page 503 = @stock; proxy_pass http://out; }
        location /to/out   {
            recursive_error_pages on;
            error_page 503 = @away;
            proxy_pass http://out;
        }
        location /caught   {
            proxy_intercept_errors on;
            error_page 500 502 = @two;
            proxy_pass http://bad;
        }
        location /accel    { proxy_pass http://accel; }
        location /try      { try_files $uri @two; }
        location = /sorry.html { }
        location /internal { internal; proxy_pass http://two; }
        location /none     { internal; proxy_pass http://out; }
        location @two      { proxy_pass http://two; }
        location @stock    { proxy_pass http://stock; }
        location @away     { proxy_pass http://away; }
        location @said     { return 503 "said\n"; }
    }
EOF

$ng->write_file('files/sorry.html', "sorry\n");
$ng->write_file('files/try/here', "here\n");

my %name = map { $b->address($_) => $_ } 1 .. 4;
$name{ '127.0.0.1:' . $ng->port(2) } = 'accel';

sub ask ($path, %arg) { return http_request($ng->port, $arg{method} // 'GET', $path, %arg) }

# Where a request has been, in nginx's notation: "," between attempts, ":" between
# redirects.

sub way ($r) { return $r->{headers}{'x-addr'} =~ s/([^ ,]+(?::\d+)?)/$name{$1} \/\/ $1/ger }

sub count ($service, $name) { return service(status($ng), $service)->{$name} }

sub settled () {
    return wait_for {
        !grep { $_->{in_flight} } map { $_->{peers}->@* } status($ng)->{services}->@*;
    };
}

sub retry_after ($r) { return () = $r->{raw} =~ /^Retry-After:/mgi }

# Takes the only peer of "out" and of "away" out.

for my $path ('/plain', '/to/out') {
    $b->mode(1, 'status', status => 500, times => 1);
    ask($path);
}


subtest 'turned away' => sub {
    my $r = ask('/plain');

    is $r->{status}, 503, 'by status 503';
    is way($r), 'out', 'by the service';
    is retry_after($r), 1, 'one Retry-After';
};

subtest 'error_page' => sub {
    my $r = ask('/page');
    is_deeply [@$r{qw(status body)}], [503, "sorry\n"], 'a page for it';
    is retry_after($r), 1, 'still a 503, still with one Retry-After';

    $r = ask('/fine');
    is_deeply [@$r{qw(status body)}], [200, "sorry\n"], 'a page in place of it';
    is retry_after($r), 0, 'is no reason to come back later';

    $r = ask('/named');
    is_deeply [@$r{qw(status body)}], [503, "said\n"], 'a named location';
    is retry_after($r), 1, 'with a 503 of its own';

    is ask('/page', method => 'POST', body => 'x' x 100_000)->{status}, 503, 'a body';
    is ask('/page', method => 'HEAD')->{status}, 503, 'HEAD';
};

subtest 'to another service' => sub {
    my $r = ask('/to/two');

    is $r->{status}, 200, 'which answers';
    like way($r), qr/^out : [23]$/, 'after the first turned it away';
    is $r->{headers}{'x-status'}, '503 : 200', 'as the status says';
    is $r->{headers}{'x-service'}, 'two', '$kerberos_service is the last';
    is $r->{headers}{'x-attempts'}, 1, 'and $kerberos_attempts are those at it';
    is retry_after($r), 0, 'no Retry-After';

    $b->mode($_, 'status', status => 500) for 2, 3;
    $r = ask('/to/two');
    is $r->{status}, 500, 'or fails';
    is retry_after($r), 0, 'no Retry-After';
    $b->mode($_, 'ok') for 2, 3;

    $r = ask('/to/out');
    is $r->{status}, 503, 'both turn it away';
    is way($r), 'out : away', 'one after the other';
    is retry_after($r), 1, 'and one Retry-After';
    ok settled(), 'nothing is left in flight';
};

subtest 'to a service of nginx\'s own' => sub {
    my $r = ask('/to/stock');
    is $r->{status}, 200, 'which answers';
    is way($r), 'out : 4', 'after ours turned it away';

    # What it says is its own affair, 503 and Retry-After included.
    $b->mode(4, 'status', status => 503, retry_after => 7);
    $r = ask('/to/stock');
    is $r->{status}, 503, 'or not';
    is $r->{headers}{'retry-after'}, 7, 'and says until when, once';
    $b->mode(4, 'ok');
};

subtest 'a failure that is intercepted' => sub {
    my $before = count('two', 'requests');

    $b->mode(1, 'status', status => 500, times => 1);
    my $r = ask('/caught');
    is $r->{status}, 200, 'answered by the other service';
    like way($r), qr/^1 : [23]$/, 'after the first failed';
    is $r->{headers}{'x-status'}, '500 : 200', 'as the status says';

    $b->mode(1, 'refuse');
    like way(ask('/caught')), qr/^1 : [23]$/, 'so it is when the first refuses';
    $b->mode(1, 'ok');

    my $peer = peer(status($ng), 'bad', $b->address(1));
    is $peer->{failures}, 2, 'both are failures of the first';
    is count('two', 'requests'), $before + 2, 'and requests of the second';
    ok settled(), 'nothing is left in flight';
};

subtest 'X-Accel-Redirect' => sub {
    my $r = ask('/accel?to=/internal/x');
    is $r->{status}, 200, 'to another service';
    like way($r), qr/^accel : [23]$/, 'one after the other';
    is decode_json($r->{body})->{uri}, '/internal/x', 'with its URI';
    is $r->{headers}{'x-service'}, 'two', '$kerberos_service is the last';

    is ask('/accel?to=/sorry.html')->{body}, "sorry\n", 'to a file';

    $r = ask('/accel?to=/none');
    is $r->{status}, 503, 'to a service that turns it away';
    is way($r), 'accel : out', 'one after the other';
    is retry_after($r), 1, 'with one Retry-After';

    $r = ask('/accel?to=/accel?to=/internal/x');
    is way($r) =~ s/[23]$/2/r, 'accel : accel : 2', 'through the same service twice';

    my $peer = service(status($ng), 'accel')->{peers}[0];
    is $peer->{successes}, 5, 'each is a success of who redirected';
    is $peer->{failures}, 0, 'and no failure';
    ok settled(), 'nothing is left in flight';
};

subtest 'try_files' => sub {
    is ask('/try/here')->{body}, "here\n", 'a file';

    my $r = ask('/try/nowhere');
    is decode_json($r->{body})->{uri}, '/try/nowhere', 'or the service';
    is $r->{headers}{'x-service'}, 'two', 'by its named location';
    is $r->{headers}{'x-attempts'}, 1, 'with one attempt';
};

subtest 'a client that leaves at the second service' => sub {
    $b->mode($_, 'hang') for 2, 3;
    http_abort($ng->port, '/to/two', reset => 1, after => 0.05);
    http_abort($ng->port, '/accel?to=/internal/x', after => 0.05);

    ok settled(), 'nothing is left in flight';
    is_deeply [map { peer(status($ng), 'two', $b->address($_))->{breaker}{state} } 2, 3],
        ['closed', 'closed'], 'and nobody is blamed';
    $b->mode($_, 'ok') for 2, 3;
};

done_testing;
