# SPDX-License-Identifier: MIT

package Kerberos::Test::Preload;

=head1 NAME

Kerberos::Test::Preload - nginx on a machine with a fault

=head1 SYNOPSIS

    preload('hold', HOLD => "$dir/hold", NO_INOTIFY => 1);
    my $ng = nginx(...);

=head1 WHY

A disk that hangs, or a kernel without inotify, can only be had by lying to nginx. The
liar is a C file of t/lib/preload, compiled here and loaded into every nginx that this
test starts from now on, beside what $KERBEROS_PRELOAD names already.

=cut

use v5.36;

use Exporter 'import';
use File::Temp qw(tempdir);

use Kerberos::Test::Conf;

our @EXPORT_OK = qw(preload);


sub preload ($name, %environment) {
    my $dir = tempdir('kerberos-preload-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
    my $lib = "$dir/$name.so";

    system(qw(cc -shared -fPIC -O1 -w -o), $lib,
        Kerberos::Test::Conf->root . "/t/lib/preload/$name.c", '-ldl') == 0
        or die "could not compile t/lib/preload/$name.c\n";

    $ENV{$_} = $environment{$_} for keys %environment;
    $ENV{KERBEROS_PRELOAD} = join ' ', $ENV{KERBEROS_PRELOAD} // (), $lib;

    return;
}


1;
