# SPDX-License-Identifier: MIT

package Kerberos::Test::Log;

=head1 NAME

Kerberos::Test::Log - read nginx's error log, and judge it

=head1 WHY

Every test is also a crash test: whatever it is about, nginx must not have logged
an alert, lost a process or tripped a sanitizer meanwhile. C<complaints> is that
judgement, a function of text alone, so that the harness can prove that it is
able to find something. An object reads a growing file; C<mark> sets where the
reading begins, so that a test sees only what came after it.

=cut

use v5.36;

use Exporter 'import';

use Kerberos::Test::Wait qw(wait_for);

our @EXPORT_OK = qw(complaints slurp);

my $SANITIZER = qr/
      \b(?:Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer\b
    | :\d+:\d+:[ ]runtime[ ]error:
/x;

my $PROCESS_LOST = qr/
      \bexited[ ]on[ ]signal[ ]\d+
    | \bexited[ ]with[ ]code[ ](?!0\b)\d+
    | \bexited[ ]with[ ]fatal[ ]code\b
/x;


# The lines that no test may cause, save those that match one of the patterns.

sub complaints ($text, @allowed) {
    my @found = grep {/\[(?:alert|emerg)\]/ || $_ =~ $PROCESS_LOST || $_ =~ $SANITIZER}
        split /\n/, $text;

    for my $allowed (@allowed) {
        @found = grep { $_ !~ $allowed } @found;
    }

    return @found;
}


sub slurp ($path, $offset = 0) {
    open my $in, '<:raw', $path or return '';
    seek $in, $offset, 0;
    local $/;

    return <$in> // '';
}


sub new ($class, $path) {
    return bless { path => $path, mark => 0 }, $class;
}


# What was logged since the mark.

sub text ($self) { return slurp($self->{path}, $self->{mark}) }


sub mark ($self) {
    $self->{mark} = -s $self->{path} // 0;
    return;
}


sub all ($self) { return slurp($self->{path}) }


sub lines ($self, $pattern = qr/^/) {
    return grep { $_ =~ $pattern } split /\n/, $self->text;
}


# The first $count lines that match, as soon as there are so many.

sub wait_for_lines ($self, $pattern, $count = 1, @seconds) {
    my @lines;
    wait_for { (@lines = $self->lines($pattern)) >= $count } @seconds ? $seconds[0] : 10;

    return @lines;
}


1;
