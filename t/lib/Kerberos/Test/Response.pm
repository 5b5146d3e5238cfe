# SPDX-License-Identifier: MIT

package Kerberos::Test::Response;

=head1 NAME

Kerberos::Test::Response - an HTTP response out of bytes

=head1 WHY

The parser is strict where a client library is kind: a body that ends too early
is an error with a name, because that is what tests of a proxy are about.

C<parse($bytes, $ended, { method, version })> returns nothing while the response
is incomplete and may still grow, else a hash with status, headers, body, length
(the number of bytes it took) and, if it is not whole, error.

=cut

use v5.36;


sub parse ($bytes, $ended, $asked) {
    my %none = (status => 0, headers => {}, body => '', length => length $bytes);

    if ($asked->{version} eq '0.9') {
        return $ended ? { %none, body => $bytes } : undef;
    }

    # Interim answers (100, 103) come before the one that counts. 101 is the last.

    my ($interim) = $bytes =~ m{^((?:HTTP/1\.\d (?!101)1\d\d.*?\r\n\r\n)*)}s;
    my $skip      = length $interim;

    if (substr($bytes, $skip) !~ m{^HTTP/\d\.\d (\d\d\d)(.*?)\r\n\r\n}s) {
        return unless $ended;
        return { %none, error => length $bytes ? 'truncated' : 'closed' };
    }

    my ($status, $head) = ($1, $2);
    my $start    = $skip + $+[0];
    my $headers  = _headers($head);
    my %response = (status => $status, headers => $headers);

    my ($body, $length, $whole)
        = _body(substr($bytes, $start), $ended, $status, $headers, $asked->{method});

    return unless $whole || $ended;
    return {
        %response,
        body   => $body,
        length => $start + $length,
        $whole ? () : (error => 'truncated'),
    };
}


sub _headers ($head) {
    my %headers;

    for my $line (split /\r\n/, $head =~ s/^[^\r]*//r) {
        my ($name, $value) = $line =~ /^([^:]+):\s*(.*?)\s*$/ or next;

        $name = lc $name;
        $headers{$name} = exists $headers{$name} ? "$headers{$name}, $value" : $value;
    }

    return \%headers;
}


# Body, bytes taken, and whether that was all of it.

sub _body ($bytes, $ended, $status, $headers, $method) {
    return ('', 0, 1) if $method eq 'HEAD' || $status =~ /^(?:1\d\d|204|304)$/;

    return _chunks($bytes) if ($headers->{'transfer-encoding'} // '') =~ /chunked/i;

    my $length = $headers->{'content-length'} // return ($bytes, length $bytes, $ended);
    my $body   = substr $bytes, 0, $length;

    return ($body, length $body, length $body == $length);
}


sub _chunks ($bytes) {
    my $body = '';

    pos($bytes) = 0;

    while ($bytes =~ /\G([0-9a-f]+)[^\r\n]*\r\n/gci) {
        my ($size, $at) = (hex $1, pos $bytes);

        if ($size == 0) {
            my $rest = substr $bytes, $at;

            return ($body, $at + $+[0], 1) if $rest =~ /^(?:[^\r\n]+\r\n)*\r\n/;
            last;
        }

        $body .= substr $bytes, $at, $size;
        last if length $bytes < $at + $size + 2;
        pos($bytes) = $at + $size + 2;
    }

    return ($body, length $bytes, 0);
}


1;
