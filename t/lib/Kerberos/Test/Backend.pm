# SPDX-License-Identifier: MIT

package Kerberos::Test::Backend;

=head1 NAME

Kerberos::Test::Backend - the peers behind nginx, and their misfortunes

=head1 SYNOPSIS

    my $b = Kerberos::Test::Backend->new('tcp', 'tcp', 'tls', 'ipv6', 'unix');

    $b->mode(1, 'status', status => 500, times => 3);
    $b->mode(2, 'refuse');
    is $b->requests(1), 3;

=head1 WHY

Real sockets that really refuse, hang, reset and lie, in one process that a test
commands while traffic runs: C<scripts/backend>, which the demo uses too, and
which lists its modes in C<--help>. A peer is named by its number in the order of
creation, from 1, or by its port. TCP ports come from L<Kerberos::Test::Port>:
while a peer refuses, nobody else can take its place.

=cut

use v5.36;

use parent 'Kerberos::Test::Server';

use File::Temp qw(tempdir);
use JSON::PP ();

use Kerberos::Test::Certs qw(certificate);
use Kerberos::Test::HTTP qw(http_request);
use Kerberos::Test::Port ();


# A number of plain peers, or a list of kinds; an address is a plain peer that listens there:
# several may have one port, as the addresses of a name do.

sub new ($class, @kinds) {
    @kinds = ('tcp') x $kinds[0] if @kinds == 1 && $kinds[0] =~ /^\d+$/;

    my (@addresses, @given, @tls);

    for my $kind (@kinds) {
        my $address
            = $kind eq 'ipv6' ? '[::1]:' . Kerberos::Test::Port::port()
            : $kind eq 'unix' ? 'unix:' . tempdir(TMPDIR => 1, CLEANUP => 1) . '/peer'
            : $kind =~ /:\d+$/ ? $kind
            : $kind =~ /^(?:tcp|tls)$/ ? '127.0.0.1:' . Kerberos::Test::Port::port()
            : die "backend: no such kind of peer: $kind\n";

        push @addresses, $address;
        push @given, $kind eq 'tls' ? "tls:$address" : $address;
    }

    if (grep { $_ eq 'tls' } @kinds) {
        my $own = certificate();
        @tls = ('--cert' => $own->{cert}, '--key' => $own->{key});
    }

    my $self = $class->SUPER::new(
        argv => ['scripts/backend', '--die-with-parent', '--control', 0, @tls, @given],
    );

    ($self->{control}) = $self->ready;
    $self->{addresses} = \@addresses;

    return $self;
}


# "127.0.0.1:10001", "[::1]:10002", "unix:/path", as it stands in nginx.conf.

sub address ($self, $peer = 1) {
    my @known = @{ $self->{addresses} };

    return $known[$peer - 1] if $peer =~ /^\d+$/ && $peer >= 1 && $peer <= @known;

    my ($found) = grep { $_ eq $peer || /:\Q$peer\E$/ } @known;

    return $found // die "backend: no peer $peer\n";
}


sub port ($self, $peer = 1) { return $self->address($peer) =~ s/.*://r }

sub ports ($self) { return map { $self->port($_) } 1 .. $self->{addresses}->@* }

sub control ($self) { return $self->{control} }


# mode($peer, 'status', status => 500, times => 3); peer "all" means every one.

sub mode ($self, $peer, $mode, %setting) {
    my $path = $peer eq 'all' ? '/peers' : $self->_path($peer);

    return $self->_call('PUT', $path, { mode => $mode, %setting });
}


# What one peer, or the whole backend, saw: requests, accepted, open, in_flight,
# modes, statuses, paths.

sub counters ($self, $peer) { return $self->_call('GET', $self->_path($peer)) }

sub peers ($self) { return $self->_call('GET', '/peers')->{peers}->@* }


# The requests that one peer got, or all peers together.

sub requests ($self, $peer = undef) {
    return $self->counters($peer)->{requests} if defined $peer;

    my $sum = 0;
    $sum += $_->{requests} for $self->peers;

    return $sum;
}


sub reset_counters ($self) {
    $self->_call('DELETE', '/counters');
    return;
}


sub _path ($self, $peer) { return '/peers/' . $self->address($peer) }


sub _call ($self, $method, $path, $command = undef) {
    my $answer = http_request($self->{control}, $method, $path,
        defined $command ? (body => JSON::PP::encode_json($command)) : ());

    die "backend: $method $path: $answer->{status} ", $answer->{error} // $answer->{body}, "\n"
        if $answer->{status} != 200;

    return JSON::PP::decode_json($answer->{body});
}


1;
