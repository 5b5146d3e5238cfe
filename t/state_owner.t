#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Whose the folder of kerberos_state is: started by root, nginx gives it to the user of its workers;
# started by a user, it needs one that this user may write to. Where nothing can be written, nginx
# says so once and serves what it has.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Conf;
use Kerberos::Test::Log qw(slurp);

use constant NOBODY => 65534;

my $module = Kerberos::Test::Conf->module;
my $b      = backend(1);

# A whole file, for the harness would have the workers run as root.

sub conf ($folder) { return <<"EOC" }
load_module $module;
@{[ $> == 0 ? 'user nobody nogroup;' : '' ]}
worker_processes 2;
daemon off;
pid %%PREFIX%%/nginx.pid;
error_log %%PREFIX%%/error.log info;
events {}
http {
%%GLOBALS_HTTP%%
    kerberos_state $folder;
    upstream u {
        server %%BACKEND_1%%;
        kerberos_breaker threshold=1 timeout=60s jitter=0%;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /status { kerberos_status; }
        location / { proxy_pass http://u; }
    }
}
EOC

sub get ($ng) { return http_get($ng->port, '/')->{status} }

# A file that says that the peer is out.

sub put ($file) {
    my $address = $b->address(1);
    my $until   = int((time + 40) * 1000);

    open my $out, '>:raw', $file or die "$file: $!\n";
    print {$out} qq({"schema":1,"kind":"kerberos breakers","breakers":[{"service":"u","peer":"$address",)
        . qq("address":"$address","state":"open","until":$until,"opened":$until,"trips":1}]});
    close $out or die "$file: $!\n";

    return;
}


subtest 'started by root: the folder is the workers\' own' => sub {
    plan skip_all => 'not root' if $> != 0;

    my $ng   = nginx(backend => $b, conf => conf('state'));
    my $dir  = $ng->path('state');
    my $file = "$dir/breakers.json";

    is +(stat $dir)[4], NOBODY, 'the folder';
    $b->mode(1, 'close');
    get($ng);
    $b->mode(1, 'ok');
    ok wait_for { slurp($file) =~ /"state":"open"/ }, 'a worker writes to it';
    is +(stat $file)[4], NOBODY, 'a file of its own';
    ok $ng->crash, 'killed';

    # As somebody might have unpacked it.
    chown 0, 0, $dir, $file;
    $ng->start;
    is +(stat $dir)[4], NOBODY, 'the folder of somebody else, given to them again';
    is get($ng), 503, 'what was kept is restored';
    ok wait_for { (stat $file)[4] == NOBODY }, 'and the file is theirs again';
};

subtest 'started by root: where the workers cannot go' => sub {
    plan skip_all => 'not root' if $> != 0;

    my $ng  = nginx(backend => $b, conf => conf('private/state'), start => 0);
    my $dir = $ng->path('private');

    mkdir $dir, 0700 or die "$dir: $!\n";
    mkdir "$dir/state" or die "$dir/state: $!\n";
    put("$dir/state/breakers.json");
    $ng->start;
    is get($ng), 503, 'serves, with what the master has read';
    ok +($ng->wait_for_log(qr/\[error\] .*no state is kept: open\(\) of ".*" failed \(13: Permission denied\)/)),
        'and says that no more is kept';
    pause(2.2);
    is scalar($ng->log_lines(qr/no state is kept/)), 1, 'once';
};

subtest 'started by a user: a folder that is read-only' => sub {
    plan skip_all => 'the loader preloads nothing for who has been another' if $ENV{KERBEROS_PRELOAD};

    if ($> == 0) {
        ($), $>) = (NOBODY, NOBODY);
        $> == NOBODY or die "nobody: $!\n";
    }

    my $ng = eval { nginx(backend => $b, conf => conf('state'), start => 0) };

    plan skip_all => 'nobody may not run this' unless $ng && -r $module;

    my $dir = $ng->path('state');

    mkdir $dir or die "$dir: $!\n";
    put("$dir/breakers.json");
    chmod 0500, $dir;

    my ($code, $said) = $ng->config_test;

    is $code, 0, 'nginx -t accepts it';
    like $said, qr/\[warn\] no state can be kept in "\Q$dir\E" \(13: Permission denied\) in .*test.conf:\d+/,
        'with a warning';
    $ng->start;
    is get($ng), 503, 'nginx starts, and serves with what is there';
    ok +($ng->wait_for_log(qr/\[error\] .*no state is kept: open\(\) of ".*" failed \(13: /)),
        'and says that no more is kept';
    pause(2.2);
    is scalar($ng->log_lines(qr/no state is kept/)), 1, 'once';

    chmod 0, "$dir/breakers.json";
    $ng->stop(name => 'nginx was well');
    $ng->mark_log;
    $ng->start;
    is get($ng), 200, 'a file that cannot be read';
    is scalar($ng->log_lines(qr/\[error\] .*open\(\) "\Q$dir\E\/breakers.json" failed \(13: /)), 1, 'is told of';
    chmod 0700, $dir;
};

done_testing;
