#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# proxy_pass with variables: what they come to may be the name of a block of ours,
# of a block of nginx's, or an address.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b  = backend(4);
my $ng = nginx(backend => $b, http => <<'EOF');
    upstream blue  { server %%BACKEND_1%%; server %%BACKEND_2%%; kerberos_breaker threshold=1; }
    upstream green { server %%BACKEND_3%%; kerberos_breaker threshold=1 timeout=10m; }
    upstream stock { server %%BACKEND_4%%; }

    map $http_x_colour $colour {
        default blue;
        grass   green;
    }

    server {
        listen 127.0.0.1:%%PORT%%;
        add_header X-Addr     $upstream_addr always;
        add_header X-Service  $kerberos_service always;
        add_header X-Peer     $kerberos_peer always;
        add_header X-Breaker  $kerberos_breaker always;
        add_header X-Attempts $kerberos_attempts always;

        location = /status { kerberos_status; }
        location /map      { proxy_pass http://$colour; }
        location /arg      { proxy_pass http://$arg_to; }
        location /whole    { set $url http://green; proxy_pass $url; }
        location /uri/     { proxy_pass http://$colour/prefix$uri?more; }
        location ~ ^/(?<named>blue|green)/ { proxy_pass http://$named; }
        location /part     { set $half gre; proxy_pass http://${half}en; }
        location /plain    { proxy_pass http://blue; }
    }
EOF

sub ask ($path, @headers) { return http_get($ng->port, $path, headers => [@headers]) }

sub by ($r) {
    my ($n) = grep { $b->address($_) eq ($r->{headers}{'x-backend'} // '') } 1 .. 4;

    return $n // "status $r->{status}";
}


subtest 'a variable names a block' => sub {
    is_deeply [map { by(ask('/map')) } 1 .. 4], [1, 2, 1, 2], 'whose peers take turns';
    is by(ask('/map', 'X-Colour' => 'grass')), 3, 'another value, another block';
    is by(ask('/whole')), 3, 'with its scheme';
    is by(ask('/part')), 3, 'or a part of it';
    is by(ask('/blue/x')), 1, 'or a piece of the location';
    is by(ask('/green/x')), 3, 'or another';
};

subtest 'written out or not, it is one service' => sub {
    is_deeply [map { by(ask($_)) } '/plain', '/arg?to=blue', '/plain', '/map'], [2, 1, 2, 1],
        'with one order';
};

subtest 'the URI is as ever' => sub {
    is decode_json(ask('/uri/x')->{body})->{uri}, '/prefix/uri/x?more', 'with one of its own';
    is decode_json(ask('/map?q=1')->{body})->{uri}, '/map?q=1', 'without';
};

subtest 'our variables' => sub {
    my $r = ask('/map', 'X-Colour' => 'grass');

    is_deeply [@{ $r->{headers} }{qw(x-service x-peer x-breaker x-attempts)}],
        ['green', $b->address(3), 'CLOSED', 1], 'tell of the block that was named';
};

subtest 'a breaker is one, too' => sub {
    $b->mode(3, 'status', status => 500, times => 1);
    is ask('/arg?to=green')->{status}, 500, 'it fails by one name';

    for my $path ('/whole', '/part', '/arg?to=green', '/green/x') {
        my $r = ask($path);

        is $r->{status}, 503, "and is out for $path";
        is $r->{headers}{'x-addr'}, 'green', 'which is turned away';
        is $r->{headers}{'x-breaker'}, 'OPEN', 'as it met an open breaker';
    }
};

subtest 'what is not ours stays nginx\'s' => sub {
    my $r = ask('/arg?to=stock');
    is by($r), 4, 'a block without our directives';
    is $r->{headers}{'x-service'}, undef, 'is no service';

    $r = ask('/arg?to=' . $b->address(4));
    is by($r), 4, 'an address';
    is $r->{headers}{'x-service'}, undef, 'is none either';

    is ask('/arg?to=nobody')->{status}, 502, 'a name that nobody knows';
    ok $ng->log_lines(qr/no resolver defined to resolve nobody/), 'is looked for in vain';
    is ask('/arg?to=')->{status}, 500, 'no name at all';
};

done_testing;
