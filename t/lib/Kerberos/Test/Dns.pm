# SPDX-License-Identifier: MIT

package Kerberos::Test::Dns;

=head1 NAME

Kerberos::Test::Dns - a DNS server whose names a test sets while it is asked

=head1 SYNOPSIS

    my $dns = dns('users.test' => ['127.0.0.2', '5 AAAA ::1']);
    my $ng  = nginx(http => $dns->resolver . <<'EOF');
        kerberos_registry services.yaml;
        ...
    EOF

    $dns->set('users.test' => ['127.0.0.3'], '_http._tcp.users.test' => ['1 SRV 0 5 8080 a.test']);
    $dns->set('users.test' => []);           # there is no such name any more
    $dns->mode('servfail');                  # to everybody; 'ok' again
    $dns->mode('silent', 'users.test');      # for one name and those below it
    $dns->pause;                             # it answers when it may go on
    $dns->resume;
    $dns->stop;                              # nobody listens: refused
    $dns->start;                             # at the same address
    is $dns->queries('users.test', 'A'), 1;

=head1 WHY

A name is followed when a real server's answers are: so this is Unbound, with the names of
a zone file that it answers with authority, asks nobody else for anything, and writes down
who asked what. A record is an address, or C<TTL TYPE DATA> as in such a file; the TTL of
an address is a second. What C<set> and C<mode> say holds when they return, for all
queries at once.

It runs as a child of the test, in a folder of its own, at a port that is ours
(L<Kerberos::Test::Port>) of 127.0.0.53: on 127.0.0.1 the lock of that port is the socket
that the server would want.

=cut

use v5.36;

use Exporter 'import';
use File::Copy qw(copy);
use File::Temp qw(tempdir);
use Scalar::Util qw(weaken);
use Socket qw(inet_aton);

use Kerberos::Test::Ctl qw(command_output);
use Kerberos::Test::Log qw(slurp);
use Kerberos::Test::Port ();
use Kerberos::Test::Process qw(spawn terminate reap exit_text);
use Kerberos::Test::Wait qw(wait_for);

our @EXPORT_OK = qw(dns);

use constant HOST => '127.0.0.53';

my @all;


sub dns (%names) { return __PACKAGE__->new(%names) }


sub new ($class, %names) {
    my $self = bless {
        owner => $$,
        dir   => tempdir('kerberos-dns-XXXXXXXX', TMPDIR => 1, CLEANUP => 1),
        port  => Kerberos::Test::Port::port(),
        names => {%names},
        modes => {},
    }, $class;

    push @all, $self;
    weaken $all[-1];

    # AppArmor ties the system's program to the system's folders.
    copy('/usr/sbin/unbound', $self->_path('server')) or die "/usr/sbin/unbound: $!\n";
    chmod 0755, $self->_path('server');

    $self->_write('conf', $self->_conf);
    $self->_write('zone', $self->_zone);

    return $self->start;
}


sub address ($self)  { return HOST . ":$self->{port}" }
sub resolver ($self) { return '    resolver ' . $self->address . ";\n" }


# The records of each of these names from now on; those of all others stay.

sub set ($self, %names) {
    $self->{names} = { %{ $self->{names} }, %names };
    $self->_write('zone', $self->_zone);
    $self->_reload if $self->{pid};

    return $self;
}


# How a name, and those below it, are answered: ok, silent, refused. The server as a whole can
# servfail too: a zone without so much as a beginning.

sub mode ($self, $mode, $name = '.') {
    my %policy = (ok => undef, servfail => undef, silent => 'deny', refused => 'refuse');

    die "dns: no such mode: $mode\n" unless exists $policy{$mode};
    die "dns: only all names can servfail\n" if $mode eq 'servfail' && $name ne '.';

    if ($name eq '.') {
        $self->{broken} = $mode eq 'servfail';
        $self->_write('zone', $self->_zone);
        $self->_reload if $self->{pid};
    }

    $self->{modes}{$name} = $policy{$mode};
    $self->_enact($name) if $self->{pid};

    return $self;
}


# How often a name was asked for, also where there was no answer; of one type, or at all.

sub queries ($self, $name, $type = undef) {
    my @asked = $self->asked($name, $type);

    return scalar @asked;
}


# And when, in whole seconds of the wall clock.

sub asked ($self, $name, $type = undef) {
    my $of = defined $type ? quotemeta $type : '\w+';

    return slurp($self->_path('log')) =~ /^\[(\d+)\] \S+ info: \S+ \Q$name\E\. $of IN$/gm;
}


sub start ($self) {
    die "the DNS server runs already\n" if $self->{pid};

    my $begin = -s $self->_path('log') // 0;
    my $pid   = $self->{pid} = spawn(
        argv   => [$self->_path('server'), '-d', '-c', $self->_path('conf')],
        stderr => $self->_path('log'),
    );
    my $status;

    wait_for {
        slurp($self->_path('log'), $begin) =~ /start of service/ || defined($status = reap($pid));
    } 30 or die "the DNS server is not ready\n";

    if (defined $status) {
        delete $self->{pid};
        die 'the DNS server ended with ', exit_text($status), ":\n", slurp($self->_path('log'), $begin);
    }

    $self->_enact($_) for keys %{ $self->{modes} };

    return $self;
}


sub stop ($self) {
    my $pid = delete $self->{pid} or return;

    kill CONT => $pid;
    terminate($pid, TERM => 5, KILL => 5);

    return;
}


# What is asked meanwhile is answered after it.

sub pause ($self) {
    kill STOP => $self->{pid};
    wait_for { slurp("/proc/$self->{pid}/stat") =~ /\) T/ } or die "the DNS server goes on\n";

    return;
}


# Whether somebody's question waits for it.

sub is_asked ($self) {
    my $socket = sprintf '%08X:%04X', unpack('L', inet_aton(HOST)), $self->{port};

    return slurp('/proc/net/udp') =~ /: $socket \S+ \S+ \w+:(?!0+\b)/;
}


sub resume ($self) {
    kill CONT => $self->{pid};

    return;
}


sub _path ($self, $name) { return "$self->{dir}/$name" }


sub _write ($self, $name, $text) {
    my $path = $self->_path($name);

    open my $out, '>', $path or die "$path: $!\n";
    print {$out} $text or die "$path: $!\n";
    close $out or die "$path: $!\n";

    return;
}


sub _control ($self, @words) {
    my ($code, @said) = command_output(['/usr/sbin/unbound-control', '-c', $self->_path('conf'), @words]);

    die "unbound-control @words: @said" if $code || $said[0] !~ /^ok$/m;

    return;
}


sub _reload ($self) { return $self->_control('auth_zone_reload', '.') }


sub _enact ($self, $name) {
    my $policy = $self->{modes}{$name};

    return $self->_control(defined $policy ? ('local_zone', $name, $policy) : ('local_zone_remove', $name));
}


sub _zone ($self) {
    my $names = $self->{names};
    my @lines = ('. 1 SOA . . 1 1 1 1 1', '. 1 NS .');

    for my $name ($self->{broken} ? @lines = () : sort keys %$names) {
        push @lines, "$name " . (/ / ? $_ : /:/ ? "1 AAAA $_" : "1 A $_") for $names->{$name}->@*;
    }

    return join '', "\$ORIGIN .\n", map {"$_\n"} @lines;
}


# Without "nodefault" it has an opinion of its own about "test". The order of records is the file's.

sub _conf ($self) { return <<"EOF" }
server:
    directory: "$self->{dir}"
    chroot: ""
    username: ""
    pidfile: ""
    logfile: ""
    use-syslog: no
    log-queries: yes
    num-threads: 1
    module-config: "iterator"
    interface: @{[HOST]}\@$self->{port}
    do-ip6: no
    rrset-roundrobin: no
    local-zone: "test." nodefault
remote-control:
    control-enable: yes
    control-interface: "$self->{dir}/control"
    control-use-cert: no
auth-zone:
    name: "."
    zonefile: "$self->{dir}/zone"
    for-downstream: yes
    for-upstream: no
EOF


sub DESTROY ($self) {
    return if $self->{owner} != $$;

    local ($@, $!, $?);

    $self->stop;

    return;
}


END { $_ && $_->DESTROY for @all }


1;
