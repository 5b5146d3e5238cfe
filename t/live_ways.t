#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# All the ways in which a file changes, by editors, deployments and hands: each is taken over, and
# what is not there changes nothing.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Path qw(make_path remove_tree);

use Kerberos::Test;
use Kerberos::Test::Preload qw(preload);

my $backend = backend(3);

sub conf ($files) { return <<"EOC" }
    kerberos_registry $files;
    server {
        listen 127.0.0.1:%%PORT%%;
        add_header X-Pid \$pid always;
        location = /status { kerberos_status; }
        location ~ ^/(?<service>\\w+)/ { kerberos_service \$service; proxy_pass http://kerberos; }
    }
EOC

# Each edition has a service of its own name.

my $name = 'a0';

sub registry ($name) { return "$name: [http://%%BACKEND_1%%]\n" }
sub edition ()       { $name++; return registry($name) }

sub start ($files, %file) {
    my $ng = nginx(backend => $backend, start => 0, http => conf($files));

    $ng->write_file($_, $file{$_}) for keys %file;

    return $ng->start;
}

sub spill ($ng, $file, $text) {
    my $rendered = $ng->{conf}->render($text);

    # It is empty for a moment, and the shorter the better.
    open my $out, '>:raw', $ng->path($file) or die "$file: $!\n";
    print {$out} $rendered;
    close $out or die "$file: $!\n";
    return;
}

sub move ($ng, $from, $to) { rename $ng->path($from), $ng->path($to) or die "$from: $!\n"; return }

sub services ($ng) { return join ' ', sort map { $_->{name} } status($ng)->{services}->@* }

sub taken ($ng, $services, $what) {
    my $ok = ok +(wait_for { services($ng) eq $services } 5), $what;

    diag 'in force: ', services($ng), ", wanted: $services" if !$ok;
    return $ok;
}

sub generation ($ng) { return status($ng)->{generation} }
sub lines ($ng)      { return scalar $ng->log_lines(qr/registry taken over/) }


subtest 'a file' => sub {
    my $ng = start('services.yaml', 'services.yaml' => edition);

    taken($ng, $name, 'the first');

    spill($ng, '.services.yaml.tmp', edition);
    move($ng, '.services.yaml.tmp', 'services.yaml');
    taken($ng, $name, 'renamed over it');

    spill($ng, 'services.yaml', edition);
    taken($ng, $name, 'written in place');

    spill($ng, '4913', edition);
    move($ng, 'services.yaml', 'services.yaml~');
    move($ng, '4913', 'services.yaml');
    unlink $ng->path('services.yaml~');
    taken($ng, $name, 'as an editor does it: the old one renamed away, the new one in its place');

    # Byte after byte, for longer than a look takes: what is there before the end is never seen.
    my $before = $name;
    my $text   = $ng->{conf}->render("# a comment that is longer than the rest of this file\n" . edition);
    open my $out, '>:raw', $ng->path('services.yaml') or die $!;
    $out->autoflush;
    for my $byte (split //, $text) {
        print {$out} $byte;
        pause(0.015);
    }
    is services($ng), $before, 'half a file that is still being written';
    close $out;
    taken($ng, $name, 'and the whole of it');
    is scalar($ng->log_lines(qr/not taken over/)), 0, 'nobody has taken the half for a file';

    link $ng->path('services.yaml'), $ng->path('other') or die $!;
    spill($ng, 'other', edition);
    taken($ng, $name, 'by another name of the same file');
};

subtest 'a folder that is a ConfigMap' => sub {
    my $ng = nginx(backend => $backend, start => 0, http => conf('map/services.yaml'));
    my $n  = 0;

    my $mount = sub ($text) {
        my $data = sprintf '..2026_11_20_%02d', ++$n;
        $ng->write_file("map/$data/services.yaml", $text);
        symlink $data, $ng->path('map/..data_tmp') or die $!;
        move($ng, 'map/..data_tmp', 'map/..data');
        remove_tree($ng->path(sprintf 'map/..2026_11_20_%02d', $n - 1)) if $n > 1;
    };

    $mount->(edition);
    symlink '..data/services.yaml', $ng->path('map/services.yaml') or die $!;
    $ng->start;
    taken($ng, $name, 'the first');

    for my $time (1 .. 3) {
        $mount->(edition);
        taken($ng, $name, "its link is swapped, time $time");
    }
};

subtest 'what the kernel does not tell of' => sub {
    my $ng = nginx(backend => $backend, start => 0, http => conf('now/services.yaml'));

    $ng->write_file('one/services.yaml', edition);
    symlink 'one', $ng->path('now') or die $!;
    $ng->start;
    taken($ng, $name, 'the first');

    for my $folder (qw(two one)) {
        $ng->write_file("$folder/services.yaml", edition);
        symlink $folder, $ng->path('now.new') or die $!;
        move($ng, 'now.new', 'now');
        taken($ng, $name, "the folder is a link, and now \"$folder\"");
    }

    spill($ng, 'one/services.yaml', edition);
    taken($ng, $name, 'a file in it');
};

subtest 'a file that is gone' => sub {
    my $ng = start('services.yaml', 'services.yaml' => edition);
    my $generation = generation($ng);

    $ng->mark_log;
    move($ng, 'services.yaml', 'aside');
    ok $ng->wait_for_log(qr/open\(\) ".*services\.yaml" failed \(2: /), 'the log tells';
    ok wait_for { status($ng)->{config}{error} }, 'and so does the status';
    like status($ng)->{config}{error}{message}, qr/services\.yaml" failed \(2: /, 'what is wrong';
    is services($ng), $name, 'what is in force stays';
    is http_get($ng->port, "/$name/")->{status}, 200, 'and serves';

    pause(1.2);        # some looks later
    ok +(wait_for { $ng->log_lines(qr/services\.yaml" failed/) == 1 }), 'it is told once';
    ok +(wait_for { $ng->log_lines(qr/not taken over/) == 1 }), 'and once what follows';

    # Whatever makes it worth to look again, it is the same that is wrong, until it is another thing.
    spill($ng, 'beside.yaml', $_) for 1 .. 2;
    pause(0.5);
    is scalar($ng->log_lines(qr/not taken over/)), 1, 'nor is it told again when something else changes';
    make_path($ng->path('services.yaml'));
    ok $ng->wait_for_log(qr/services\.yaml" is not a file/), 'a folder in its place is another thing';
    ok +(wait_for { $ng->log_lines(qr/not taken over/) == 2 }), 'and told';
    remove_tree($ng->path('services.yaml'));

    move($ng, 'aside', 'services.yaml');
    ok +(wait_for { !status($ng)->{config}{error} } 5), 'it is back: the error is gone';
    ok $ng->wait_for_log(qr/\[notice\].*registry is again what is in force/), 'the log says so';
    is generation($ng), $generation, 'the generation is the same';

    unlink $ng->path('services.yaml');
    ok wait_for { status($ng)->{config}{error} }, 'gone again';
    spill($ng, 'services.yaml', edition);
    taken($ng, $name, 'another comes in its place');
    is status($ng)->{config}{error}, undef, 'no error is left';
};

subtest 'a folder that is gone' => sub {
    my $ng = start('files/services.yaml', 'files/services.yaml' => edition);

    remove_tree($ng->path('files'));
    ok wait_for { status($ng)->{config}{error} }, 'the status tells';
    is services($ng), $name, 'what is in force stays';

    make_path($ng->path('files'));
    spill($ng, 'files/services.yaml', edition);
    taken($ng, $name, 'made anew');

    # The folder is another, and watched again.
    spill($ng, 'files/services.yaml', edition);
    taken($ng, $name, 'and changed');

    $ng->write_file('fresh/services.yaml', edition);
    move($ng, 'files', 'stale');
    move($ng, 'fresh', 'files');
    taken($ng, $name, 'another folder in its place');
};

subtest 'what is no change' => sub {
    my $ng = start('services.yaml', 'services.yaml' => edition);

    ok $ng->wait_for_log(qr/start worker/), 'started';
    my $generation = generation($ng);

    utime undef, undef, $ng->path('services.yaml') for 1 .. 2;
    pause(0.5);
    spill($ng, 'services.yaml', registry($name));
    pause(0.5);
    spill($ng, 'beside.yaml', 'nonsense');
    chmod 0600, $ng->path('services.yaml');

    # After all that something that is one, so that the looks before have ended.
    pause(1);
    is generation($ng), $generation, 'touched, written again, another file beside it: the same generation';
    is lines($ng), 0, 'nothing was taken over';
    spill($ng, 'services.yaml', edition);
    taken($ng, $name, 'a change');
    is generation($ng), $generation + 1, 'the next generation';
    ok +(wait_for { lines($ng) == 1 }), 'is the first line' or diag lines($ng);
};

subtest 'what is bad is told once' => sub {
    my $ng = start('services.yaml', 'services.yaml' => edition);
    my $told = sub () { return scalar $ng->log_lines(qr/not taken over/) };

    $ng->allow(qr/services\.yaml/);
    spill($ng, 'services.yaml', "a: 1\n");
    ok wait_for { $told->() == 1 }, 'a bad file';

    for my $way ('touched', 'written again') {
        $way eq 'touched' ? utime(undef, undef, $ng->path('services.yaml'))
            : spill($ng, 'services.yaml', "a: 1\n");
        pause(0.7);
        is $told->(), 1, "$way, it is the same";
    }

    # Whoever leads next reads it for the first time, and knows what the other said.
    for my $pid ($ng->workers) {
        $ng->kill_worker($pid);
    }
    pause(1);
    is $told->(), 1, 'nor do others tell it again';
    like status($ng)->{config}{error}{message}, qr/services\.yaml:1:4/, 'the status has it still';

    spill($ng, 'services.yaml', "a: 2\n");
    ok wait_for { $told->() == 2 }, 'another is told';
    spill($ng, 'services.yaml', edition);
    taken($ng, $name, 'and a good one is taken');
};

subtest 'files of a folder, and variables beside them' => sub {
    local $ENV{LIVE_SVC_INSTANCES} = 'x:http://' . $backend->address(3) . '::1:5s';

    my $ng = start('conf.d/*.yaml env:', 'conf.d/10.yaml' => registry('ten'));

    taken($ng, 'live ten', 'one file and the variables');

    $ng->write_file('conf.d/20.yaml', registry('twenty'));
    taken($ng, 'live ten twenty', 'a file comes');

    spill($ng, 'conf.d/20.txt', 'no file of ours');
    $ng->write_file('conf.d/30.yaml', registry('thirty'));
    taken($ng, 'live ten thirty twenty', 'another');

    unlink $ng->path('conf.d/20.yaml');
    taken($ng, 'live ten thirty', 'one goes');

    my $generation = generation($ng);
    $ng->write_file('conf.d/40.yaml', registry('ten'));
    ok wait_for { status($ng)->{config}{error} }, 'a service that another file has';
    like status($ng)->{config}{error}{message}, qr/40\.yaml:1:1: .*ten.*10\.yaml/s, 'both are named';
    is generation($ng), $generation, 'nothing changes';

    move($ng, 'conf.d/40.yaml', 'conf.d/40.off');
    ok wait_for { !status($ng)->{config}{error} }, 'until it is gone';

    is http_get($ng->port, "/$_/")->{status}, 200, "\"$_\" serves" for qw(live ten thirty);
};

subtest 'a file that never stops changing' => sub {
    my $ng = start('services.yaml', 'services.yaml' => edition);

    my $seen = 0;
    my $until = now() + 4;

    while (now() < $until) {
        spill($ng, '.tmp', edition);
        move($ng, '.tmp', 'services.yaml');
        pause(0.004);
    }
    $seen = lines($ng);
    cmp_ok $seen, '>=', 2, "is taken over now and then: $seen times in four seconds";
    taken($ng, $name, 'and in the end');
};

# Some file systems and kernels tell nothing at all: then there are the looks.

subtest 'without inotify' => sub {
    local $ENV{KERBEROS_PRELOAD} = $ENV{KERBEROS_PRELOAD};
    local $ENV{NO_INOTIFY};
    preload('hold', NO_INOTIFY => 1);

    my $ng = start('services.yaml', 'services.yaml' => edition);

    ok $ng->wait_for_log(qr/\[notice\].*inotify_init1\(\) failed/), 'the log says that there is none';

    spill($ng, '.tmp', edition);
    move($ng, '.tmp', 'services.yaml');
    taken($ng, $name, 'renamed over it');
    spill($ng, 'services.yaml', edition);
    taken($ng, $name, 'written in place');
    $ng->write_file('services.yaml', "more\n");
    $ng->allow(qr/services\.yaml/);
    ok wait_for { status($ng)->{config}{error} }, 'a bad one';
    is services($ng), $name, 'changes nothing';
    $ng->write_file('services.yaml', edition);
    taken($ng, $name, 'a good one');
    ok +(wait_for { $ng->log_lines(qr/not taken over/) == 1 }), 'one line for what was bad'
        or diag $ng->log_lines(qr/services\.yaml|not taken/);
};

# Every few milliseconds a little more, and it is half a quote until the end. A file that rests for
# 20 ms is taken for whole, so this says something only where the writer has had no such rest.

sub write_slowly ($ng, $text) {
    my ($longest, $last) = (0, now());

    for my $n (1 .. 60) {
        spill($ng, 'services.yaml', $n == 60 ? $text : qq(x: "$n));
        my $now = now();
        $longest = $now - $last if $n > 1 && $now - $last > $longest;
        $last = $now;
        pause(0.004) if $n < 60;
    }
    return $longest;
}

subtest 'somebody writes for a while: nobody is told of half a file' => sub {
    my $ng = start('services.yaml', 'services.yaml' => edition);
    my $longest;

    $ng->allow(qr/services\.yaml/);
    for my $time (1 .. 10) {
        $ng->mark_log;
        $longest = write_slowly($ng, edition);
        taken($ng, $name, 'the end of it is taken over');
        last if $longest < 0.015;
    }
    return pass 'this machine is too busy to write without a rest' if $longest >= 0.015;
    is scalar($ng->log_lines(qr/\[error\]/)), 0, 'and nothing else was worth a line';
};

done_testing;
