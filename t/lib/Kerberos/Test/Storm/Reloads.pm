# SPDX-License-Identifier: MIT

package Kerberos::Test::Storm::Reloads;

=head1 NAME

Kerberos::Test::Storm::Reloads - reloads that go on while all else does, and workers that leave

=head1 SYNOPSIS

    my $reloads = Kerberos::Test::Storm::Reloads->new(nginx => $ng, conf => sub ($n, $kind) {...});

    $reloads->begin('bad') if !$reloads->under_way;
    $reloads->look_after;

=head1 WHY

Waiting for a reload would hold up what is to happen meanwhile. So it is begun here, and looked
after at every tick. Each nginx.conf has a number, which its answers tell as X-Config.

A reload is a hash: C<number>, C<kind>, C<begin>, C<end>; C<taken>, or C<late> where it was refused
after the new generation had been built.

=cut

use v5.36;

use Kerberos::Test::HTTP qw(http_get);
use Kerberos::Test::Log qw(slurp);
use Kerberos::Test::Process qw(children title);
use Kerberos::Test::Wait qw(now);


sub new ($class, %arg) {
    return bless { %arg, all => [], number => 1, since => [], seen => {}, left => {} }, $class;
}


sub all ($self) { return $self->{all}->@* }


# The first nginx.conf is in force.

sub started ($self) {
    $self->{since}[1] = now();
    return;
}


sub begin ($self, $kind) {
    my $ng     = $self->{nginx};
    my $number = ++$self->{number};

    $ng->configure(http => $self->{conf}->($number, $kind));
    push $self->{all}->@*, { number => $number, kind => $kind, log => -s $ng->path('error.log'),
        begin => now() };
    kill HUP => $ng->pid;

    return;
}


sub under_way ($self) { return $self->all && !$self->{all}[-1]{end} }


sub look_after ($self) {
    $self->under_way or return;
    my $reload = $self->{all}[-1];
    my $ng     = $self->{nginx};
    my $config = http_get($ng->port, '/status')->{headers}{'x-config'} // 0;

    if ($config == $reload->{number}) {
        $reload->@{qw(end taken)} = (now(), 1);
        $self->{since}[ $reload->{number} ] = $reload->{begin};
    } elsif (slurp($ng->path('error.log'), $reload->{log}) =~ /(\[emerg\](?!.*bind\(\) to).*)/) {
        # not by its first try to bind: nginx tries for some seconds
        $reload->@{qw(end late)} = (now(), scalar $1 =~ /still could not bind/);
    }
    return;
}


# What a reload has built that failed late is kept until the next one builds.

sub left_over ($self) {
    my ($last) = grep { $_->{taken} || $_->{late} } reverse $self->all;
    return $last && $last->{late} ? 1 : 0;
}


sub was_taken ($self, $number) { return defined $self->{since}[$number] }


# Since when this nginx.conf was being put in force, and the one after it; undef: it never was.

sub times_of ($self, $number) {
    my $since = $self->{since};
    my ($next) = grep {defined} @$since[$number + 1 .. $#$since];

    return ($since->[$number], $next);
}


sub look_after_workers ($self) {
    my %now = map { $_ => title($_) } children($self->{nginx}->pid);

    for my $pid (keys %now) { $self->{seen}{$pid} = 1 if $now{$pid} eq 'nginx: worker process' }
    for my $pid (keys $self->{seen}->%*) {
        $self->{left}{$pid} //= now() if ($now{$pid} // '') ne 'nginx: worker process';
    }
    return;
}


# When a worker was first seen to be leaving, by pid.

sub left ($self) { return $self->{left} }


# So many workers were there when the reload began.

sub serving_at ($self, $reload) {
    return scalar grep { ($self->{left}{$_} // 9e9) > $reload->{begin} } keys $self->{seen}->%*;
}


1;
