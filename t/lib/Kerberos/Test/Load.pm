# SPDX-License-Identifier: MIT

package Kerberos::Test::Load;

=head1 NAME

Kerberos::Test::Load - a client that asks all the time, while a test does something else

=head1 SYNOPSIS

    my $load = load($ng->port, '/users/');
    ...
    my %got = $load->end;          # ('200 127.0.0.2:8080' => 412, '503 -' => 1)

=head1 WHY

"Without a failed request" can only be said of what was asked meanwhile. So a process of
its own asks one request after another, each on a new connection, and counts who answered
what: the status, or 0 for none, and the X-Backend.

=cut

use v5.36;

use Exporter 'import';
use File::Temp qw(tempdir);
use POSIX ();

use Kerberos::Test::HTTP qw(http_get);
use Kerberos::Test::Log qw(slurp);
use Kerberos::Test::Wait qw(pause wait_for);

our @EXPORT_OK = qw(load);


sub load ($address, $path) {
    my $dir  = tempdir('kerberos-load-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
    my $self = bless { owner => $$, dir => $dir }, __PACKAGE__;

    $self->{pid} = fork() // die "fork: $!\n";
    return $self if $self->{pid};

    eval { $self->_ask($address, $path) };
    POSIX::_exit($@ ? 1 : 0);
}


# Ends with the test, too.

sub _ask ($self, $address, $path) {
    open my $out, '>', "$self->{dir}/answers" or die $!;
    $out->autoflush;

    while (!-e "$self->{dir}/end" && getppid() == $self->{owner}) {
        my $r = http_get($address, $path);
        print {$out} "$r->{status} ", $r->{headers}{'x-backend'} // '-', "\n";
        pause(0.002);
    }

    return;
}


# How often each answer was seen until now.

sub seen ($self) {
    my %seen;
    $seen{$_}++ for slurp("$self->{dir}/answers") =~ /^(.+)\n/gm;

    return %seen;
}


# Waits for so many more.

sub go_on ($self, $count = 100) {
    my $answers = sub () { return slurp("$self->{dir}/answers") =~ tr/\n// };
    my $enough  = $answers->() + $count;

    return wait_for { $answers->() >= $enough } 30;
}


sub end ($self) {
    my $pid = delete $self->{pid} or die "the load has ended already\n";
    local $?;

    open my $flag, '>', "$self->{dir}/end" or die $!;
    waitpid $pid, 0;

    return $self->seen;
}


sub DESTROY ($self) {
    return if !$self->{pid} || $self->{owner} != $$;

    local ($@, $!);
    $self->end;

    return;
}


1;
