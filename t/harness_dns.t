#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# The DNS server of the harness, asked by a stock nginx: it answers what it is told, at once, fails in
# every way, and knows who was asked for.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Dns qw(dns);
use Kerberos::Test::Load qw(load);
use Kerberos::Test::Process qw(is_alive);

my $port = port();
my $b    = backend(map {"$_:$port"} qw(127.0.0.2 127.0.0.3 [::1]));
my $dns  = dns('users.test' => ['127.0.0.2'], 'alias.test' => ['9 CNAME users.test']);

# Nothing is kept: every request asks, but for what has a TTL.

my $ng = nginx(module => 0, workers => 1, http => $dns->resolver . <<"EOF");
    resolver_timeout 1s;
    server {
        listen 127.0.0.1:%%PORT%%;
        location ~ ^/(?<name>[\\w.]+) { proxy_pass http://\$name:$port; }
    }
EOF

sub get ($name = 'users.test') { return http_get($ng->port, "/$name") }
sub by ($name = 'users.test') { return get($name)->{headers}{'x-backend'} // '' }

subtest 'names' => sub {
    $dns->set('users.test' => ['0 A 127.0.0.2']);
    is by(), "127.0.0.2:$port", 'an address';
    is by('alias.test'), "127.0.0.2:$port", 'an alias';
    is get('nobody.test')->{status}, 502, 'a name that there is not';
    ok $ng->wait_for_log(qr/nobody\.test could not be resolved \(3: /), 'is told as such';

    $dns->set('users.test' => ['0 A 127.0.0.3', '0 AAAA ::1']);
    my %by;
    wait_for { $by{ by() }++; keys %by == 3 };
    delete $by{"127.0.0.2:$port"};      # a TTL of 0 lasts for the rest of a second
    is_deeply [sort keys %by], ["127.0.0.3:$port", "[::1]:$port"], 'IPv4 and IPv6';

    $dns->set('users.test' => ['0 A 127.0.0.2'], map { ("n$_.test" => ["127.0.0.$_"]) } 1 .. 100);
    is by('n3.test'), "127.0.0.3:$port", 'many names';
};

subtest 'queries are counted' => sub {
    $dns->set('lasting.test' => ['60 A 127.0.0.2']);
    is $dns->queries('lasting.test'), 0, 'none yet';
    get('lasting.test') for 1 .. 3;
    is $dns->queries('lasting.test', 'A'), 1, 'one of three requests asks';
    is $dns->queries('lasting.test', 'AAAA'), 1, 'for both';
    is $dns->queries('lasting.test'), 2, 'together';
    is scalar(map { abs($_ - time) < 30 ? $_ : () } $dns->asked('lasting.test', 'A')), 1, 'just now';
};

subtest 'failures' => sub {
    my %name;
    my $fresh = sub () {
        my $name = 'f' . ++$name{count} . '.test';
        $dns->set($name => ['60 A 127.0.0.2']);
        return $name;
    };

    for my $case (['servfail', '2: Server failure'], ['refused', '5: Operation refused'],
        ['silent', '110: Operation timed out']) {
        my ($mode, $error) = @$case;
        my $name = $fresh->();
        $dns->mode($mode);
        is get($name)->{status}, 502, $mode;
        ok $ng->wait_for_log(qr/ $name could not be resolved \(\Q$error\E\)/), $error;
        is $dns->queries($name, 'A'), 1, 'the question was seen';
        $dns->mode('ok');
        is get($name)->{status}, 200, 'and is answered again';
    }

    my ($one, $other) = ($fresh->(), $fresh->());
    $dns->mode('silent', $one);
    is get($one)->{status}, 502, 'one name is not answered';
    is get($other)->{status}, 200, 'another is';
    $dns->mode('ok', $one);
    is get($one)->{status}, 200, 'the one again';

    my $name = $fresh->();
    my $pid  = $dns->{pid};
    $dns->stop;
    ok !is_alive($pid), 'stopped';
    is get($name)->{status}, 502, 'nobody listens';
    ok $ng->wait_for_log(qr/failed \(111: .*resolver: \Q@{[$dns->address]}\E/), 'at its address';
    $dns->set('users.test' => ['0 A 127.0.0.3'])->mode('refused', $one)->start;
    is get($name)->{status}, 200, 'until it is started';
    is by(), "127.0.0.3:$port", 'with what was said meanwhile';

    my $late = $fresh->();
    $dns->pause;
    my $c = http_connect($ng->port)->ask('GET', "/$late", close => 1);
    pause(0.3);
    $dns->resume;
    is $c->response->{status}, 200, 'an answer that comes late';
};

subtest 'a load sees what a client sees' => sub {
    my $load = load("127.0.0.2:$port", '/');
    ok $load->go_on(20), 'it goes on';
    $b->mode(1, 'status', status => 500);
    $load->go_on(20);
    $b->mode(1, 'refuse');
    $load->go_on(20);
    $b->mode(1, 'ok');
    my %seen = $load->end;
    is_deeply [sort keys %seen], ['0 -', "200 127.0.0.2:$port", "500 127.0.0.2:$port"], 'and counts it';
    is scalar(grep { $_ < 15 } values %seen), 0, 'each';
};

done_testing;
