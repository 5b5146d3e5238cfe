# SPDX-License-Identifier: MIT

package Kerberos::Test::Port;

=head1 NAME

Kerberos::Test::Port - TCP ports that nobody else will take

=head1 WHY

"Bind to 0, close, use the number" loses the port to whoever binds next: another
test of C<prove -j>, or the kernel that needs a source port for some connection.
So a port handed out here

=over

=item *

lies below the kernel's ephemeral range, so that no connection gets it;

=item *

is locked by a UDP socket of the same number on 127.0.0.1, held until this
process ends. The lock has the reach of the thing it guards (one network
namespace, all users), and cannot be left behind by a process that was killed;

=item *

had no TCP listener on any address when it was handed out.

=back

A port of which nothing listens yet is also the address of a dead backend.

=cut

use v5.36;

use Exporter 'import';
use Socket qw(:DEFAULT IN6ADDR_ANY IPPROTO_IPV6 IPV6_V6ONLY);

our @EXPORT_OK = qw(port);

use constant { LOWEST => 10_000, SPAN => 15_000 };

my @locks;        # open for as long as the process lives


sub port () {
    my ($first, $count) = _range();

    state $next = $$ * 37;      # parallel tests begin their search apart

    for (1 .. $count) {
        my $port = $first + $next++ % $count;

        socket(my $lock, PF_INET, SOCK_DGRAM, 0) or die "socket: $!\n";
        next unless bind($lock, pack_sockaddr_in($port, INADDR_LOOPBACK));
        next unless _is_free($port);

        push @locks, $lock;
        return $port;
    }

    die "no free port in $first .. " . ($first + $count - 1) . "\n";
}


# First port and number of ports to search.

sub _range () {
    my $ephemeral = 32_768;

    if (open my $in, '<', '/proc/sys/net/ipv4/ip_local_port_range') {
        ($ephemeral) = <$in> =~ /(\d+)/;
    }

    my $room = $ephemeral - LOWEST;

    return (LOWEST, $room < 1000 || $room > SPAN ? SPAN : $room);
}


# Binding the wildcard address fails if any address has a listener. As nginx
# does, ask for SO_REUSEADDR: connections in TIME_WAIT are in nobody's way.

sub _is_free ($port) {
    my @wildcards = (
        [PF_INET,  pack_sockaddr_in($port, INADDR_ANY)],
        [PF_INET6, pack_sockaddr_in6($port, IN6ADDR_ANY)],
    );

    for my $wildcard (@wildcards) {
        my ($family, $address) = @$wildcard;

        socket(my $try, $family, SOCK_STREAM, 0) or next;   # no IPv6 here
        setsockopt($try, SOL_SOCKET, SO_REUSEADDR, 1);
        setsockopt($try, IPPROTO_IPV6, IPV6_V6ONLY, 1) if $family == PF_INET6;

        return 0 if !bind($try, $address) && $!{EADDRINUSE};
    }

    return 1;
}


1;
