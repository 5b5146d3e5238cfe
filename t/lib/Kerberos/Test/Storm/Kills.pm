# SPDX-License-Identifier: MIT

package Kerberos::Test::Storm::Kills;

=head1 NAME

Kerberos::Test::Storm::Kills - workers that are killed, and whose connections end with them

=head1 SYNOPSIS

    my $kills = Kerberos::Test::Storm::Kills->new(nginx => $ng);
    $kills->slay($pid);
    $excused++ if $kills->ended($record);

=head1 WHY

A process that has stopped takes no more connections, so that what its end costs is exact: those
that it has open then, by the clients' ports.

=cut

use v5.36;

use List::Util qw(sum0);

use Kerberos::Test::Log qw(slurp);
use Kerberos::Test::Process qw(is_alive);
use Kerberos::Test::Wait qw(now wait_for);


sub new ($class, %arg) { return bless { %arg, all => [] }, $class }


# Each is a hash: pid, begin, end, ports.

sub all ($self) { return $self->{all}->@* }


# So many connections were open.

sub connections ($self) { return sum0(map { scalar keys $_->{ports}->%* } $self->all) }


sub slay ($self, $pid) {
    $self->{nginx}->allow(qr/worker process $pid exited on signal 9/, qr/ was locked by $pid\b/);
    kill STOP => $pid;
    wait_for { slurp("/proc/$pid/stat") =~ /\) [TZ]/ || !is_alive($pid) };

    my %kill = (pid => $pid, begin => now(), ports => { map { $_ => 1 } $self->_ports($pid) });

    kill KILL => $pid;
    wait_for { !is_alive($pid) } or die "$pid does not die\n";
    push $self->{all}->@*, { %kill, end => now() };

    return;
}


sub _ports ($self, $pid) {
    my %ours = map { sprintf('%04X', $self->{nginx}->port($_)) => 1 } 1, 2;
    my %port;

    open my $in, '<', '/proc/net/tcp' or die "/proc/net/tcp: $!\n";

    while (<$in>) {
        my (undef, $local, $remote, $state, @rest) = split;
        $port{ $rest[5] } = hex $remote =~ s/.*://r
            if $state ne '0A' && $local =~ /:(\w+)$/ && $ours{$1};
    }

    return map { (readlink // '') =~ /^socket:\[(\d+)\]/ && $port{$1} ? $port{$1} : () }
        glob "/proc/$pid/fd/*";
}


# Whether the connection of this exchange was one of theirs.

sub ended ($self, $r) {
    return scalar grep { $_->{ports}{ $r->{port} } && $_->{end} >= $r->{begin}
        && $_->{begin} <= $r->{end} } $self->all;
}


1;
