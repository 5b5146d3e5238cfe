# SPDX-License-Identifier: MIT

package Kerberos::Test::Server;

=head1 NAME

Kerberos::Test::Server - a helper process that says when it is ready

=head1 WHY

Backends of every kind (HTTP, gRPC, FastCGI) are programs that print one line,
C<ready WORD...>, when they listen. That line is what a test waits for, and its
words are the ports. The program ends with the object, or with the test.

    my $fcgi = Kerberos::Test::Server->new(argv => ['t/lib/servers/fastcgi_echo', 0]);
    my ($port) = $fcgi->ready;

=cut

use v5.36;

use File::Temp qw(tempfile);
use Scalar::Util qw(weaken);

use Kerberos::Test::Conf;
use Kerberos::Test::Log qw(slurp);
use Kerberos::Test::Process qw(spawn terminate reap exit_text);
use Kerberos::Test::Wait qw(wait_for);

my @all;


# A relative program is one of the repository.

sub new ($class, %arg) {
    my ($program, @rest) = @{ $arg{argv} };
    my ($fh, $output)    = tempfile('kerberos-server-XXXXXXXX', TMPDIR => 1);

    $program = Kerberos::Test::Conf->root . "/$program" unless $program =~ m{^/};

    my $self = bless { owner => $$, output => $output, name => $program }, $class;

    push @all, $self;
    weaken $all[-1];

    $self->{pid} = spawn(argv => [$program, @rest], stdout => $fh, stderr => $output);
    $self->_await;

    return $self;
}


sub _await ($self) {
    my $status;

    wait_for {
        $self->output =~ /^ready\b(.*)\n/m and $self->{ready} = [split ' ', $1];
        $self->{ready} || defined($status = reap($self->{pid}));
    } 30;

    return if $self->{ready};

    delete $self->{pid} if defined $status;
    die "$self->{name} is not ready",
        (defined $status ? ', ended with ' . exit_text($status) : ''), ":\n", $self->output;
}


sub ready ($self) { return @{ $self->{ready} } }

sub output ($self) { return slurp($self->{output}) }

sub pid ($self) { return $self->{pid} }


sub stop ($self) {
    my $pid = delete $self->{pid} or return;

    terminate($pid, TERM => 5, KILL => 5);

    return;
}


sub DESTROY ($self) {
    return if $self->{owner} != $$;

    local ($@, $!, $?);

    $self->stop;
    unlink delete $self->{output} // ();

    return;
}


END { $_ && $_->DESTROY for @all }


1;
