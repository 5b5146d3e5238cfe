#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# balance: of the registry takes the words of kerberos_balance, serves by them, and refuses what is
# wrong with file, line and column.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Balance;

my $b = backend(3);

my $CONF = <<'EOF';
    kerberos_registry services.yaml;
    server {
        listen 127.0.0.1:%%PORT%% reuseport;
        location = /status { kerberos_status; }
        location ~ ^/(?:hold/)?(?<name>\w+) {
            kerberos_service $name;
            proxy_read_timeout 10m;
            proxy_pass http://kerberos;
        }
    }
EOF

my %METHODS = (
    turns    => 'round_robin',
    adaptive => 'round_robin adaptive',
    least    => 'least_conn',
    random   => 'random',
    ewma     => 'ewma',
    hash     => 'hash $arg_k',
    bounded  => 'hash $arg_k bounded=100%',
);

my $peers = '[' . join(', ', map {"http://%%BACKEND_$_%%"} 1 .. 3) . ']';
my $ng    = nginx(start => 0, backend => $b, http => $CONF);

$ng->write_file('services.yaml', join '', <<"EOF", map {<<"EOT"} sort keys %METHODS);
defaults: {balance: "hash \$arg_k"}
services:
  inherits: $peers
EOF
  $_: {balance: "$METHODS{$_}", peers: $peers}
EOT
$ng->start;


subtest 'each method serves' => sub {
    for my $name (sort keys %METHODS) {
        my @got = turns($ng, $b, 12, "$name?k=x");

        is scalar(grep {/^[123]$/} @got), 12, "$METHODS{$name}: @got";
        is service(status($ng), $name)->{balance} =~ s/ .*//r, $METHODS{$name} =~ s/ .*//r,
            'and is shown';
    }
};

subtest 'as it is called' => sub {
    for my $name ('hash', 'inherits', 'bounded') {
        my %at = map { $_ => 1 } turns($ng, $b, 20, "$name?k=x");
        is scalar(keys %at), 1, "$name: one key, one peer";

        my %all = map { $_ => 1 } turns($ng, $b, 60, sub ($i) { "$name?k=key$i" });
        is scalar(keys %all), 3, 'many keys, all peers';
    }

    is join('', turns($ng, $b, 12, $_)), '123' x 4, "$_: in turn" for 'turns', 'adaptive', 'least';

    $b->mode('all', 'hang', path => '/hold');
    my @held = hold($ng, $b, 12, 'least');
    is_deeply [loads($b)], [4, 4, 4], 'least: as many for each';
    release($b, @held);

    @held = hold($ng, $b, 6, 'bounded?k=x');
    is scalar(grep { $_ > 2 } loads($b)), 0, 'bounded: a key that everybody wants is spread'
        or diag join ' ', loads($b);
    release($b, @held);
    $b->mode('all', 'ok');
};

subtest 'another method after a reload' => sub {
    $ng->write_file('services.yaml', "services:\n  turns: {balance: least_conn, peers: $peers}\n");
    ok $ng->reload, 'reloaded';
    is service(status($ng), 'turns')->{balance}, 'least_conn', 'it is in force';
    is join('', sort map { (turns($ng, $b, 1, 'turns'))[0] } 1 .. 6), '112233', 'and serves';
};

# What is wrong, what must be said of it, and the column of the value.

my @BAD = (
    ['fastest',                    qr/fastest.*round_robin.*least_conn.*random.*ewma.*hash/],
    ['least_con',                  qr/least_con".*did you mean "least_conn"/],
    ['"hash"',                     qr/hash.*\bkey\b/i],
    ['"hash bounded=125%"',        qr/hash.*\bkey\b/i],
    ['"hash $arg_k bounded=99%"',  qr/bounded=99%.*100%.*1000%/],
    ['"hash $arg_k bounded=abc"',  qr/bounded=abc.*100%.*1000%/],
    ['"hash $arg_k bounded=125% bounded=150%"', qr/bounded/],
    ['"least_conn adaptive"',      qr/adaptive/],
    ['"round_robin least_conn"',   qr/least_conn/],
    ['""',                         qr/round_robin/],
    ['"round_robin adaptive x"',   qr/"x"/],
    ['[hash, $arg_k]',             qr/balance/],
    ['{hash: $arg_k}',             qr/balance/],
    ['7',                          qr/7.*round_robin/],
    ['',                           qr/balance/],
);

subtest 'what is wrong is refused with its place' => sub {
    for (@BAD) {
        my ($bad, $words) = @$_;

        for my $where ('a service', 'the defaults') {
            my $text = $where eq 'a service'
                ? "services:\n  a:\n    balance: $bad\n    peers: [http://127.0.0.1:1]\n"
                : "services: {a: [http://127.0.0.1:1]}\ndefaults:\n  balance: $bad\n";

            $ng->write_file('bad.yaml', $text);
            my ($code, $said) = $ng->config_test(http => 'kerberos_registry bad.yaml;');
            my $column = $where eq 'a service' ? 14 : 12;

            subtest "$where: balance: $bad" => sub {
                is $code, 1, 'refused' or diag $said;
                like $said, qr/bad\.yaml:3:(?:$column|\d+): .*$words/s, 'in these words';
                like $said, qr/bad\.yaml:3:$column: /, 'at the value' if length $bad;
            };
        }
    }

    $ng->write_file('bad.yaml',
        "services:\n  a: {balance: random, balance: ewma, peers: [http://127.0.0.1:1]}\n");
    like +($ng->config_test(http => 'kerberos_registry bad.yaml;'))[1],
        qr/bad\.yaml:2:24: duplicate key "balance"/, 'twice';

    $ng->write_file('bad.yaml',
        "services:\n  a: {balance: \"hash \$nobody_set_this\", peers: [http://127.0.0.1:1]}\n");
    like +($ng->config_test(http => 'kerberos_registry bad.yaml;'))[1],
        qr/bad\.yaml:2:16: unknown "nobody_set_this" variable\b.*\n.*\Q{balance: "hash \E.*\n.* \^/,
        'a variable that nobody sets, at its place';

    $ng->write_file('bad.yaml',
        "defaults: {balance: hash \$nobody_set_this}\nservices: {a: [http://127.0.0.1:1]}\n");
    like +($ng->config_test(http => 'kerberos_registry bad.yaml;'))[1],
        qr/bad\.yaml:1:21: unknown "nobody_set_this" variable/, 'of the defaults too';

    $ng->write_file('bad.yaml', "a: {balance: hash \$proxy_host, peers: [http://127.0.0.1:1]}\n");
    like +($ng->config_test(http => 'kerberos_registry bad.yaml;'))[1],
        qr/bad\.yaml:1:\d+: unknown "proxy_host" variable/, 'and one that cannot be found by name';

    $ng->write_file('bad.yaml', join '', "services:\n", map {"  s$_->[0]: {balance: hash $_->[1], peers: [http://127.0.0.1:1]}\n"}
        [a => '$Set_here'], [b => '$arg_x'], [d => '$mapped'], [e => '$1']);
    is +($ng->config_test(http => 'kerberos_registry bad.yaml; map $uri $mapped { default 1; } server { set $set_here 1; }'))[0],
        0, 'those that there are';
};

done_testing;
