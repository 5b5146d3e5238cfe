# SPDX-License-Identifier: MIT

package Kerberos::Test::Balance;

=head1 NAME

Kerberos::Test::Balance - who answers how many requests, and who has how many in flight

=head1 SYNOPSIS

    my $b  = backend(3);
    my $ng = nginx(backend => $b, http => $upstreams . by_name);

    is_deeply [turns($ng, $b, 6, 'u')], [1, 2, 3, 1, 2, 3];
    my ($first, $second, $third) = shares($ng, $b, 300, 'u');
    ok near($first, 300, 1/3), 'a third of them, as far as dice go';

    $b->mode('all', 'hang', path => '/hold');
    my @held = hold($ng, $b, 9, 'u');
    is_deeply [loads($b)], [3, 3, 3];
    release($b, grep { $_->{peer} == 1 } @held);

=head1 WHY

A method is told by what it does with many requests. One after another: C<turns> sends a
few on each connection, and each request begins when nginx has let go of the one before,
so that nothing but the method decides, though other connections come to other workers.
At the same time: C<hold> sends requests that stay in flight until C<release>, and knows
which peer has which.

Both work on any nginx, so that nginx's own methods can be asked the same questions.

=cut

use v5.36;

use Exporter 'import';
use IO::Select;
use List::Util qw(min sum0);

use Kerberos::Test::HTTP qw(http_connect);
use Kerberos::Test::Wait qw(wait_for);

our @EXPORT = qw(by_name at_worker turns shares near hold release loads in_step);


# A server in which /NAME and /hold/NAME come to the upstream of that name. reuseport: the kernel
# deals the connections out among the workers by itself.

sub by_name ($more = '') { return <<"EOF" }
    server {
        listen 127.0.0.1:%%PORT%% reuseport;
        add_header X-Worker \$pid always;
        add_header X-Tried  \$upstream_addr always;
        proxy_read_timeout 10m;
        $more
        location = /worker { return 204; }
        location ~ ^/(?:hold/)?(?<name>\\w+) { proxy_pass http://\$name; }
    }
EOF


# A connection to that worker.

sub at_worker ($ng, $pid) {
    for (1 .. 500) {
        my $c = http_connect($ng->port);
        return $c if $c->get('/worker')->{headers}{'x-worker'} == $pid;
    }

    die "no connection comes to worker $pid\n";
}


# The numbers of the peers that answer so many requests, one after another; of one that nobody
# answers, "status NNN". The path may be sub ($i) {...}; headers and more as in http_get. With
# worker => $pid that worker is asked; see => sub ($response) {...} is shown each response.

sub turns ($ng, $b, $count, $path, %arg) {
    my ($see, $worker) = delete @arg{qw(see worker)};
    my %number = map { $b->address($_) => $_ } 1 .. $b->{addresses}->@*;
    my @turns;

    while (@turns < $count) {
        my $c    = $worker ? at_worker($ng, $worker) : http_connect($ng->port);
        my $some = min(10, $count - @turns);

        for my $i (1 .. $some) {
            my $at = ref $path ? $path->(@turns + $i - 1) : $path;
            $c->ask('GET', "/$at", close => $i == $some, %arg);
        }

        for my $r (map { $c->response } 1 .. $some) {
            my $by = $r->{headers}{'x-backend'} // '';
            push @turns, $number{$by} // "status $r->{status}";
            $see->($r) if $see;
        }

        $c->is_closed or die "/$path: the connection stays open\n";
    }

    return @turns;
}


# How many of so many requests each peer answers.

sub shares ($ng, $b, $count, $path, %arg) {
    my %seen;
    $seen{$_}++ for turns($ng, $b, $count, $path, %arg);

    return map { $seen{$_} // 0 } 1 .. $b->{addresses}->@*;
}


# Whether so many of $count are what dice give, each time with that chance: false for one of 500
# million that do.

sub near ($got, $count, $chance) {
    return abs($got - $count * $chance) <= 6 * sqrt($count * $chance * (1 - $chance)) + 1;
}


# Requests that stay in flight, begun one after another: { client, peer }, where peer is undef if
# nobody took it. The backend must hang at /hold. The path may have a query; worker as in turns.

sub hold ($ng, $b, $count, $path, %arg) {
    my ($name, $query) = $path =~ /^(.*?)(\?.*)?$/;
    state $number = 0;
    my @held;

    for (1 .. $count) {
        my $at = "/hold/$name/" . ++$number;
        my $c  = $arg{worker} ? at_worker($ng, $arg{worker}) : http_connect($ng->port);

        $c->ask('GET', $at . ($query // ''));

        my $peer;
        wait_for {
            my @at = map { $_->{paths}{$at} ? 1 : 0 } $b->peers;
            ($peer) = grep { $at[$_ - 1] } 1 .. @at;
            $peer || IO::Select->new($c->{socket})->can_read(0);
        } or die "$at: neither held nor answered\n";

        push @held, { client => $c, peer => $peer };
    }

    return @held;
}


# Their clients leave. nginx lets go of a peer before it closes the connection to it.

sub release ($b, @held) {
    my $left = sum0(loads($b)) - grep { $_->{peer} } @held;

    $_->{client}->close for @held;

    wait_for { sum0(loads($b)) <= $left } or die "requests are still in flight\n";

    return;
}


# The requests that each peer has in flight.

sub loads ($b) { return map { $_->{in_flight} } $b->peers }


# Whether these loads can come of requests that each went to a peer with the least load for its
# weight: the last one of a peer was no worse off than another peer is now.

sub in_step ($loads, $weights) {
    for my $p (grep { $loads->[$_] } keys @$loads) {
        for my $q (keys @$loads) {
            return 0 if ($loads->[$p] - 1) * $weights->[$q] > $loads->[$q] * $weights->[$p];
        }
    }

    return 1;
}


1;
