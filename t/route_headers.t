#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Headers that a route sets, replaces and takes away: as the peer sees them, as proxy_set_header
# sees them, and as the client's request stays for everybody else.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b  = backend(1);
my $ng = nginx(backend => $b, start => 0, http => <<'EOF');
    kerberos_registry services.yaml;
    log_format agent '$request_uri agent=$http_user_agent tenant=$http_x_tenant '
                     'forwarded=$http_x_forwarded_for';
    map $arg_line $broken { default "a\nb\r\nX-Evil: 1"; }
    server {
        listen 127.0.0.1:%%PORT%%;
        access_log %%PREFIX%%/agent.log agent;
        location / { proxy_pass http://kerberos; }
        location /own/ {
            proxy_set_header X-Lane own;
            proxy_set_header X-Seen-Agent $http_user_agent;
            proxy_set_header X-Seen-Lane $http_x_lane;
            proxy_set_header X-Seen-Cookie $http_cookie;
            proxy_set_header X-Seen-Forwarded $proxy_add_x_forwarded_for;
            proxy_set_header X-Seen-Authorization $http_authorization;
            proxy_pass http://kerberos;
        }
        location /asked/ {
            set $agent $http_user_agent;
            proxy_pass http://kerberos;
        }
        location /early/ {
            if ($http_user_agent = nobody) { return 400; }
            proxy_set_header X-Seen-Agent $http_user_agent;
            proxy_pass http://kerberos;
        }
        location = /status { kerberos_status; }
    }
EOF

$ng->write_file('services.yaml', <<"EOF");
services:
  a:
    peers: ["http://@{[$b->address(1)]}"]
    routes:
      - {path: /set,
         set_headers: {X-Lane: fast, User-Agent: gate, Authorization: "Basic eDp5",
         Cookie: "a=1", X-Forwarded-For: "\$remote_addr"}}
      - {path: /own,
         set_headers: {X-Lane: fast, User-Agent: gate, Authorization: "Basic eDp5",
         Cookie: "a=1", X-Forwarded-For: 10.0.0.1}}
      - {path: /gone,
         set_headers: {X-Lane: "", User-Agent: "", Authorization: "", Cookie: "",
         X-Forwarded-For: ""}}
      - {path: /own/gone,
         set_headers: {X-Lane: "", User-Agent: "", Authorization: "", Cookie: "",
         X-Forwarded-For: ""}}
      - {path: /values,
         set_headers: {X-Tenant: "", X-Was: "\$http_x_tenant",
         X-Two: "\$request_method-\$http_x_tenant-\$arg_x", X-None: "\$remote_user",
         X-Empty: "\$http_x_nothing", X-Route: "\$kerberos_route"}}
      - {path: /broken, set_headers: {X-Broken: "<\$broken>"}}
      - {path: /own/was,
         set_headers: {User-Agent: gate, X-Lane: fast, Cookie: "a=1", Authorization: "Basic eDp5",
         X-Forwarded-For: 10.0.0.1, X-Was: "\$http_user_agent \$http_cookie"}}
      - {path: /early, set_headers: {User-Agent: gate}}
      - {path: /asked, set_headers: {User-Agent: "not \$http_user_agent"}}
      - {regex: "/group/([^/]+)/(?P<b>.*)", set_headers: {X-Groups: "\$b-\$1", X-Path: "\$uri"},
         rewrite: "/\$1"}
      - {path: /added, set_headers: {X-Forwarded-For: "\$proxy_add_x_forwarded_for"}}
      - {path: /case, set_headers: {x-LANE: fast}}
      - {path: /many, set_headers: {@{[join ', ', map {"X-H$_: v$_"} 1 .. 30]}}}
EOF
$ng->start;

# Headers of the request as the peer got it.

sub sent ($path, @headers) {
    my $r = http_get($ng->port, $path, headers => [@headers]);

    return { status => $r->{status} } if $r->{status} != 200;

    my $headers = decode_json($r->{body})->{headers};

    return { map { lc $_ => $headers->{$_} } keys %$headers };
}

my @client = (
    'X-Lane'          => 'slow',
    'User-Agent'      => 'client',
    'Authorization'   => 'Bearer x',
    'Cookie'          => 'b=2',
    'X-Forwarded-For' => '192.0.2.1',
    'x-lane'          => 'slower',
    'X-Forwarded-For' => '192.0.2.2',
    'Cookie'          => 'c=3',
    'X-Other'         => 'stays',
);
my @names = qw(x-lane user-agent authorization cookie x-forwarded-for);


subtest 'set' => sub {
    my $sent = sent('/set', @client);

    is_deeply [@$sent{@names}], ['fast', 'gate', 'Basic eDp5', 'a=1', '127.0.0.1'],
        'in place of all that the client sent';
    is $sent->{'x-other'}, 'stays', 'others stay';
    is_deeply [@{ sent('/set') }{@names}], ['fast', 'gate', 'Basic eDp5', 'a=1', '127.0.0.1'],
        'where it sent none';
    is sent('/case', @client)->{'x-lane'}, 'fast', 'in any case';
};

subtest 'taken away' => sub {
    is_deeply [@{ sent('/gone', @client) }{@names}], [(undef) x 5], 'all of a name';
    is_deeply [@{ sent('/gone') }{@names}], [(undef) x 5], 'or none';
};

subtest 'proxy_set_header' => sub {
    my $sent = sent('/own/x', @client);
    my @seen = map {"x-seen-$_"} qw(agent lane cookie forwarded authorization);

    is $sent->{'x-lane'}, 'own', 'of the same name goes first';
    is_deeply [@$sent{@seen}], ['gate', 'fast', 'a=1', '10.0.0.1, 127.0.0.1', 'Basic eDp5'],
        'its variables are those of the request to the peer';
    is_deeply [@{ sent('/own/gone/', @client) }{@seen}],
        [undef, undef, undef, '127.0.0.1', undef], 'also of what is taken away';

    $sent = sent('/own/was', @client);
    is_deeply [@$sent{@seen}], ['gate', 'fast', 'a=1', '10.0.0.1, 127.0.0.1', 'Basic eDp5'],
        'also where values were made of the same variables';
    like $sent->{'x-was'}, qr/^client b=2/, 'which are those of the client';

    is sent('/early/x', @client)->{'x-seen-agent'}, 'gate', 'also of one that was asked for before';
};

subtest 'values' => sub {
    my $sent = sent('/values/x?x=%20y', 'X-Tenant' => 'blue');

    is $sent->{'x-tenant'}, undef, 'one is taken away';
    is $sent->{'x-was'}, 'blue', 'and others still know it, whatever their order';
    is $sent->{'x-two'}, 'GET-blue-%20y', 'texts and variables';
    ok !exists $sent->{$_}, "$_: what comes out empty is not sent" for qw(x-none x-empty);
    is $sent->{'x-route'}, '/values', '$kerberos_route';

    $sent = sent('/group/a%20b/c/d');
    is $sent->{'x-groups'}, 'c/d-a b', 'groups';
    is $sent->{'x-path'}, '/group/a b/c/d', 'and the path as it was';
};

# As with nginx's own proxy_set_header: a misspelt one would take the header away in silence.

subtest 'a variable that nobody knows' => sub {
    my $bad = <<'EOF';
a:
  peers: [http://127.0.0.1:1]
  routes:
    - {regex: "/(?P<user>.*)", set_headers: {X-User: $user, X-Lane: "$http_x_lane-$usr"}}
EOF
    my $why = qr{services\.yaml:4:69: unknown "usr" variable\b.*\n.* 4 \|     - \{regex: .*\n.* \^};
    my $was = $ng->write_file('was.yaml', do { local (@ARGV, $/) = $ng->path('services.yaml'); <> });

    $ng->allow(qr/services\.yaml|not taken over|\[error\] \S+ +\d* \| /);
    $ng->write_file('services.yaml', $bad);
    like +($ng->config_test)[1], $why, 'is refused by nginx -t';
    ok +(wait_for { (status($ng)->{config}{error}{message} // '') =~ $why }), 'and as a change';

    rename $was, $ng->path('services.yaml') or die $!;
    ok +(wait_for { !status($ng)->{config}{error} }), 'which is taken back';
};

# A variable that nginx does not look up by name itself.

subtest 'added to' => sub {
    my $sent = sent('/added', 'X-Forwarded-For' => '192.0.2.1');

    is $sent->{'x-forwarded-for'}, '192.0.2.1, 127.0.0.1', 'what the client sent';
    is sent('/added')->{'x-forwarded-for'}, '127.0.0.1', 'where it sent none';
};

subtest 'line breaks' => sub {
    my $sent = sent('/broken');

    is $sent->{'x-evil'}, undef, 'no header can be slipped in by a variable';
    is $sent->{'x-broken'}, '<a b  X-Evil: 1>', 'they are blanks';

    $sent = sent('/group/x/y%0D%0AX-Evil:1%00');
    is $sent->{'x-evil'} // $sent->{status} // 'none', 'none', 'nor by a group'
        if $sent->{'x-groups'};
};

subtest 'many' => sub {
    my $sent = sent('/many', map { ("X-H$_" => 'client', "X-C$_" => $_) } 1 .. 40);

    is_deeply [map { $sent->{"x-h$_"} } 1 .. 40], [(map {"v$_"} 1 .. 30), ('client') x 10], 'set';
    is_deeply [map { $sent->{"x-c$_"} } 1 .. 40], [1 .. 40], 'and kept';
};

subtest 'asked for before' => sub {
    is sent('/asked/x', 'User-Agent' => 'client')->{'user-agent'}, 'not client', 'values know it';
};

subtest 'the log' => sub {
    my $lines = sub { local (@ARGV, $/) = $ng->path('agent.log'); <> };

    sent('/gone/log', @client);
    ok wait_for { $lines->() =~ m{^/gone/log .*\n}m }, 'written';
    my ($line) = $lines->() =~ m{^/gone/log (.*)}m;
    like $line, qr/^agent=client .*forwarded=192\.0\.2\.1, 192\.0\.2\.2$/,
        'what the client sent is known to others';

    for my $path (qw(/own/log /own/was/log /early/log)) {
        sent($path, @client);
        ok wait_for { $lines->() =~ m{^$path .*\n}m }, "$path: written";
        like $lines->(), qr{^$path agent=client tenant=- forwarded=192\.0\.2\.1, 192\.0\.2\.2$}m,
            'also where the location has asked for it with what the peer got';
    }
};

done_testing;
