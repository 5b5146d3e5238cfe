#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Bad input: every directive and parameter, misspelt, doubled, without a value, of the wrong unit
# or in the wrong place, is refused by nginx -t, in nginx's words, with the file and the line.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

# None of these is ever started: what is tested is what nginx -t says.

my $ng = nginx(start => 0, workers => 1, http => '');

$ng->write_file('good.yaml', "users:\n  - http://127.0.0.1:9001\n");


# nginx -t of a http block. The line that has to be named is marked by <!>; without a mark, some
# line has to be.

sub refused ($http, $words, $what = $http) {
    my ($code, $said) = $ng->config_test(http => $http =~ s/<!>//r);

    # Up to the mark the file is the same as the one tested.
    my ($before, $marked) = split /<!>/, $ng->{conf}->with(http => $http)->text('test'), 2;
    my $line = defined $marked ? 1 + ($before =~ tr/\n//) : qr/\d+/;

    return subtest $what =~ s/<!>//r =~ s/\s+/ /gr => sub {
        is $code, 1, 'refused';
        like $said, $words, 'in these words';
        like $said, qr/ in \S*test\.conf:$line$/m, 'file and line named';
    };
}


sub in_upstream ($text) { return "upstream u {\n server 127.0.0.1:9001;\n $text\n}\n" }
sub in_server ($text)   { return "server {\n listen 127.0.0.1:%%PORT%%;\n $text\n}\n" }
sub in_location ($text) { return in_server("location / {\n $text\n}") }


subtest 'a parameter that is none' => sub {
    for my $bad (
        'treshold=3', 'Threshold=3', 'failures=3', 'mode=fast', 'threshold', 'timeout', '=3', '3',
        'threshold=', 'timeout=', 'probes=', 'successes=', 'max_timeout=', 'jitter=',
        'probe_timeout=', 'threshold=-1', 'threshold=1.5', 'threshold=abc', 'threshold=3s',
        'threshold=03', 'threshold=1000001', 'threshold=99999999999999999999', 'threshold=5%',
        'probes=0', 'probes=-1', 'probes=9', 'probes=1s', 'successes=0', 'successes=1001',
        'successes=x', 'timeout=0', 'timeout=-1', 'timeout=10x', 'timeout=10sec', 'timeout=1.5s',
        'timeout=s', 'timeout=1s1m', 'timeout=25h', 'timeout=99999999999999999999s',
        'timeout=50%', 'max_timeout=0', 'max_timeout=1y', 'max_timeout=2d', 'jitter=10',
        'jitter=101%', 'jitter=-1%', 'jitter=10s', 'jitter=1.5%', 'probe_timeout=0',
        'probe_timeout=abc', 'on', 'OFF', 'off=1',
    ) {
        my $words = qr/\[emerg\] invalid parameter "\Q$bad\E"/;

        refused(in_upstream("<!>kerberos_breaker $bad;"), $words, "kerberos_breaker $bad");
    }
};

subtest 'off stands alone' => sub {
    refused(in_upstream('<!>kerberos_breaker off threshold=3;'), qr/invalid parameter "off"/);
    refused(in_upstream('<!>kerberos_breaker threshold=3 off;'), qr/invalid parameter "off"/);
    refused(in_upstream('<!>kerberos_breaker off off;'),         qr/invalid parameter "off"/);
};

subtest 'the same in the http block' => sub {
    refused("<!>kerberos_breaker treshold=3;\n",  qr/invalid parameter "treshold=3"/);
    refused("<!>kerberos_breaker timeout=10x;\n", qr/invalid parameter "timeout=10x"/);
};

subtest 'a parameter twice' => sub {
    for my $twice (
        'threshold=3 threshold=3', 'timeout=1s timeout=2s', 'probes=1 threshold=3 probes=1',
        'successes=1 successes=1', 'max_timeout=1m max_timeout=1m', 'jitter=0% jitter=0%',
        'probe_timeout=1s probe_timeout=1s',
    ) {
        my ($name) = $twice =~ /^(\w+)/;

        refused(in_upstream("<!>kerberos_breaker $twice;"), qr/parameter "$name" is duplicate/);
    }
};

subtest 'a directive twice' => sub {
    my $twice = sub ($name) { qr/\[emerg\] "$name" directive is duplicate/ };

    refused(in_upstream("kerberos_breaker threshold=3;\n <!>kerberos_breaker timeout=1s;"),
        $twice->('kerberos_breaker'));
    refused("kerberos_breaker off;\n<!>kerberos_breaker off;\n", $twice->('kerberos_breaker'));
    refused(in_upstream("kerberos_balance round_robin;\n <!>kerberos_balance round_robin;"),
        $twice->('kerberos_balance'));
    refused("kerberos_registry good.yaml;\n<!>kerberos_registry good.yaml;\n",
        $twice->('kerberos_registry'));
    refused("kerberos_zone 8m;\n<!>kerberos_zone 8m;\n", $twice->('kerberos_zone'));
    refused("kerberos_zone 4m;\n<!>kerberos_zone 8m;\n", $twice->('kerberos_zone'));
    refused(in_location("kerberos_status;\n <!>kerberos_status;"), $twice->('kerberos_status'));
    refused(in_location("kerberos_service a;\n <!>kerberos_service b;"),
        $twice->('kerberos_service'));
    refused(in_server("kerberos_service a;\n <!>kerberos_service b;"),
        $twice->('kerberos_service'));
    refused("upstream u {\n kerberos_service a;\n <!>kerberos_service b;\n}\n",
        $twice->('kerberos_service'));
};

subtest 'where it does not belong' => sub {
    my $here = sub ($name) { qr/\[emerg\] "$name" directive is not allowed here/ };

    for my $bad ('kerberos_zone 8m;', 'kerberos_registry good.yaml;') {
        my ($name) = $bad =~ /^(\w+)/;

        refused($_->("<!>$bad"), $here->($name)) for \&in_upstream, \&in_server, \&in_location;
    }

    for my $bad ('kerberos_breaker off;', 'kerberos_balance round_robin;') {
        my ($name) = $bad =~ /^(\w+)/;

        refused($_->("<!>$bad"), $here->($name)) for \&in_server, \&in_location;
    }

    refused("<!>kerberos_balance round_robin;\n", $here->('kerberos_balance'));
    refused("<!>kerberos_service users;\n",       $here->('kerberos_service'));
    refused("<!>kerberos_status;\n",              $here->('kerberos_status'));
    refused(in_server('<!>kerberos_status;'),        $here->('kerberos_status'));
    refused(in_upstream('<!>kerberos_status;'),      $here->('kerberos_status'));
    refused(in_location('<!>if ($arg_a) { kerberos_service a; }'), $here->('kerberos_service'));
    refused(in_location('<!>if ($arg_a) { kerberos_status; }'),    $here->('kerberos_status'));

    my ($code, $said) = $ng->config_test(main => 'kerberos_zone 8m;', http => '');
    is $code, 1, 'at the main level';
    like $said, qr/"kerberos_zone" directive is not allowed here in \S+test\.conf:\d+/, 'as said';
};

subtest 'too few or too many words' => sub {
    my $number = sub ($name) { qr/\[emerg\] invalid number of arguments in "$name" directive/ };

    refused("<!>$_;\n", $number->($_)) for qw(kerberos_zone kerberos_registry kerberos_breaker);
    refused("<!>kerberos_zone 8m 8m;\n", $number->('kerberos_zone'));
    refused(in_upstream("<!>$_;"), $number->($_)) for qw(kerberos_balance kerberos_breaker);
    refused("upstream u {\n <!>kerberos_service;\n}\n", $number->('kerberos_service'));
    refused(in_server('<!>kerberos_service;'),             $number->('kerberos_service'));
    refused(in_location('<!>kerberos_service a b;'),       $number->('kerberos_service'));
    refused(in_location('<!>kerberos_status json json;'),  $number->('kerberos_status'));
};

subtest 'values that are none' => sub {
    refused("<!>kerberos_zone $_;\n", qr/invalid zone size "\Q$_\E"/)
        for qw(8x abc -1 8.5m 99999999999999g);
    refused("<!>kerberos_zone 0;\n", qr/zone "kerberos" is too small/);
    refused("<!>kerberos_zone 1k;\n", qr/zone "kerberos" is too small/);

    refused(in_upstream("<!>kerberos_balance $_;"), qr/invalid balancing method "\Q$_\E" .*round_robin/)
        for qw(fastest roundrobin Round_Robin);
    refused(in_upstream('<!>kerberos_balance round_robin x;'), qr/invalid parameter "x"/);

    refused(in_location('<!>kerberos_status xml;'), qr/invalid value "xml" in "kerberos_status"/);
    refused(in_location('<!>kerberos_service "";'), qr/invalid value "" in "kerberos_service"/);
    refused(in_location('<!>kerberos_nonsense;'), qr/unknown directive "kerberos_nonsense"/);

    # nginx looks variables up when it has read all, and has no line to name any more.
    my $unset = 'kerberos_registry good.yaml;' . in_location('kerberos_service $nobody_set_this;');
    my ($code, $said) = $ng->config_test($unset);
    is $code, 1, 'a variable that nobody sets';
    like $said, qr/unknown "nobody_set_this" variable/, 'is refused';
};

subtest 'a near miss is answered by the right name' => sub {
    my $hint = sub ($breaker) {
        my ($code, $said) = $ng->config_test(in_upstream("kerberos_breaker $breaker;"));
        return $said;
    };

    like $hint->('treshold=3'), qr/did you mean "threshold"\?/, 'a typing error';
    like $hint->('timeout=10x'), qr/a time such as 500ms, 30s or 5m/, 'a wrong unit';

    # "(allowed: allowed: threshold, ..." and "(allowed: did you mean"
    unlike $hint->($_), qr/allowed: (?:allowed|did you)/, "said once: $_" for 'on', 'treshold=3';
};

subtest 'what contradicts' => sub {
    my $below = qr/"kerberos_breaker" max_timeout=10s is below timeout=20s in upstream "u"/;

    refused(in_upstream('kerberos_breaker timeout=20s max_timeout=10s;'), $below);
    refused('kerberos_breaker max_timeout=10s;' .
            in_upstream('kerberos_breaker timeout=20s;'), $below, 'half inherited');
    refused('kerberos_breaker timeout=20s max_timeout=10s;' .
            in_upstream('kerberos_balance round_robin;'), $below, 'all inherited');
    refused(in_upstream('kerberos_breaker max_timeout=10s;'),
        qr/max_timeout=10s is below timeout=30s/, 'against the default');

    refused("upstream u {\n kerberos_service a;\n server 127.0.0.1:9001;\n}\n",
        qr/"server" is not allowed together with "kerberos_service" in upstream "u"/);
    refused(in_upstream("kerberos_breaker off;\n $_;"),
        qr/another load balancing method is not allowed together with "kerberos_\*" directives/)
        for 'least_conn', 'ip_hash', 'hash $uri', 'random';
    refused("kerberos_registry good.yaml;\nupstream kerberos { server 127.0.0.1:1; }\n",
        qr/duplicate upstream "kerberos"/);
    refused("upstream kerberos { server 127.0.0.1:1; }\nkerberos_registry good.yaml;\n",
        qr/duplicate upstream "kerberos"/, 'the block before the registry');
};

subtest 'a service of no registry' => sub {
    my $without = qr/"kerberos_service" without "kerberos_registry"/;

    refused(in_location('kerberos_service a;'),          $without);
    refused(in_server('kerberos_service $host;'),        $without);
    refused("upstream u {\n kerberos_service a;\n}\n", $without);
};

subtest 'server lines' => sub {
    my $u = sub ($server) { "upstream u {\n kerberos_balance round_robin;\n $server;\n}\n" };

    refused($u->("<!>server 127.0.0.1:1 $_"), qr/invalid parameter "\Q$_\E"/)
        for qw(weight=0 weight=x max_fails=x fail_timeout=x max_conns=x slow_start=1s nonsense);

    # Out of the breaker's range, though nginx would take it.
    refused($u->('server 127.0.0.1:1 max_fails=1000001'),
        qr/invalid parameter "max_fails=1000001" of server "127\.0\.0\.1:1"/);
    refused($u->('server 127.0.0.1:1 fail_timeout=90000'),
        qr/invalid parameter "fail_timeout=90000s" of server "127\.0\.0\.1:1"/);
    refused("upstream u {\n kerberos_balance round_robin;\n}\n",
        qr/no servers are inside upstream/);
};

subtest 'files that cannot be read' => sub {
    refused('kerberos_registry nowhere.yaml;', qr/open\(\) "\S+nowhere\.yaml" failed \(2: /);
    refused('kerberos_registry %%PREFIX%%;',   qr/"\S+" is not a file of at most 16m/);
    refused('kerberos_registry good.yaml nowhere.yaml;', qr/nowhere\.yaml" failed/);
};

subtest 'and what is right is accepted' => sub {
    for my $good (
        in_upstream('kerberos_breaker off;'),
        in_upstream('kerberos_breaker threshold=0 timeout=1ms probes=8 successes=1000;'),
        in_upstream('kerberos_breaker timeout=24h max_timeout=24h jitter=100% probe_timeout=5m;'),
        in_upstream('kerberos_breaker timeout=1m30s jitter=0%;'),
        in_upstream('kerberos_balance round_robin; kerberos_breaker threshold=3;'),
        'kerberos_breaker off; kerberos_zone 8m; kerberos_registry good.yaml;',
        'kerberos_registry good.yaml; upstream u { kerberos_service users; keepalive 8; }',
        in_location('kerberos_status;'), in_location('kerberos_status json;'),
        'kerberos_registry good.yaml; ' . in_server('kerberos_service users;'),
    ) {
        my ($code, $said) = $ng->config_test(http => $good);

        is $code, 0, $good =~ s/\s+/ /gr or diag $said;
        unlike $said, qr/\[(?:warn|error)\]/, 'without a warning';
    }
};

done_testing;
