#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# What is printed from the table of keys is what the repository has; and the JSON Schema says what
# the reader says: every example passes both, what is wrong in form passes neither.

use v5.36;

use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Ctl qw(kerberosctl command_output);
use Kerberos::Test::Log qw(slurp);

my $schema = root() . '/conf/registry.schema.json';
my $page   = slurp(root() . '/docs/registry.md');


# What the schema says of texts: of each what is wrong, or undef.

sub flaws (@texts) {
    my ($code, $out, $err) = command_output([root() . '/t/lib/schema_check', $schema],
        in => JSON::PP->new->ascii->encode(\@texts));

    die "schema_check: $err\n" if $code;

    return decode_json($out)->@*;
}


# Whether the reader takes a text.

sub taken ($text) {
    my ($code, $out) = kerberosctl(['validate', '-'], in => $text,
        env => {HOST => '10.0.0.1', N => 3, ON => 'true', SHARE => '20%', WAIT => '2s', OFF => 'off'});

    return $code == 0 ? undef : $out;
}


# A service with something said of it.

sub said ($text) { return "services: {a: {peers: [http://10.0.0.1], $text}}\n" }


subtest 'nothing is stale' => sub {
    is slurp($schema), (kerberosctl(['schema']))[1], 'conf/registry.schema.json (make schema)';

    my ($part) = $page =~ /^<!-- reference: begin.*?-->\n(.*?)^<!-- reference: end -->$/ms;

    is $part, "\n" . (kerberosctl(['reference']))[1] . "\n", 'docs/registry.md (make reference)';
};

subtest 'every example' => sub {
    my %example;

    for my $name (glob root() . '/conf/*.yaml') {
        $example{$name =~ s{.*/}{}r} = slurp($name);
    }

    for my $name (qw(README.md docs/registry.md docs/routing.md)) {
        my $number = 0;

        $example{"$name " . ++$number} = $_ for slurp(root() . "/$name") =~ /^```yaml\n(.*?)^```$/msg;
    }

    cmp_ok scalar(keys %example), '>=', 8, 'there are some';

    my @names = sort keys %example;
    my @flaws = flaws(@example{@names});

    for my $name (@names) {
        is shift @flaws, undef, "$name: the schema";
        is taken($example{$name}), undef, "$name: the reader";
    }
};

subtest 'what both take' => sub {
    my @texts = (
        "{}\n",
        "services: {}\n",
        "404: [http://10.0.0.1]\n",
        "a: [http://10.0.0.1, {url: \"unix:/run/a.sock\", id: 7}, {url: http://10.0.0.2, id: true}]\n",
        "version: 1\nallow_shrink: true\nservices: {a: [http://10.0.0.1]}\n",
        "services: {a: {peers: [{url: \"http://\${HOST}:80\", weight: \"\${N}\", down: \"\${ON}\"}]}}\n",
        "defaults: {balance: random, keepalive: off, tls: {verify: false}}\nservices: {}\n",
        (map { said("breaker: $_") } 'off', '{}', '{timeout: 30}', '{timeout: 1m30s}',
            '{timeout: 1m30}', '{probe_grace: 0}', '{jitter: 0%}', '{jitter: 100%}',
            '{threshold: 0}', '{mode: observe}', '{jitter: "${SHARE}", timeout: "${WAIT}"}',
            '"${OFF}"', '{timeout: "10s"}', '{ramp: 500ms, window: 1h}'),
        (map { said("balance: $_") } 'least_conn', '"round_robin adaptive"', 'hash $cookie_x',
            '"hash $cookie_x bounded=125%"'),
        (map { said("failure_on: $_") } '[error]', '[http_5xx, http_429, slow, timeout], ' .
            'breaker: {slow: 1s}'),
        (map { said("keepalive: $_") } 'off', '64', '{}', '{connections: 8, idle: 1m, total: 9}'),
        (map { said("timeouts: $_") } '{}', '{connect: 1s, send: 500ms, read: 24h}'),
        "services: {a: {peers: [https://a.example], tls: {name: a.example, verify: true, trusted_certificate: x}}}\n",
        (map { said("routes: $_") } '[]', '[{path: /}]', '[{exact: "/a"}, {regex: "/[0-9]+"}]',
            '[{host: "*.a.example"}]', '[{path: /, methods: [GET, PURGE], priority: 3}]',
            '[{path: /, headers: {X-A: 7, X-B: {present: false}}, query: {v: {regex: "[12]"}}}]',
            '[{path: /a, strip: true, name: a}, {path: "/${HOST}", rewrite: /b}]',
            '[{path: /, set_headers: {X-A: "", X-B: $remote_addr, X-C: true, X-D: 7}}]',
            '[{path: /, name: true, query: {v: {exact: true}}}]'),
    );
    my @flaws = flaws(@texts);

    for my $text (@texts) {
        is shift @flaws, undef, 'the schema: ' . $text =~ s/\n(?=.)/; /gr;
        is taken($text), undef, 'the reader';
    }
};

subtest 'what neither takes' => sub {
    my @texts = (
        "- http://10.0.0.1\n",
        "word\n",
        "version: 2\nservices: {}\n",
        "version: 1\n",
        "version: 1\nservices: {}\nproduct: [http://10.0.0.1]\n",
        "allow_shrink: yes\nservices: {}\n",
        "a b: [http://10.0.0.1]\n",
        "a: http://10.0.0.1\n",
        "a: []\n",
        "a: [ftp://10.0.0.1]\n",
        "a: [http://10.0.0.1/x]\n",
        "a: [\"http://me:x\@10.0.0.1\"]\n",
        "a: [{weight: 2}]\n",
        "a: [{url: http://10.0.0.1, wieght: 2}]\n",
        "a: [{url: http://10.0.0.1, weight: 0}]\n",
        "a: [{url: http://10.0.0.1, weight: \"2\"}]\n",
        "a: [{url: http://10.0.0.1, weight: 1.5}]\n",
        "a: [{url: http://10.0.0.1, backup: yes}]\n",
        "a: [{url: http://10.0.0.1, backup: \"true\"}]\n",
        "a: [{url: http://10.0.0.1, id: \"a b\"}]\n",
        "services: {a: {balance: random}}\n",
        "defaults: {peers: [http://10.0.0.1]}\nservices: {}\n",
        (map { said("breaker: $_") } 'on', 'true', '5', '[off]', '{tresholt: 1}', '{threshold: -1}',
            '{threshold: 1000001}', '{threshold: "5"}', '{timeout: 5x}', '{timeout: 0}',
            '{timeout: 1s1m}', '{timeout: "10"}', '{timeout: 86401}', '{jitter: 10}',
            '{jitter: 101%}', '{jitter: 0.1}', '{max_open: 0%}', '{mode: on}', '{timeout: }'),
        (map { said("balance: $_") } 'fastest', '[random]', 'hash', '"random adaptive"', '7'),
        (map { said("failure_on: $_") } 'error', '[]', '[errors]', '[http_200]', '[500]',
            '[error, error]'),
        (map { said("keepalive: $_") } 'on', '0', '65536', '"64"', '{idle: 0}', '{max: 1}'),
        (map { said("timeouts: $_") } '5s', '{connect: 0}', '{wait: 1s}'),
        (map { said("tls: $_") } 'on', '{verify: on}', '{sni: x}', '{name: https://a}'),
        (map { said("routes: $_") } '/api', '[/api]', '[{path: api}]', '[{path: /echo/*}]',
            '[{exact: "/a?b"}]', '[{path: /, methods: GET}]', '[{path: /, methods: [get]}]',
            '[{path: /, methods: []}]', '[{path: /, headers: [X-A]}]', '[{path: /, priority: -1}]',
            '[{path: /, headers: {X-A: {is: b}}}]', '[{path: /, headers: {X-A: true}}]',
            '[{path: /, strip: yes}]', '[{path: /, rewrite: v2}]', '[{host: "a:80"}]',
            '[{path: /, set_headers: {X-A: [b]}}]', '[{path: /, name: a b}]'),
        said('nonsense: 1'),
    );
    my @flaws = flaws(@texts);

    for my $text (@texts) {
        ok defined shift @flaws, 'the schema: ' . $text =~ s/\n(?=.)/; /gr;
        ok defined taken($text), 'the reader';
    }
};

done_testing;
