# SPDX-License-Identifier: MIT

package Kerberos::Test::Certs;

=head1 NAME

Kerberos::Test::Certs - certificates that live as long as the test

=head1 WHY

A key that is committed leaks, and a certificate that is committed expires. This
makes a self-signed one by the C<openssl> command, once per process and name, for
C<localhost>, 127.0.0.1 and ::1. It is its own authority: give C<cert> to
C<proxy_ssl_trusted_certificate> and verification passes.

    my $own = certificate();             # { cert => path, key => path }
    my $other = certificate('other');    # of another subject, valid for that name

=cut

use v5.36;

use Exporter 'import';
use File::Temp qw(tempdir);

our @EXPORT_OK = qw(certificate);


sub certificate ($name = 'localhost') {
    state %made;

    return $made{$name} //= _make($name);
}


sub _make ($name) {
    my $dir = tempdir('kerberos-certs-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
    my %own = (cert => "$dir/cert.pem", key => "$dir/key.pem");
    my @alt = ("DNS:$name", $name eq 'localhost' ? qw(IP:127.0.0.1 IP:::1) : ());

    my @command = (
        qw(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2),
        -subj   => "/CN=$name",
        -addext => 'subjectAltName=' . join(',', @alt),
        -keyout => $own{key},
        -out    => $own{cert},
    );

    open my $out, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command or die "sh: $!\n";
    my $said = do { local $/; <$out> };

    close $out or die "openssl req failed: $said\n";

    return \%own;
}


1;
