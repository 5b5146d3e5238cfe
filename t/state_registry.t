#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# A registry that is broken when nginx is started: it starts with the last good one of kerberos_state
# and tells every problem. Whoever tests a configuration, or reloads it, is refused as ever.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Log qw(slurp);

my $b    = backend(2);
my $conf = <<'EOC';
    kerberos_registry one.yaml two.yaml;
    kerberos_state state;
    kerberos_breaker threshold=1 timeout=60s jitter=0%;
    upstream block { server %%BACKEND_2%%; kerberos_balance round_robin; }
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /status { kerberos_status; }
        location = /block { proxy_pass http://block; }
        location ~ ^/(?<name>\w+) { kerberos_service $name; proxy_pass http://kerberos; }
    }
EOC
my $ng   = nginx(backend => $b, http => $conf, start => 0);
my $kept = $ng->path('state/registry.json');

$ng->allow(qr/\[emerg\]/);     # of reloads and starts that are refused

my %good = (
    'one.yaml' => "users:\n  - http://%%BACKEND_1%%\n",
    'two.yaml' => "others:\n  - http://%%BACKEND_2%%\n",
);
my $bad = "users:\n  - ftp://127.0.0.1:1\n  - {weight: 2}\n";

sub get ($name)    { return http_get($ng->port, "/$name")->{status} }
sub state_of ($id) { return peer(status($ng), $id, $b->address(1))->{breaker}{state} }

# The files as told, the others as they should be.

sub put (%text) {
    my %all = (%good, %text);

    $ng->write_file($_, $all{$_}) for keys %all;

    return;
}

sub start () {
    $ng->mark_log;
    $ng->start;

    return;
}

# A start that fails: what nginx said.

sub fails_to_start () {
    unlink $ng->path('stderr');
    ok !eval { $ng->start }, 'nginx does not start';

    my $said = $@;

    # nginx that ends in its main() leaves its first pool to the system.
    for my $report (glob $ng->path('sanitizer.*')) {
        unlink $report if slurp($report) =~ /^SUMMARY: .* 1024 byte\(s\) leaked in 1 allocation/m;
    }

    return $said;
}


subtest 'without a last good one, a bad one is fatal' => sub {
    put('one.yaml' => $bad);

    my $said = fails_to_start();

    like $said, qr/\[error\] .*one.yaml:2:5: invalid URL/, 'the first problem is told';
    like $said, qr/\[error\] .*one.yaml:3:5: peer without "url"/, 'the second, too';
    like $said, qr/\[error\] .*there is no last good registry "\Q$kept\E"/, 'and why nothing helps';
    like $said, qr/\[emerg\] .*the registry is bad in/, 'in the end';
};

subtest 'what is good is kept' => sub {
    put();
    start();
    is get('users'), 200, 'it serves';
    is get('others'), 200, 'all of it';
    ok -f $kept, 'it is on disk';
    like slurp($kept), qr/"name":"\Q@{[ $ng->path('one.yaml') ]}\E","text":"users:\\n  - http:/, 'as it was';
    is_deeply [$ng->log_lines(qr/last good/)], [], 'without a word';
};

subtest 'a bad one at a reload changes nothing, and is not kept' => sub {
    my $before = slurp($kept);

    put('two.yaml' => $bad);
    ok !$ng->reload, 'refused';
    is get('others'), 200, 'and what was, is';
    is slurp($kept), $before, 'on disk, too';
};

subtest 'a bad one at a start: the last good one serves' => sub {
    $b->mode(1, 'close');
    get('users');
    $b->mode(1, 'ok');
    ok wait_for { slurp($ng->path('state/breakers.json')) =~ /"state":"open"/ }, 'a breaker is open';
    $ng->stop(name => 'nginx was well');

    my $before = slurp($kept);

    put('one.yaml' => $bad, 'two.yaml' => "nonsense\n");
    $b->reset_counters;
    start();
    is get('others'), 200, 'it serves';
    is get('block'), 200, 'blocks as ever';
    is get('users'), 503, 'with the breakers that it had';
    is $b->requests(1), 0, 'so that nothing reaches that peer';
    is scalar($ng->log_lines(qr/\[error\] .*one.yaml:2:5: invalid URL/)), 1, 'the first problem is told';
    is scalar($ng->log_lines(qr/\[error\] .*one.yaml:3:5: peer without "url"/)), 1, 'the second, too';
    is scalar($ng->log_lines(qr/\[error\] .*starting with the last good one, "\Q$kept\E"/)), 1,
        'and what is done about it';
    is_deeply [$ng->log_lines(qr/\[(?:emerg|alert|crit)\]/)], [], 'nothing worse than that';
    is slurp($kept), $before, 'what is kept is as good as it was';

    my $config = status($ng)->{config};

    like $config->{error}{message}, qr/one.yaml:2:5: invalid URL.*one.yaml:3:5: peer without/s,
        'the status has the problems, too';
    pause(1);    # the leader looks at the files
    is scalar($ng->log_lines(qr/\[error\] .*one.yaml:2:5: /)), 1, 'which are not told again';

    my ($code, $said) = $ng->config_test;

    is $code, 1, 'nginx -t still refuses it';
    like $said, qr/\[emerg\] .*one.yaml:2:5: invalid URL/, 'and says why';
    unlike $said, qr/last good/, 'without that help';
    ok !$ng->reload, 'so does a reload';

    $ng->allow(qr/unknown service/);
    put('one.yaml' => "more:\n  - http://%%BACKEND_1%%\n");
    ok +(wait_for { get('more') == 200 }), 'until it is good again: that serves, without a reload';
    is get('users'), 404, 'and nothing else';
    ok +(wait_for { slurp($kept) =~ /"text":"more:/ }), 'and is kept';
    is status($ng)->{config}{error}, undef, 'nothing is wrong any more';
};

subtest 'what was taken over while nginx ran is the last good one' => sub {
    put('one.yaml' => "late:\n  - http://%%BACKEND_1%%\n");
    ok +(wait_for { slurp($kept) =~ /"text":"late:/ }), 'it is kept within a second or two';
    is get('late'), 200, 'it serves';
    ok $ng->crash, 'killed';
    put('one.yaml' => $bad);
    start();
    is get('late'), 200, 'it serves at the next start';
    put('one.yaml' => "more:\n  - http://%%BACKEND_1%%\n");
    ok +(wait_for { slurp($kept) =~ /"text":"more:/ }), 'until another is good';
};

subtest 'a variable that nobody sets' => sub {
    $ng->stop(name => 'nginx was well');
    put('one.yaml' =>
            "services:\n  more: {balance: hash \$nobody_set_this, peers: ['http://%%BACKEND_1%%']}\n");
    start();
    is get('more'), 200, 'the last good one serves';
    is scalar($ng->log_lines(
        qr/\[error\] .*one.yaml:2:\d+: unknown "nobody_set_this" variable/)), 1,
        'it is told, with its place';
    like status($ng)->{config}{error}{message}, qr/one.yaml:2:\d+: unknown.*\n.* \| +\^/s, 'by the status, too';
    put('one.yaml' => "more:\n  - http://%%BACKEND_1%%\n");
    ok +(wait_for { !status($ng)->{config}{error} }), 'until it is good again';

    put('one.yaml' =>
            "services:\n  more: {balance: hash \$nobody_set_this, peers: ['http://%%BACKEND_1%%']}\n");
    ok +(wait_for { (status($ng)->{config}{error}{message} // '') =~ /one.yaml:2:\d+: unknown "nobody/ }),
        'while nginx runs, in the same words';
    put('one.yaml' => "more:\n  - http://%%BACKEND_1%%\n");
    ok +(wait_for { !status($ng)->{config}{error} }), 'and back';
};

subtest 'files that are not there' => sub {
    $ng->stop(name => 'nginx was well');
    unlink $ng->path('one.yaml');
    start();
    is get('more'), 200, 'the last good one serves';
    pause(1);
    is scalar($ng->log_lines(qr/\[error\] .*open\(\) ".*one.yaml" failed \(2: /)), 1, 'that is told once';
    put('one.yaml' => "more:\n  - http://%%BACKEND_1%%\n");
    $ng->stop(name => 'nginx was well');
};

subtest 'a last good one that is none' => sub {
    my $good = slurp($kept);
    my %bad  = (
        'cut off' => [substr($good, 0, 60), qr/is no JSON from byte 61 on/],
        'changed' => [$good =~ s/more:/mere:/r, qr/has been changed: its checksum is wrong/],
        'another' => ['{"schema":1,"kind":"x","sources":[]}', qr/is not a document of "kerberos registry"/],
    );

    put('one.yaml' => $bad);

    for my $what (sort keys %bad) {
        my ($text, $why) = $bad{$what}->@*;

        $ng->write_file('state/registry.json', $text);

        my $said = fails_to_start();

        like $said, qr/\[error\] .*one.yaml:2:5: /, "$what: problems are told";
        like $said, qr/\[error\] .*there is no last good registry: "\Q$kept\E" $why/, "$what: this one, too";
    }

    $ng->write_file('state/registry.json', $good);
    start();
    is get('more'), 200, 'as it was, it serves';
    $ng->stop(name => 'nginx was well');
};

subtest 'without kerberos_state a bad one is fatal, as ever' => sub {
    $ng->configure(http => $conf =~ s/kerberos_state.*//r);

    my $said = fails_to_start();

    like $said, qr/\[emerg\] .*one.yaml:2:5: /, 'and says why';
    unlike $said, qr/last good/, 'and no more';
};

done_testing;
