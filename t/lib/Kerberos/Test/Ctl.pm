# SPDX-License-Identifier: MIT

package Kerberos::Test::Ctl;

=head1 NAME

Kerberos::Test::Ctl - the command kerberosctl, and what it says

=head1 SYNOPSIS

    my ($code, $out, $err) = kerberosctl(['validate', $file]);
    my ($code, $out, $err) = kerberosctl(['validate', '-'], in => $yaml, env => {A => 1});

=head1 WHY

C<$KERBEROS_CTL> names the command, by default that of the release build.

=cut

use v5.36;

use Exporter 'import';
use File::Temp qw(tempfile);

use Kerberos::Test::Log qw(slurp);
use Kerberos::Test::Prefix;

our @EXPORT_OK = qw(kerberosctl command_output);


# Runs a command to its end: its exit code, and what it said on both outputs.

sub command_output ($argv, %arg) {
    my ($in, $in_name)   = tempfile(UNLINK => 1);
    my ($out, $out_name) = tempfile(UNLINK => 1);
    my ($err, $err_name) = tempfile(UNLINK => 1);

    print {$in} $arg{in} // '';
    close $in or die "$in_name: $!\n";

    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        open STDIN,  '<',  $in_name or die "$in_name: $!\n";
        open STDOUT, '>&', $out     or die "$out_name: $!\n";
        open STDERR, '>&', $err     or die "$err_name: $!\n";
        local @ENV{keys $arg{env}->%*} = values $arg{env}->%* if $arg{env};
        exec {$argv->[0]} @$argv or die "$argv->[0]: $!\n";
    }

    waitpid $pid, 0;
    die "$argv->[0] ended by signal ", $? & 127, "\n" if $? & 127;

    return ($? >> 8, slurp($out_name), slurp($err_name));
}

sub kerberosctl ($words, %arg) {
    my $command = $ENV{KERBEROS_CTL} || Kerberos::Test::root() . '/build/release/kerberosctl';

    return command_output([$command, @$words], %arg);
}

1;
