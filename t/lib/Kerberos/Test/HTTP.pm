# SPDX-License-Identifier: MIT

package Kerberos::Test::HTTP;

=head1 NAME

Kerberos::Test::HTTP - requests as a test wants to write them

=head1 SYNOPSIS

    my $r = http_get($port, '/path', headers => { Host => 'users.example.org' });
    is $r->{status}, 200;

    my $r = http_request($port, 'POST', '/path', body => $bytes);
    my @r = http_parallel(64, $port, '/path');

    my $c = http_connect($port);          # kept alive
    my $r = $c->get('/one');
    my $r = $c->get('/two');

=head1 OPTIONS

C<headers>: a hash, or a list of pairs where names repeat. C<body>: bytes, or a
list of chunks (sent chunked). C<version>: '1.1', '1.0' or '0.9'. C<timeout>: in
seconds, default 10. C<tls>, C<from>: see L<Kerberos::Test::Connection>, where
addresses and responses are described too. A request that finds nobody is a
response as well, with status 0 and the reason in C<error>.

=cut

use v5.36;

use Exporter 'import';
use parent 'Kerberos::Test::Connection';

use Kerberos::Test::Wait qw(pause);

our @EXPORT = qw(http_get http_request http_raw http_connect http_parallel http_abort);


sub http_get ($address, $path, %arg) {
    return http_request($address, 'GET', $path, %arg);
}


sub http_request ($address, $method, $path, %arg) {
    my $response = eval {
        http_connect($address, %arg)->ask($method, $path, close => 1, %arg)->response;
    };

    return $response // _failed();
}


# Sends these bytes and reads one response.

sub http_raw ($address, $bytes, %arg) {
    my ($method) = $bytes =~ /^(\S+)/;
    my $response = eval {
        http_connect($address, %arg)->send($bytes)->expect($method // 'GET')->response;
    };

    return $response // _failed();
}


sub http_connect ($address, %arg) { return __PACKAGE__->new($address, %arg) }


# The same request $n times at once, each on its own connection: every request is
# sent before the first answer is read. The path may be sub ($i) {...}.

sub http_parallel ($n, $address, $path, %arg) {
    my $method = $arg{method} // 'GET';
    my (@responses, %connection);

    for my $i (0 .. $n - 1) {
        my $at = ref $path ? $path->($i) : $path;

        $connection{$i} = eval {
            http_connect($address, %arg)->ask($method, $at, close => 1, %arg);
        } or $responses[$i] = _failed();
    }

    my @sent = grep { $connection{$_} } 0 .. $n - 1;

    if (@sent) {
        @responses[@sent] = Kerberos::Test::Connection->responses(@connection{@sent});
    }

    return @responses;
}


# Asks and leaves without the answer, after so many seconds; reset => 1 leaves by
# a TCP reset.

sub http_abort ($address, $path, %arg) {
    my $c = http_connect($address, %arg)->ask($arg{method} // 'GET', $path, %arg);

    pause($arg{after} // 0);
    $arg{reset} ? $c->reset : $c->close;

    return;
}


# Request and response on a connection that stays.

sub get ($self, $path, %arg) { return $self->request('GET', $path, %arg) }

sub request ($self, $method, $path, %arg) {
    return $self->ask($method, $path, %arg)->response;
}


# The request alone; the response may be read later, in turn.

sub ask ($self, $method, $path, %arg) {
    return $self->send(_request($method, $path, %arg))->expect($method, $arg{version} // '1.1');
}


sub _request ($method, $path, %arg) {
    my $version = $arg{version} // '1.1';
    my $body    = $arg{body};

    return "$method $path\r\n" if $version eq '0.9';

    my @headers = ref $arg{headers} eq 'HASH' ? %{ $arg{headers} } : @{ $arg{headers} // [] };
    my %given;

    for (my $i = 0; $i < @headers; $i += 2) {
        $given{ lc $headers[$i] } = 1;
    }

    my $add = sub ($name, $value) { push @headers, $name, $value unless $given{ lc $name } };

    $add->('Host', 'localhost') if $version eq '1.1';
    $add->('Connection', 'close') if $arg{close} && $version eq '1.1';
    $add->('Connection', 'keep-alive') if !$arg{close} && $version eq '1.0';

    if (ref $body) {
        $add->('Transfer-Encoding', 'chunked');
        $body = join '', (map { sprintf "%x\r\n%s\r\n", length, $_ } grep {length} @$body),
            "0\r\n\r\n";

    } elsif (defined $body) {
        $add->('Content-Length', length $body);
    }

    my $text = "$method $path HTTP/$version\r\n";

    while (my ($name, $value) = splice @headers, 0, 2) {
        $text .= "$name: $value\r\n";
    }

    return "$text\r\n" . ($body // '');
}


sub _failed () {
    chomp(my $error = $@ || 'no answer');

    return { status => 0, headers => {}, body => '', raw => '', time => 0, error => $error };
}


1;
