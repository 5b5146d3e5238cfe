#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# What an operator is told of a registry that is refused: t/bad has a case for each mistake, and to
# the letter what is said of it.
#
#   NAME.yaml      the file; NAME.2.yaml stands beside it
#   NAME.env       variables, one "NAME=value" in each line; if they define services, "env:" is
#                  read as well
#   NAME.expected  what "kerberosctl validate" prints
#
# With KERBEROS_WRITE=1 it writes what is expected instead: then read the difference, as somebody
# would who is woken up by it.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Ctl qw(kerberosctl);
use Kerberos::Test::Log qw(slurp);

my $dir  = root() . '/t/bad';
my @name = sort keys %{ { map {m{/([^/.]+)\.[^/]+\z} ? ($1 => 1) : ()} glob "$dir/*" } };

chdir $dir or die "$dir: $!\n";


# The files of a case and its variables, as words of a command and its environment.

sub case ($name) {
    my @file = grep {-e} "$name.yaml", "$name.2.yaml";
    my %env;

    if (-e "$name.env") {
        %env = map { /^([^=]+)=(.*)$/s } split /\n/, slurp("$name.env");
        push @file, 'env:' if slurp("$name.env") =~ /_SVC_/;
    }

    return (\@file, \%env);
}


# kerberosctl with these variables and no others.

sub validate ($words, $env) {
    local %ENV = (KERBEROS_CTL => $ENV{KERBEROS_CTL} // '', %$env);

    return kerberosctl(['validate', @$words]);
}

cmp_ok scalar @name, '>', 100, 'there are cases: ' . @name;

for my $name (@name) {
    my ($file, $env) = case($name);
    my ($code, $out, $err) = validate($file, $env);

    if ($ENV{KERBEROS_WRITE}) {
        open my $expected, '>:raw', "$name.expected" or die "$name.expected: $!\n";
        print {$expected} $out;
        close $expected or die "$name.expected: $!\n";
    }
    is $code, 3, "$name is refused";
    is $out, -e "$name.expected" ? slurp("$name.expected") : '', "$name: what is said";
    is $err, '', "$name: and no more" if $err ne '';
    unlike $out, qr/secret/, "$name: no secret is told" if $name =~ /password/;
}

# What is too large to keep.

subtest 'sizes' => sub {
    my $ng = nginx(start => 0, workers => 1, http => 'kerberos_registry services.yaml;');

    my $first_of = sub ($text) {
        my (undef, $out) = kerberosctl(['validate', $ng->write_file('services.yaml', $text)]);
        my $prefix = $ng->path;

        return $out =~ s/\n.*//sr =~ s{^\Q$prefix\E/}{}r;
    };

    is $first_of->("a: [http://10.0.0.1]\n" . '#' x (16 << 20) . "\n"),
        '"' . $ng->path('services.yaml') . '" is not a file of at most 16m', 'a file of more than 16 MiB';
    is $first_of->("a:\n" . "- http://10.0.0.1\n" x 100_001),
        'services.yaml:100002:3: too many peers (at most 100000 in one file)', 'peers';
    is $first_of->('a: [' . 'x,' x 2_000_001 . "]\n"),
        'services.yaml:1:3999999: too many values (at most 2000000)', 'values';
    is $first_of->('a: [' . '~,' x 2_000_001 . "]\n"),
        'services.yaml:1:3999999: too many values (at most 2000000)', 'values that are none';
    is $first_of->('[' x (1 << 20)),
        'services.yaml:1:1048576: unclosed "[" (no closing ] up to the end of the file)', 'a million brackets';
};

subtest 'nginx says the same' => sub {
    my $ng = nginx(start => 0, workers => 1);

    for my $name (
        qw(yaml-alias yaml-nul yaml-quote-double-open top-unknown-key url-password message-wide),
        qw(breaker-many route-tie-files files-service-twice variable-bad-value env-breaker-values),
        qw(message-long-line)
    ) {
        my ($file, $env) = case($name);
        my @path = map { $_ eq 'env:' ? $_ : "$dir/$_" } @$file;
        my (undef, $out) = validate(\@path, $env);
        my @ours = split /\n/, $out;

        pop @ours;
        local @ENV{keys %$env} = values %$env;
        my ($code, $said) = $ng->config_test("kerberos_registry @path;");

        is $code, 1, "$name is refused";
        is_deeply [map {/^nginx: \[emerg\] (.*)/ ? $1 : ()} split /\n/, $said], \@ours,
            "$name: in the same lines"
            or diag $said;
    }
};

# Half a file is refused, or it has fewer services, which only the guard against shrinking sees.

subtest 'a truncated file' => sub {
    my $text = slurp(root() . '/conf/full-services.yaml');
    my %count;

    for (my $size = 0; $size < length $text; $size += 10) {
        my ($code, $out, $err) = kerberosctl(['validate', '-'], in => substr $text, 0, $size);

        $code == 0 || $code == 3 or fail("$size bytes: exit status $code");
        $out =~ /^(?:ok: .*|<stdin>:\d+:\d+: .*)\n/ && $err eq '' or fail("$size bytes: $out$err");
        my ($services, $peers) = $out =~ /^ok: (\d+) services?, (\d+) peers?/;
        push $count{ $code ? 'refused' : $services }->@*, $size;
    }
    pass 'never ends it';
    note map {"$_: " . @{ $count{$_} } . " ($count{$_}[0] to $count{$_}[-1])\n"} sort keys %count;
    cmp_ok scalar $count{refused}->@*, '>', 0, 'most of them are refused';
};

done_testing;
