#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Bad input to kerberos_balance and to balance: of the registry: each mistake is refused by nginx -t
# with its place, and the refusal says what would be right.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;

# None of these is ever started.

my $ng = nginx(start => 0, workers => 1, http => '');

# What is written behind kerberos_balance, and in balance: "..."; what must be said of it.

my $METHODS = qr/round_robin.*least_conn.*random.*ewma.*hash/;
my $KEY     = qr/hash without a key/;
my $BOUND   = qr/bounded=.*100%.*1000%|100%.*1000%/;

my @BAD = (
    ['fastest',                       [qr/"fastest"/,            $METHODS]],
    ['roundrobin',                    [qr/"roundrobin"/,         qr/did you mean "round_robin"/]],
    ['least_con',                     [qr/"least_con"/,          qr/did you mean "least_conn"/]],
    ['least-conn',                    [qr/"least-conn"/,         qr/did you mean "least_conn"/]],
    ['Round_Robin',                   [qr/"Round_Robin"/,        qr/round_robin/]],
    ['EWMA',                          [qr/"EWMA"/,               $METHODS]],
    ['ip_hash',                       [qr/"ip_hash"/,            $METHODS]],
    ['adaptive',                      [qr/"adaptive"/]],
    ['hash',                          [$KEY]],
    ['hash bounded=125%',             [$KEY]],
    ['hash $arg_k bounded=99%',       [qr/"bounded=99%"/,        $BOUND]],
    ['hash $arg_k bounded=1001%',     [qr/"bounded=1001%"/,      $BOUND]],
    ['hash $arg_k bounded=0%',        [qr/"bounded=0%"/,         $BOUND]],
    ['hash $arg_k bounded=abc',       [qr/"bounded=abc"/,        $BOUND]],
    ['hash $arg_k bounded=125',       [qr/"bounded=125"/,        $BOUND]],
    ['hash $arg_k bounded=1.25',      [qr/"bounded=1\.25"/,      $BOUND]],
    ['hash $arg_k bounded=125.5%',    [qr/"bounded=125\.5%"/,    $BOUND]],
    ['hash $arg_k bounded=-125%',     [qr/"bounded=-125%"/,      $BOUND]],
    ['hash $arg_k bounded=99999999999999999999%', [qr/"bounded=9{20}%"/, $BOUND]],
    ['hash $arg_k bounded=',          [qr/"bounded="/,           $BOUND]],
    ['hash $arg_k bounded',           [qr/"bounded"/]],
    ['hash $arg_k bound=125%',        [qr/"bound=125%"/,         qr/bounded/]],
    ['hash $arg_k consistent',        [qr/"consistent"/]],
    ['hash $arg_k $arg_j',            [qr/"\$arg_j"/]],
    ['hash $arg_k bounded=125% bounded=150%', [qr/bounded/,       qr/duplicate/]],
    ['hash $arg_k bounded=125% adaptive',     [qr/"adaptive"/]],
    ['round_robin least_conn',        [qr/"least_conn"/]],
    ['round_robin adaptive adaptive', [qr/"adaptive"/]],
    ['round_robin adaptve',           [qr/"adaptve"/,            qr/\badaptive\b/]],
    ['round_robin bounded=125%',      [qr/"bounded=125%"/]],
    ['least_conn adaptive',           [qr/"adaptive"/]],
    ['least_conn two',                [qr/"two"/]],
    ['random two',                    [qr/"two"/]],
    ['random two least_conn',         [qr/"two"/]],
    ['ewma adaptive',                 [qr/"adaptive"/]],
    ['ewma tau=10s',                  [qr/"tau=10s"/]],
);

my @GOOD = (
    'round_robin', 'round_robin adaptive', 'least_conn', 'random', 'ewma',
    'hash $arg_k', 'hash key', 'hash $arg_k bounded=100%', 'hash $arg_k bounded=125%',
    'hash $arg_k bounded=1000%',
    'hash $host$arg_k', 'hash $cookie_user bounded=150%',
);

sub block ($text) { return "upstream u {\n server 127.0.0.1:9001;\n $text\n}\n" }

# nginx -t of a http block. The line that has to be named is marked by <!>.

sub refused ($http, $words, $what) {
    my ($code, $said) = $ng->config_test(http => $http =~ s/<!>//r);
    my ($before) = split /<!>/, $ng->{conf}->with(http => $http)->text('test'), 2;
    my $line = 1 + ($before =~ tr/\n//);

    return subtest $what => sub {
        is $code, 1, 'refused' or diag $said;
        like $said, $_, 'in these words' for @$words;
        like $said, qr/\[emerg\].* in \S*test\.conf:$line$/m, 'file and line named';
        unlike $said, qr/allowed: (?:allowed|did you)/, 'said once';
    };
}


subtest 'the directive' => sub {
    for (@BAD) {
        my ($bad, $words) = @$_;

        refused(block("<!>kerberos_balance $bad;"), $words, "kerberos_balance $bad");
    }
    refused(block('<!>kerberos_balance;'), [qr/invalid number of arguments in "kerberos_balance"/],
        'without a method');
    refused(block('<!>kerberos_balance "";'), [qr/""/, $METHODS], 'an empty method');
    refused(block('<!>kerberos_balance hash "";'), [qr/./], 'an empty key');
};

subtest 'twice' => sub {
    my $twice = [qr/"kerberos_balance" directive is duplicate/];

    refused(block("kerberos_balance $_->[0];\n <!>kerberos_balance $_->[1];"), $twice, "@$_")
        for ['least_conn', 'least_conn'], ['least_conn', 'ewma'], ['hash $arg_a', 'hash $arg_b'];
};

subtest 'where it may not stand' => sub {
    my $not_here = [qr/"kerberos_balance" directive is not allowed here/];

    refused("<!>kerberos_balance least_conn;\n", $not_here, 'http');
    refused("server {\n listen 127.0.0.1:%%PORT%%;\n <!>kerberos_balance least_conn;\n}\n",
        $not_here, 'server');
};

subtest 'beside a method of nginx' => sub {
    my @theirs = ('least_conn', 'ip_hash', 'hash $uri', 'hash $uri consistent', 'random two');

    for my $own (@theirs) {
        for my $ours ('least_conn', 'hash $arg_k', 'random') {
            for my $lines ("kerberos_balance $ours; $own;", "$own; kerberos_balance $ours;") {
                my ($code, $said) = $ng->config_test(http => block($lines));

                is $code, 1, $lines;
                like $said, qr/another load balancing method is not allowed/, 'is refused';
            }
        }
    }
};

subtest 'a variable that nobody sets' => sub {
    my ($code, $said) = $ng->config_test(http => block('kerberos_balance hash $nobody_set_this;'));

    is $code, 1, 'is refused';
    like $said, qr/unknown "nobody_set_this" variable/, 'by its name';
};

subtest 'what is right' => sub {
    for my $good (@GOOD) {
        my ($code, $said) = $ng->config_test(http => block("kerberos_balance $good;"));

        is $code, 0, $good or diag $said;
        unlike $said, qr/\[(?:warn|error)\]/, 'without a warning';
    }
};

done_testing;
