#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Names are followed whatever becomes of the file: it changes, is bad, is gone, or brings names that
# nobody has asked for before.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Names;

my $port = port();
my $b    = backend(map {"127.0.0.$_:$port"} 2 .. 5);
my $dns  = dns('users.test' => ['127.0.0.2'], 'new.test' => ['127.0.0.5']);

sub at (@hosts) { return [map {"$_:$port"} @hosts] }

my $users = "users: [http://users.test:$port]\n";
my $ng    = following($dns, $users);

# Each time another address.

my $last = 2;

sub move_on ($what, $seconds = SOON) {
    $last = $last % 4 + 2;
    $dns->set('users.test' => ["127.0.0.$last"]);

    return has($ng, 'users', at("127.0.0.$last"), $what, $seconds);
}

has($ng, 'users', at('127.0.0.2'), 'the first');

subtest 'a file is bad' => sub {
    $ng->allow(qr/services\.yaml/);
    $ng->mark_log;
    change($ng, "$users\nbad: 1\n");
    ok wait_for { status($ng)->{config}{error} }, 'it is not taken over';
    move_on("but names are followed, time $_") for 1 .. 2;
    ok status($ng)->{config}{error}, 'it is still bad';
    is told($ng, qr/not taken over/, 1), 1, 'and told once';

    change($ng, "version: 1\nservices:\n  users: [{url: http://users.test:$port, weight: 2}]\n");
    ok wait_for { !status($ng)->{config}{error} }, 'a good one';
    is service(status($ng), 'users')->{peers}[0]{weight}, 2, 'is taken over';
    move_on('and followed');
};

subtest 'a file that is gone' => sub {
    unlink $ng->path('services.yaml');
    ok wait_for { status($ng)->{config}{error} }, 'the status tells';
    move_on('names are followed');
    change($ng, $users);
    ok wait_for { !status($ng)->{config}{error} }, 'it is back';
    move_on('followed');
};

subtest 'a change brings names that nobody knows' => sub {
    my $load = load($ng->port, '/new/');
    $ng->allow(qr/unknown service "new"/);
    $load->go_on(20);

    change($ng, "${users}new: [http://new.test:$port]\n");
    has($ng, 'new', at('127.0.0.5'), 'a name');
    $load->go_on;
    my %got = $load->end;
    is_deeply [sort keys %got], ["200 127.0.0.5:$port", '404 -'], 'the service had peers from the beginning';
    is $dns->queries('new.test', 'A') > 0, 1, 'it was asked for';
};

# The server is given time to think: what is asked for meanwhile waits in its socket.

subtest 'a change waits for its names' => sub {
    my $generation = generation($ng);

    $dns->set('late.test' => ['127.0.0.4']);
    $dns->pause;
    change($ng, "${users}late: [http://late.test:$port]\n");
    pause(0.6);      # longer than a change takes; less than resolver_timeout
    is generation($ng), $generation, 'it is not in force yet';
    is service(status($ng), 'late'), undef, 'the service is not there';
    $dns->resume;
    has($ng, 'late', at('127.0.0.4'), 'then it is');
    ok service(status($ng), 'users'), 'with all others';
};

subtest 'a change waits no longer than for the first failure' => sub {
    change($ng, "${users}gone: [http://gone.test:$port]\nlate: [http://late.test:$port]\n");
    has($ng, 'gone', [], 'a name that is not');
    is http_get($ng->port, '/gone/')->{status}, 503, 'its service has no peers';
    like http_get($ng->port, '/gone/')->{headers}{'retry-after'} // '', qr/^\d+$/, 'and says when to ask again';
    is name($ng, 'gone.test')->{error}, '3: Host not found', 'the status says why';

    # Another change does not wait for it again.
    $dns->mode('silent', 'gone.test');
    change($ng, "${users}gone: [http://gone.test:$port]\n");
    ok +(wait_for { !service(status($ng), 'late') } 3), 'the next change is taken over';
    $dns->mode('ok', 'gone.test')->set('gone.test' => ['127.0.0.3']);
    has($ng, 'gone', at('127.0.0.3'), 'the name is there in the end', 15);

    # What replaces a change that waits does not wait for what that brought.
    my $then = now();
    $dns->mode('silent', 'never.test');
    change($ng, "${users}never: [http://never.test:$port]\n");
    pause(0.3);
    change($ng, "${users}here: [http://127.0.0.2:$port]\n");
    ok +(wait_for { service(status($ng), 'here') } 5), 'a change of the change';
    ok !service(status($ng), 'never'), 'is the one that counts';
};

# Addresses that nobody knows yet are none that are cut off.

subtest 'a change from addresses to a name that fails' => sub {
    my $ng = following($dns, "users: [" . join(', ', map {"http://$_"} at(map {"127.0.0.$_"} 2 .. 5)->@*) . "]\n");

    $dns->set('four.test' => []);
    change($ng, "users: [http://four.test:$port]\n");
    ok $ng->wait_for_log(qr/name "four\.test" could not be resolved/), 'it fails once';
    $dns->set('four.test' => [map {"127.0.0.$_"} 3 .. 5]);
    has($ng, 'users', at(map {"127.0.0.$_"} 3 .. 5), 'and is the service as soon as it is there', 15);
    is status($ng)->{config}{error}, undef, 'no error is left';
    $ng->stop;
};

subtest 'a name that is no more in the file' => sub {
    change($ng, "here: [http://127.0.0.2:$port]\n");
    ok wait_for { !service(status($ng), 'users') }, 'a file without names';
    is status($ng)->{config}{names}, undef, 'there are none in the status';
    my $before = $dns->queries('users.test');
    pause(2.5);      # two TTLs
    cmp_ok $dns->queries('users.test') - $before, '<=', 2, 'it is asked for no more';

    change($ng, $users);
    ok wait_for { service(status($ng), 'users') }, 'it comes back';
    move_on('and is followed');
};

subtest 'a zone that is too small' => sub {
    my $dns = dns('users.test' => ['127.0.0.2']);
    my $ng  = following($dns, $users, http => gateway($dns, 'kerberos_zone 256k;'));

    has($ng, 'users', at('127.0.0.2'), 'an address');
    $dns->set('users.test' => [map {"127.1.1.$_"} 1 .. 254]);
    ok $ng->wait_for_log(qr/\[error\].* has no memory for what names stand for now/), 'more than there is room for';
    my $asked = $dns->queries('users.test', 'A');
    ok wait_for { $dns->queries('users.test', 'A') >= $asked + 2 }, 'asked again';
    is ids($ng, 'users'), at('127.0.0.2')->[0], 'what is in force stays';
    is told($ng, qr/has no memory/, 1), 1, 'and that is told once';

    $dns->set('users.test' => ['127.0.0.3']);
    has($ng, 'users', at('127.0.0.3'), 'until there is less', SOON);
    is status($ng)->{faults}, 0, 'no fault';
    $ng->stop;
};

subtest 'nothing is left behind' => sub {
    ok +(wait_for { status($ng)->{zone}{generations} == 1 } 5), 'one generation';
    my $used = status($ng)->{zone}{used};
    move_on("round $_") for 1 .. 4;
    wait_for { status($ng)->{zone}{generations} == 1 } or die "generations stay\n";
    cmp_ok status($ng)->{zone}{used}, '<=', $used + 8192, 'the zone is as full as before';
    is status($ng)->{faults}, 0, 'no fault';
};

done_testing;
