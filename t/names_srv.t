#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# SRV records say who serves a name: hosts and ports, weights, and priorities, of which the lowest
# serves and the others stand by.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Balance;
use Kerberos::Test::Names;

my ($p, $q) = (port(), port());
my @at      = ("127.0.0.2:$p", "127.0.0.3:$q", "127.0.0.4:$p", "127.0.0.4:$q", "[::1]:$q");
my $b       = backend(@at, 'tls');
my $service = '_http._tcp.users.test';

my $dns = dns(
    'a.users.test' => ['127.0.0.2'],
    'b.users.test' => ['127.0.0.3'],
    'c.users.test' => ['127.0.0.4'],
    'd.users.test' => ['127.0.0.4', '::1'],
    'tls.test'     => ['127.0.0.1'],
    $service => ["1 SRV 10 3 $p a.users.test", "1 SRV 10 1 $q b.users.test", "1 SRV 20 5 $p c.users.test"],
    '_https._tcp.users.test' => ["1 SRV 0 0 @{[$b->port(6)]} tls.test"],
);

my $ng = following($dns, <<"EOF");
version: 1
defaults: {breaker: {threshold: 1, timeout: 200ms, jitter: 0%}, failure_on: [error, timeout]}
services:
  users: [http+srv://$service]
  twice: [{url: "http+srv://$service", weight: 2, id: x}]
  mixed: [{url: "http+srv://$service", backup: true}, http://127.0.0.4:$q]
  vault: [https+srv://_https._tcp.users.test]
EOF

sub of ($name) { return { map { $_->{address} => $_ } service(status($ng), $name)->{peers}->@* } }

sub weights ($name) {
    my $of = of($name);
    return join ' ', map {"$_=$of->{$_}{weight}" . ($of->{$_}{backup} ? ' backup' : '')} sort keys %$of;
}

# Within so many seconds these are the peers of "users".

sub said ($wanted, $what) {
    my $all = join ' ', @$wanted;
    my $ok  = ok +(wait_for { weights('users') eq $all } SOON), $what;
    diag 'there are: ', weights('users'), ", wanted: $all" if !$ok;
    return $ok;
}

subtest 'hosts, ports, weights, priorities' => sub {
    has($ng, 'users', [@at[0, 1, 2]], 'each record is a peer');
    is weights('users'), "$at[0]=3 $at[1]=1 $at[2]=5 backup", 'the lowest priority serves, by weight';
    is weights('twice'), "$at[0]=6 $at[1]=2 $at[2]=10 backup", 'that of the entry times that of the record';
    is ids($ng, 'twice'), join(' ', map {"x\@$_"} @at[0, 1, 2]), 'an id goes before the addresses';
    is_deeply [shares($ng, $b, 40, 'users/')], [30, 10, 0, 0, 0, 0], 'that is what they get';
    is_deeply name($ng, $service), { name => $service, addresses => 3, error => undef }, 'the status';

    my ($line) = $ng->wait_for_log(qr/\[notice\].* name "_http\._tcp\.users\.test" is 3 addresses: /);
    like $line // '', qr/ \+\Q$_\E\b/, "the log has $_" for @at[0, 1, 2];
};

subtest 'backups serve when no primary can' => sub {
    my $by = sub () { return http_get($ng->port, '/users/')->{headers}{'x-backend'} // '' };

    $b->mode($_, 'refuse') for 1, 2;
    ok wait_for { $by->() eq $at[2] }, 'the primaries refuse: the one of priority 20 serves';
    $b->mode($_, 'ok') for 1, 2;
    ok wait_for { $by->(); !grep { of('users')->{$_}{state} ne 'up' } @at[0, 1] }, 'they are back';
    is_deeply [shares($ng, $b, 40, 'users/')], [30, 10, 0, 0, 0, 0], 'and serve alone';
};

subtest 'records change' => sub {
    my $load = load($ng->port, '/users/');

    $dns->set($service => ["1 SRV 10 1 $p a.users.test", "1 SRV 10 4 $q b.users.test", "1 SRV 20 5 $p c.users.test"]);
    said(["$at[0]=1", "$at[1]=4", "$at[2]=5 backup"], 'weights');
    $b->reset_counters;
    $load->go_on(100);
    ok near($b->requests(1), $b->requests, 1/5), 'which they get: one of five';
    ok near($b->requests(2), $b->requests, 4/5), 'and four';

    $dns->set($service => ["1 SRV 20 1 $p a.users.test", "1 SRV 10 4 $q b.users.test", "1 SRV 20 5 $p c.users.test"]);
    said(["$at[0]=1 backup", "$at[1]=4", "$at[2]=5 backup"], 'priorities');
    is_deeply [shares($ng, $b, 12, 'users/')], [0, 12, 0, 0, 0, 0], 'which they get';

    $dns->set($service => ["1 SRV 10 0 $p a.users.test", "1 SRV 10 1 $q b.users.test", "1 SRV 20 5 $p c.users.test"]);
    said(["$at[0]=1", "$at[1]=1", "$at[2]=5 backup"], 'a weight of 0 counts as 1');

    $dns->set($service => ["1 SRV 1 7 $q c.users.test", "1 SRV 10 1 $q b.users.test"]);
    said(["$at[1]=1 backup", "$at[3]=7"], 'another port is another peer');
    ok wait_for { (shares($ng, $b, 12, 'users/'))[3] == 12 }, 'which serves';

    # The records stay, the addresses of their hosts do not.
    $dns->set($service => ["1 SRV 1 2 $q d.users.test"]);
    said(["$at[3]=2", "$at[4]=2"], 'two addresses of one host: the weight is that of each');
    $dns->set('d.users.test' => ['::1']);
    said(["$at[4]=2"], 'one of them goes');
    $dns->set('d.users.test' => ['127.0.0.3', '::1']);
    said(["$at[1]=2", "$at[4]=2"], 'another comes');

    $load->go_on;
    my %got = $load->end;
    is_deeply [grep {!/^200 /} keys %got], [], 'no request has failed';
};

subtest 'a host of a record fails' => sub {
    my $asked = sub () { return $dns->queries($service, 'SRV') };
    my $rounds = sub ($n) {
        my $before = $asked->();
        return wait_for { $asked->() >= $before + $n } 20;
    };

    $dns->set($service => ["1 SRV 10 1 $p a.users.test", "1 SRV 10 4 $q b.users.test"],
        'b.users.test' => ['127.0.0.3']);
    said(["$at[0]=1", "$at[1]=4"], 'two hosts');
    my $load = load($ng->port, '/users/');

    for my $mode (qw(silent refused)) {
        $dns->mode($mode, 'b.users.test');
        ok $rounds->(2), "of one the address is not told: $mode";
        is weights('users'), "$at[0]=1 $at[1]=4", 'it stays';
        $dns->set($service => ["1 SRV 10 2 $p a.users.test", "1 SRV 10 4 $q b.users.test"]);
        ok +(wait_for { weights('users') eq "$at[0]=2 $at[1]=4" } 20), 'the other is followed' or diag weights('users');
        $dns->mode('ok', 'b.users.test');
        $dns->set($service => ["1 SRV 10 1 $p a.users.test", "1 SRV 10 4 $q b.users.test"]);
        ok +(wait_for { weights('users') eq "$at[0]=1 $at[1]=4" } 20), 'and both again' or diag weights('users');
    }

    $dns->set('b.users.test' => []);
    ok +(wait_for { weights('users') eq "$at[0]=1" } 20), 'a host that is not is no peer' or diag weights('users');
    $dns->set('b.users.test' => ['127.0.0.3']);
    ok +(wait_for { weights('users') eq "$at[0]=1 $at[1]=4" } 20), 'until it is';

    my %got = $load->end;
    is_deeply [grep {!/^200 /} keys %got], [], 'no request has failed';
};

subtest 'one address in two records' => sub {
    $dns->set($service => ["1 SRV 10 2 $p a.users.test", "1 SRV 20 1 $p a.users.test"]);
    has($ng, 'users', [$at[0], "$at[0]#2"], 'is two peers', SOON);
    is_deeply [map {[@$_{qw(weight backup)}]} service(status($ng), 'users')->{peers}->@*],
        [[2, JSON::PP::false], [1, JSON::PP::true]], 'one of them a backup';
    is http_get($ng->port, '/users/')->{status}, 200, 'and serves';
};

subtest 'backup: true of an entry' => sub {
    $dns->set($service => ["1 SRV 10 1 $p a.users.test", "1 SRV 20 1 $q b.users.test"]);
    ok +(wait_for { weights('mixed') eq "$at[0]=1 backup $at[1]=1 backup $at[3]=1" } SOON), 'is that of all of its records'
        or diag weights('mixed');
};

subtest 'TLS' => sub {
    has($ng, 'vault', [$b->address(6)], 'https+srv');
    my $r = http_get($ng->port, '/vault/');
    is $r->{status}, 200, 'is served';
    is $r->{headers}{'x-backend'}, $b->address(6), 'by its peer';
};

subtest 'what is refused' => sub {
    my $refused = sub ($dns, $url, $why, $what) {
        my $ng = following($dns, "a:\n  - $url\n", start => 0);
        my ($code, $said) = $ng->config_test;
        isnt $code, 0, $what;
        like $said, qr/services\.yaml:2:5: .*$why/, 'with the place and the reason';
    };

    $refused->(undef, 'http+srv://_http._tcp.users.test', 'resolver', 'without a resolver');
    $refused->($dns, "http+srv://_http._tcp.users.test:$p", 'port', 'with a port');
    $refused->($dns, 'https+srv://127.0.0.1', '', 'of an address');

    my $inner = nginx(start => 0, http => gateway(undef) =~ s/listen [^;]*;/$& resolver @{[$dns->address]};/r);
    $inner->write_file('services.yaml', "a: [http+srv://_http._tcp.users.test]\n");
    isnt +($inner->config_test)[0], 0, 'with a resolver of a server alone';

    # While nginx runs, too.
    my $hot = following(undef, "a: [http://$at[0]]\n");
    change($hot, "a: [http+srv://_http._tcp.users.test]\n");
    ok $hot->wait_for_log(qr/services\.yaml:1:5: .*resolver/), 'in a file that changes';
    is http_get($hot->port, '/a/')->{status}, 200, 'what is in force stays';
    is status($hot)->{config}{names}, undef, 'and there are no names';
};

done_testing;
