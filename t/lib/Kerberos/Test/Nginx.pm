# SPDX-License-Identifier: MIT

package Kerberos::Test::Nginx;

=head1 NAME

Kerberos::Test::Nginx - a real nginx in a private directory

=head1 SYNOPSIS

    my $ng = Kerberos::Test::Nginx->new(http => $text, allow => [qr/.../]);
    $ng->start;
    ...
    $ng->stop;

=head1 WHY

The tests know nothing of the module but what a user can see: the configuration,
the traffic, the log, the processes. The files are L<Kerberos::Test::Prefix>, the
base of this class, which keeps the processes: it knows the master's pid (nginx
stays in the foreground), finds the workers in /proc, and on C<stop> asserts what
every test must leave behind: no alert, no process lost, no sanitizer report
(L<Kerberos::Test::Log>), exit code 0, nobody still running.

After a failure of any kind the directory stays, and the test says where.

=cut

use v5.36;

use parent 'Kerberos::Test::Prefix';

use Scalar::Util qw(weaken);
use Test::More ();

use Kerberos::Test::Log qw(slurp);
use Kerberos::Test::Process qw(terminate reap exit_text is_alive children users title);
use Kerberos::Test::Wait qw(wait_for);

my @all;        # every object of this process, weakly: the last to tear down


sub new ($class, %arg) {
    my $self = $class->SUPER::new(%arg);

    push @all, $self;
    weaken $all[-1];

    return $self;
}


# Ready means: every worker carries its title, which it takes after it ran the
# modules' init_process. The master has opened the ports before it forks, so
# they accept by then, and no probing connection shows up in anybody's counters.

sub start ($self) {
    die "nginx runs already\n" if $self->{pid};

    my $count = $self->configure->{conf}->worker_count;
    my $pid = $self->{pid} = $self->run_binary('stderr', qw(-e error.log -c nginx.conf));
    my $status;

    my $ready = wait_for { defined($status = reap($pid)) || $self->workers >= $count } 30;

    if (defined $status) {
        delete $self->{pid};
        die join "\n", 'nginx did not start, ' . exit_text($status) . ':',
            slurp($self->path('stderr')), $self->problems;
    }

    die "nginx has no $count workers after 30 seconds\n", $self->{log}->all unless $ready;

    return $self;
}


# True when new workers are ready and the old ones are gone, or, with
# wait => 'new', no longer take connections (one may be busy for long).
# False when nginx refused the new configuration: the log says why.

sub reload ($self, %arg) {
    my %old    = map { $_ => 1 } $self->workers;
    my $before = -s $self->path('error.log');
    my $all    = ($arg{wait} // 'all') eq 'all';
    my $count  = $self->{conf}->worker_count;

    kill HUP => $self->{pid};

    my $result = wait_for {
        return 'refused' if slurp($self->path('error.log'), $before) =~ /\[emerg\]/;

        my @now  = $self->workers;
        my @stay = $all ? grep { is_alive($_) } keys %old : grep { $old{$_} } @now;

        return !@stay && @now >= $count && 'done';
    } $arg{deadline} // 20;

    return ($result // '') eq 'done';
}


# Ends nginx and asserts that it was well: by SIGQUIT, which lets requests end,
# or with quick => 1 by SIGTERM, for tests that leave requests hanging.

sub stop ($self, %arg) {
    return 1 unless $self->{pid};

    my @problems = $self->shut_down(%arg);
    my $ok = Test::More::ok(!@problems, $arg{name} // 'nginx was well until its end');

    Test::More::diag("  $_") for @problems;
    $self->_keep unless Test::More->builder->is_passing;

    return $ok;
}


# The same without a word to the test: returns what was wrong.

sub shut_down ($self, %arg) {
    my $pid   = delete $self->{pid} or return;
    my $first = $arg{quick} ? 'TERM' : 'QUIT';
    my @problems;

    my ($status, $signal)
        = terminate($pid, $first => $arg{deadline} // 10, TERM => 5, KILL => 5);

    push @problems, 'nginx ended before it was told to' unless $signal;
    push @problems, "nginx did not end on SIG$first" if $signal && $signal ne $first;
    push @problems, 'master exited with ' . exit_text($status) if $status;

    my @left;

    if (!wait_for { @left = users($self->path, qr/^nginx:/); !@left } 3) {
        push @problems, map { "left behind: $_ " . title($_) } @left;
        kill KILL => @left;
    }

    return @problems, $self->problems;
}


# What a machine that loses its power does: no process has the time for a word.
# The files stay, for another start.

sub crash ($self) {
    my $pid     = delete $self->{pid} or return;
    my @workers = children($pid);

    terminate($pid, KILL => 5);     # first, so that nobody starts workers anew
    kill KILL => @workers;

    return !!(wait_for { !grep { is_alive($_) } @workers } 5);
}


sub pid ($self) { return $self->{pid} }


# Those that serve. A worker that is shutting down has another title.

sub workers ($self) {
    return grep { title($_) eq 'nginx: worker process' } children($self->{pid});
}


# Kills one worker and waits until the master has another in its place. What
# nginx must say about it is allowed; all else it may say is not.

sub kill_worker ($self, $pid = ($self->workers)[0], $signal = 'KILL') {
    my $count = $self->workers;

    $self->allow(qr/worker process $pid exited on signal/, qr/ was locked by $pid\b/);
    kill $signal => $pid;

    wait_for { !is_alive($pid) && $self->workers >= $count }
        or die "no worker in place of $pid\n";

    return $pid;
}


# For done_testing: every nginx of this process that still runs.

sub running ($class) { return grep { $_ && $_->{pid} && $_->{owner} == $$ } @all }


# Out of scope while the test goes on: assert as ever. When the test is over or
# dead there is nothing left to add an assertion to, so that what is found then
# makes the exit code a failure.

sub DESTROY ($self) {
    return if $self->{owner} != $$ || $self->{gone}++;

    local ($@, $!);

    if (${^GLOBAL_PHASE} eq 'RUN') {
        $self->stop;

    } else {
        my $code     = $?;
        my @problems = $self->shut_down;

        Test::More::diag("nginx, ended with the test: $_") for @problems;
        $? = $code || (@problems ? 1 : 0);
        $self->_keep if $?;
    }

    $self->SUPER::DESTROY;

    return;
}


sub _keep ($self) {
    Test::More::diag('the files of nginx are in ', $self->path) unless $self->{keep}++;
    return;
}


END { $_ && $_->DESTROY for @all }


1;
