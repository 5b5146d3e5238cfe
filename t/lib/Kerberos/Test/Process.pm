# SPDX-License-Identifier: MIT

package Kerberos::Test::Process;

=head1 NAME

Kerberos::Test::Process - start, look at and end child processes

=head1 WHY

A test that fails, dies or is killed must leave no process behind, or the next
test meets it. C<spawn> therefore ties every child to this process (the kernel
sends it SIGTERM when we are gone, even by SIGKILL: C<setpriv --pdeathsig>, from
the essential package util-linux), and C<terminate> takes it down with a deadline
and says how hard that was. Processes are only ever addressed by pid.

=cut

use v5.36;

use Exporter 'import';
use POSIX qw(:sys_wait_h);

use Kerberos::Test::Wait qw(now wait_for);

our @EXPORT_OK = qw(spawn terminate reap exit_text is_alive children users title);


# spawn(argv => [...], env => {...}, stdout => path or handle, stderr => path)
#
# The environment is set for the program alone: what it may hold (LD_PRELOAD)
# is no business of the helpers before it.

sub spawn (%arg) {
    my %env  = %{ $arg{env} // {} };
    my @argv = (
        qw(setpriv --pdeathsig TERM -- env),
        (map {"$_=$env{$_}"} sort keys %env),
        @{ $arg{argv} },
    );

    my $pid = fork() // die "fork: $!\n";
    return $pid if $pid;

    my $out = $arg{stdout} // '/dev/null';
    my $err = $arg{stderr} // '/dev/null';

    eval {
        open STDIN, '<', '/dev/null' or die;
        ref $out ? open(STDOUT, '>&', $out) : open(STDOUT, '>>', $out) or die;
        open STDERR, '>>', $err or die;

        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE CHLD);
        exec { $argv[0] } @argv;
    };

    POSIX::_exit(127);
}


# The wait status of a child of ours that has ended, undef while it runs.

sub reap ($pid) {
    local $?;

    my $got = waitpid($pid, WNOHANG);

    return $got == $pid ? $? : $got == 0 ? undef : 0;
}


sub exit_text ($status) {
    my $signal = WTERMSIG($status);

    return WIFSIGNALED($status) ? "signal $signal" : 'code ' . WEXITSTATUS($status);
}


# terminate($pid, QUIT => 10, KILL => 5): sends each signal in turn and waits
# that many seconds for the end. Returns the wait status and the signal that did
# it; the signal is undef if the process had ended before.

sub terminate ($pid, @steps) {
    my $status = reap($pid);
    return ($status, undef) if defined $status;

    while (my ($signal, $seconds) = splice @steps, 0, 2) {
        kill $signal => $pid;
        wait_for { defined($status = reap($pid)) } $seconds;

        return ($status, $signal) if defined $status;
    }

    return (undef, undef);
}


# A zombie has ended; that nobody has asked for its status yet changes nothing.

sub is_alive ($pid) {
    my $stat = _stat($pid) or return 0;

    return $stat->{state} !~ /[ZX]/;
}


sub children ($parent) {
    return grep { my $stat = _stat($_); $stat && $stat->{parent} == $parent && is_alive($_) }
        _pids();
}


# The processes of this title that have a file under the directory open: also
# those whose parent is gone.

sub users ($directory, $title) {
    my $uses = sub ($pid) {
        return grep { (readlink // '') =~ m{^\Q$directory\E/} } glob "/proc/$pid/fd/*";
    };

    return grep { title($_) =~ $title && $uses->($_) } _pids();
}


sub _pids () {
    opendir my $proc, '/proc' or die "/proc: $!\n";
    my @pids = sort { $a <=> $b } grep {/^\d+$/} readdir $proc;

    return @pids;
}


# The command line, which nginx replaces by "nginx: worker process" and the like.

sub title ($pid) {
    open my $in, '<', "/proc/$pid/cmdline" or return '';
    local $/;

    my $title = <$in> // '';
    $title =~ tr/\0/ /;

    return $title =~ s/\s+$//r;
}


sub _stat ($pid) {
    open my $in, '<', "/proc/$pid/stat" or return;

    my $line = <$in> // return;     # the process may end between open and read
    my ($state, $parent) = $line =~ /.*\)\s(\S)\s(\d+)/s or return;

    return { state => $state, parent => $parent };
}


1;
