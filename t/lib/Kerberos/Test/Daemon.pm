# SPDX-License-Identifier: MIT

package Kerberos::Test::Daemon;

=head1 NAME

Kerberos::Test::Daemon - an nginx in the background, and the newer binary that takes over

=head1 SYNOPSIS

    my $ng     = nginx(start => 0, daemon => 1, http => ...);
    my $daemon = Kerberos::Test::Daemon->new($ng->configure);

    my $old = $daemon->pid;
    my $new = $daemon->upgrade;     # both of them serve
    $daemon->retire;                # the new one alone
    $daemon->stop;

=head1 WHY

nginx hands over to a new binary (USR2) only as a daemon, and a daemon is nobody's
child: it is told to end by its pid, whatever becomes of the test.

=cut

use v5.36;

use Kerberos::Test::Log qw(slurp);
use Kerberos::Test::Process qw(children is_alive reap title);
use Kerberos::Test::Wait qw(wait_for);

use constant PATIENCE => 20;


# Starts nginx in that directory, with the environment as it is now. While the
# process lives that started it, nginx ignores USR2.

sub new ($class, $prefix) {
    my $self     = bless { owner => $$, prefix => $prefix, mine => [] }, $class;
    my $launched = $prefix->run_binary('stderr', qw(-e error.log -c nginx.conf));

    wait_for { defined reap($launched) } PATIENCE;
    $self->_master;

    return $self;
}


# The master that serves, or is to take over.

sub pid ($self) { return $self->{mine}[-1] }


# A new binary begins beside the old one. Returns the pid of its master once its
# workers run.

sub upgrade ($self) {
    my $old = $self->{prefix}->path('nginx.pid.oldbin');

    kill USR2 => $self->pid;
    wait_for { -e $old } PATIENCE or die "no new binary begins\n", $self->_said;

    return $self->_master;
}


# The old one ends when it has answered what it had begun.

sub retire ($self) {
    my $old = $self->{mine}[-2];

    kill QUIT => $old;

    return wait_for { !is_alive($old) } PATIENCE;
}


sub stop ($self) {
    for my $pid (grep { title($_) =~ /^nginx: master/ } @{ $self->{mine} }) {
        kill TERM => $pid;
        wait_for { !is_alive($pid) } PATIENCE or kill KILL => $pid;
    }

    return;
}


# Waits for the one of nginx.pid and for its workers.

sub _master ($self) {
    my $count = $self->{prefix}{conf}->worker_count;
    my $pid;

    wait_for {
        ($pid) = slurp($self->{prefix}->path('nginx.pid')) =~ /^(\d+)$/;
        $pid && $count == grep { title($_) =~ /^nginx: worker process$/ } children($pid);
    } PATIENCE or die "nginx does not begin\n", $self->_said;
    push @{ $self->{mine} }, $pid;

    return $pid;
}


sub _said ($self) { return map { slurp($self->{prefix}->path($_)) } qw(stderr error.log) }


sub DESTROY ($self) {
    return if $self->{owner} != $$;

    local ($?, $@, $!);
    $self->stop;

    return;
}


1;
