#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Subrequests, each with a service and attempts of its own: auth_request, SSI,
# mirror, addition.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $said = do { my $nginx = $ENV{NGINX_BINARY} || '/usr/sbin/nginx'; `$nginx -V 2>&1` };
my %has  = (
    auth   => $said =~ /--with-http_auth_request_module/,
    ssi    => $said !~ /--without-http_ssi_module/,
    mirror => $said !~ /--without-http_mirror_module/,
    add    => $said =~ /--with-http_addition_module/,
);

my $b = backend(4);

my $locations = join "\n",
    $has{auth} ? <<'EOF' : '', $has{ssi} ? <<'EOF' : '', $has{mirror} ? <<'EOF' : '',
        location /private {
            auth_request /auth;
            auth_request_set $by $upstream_addr;
            add_header X-Auth    $by always;
            add_header X-Service $kerberos_service always;
            proxy_pass http://main;
        }
        location = /auth {
            internal;
            proxy_pass http://auth;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
        }
EOF
        location /page { ssi on; root %%PREFIX%%; }
EOF
        location /mirrored { mirror /mirror; proxy_pass http://main; }
        location = /mirror { internal; proxy_pass http://auth$request_uri; }
EOF
    $has{add} ? <<'EOF' : '';
        location /added {
            add_before_body /two;
            add_after_body  /three;
            addition_types  *;
            proxy_pass http://main;
        }
EOF

my $ng = nginx(backend => $b, http => <<"EOF");
    upstream main { server %%BACKEND_1%%; kerberos_breaker threshold=1 timeout=10m; }
    upstream auth { server %%BACKEND_2%%; kerberos_breaker threshold=2 timeout=10m; }
    upstream pair {
        server %%BACKEND_3%%;
        server %%BACKEND_4%%;
        kerberos_breaker threshold=1 timeout=10m;
    }
    upstream lost { server %%BACKEND_3%%; kerberos_breaker threshold=1 timeout=10m; }

    server {
        listen 127.0.0.1:%%PORT%%;
        add_header X-Service \$kerberos_service always;
        default_type text/html;
        location = /status { kerberos_status; }
        location /main  { proxy_pass http://main; }
        location /two   { proxy_pass http://pair; }
        location /three { proxy_pass http://pair; }
        location /lost  { proxy_pass http://lost; }
        $locations
    }
EOF

sub ask ($path, %arg) { return http_request($ng->port, $arg{method} // 'GET', $path, %arg) }

sub counts ($service, $n, @names) {
    my $peer = peer(status($ng), $service, $b->address($n));

    return join ' ', map {"$_ $peer->{$_}"} @names;
}

sub in_flight () {
    my $sum = 0;
    $sum += $_->{in_flight} for map { $_->{peers}->@* } status($ng)->{services}->@*;

    return $sum;
}

# Which backends speak in a page that others' answers were put into, in order.

sub speakers ($text) {
    my %number = map { $b->address($_) => $_ } 1 .. 4;

    return join '', map { $number{$_} } $text =~ /"peer": "([^"]+)"/g;
}


subtest 'auth_request' => sub {
    plan skip_all => 'this nginx was built without auth_request' unless $has{auth};

    my $r = ask('/private');
    is $r->{status}, 200, 'allowed';
    is $r->{headers}{'x-backend'}, $b->address(1), 'and answered by the service itself';
    is $r->{headers}{'x-auth'}, $b->address(2), 'after the other was asked';
    is $r->{headers}{'x-service'}, 'main', '$kerberos_service is that of the request';
    is counts($_->@*, qw(requests successes)), 'requests 1 successes 1', "one each: $_->[0]"
        for ['main', 1], ['auth', 2];

    for my $status (401, 403) {
        $b->mode(2, 'status', status => $status);
        is ask('/private')->{status}, $status, "forbidden by $status";
    }
    is counts('auth', 2, 'failures'), 'failures 0', 'which is no failure';
    is counts('main', 1, 'requests'), 'requests 1', 'and asks nobody else';

    $b->mode(2, 'status', status => 500);
    is ask('/private')->{status}, 500, 'a failing one' for 1, 2;
    is peer(status($ng), 'auth', $b->address(2))->{breaker}{state}, 'open', 'is out';

    $b->reset_counters;
    $r = ask('/private');
    is $r->{status}, 500, 'nobody to ask: as nginx says of any failure to ask';
    is $r->{headers}{'retry-after'}, undef, 'which is no 503, and has no Retry-After';
    is $b->requests, 0, 'nobody was';
    is ask('/private', method => 'POST', body => 'x' x 100_000)->{status}, 500, 'with a body, too';
    is in_flight(), 0, 'nothing is left in flight';
    is ask('/main')->{status}, 200, 'the service itself is as it was';
    $b->mode(2, 'ok');
};

subtest 'SSI' => sub {
    plan skip_all => 'this nginx was built without SSI' unless $has{ssi};

    $ng->write_file('page/three.html', join "\n", '<html>', (map {
        qq{<!--# include virtual="$_" -->}
    } qw(/main /two /three)), '</html>');

    $b->reset_counters;
    my $r = ask('/page/three.html');

    is $r->{status}, 200, 'a page of three parts';
    like speakers($r->{body}), qr/^1(?:34|43)$/, 'each by its service, in the order of the page';
    like $r->{body}, qr{^<html>.*</html>$}s, 'and whole';
    is_deeply [map { $b->requests($_) } 1, 3, 4], [1, 1, 1], 'each peer was asked once';

    # A part that fails is the part's matter.
    $b->mode(3, 'status', status => 500, times => 1);
    is ask('/lost')->{status}, 500, 'a service fails';
    $ng->write_file('page/lost.html', join "\n", '<html>', (map {
        qq{<!--# include virtual="$_" -->}
    } qw(/lost /main /lost)), '</html>');
    $r = ask('/page/lost.html');

    is $r->{status}, 200, 'a page with a part that nobody may give';
    is +(() = $r->{body} =~ /<h1>503 Service/g), 2, 'has words in its place';
    is speakers($r->{body}), '1', 'and the other part';
    is $r->{headers}{'retry-after'}, undef, 'and does not tell to come back';
    is in_flight(), 0, 'nothing is left in flight';

    $b->mode(4, 'hang');
    $b->mode(3, 'hang');
    http_abort($ng->port, '/page/three.html', reset => 1, after => 0.1);
    ok wait_for { in_flight() == 0 }, 'a client that leaves leaves nothing in flight';
    $b->mode($_, 'ok') for 3, 4;
    is peer(status($ng), 'pair', $b->address($_))->{breaker}{state}, 'closed',
        'nor breaks anything' for 3, 4;
};

subtest 'mirror' => sub {
    plan skip_all => 'this nginx was built without mirror' unless $has{mirror};

    $ng->stop;
    $ng->start;

    $b->reset_counters;
    is ask('/mirrored')->{status}, 200, 'mirrored';
    ok wait_for { $b->requests(2) == 1 }, 'the other service was asked, too';

    $b->mode(2, 'refuse');
    is ask('/mirrored')->{status}, 200, 'the client does not notice' for 1 .. 4;
    ok wait_for { peer(status($ng), 'auth', $b->address(2))->{breaker}{state} eq 'open' },
        'though it is out';
    is ask('/mirrored')->{status}, 200, 'nor then';
    ok wait_for { service(status($ng), 'auth')->{rejected} > 0 }, 'that nobody is asked';
    is in_flight(), 0, 'nothing is left in flight';
    $b->mode(2, 'ok');
};

subtest 'addition' => sub {
    plan skip_all => 'this nginx was built without addition' unless $has{add};

    like speakers(ask('/added')->{body}), qr/^(?:314|413)$/, 'before and after, in order';
    is in_flight(), 0, 'nothing is left in flight';
};

done_testing;
