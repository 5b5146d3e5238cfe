# SPDX-License-Identifier: MIT

package Kerberos::Test::Storm::Records;

=head1 NAME

Kerberos::Test::Storm::Records - what the clients of a storm have seen, and what was in force then

=head1 SYNOPSIS

    my $crowd   = crowd($ng);
    ...
    my $records = Kerberos::Test::Storm::Records->end($crowd, $ng, reloads => $reloads);

    my $least = $records->least($r->{config}, $r->{begin});

=head1 WHY

The clients are another program, t/lib/servers/crowd, which says what a record has. Here each gets
its C<connection>, and that of a status its C<edition>.

Which edition is in force nobody tells, but for the statuses: at least what one has shown before, of
the same nginx.conf.

=cut

use v5.36;

use Exporter 'import';
use JSON::PP ();
use List::Util qw(max min);

use Kerberos::Test::Log qw(slurp);
use Kerberos::Test::Server;
use Kerberos::Test::Wait qw(wait_for);

our @EXPORT_OK = qw(crowd told);

use constant TELL => 1.5;    # seconds by which an idle worker has looked for a new generation


# The clients begin.

sub crowd ($ng) {
    return Kerberos::Test::Server->new(argv => ['t/lib/servers/crowd',
        '--report' => $ng->path('report'), '--port' => $ng->port, '--tls-port' => $ng->port(2)]);
}


# They end, and hand in what they have written down.

sub end ($class, $crowd, $ng, %arg) {
    kill TERM => $crowd->pid;
    wait_for { -e $ng->path('report') } 30 or die "no report of the clients:\n", $crowd->output;

    my @all  = map { JSON::PP::decode_json($_) } split /\n/, slurp($ng->path('report'));
    my $self = bless { %arg, all => \@all, worker => {}, statuses => {} }, $class;

    $self->_tell_connections;
    $self->_collect_statuses;

    return $self;
}


sub all ($self) { return $self->{all}->@* }


# Through which process its connection went; 0: nobody has seen.

sub worker_of ($self, $r) { return $self->{worker}{ $r->{connection} } // 0 }


# In one line.

sub told ($r) {
    return join ' ', map { "$_=" . (ref $r->{$_} ? '...' : $r->{$_} // 'none') } sort keys %$r;
}


# Ports come again: one begins where nothing was answered before.

sub _tell_connections ($self) {
    my %open;

    for my $r ($self->all) {
        $open{ $r->{port} }++ if !$r->{used} && $r->{kind} ne 'ws' || !$open{ $r->{port} };
        $r->{connection} = "$r->{port} $open{$r->{port}}";
        $self->{worker}{ $r->{connection} } = $r->{worker} if $r->{worker};
    }
    return;
}


# By nginx.conf: [end, highest edition until then], by time.

sub _collect_statuses ($self) {
    for my $r (sort { $a->{end} <=> $b->{end} } grep { $_->{seen} } $self->all) {
        my $list = $self->{statuses}{ $r->{config} } //= [];
        my ($stamp) = values $r->{seen}{services}{stamp}->%*;
        $r->{edition} = $stamp;
        push @$list, [$r->{end}, max($stamp, @$list ? $list->[-1][1] : 0)];
    }
    return;
}


sub _shown_before ($self, $config, $time) {
    my $list = $self->{statuses}{$config} // [];
    my ($low, $high) = (0, scalar @$list);
    while ($low < $high) {
        my $middle = int +($low + $high) / 2;
        $list->[$middle][0] <= $time ? ($low = $middle + 1) : ($high = $middle);
    }
    return $low ? $list->[$low - 1][1] : 0;
}


# The highest edition that any status has shown before.

sub newest ($self, $time) {
    return max map { $self->_shown_before($_, $time) } keys $self->{statuses}->%*;
}


# What a request that begins then must at least be served by. A worker that nginx is about to
# replace is told nothing of the configuration after its own; what it has is what it last saw.

sub least ($self, $config, $begin) {
    my ($since, $until) = $self->{reloads}->times_of($config);
    $begin = min($begin, $until - TELL) if $until;
    my $before = max 1, map { $self->_shown_before($_, $since) }
        grep { $_ < $config } keys $self->{statuses}->%*;

    return max $before, $self->_shown_before($config, $begin);
}


1;
