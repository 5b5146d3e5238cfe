# SPDX-License-Identifier: MIT

package Kerberos::Test::Storm::Editions;

=head1 NAME

Kerberos::Test::Storm::Editions - a registry as it is written again and again

=head1 SYNOPSIS

    my $editions = Kerberos::Test::Storm::Editions->new(
        nginx => $ng, backend => $b, a => [1 .. 6], t => [7 .. 9]);

    $editions->put($editions->whole);
    $editions->put($editions->broken, $editions->any_way);
    my @who = map { $_->{a} } $editions->between(3, $r->{end});

=head1 WHY

Services C<a> and C<t> have peers, over TCP and over TLS, that dice choose; the weight of the only
peer of service C<stamp> is the edition's number, so that a status tells which one is in force.

An edition is a hash: C<number>, C<begin> and C<end> of being written, C<good>, C<why> where it is
not, C<a> and C<t> with the weights of the peers by address.

=cut

use v5.36;

use List::Util qw(shuffle);

use Kerberos::Test::Wait qw(now);

use constant METHODS => ('round_robin', 'least_conn', 'random', 'ewma', 'round_robin adaptive');


# Edition 0 is what was before the first.

sub new ($class, %arg) { return bless { %arg, all => [{ good => 0 }] }, $class }


sub number ($self, $number) { return $self->{all}[$number] }
sub highest ($self) { return $#{ $self->{all} } }
sub written ($self) { return $self->{all}->@[1 .. $self->highest] }


# One that dice have made, but for what is said.

sub some ($least, @of) { return sort +(shuffle @of)[0 .. $least - 1 + int rand(@of - $least + 1)] }


sub edition ($self, %more) {
    my $b = $self->{backend};
    my %edition = (
        number  => scalar $self->{all}->@*,
        good    => 1,
        balance => (METHODS)[rand 5],
        a => { map { $b->address($_) => 1 + int rand 3 } some(2, $self->{a}->@*) },
        t => { map { $b->address($_) => 1 + int rand 3 } some(1, $self->{t}->@*) },
        %more,
    );
    $edition{text} = text(\%edition);
    push $self->{all}->@*, \%edition;

    return \%edition;
}


# One with everybody.

sub whole ($self) {
    return $self->edition(
        balance => 'round_robin',
        map { my $s = $_; $s => { map { $self->{backend}->address($_) => 1 } $self->{$s}->@* } }
            qw(a t),
    );
}


sub peers ($scheme, $weights) {
    return map {"      - {url: $scheme://$_, weight: $weights->{$_}}\n"} sort keys %$weights;
}


sub text ($edition) {
    return join '', "version: 1\n", $edition->{shrink} // "allow_shrink: true\n", "services:\n",
        "  stamp: [{url: \"http://127.0.0.1:1\", weight: $edition->{number}}]\n",
        $edition->{ballast} // "  ballast: [http://127.0.0.2:1, http://127.0.0.3:1, http://127.0.0.4:1]\n",
        "  a:\n    balance: $edition->{balance}\n    peers:\n", peers(http => $edition->{a}),
        "  t:\n    peers:\n", peers(https => $edition->{t});
}


# What may be wrong with one. The whole text stands before it, so that what is in it would be seen.

my @broken = (
    ['an unknown key',      sub ($text) { $text . "    breakr: {}\n" }],
    ['a key twice',         sub ($text) { $text . "  a: [http://127.0.0.1:1]\n" }],
    ['half a quote',        sub ($text) { $text . "  more: [\"http://127.0.0.1:1]\n" }],
    ['a value out of range', sub ($text) { $text =~ s/weight: \d+\}\n\z/weight: -1}\n/r }],
    ['a byte that is none', sub ($text) { "$text\0" }],
    ['half a file',         sub ($text) { substr $text, 0, rindex $text, 'url' }],
    ['nothing at all',      sub ($text) { '' }],
    ['a second document',   sub ($text) { "$text---\n$text" }],
);


sub broken ($self) {
    # Far fewer peers, and not a word that it is meant.
    if (rand() < 0.2) {
        my ($a, $t) = map { $self->{backend}->address($self->{$_}[0]) } qw(a t);
        return $self->edition(good => 0, why => 'far fewer peers', shrink => '', ballast => '',
            a => { $a => 1 }, t => { $t => 1 });
    }
    my $edition = $self->edition(good => 0);
    my ($why, $break) = $broken[rand @broken]->@*;
    $edition->@{qw(why text)} = ($why, $break->($edition->{text}));

    return $edition;
}


# How people and programs write a file: mostly beside it and moved over it.

sub spill ($self, $name, $text) {
    open my $out, '>:raw', $self->{nginx}->path($name) or die "$name: $!\n";
    print {$out} $text;
    close $out or die "$name: $!\n";
    return;
}


sub move ($self, $from, $to) {
    my $ng = $self->{nginx};
    rename $ng->path($from), $ng->path($to) or die "$from: $!\n";
    return;
}


my @ways = (
    (sub ($self, $text) {
        $self->spill('.services.tmp', $text);
        $self->move('.services.tmp', 'services.yaml');
    }) x 6,
    sub ($self, $text) { $self->spill('services.yaml', $text) },
    sub ($self, $text) {
        $self->spill('.services.swp', $text);
        $self->move('services.yaml', 'services.yaml~');
        $self->move('.services.swp', 'services.yaml');
    },
);


sub any_way ($self) { return $ways[rand @ways] }


sub put ($self, $edition, $way = $ways[0]) {
    $edition->{begin} = now();
    $self->$way($edition->{text});
    $edition->{end} = now();
    delete $edition->{text};

    return $edition;
}


# A reload is an operator's word, and takes a file also where half of it is gone.

sub believe ($self, @reloads) {
    for my $n (1 .. $self->highest - 1) {
        my ($edition, $next) = map { $self->number($_) } $n, $n + 1;
        next if ($edition->{why} // '') ne 'far fewer peers';
        $edition->{good} = 1 if grep { $_->{taken} && $_->{begin} <= $next->{end}
            && $_->{end} >= $edition->{begin} } @reloads;
    }
    return;
}


# Those from the least on that may have been in force until then.

sub between ($self, $least, $end) {
    my @between;

    for my $n ($least .. $self->highest) {
        my $edition = $self->number($n);
        last if $edition->{begin} > $end;
        push @between, $edition if $edition->{good};
    }

    return @between;
}


1;
