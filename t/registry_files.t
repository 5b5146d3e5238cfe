#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# A bad registry: every problem of the file is told at once, as FILE:LINE:COLUMN, by nginx -t;
# and an nginx that runs goes on with what it has, breakers and all.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

my $b  = backend(2);
my $ng = nginx(backend => $b, start => 0, http => <<'EOF');
    kerberos_breaker threshold=1 timeout=60s;
    kerberos_registry services.yaml;
    upstream block { server %%BACKEND_2%%; kerberos_balance round_robin; }
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /status { kerberos_status; }
        location ~ ^/(?<name>\w+) { kerberos_service $name; proxy_pass http://kerberos; }
    }
EOF

my $good = "users:\n  - http://%%BACKEND_1%%\nothers:\n  - http://%%BACKEND_2%%\n";

# What nginx -t says of such a file: its code, and the problems as "LINE:COLUMN: text".

sub problems ($yaml) {
    my $path = $ng->write_file('services.yaml', $yaml);
    my ($code, $said) = $ng->config_test;

    return ($code, [map {/^nginx: \[emerg\] \Q$path\E:(\d+:\d+: .*)/ ? $1 : ()} split /\n/, $said],
        $said);
}


subtest 'all problems at once' => sub {
    my ($code, $problems, $said) = problems(<<'EOF');
version: 2
defaults:
  breaker: {treshold: 3, timeout: 10x}
services:
  users:
    balance: fastest
    peers:
      - http://127.0.0.1:9001/path
      - {url: ftp://127.0.0.1:9002, weight: 0, backup: yes}
      - {weight: 2}
    breaker: {threshold: "3", probes: 99, max_timeout: 1s, timeout: 2s}
    nonsense: 1
  "bad name":
    - http://127.0.0.1:9003
  users:
    - http://127.0.0.1:9004
  empty: []
EOF

    is $code, 1, 'refused';
    is_deeply [map {/^(\d+:\d+): /} @$problems], [
        qw(1:10 3:13 3:35 6:14 8:9 9:15 9:45 9:56 10:9 11:14 11:26 11:39 12:5 13:3 15:3 17:10),
    ], 'every problem with its place' or diag join "\n", @$problems;

    my %words = (
        '1:10'  => qr/invalid value "2" of "version"/,
        '3:13'  => qr/unknown key "treshold" \(did you mean "threshold"\?/,
        '3:35'  => qr/invalid value "10x" of "timeout"/,
        '6:14'  => qr/invalid balancing method "fastest" \(.*round_robin/,
        '8:9'   => qr/invalid URL .* \(a peer has no path/,
        '10:9'  => qr/peer without "url"/,
        '12:5'  => qr/unknown key "nonsense"/,
        '13:3'  => qr/invalid service name "bad name"/,
        '15:3'  => qr/duplicate key "users" \(first at 5:3\)/,
        '17:10' => qr/service "empty" has no peers/,
    );

    for my $place (sort keys %words) {
        my ($text) = grep {/^\Q$place\E: /} @$problems;
        like $text, $words{$place}, "said well: $place";
    }
};

subtest 'one at a time' => sub {
    my $list = "\n  - http://127.0.0.1:9001\n";

    for (
        ['an empty file',          '',                          '1:1: empty file'],
        ['a comment',              "# nothing\n",               '1:1: empty file'],
        ['a list',                 "- http://127.0.0.1:1\n",    '1:1: not a registry'],
        ['a word',                 "services\n",                '1:1: not a registry'],
        ['no services',            "version: 1\n",              '1:1: no "services"'],
        ['a cut-off quote',        "users:\n  - \"http://127.0.0.1:9001\n", '2:5: unterminated quote'],
        ['an alias',               "a: &x$list" . "b: *x\n",    qr/^1:4: anchor "x"/],
        ['a merge',                "a:\n  <<: {peers: []}\n  peers: [http://127.0.0.1:1]\n",
                                                                qr/^2:3: merge key/],
        ['a tag',                  "a: !!map$list",             qr/^1:\d+: (?:tag|not readable)/],
        ['two documents',          "a:$list---\nb:$list",       qr/^\d:\d: second document/],
        ['a tab',                  "a:\n\t- http://127.0.0.1:9001\n", '2:1: tab as indentation'],
        ['a zero byte',            "a:$list\0",                 qr/^3:1: control character U\+0000/],
        ['no UTF-8',               "a:\n  - \"\xff\"\n",        '2:6: invalid byte 0xFF'],
        ['nested too deep',        'a: ' . '[' x 100 . ']' x 100 . "\n",        qr/^1:\d+: nested too deep/],
        ['no port',                "a: [http://127.0.0.1:0]\n", qr/^1:5: invalid URL .*port/],
        ['a mistyped address',     "a: [http://10.0.0.256:1]\n", qr/^1:5: invalid URL/],
        ['a password',             "a: [http://me:secret\@x:1]\n", qr/^1:5: invalid URL \(/],
        ['http and https',         "a: [http://127.0.0.1:1, https://127.0.0.1:2]\n",
                                                                qr/^1:\d+: http and https peers/],
        ['backups only',           "services: {a: {peers: [{url: http://127.0.0.1:1, backup: true}]}}\n",
                                                                qr/^1:\d+: all peers of service "a"/],
        ['one id twice',           "a:\n  - {url: http://127.0.0.1:1, id: x}\n" .
                                   "  - {url: http://127.0.0.1:2, id: x}\n",
                                                                qr/^3:\d+: duplicate id "x" \(first/],
        ['a contradiction',        "services: {a: {peers: [http://127.0.0.1:1], breaker: " .
                                   "{timeout: 2s, max_timeout: 1s}}}\n",
                                                                qr/max_timeout=1s is below timeout=2s/],
        ['an upstream block',      "a:$list" . "block:$list",
                                   qr/^3:1: service "block" has the name of an upstream block/],
    ) {
        my ($what, $yaml, $want) = @$_;
        my ($code, $problems, $said) = problems($yaml);

        is $code, 1, "$what: refused";
        like $problems->[0] // $said, ref $want ? $want : qr/^\Q$want\E/, 'and why';
        unlike $said, qr/secret/, 'without the secret' if $what eq 'a password';
    }
};

subtest 'two files are one name space' => sub {
    $ng->write_file('services.yaml', $good);
    $ng->write_file('more.yaml', "more:\n  - http://%%BACKEND_1%%\nusers:\n  - http://127.0.0.1:1\n");

    my ($code, $said) = $ng->config_test(http => 'kerberos_registry services.yaml more.yaml;');

    is $code, 1, 'refused';
    like $said, qr/\Q${\ $ng->path('more.yaml')}\E:3:1: service "users" is defined twice/, 'where';

    $ng->write_file('more.yaml', "more:\n  - http://%%BACKEND_1%%\n");
    ($code, $said) = $ng->config_test(http => 'kerberos_registry services.yaml more.yaml;');
    is $code, 0, 'other names: accepted' or diag $said;
};

subtest 'nginx that runs keeps what it has' => sub {
    $ng->write_file('services.yaml', $good);
    $ng->start;
    $ng->allow(qr/services\.yaml[":]/, qr/\[emerg\] [\d#]+: +\d* \| /);

    my $get = sub ($path) { http_get($ng->port, $path)->{status} };

    $b->mode(1, 'close');
    is $get->('/users'),  502, 'a failure';
    is $get->('/users'),  503, 'opens the breaker';
    is $get->('/others'), 200, 'not that of others';

    my $before = status($ng);

    for my $bad ("users: [}\n", "others:\n  - http://127.0.0.1:1/x\n", '', undef) {
        $ng->mark_log;
        defined $bad ? $ng->write_file('services.yaml', $bad) : unlink $ng->path('services.yaml');

        ok !$ng->reload, defined $bad ? 'a bad file' : 'no file';
        ok $ng->wait_for_log(
            defined $bad ? qr/\[emerg\].*services\.yaml:\d+:\d+: / : qr/open\(\).*services\.yaml/),
            'is refused';
        is $get->('/users'),  503, 'the breaker stays open';
        is $get->('/others'), 200, 'the services go on';
        is status($ng)->{generation}, $before->{generation}, 'it is the old generation';
    }

    my $after = status($ng);
    my $users = sub ($status) { peer($status, 'users', $b->address(1)) };

    is $users->($after)->{breaker}{trips}, 1, 'nothing was forgotten';
    is $users->($after)->{failures}, $users->($before)->{failures}, 'nothing was lost';
    cmp_ok service($after, 'users')->{rejected}, '>', service($before, 'users')->{rejected},
        'counters go on';

    $ng->write_file('services.yaml', $good . "new:\n  - http://%%BACKEND_2%%\n");
    ok $ng->reload, 'a good file';
    is $get->('/new'),   200, 'is taken';
    is $get->('/users'), 503, 'and the breaker is still open';
    cmp_ok status($ng)->{generation}, '>', $before->{generation}, 'a new generation';
};

done_testing;
