#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# The gateway: kerberos_registry, proxy_pass http://kerberos, and kerberos_service, which may
# hold variables. The location that is tested here is the one of conf/demo.conf.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Log qw(slurp);

my ($location) = slurp(root() . '/conf/demo.conf') =~ m{^(\s+location ~ \^/v1/proxy/.*?^\s+\}\n)}ms
    or die "conf/demo.conf: no gateway location\n";

my $b = backend(qw(tcp tcp tls tcp));

# The server stands before the registry: neither needs to know of the other when it is read.

my $ng = nginx(backend => $b, start => 0, vars => { GATEWAY => $location }, http => <<'EOF');
    log_format service '$request_uri $status "$kerberos_service" "$upstream_addr"';

    map $http_host $of_host {
        users.example.org users;
        default           "";
    }

    server {
        listen 127.0.0.1:%%PORT%%;
        access_log %%PREFIX%%/service.log service;

%%GATEWAY%%

        location = /status { kerberos_status; }

        location /fixed/    { kerberos_service users; proxy_pass http://kerberos/; }
        location /host      { kerberos_service $of_host; proxy_pass http://kerberos; }
        location /arg       { kerberos_service $arg_service; proxy_pass http://kerberos; }
        location /unsaid    { proxy_pass http://kerberos; }
        location /block     { proxy_pass http://block; }
        location /variable  { set $to block; proxy_pass http://$to; }
        location /own       { proxy_pass http://own; }
    }
    server {
        listen 127.0.0.1:%%PORT_2%%;
        kerberos_service users;
        location /           { proxy_pass http://kerberos; }
        location /product    { kerberos_service product; proxy_pass http://kerberos; }
    }

    upstream block {
        kerberos_service users;
        keepalive 8;
    }
    upstream own { server %%BACKEND_4%%; kerberos_balance round_robin; }

    kerberos_registry services.yaml;

    # An upstream that is used by http:// and https:// has to stand before: nginx wants it so.
    server {
        listen 127.0.0.1:%%PORT_3%%;
        location /tls       { kerberos_service secure; proxy_pass https://kerberos; }
        location /tls/plain { kerberos_service secure; proxy_pass http://kerberos; }
        location /plain/tls { kerberos_service users; proxy_pass https://kerberos; }
    }
EOF

$ng->write_file('services.yaml', <<'EOF');
product:
  - http://%%BACKEND_1%%
users:
  - http://%%BACKEND_2%%
secure:
  - https://%%BACKEND_3%%
EOF
$ng->start;

sub get ($path, %arg) { return http_request($ng->port, delete $arg{method} // 'GET', $path, %arg) }

# What the backend was asked, as "BACKEND METHOD URI"; the status where nobody was.

sub asked ($path, %arg) {
    my $r = get($path, %arg);
    my $told = $r->{status} == 200 && decode_json($r->{body}) or return $r->{status};
    my ($n) = grep { $b->address($_) eq $told->{peer} } 1 .. 4;

    return "$n $told->{method} $told->{uri}" . ($told->{body_bytes} ? " $told->{body_bytes}" : '');
}


subtest 'GET /v1/proxy/{service_name}' => sub {
    is asked('/v1/proxy/product'),          '1 GET /',         'by name';
    is asked('/v1/proxy/users'),            '2 GET /',         'another';
    is asked('/v1/proxy/product/'),         '1 GET /',         'with a slash';
    is asked('/v1/proxy/product?a=1&b=2'),  '1 GET /?a=1&b=2', 'with a query string';
    is asked('/v1/proxy/product/?a=1'),     '1 GET /?a=1',     'with both';
    is asked('/v1/proxy/product/x/y.html'), '1 GET /x/y.html', 'with a rest path';
    is asked('/v1/proxy/product/x/?q=a/b'), '1 GET /x/?q=a/b', 'with all of it';
    is asked('/v1/proxy/product/v1/proxy/users'), '1 GET /v1/proxy/users', 'once, not twice';
};

subtest 'method and body' => sub {
    is asked('/v1/proxy/users/x', method => 'POST', body => 'x' x 70_000), '2 POST /x 70000', 'POST';
    is asked('/v1/proxy/users/x', method => 'PUT', body => ['a', 'b' x 99]), '2 PUT /x 100', 'PUT';
    is asked('/v1/proxy/users/x', method => 'DELETE'), '2 DELETE /x', 'DELETE';
    is get('/v1/proxy/users', method => 'HEAD')->{status}, 200, 'HEAD';
};

# nginx matches locations against the decoded path. What it sends must be encoded again, or a
# client could write request lines of its own.

subtest 'encoded characters' => sub {
    my %sent = (
        'a%20b'             => 'a%20b',
        'a%3Fb?c=%20d'      => 'a%3Fb?c=%20d',
        'a%2541'            => 'a%2541',
        'a%23b'             => 'a%23b',
        'a+b'               => 'a+b',
        '%C3%A9'            => '%C3%A9',
        'a%26b=c;d'         => 'a&b=c;d',
        'a%0D%0AX-Evil:%201' => 'a%0D%0AX-Evil:%201',
        'a%0Ab'             => 'a%0Ab',
        'a%0A'              => 'a%0A',
        '%20HTTP/1.0%0D'    => '%20HTTP/1.0%0D',
        'x%00y'             => undef,     # nginx refuses it
        '?q=%0D%0Ax'        => '?q=%0D%0Ax',
    );

    for my $path (sort keys %sent) {
        my $want = defined $sent{$path} ? "1 GET /$sent{$path}" : 400;

        is asked("/v1/proxy/product/$path"), $want, $path;
    }

    is asked('/v1/proxy/%70roduct'),      '1 GET /', 'in the name';
    is asked('/v1/proxy/users/../product'), '1 GET /', 'dots are resolved before';
    is asked('/v1/proxy/product/../../../users'), 404, 'and lead to no service';
};

subtest 'unknown services: 404, and the names are for the log only' => sub {
    my @known = qw(product users secure own block kerberos);

    for my $path ('/v1/proxy/nobody', '/v1/proxy/nobody/x?y', '/v1/proxy/users%00',
        '/v1/proxy/Users', '/v1/proxy/user', '/v1/proxy/users%20', '/v1/proxy/' . 'x' x 3000) {
        my $r     = get($path);
        my $what  = substr $path, 0, 30;
        my $asked = $b->requests;

        is $r->{status}, $path =~ /%00/ ? 400 : 404, "$what: status";
        ok !(grep { $r->{raw} =~ /\b$_\b/ } @known), 'no name is given away';
        is $r->{headers}{'retry-after'}, undef, 'and no hope';
        is $b->requests, $asked, 'nobody was asked';
    }

    $ng->mark_log;
    get('/v1/proxy/nobody');
    my ($line) = $ng->wait_for_log(qr/unknown service/);
    like $line, qr/\[error\] .*unknown service "nobody" \(known: product, users, secure\)/,
        'the log lists what there is';

    is get('/v1/proxy/')->{status}, 404, 'no name at all';
    is get($_)->{status}, 404, "empty, by a variable: $_" for '/arg', '/arg?service=', '/host';
    is get('/unsaid')->{status}, 404, 'no kerberos_service';
    is scalar(() = $ng->log_lines(qr/no "kerberos_service" for this request/)), 4, 'logged';
};

# Whoever chooses the name must not reach what was not put into the registry.

subtest 'an upstream block is no service of the registry' => sub {
    is get('/own')->{status}, 200, 'it serves where it is named';
    is get("/v1/proxy/$_")->{status}, 404, "a client cannot name it: $_" for qw(own block kerberos);
    is $b->requests(4), 1, 'nobody was asked';
};

# What a client writes must not look like what nginx does.

subtest 'a name cannot forge the log' => sub {
    $ng->mark_log;
    get('/v1/proxy/x%0a2026/11/20%2000:00:00%20[warn]%20circuit%20OPEN');
    get('/v1/proxy/x%1b[31m%7f%0d');
    $ng->wait_for_log(qr/unknown service/, 2);

    is scalar($ng->log_lines(qr/^\d{4}.*\[error\].*unknown service/)), 2, 'two lines';
    is scalar($ng->log_lines(qr/^(?!\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[(?:error|info)\] \d+#)/)), 0,
        'each of which is our own';
    unlike $ng->log_text, qr/[\x00-\x09\x0b-\x1f\x7f]/, 'without control characters';
};

subtest 'kerberos_service' => sub {
    is asked('/fixed/x?y'), '2 GET /x?y', 'a plain name';
    is asked('/host/x', headers => { Host => 'users.example.org' }), '2 GET /host/x', 'a map';
    is asked('/arg?service=product'), '1 GET /arg?service=product', 'an argument';

    my $told = sub ($path) { decode_json(http_get($ng->port(2), $path)->{body})->{peer} };
    is $told->('/'),        $b->address(2), 'of the server';
    is $told->('/product'), $b->address(1), 'the location wins';
};

subtest 'an upstream block with kerberos_service' => sub {
    my $accepted = $b->counters(2)->{accepted};

    is asked('/block/x'),    '2 GET /block/x',    'serves the service';
    is asked('/variable/x'), '2 GET /variable/x', 'by a variable, too';
    is peer(status($ng), 'users', $b->address(2))->{state}, 'up', 'it is the same service';
    is service(status($ng), 'block'), undef, 'and no other';
};

subtest 'https' => sub {
    my $get  = sub ($path) { http_get($ng->port(3), $path) };
    my $told = decode_json($get->('/tls/x')->{body});
    is "$told->{peer} $told->{uri}", $b->address(3) . ' /tls/x', 'by proxy_pass https://';

    is $get->('/tls/plain')->{status}, 200, 'by proxy_pass http://';
    is $get->('/plain/tls')->{status}, 200, 'http peers by https://';
    is get('/v1/proxy/secure')->{status}, 200, 'also where clients choose';
};

subtest '$kerberos_service and $upstream_addr' => sub {
    get('/v1/proxy/users/last');
    get('/v1/proxy/nobody/last');

    my $line = sub ($start) { (grep {/^\Q$start\E /} split /\n/, slurp($ng->path('service.log')))[0] };

    ok wait_for { $line->('/v1/proxy/nobody/last') }, 'logged';
    is $line->('/v1/proxy/users/last'),
        '/v1/proxy/users/last 200 "users" "' . $b->address(2) . '"', 'a service and its peer';
    is $line->('/v1/proxy/nobody/last'), '/v1/proxy/nobody/last 404 "-" "-"', 'neither';
};

# The upstream behind proxy_pass http://kerberos is no service.

subtest 'the status lists what the registry says' => sub {
    is_deeply [sort map { $_->{name} } status($ng)->{services}->@*], [qw(own product secure users)],
        'and the upstream block';
};

subtest 'a service may be called kerberos' => sub {
    $ng->write_file('services.yaml', "kerberos:\n  - http://%%BACKEND_1%%\n" .
        "users:\n  - http://%%BACKEND_2%%\nproduct: [http://%%BACKEND_1%%]\n");
    ok $ng->reload, 'reload';
    is asked('/v1/proxy/kerberos/x'), '1 GET /x', 'served';
    is get('/v1/proxy/secure')->{status}, 404, 'and who has left is unknown';
};

done_testing;
