#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# What becomes of the folder of kerberos_state: nginx makes it, gives it to its workers, and says
# what is wrong with it. Whatever somebody has put there, nginx starts, says so once, and serves.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Path qw(make_path remove_tree);

use Kerberos::Test;
use Kerberos::Test::Log qw(slurp);

my $b    = backend(1);
my $conf = <<'EOC';
    kerberos_state state/;
    upstream u {
        server %%BACKEND_1%%;
        kerberos_breaker threshold=1 timeout=60s jitter=0%;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /status { kerberos_status; }
        location / { proxy_pass http://u; }
    }
EOC
my $ng   = nginx(backend => $b, http => $conf, start => 0);
my $dir  = $ng->path('state');
my $file = "$dir/breakers.json";

sub get ()   { return http_get($ng->port, '/')->{status} }
sub breaker_state () { return peer(status($ng), 'u', $b->address(1))->{breaker}{state} }

# Puts something in the place of the file, while nginx does not run.

sub put ($text) {
    make_path($dir);
    remove_tree($file);
    open my $out, '>:raw', $file or die "$file: $!\n";
    print {$out} $text;
    close $out or die "$file: $!\n";

    return;
}

# A file that is whole and good, and says that the peer is out.

sub good (%change) {
    my %row = (
        service => 'u',
        peer    => $b->address(1),
        address => $b->address(1),
        state   => 'open',
        until   => int((time + 40) * 1000),
        opened  => int(time * 1000),
        trips   => 1,
        %change,
    );

    return encode_json({
        schema   => 1,
        kind     => 'kerberos breakers',
        breakers => [{ map { defined $row{$_} ? ($_ => $row{$_}) : () } keys %row }],
    });
}

sub encode_json ($value) {
    require JSON::PP;
    return JSON::PP->new->canonical->encode($value);
}

# Starts, serves, and ends; returns the lines of the log on that state.

sub run_with ($name, $status = 200) {
    $ng->mark_log;
    $ng->start;
    is get(), $status, "$name: a request is answered";
    is breaker_state(), $status == 200 ? 'closed' : 'open', "$name: the breaker";

    my @lines = $ng->log_lines(qr/state of breakers|restored/);

    ok wait_for { slurp($file) =~ /\A\{"schema":1.*\}\n\z/ && -f $file && !-l $file },
        "$name: there is a good file soon";
    is scalar($ng->log_lines(qr/state of breakers|restored/)), scalar(@lines), "$name: said once";
    $ng->stop(name => "$name: nginx was well");

    return @lines;
}


subtest 'the folder is made' => sub {
    is_deeply [run_with('no folder')], [], 'without a word';
    is sprintf('%04o', (stat $dir)[2] & 07777), '0700', 'for nginx alone';
    ok -f $file, 'with a file in it';
};

subtest 'what is good is used' => sub {
    put(good());

    my ($line, @more) = run_with('good', 503);

    like $line, qr/\[notice\] .*state of 1 breakers restored, 1 of them open \(0 of other peers, 0 invalid\)/;
    is_deeply \@more, [], 'in one line';
    like slurp($file), qr/"state":"open"/, 'and kept';
};

subtest 'what is broken is refused, as a whole' => sub {
    my $good = good();
    my %bad  = (
        'an empty file'      => ['', qr/is no JSON from byte 1 on/],
        'half a file'        => [substr($good, 0, length($good) / 2), qr/is no JSON from byte \d+ on/],
        'all but the end'    => [substr($good, 0, -1), qr/is no JSON from byte \d+ on/],
        'garbage'            => [join('', map { chr(0x80 | 37 * $_ & 0xff) } 1 .. 5000), qr/is no JSON from byte \d+ on/],
        'zeroes'             => ["\0" x 4096, qr/is no JSON from byte 1 on/],
        'another document'   => ['{}', qr/is not a document of "kerberos breakers"/],
        'another schema'     => [$good =~ s/"schema":1/"schema":99/r, qr/has schema 99, known is 1/],
        'something deep'     => ['[' x 100_000, qr/is not of the right form/],
    );

    for my $what (sort keys %bad) {
        my ($text, $why) = $bad{$what}->@*;

        put($text);

        my ($line, @more) = run_with($what);

        like $line, qr/\[error\] .*no state of breakers restored: "\Q$file\E" $why/, "$what: told";
        is_deeply \@more, [], "$what: in one line";
    }
};

subtest 'a row that makes no sense costs no other' => sub {
    for my $change ({ state => 'ajar' }, { until => undef }, { until => -5 }, { trips => 'many' },
        { address => undef }, { until => 1e300 }) {
        my ($what) = map { "$_ " . ($change->{$_} // 'nothing') } keys %$change;

        put(good(%$change));
        like +(run_with($what))[0], qr/0 breakers restored, .*, 1 invalid/, "$what: counted";
    }

    put(good(address => '10.9.8.7:80'));
    like +(run_with('another address'))[0], qr/0 breakers restored, .*1 of other peers/, 'counted';
};

subtest 'times that cannot be' => sub {
    put(good(until => 1000));
    like +(run_with('long ago'))[0], qr/1 of them open/, 'restored, and probed by the first request';

    put(good(until => 253_402_300_000_000, opened => 253_402_300_000_000));
    $ng->start;
    cmp_ok peer(status($ng), 'u', $b->address(1))->{breaker}{retry_in}, '<=', 60,
        'in thousands of years: not longer than the configuration has it';
    $ng->stop(name => 'nginx was well');
};

subtest 'who died while he wrote' => sub {
    my @left = ("$file.4194303", "$dir/registry.json.4194302");     # no such processes
    my @mine = ("$file.$$", "$file.old", "$dir/notes");

    put(good());
    for my $name (@left, @mine) {
        open my $out, '>', $name or die "$name: $!\n";
    }
    run_with('leftovers', 503);
    is_deeply [grep {-e} @left], [], 'leaves nothing for ever';
    is_deeply [grep {-e} @mine], \@mine, 'but what is of others is left alone';
    unlink @mine;
};

subtest 'what is no file' => sub {
    for my $what (qw(folder fifo link)) {
        remove_tree($file);
        mkdir $file if $what eq 'folder';
        system('mkfifo', $file) if $what eq 'fifo';
        symlink $ng->write_file('elsewhere', good()), $file if $what eq 'link';

        $ng->mark_log;
        $ng->start;
        is get(), 200, "$what: serves";
        is scalar($ng->log_lines(qr/\[error\] .*"\Q$file\E" (?:is not a file|failed \(40: )/)), 1,
            "$what: told";
        ok +($what eq 'folder' || wait_for { -f $file && !-l $file }), "$what: replaced";
        ok +($ng->wait_for_log(qr/no state is kept: rename/)), 'which cannot be here' if $what eq 'folder';
        $ng->stop(name => "$what: nginx was well");
        like slurp($ng->path('elsewhere')), qr/"state":"open"/, 'and what it led to is as it was'
            if $what eq 'link';
    }
};

subtest 'who owns the file does not matter, as long as it can be read' => sub {
    plan skip_all => 'only root can give files away' if $> != 0;
    remove_tree($file);
    put(good());
    chown 65534, 65534, $file;
    chmod 0400, $file;
    run_with('of somebody else', 503);
    is +(stat $file)[4], 0, 'it is the workers\' now';
};

subtest 'a folder that goes away and comes back' => sub {
    put(good());
    $ng->mark_log;
    $ng->start;
    is get(), 503, 'serves what was kept';
    remove_tree($dir);
    ok +($ng->wait_for_log(qr/\[error\] .*no state is kept: \w+\(\) of "\Q$file\E" failed \(2: /)), 'told';
    pause(2.2);
    is scalar($ng->log_lines(qr/no state is kept/)), 1, 'once, though it is tried every second';
    mkdir $dir;
    ok +($ng->wait_for_log(qr/\[notice\] .*state is kept in "\Q$dir\E" again/)), 'and when it is well';
    like slurp($file), qr/"state":"open"/, 'as it was';
    $ng->stop(name => 'nginx was well');
};

is_deeply [map { s{.*/}{}r } glob "$dir/*"], ['breakers.json'], 'no other file was left';

subtest 'nginx -t' => sub {
    my ($code, $said) = $ng->config_test;
    is $code, 0, 'a folder that is there' or diag $said;

    put(substr good(), 0, 50);
    ($code, $said) = $ng->config_test;
    is $code, 0, 'what it holds is for the start';
    unlike $said, qr/restored/, 'and not read by a test';

    remove_tree($dir);
    ($code, $said) = $ng->config_test;
    is $code, 0, 'one that is not there yet';

    my %refused = (
        'kerberos_state none/such;'       => qr/mkdir\(\) ".*none\/such" failed \(2: No such file/,
        'kerberos_state nginx.conf;'      => qr/".*nginx.conf" is not a folder in .*test.conf:\d+/,
        'kerberos_state "";'              => qr/invalid value "" in "kerberos_state" directive/,
        'kerberos_state;'                 => qr/invalid number of arguments in "kerberos_state"/,
        'kerberos_state a b;'             => qr/invalid number of arguments in "kerberos_state"/,
        'kerberos_state a; kerberos_state b;' => qr/"kerberos_state" directive is duplicate/,
        'server { kerberos_state a; }'    => qr/"kerberos_state" directive is not allowed here/,
    );

    for my $text (sort keys %refused) {
        ($code, $said) = $ng->config_test($text);
        is $code, 1, "$text: refused";
        like $said, $refused{$text}, "$text: says why";
    }
};

done_testing;
