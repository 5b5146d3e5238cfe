#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Requests that outlive a change of the registry: each keeps what it began with, a peer that is
# taken out drains, and its idle connections go.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;

use Kerberos::Test;

my $backend = backend(4);

sub conf ($more = '') { return <<"EOC" }
    kerberos_registry services.yaml;
    map \$http_upgrade \$connection_out { default upgrade; '' ''; }
    server {
        listen 127.0.0.1:%%PORT%%;
        $more
        add_header X-Pid   \$pid always;
        add_header X-Tried \$upstream_addr always;
        proxy_http_version 1.1;
        proxy_set_header Upgrade    \$http_upgrade;
        proxy_set_header Connection \$connection_out;
        proxy_read_timeout 20s;
        location = /status { kerberos_status; }
        location ~ ^/(?<service>\\w)/ { kerberos_service \$service; proxy_pass http://kerberos; }
        location = /ws { kerberos_service a; proxy_pass http://kerberos; }
    }
EOC

my $ng = nginx(backend => $backend, start => 0, http => conf);

# Services by name, each with the numbers of its peers.

sub change (%services) {
    my $before = $ng->pid ? status($ng)->{generation} : 0;
    my $yaml   = "version: 1\nallow_shrink: true\nservices:\n";

    for my $name (sort keys %services) {
        $yaml .= "  $name:\n    breaker: off\n    peers:\n";
        $yaml .= "      - http://%%BACKEND_$_%%\n" for $services{$name}->@*;
    }
    $ng->write_file('services.yaml', $yaml);
    return if !$ng->pid;
    wait_for { status($ng)->{generation} > $before } or die "not taken over\n";
    return;
}

sub at ($n)     { return $backend->address($n) }
sub ask ($path) { return http_connect($ng->port, timeout => 20)->ask('GET', $path) }
sub open_at ($n) { return $backend->counters($n)->{open} }

sub upgrade () {
    my $c = http_connect($ng->port);
    my $r = $c->get('/ws', headers => {
        Upgrade                 => 'websocket',
        Connection              => 'Upgrade',
        'Sec-WebSocket-Version' => 13,
        'Sec-WebSocket-Key'     => 'dGhlIHNhbXBsZSBub25jZQ==',
    });

    return ($c, $r);
}

sub echo ($c, $text) {
    $c->send(pack('CCN', 0x81, 0x80 | length $text, 0) . $text);

    return substr $c->read_bytes(2 + length $text), 2;
}

change(a => [1], b => [1, 2, 3]);
$ng->start;


subtest 'a request keeps its generation through its retries' => sub {
    # The first two fail, slowly; while a request waits there, they and the third are taken out,
    # and the fourth, which the request knows nothing of, comes in.
    $backend->mode(1, 'hang', path => '/b/');
    $backend->mode(2, 'hang', path => '/b/');

    # Whose turn it is, is not known: who answers at once was asked for nothing.
    my $c;
    wait_for {
        $c = ask('/b/x');
        IO::Select->new($c->{socket})->can_read(0.2) ? 0 : 1;
    } or die "nobody hangs\n";
    ok wait_for { grep { $backend->counters($_)->{in_flight} } 1, 2 }, 'it waits';

    my ($first) = grep { $backend->counters($_)->{in_flight} } 1, 2;

    change(a => [1], b => [4]);
    $backend->mode('all', 'ok');
    $backend->mode(3 - $first, 'close', path => '/b/');
    $backend->mode($first, 'refuse');      # which closes what hangs there

    my $r = $c->response;
    is $r->{status}, 200, 'answered';
    is $r->{headers}{'x-backend'}, at(3), 'by the last peer of its own generation';
    unlike $r->{headers}{'x-tried'}, qr/@{[at(4)]}/, 'the new one was not asked';
    is http_get($ng->port, '/b/y')->{headers}{'x-backend'}, at(4), 'while others are served by the new one';
    ok +(wait_for { status($ng)->{zone}{generations} == 1 } 5), 'its generation is kept no longer';
    $backend->mode('all', 'ok');
};

subtest 'a service that is gone: what is on its way goes on, retries included' => sub {
    change(a => [1], c => [2, 3]);
    $backend->mode($_, 'hang', path => '/c/') for 2, 3;

    my $c = ask('/c/x');
    ok wait_for { grep { $backend->counters($_)->{in_flight} } 2, 3 }, 'it waits';
    my ($first) = grep { $backend->counters($_)->{in_flight} } 2, 3;

    change(a => [1]);
    $ng->allow(qr/unknown service "c"/);
    is http_get($ng->port, '/c/y')->{status}, 404, 'unknown to others';

    $backend->mode(5 - $first, 'ok');
    $backend->mode($first, 'refuse');
    is $c->response->{status}, 200, 'answered by its other peer';
    $backend->mode('all', 'ok');
};

subtest 'a peer that is taken out drains' => sub {
    change(a => [2], b => [1]);

    # Idle connections to it, in each worker: many requests at once, then none.
    my %of;
    wait_for {
        $of{ $_->{headers}{'x-pid'} }++ for http_parallel(12, $ng->port, '/a/');
        keys %of == $ng->workers;
    } or die "not all workers were asked\n";
    ok wait_for { open_at(2) >= 2 && !$backend->counters(2)->{in_flight} }, 'idle connections are kept';

    $backend->mode(2, 'delay', delay => 2, path => '/a/long');
    my $long = ask('/a/long');
    my ($ws, $r) = upgrade();
    is $r->{status}, 101, 'a WebSocket';
    is echo($ws, 'before'), 'before', 'says something';
    ok wait_for { $backend->counters(2)->{in_flight} == 2 }, 'a long request and a WebSocket are on it';

    my $idle = open_at(2) - 2;
    cmp_ok $idle, '>=', 1, "and $idle connections are idle";

    my $asked = $backend->requests(2);
    change(a => [3], b => [1]);
    my $changed = now();

    # Within a second, says the design; a busy machine gets another half.
    ok +(wait_for { open_at(2) == 2 } 1.5), 'its idle connections close';
    note sprintf 'after %.2f s', now() - $changed;

    is echo($ws, 'after'), 'after', 'the WebSocket lives on';
    my $answer = $long->response;
    is "$answer->{status} $answer->{headers}{'x-backend'}", '200 ' . at(2), 'the long request is answered';
    is $backend->requests(2), $asked, 'nobody else comes to it';

    ok +(wait_for { open_at(2) == 1 } 1.5), 'its connection is not kept';
    is echo($ws, 'long after'), 'long after', 'the WebSocket speaks still';
    $ws->close;
    ok wait_for { open_at(2) == 0 }, 'nothing is left when it ends';
    ok +(wait_for { status($ng)->{zone}{generations} == 1 } 5), 'nor of its generation';
};

subtest 'taken out and put back while a request is on it' => sub {
    change(a => [1, 2]);
    http_get($ng->port, '/a/') for 1 .. 10;

    my $before = peer(status($ng), 'a', at(2));
    cmp_ok $before->{requests}, '>=', 5, 'it has counted';
    $backend->mode(2, 'hang', path => '/a/hold');

    my @held;
    wait_for { push @held, ask('/a/hold'); $backend->counters(2)->{in_flight} } or die "not held\n";

    change(a => [1]);
    is peer(status($ng), 'a', at(2)), undef, 'it is out';
    change(a => [2, 1]);

    my $after = peer(status($ng), 'a', at(2));
    cmp_ok $after->{in_flight}, '>=', 1, 'and back, with its request in flight';
    cmp_ok $after->{requests}, '>', $before->{requests}, 'and all that it had counted';
    $_->close for @held;
    ok wait_for { !peer(status($ng), 'a', at(2))->{in_flight} }, 'which ends as any other';
    $backend->mode('all', 'ok');
};

subtest 'who comes back is known again' => sub {
    change(a => [1, 2]);
    http_get($ng->port, '/a/') for 1 .. 4;
    wait_for { !grep { $_->{in_flight} } service(status($ng), 'a')->{peers}->@* };

    my $before = peer(status($ng), 'a', at(2));

    change(a => [1]);
    ok +(wait_for { status($ng)->{zone}{generations} == 1 } 5), 'no generation has it any more';
    pause(1.2);        # and all that is freed with them is
    change(a => [2, 1]);

    my $after = peer(status($ng), 'a', at(2));

    is $after->{$_}, $before->{$_}, "$_: $after->{$_}" for qw(requests successes failures neutral);
};

subtest 'idle connections of peers that stay are kept' => sub {
    change(a => [1, 2]);
    my %of;
    wait_for {
        $of{ $_->{headers}{'x-pid'} }++ for http_parallel(12, $ng->port, '/a/');
        keys %of == $ng->workers;
    };
    wait_for { !$backend->counters(1)->{in_flight} && !$backend->counters(2)->{in_flight} };

    my ($open, $accepted) = $backend->counters(1)->@{qw(open accepted)};
    cmp_ok $open, '>=', 1, "$open idle connections";

    change(a => [3, 1], b => [4]);
    change(a => [4, 3, 1]);
    pause(1.2);
    is $backend->counters(1)->{open}, $open, 'all of them are there after two changes';
    is $backend->counters(1)->{accepted}, $accepted, 'and are the same';
    ok +(wait_for { open_at(2) == 0 } 2), 'those of who has gone are not';
};

subtest 'a change while workers of a reload drain' => sub {
    change(a => [1]);
    $backend->mode(1, 'delay', delay => 3, path => '/a/long');

    my @old = $ng->workers;
    my ($ws, $r) = upgrade();
    is $r->{status}, 101, 'a WebSocket';
    my $long = ask('/a/long');
    wait_for { $backend->counters(1)->{in_flight} == 2 } or die "not on its way\n";

    ok $ng->configure(http => conf('# another'))->reload(wait => 'new'), 'reloaded';
    change(a => [2]);
    is http_get($ng->port, '/a/')->{headers}{'x-backend'}, at(2), 'new workers take it over';
    is echo($ws, 'old'), 'old', 'the WebSocket of an old one lives on';

    change(a => [3]);
    is http_get($ng->port, '/a/')->{headers}{'x-backend'}, at(3), 'and the next';

    my $answer = $long->response;
    is "$answer->{status} $answer->{headers}{'x-backend'}", '200 ' . at(1), 'its request is answered by its peer';
    ok +(grep { $_ == $answer->{headers}{'x-pid'} } @old), 'through an old worker';
    is echo($ws, 'still'), 'still', 'the WebSocket speaks';
    $ws->close;
    ok wait_for { !grep { -e "/proc/$_" } @old }, 'the old workers are gone then';
    ok +(wait_for { status($ng)->{zone}{generations} == 1 } 5), 'with what they held';
    is open_at(1), 0, 'nothing is open to the peer that was taken out';
    $backend->mode('all', 'ok');
};

is status($ng)->{faults}, 0, 'no fault';

done_testing;
