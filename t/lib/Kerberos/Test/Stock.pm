# SPDX-License-Identifier: MIT

package Kerberos::Test::Stock;

=head1 NAME

Kerberos::Test::Stock - one scenario, on Kerberos or on nginx as it comes

=head1 SYNOPSIS

    my $ng = gateway(backend => $b, http => <<'EOF');
        upstream u {
            stock:    zone u 64k;
            stock:    server %%BACKEND_1%% max_fails=2 fail_timeout=1s;
            kerberos: server %%BACKEND_1%%;
            kerberos: kerberos_breaker threshold=2 timeout=300ms jitter=0%;
            server %%BACKEND_2%% backup;
        }
        ...
    EOF

    is reached($b, 1, sub { fetch($ng, '/') for 1 .. 20 }), 2, 'N2: two failures are enough';

=head1 WHY

That nginx's own C<max_fails> fails a test proves that the test can fail, and says
what Kerberos is for. So a scenario is written once. With KERBEROS_STOCK=1 the
module is not loaded and the lines behind C<stock:> count, else those behind
C<kerberos:>. What is asserted is what both can show: the answers, and the requests
that a peer has seen.

An assertion that nginx must fail is named after what it shows, C<N1:> to C<N10:>.
C<scripts/stock> sees to it that these fail there, each of them, and nothing else.

=cut

use v5.36;

use Exporter 'import';
use IO::Select;

use Kerberos::Test;

our @EXPORT = qw(STOCK gateway either fetch reached trip due most_since land);

use constant STOCK => $ENV{KERBEROS_STOCK} ? 1 : 0;


# nginx(), with the half of the configuration that is asked for.

sub gateway (%arg) {
    return nginx(%arg, http => either($arg{http}), STOCK ? (module => 0) : ());
}


sub either ($text) {
    my ($mine, $other) = STOCK ? qw(stock kerberos) : qw(kerberos stock);

    return $text =~ s/^\h*$other:.*\n//gmr =~ s/^(\h*)$mine:\h*/$1/gmr;
}


# One request, which has been judged when this returns: nginx closes the connection to the client
# when it has let go of the peer, and that may be after the client has read its answer.

sub fetch ($ng, $path, %arg) {
    my $c = http_connect($ng->port)->ask($arg{method} // 'GET', $path, close => 1, %arg);
    my $r = $c->response;

    $c->is_closed or die "$path: the connection stays open\n";

    return $r;
}


# The requests that come to a peer meanwhile.

sub reached ($b, $peer, $do) {
    my $before = $b->requests($peer);

    $do->();

    return $b->requests($peer) - $before;
}


# Asks until the peer is left alone.

sub trip ($b, $peer, $ask) {
    for (1 .. 10) {
        return if !reached($b, $peer, $ask);
    }

    die "peer $peer is never left alone\n";
}


# Waits until the next request may be a probe, without a request of its own. nginx does not tell,
# and counts in whole seconds: one more than fail_timeout must have passed.

sub due ($ng, $service, $address, $fail_timeout = 1) {
    return pause($fail_timeout + 1.1) if STOCK;

    wait_for { peer(status($ng), $service, $address)->{breaker}{retry_in} == 0 }
        or die "$service: the time of $address does not end\n";

    return;
}


# How many probes there may have been since that moment, if a failure came after it and each of
# them failed as well and kept the peer out for so many seconds. So what is asserted holds on a
# machine however slow; the clock of nginx is coarse, hence a tenth less.

sub most_since ($then, $timeout, $fail_timeout = 1) {
    return int((now() - $then) / (STOCK ? $fail_timeout : $timeout) / 0.9);
}


# Waits until each of these clients has an answer or hangs at the peer: how many hang, and the
# statuses of the others.

sub land ($b, $peer, @clients) {
    my (@statuses, $hanging);

    wait_for {
        my @left;

        for my $c (@clients) {
            my $r = IO::Select->new($c->{socket})->can_read(0) && $c->response;
            $r ? push @statuses, $r->{status} : push @left, $c;
        }

        @clients = @left;
        $hanging = $b->counters($peer)->{in_flight};
        $hanging == @clients;
    } or die scalar(@clients), " clients without an answer, $hanging at the peer\n";

    return ($hanging, \@statuses);
}


1;
