# SPDX-License-Identifier: MIT

package Kerberos::Test;

=head1 NAME

Kerberos::Test - everything that a black-box test needs, in one use

=head1 SYNOPSIS

    use v5.36;
    use FindBin;
    use lib "$FindBin::Bin/lib";
    use Kerberos::Test;

    my $b  = backend(2);
    my $ng = nginx(backend => $b, http => <<'EOF');
        upstream u {
            server %%BACKEND_1%%;
            server %%BACKEND_2%%;
            kerberos_breaker threshold=3;
        }
        server {
            listen 127.0.0.1:%%PORT%%;
            location / { proxy_pass http://u; }
            location = /status { kerberos_status; }
        }
    EOF

    is http_get($ng->port, '/')->{status}, 200, 'a request gets through';

    done_testing;

=head1 WHY

It exports Test::More, and the constructors and functions of its sibling modules,
where each is documented: L<Kerberos::Test::Nginx>, L<Kerberos::Test::Backend>,
L<Kerberos::Test::HTTP>, L<Kerberos::Test::Wait>, L<Kerberos::Test::Port>,
L<Kerberos::Test::Certs>. C<done_testing> is ours: it first ends every nginx, whose
good health is an assertion of each test. So do not announce a plan.

=cut

use v5.36;

use Exporter 'import';
use JSON::PP ();
use Test2::API ();
use Test::More import => ['!done_testing'];

use Kerberos::Test::Backend;
use Kerberos::Test::Certs qw(certificate);
use Kerberos::Test::Conf;
use Kerberos::Test::HTTP;
use Kerberos::Test::Nginx;
use Kerberos::Test::Port qw(port);
use Kerberos::Test::Prefix;
use Kerberos::Test::Server;
use Kerberos::Test::Wait qw(now pause wait_for);

our @EXPORT = (
    (grep { $_ ne 'done_testing' } @Test::More::EXPORT), 'done_testing',
    @Kerberos::Test::HTTP::EXPORT,
    qw(nginx backend server config_test root),
    qw(status service peer),
    qw(certificate port now pause wait_for decode_json),
);

# Told to end, end in order: the END blocks take the processes down.

for my $signal (qw(INT TERM HUP)) {
    $SIG{$signal} //= sub { exit 1 };
}


# An nginx that runs, or with start => 0 one that is ready to.

sub nginx (%arg) {
    my $start = delete $arg{start} // 1;
    my $ng    = Kerberos::Test::Nginx->new(%arg);

    return $start ? $ng->start : $ng->configure;
}


sub backend (@kinds) { return Kerberos::Test::Backend->new(@kinds ? @kinds : 1) }


# One of t/lib/servers, by name, on a port of ours: server('grpc_echo')->ready.

sub server ($name) {
    return Kerberos::Test::Server->new(argv => ["t/lib/servers/$name", port()]);
}


# nginx -t without an nginx: takes what nginx() takes, returns code and output.

sub config_test (%arg) {
    return Kerberos::Test::Prefix->new(%arg)->config_test;
}


sub root () { return Kerberos::Test::Conf->root }


# The document at /status of an nginx, or of any address.

sub status ($of, $path = '/status') {
    my $answer = http_get(ref $of ? $of->port : $of, $path);

    die "status: $answer->{status} ", $answer->{error} // $answer->{body}, "\n"
        if $answer->{status} != 200 || $answer->{error};

    return decode_json($answer->{body});
}


# Its parts by name; undef when there is none.

sub service ($status, $name) {
    my ($service) = grep { $_->{name} eq $name } $status->{services}->@*;

    return $service;
}


sub peer ($status, $service, $id) {
    my $of     = service($status, $service) // return;
    my ($peer) = grep { $_->{id} eq $id } $of->{peers}->@*;

    return $peer;
}


sub decode_json ($text) { return JSON::PP::decode_json($text) }


# In a subtest, the processes belong to the whole test and go on.

sub done_testing (@arg) {
    my $context = Test2::API::context();
    my $inner   = $context->hub->isa('Test2::Hub::Subtest');

    $context->release;

    if (!$inner) {
        $_->stop for Kerberos::Test::Nginx->running;
    }

    return Test::More::done_testing(@arg);
}


1;
