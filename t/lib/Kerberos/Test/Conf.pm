# SPDX-License-Identifier: MIT

package Kerberos::Test::Conf;

=head1 NAME

Kerberos::Test::Conf - nginx.conf from what a test wants to say

=head1 WHY

A test should show the directives that it is about, and nothing else. The rest,
which keeps nginx inside its private directory and in the foreground, is added
here. A configuration is described by

    http    => text         what stands in http {}
    main    => text         main level, added to what is ours
    events  => text         in events {}, in place of ours
    conf    => text         the whole file instead; it should contain
                            %%GLOBALS%% and, in http {}, %%GLOBALS_HTTP%%
    workers => N            default $KERBEROS_WORKERS or 2; a worker_processes
                            directive in the text wins
    module  => 0            do not load the Kerberos module
    daemon  => 1            in the background: see Kerberos::Test::Daemon
    log     => 'info'       level of the error log
    backend => $backend     gives %%BACKEND%%, %%BACKEND_1%%, ...
    vars    => {...}        gives %%NAME%% for each name

Placeholders that are always there: C<%%PREFIX%%>, and C<%%PORT%%>, the same as
C<%%PORT_1%%>, C<%%PORT_2%%> ..., each a free port, allocated when first named.
An unknown placeholder is an error, not an empty string.

=cut

use v5.36;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Spec;

use Kerberos::Test::Port ();

# What the harness sets for sanitizers.
my @HANDED_DOWN = qw(LD_PRELOAD ASAN_OPTIONS LSAN_OPTIONS TSAN_OPTIONS UBSAN_OPTIONS);

my $ROOT = abs_path(dirname(__FILE__) . '/../../../..');


sub root ($class) { return $ROOT }


sub module ($class) {
    my $path = $ENV{KERBEROS_MODULE} || 'build/ngx_http_kerberos_module.so';

    return File::Spec->rel2abs($path, $ROOT);
}


sub new ($class, $prefix, %spec) {
    my $self = bless { prefix => $prefix, spec => {}, ports => {} }, $class;

    $self->set(%spec);

    return $self;
}


# Changes what is named and keeps the rest. http and conf exclude each other.

sub set ($self, %spec) {
    my %known = map { $_ => 1 } qw(http main events conf workers module daemon log backend vars);
    my $old   = $self->{spec};

    for my $name (keys %spec) {
        die "nginx: no such option: $name\n" unless $known{$name};
    }

    delete $old->{conf} if exists $spec{http};
    delete $old->{http} if exists $spec{conf};

    $self->{spec} = { %$old, %spec, vars => { %{ $old->{vars} // {} }, %{ $spec{vars} // {} } } };

    return $self;
}


# A copy that shares the ports: for trying a change without making it.

sub with ($self, %spec) {
    my $copy = bless {%$self}, ref $self;

    return $copy->set(%spec);
}


sub port ($self, $n = 1) {
    return $self->{ports}{$n} //= Kerberos::Test::Port::port();
}


# The text of nginx.conf. Runs that only test it write to files of another name.

sub text ($self, $name = 'nginx') {
    my $spec = $self->{spec};
    my $conf = $spec->{conf} // join "\n",
        '%%GLOBALS%%',
        $spec->{main} // '',
        'events {', $spec->{events} // '    worker_connections 1024;', '}',
        'http {', '%%GLOBALS_HTTP%%', $spec->{http} // '', '}', '';

    my $said = join "\n", map { $_ // '' } @$spec{qw(conf main)};

    $conf =~ s/%%GLOBALS%%/$self->_globals($name, $said)/e;
    $conf =~ s/%%GLOBALS_HTTP%%/$self->_globals_http/e;

    return $self->render($conf);
}


sub render ($self, $text) {
    return $text =~ s/%%(\w+)%%/$self->_value($1)/ger;
}


# How many workers that text asks for; 1 stands for "auto" too, at least one.

sub worker_count ($self) {
    return $self->text =~ /^\s*worker_processes\s+(\d+)/m ? $1 : 1;
}


sub _value ($self, $name) {
    my ($vars, $backend) = @{ $self->{spec} }{qw(vars backend)};

    return $vars->{$name}  if defined $vars->{$name};
    return $self->{prefix} if $name eq 'PREFIX';
    return $self->port($1 // 1)           if $name =~ /^PORT(?:_(\d+))?$/;
    return $backend->address($1 // 1)     if $backend && $name =~ /^BACKEND(?:_(\d+))?$/;

    die "nginx.conf: nothing to put for %%$name%%\n";
}


sub _globals ($self, $name, $said) {
    my $spec = $self->{spec};
    my $log  = $spec->{log} // 'info';
    my @lines;

    if ($spec->{module} // 1) {
        my $module = $self->module;

        die "$module is not built: run make build\n" unless -e $module;
        push @lines, "load_module $module;";
    }

    if ($said !~ /^\s*worker_processes\b/m) {
        push @lines, sprintf 'worker_processes %d;',
            $spec->{workers} // $ENV{KERBEROS_WORKERS} // 2;
    }

    # Started by root, workers would become nobody and could not enter a private
    # directory; started by a user, nginx warns of the directive.
    push @lines, 'user root root;' if $> == 0;

    # Of its environment nginx hands down only what is named.
    push @lines, $spec->{daemon} ? map {"env $_;"} @HANDED_DOWN : 'daemon off;';

    return join "\n", @lines, "pid %%PREFIX%%/$name.pid;",
        $name eq 'nginx' ? "error_log %%PREFIX%%/error.log $log;" : ();
}


sub _globals_http ($self) {
    my @temp = map {"${_}_temp_path %%PREFIX%%/${_}_temp;"}
        qw(client_body proxy fastcgi uwsgi scgi);

    return join "\n", map {"    $_"} 'access_log %%PREFIX%%/access.log;', @temp;
}


1;
