#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# kerberosctl validate says of a registry what the module says, without nginx, and tells scripts by
# its exit status and its formats.

use v5.36;

use File::Temp qw(tempdir);
use POSIX qw(mkfifo);
use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Ctl qw(kerberosctl command_output);
use Kerberos::Test::Process qw(spawn);

my $dir = tempdir(CLEANUP => 1);

sub file ($name, $text) {
    open my $out, '>:raw', "$dir/$name" or die "$name: $!\n";
    print {$out} $text or die "$name: $!\n";
    close $out or die "$name: $!\n";

    return "$dir/$name";
}

my $good = file('good.yaml', <<'EOF');
services:
  users: [http://10.0.0.1:8080, http://10.0.0.2:8080]
  search: {peers: [{url: http://10.0.1.1, weight: 2}]}
EOF

my $bad = file('bad.yaml', <<'EOF');
services:
  users:
    breaker: {tresholt: 3, timeout: 5x}
    peers: [http://10.0.0.1:8080]
EOF


subtest 'a good file' => sub {
    my ($code, $out, $err) = kerberosctl(['validate', $good]);

    is $code, 0, 'exit status';
    is $out, "ok: 2 services, 3 peers\n", 'in short';
    is $err, '', 'and no more';

    is +(kerberosctl(['validate', file('one.yaml', "a: [http://10.0.0.1]\n")]))[1],
        "ok: 1 service, 1 peer\n", 'one of each';
};

subtest 'a bad file' => sub {
    my ($code, $out, $err) = kerberosctl(['validate', $bad]);

    is $code, 3, 'exit status';
    is $out =~ s/allowed: threshold[\w, ]+/allowed: .../r, <<"EOF", 'every problem, its line, a caret';
$bad:3:15: unknown key "tresholt" (did you mean "threshold"? allowed: ...)
    3 |     breaker: {tresholt: 3, timeout: 5x}
      |               ^~~~~~~~
$bad:3:37: invalid value "5x" of "timeout" (a time such as 500ms, 30s or 5m, from 1ms to 24h)
    3 |     breaker: {tresholt: 3, timeout: 5x}
      |                                     ^~
2 errors; registry not loaded
EOF
    is $err, '', 'and no more';
};

subtest 'the same as the module' => sub {
    my $ng = nginx(start => 0, workers => 1, http => 'kerberos_registry services.yaml;');
    my $peers = 'peers: [http://10.0.0.1]';

    for (
        '',
        "users\n",
        "a:\n\t- http://10.0.0.1\n",
        "users:\n  - \"http://10.0.0.1\n",
        "a: &x [http://10.0.0.1]\nb: *x\n",
        "a: [http://10.0.0.1]\na: [http://10.0.0.2]\n",
        "services: {a: {$peers, balance: fastest}}\n",
        "services: {a: {$peers, breaker: {timeout: 2s, max_timeout: 1s}}}\n",
        "services: {a: {$peers, failure_on: [slow]}}\n",
        "services: {a: {$peers, timeouts: {conect: 1s}, keepalive: 0, tls: {verify: on}}}\n",
        "services: {a: {peers: [http://me:secret\@10.0.0.1]}}\n",
        "services: {a: {$peers, breaker: \"\${NOBODY_SETS_THIS}\"}}\n",
        "\xE6\x97\xA5: [http://10.0.0.1]\n",
        "a: [http://10.0.0.1" . ', http://10.0.0.1' x 50 . ", ftp://x]\n",
    ) {
        my $path = $ng->write_file('services.yaml', $_);
        my ($code, $said) = $ng->config_test;
        my @module = map {/^nginx: \[emerg\] (.*)/ ? $1 : ()} split /\n/, $said;
        my ($status, $out, $err) = kerberosctl(['validate', $path]);
        my @ours = split /\n/, $out;

        pop @ours;
        is $status, 3, 'refused';
        cmp_ok scalar(@ours), '>=', 1, 'for a reason';
        is_deeply \@ours, \@module, s/\n.*//sr || 'an empty file' or diag $said;
        unlike $out, qr/secret/, 'no secret is told';
    }
};

subtest 'several files are one registry' => sub {
    my $more = file('more.yaml', "orders: [http://10.0.0.3]\n");
    my $same = file('same.yaml', "users: [http://10.0.0.3]\n");

    is_deeply [(kerberosctl(['validate', $good, $more]))[0, 1]], [0, "ok: 3 services, 4 peers\n"],
        'added up';

    my ($code, $out) = kerberosctl(['validate', $good, $same]);

    is $code, 3, 'a service twice';
    like $out, qr/^\Q$same\E:1:1: .*\Q$good\E:2:3/, 'with both places';
};

subtest 'standard input and environment' => sub {
    my ($code, $out) = kerberosctl(['validate', '-'], in => "a: [http://10.0.0.1/x]\n");

    is $code, 3, 'refused';
    like $out, qr/^<stdin>:1:5: invalid URL/, 'with its place';

    my $yaml = qq(services: {a: {peers: [{url: "http://\${H}", weight: "\${W:-2}"}]}}\n);

    ($code, $out) = kerberosctl(['validate', '-'], in => $yaml, env => {H => '10.0.0.1'});
    is $out, "ok: 1 service, 1 peer\n", 'a variable';

    ($code, $out) = kerberosctl(['validate', '-'], in => $yaml, env => {H => 'x/y', W => 0});
    is $code, 3, 'a variable that is wrong';

    ($code, $out) = kerberosctl(['validate', 'env:'],
        env => {USER_SVC_INSTANCES => 'a:http://10.0.0.1:8080::5:30s'});
    is $out, "ok: 1 service, 1 peer\n", 'a service from variables' or diag $out;
};

subtest 'what cannot be read' => sub {
    my $large = "$dir/large.yaml";
    open my $file, '>', $large or die $!;
    truncate $file, 16 * 1024 * 1024 + 1 or die $!;

    my ($code, $out, $err) = kerberosctl(['validate', $good, "$dir/none.yaml", $dir, $large]);

    is $code, 3, 'refused';
    is $out, <<"EOF", 'and why, in the words of nginx';
open() "$dir/none.yaml" failed (2: No such file or directory)
"$dir" is not a file of at most 16m
"$large" is not a file of at most 16m
3 errors; registry not loaded
EOF

    my ($json) = (kerberosctl(['validate', '--format=json', "$dir/none.yaml"]))[1];
    is_deeply [map { @$_{qw(file text)} } decode_json($json)->{problems}->@*],
        ["$dir/none.yaml", qq(open() "$dir/none.yaml" failed (2: No such file or directory))], 'as json';

    my $pipe = "$dir/pipe";      # as of "<(...)" in a shell
    mkfifo($pipe, 0600) or die "mkfifo: $!\n";
    my $writer = spawn(argv => ['cat', $good], stdout => $pipe);
    is +(kerberosctl(['validate', $pipe]))[0], 0, 'a pipe is a file here';
    waitpid $writer, 0;
};

subtest 'formats' => sub {
    my ($code, $out) = kerberosctl(['validate', '--format', 'json', $bad]);
    my $said = decode_json($out);

    is $code, 3, 'exit status';
    ok !$said->{ok}, 'json: not ok';
    is_deeply [map { [@$_{qw(file line column length)}] } $said->{problems}->@*],
        [[$bad, 3, 15, 8], [$bad, 3, 37, 2]], 'json: places';
    like $said->{problems}[1]{text}, qr/^invalid value "5x" of "timeout" \(/, 'json: text';

    $said = decode_json((kerberosctl(['validate', '--format=json', $good]))[1]);
    is_deeply [@$said{qw(problems services peers)}], [[], 2, 3], 'json: a good file';
    ok $said->{ok}, 'json: ok';

    ($code, $out) = kerberosctl(['validate', '--format=json', '-'], in => "a: [\"\xff\"]\n");
    is scalar(decode_json($out)->{problems}->@*), 1, 'json: of bytes that are no text';

    my $odd = file('a,b:c%.yaml', "a: [ftp://x]\n");

    ($code, $out) = kerberosctl(['validate', '--format=github', $odd]);
    like $out, qr{^::error file=\Q$dir\E/a%2Cb%3Ac%25\.yaml,line=1,col=5,endColumn=12::invalid URL},
        'github';
    unlike $out, qr/\n./, 'one line for each';
    is_deeply [(kerberosctl(['validate', '--format=github', $good]))[0, 1]], [0, ''],
        'github: a good file';
};

subtest 'usage' => sub {
    for ([], ['nonsense'], ['validate'], ['validate', '--format'], ['validate', '--format=xml', $good],
        ['validate', '--nonsense', $good], ['schema', 'x'])
    {
        my ($code, $out, $err) = kerberosctl($_);

        is $code, 2, "@$_";
        is $out, '', 'nothing on standard output';
        like $err, qr/^kerberosctl: .*\n\nkerberosctl validate/, 'and how it is used';
    }

    my ($code, $out) = kerberosctl(['--help']);

    is $code, 0, '--help';
    like $out, qr/^kerberosctl schema$/m, 'tells of every command';

    my $dash = file('--format', "a: [http://10.0.0.1]\n");

    chdir $dir or die "$dir: $!\n";
    is_deeply [(kerberosctl(['validate', '--', '--format']))[0, 1]], [0, "ok: 1 service, 1 peer\n"],
        '-- ends the options';
};

subtest 'the script' => sub {
    my $script = root() . '/scripts/validate';
    my ($code, $out) = command_output([$script, 'good.yaml'], env => {BUILD => 'release'});

    is $code, 0, 'a file beside us' or diag $out;
    is $out, "ok: 2 services, 3 peers\n", 'is checked';
    is +(command_output([$script, 'bad.yaml']))[0], 3, 'a bad one is refused';
    is +(command_output([$script]))[0], 2, 'none is no use';
} if ($ENV{KERBEROS_CTL} // 'release') =~ /release/;

done_testing;
