#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# DNS that fails, in every way: what was known last serves on, also after a reload and a change of the
# file; one line says when it begins and one when it is over.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Names;

my $port = port();
my $b    = backend(map {"$_:$port"} qw(127.0.0.2 127.0.0.3 127.0.0.4));

sub at (@hosts) { return [map {"$_:$port"} @hosts] }

sub services ($weight = 1, $more = '') { return <<"EOF" }
version: 1
services:
  users: [{url: http://users.test:$port, weight: $weight}]
  fixed: [http://127.0.0.4:$port]
$more
EOF

# What is done to the server, what the log says of it, and what makes it good again.

my @ways = (
    ['there is no such name', '3: Host not found',
        sub ($dns) { $dns->set('users.test' => []) }, sub ($dns, @is) { $dns->set('users.test' => \@is) }],
    ['it fails', '2: Server failure',
        sub ($dns) { $dns->mode('servfail') }, sub ($dns, @is) { $dns->set('users.test' => \@is)->mode('ok') }],
    ['it does not want to', '5: Operation refused',
        sub ($dns) { $dns->mode('refused') }, sub ($dns, @is) { $dns->set('users.test' => \@is)->mode('ok') }],
    ['it is silent', '110: Operation timed out',
        sub ($dns) { $dns->mode('silent') }, sub ($dns, @is) { $dns->set('users.test' => \@is)->mode('ok') }],
    ['nobody listens', '110: Operation timed out',
        sub ($dns) { $dns->stop }, sub ($dns, @is) { $dns->set('users.test' => \@is)->start }],
);

for my $way (@ways) {
    my ($what, $error, $break, $mend) = @$way;

    subtest $what => sub {
        my $dns = dns('users.test' => ['127.0.0.2', '127.0.0.3']);
        my $ng  = following($dns, services);

        has($ng, 'users', at(qw(127.0.0.2 127.0.0.3)), 'two addresses');
        my $load = load($ng->port, '/users/');
        my $warning = qr/\[warn\].* name "users\.test" could not be resolved \(\Q$error\E\), 2 addresses stay/;

        $break->($dns);
        ok $ng->wait_for_log($warning), 'the log says so';
        is_deeply name($ng, 'users.test'), { name => 'users.test', addresses => 2, error => $error },
            'and the status';
        my $asked = $dns->queries('users.test', 'A');
        my $generation = generation($ng);

        ok $ng->reload, 'reloaded meanwhile';
        is name($ng, 'users.test')->{addresses}, 2, 'nothing is lost';
        has($ng, 'users', at(qw(127.0.0.2 127.0.0.3)), 'the addresses stay');
        ok wait_for { generation($ng) > $generation }, 'in a generation of its own';

        $generation = generation($ng);
        change($ng, services(3));
        ok +(wait_for { generation($ng) > $generation } 5), 'the file changes: it is taken over';
        is_deeply [map { $_->{weight} } service(status($ng), 'users')->{peers}->@*], [3, 3], 'with the addresses';

        if ($what ne 'nobody listens') {
            ok wait_for { $dns->queries('users.test', 'A') >= $asked + 2 }, 'it is asked again and again';
        }
        is name($ng, 'users.test')->{error}, $error, 'the error is still there';
        is told($ng, qr/name "users\.test"/, 2), 2, 'after the first answer there is one line, no more'
            or diag $ng->log_lines(qr/name "users\.test"/);

        $ng->mark_log;
        $mend->($dns, '127.0.0.2', '127.0.0.3');
        ok $ng->wait_for_log(qr/\[notice\].* name "users\.test" is resolved again/, 1, 15), 'it is good again';
        is name($ng, 'users.test')->{error}, undef, 'the error is gone';
        is generation($ng), $generation + 1, 'the addresses are the same: so is the generation';

        # What has failed is followed as before.
        $dns->set('users.test' => ['127.0.0.2', '127.0.0.4']);
        has($ng, 'users', at(qw(127.0.0.2 127.0.0.4)), 'and it is followed', 3);
        is told($ng, qr/name "users\.test"/, 2), 2, 'a line for each';

        # Good again with other addresses than before.
        $ng->mark_log;
        $break->($dns);
        ok $ng->wait_for_log(qr/\[warn\].* name "users\.test" could not be resolved/), 'another failure';
        $mend->($dns, '127.0.0.3');
        has($ng, 'users', at('127.0.0.3'), 'after which there is another address');
        is name($ng, 'users.test')->{error}, undef, 'and no error';
        is told($ng, qr/\[warn\].* name "users\.test"/, 1), 1, 'one warning';

        $load->go_on;
        my %got = $load->end;
        is_deeply [grep {!/^200 /} sort keys %got], [], 'no request has failed all the time';
        is told($ng, qr/ \[(?:crit|alert|emerg)\] /), 0, 'without an alarm';
        $ng->stop;
    };
}

subtest 'one name fails, another does not' => sub {
    my $dns = dns('users.test' => ['127.0.0.2'], 'items.test' => ['127.0.0.3']);
    my $ng  = following($dns, services(1, "  items: [http://items.test:$port]"));

    has($ng, $_->[0], at($_->[1]), $_->[0]) for ['users', '127.0.0.2'], ['items', '127.0.0.3'];
    $dns->mode('refused', 'users.test');
    my $before = $dns->queries('users.test', 'A');
    ok $ng->wait_for_log(qr/name "users\.test" could not be resolved/), 'one fails';
    $dns->set('items.test' => ['127.0.0.4']);
    has($ng, 'items', at('127.0.0.4'), 'the other is followed', 3);
    is name($ng, 'items.test')->{error}, undef, 'and has no error';
    is name($ng, 'users.test')->{error}, '5: Operation refused', 'the one has';

    # Whoever fails is asked again after 1, 2 and 4 seconds.
    ok +(wait_for { $dns->queries('users.test', 'A') >= $before + 4 } 25), 'it is asked again';
    my @times = $dns->asked('users.test', 'A');
    my @gaps  = map { $times[$_] - $times[$_ - 1] } @times - 3 .. $#times;
    cmp_ok $gaps[-1], '>=', 3, "but more and more seldom: @gaps";
    cmp_ok $gaps[0] + $gaps[1], '<=', 5, 'yet not too seldom';
    $ng->stop;
};

done_testing;
