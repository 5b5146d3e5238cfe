#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# kerberos_zone: the default is enough for a thousand peers; a zone that is too small says which
# size is needed, and that size is enough, reloads included.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b = backend(1);

# A registry of so many peers, in services of ten, and one that really serves.

sub registry ($peers, $net = '127.0.0') {
    my $yaml = "real:\n  - http://" . $b->address . "\n";

    for my $i (0 .. $peers - 2) {
        $yaml .= "service-$i:\n" if $i % 10 == 0;
        $yaml .= sprintf "  - http://$net.%d:%d\n", 1 + $i % 200, 8000 + $i / 200;
    }

    return $yaml;
}

sub conf ($zone) { return <<"EOF" }
    $zone
    kerberos_registry services.yaml;
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /status { kerberos_status; }
        location / { kerberos_service real; proxy_pass http://kerberos; }
    }
EOF

sub gateway ($peers, $zone = '') {
    my $ng = nginx(backend => $b, start => 0, http => conf($zone));

    $ng->write_file('services.yaml', registry($peers));

    return $ng;
}


subtest 'the default: a thousand peers' => sub {
    my $ng = gateway(1000)->start;
    my $peers = sub { scalar map { $_->{peers}->@* } status($ng)->{services}->@* };

    is $peers->(), 1000, 'are there';
    is http_get($ng->port, '/')->{status}, 200, 'served';
    ok $ng->reload, "reload $_" for 1 .. 3;
    $ng->write_file('services.yaml', registry(1000, '127.1.0'));
    ok $ng->reload, 'reload, all others exchanged';
    is $peers->(), 1000, 'as many as before';
    is http_get($ng->port, '/')->{status}, 200, 'served';
    $ng->stop;
};

subtest 'too small: the size that is named is enough' => sub {
    for my $peers (1, 40, 700, 3000) {
        my $ng = gateway($peers, 'kerberos_zone 32k;');
        my ($code, $said) = $ng->config_test;

        is $code, 1, "$peers peers: 32k is too small";
        my ($size) = $said =~ /\[emerg\] zone "kerberos" of 32k is too small: $peers peers in /
            ? $said =~ / services need "kerberos_zone (\d+k)"/ : diag $said;
        ok $size, 'and the size that is needed is named' or next;

        $ng->configure(http => conf("kerberos_zone $size;"));
        ($code, $said) = $ng->config_test;
        is $code, 0, "$size is accepted" or diag $said;
        $ng->start;
        is http_get($ng->port, '/')->{status}, 200, 'and works';
        is scalar($ng->log_lines(qr/no memory/)), 0, 'for every worker';
        ok $ng->reload, "through reload $_" for 1 .. 3;
        is http_get($ng->port, '/')->{status}, 200, 'as before';
        is scalar($ng->log_lines(qr/no memory/)), 0, 'for every worker';
        is scalar(map { $_->{peers}->@* } status($ng)->{services}->@*), $peers, 'with all peers';
        $ng->stop;
    }
};

subtest 'growing out of the zone: the old configuration goes on' => sub {
    my $ng = gateway(10, 'kerberos_zone 512k;')->start;

    $ng->allow(qr/zone "kerberos"/);
    $ng->write_file('services.yaml', registry(5000));
    ok !$ng->reload, 'refused';
    ok $ng->wait_for_log(qr/zone "kerberos" of 512k is too small: 5000 peers .*need "kerberos_zone \d+k"/),
        'and the log says what to do';
    is http_get($ng->port, '/')->{status}, 200, 'served';

    $ng->write_file('services.yaml', registry(20));
    ok $ng->reload, 'what fits is taken';
    is scalar(map { $_->{peers}->@* } status($ng)->{services}->@*), 20, 'as it says';
    $ng->stop;
};

subtest 'many reloads leave nothing behind, in the smallest zone' => sub {
    my $ng = gateway(100);

    my ($size) = ($ng->config_test(http => conf('kerberos_zone 32k;')))[1] =~ /kerberos_zone (\d+k)"/;

    $ng->configure(http => conf("kerberos_zone $size;"))->start;

    for my $round (1 .. 6) {
        $ng->write_file('services.yaml', registry(100, "127.$round.0"));
        ok $ng->reload, "round $round: other peers";
    }

    is http_get($ng->port, '/')->{status}, 200, 'served';
    is scalar($ng->log_lines(qr/no memory/)), 0, 'never short of memory';
};

done_testing;
