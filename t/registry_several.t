#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# A registry of several files, which patterns may name: one name space, read as a whole or not at
# all, and every problem of all of them told at once.

use v5.36;

use Fcntl qw(O_WRONLY SEEK_SET);
use FindBin;
use POSIX ();
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Process qw(terminate);

my $b  = backend(3);
my $ng = nginx(backend => $b, start => 0, http => <<'EOF');
    kerberos_registry services.yaml conf.d/*.yaml;
    upstream block { server %%BACKEND_2%%; kerberos_balance round_robin; }
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /status { kerberos_status; }
        location ~ ^/(?<name>\w+) { kerberos_service $name; proxy_pass http://kerberos; }
    }
EOF

sub get ($path) { return http_get($ng->port, $path) }


# nginx -t of these files, or those of the configuration: its code, what it says of places in them
# as "FILE:LINE:COLUMN: text" with the file relative to the prefix, and all that it says.

sub told (@registry) {
    my ($code, $said) = $ng->config_test(@registry ? "kerberos_registry @registry;" : ());
    my $prefix = $ng->path;

    return ($code,
        [map {m{^nginx: \[emerg\] \Q$prefix\E/(.*:\d+:\d+: .*)} ? $1 : ()} split /\n/, $said],
        $said);
}


# These files, and no others.

sub write_files (%file) {
    unlink glob $ng->path('conf.d/*');
    $ng->write_file($_, $file{$_}) for keys %file;
    return;
}


subtest 'all of them serve' => sub {
    write_files(
        'services.yaml'    => "one:\n  - http://%%BACKEND_1%%\n",
        'conf.d/two.yaml'  => "two:\n  - http://%%BACKEND_2%%\n",
        'conf.d/more.yaml' => "services:\n  three:\n    - http://%%BACKEND_3%%\n",
        'conf.d/no.yml'    => 'not even YAML: [',
    );
    $ng->start;

    is get("/$_")->{status}, 200, $_ for qw(one two three);
    is get('/four')->{status}, 404, 'others do not';
    is_deeply [map { $_->{name} } status($ng)->{services}->@*], [qw(block one three two)],
        'in the order of the files: a pattern is sorted';
};

subtest 'files come and go' => sub {
    my $names = sub { return join ' ', map { $_->{name} } status($ng)->{services}->@* };

    $ng->write_file('conf.d/new.yaml', "new: [\"http://%%BACKEND_1%%\"]\n");
    ok((wait_for { $names->() eq 'block one three new two' } 10), 'a new file') or diag $names->();
    is get('/new')->{status}, 200, 'serves';

    unlink $ng->path('conf.d/new.yaml');
    ok((wait_for { $names->() eq 'block one three two' } 10), 'a file that is gone')
        or diag $names->();
    is get('/new')->{status}, 404, 'serves no more';
};

subtest 'defaults are for their own file' => sub {
    $ng->write_file('conf.d/two.yaml', <<'EOF');
defaults: {breaker: {threshold: 1, timeout: 60s}}
services: {two: ["http://%%BACKEND_2%%"]}
EOF
    ok $ng->reload, 'reloaded';

    $b->mode($_, 'close') for 2, 3;
    get('/two');
    get('/three');
    is get('/two')->{status},   503, 'one failure opens the breaker of a service of that file';
    is get('/three')->{status}, 502, 'and not of another';
};

subtest 'a service stands in one file' => sub {
    write_files(
        'services.yaml' => "one: [http://127.0.0.1:1]\ntwo: [http://127.0.0.1:1]\n",
        'conf.d/b.yaml' => "services:\n  two: [http://127.0.0.1:2]\n",
        'conf.d/a.yaml' => "one:\n  - http://127.0.0.1:3\nblock: [http://127.0.0.1:1]\n",
    );
    my ($code, $told, $said) = told();

    is $code, 1, 'refused';
    my $at = $ng->path('services.yaml');
    is_deeply $told, [
        qq{conf.d/a.yaml:1:1: service "one" is defined twice (first at $at:1:1)},
        'conf.d/a.yaml:3:1: service "block" has the name of an upstream block',
        qq{conf.d/b.yaml:2:3: service "two" is defined twice (first at $at:2:1)},
    ], 'and both places are named' or diag $said;
};

subtest 'the problems of all files are told at once' => sub {
    write_files(
        'services.yaml' => "one: [ftp://127.0.0.1]\n",
        'conf.d/a.yaml' => "a: [\n",
        'conf.d/b.yaml' => "b: [http://127.0.0.1:1]\n",
        'conf.d/c.yaml' => "c: [http://127.0.0.1:1]\nd: [http://127.0.0.1:0]\n",
    );
    mkdir $ng->path('conf.d/d.yaml') or die $!;
    my ($code, $told, $said) = told();
    rmdir $ng->path('conf.d/d.yaml') or die $!;

    is $code, 1, 'refused';
    is_deeply [map {s/ .*//r} @$told],
        [qw(services.yaml:1:7: conf.d/a.yaml:1:4: conf.d/c.yaml:2:5:)],
        'in the order of the files' or diag $said;
    like $said, qr{conf\.d/d\.yaml" is not a file of at most 16m in \S+:\d+$}m, 'and what is none';
    like $said, qr/emerg\]     2 \| d: \[http:\S+\]\n.*emerg\]       \|     \^~{17}\n/,
        'with the line and a caret';
};

subtest 'of very many problems a hundred are told' => sub {
    write_files('services.yaml' => join '', map {"s$_: [x]\n"} 1 .. 130);
    my ($code, $told, $said) = told();

    is $code, 1, 'refused';
    is scalar @$told, 100, 'a hundred';
    like $said, qr/^nginx: \[emerg\] and 30 more problems$/m, 'and how many more';
};

subtest 'a pattern may match nothing, a name may not' => sub {
    write_files('services.yaml' => "one: [http://127.0.0.1:1]\n");

    my ($code, undef, $said) = told('conf.d/*.yaml');
    is $code, 0, 'no file at all' or diag $said;

    ($code, undef, $said) = told('nowhere/*.yaml', 'serv[h-j]ces.yaml');
    is $code, 0, 'no folder' or diag $said;

    ($code, undef, $said) = told('conf.d/*.yaml', 'nowhere.yaml', 'neither.yaml');
    is $code, 1, 'a name without a file';
    like $said, qr/open\(\) "\Q${\ $ng->path($_)}\E" failed \(2: No such file/, "$_ is named"
        for 'nowhere.yaml', 'neither.yaml';

    ($code, my $told) = told('services.yaml', 's*.yaml');
    is $code, 1, 'one file twice';
    is_deeply $told, ['services.yaml:1:1: this file is given twice'], 'is said to be';
};

subtest 'what is no file is not waited for' => sub {
    POSIX::mkfifo($ng->path('conf.d/pipe.yaml'), 0600) or die $!;
    my ($code, undef, $said) = told('conf.d/*.yaml');
    unlink $ng->path('conf.d/pipe.yaml');

    is $code, 1, 'refused';
    like $said, qr/pipe\.yaml" is not a file/, 'a pipe';
};

# Somebody writes the same over and over again.

subtest 'a file is read when it rests' => sub {
    my $text   = "a: [http://127.0.0.1:1]\n";
    my $path   = $ng->write_file('conf.d/a.yaml', $text);
    my $parent = $$;
    my $writer = fork() // die "fork: $!";

    if (!$writer) {
        sysopen my $file, $path, O_WRONLY or POSIX::_exit(1);

        while (getppid() == $parent) {
            sysseek $file, 0, SEEK_SET;
            syswrite $file, $text;
            select undef, undef, undef, 0.001;
        }
        POSIX::_exit(0);
    }

    my ($code, undef, $said);
    my $refused = wait_for { ($code, undef, $said) = told('conf.d/*.yaml'); $code } 30;

    terminate($writer, KILL => 5);
    ok $refused, 'refused while it changes';
    like $said, qr/a\.yaml" changes while it is read in \S+:\d+$/m, 'and why';

    ($code, undef, $said) = told('conf.d/*.yaml');
    is $code, 0, 'read as soon as it rests' or diag $said;
};

done_testing;
