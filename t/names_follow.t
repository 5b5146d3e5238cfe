#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# A name in the registry is all of its addresses, now: one that comes is a peer within its TTL and two
# seconds, one that goes gets no more requests, and nobody else hears of it.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(max min);

use Kerberos::Test;
use Kerberos::Test::Balance;
use Kerberos::Test::Names;

my $port = port();
my $b    = backend(map {"$_:$port"} qw(127.0.0.2 127.0.0.3 127.0.0.4 127.0.0.5 [::1]));

sub at (@hosts) { return [map { /:/ ? "[$_]:$port" : "$_:$port" } @hosts] }

my $dns = dns(
    'users.test' => ['127.0.0.2', '127.0.0.3', '::1'],
    'items.test' => ['127.0.0.4'],
    'alias.test' => ['1 CNAME items.test'],
    'slow.test'  => ['4 A 127.0.0.4'],
    'quick.test' => ['0 A 127.0.0.4'],
);

my $services = <<"EOF";
version: 1
defaults: {breaker: {threshold: 2, timeout: 60s}}
services:
  users: [http://users.test:$port]
  again: [{url: http://users.test:$port, id: x, weight: 3}]
  mixed: [{url: http://items.test:$port, weight: 3}, http://127.0.0.5:$port]
  alias: [http://alias.test:$port]
  slow:  [http://slow.test:$port, http://quick.test:$port]
  here:  [http://localhost:$port, "http://[::1]:$port"]
EOF

my $ng = following($dns, $services);

subtest 'all addresses of a name are peers' => sub {
    has($ng, 'users', at(qw(127.0.0.2 127.0.0.3 ::1)), 'A and AAAA');
    has($ng, 'alias', at('127.0.0.4'), 'a CNAME');

    my %got = map { http_get($ng->port, '/users/')->{headers}{'x-backend'} // 'none' => 1 } 1 .. 12;
    is_deeply [sort keys %got], at(qw(127.0.0.2 127.0.0.3 ::1)), 'each of them serves';

    has($ng, 'again', [map {"x\@$_"} at(qw(127.0.0.2 127.0.0.3 ::1))->@*], 'an id goes before the address');
    is_deeply [map { $_->{weight} } service(status($ng), 'again')->{peers}->@*], [3, 3, 3],
        'the weight is that of each';

    is_deeply status($ng)->{config}{names}, [
        { name => 'alias.test', addresses => 1, error => undef },
        { name => 'items.test', addresses => 1, error => undef },
        { name => 'quick.test', addresses => 1, error => undef },
        { name => 'slow.test',  addresses => 1, error => undef },
        { name => 'users.test', addresses => 3, error => undef },
    ], 'the status has all names';

    has($ng, 'here', at(qw(127.0.0.1 ::1)), 'localhost and addresses are peers');
    is $dns->queries('localhost'), 0, 'of which nobody asks';
};

subtest 'a name and an address beside it' => sub {
    has($ng, 'mixed', at(qw(127.0.0.4 127.0.0.5)), 'are peers of one service');
    my @shares = shares($ng, $b, 40, 'mixed/');
    is_deeply \@shares, [0, 0, 30, 10, 0], 'each with its weight';

    $dns->set('items.test' => ['127.0.0.2', '127.0.0.4']);
    has($ng, 'mixed', at(qw(127.0.0.2 127.0.0.4 127.0.0.5)), 'the name is two', SOON);
    has($ng, 'alias', at(qw(127.0.0.2 127.0.0.4)), 'so is its alias', SOON);
    @shares = shares($ng, $b, 70, 'mixed/');
    is_deeply \@shares, [30, 0, 30, 10, 0], 'and each of the two has the weight';
};

subtest 'addresses come and go under load' => sub {
    my $load = load($ng->port, '/users/');

    $ng->mark_log;
    $dns->set('users.test' => ['127.0.0.2', '127.0.0.3', '127.0.0.4', '::1']);
    has($ng, 'users', at(qw(127.0.0.2 127.0.0.3 127.0.0.4 ::1)), 'one comes', SOON);
    has($ng, 'again', [map {"x\@$_"} at(qw(127.0.0.2 127.0.0.3 127.0.0.4 ::1))->@*], 'to both services');
    ok $ng->wait_for_log(qr/\[notice\].* name "users\.test" is 4 addresses: \+127\.0\.0\.4(?: |,|$)/),
        'the log says which';
    is name($ng, 'users.test')->{addresses}, 4, 'the status counts it';

    $dns->set('users.test' => ['127.0.0.3', '127.0.0.4']);
    has($ng, 'users', at(qw(127.0.0.3 127.0.0.4)), 'two go', SOON);
    my ($line) = $ng->wait_for_log(qr/\[notice\].* name "users\.test" is 2 addresses: /);
    like $line // '', qr/ -127\.0\.0\.2\b/, 'the log has the one';
    like $line // '', qr/ -(?:::1|\[::1\])/, 'and the other';

    # A worker that has not adopted it yet does so within a second.
    pause(1.1);
    my %before = $load->seen;
    $load->go_on(200);
    my %after = $load->end;
    my %since = map { $_ => $after{$_} - ($before{$_} // 0) } keys %after;
    is_deeply [sort grep { $since{$_} } keys %since], [map {"200 $_"} at(qw(127.0.0.3 127.0.0.4))->@*],
        'nobody comes to them any more';
    is_deeply [sort keys %after], [map {"200 $_"} at(qw(127.0.0.2 127.0.0.3 127.0.0.4 ::1))->@*],
        'each has served in its time, and no request has failed';
    is told($ng, qr/name "users\.test" is/, 2), 2, 'two changes, two lines';
};

subtest 'a request outlives its address' => sub {
    $b->mode(2, 'delay', delay => 2.5, path => '/users/long');
    $b->mode(3, 'delay', delay => 2.5, path => '/users/long');
    my @long = map { http_connect($ng->port)->ask('GET', '/users/long', close => 1) } 1 .. 2;
    wait_for { $b->counters(2)->{in_flight} && $b->counters(3)->{in_flight} } or die "not in flight\n";

    $dns->set('users.test' => ['127.0.0.2', '127.0.0.3']);
    has($ng, 'users', at(qw(127.0.0.2 127.0.0.3)), 'one of two goes', SOON);
    is $_->response->{status}, 200, 'a request that was on its way is answered' for @long;
    $b->mode($_, 'ok') for 2, 3;
};

subtest 'whoever stays keeps breaker and counters' => sub {
    $b->mode(2, 'close');
    my $broken = sub () { peer(status($ng), 'users', at('127.0.0.3')->[0]) };
    ok wait_for { http_get($ng->port, '/users/'); $broken->()->{breaker}{state} eq 'open' }, 'a breaker opens';
    my $before = $broken->();

    $dns->set('users.test' => ['127.0.0.5', '127.0.0.3', '127.0.0.2']);
    has($ng, 'users', at(qw(127.0.0.2 127.0.0.3 127.0.0.5)), 'an address comes', SOON);
    my $after = $broken->();
    is $after->{breaker}{state}, 'open', 'the breaker is still open';
    is $after->{$_}, $before->{$_}, "$_ are what they were" for qw(requests failures successes);
    my %got = map { http_get($ng->port, '/users/')->{headers}{'x-backend'} // 'none' => 1 } 1 .. 12;
    is_deeply [sort keys %got], at(qw(127.0.0.2 127.0.0.5)), 'nobody goes there';

    # And so does who comes back.
    $dns->set('users.test' => ['127.0.0.2']);
    has($ng, 'users', at('127.0.0.2'), 'it goes', SOON);
    $dns->set('users.test' => ['127.0.0.3', '127.0.0.2']);
    has($ng, 'users', at(qw(127.0.0.2 127.0.0.3)), 'and comes back', SOON);
    is $broken->()->{breaker}{state}, 'open', 'with its breaker';
    $b->mode(2, 'ok');
};

subtest 'idle connections stay' => sub {
    my $port = port();
    my @at   = map {"127.0.0.$_:$port"} 2, 3;
    my $b    = backend(@at);
    my $dns  = dns('users.test' => ['127.0.0.2']);
    my $ng  = following($dns, <<"EOF", workers => 1);
version: 1
services:
  users: {keepalive: {connections: 4, idle: 60s}, peers: [http://users.test:$port]}
EOF
    has($ng, 'users', [$at[0]], 'an address');
    http_get($ng->port, '/users/') for 1 .. 2;
    my $before = $b->counters(1)->{accepted};
    http_get($ng->port, '/users/') for 1 .. 2;
    is $b->counters(1)->{accepted}, $before, 'its connection is used again';

    $dns->set('users.test' => ['127.0.0.2', '127.0.0.3']);
    has($ng, 'users', \@at, 'another', SOON);
    my @got = map { http_get($ng->port, '/users/')->{headers}{'x-backend'} } 1 .. 6;
    is scalar(grep { $_ eq $at[0] } @got), 3, 'it serves';
    is $b->counters(1)->{accepted}, $before, 'on the connection that it had';

    $dns->set('users.test' => ['127.0.0.3']);
    has($ng, 'users', [$at[1]], 'it goes', SOON);
    ok +(wait_for { !$b->counters(1)->{open} } 5), 'and so do its connections';
    $ng->stop;
};

subtest 'the same addresses are no change' => sub {
    my @all = ('127.0.0.2', '127.0.0.3', '127.0.0.4', '::1');
    $dns->set('users.test' => \@all);
    has($ng, 'users', at(@all), 'four');
    my $generation = generation($ng);
    $ng->mark_log;

    for my $order ([3, 2, 1, 0], [1, 3, 0, 2]) {
        my $asked = $dns->queries('users.test', 'A');
        $dns->set('users.test' => [@all[@$order]]);
        ok wait_for { $dns->queries('users.test', 'A') >= $asked + 2 }, 'asked again';
    }

    is generation($ng), $generation, 'in another order: the same generation';
    is told($ng, qr/name "/), 0, 'nothing to tell';
};

subtest 'a name is asked for when its TTL is over' => sub {
    my $asked  = sub ($name) { return $dns->queries($name, 'A') };
    my $then   = now();
    my %before = map { $_ => $asked->($_) } qw(slow.test users.test quick.test items.test);

    ok +(wait_for { $asked->('slow.test') >= $before{'slow.test'} + 3 } 25), 'three times of one of 4 seconds';
    my $lasted = now() - $then;

    # Of a name that two services have, one asks; one with TTL 0 is not asked more than once a second.
    for my $name (qw(users.test quick.test items.test)) {
        my $count = $asked->($name) - $before{$name};
        cmp_ok $count, '<=', $lasted + 2, "$name, of at most 1 second: not too often";
        cmp_ok $count, '>=', $lasted / 3 - 1, 'and often enough';
    }

    my @times = $dns->asked('slow.test', 'A');
    my @gaps  = map { $times[$_] - $times[$_ - 1] } @times - 2 .. $#times;
    cmp_ok min(@gaps), '>=', 3, "4 seconds, in whole seconds of two clocks: @gaps";
    cmp_ok max(@gaps), '<=', 4 + SOON, 'nor is it forgotten';
};

subtest 'many addresses' => sub {
    my @many = map {"127.0.1.$_"} 1 .. 60;      # more than UDP has room for
    $dns->set('items.test' => \@many);
    has($ng, 'mixed', at(@many, '127.0.0.5'), 'all of them', SOON);
    my ($line) = $ng->wait_for_log(qr/name "items\.test" is 60 addresses/);
    my @spelled = ($line // '') =~ / \+127\./g;
    is scalar @spelled, 8, 'of which the log spells out some';
    like $line // '', qr/ \+52 more/, 'and counts the others';
};

done_testing;
