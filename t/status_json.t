#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# The status document: every field that dashboards may rely on, of the right type, and with the
# right value in every situation that it tells of.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use B ();
use Kerberos::Test;

my $b  = backend(3);
my $ng = nginx(backend => $b, start => 0, http => <<'EOF');
    kerberos_registry services.yaml;
    upstream u {
        server %%BACKEND_1%%;
        server %%BACKEND_2%% weight=2;
        server %%BACKEND_3%% backup;
        kerberos_breaker threshold=2 timeout=1s jitter=0%;
    }
    upstream single { server %%BACKEND_1%%; kerberos_breaker threshold=1 timeout=20s jitter=0%; }
    upstream parked {
        server %%BACKEND_1%%;
        server %%BACKEND_2%% down;
        kerberos_balance round_robin;
    }
    upstream nobody { server %%BACKEND_1%% down; kerberos_balance round_robin; }
    upstream stock  { server %%BACKEND_1%%; }
    server {
        listen 127.0.0.1:%%PORT%%;
        proxy_next_upstream off;
        location = /status { kerberos_status; }
        location = /sub/   { kerberos_status json; }
        location ~ ^/(?<name>\w+)$ { proxy_pass http://$name; }
        location = /registry { kerberos_service "names"; proxy_pass http://kerberos; }
    }
EOF

$ng->write_file('services.yaml',
    "names:\n  - {url: http://%%BACKEND_1%%, id: one, max_conns: 1}\n  - http://%%BACKEND_2%%\n");
$ng->start;

sub get ($service) { return http_get($ng->port, "/$service")->{status} }

# A client has its answer a moment before the outcome is counted: wait until nothing is under way.

sub settle () {
    return wait_for {
        !grep { $_->{in_flight} || $_->{requests} != $_->{successes} + $_->{failures} + $_->{neutral} }
            map { $_->{peers}->@* } status($ng)->{services}->@*;
    };
}

# The type of a value as JSON has it: Perl does not care, other clients do.

sub type ($value) {
    return ref $value eq 'ARRAY' ? 'array' : ref $value eq 'HASH' ? 'object'
        : JSON::PP::is_bool($value) ? 'boolean' : !defined $value ? 'null'
        : B::svref_2object(\$value)->FLAGS & (B::SVp_IOK | B::SVp_NOK) ? 'number' : 'string';
}

# Checks an object against "name => type".

sub typed ($object, $types, $what) {
    my %got = map { $_ => exists $object->{$_} ? type($object->{$_}) : 'missing' } keys %$types;

    return is_deeply \%got, $types, $what;
}

sub state_of ($service) {
    my $of = service(status($ng), $service);

    return "$of->{state} $of->{available}";
}


subtest 'the document' => sub {
    my $r = http_get($ng->port, '/status');

    is $r->{status}, 200, 'is there';
    is $r->{headers}{'content-type'}, 'application/json', 'JSON';
    is $r->{headers}{'content-length'}, length $r->{body}, 'of a length known before';

    my $head = http_request($ng->port, 'HEAD', '/status');
    is "$head->{status} $head->{body}", '200 ', 'HEAD: no body';
    is $head->{headers}{'content-type'}, 'application/json', 'the same header';
    like $head->{headers}{'content-length'}, qr/^[1-9]\d*$/, 'with the length';

    for my $method (qw(POST PUT DELETE PATCH)) {
        is http_request($ng->port, $method, '/status', body => 'x')->{status}, 405, $method;
    }

    is http_get($ng->port, '/sub/')->{status}, 200, 'kerberos_status json;';
    is http_get($ng->port, '/status?format=json')->{status}, 200, 'with arguments';
    is http_get($ng->port, '/status', headers => { Range => 'bytes=0-5' })->{status}, 200, 'whole';

    my $c = http_connect($ng->port);
    is $c->get('/status')->{status}, 200, 'on a kept connection' for 1, 2;
};

subtest 'fields and types' => sub {
    get('u') for 1 .. 3;
    settle();

    my $status = status($ng);
    my $u      = service($status, 'u');

    typed($status, { schema => 'number', generation => 'number', time => 'string', pid => 'number',
        zone => 'object', services => 'array' }, 'document');
    typed($status->{zone}, { map { $_ => 'number' } qw(size used generations) }, 'its zone');
    typed($_, { name => 'string', balance => 'string', state => 'string', available => 'number',
        requests => 'number', rejected => 'number', peers => 'array' }, "service $_->{name}")
        for $status->{services}->@*;

    for my $peer (map { $_->{peers}->@* } $status->{services}->@*) {
        typed($peer, { id => 'string', address => 'string', state => 'string', reasons => 'array',
            weight => 'number', backup => 'boolean', in_flight => 'number', requests => 'number',
            successes => 'number', failures => 'number', neutral => 'number',
            breaker => 'object' }, "peer $peer->{id}");
        my $breaker = $peer->{breaker};
        typed({ %$breaker, reason => $breaker->{reason} // '' }, { state => 'string',
            reason => 'string', consecutive_failures => 'number', trips => 'number',
            probes_in_flight => 'number', retry_in => 'number' }, 'its breaker');
    }

    is $status->{schema}, 1, 'schema';
    is $status->{generation}, 1, 'the first generation';
    is $status->{zone}{size}, 8 << 20, 'in a zone of 8 megabytes';
    ok $status->{zone}{used} > 100_000 && $status->{zone}{used} < 4 << 20, 'of which some are used';
    is $status->{zone}{generations}, 1, 'by it alone';
    like $status->{time}, qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'time';
    ok +(grep { $_ == $status->{pid} } $ng->workers), 'pid: the worker that answers';
    is_deeply [map { $_->{name} } $status->{services}->@*], [qw(u single parked nobody names)],
        'services in the order of the configuration; no stock upstream';
    is $u->{balance}, 'round_robin', 'balance';
    is_deeply [map { $_->{weight} } $u->{peers}->@*], [1, 2, 1], 'weights';
    is_deeply [map { $_->{backup} ? 1 : 0 } $u->{peers}->@*], [0, 0, 1], 'backups';
    is_deeply [map { $_->{requests} } $u->{peers}->@*], [1, 2, 0], 'requests';
    is peer($status, 'names', 'one')->{address}, $b->address(1), 'an id of its own, and the address';
};

subtest 'up, degraded, down' => sub {
    is state_of('u'),      'up 3',   'all serve';
    is state_of('parked'), 'up 1',   'a peer that is down on purpose degrades nothing';
    is state_of('nobody'), 'down 0', 'nobody serves';

    my $parked = peer(status($ng), 'parked', $b->address(2));
    is_deeply [$parked->{state}, $parked->{reasons}], ['down', ['config']], 'down by configuration';

    $b->mode(1, 'status', status => 500);
    wait_for { get('u'); state_of('u') ne 'up 3' };
    is state_of('u'), 'degraded 2', 'one is out';

    my $out = peer(status($ng), 'u', $b->address(1));
    is_deeply [$out->{state}, $out->{reasons}], ['down', ['breaker']], 'by its breaker';
    is_deeply [@{ $out->{breaker} }{qw(state reason consecutive_failures trips probes_in_flight)}],
        ['open', 'consecutive', 2, 1, 0], 'and why';
    cmp_ok $out->{breaker}{retry_in}, '>', 0, 'for a while';
    cmp_ok $out->{breaker}{retry_in}, '<=', 1, 'of at most the timeout';

    $b->mode($_, 'status', status => 500) for 2, 3;
    ok wait_for { get('u'); state_of('u') eq 'down 0' }, 'all are out';
    $b->mode('all', 'ok');
    ok wait_for { get('u'); state_of('u') eq 'up 3' }, 'all are back';

    my $back = peer(status($ng), 'u', $b->address(1));
    is_deeply [$back->{state}, $back->{reasons}], ['up', []], 'as if nothing had been';
    is_deeply [@{ $back->{breaker} }{qw(state reason consecutive_failures retry_in)}],
        ['closed', undef, 0, 0], 'the breaker too';
    cmp_ok $back->{breaker}{trips}, '>=', 1, 'but for its trips';
};

subtest 'half open' => sub {
    $b->mode(1, 'close');
    get('u') until peer(status($ng), 'u', $b->address(1))->{breaker}{state} eq 'open';
    $b->mode(1, 'hang');

    my @c;
    my $half = sub { peer(status($ng), 'u', $b->address(1)) };

    ok wait_for {
        push @c, http_connect($ng->port)->ask('GET', '/u');
        pause(0.02);
        $half->()->{breaker}{state} eq 'half_open';
    }, 'a probe';
    is $half->()->{breaker}{probes_in_flight}, 1, 'is in flight';
    is $half->()->{in_flight}, 1, 'as a request';
    is $half->()->{breaker}{retry_in}, 0, 'no time to wait for';
    is_deeply [$half->()->@{qw(state reasons)}], ['down', ['breaker']], 'not for everybody yet';
    is state_of('u'), 'degraded 2', 'so the service is degraded';
    $_->close for @c;
    $b->mode(1, 'ok');
    ok wait_for { get('u'); state_of('u') eq 'up 3' }, 'up again';
    settle();
    is $half->()->{breaker}{probes_in_flight}, 0, 'none in flight';
};

subtest 'in flight, and full' => sub {
    $b->mode('all', 'hang');

    my @c    = map { http_connect($ng->port)->ask('GET', '/registry') } 1 .. 3;
    my $in   = sub ($id) { peer(status($ng), 'names', $id) };
    my $both = sub { join ' ', map { $in->($_)->{in_flight} } 'one', $b->address(2) };

    ok wait_for { $both->() eq '1 2' }, 'three in flight: one where no more may be';
    is_deeply $in->('one')->{reasons}, ['max_conns'], 'which is full';
    is state_of('names'), 'degraded 1', 'and missed';
    is $in->('one')->{successes} + $in->('one')->{failures} + $in->('one')->{neutral}, 0, 'no end yet';
    $_->close for @c;
    ok wait_for { $both->() eq '0 0' }, 'none in flight';
    is_deeply [map { $in->($_)->{neutral} } 'one', $b->address(2)], [1, 2], 'neutral: they left';
    is state_of('names'), 'up 2', 'and not full';
    $b->mode('all', 'ok');
};

subtest 'counters add up' => sub {
    $b->mode(1, 'status', status => 500, share => 0.3);
    $b->reset_counters;

    settle();

    my $before = service(status($ng), 'u');
    my @r      = map { http_parallel(50, $ng->port, '/u') } 1 .. 4;
    settle();
    my $after  = service(status($ng), 'u');
    my $grown  = sub ($name) {
        my $sum = 0;
        $sum += $_->{$name} for $after->{peers}->@*;
        $sum -= $_->{$name} for $before->{peers}->@*;
        return $sum;
    };
    my %got;
    $got{ $_->{status} }++ for @r;
    $got{$_} //= 0 for 200, 500, 503;

    is $after->{requests} - $before->{requests}, 200, 'requests of the service';
    is $after->{rejected} - $before->{rejected}, $got{503}, 'the rejected among them';
    is $grown->('successes'), $got{200}, 'successes';
    is $grown->('failures'),  $got{500}, 'failures';
    is $grown->('neutral'),   0,         'nothing else';
    is $grown->('requests'), $got{200} + $got{500}, 'requests of peers: what is not rejected';
    is $grown->('requests'), $b->requests, 'as the backends counted';
    $b->mode(1, 'ok');
};

subtest 'retry_in and Retry-After agree' => sub {
    $b->mode(1, 'close');
    get('single');

    my $r        = http_get($ng->port, '/single');
    my $retry_in = peer(status($ng), 'single', $b->address(1))->{breaker}{retry_in};

    is $r->{status}, 503, 'rejected';
    cmp_ok $r->{headers}{'retry-after'}, '>=', $retry_in, 'rounded up';
    cmp_ok $r->{headers}{'retry-after'}, '<', $retry_in + 2, 'by less than a second, and the time between';
    is service(status($ng), 'single')->{rejected}, 1, 'counted';
    $b->mode(1, 'ok');
};

subtest 'counters never go backwards' => sub {
    my @seen = status($ng);

    for my $round (1 .. 3) {
        get($_) for qw(u u u parked);
        settle();
        ok $ng->reload, "reload $round";
        push @seen, status($ng);
    }

    my @back;

    for my $i (1 .. $#seen) {
        my ($old, $new) = @seen[$i - 1, $i];

        push @back, "generation $i" if $new->{generation} <= $old->{generation};

        for my $service ($old->{services}->@*) {
            my $now = service($new, $service->{name});
            push @back, "$service->{name} $_" for grep { $now->{$_} < $service->{$_} } qw(requests rejected);

            for my $peer ($service->{peers}->@*) {
                my $later = peer($new, $service->{name}, $peer->{id});
                push @back, "$service->{name} $peer->{id} $_"
                    for grep { $later->{$_} < $peer->{$_} } qw(requests successes failures neutral);
                push @back, "$peer->{id} trips" if $later->{breaker}{trips} < $peer->{breaker}{trips};
            }
        }
    }

    is_deeply \@back, [], 'over three reloads';
    is service($seen[-1], 'u')->{requests} - service($seen[0], 'u')->{requests}, 9, 'and they go on';
};

done_testing;
