# SPDX-License-Identifier: MIT

package Kerberos::Test::Names;

=head1 NAME

Kerberos::Test::Names - an nginx that follows names, and who is behind them

=head1 SYNOPSIS

    my $port = port();
    my $dns  = dns('users.test' => ['127.0.0.2']);
    my $ng   = following($dns, "users: [http://users.test:$port]\n");

    has($ng, 'users', ["127.0.0.2:$port"], 'the address');
    is name($ng, 'users.test')->{addresses}, 1;

    change($ng, "users: [{url: http://users.test:$port, weight: 2}]\n");

=head1 WHY

The tests of names differ in what they do to the DNS server, and are about the same
gateway: /SERVICE/... goes to that service, one try a request, and says which peer it was.

=cut

use v5.36;

use Exporter 'import';

use Kerberos::Test;
use Kerberos::Test::Dns qw(dns);
use Kerberos::Test::Load qw(load);

our @EXPORT = qw(SOON dns load gateway following change has ids name generation told);

# A TTL of a second, and two to ask, where the machine has nothing else to do.

use constant SOON => 10;


# The http block; without a server it has no resolver.

sub gateway ($dns, $more = '') { return ($dns ? $dns->resolver : '') . <<"EOF" }
    resolver_timeout  1s;
    kerberos_registry services.yaml;
    $more
    server {
        listen 127.0.0.1:%%PORT%%;
        proxy_next_upstream   off;
        proxy_connect_timeout 2s;
        proxy_http_version    1.1;
        proxy_set_header      Connection '';
        add_header X-Peer \$kerberos_peer always;
        location = /status { kerberos_status; }
        location ~ ^/(?<service>\\w+)/ { kerberos_service \$service; proxy_pass http://kerberos; }
    }
EOF


# More is as in nginx(), start => 0 among it.

sub following ($dns, $yaml, %arg) {
    my $start = delete $arg{start} // 1;
    my $ng    = nginx(start => 0, http => gateway($dns), %arg);

    $ng->write_file('services.yaml', $yaml);

    return $start ? $ng->start : $ng;
}


# The file, at once and whole.

sub change ($ng, $yaml) { return $ng->write_file('services.yaml', $yaml) }


# Within so many seconds these are the peers of a service, by their ids.

sub has ($ng, $service, $wanted, $what, $seconds = SOON) {
    my $all  = join ' ', sort @$wanted;
    my $then = now();
    my $ok   = ok +(wait_for { ids($ng, $service) eq $all } $seconds), $what;

    note sprintf '%s: %.2f s', $what, now() - $then;
    diag "there are: ", ids($ng, $service), ", wanted: $all" if !$ok;

    return $ok;
}


sub ids ($ng, $service) {
    my $of = service(status($ng), $service) // return 'no such service';

    return join ' ', sort map { $_->{id} } $of->{peers}->@*;
}


# What the status says of a name; undef if it has none.

sub name ($ng, $name) {
    my ($found) = grep { $_->{name} eq $name } (status($ng)->{config}{names} // [])->@*;

    return $found;
}


sub generation ($ng) { return status($ng)->{generation} }


# How many lines of the log are like that. What is told of stands there a moment after it shows: so
# many are waited for.

sub told ($ng, $pattern, $wanted = 0) {
    my @lines;

    wait_for { @lines = $ng->log_lines($pattern); @lines >= $wanted } 10;

    return scalar @lines;
}


1;
