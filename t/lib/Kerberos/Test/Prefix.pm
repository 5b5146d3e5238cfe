# SPDX-License-Identifier: MIT

package Kerberos::Test::Prefix;

=head1 NAME

Kerberos::Test::Prefix - nginx's private directory: configuration, files, log

=head1 WHY

Half of what a test says to nginx, and all that nginx says to a test apart from
its answers, are files. They live in a directory of their own, so that tests can
run side by side and leave nothing behind. L<Kerberos::Test::Nginx> is such a
directory with an nginx running in it; C<nginx -t> needs none.

The binary is C<$NGINX_BINARY> or /usr/sbin/nginx. For a module with sanitizers
in an nginx without, C<$KERBEROS_PRELOAD> names the runtime to preload;
C<ASAN_OPTIONS>, C<LSAN_OPTIONS>, C<TSAN_OPTIONS> and C<UBSAN_OPTIONS> reach
nginx, with a C<log_path> of ours added. With C<$KERBEROS_KEEP> set, directories stay.

=cut

use v5.36;

use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);

use Kerberos::Test::Conf;
use Kerberos::Test::Log qw(complaints slurp);
use Kerberos::Test::Process qw(spawn terminate reap exit_text);
use Kerberos::Test::Wait qw(wait_for);


# The configuration is described in Kerberos::Test::Conf; allow lists patterns of
# log lines that would be complaints but are what the test is about.

sub new ($class, %arg) {
    my $allow  = delete $arg{allow} // [];
    my $prefix = tempdir('kerberos-XXXXXXXX', TMPDIR => 1);

    chmod 0755, $prefix;

    return bless {
        owner  => $$,
        prefix => $prefix,
        conf   => Kerberos::Test::Conf->new($prefix, %arg),
        log    => Kerberos::Test::Log->new("$prefix/error.log"),
        judged => 0,
        allow  => [@$allow],
    }, $class;
}


sub port ($self, @n) { return $self->{conf}->port(@n) }
sub path ($self, $name = '') { return length $name ? "$self->{prefix}/$name" : $self->{prefix} }


# Writes nginx.conf, changed as told; a running nginx learns of it by reload.

sub configure ($self, %change) {
    $self->{conf}->set(%change);
    $self->write_file('nginx.conf', $self->{conf}->text);

    return $self;
}


# Puts a file into the prefix, placeholders filled in, and returns its path. It
# appears at once and whole, as a good editor or deployment does it; in_place
# writes into the old file instead.

sub write_file ($self, $name, $text, %arg) {
    my $path = $self->path($name);
    my $to   = $arg{in_place} ? $path : "$path.new";

    make_path(dirname($path));

    open my $out, '>:raw', $to or die "$to: $!\n";
    print {$out} $self->{conf}->render($text) or die "$to: $!\n";
    close $out or die "$to: $!\n";

    $to eq $path or rename $to, $path or die "$path: $!\n";

    return $path;
}


# nginx -t with the configuration as it is, or changed as told (a single
# argument is the text for http). Returns the exit code and what nginx said; dies
# when that was not an answer but a crash or a sanitizer's report.

sub config_test ($self, @change) {
    unshift @change, 'http' if @change == 1;

    $self->write_file('test.conf', $self->{conf}->with(@change)->text('test'));
    unlink $self->path('test.out');

    my $pid = $self->run_binary('test.out', qw(-t -e test.log -c test.conf));
    my $status;

    wait_for { defined($status = reap($pid)) } 30
        or die "nginx -t does not end\n", terminate($pid, KILL => 5);

    my $said    = slurp($self->path('test.out'));
    my @reports = complaints($said . slurp($self->path("sanitizer.$pid")), qr/\[emerg\]/);

    die join "\n", 'nginx -t ended with ' . exit_text($status), @reports, $said
        if $status & 127 || @reports;

    return ($status >> 8, $said);
}


# The error log since the last mark_log.

sub log_text ($self) { return $self->{log}->text }
sub log_lines ($self, @pattern) { return $self->{log}->lines(@pattern) }
sub mark_log ($self) { return $self->{log}->mark }
sub wait_for_log ($self, @arg) { return $self->{log}->wait_for_lines(@arg) }


sub allow ($self, @patterns) {
    push @{ $self->{allow} }, @patterns;
    return $self;
}


# What the files say, from where the last judgement ended.

sub problems ($self) {
    my $log  = slurp($self->path('error.log'), $self->{judged});
    my @rest = map { slurp($_) } $self->path('stderr'), glob($self->path('sanitizer.*'));

    $self->{judged} += length $log;

    return map { complaints($_, @{ $self->{allow} }) } $log, @rest;
}


# Runs nginx in this directory, its output in the file $out, and returns the pid.

sub run_binary ($self, $out, @arg) {
    return spawn(
        argv   => [$ENV{NGINX_BINARY} || '/usr/sbin/nginx', '-p', "$self->{prefix}/", @arg],
        env    => $self->_environment(scalar grep { $_ eq '-t' } @arg),
        stdout => $self->path($out),
        stderr => $self->path($out),
    );
}


# Sanitizers read the last of several values: our log_path wins, while the caller
# may have other suppressions. nginx -t may leak: refused, it exits on the spot.

sub _environment ($self, $testing) {
    my $preload = $ENV{KERBEROS_PRELOAD} or return {};
    my $known   = 'suppressions=' . Kerberos::Test::Conf->root . '/t/lib/lsan.supp';
    my %before  = (LSAN_OPTIONS => "print_suppressions=0:$known");
    my %after   = (ASAN_OPTIONS => $testing ? 'detect_leaks=0' : '');
    my $log     = 'log_path=' . $self->path('sanitizer');

    my $join = sub ($name) {
        my @options = ($before{$name}, $ENV{$name}, $after{$name}, $log);

        return join ':', grep { length($_ // '') } @options;
    };

    return {
        LD_PRELOAD => $preload,
        map { $_ => $join->($_) } qw(ASAN_OPTIONS LSAN_OPTIONS TSAN_OPTIONS UBSAN_OPTIONS),
    };
}


# A forked child of the test leaves everything as it is.

sub DESTROY ($self) {
    return if $self->{owner} != $$;

    local ($@, $!);
    remove_tree($self->path) unless $self->{keep} || $ENV{KERBEROS_KEEP};

    return;
}


1;
