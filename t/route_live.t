#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Routes change while nginx runs, and with a reload.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b  = backend(3);
my $ng = nginx(backend => $b, start => 0, http => <<'EOF');
    kerberos_registry services.yaml more.yaml;
    server {
        listen 127.0.0.1:%%PORT%%;
        add_header X-Service $kerberos_service always;
        add_header X-Route   $kerberos_route always;
        location = /status { kerberos_status; }
        location / { proxy_pass http://kerberos; }
    }
EOF

sub service_of ($name, $n, @routes) {
    my $yaml = "services:\n  $name:\n    peers: ['http://@{[$b->address($n)]}']\n";

    $yaml .= "    routes:\n" if @routes;
    $yaml .= "      - {$_}\n" for @routes;

    return $yaml;
}

# Both of them, of which the second has routes.

sub two (@routes) {
    return service_of('two', 2, @routes) . service_of('one', 1) =~ s/^services:\n//r;
}

# As deployments do it: beside, and then in its place.

sub change ($file, $yaml) {
    $ng->write_file("$file.new", $yaml);
    rename $ng->path("$file.new"), $ng->path($file) or die $!;

    return;
}

sub ask ($path) {
    my $r    = http_get($ng->port, $path);
    my $told = $r->{status} == 200 ? decode_json($r->{body}) : {};

    return join ' ', grep {defined} $r->{status}, $r->{headers}{'x-service'},
        $r->{headers}{'x-route'}, $told->{uri};
}

sub generation () { return status($ng)->{generation} }

# Said as often as to have been said by every worker.

sub everywhere ($path, $said) {
    return wait_for {
        !grep { ask($path) ne $said } 1 .. 20;
    };
}

my $more = service_of('more', 3);

$ng->write_file('services.yaml', service_of('one', 1));
$ng->write_file('more.yaml', $more);
$ng->start;


subtest 'none yet' => sub {
    is ask('/a/x'), '404', 'no routes at all';
    $ng->allow(qr/no "kerberos_service" for this request/);
};

subtest 'a route comes' => sub {
    change('services.yaml', service_of('one', 1, 'path: /a'));
    ok everywhere('/a/x', '200 one /a /a/x'), 'it is taken';
    is ask('/b/x'), '404', 'and nothing else';
};

subtest 'it changes' => sub {
    change('services.yaml', service_of('one', 1, 'path: /a, strip: true, name: a'));
    ok everywhere('/a/x', '200 one a /x'), 'stripped';

    change('services.yaml', service_of('one', 1, q(regex: '/a/(.+)', rewrite: '/$1/a', name: a)));
    ok everywhere('/a/x', '200 one a /x/a'), 'an expression';
    is ask('/a/'), '404', 'that says no';

    change('services.yaml', service_of('one', 1, q(regex: '/a/(.*)', rewrite: '/$1/b', name: a)));
    ok everywhere('/a/x', '200 one a /x/b'), 'and another';
};

subtest 'it goes to another service' => sub {
    change('services.yaml', two('path: /a, name: b'));
    ok everywhere('/a/x', '200 two b /a/x'), 'of the same file';

    my $before = generation();

    change('more.yaml', service_of('more', 3, 'path: /a, name: c, priority: 1'));
    ok everywhere('/a/x', '200 more c /a/x'), 'of another, that goes first';
    cmp_ok generation(), '>', $before, 'a generation';
};

subtest 'two that tie' => sub {
    my $before = generation();

    $ng->allow(qr/\.yaml:|not taken over|\[error\] \S+ +\d* \| /);
    change('more.yaml', service_of('more', 3, 'path: /a, name: c'));
    ok $ng->wait_for_log(
        qr/more\.yaml:5:9: route "c" of service "more" ties .* "two" at \S*services\.yaml:5:9 /),
        'are refused, both places are said';
    ok wait_for { status($ng)->{config}{error} }, 'the status says so, too';
    is generation(), $before, 'the registry stays';
    is ask('/a/x'), '200 more c /a/x', 'and its routes';

    change('more.yaml', $more);
    ok everywhere('/a/x', '200 two b /a/x'), 'until it is mended';
};

subtest 'it goes' => sub {
    change('services.yaml', two('path: /b'));
    ok everywhere('/a/x', '404'), 'a route is taken away';
    is ask('/b/x'), '200 two /b /b/x', 'another is there';

    change('services.yaml', service_of('one', 1, 'path: /c'));
    ok everywhere('/b/x', '404'), 'a service is taken away';
    is ask('/c/x'), '200 one /c /c/x', 'another is there';
};

subtest 'under way' => sub {
    $b->mode(1, 'delay', delay => 1, times => 1);

    my $c = http_connect($ng->port)->ask('GET', '/c/x', close => 1);

    ok wait_for { peer(status($ng), 'one', $b->address(1))->{in_flight} }, 'a request';
    change('services.yaml', service_of('two', 2, 'path: /b'));
    ok everywhere('/c/x', '404'), 'whose route and service go';

    my $r = $c->response;
    is $r->{status}, 200, 'is answered';
    is $r->{headers}{'x-route'}, '/c', 'by its route';
};

subtest 'a reload' => sub {
    change('services.yaml',
        service_of('one', 1, 'path: /r, strip: true', q(regex: '/x/(.*)', rewrite: '/$1')));
    ok $ng->reload, 'reloaded';
    is ask('/r/x'), '200 one /r /x', 'routes of the file as it is';
    is ask('/x/y'), '200 one ~/x/(.*) /y', 'expressions, too';
    is ask('/b/x'), '404', 'and no others';
    cmp_ok status($ng)->{unmatched}, '>', 30, 'what was counted stays';

    $ng->allow(qr/\[emerg\]/);
    change('services.yaml', service_of('one', 1, 'path: /r', 'path: /r'));
    ok !$ng->reload, 'a tie is refused';
    is ask('/r/x'), '200 one /r /x', 'and nothing changes';
};

done_testing;
