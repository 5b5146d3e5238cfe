#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# The variables: the service of a request and what became of its last attempt, in the access log
# and, as far as it is known by then, in a response header.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Log qw(slurp);

my $b  = backend(3);
my $ng = nginx(backend => $b, start => 0, http => <<'EOF');
    kerberos_registry services.yaml;
    kerberos_breaker threshold=1 timeout=60s jitter=0%;

    # Since 1.29.7 nginx keeps connections by default; one that closes without a word is then stale.
    proxy_http_version 1.0;
    upstream good  { server %%BACKEND_1%%; kerberos_balance round_robin; }
    upstream pair  { server %%BACKEND_1%%; server %%BACKEND_2%%; kerberos_breaker threshold=0; }
    upstream bad   { server %%BACKEND_2%%; kerberos_balance round_robin; }
    upstream soon  { server %%BACKEND_2%%; kerberos_breaker timeout=200ms; }
    upstream full  { server %%BACKEND_3%% max_conns=1; kerberos_balance round_robin; }
    upstream stock { server %%BACKEND_1%%; }

    log_format kerberos '$request_uri $status|$kerberos_service|$kerberos_peer|$kerberos_breaker|'
                        '$kerberos_attempts|$kerberos_outcome|$kerberos_retry_after';

    server {
        listen 127.0.0.1:%%PORT%%;
        access_log %%PREFIX%%/kerberos.log kerberos;

        add_header X-Service  $kerberos_service  always;
        add_header X-Peer     $kerberos_peer     always;
        add_header X-Breaker  $kerberos_breaker  always;
        add_header X-Attempts $kerberos_attempts always;

        location = /status { kerberos_status; access_log off; }
        location /return   { return 204; }
        location /stock    { proxy_pass http://stock; }
        location /registry { kerberos_service $arg_name; proxy_pass http://kerberos; }
        location /error_page {
            proxy_pass http://bad;
            error_page 503 = @good;
        }
        location @good { proxy_pass http://good; }
        location /sorry {
            proxy_pass http://bad;
            error_page 503 =200 /return;
        }
        location /auth {
            auth_request /_auth;
            proxy_pass http://good;
        }
        location = /_auth { internal; proxy_pass http://pair; }
        location ~ ^/(?<name>good|pair|bad|soon|full)$ { proxy_pass http://$name; }
    }
EOF

$ng->write_file('services.yaml', "users:\n  - {url: http://%%BACKEND_1%%, id: one}\n");
$ng->start;

my ($one, $two) = map { $b->address($_) } 1, 2;


# What was logged of one request: the part after its URI. Each has a URI of its own.

sub logged ($path, %arg) {
    state $number = 0;

    my $uri = $path . ($path =~ /\?/ ? '&' : '?') . ++$number;
    my $r   = $arg{abort}
        ? do { http_abort($ng->port, $uri, after => 0.1); undef }
        : http_get($ng->port, $uri);

    my $line;
    wait_for { ($line) = slurp($ng->path('kerberos.log')) =~ /^\Q$uri\E (.*)$/m };

    return wantarray ? ($line, $r) : $line;
}


subtest 'a request that is served' => sub {
    my ($line, $r) = logged('/good');

    is $line, "200|good|$one|CLOSED|1|success|-", 'in the log';
    is_deeply [$r->{headers}->@{qw(x-service x-peer x-breaker x-attempts)}],
        ['good', $one, 'CLOSED', 1], 'and in its header';
    is logged('/registry?name=users'), '200|users|one|CLOSED|1|success|-', 'the registry: the id';
};

subtest 'requests of others' => sub {
    is logged('/return'), '204|-|-|-|-|-|-', 'no upstream';
    is logged('/stock'),  '200|-|-|-|-|-|-', 'a stock upstream';
    is logged('/registry?name=nobody'), '404|-|-|-|0|-|-', 'no such service';
};

subtest 'failures' => sub {
    $b->mode(2, 'status', status => 500);
    is logged('/bad'), "500|bad|$two|CLOSED|1|failure|-", 'a failure';

    my ($line, $r) = logged('/bad');
    like $line, qr/^503\|bad\|-\|OPEN\|0\|-\|(?:59|60)$/, 'rejected';
    is +($line =~ /(\d+)$/)[0], $r->{headers}{'retry-after'}, 'when to come again';

    $b->mode(2, 'refuse');
    my %lines = map { scalar logged('/pair') => 1 } 1 .. 2;
    is_deeply [sort keys %lines],
        ["200|pair|$one|CLOSED|1|success|-", "200|pair|$one|CLOSED|2|success|-"],
        'of two attempts, the last';

    $b->mode('all', 'close');
    like logged('/pair'), qr/^502\|pair\|(?:$one|$two)\|CLOSED\|2\|neutral\|-$/,
        'both broke: the request is to blame, and not the second peer';

    $b->mode('all', 'hang');
    like logged('/pair', abort => 1), qr/^499\|pair\|(?:$one|$two)\|CLOSED\|1\|neutral\|-$/,
        'the client left';
    $b->mode('all', 'ok');
};

# This used to say OPEN, too.

subtest 'rejected for want of places' => sub {
    $b->mode(3, 'hang');
    my $c = http_connect($ng->port)->ask('GET', '/full');
    wait_for { peer(status($ng), 'full', $b->address(3))->{in_flight} == 1 };
    is logged('/full'), '503|full|-|CLOSED|0|-|1', 'no breaker is to blame';
    $c->close;
    $b->mode(3, 'ok');
};

subtest 'a probe' => sub {
    $b->mode(2, 'close');
    logged('/soon');
    $b->mode(2, 'ok');

    my $line;
    wait_for { ($line = logged('/soon')) =~ /^200/ };
    is $line, "200|soon|$two|HALF_OPEN|1|success|-", 'met the breaker half open';
    is logged('/soon'), "200|soon|$two|CLOSED|1|success|-", 'and closed it';
};

subtest 'several services for one request' => sub {
    is logged('/error_page'), "200|good|$one|CLOSED|1|success|-", 'error_page: the last';
    like logged('/sorry'), qr/^200\|bad\|-\|OPEN\|0\|-\|\d+$/, 'kept over an internal redirect';
    is logged('/auth'), "200|good|$one|CLOSED|1|success|-", 'not that of a subrequest';
};

done_testing;
