# SPDX-License-Identifier: MIT

package Kerberos::Test::Connection;

=head1 NAME

Kerberos::Test::Connection - one client connection, byte by byte if need be

=head1 WHY

Tests of a proxy need a client that does what a well-behaved library would not:
stop in the middle, close, reset, speak HTTP/0.9, send two requests at once, wait
for 64 answers together. So this is a socket and a parser of responses, with a
deadline on everything. L<Kerberos::Test::HTTP> makes it comfortable.

An address is a port of 127.0.0.1, C<host:port>, C<[::1]:port> or C<unix:/path>.

A response is a hash: C<status>, C<headers> (names in lower case, repeated ones
joined by ", "), C<body>, C<raw>, C<time> in seconds. When it did not arrive
whole, C<error> says why ("timeout", "truncated", "closed"), and C<status> is what
the head said if there was one, else 0.

=cut

use v5.36;

use IO::Select;
use IO::Socket::IP;
use IO::Socket::UNIX;
use Socket qw(SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY);

use Kerberos::Test::Response;
use Kerberos::Test::Wait qw(now);


# new($address, timeout => 10, tls => 1, from => '127.0.0.2'); dies when there is
# no connection. tls may be a hash of IO::Socket::SSL options instead of 1.

sub new ($class, $address, %arg) {
    my $timeout = $arg{timeout} // 10;
    my $socket  = _connect($address, $timeout, %arg);

    if (my $tls = $arg{tls}) {
        require IO::Socket::SSL;
        IO::Socket::SSL->start_SSL($socket,
            SSL_verify_mode => 0,
            SSL_hostname    => 'localhost',
            Timeout         => $timeout,
            ref $tls ? %$tls : (),
        ) or die 'TLS: ', IO::Socket::SSL::errstr(), "\n";
    }

    $socket->blocking(0);

    return bless {
        socket => $socket, timeout => $timeout, buffer => '', eof => 0, asked => [],
    }, $class;
}


sub _connect ($address, $timeout, %arg) {
    $address = "127.0.0.1:$address" if $address =~ /^\d+$/;

    my $socket;

    if ($address =~ /^unix:(.*)/) {
        $socket = IO::Socket::UNIX->new(Peer => $1);

    } else {
        my ($host, $port) = $address =~ /^\[?(.*?)\]?:(\d+)$/ or die "bad address $address\n";

        $socket = IO::Socket::IP->new(
            PeerHost => $host, PeerPort => $port, Timeout => $timeout,
            $arg{from} ? (LocalHost => $arg{from}) : (),
        );
        $socket->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1) if $socket;
    }

    return $socket // die "connect: $!\n";
}


# Sends bytes. That the other side has closed is not an error here: what it said
# before is still to be read.

sub send ($self, $bytes) {
    my $end = now() + $self->{timeout};

    local $SIG{PIPE} = 'IGNORE';

    while (length $bytes) {
        my $sent = $self->{socket}->syswrite($bytes);

        if (defined $sent) {
            substr($bytes, 0, $sent) = '';
            next;
        }

        last unless $!{EAGAIN} || $!{EWOULDBLOCK};
        last unless IO::Select->new($self->{socket})->can_write(_left($end));
    }

    return $self;
}


# Notes that an answer is due, and how it will be framed: the method matters
# (HEAD), and so does HTTP/0.9, whose answer is a body and no more.

sub expect ($self, $method, $version = '1.1') {
    push @{ $self->{asked} }, { method => $method, version => $version, since => now() };
    return $self;
}


# The next response, the deadline of the connection permitting.

sub response ($self) {
    my ($response) = __PACKAGE__->responses($self);

    return $response;
}


# The next response of each of many connections, all read as they come.

sub responses ($class, @connections) {
    my $end = now() + (sort { $b <=> $a } map { $_->{timeout} } @connections)[0];
    my %got;

    while (1) {
        for my $c (grep { !$got{$_} } @connections) {
            my $response = $c->_take or next;
            $got{$c} = $response;
        }

        my @open = grep { !$got{$_} } @connections or last;
        my $some = IO::Select->new(map { $_->{socket} } @open);
        my %ready = map { $_ => 1 } $some->can_read(_left($end)) or last;

        $_->_fill for grep { $ready{ $_->{socket} } } @open;
    }

    return map { $got{$_} // $_->_give_up('timeout') } @connections;
}


# The next $count bytes as they are; fewer when the connection ends or time does.

sub read_bytes ($self, $count) {
    my $end = now() + $self->{timeout};

    while (length $self->{buffer} < $count && !$self->{eof}) {
        last unless IO::Select->new($self->{socket})->can_read(_left($end));
        $self->_fill;
    }

    return substr $self->{buffer}, 0, $count, '';
}


# Whether the other side closes before the deadline. What it sends is kept.

sub is_closed ($self) {
    my $end = now() + $self->{timeout};

    until ($self->{eof}) {
        last unless IO::Select->new($self->{socket})->can_read(_left($end));
        $self->_fill;
    }

    return $self->{eof};
}


sub close ($self) {
    $self->{socket}->close;
    return;
}


# Closes with a TCP reset.

sub reset ($self) {
    setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    return $self->close;
}


# Reads what is there. A TLS socket may hold more than select sees.

sub _fill ($self) {
    my $socket = $self->{socket};

    while (1) {
        my $count = $socket->sysread($self->{buffer}, 65_536, length $self->{buffer});

        if (!defined $count) {
            $self->{eof} = 1 unless $!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINTR};
            return;
        }

        $self->{eof} = 1, return if $count == 0;
        return unless $socket->can('pending') && $socket->pending;
    }
}


# Takes a response out of the buffer, or returns nothing when more must come.

sub _take ($self) {
    my $asked = $self->{asked}[0] // { method => 'GET', version => '1.1', since => now() };
    my $found = Kerberos::Test::Response::parse($self->{buffer}, $self->{eof}, $asked);

    return $found ? $self->_deliver($found, $asked) : undef;
}


sub _give_up ($self, $error) {
    my $asked = $self->{asked}[0] // { method => 'GET', version => '1.1', since => now() };
    my $found = Kerberos::Test::Response::parse($self->{buffer}, 1, $asked);

    return $self->_deliver({ %$found, error => $error }, $asked);
}


sub _deliver ($self, $found, $asked) {
    shift @{ $self->{asked} };

    my $raw = substr $self->{buffer}, 0, delete $found->{length}, '';

    return { %$found, raw => $raw, time => now() - $asked->{since} };
}


sub _left ($end) {
    my $left = $end - now();

    return $left > 0 ? $left : 0;
}


1;
