#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# ${VAR} and ${VAR:-default} in the values of a registry: put in after the file was parsed, so that
# a variable is a value and nothing else; told with the place in the file, and without secrets.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

delete @ENV{grep {/^T_/} keys %ENV};

my $b = backend(3);

my %conf = (backend => $b, start => 0, http => <<'EOF');
    kerberos_registry services.yaml;
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /status { kerberos_status; }
        location / { kerberos_service users; proxy_pass http://kerberos; }
    }
EOF

my $ng = nginx(%conf);

# nginx -t of such a file, with these variables: its code, "LINE:COLUMN: text" of each problem, and
# all that it says.

sub told ($yaml, %variable) {
    local @ENV{keys %variable} = values %variable;

    my $path = $ng->write_file('services.yaml', $yaml);
    my ($code, $said) = $ng->config_test;

    return ($code, [map {/^nginx: \[emerg\] \Q$path\E:(\d+:\d+: .*)/ ? $1 : ()} split /\n/, $said],
        $said);
}

sub peers () {
    return [map {"$_->{address} $_->{weight}"} service(status($ng), 'users')->{peers}->@*];
}

subtest 'variables are values' => sub {
    my ($one, $two, $three) = map { $b->address($_) } 1 .. 3;

    $ng->write_file('services.yaml', <<'EOF');
services:
  users:
    balance: hash $arg_user
    peers:
      - http://${T_ONE}
      - url: http://127.0.0.1:${T_PORT}
        weight: ${T_WEIGHT}
      - {url: "${T_NONE:-http://%%BACKEND_3%%}", weight: "${T_WEIGHT}", down: "${T_DOWN:-false}"}
    breaker: {threshold: "${T_EMPTY:-1}", timeout: 60s}
EOF
    {
        local @ENV{qw(T_ONE T_PORT T_WEIGHT T_EMPTY T_LATER)}
            = ($one, $two =~ s/.*://r, 7, '', $three);
        $ng->start;
    }
    is_deeply peers(), ["$one 1", "$two 7", "$three 7"], 'each where it stands';
    is http_get($ng->port, '/?user=a')->{status}, 200, 'they serve';

    $b->mode($_, 'close') for 1 .. 3;
    http_get($ng->port, '/?user=a');
    my $open = grep { $_->{breaker}{state} eq 'open' }
        service(status($ng), 'users')->{peers}->@*;
    ok $open, 'a default for what is empty';
    $b->mode($_, 'ok') for 1 .. 3;

    # The master has them to its end: a reload, and workers that come later.

    ok $ng->reload, 'reloaded';
    is_deeply peers(), ["$one 1", "$two 7", "$three 7"], 'and they are the same';

    # Workers have none; what they read anew knows those of the master.

    $ng->write_file('services.yaml', 'users: ["http://${T_LATER}", "http://${T_ONE}"]');
    ok((wait_for { peers()->[0] eq "$three 1" } 10), 'a change that asks for another');
    is_deeply peers(), ["$three 1", "$one 1"], 'and for one again';
};

subtest 'what is missing or wrong is told where it stands' => sub {
    my $list = 'users: [http://127.0.0.1:1]';

    for (
        ['missing', "users: [\"http://\${T_NONE}\"]\n", {},
            '1:9: variable "T_NONE" is not set (a default: ${T_NONE:-...})'],
        ['each', "users: [\"\${T_A}\", \"\${T_B}\"]\n", {},
            '1:9: variable "T_A" is not set (a default: ${T_A:-...})',
            '1:19: variable "T_B" is not set (a default: ${T_B:-...})'],
        ['cut off', "users: ['\${T_A']\n", {T_A => 'x'},
            '1:9: invalid variable "${T_A" (${NAME} or ${NAME:-DEFAULT}; for a plain "${" write "$${")'],
        ['another operator', "users: ['\${T_A:=x}']\n", {T_A => 'x'},
            qr/^1:9: invalid variable "\$\{T_A:=x}"/],
        ['a bad value', "users: [\"http://127.0.0.1:\${T_PORT}\"]\n", {T_PORT => '99999'},
            qr/^1:9: invalid URL "http:\S+:99999" \(.*\), from \$\{T_PORT\}$/],
        ['no number', "services: {users: {peers: [{url: 'http://h', weight: \"\${T_N}\"}]}}\n",
            {T_N => 'many'},
            qr/^1:54: invalid value "many" of "weight" \(.*\), from \$\{T_N\}$/],
        ['several lines', "users: [\"\${T_A}\"]\n", {T_A => "http://a\nb: http://c"},
            '1:9: the value of variable "T_A" is not one line of UTF-8 text'],
        ['no structure', "users: [\"\${T_A}\"]\n", {T_A => 'http://a:1, http://b:1'},
            qr/^1:9: invalid URL "http:.*, from \$\{T_A\}$/],
        ['no list', "users: \${T_A}\n", {T_A => '[http://127.0.0.1:1]'},
            qr/^1:8: "users" is a single value .*, from \$\{T_A\}$/],
        ['not in keys', "\"\${T_A}\": [http://127.0.0.1:1]\n", {T_A => 'users'},
            qr/^1:1: invalid service name "\$\{T_A\}"/],
    ) {
        my ($what, $yaml, $variables, @want) = @$_;
        my ($code, $told, $said) = told($yaml, %$variables);

        is $code, 1, "$what: refused";
        is scalar @$told, @want, 'with as many problems' or diag $said;
        like $told->[$_], ref $want[$_] ? $want[$_] : qr/^\Q$want[$_]\E$/, 'and why' for 0 .. $#want;
    }

    my ($code, undef, $said) = told("services: {users: {peers: ['http://h:1'], balance: 'hash \$\${arg_user}'}}\n");
    unlike $said, qr/variable "arg_user" is not set/, 'nginx may have braces too';
};

subtest 'the line shows the variable and not what it holds' => sub {
    my ($code, $told, $said) = told("users:\n  - http://\${T_USER}:\${T_PASS}\@127.0.0.1\n",
        T_USER => 'me', T_PASS => 'secret');

    is $code, 1, 'refused';
    is_deeply $told,
        ['2:5: invalid URL (a peer has no user name or password), from ${T_USER} and ${T_PASS}'],
        'and why';
    unlike $said, qr/secret/, 'without the secret';
};

done_testing;
