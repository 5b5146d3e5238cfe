# SPDX-License-Identifier: MIT

package Kerberos::Test::Wait;

=head1 NAME

Kerberos::Test::Wait - wait for a condition, never for luck

=head1 WHY

A fixed sleep is either too short on a busy machine or too long on an idle one.
Every wait of the harness, and of the tests, is a condition with a deadline.

    ok wait_for { status($ng)->{generation} == 2 }, 'the new registry is in force';
    wait_for { -e $file } 3 or die 'no file after three seconds';
    ok +(wait_for { -e $file } 3), 'a file within three seconds';

C<wait_for> returns what the condition returned when it became true, and
nothing when the deadline passed first.

=cut

use v5.36;

use Exporter 'import';
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

our @EXPORT_OK = qw(now pause wait_for);

use constant {
    DEADLINE => 10,      # generous: it is only ever used up by a failing test
    POLL     => 0.01,
};


# Seconds on a clock that nobody sets.

sub now () { return clock_gettime(CLOCK_MONOTONIC) }


sub pause ($seconds) {
    Time::HiRes::sleep($seconds) if $seconds > 0;
    return;
}


sub wait_for : prototype(&;$) ($condition, $seconds = DEADLINE) {
    my $end = now() + $seconds;

    while (1) {
        my $last = now() >= $end;    # looked up before the last try, not after
        my $got  = $condition->();

        return $got if $got;
        return if $last;

        pause(POLL);
    }
}


1;
