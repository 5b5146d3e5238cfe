#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# A registry that is rewritten ten times a second, a tenth of it broken, under clients of every
# kind, while workers are killed and nginx.conf is reloaded, well and badly. Nobody may see more of
# it than what plain nginx shows of a kill and of a reload.
#
#   STORM=30    how many seconds (make storm: SECONDS)
#   SEED=...    of the dice: what is written, how, and what happens when (in every failure's name)

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use List::Util qw(max min shuffle sum0);

use Kerberos::Test;
use Kerberos::Test::Log qw(slurp);
use Kerberos::Test::Process qw(children is_alive title);

use constant {
    TICK => 0.1,      # seconds from one edition to the next
    CALM => 0.2,      # of the time, in the end: editions and load alone, to measure memory
    TELL => 1.5,      # seconds by which an idle worker has looked for a new generation
    HTTP => 6,        # peers of service "a"
    TLS  => 3,        # and of "t"
};

my $seconds = $ENV{STORM} || 30;
my $seed    = $ENV{SEED} // time ^ $$ << 8;

srand $seed;
note "SEED=$seed";

# As Test::More has them, with the seed in what fails.

sub good ($ok, $what)          { return ok $ok, $ok ? $what : "$what (SEED=$seed)" }
sub nothing ($found, $what) {
    my $ok = good(!@$found, $what);
    diag join "\n", (splice @$found, 0, 12), @$found ? '... and ' . @$found . ' more' : () if !$ok;
    return $ok;
}

my $backend = backend(('tcp') x HTTP, ('tls') x TLS);
my $cert = certificate();
my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "listen: $!\n";

# Each nginx.conf has a number, which its answers tell.

sub conf ($number, $more = '') { return <<"EOC" }
    kerberos_registry services.yaml;
    kerberos_state    state;
    map \$http_upgrade \$connection_out { default upgrade; '' ''; }
    access_log off;
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%PORT_2%% ssl;
        $more
        ssl_certificate     $cert->{cert};
        ssl_certificate_key $cert->{key};
        add_header X-Config $number always;
        add_header X-Pid    \$pid always;
        proxy_http_version 1.1;
        proxy_set_header Upgrade    \$http_upgrade;
        proxy_set_header Connection \$connection_out;
        location = /status { kerberos_status; }
        location = /ws { kerberos_service a; proxy_pass http://kerberos; }
        location /a/   { kerberos_service a; proxy_pass http://kerberos; }
        location /t/   { kerberos_service t; proxy_pass https://kerberos; }
    }
EOC

my $ng = nginx(backend => $backend, start => 0, workers => 2, log => 'notice', http => conf(1));


# Editions of the registry. The weight of the only peer of service "stamp" is the edition's number.

my @editions;    # by number: { begin, end, good, a, t }: when it was written, and who is in it

sub some ($least, @of) { return sort +(shuffle @of)[0 .. $least - 1 + int rand(@of - $least + 1)] }

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

sub edition (%more) {
    my %edition = (
        number  => scalar @editions,
        good    => 1,
        balance => ('round_robin', 'least_conn', 'random', 'ewma', 'round_robin adaptive')[rand 5],
        a => { map { $backend->address($_) => 1 + int rand 3 } some(2, 1 .. HTTP) },
        t => { map { $backend->address($_) => 1 + int rand 3 } some(1, HTTP + 1 .. HTTP + TLS) },
        %more,
    );
    $edition{text} = text(\%edition);
    push @editions, \%edition;

    return \%edition;
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

sub broken_edition () {
    # Far fewer peers, and not a word that it is meant.
    if (rand() < 0.2) {
        my $few = edition(good => 0, why => 'far fewer peers', shrink => '', ballast => '',
            a => { $backend->address(1) => 1 }, t => { $backend->address(HTTP + 1) => 1 });
        return $few;
    }
    my $edition = edition(good => 0);
    my ($why, $break) = $broken[rand @broken]->@*;
    $edition->@{qw(why text)} = ($why, $break->($edition->{text}));

    return $edition;
}

sub spill ($name, $text) {
    open my $out, '>:raw', $ng->path($name) or die "$name: $!\n";
    print {$out} $text;
    close $out or die "$name: $!\n";
    return;
}

sub move ($from, $to) { rename $ng->path($from), $ng->path($to) or die "$from: $!\n"; return }

my @ways = (
    (sub ($text) { spill('.services.tmp', $text); move('.services.tmp', 'services.yaml') }) x 6,
    sub ($text) { spill('services.yaml', $text) },
    sub ($text) {
        spill('.services.swp', $text);
        move('services.yaml', 'services.yaml~');
        move('.services.swp', 'services.yaml');
    },
);

sub put ($edition, $way = $ways[0]) {
    $edition->{begin} = now();
    $way->($edition->{text});
    $edition->{end} = now();
    delete $edition->{text};
    return $edition;
}


# Kills. A process that has stopped takes no more connections, so that what its end costs is exact.

my @kills;    # { pid, begin, end, ports }: whose connections, by the clients' ports

sub connections ($pid) {
    my %ours = map { sprintf('%04X', $ng->port($_)) => 1 } 1, 2;
    my %port;

    open my $in, '<', '/proc/net/tcp' or die "/proc/net/tcp: $!\n";

    while (<$in>) {
        my (undef, $local, $remote, $state, @rest) = split;
        $port{ $rest[5] } = hex $remote =~ s/.*://r
            if $state ne '0A' && $local =~ /:(\w+)$/ && $ours{$1};
    }

    return map { (readlink // '') =~ /^socket:\[(\d+)\]/ && $port{$1} ? $port{$1} : () }
        glob "/proc/$pid/fd/*";
}

sub slay ($pid) {
    $ng->allow(qr/worker process $pid exited on signal 9/, qr/ was locked by $pid\b/);
    kill STOP => $pid;
    wait_for { slurp("/proc/$pid/stat") =~ /\) [TZ]/ || !is_alive($pid) };

    my %kill = (pid => $pid, begin => now(), ports => { map { $_ => 1 } connections($pid) });

    kill KILL => $pid;
    wait_for { !is_alive($pid) } or die "$pid does not die\n";
    push @kills, { %kill, end => now() };

    return;
}


# Reloads. They go on while all else does: begun here, and looked after at every tick.

my @reloads;       # { number, kind, begin, end, taken }
my @configs;       # by number, those in force: since when its nginx.conf was being put in force
my %left;          # by pid: when a worker was first seen to be leaving
my $number = 1;

sub begin_reload ($kind) {
    $number++;
    my $more = $kind eq 'bad' ? 'kerberos_nonsense;'
        : $kind eq 'port' ? 'listen 127.0.0.1:' . $taken->sockport . ';' : '';
    $ng->configure(http => conf($number, $more));
    push @reloads, { number => $number, kind => $kind, log => -s $ng->path('error.log'),
        begin => now() };
    kill HUP => $ng->pid;
    return;
}

sub reloading () { return @reloads && !$reloads[-1]{end} }

sub look_after_reload () {
    reloading() or return;
    my $reload = $reloads[-1];
    my $config = http_get($ng->port, '/status')->{headers}{'x-config'} // 0;

    if ($config == $reload->{number}) {
        $reload->@{qw(end taken)} = (now(), 1);
        $configs[ $reload->{number} ] = $reload->{begin};
    } elsif (slurp($ng->path('error.log'), $reload->{log}) =~ /(\[emerg\](?!.*bind\(\) to).*)/) {
        # not by its first try to bind: nginx tries for some seconds
        $reload->@{qw(end late)} = (now(), scalar $1 =~ /still could not bind/);
    }
    return;
}

my %seen;

sub look_after_workers () {
    my %now = map { $_ => title($_) } children($ng->pid);
    for my $pid (keys %now) { $seen{$pid} = 1 if $now{$pid} eq 'nginx: worker process' }
    for my $pid (keys %seen) {
        $left{$pid} //= now() if ($now{$pid} // '') ne 'nginx: worker process';
    }
    return;
}


# The clients are another program, and write down all that they see.

my $crowd;

sub begin_crowd () {
    $crowd = Kerberos::Test::Server->new(argv => ['t/lib/servers/crowd',
        '--report' => $ng->path('report'), '--port' => $ng->port, '--tls-port' => $ng->port(2)]);
    return;
}

sub end_crowd () {
    kill TERM => $crowd->pid;
    wait_for { -e $ng->path('report') } 30 or die "no report of the clients:\n", $crowd->output;

    return map { JSON::PP::decode_json($_) } split /\n/, slurp($ng->path('report'));
}


# Memory that is a process's own.

sub own ($pid) { return slurp("/proc/$pid/status") =~ /^RssAnon:\s*(\d+) kB/m ? $1 : 0 }

# What a reload has built that failed late is kept until the next one builds.

sub left_over () {
    my ($last) = grep { $_->{taken} || $_->{late} } reverse @reloads;
    return $last && $last->{late} ? 1 : 0;
}

# Until all is as it should be after a while without anything new.

sub settled ($edition) {
    my $status;
    my $ok = wait_for {
        $status = eval { status($ng) } or return 0;
        my $stamp = service($status, 'stamp')->{peers}[0]{weight};
        return $stamp == $edition->{number} && $status->{zone}{generations} == 1 + left_over
            && !grep { $_->{in_flight} } map { $_->{peers}->@* } $status->{services}->@*;
    } 20;
    good $ok, 'what was written last is in force, all else is freed'
        or diag explain { %$status, services => [map { $_->{name} } $status->{services}->@*] };

    return $status;
}

my %everybody = (
    balance => 'round_robin',
    a => { map { $backend->address($_) => 1 } 1 .. HTTP },
    t => { map { $backend->address($_) => 1 } HTTP + 1 .. HTTP + TLS },
);

edition() for 0;                     # there is no edition 0
$editions[0]{good} = 0;
put(edition(%everybody));
$backend->mode('all', 'delay', delay => 0.3, path => '/a/slow');
$ng->start;
$ng->allow(qr/\[emerg\] @{[$ng->pid]}#/);      # the master's, of reloads that are refused
$configs[1] = now();

# What a reload and a kill leave behind for good is there before anything is measured.
put(edition(%everybody));
my $before = settled($editions[-1]);

begin_crowd();

my $ticks  = int $seconds / TICK;
my $storm  = int $ticks * (1 - CALM);
my %bad    = map { $_ => 1 } +(shuffle 1 .. $ticks)[0 .. $ticks / 10 - 1];
my @events = ((map { ['kill'] } 1 .. $storm / 16), (map { ['reload', $_] }
    map { ('good') x 3, 'bad', 'good', 'port', 'good' } 1 .. max 1, $storm / 240));
@events = shuffle(@events);

my $next  = now();
my %own;

for my $tick (1 .. $ticks) {
    put($bad{$tick} ? broken_edition() : edition(), $ways[rand @ways]);
    look_after_workers();
    look_after_reload();

    # What is planned happens as soon as it can.
    if ($tick <= $storm && @events && rand() < @events / ($storm - $tick + 1) * 1.3) {
        my ($what, $kind) = $events[0]->@*;
        my @serving = $ng->workers;
        my @leaving = grep { title($_) =~ /shutting down/ } children($ng->pid);

        if ($what eq 'kill' && @serving >= 2) {
            slay(rand() < 0.2 && @leaving ? $leaving[rand @leaving] : $serving[rand @serving]);
            shift @events;
        } elsif ($what eq 'reload' && !reloading()) {
            begin_reload($kind);
            shift @events;
        } else {
            @events = shuffle(@events);
        }
    }

    if ($tick > $storm) {
        my @calm = grep { !$left{$_} } $ng->workers;
        push $own{$_}->@*, own($_) for @calm;
    }

    $next += TICK;
    pause($next - now());
}

wait_for { look_after_reload(); !reloading() } 20 or die "a reload has no end (SEED=$seed)\n";
put(edition(%everybody));
ok +(wait_for { eval { service(status($ng), 'stamp')->{peers}[0]{weight} == $#editions } } 3),
    'the last edition is in force';
my @records = end_crowd();
my $after   = settled($editions[-1]);


subtest 'what has happened' => sub {
    my %got;
    $got{ $_->{kind} }++ for @records;
    note "$got{$_} x $_" for sort keys %got;
    note scalar(@editions) - 1, ' editions, ', scalar(grep { $_->{why} } @editions), ' of them broken';
    note scalar(@kills), ' kills with ', sum0(map { scalar keys $_->{ports}->%* } @kills), ' connections';
    note "reload $_->{number} $_->{kind}: ", ($_->{taken} ? 'taken' : 'refused'),
        sprintf ' after %.2f s', $_->{end} - $_->{begin} for @reloads;

    good scalar(@kills) >= $storm / 24, 'workers were killed';
    good +(grep { $_->{taken} } @reloads) >= 2, 'reloads were taken';
    good +(grep { $_->{kind} eq 'bad' && !$_->{taken} } @reloads) >= 1, 'a bad nginx.conf was refused';
    good +(grep { $_->{kind} eq 'port' && !$_->{taken} } @reloads) >= 1, 'a port in use was refused';
    nothing([map {"reload $_->{number}"} grep { $_->{kind} ne 'good' && $_->{taken} } @reloads],
        'and nothing of the kind was taken');
};


# A reload is an operator's word, and takes a file also where half of it is gone.

for my $n (1 .. $#editions - 1) {
    my $edition = $editions[$n];
    next if ($edition->{why} // '') ne 'far fewer peers';
    $edition->{good} = 1 if grep { $_->{taken} && $_->{begin} <= $editions[$n + 1]{end}
        && $_->{end} >= $edition->{begin} } @reloads;
}

# Which connection a record is of. Ports come again: one begins where nothing was answered before.

my %open;
my %worker_of;     # by connection: through which process
for my $r (@records) {
    $open{ $r->{port} }++ if !$r->{used} && $r->{kind} ne 'ws' || !$open{ $r->{port} };
    $r->{connection} = "$r->{port} $open{$r->{port}}";
    $worker_of{ $r->{connection} } = $r->{worker} if $r->{worker};
}

sub shown ($r) {
    return join ' ', map { "$_=" . (ref $r->{$_} ? '...' : $r->{$_} // 'none') } sort keys %$r;
}

subtest 'no request fails that a plain nginx would not have failed' => sub {
    my (@failed, %excused);

    for my $r (@records) {
        if (!$r->{lost}) {
            push @failed, shown($r) if $r->{status} != ($r->{kind} =~ /^(?:ws|upgrade)$/ ? 101 : 200);
            next;
        }

        my $killed = grep { $_->{ports}{ $r->{port} } && $_->{end} >= $r->{begin}
            && $_->{begin} <= $r->{end} } @kills;

        # A worker that leaves closes idle connections, whatever is on its way to it; clients send
        # such a request again.
        my $pid     = $worker_of{ $r->{connection} } // 0;
        my $leaving = $r->{used} && !$r->{bytes} && $r->{kind} !~ /^(?:ws|upgrade)$/
            && $r->{lost} ne 'timeout' && $left{$pid} && $r->{begin} <= $left{$pid} + 1
            && grep { $_->{taken} && $_->{begin} <= $r->{end} && $left{$pid} >= $_->{begin} } @reloads;

        $killed ? $excused{killed}++ : $leaving ? $excused{leaving}++ : push @failed, "worker $pid: " . shown($r);
    }

    note join ', ', map {"$excused{$_} lost by workers $_"} sort keys %excused;
    nothing(\@failed, scalar(@records) . ' exchanges') and return;
    diag sprintf 'killed %d: %.6f to %.6f', $_->@{qw(pid begin end)} for @kills;
    diag sprintf 'reload %d: %.6f to %.6f', $_->@{qw(number begin end)} for @reloads;
    diag sprintf 'left %d: %.6f', $_, $left{$_} for sort { $left{$a} <=> $left{$b} } keys %left;
};


# Which edition is in force: at least what some status has shown before, of the same nginx.conf.

my %statuses;      # by config: [end, highest edition until then], by time
for my $r (sort { $a->{end} <=> $b->{end} } grep { $_->{seen} } @records) {
    my $list = $statuses{ $r->{config} } //= [];
    my ($stamp) = values $r->{seen}{services}{stamp}->%*;
    $r->{edition} = $stamp;
    push @$list, [$r->{end}, max($stamp, @$list ? $list->[-1][1] : 0)];
}

sub shown_before ($config, $time) {
    my $list = $statuses{$config} // [];
    my ($low, $high) = (0, scalar @$list);
    while ($low < $high) {
        my $middle = int +($low + $high) / 2;
        $list->[$middle][0] <= $time ? ($low = $middle + 1) : ($high = $middle);
    }
    return $low ? $list->[$low - 1][1] : 0;
}

# What a request that begins then must at least be served by. A worker that nginx is about to
# replace is told nothing of the configuration after its own; what it has is what it last saw.

sub least ($config, $begin) {
    my ($since, $until) = ($configs[$config], grep {defined} @configs[$config + 1 .. $#configs]);
    $begin = min($begin, $until - TELL) if $until;
    my $before = max 1, map { shown_before($_, $since) } grep { $_ < $config } keys %statuses;

    return max $before, shown_before($config, $begin);
}

# The editions that may have been in force until then.

sub between ($least, $end) {
    my @between;

    for my $n ($least .. $#editions) {
        last if $editions[$n]{begin} > $end;
        push @between, $editions[$n] if $editions[$n]{good};
    }

    return @between;
}

subtest 'every request is answered by a peer of its time' => sub {
    my (@wrong, %answered);

    for my $r (grep { $_->{peer} } @records) {
        push(@wrong, 'an nginx.conf that was refused: ' . shown($r)), next if !$configs[ $r->{config} ];

        my $service = $r->{kind} eq 'tls' ? 't' : 'a';
        my $least   = least($r->{config}, $r->{begin});
        push @wrong, "at least edition $least: " . shown($r)
            if !grep { $_->{$service}{ $r->{peer} } } between($least, $r->{end});
        $answered{ $r->{peer} }++;
    }

    nothing(\@wrong, 'those in the editions that may be in force');
    is scalar(keys %answered), HTTP + TLS, 'all peers had their times';
};

subtest 'an edition is in force as a whole, or not at all' => sub {
    my (@wrong, %met);

    for my $r (grep { $_->{seen} } @records) {
        my $edition = $editions[ $r->{edition} ];
        my %in_file = map { $_ => $r->{seen}{services}{$_} } qw(a t);
        my $least   = least($r->{config}, $r->{begin});

        push @wrong, "broken ($edition->{why}): " . shown($r) if !$edition->{good};
        push @wrong, "before it was written: " . shown($r) if $edition->{begin} > $r->{end};
        push @wrong, "after $least: " . shown($r) if $r->{edition} < $least;
        push @wrong, "not as it was written: " . shown($r)
            if JSON::PP->new->canonical->encode(\%in_file)
            ne JSON::PP->new->canonical->encode({ map { $_ => $edition->{$_} } qw(a t) }) =~ s/"(\d+)"/$1/gr;
        $met{ $r->{edition} }++;
    }

    nothing(\@wrong, 'and none goes back');
    good keys %met >= $ticks / 10, scalar(keys %met) . ' editions were met';
};

subtest 'WebSockets live on, also to peers that are no more' => sub {
    my (%peer, %beyond);

    for my $r (@records) {
        $peer{ $r->{connection} } = $r->{peer} if $r->{kind} eq 'upgrade' && $r->{status} == 101;
        next if $r->{kind} ne 'ws' || $r->{lost};

        # Nothing that may have been in force while this was said has that peer.
        my $peer  = $peer{ $r->{connection} } // next;
        my $first = max map { shown_before($_, $r->{begin}) } keys %statuses;
        $beyond{ $r->{connection} }++
            if $first && !grep { $_->{a}{$peer} } between($first, $r->{end});
    }

    note scalar(keys %peer), ' WebSockets, ', scalar(keys %beyond), ' spoke after their peer had gone: ',
        sum0(values %beyond), ' texts';
    good scalar(keys %beyond) >= 2, 'they have spoken through peers that were removed';
};

subtest 'nothing is forgotten, and nothing is kept' => sub {
    my @of = map { $_->{peers}->@* } grep { $_->{name} =~ /^[at]$/ } $after->{services}->@*;
    my $lost = sum0 map { scalar keys $_->{ports}->%* } @kills;
    my $open = sum0 map { $_->{requests} - $_->{successes} - $_->{failures} - $_->{neutral} } @of;

    is sum0(map { $_->{failures} } @of), 0, 'no peer has failed';
    is scalar($ng->log_lines(qr/circuit/)), 0, 'no breaker has moved';
    good $open >= 0 && $open <= $lost, "attempts without an end: $open, of $lost that the killed held";
    is $after->{faults}, 0, 'no fault';

    my @errors = grep { !/services\.yaml|registry not taken over|peers are left| +\d* \| / }
        $ng->log_lines(qr/\[(?:error|crit)\]/);
    nothing(\@errors, 'the log has errors of the registry alone');

    my $grown = $after->{zone}{used} - $before->{zone}{used};
    my $places = 2 + max 0, map { my $r = $_; scalar grep { ($left{$_} // 9e9) > $r->{begin} } keys %seen } @reloads;
    note "the zone: $before->{zone}{used}, then $after->{zone}{used}; places of $places processes";
    good $grown <= $places * 16_384 + 65_536, "the zone is as full as before, and has more places: $grown";

    for my $pid (sort keys %own) {
        my @kb = $own{$pid}->@*;
        note "worker $pid: ", join ' ', map { $kb[$_] } grep { !($_ % 6) } keys @kb;
        next if @kb < 30 || ($ENV{KERBEROS_PRELOAD} // '') =~ /asan/;      # which keeps what is freed
        good $kb[-1] - $kb[@kb / 2] <= 256, "worker $pid keeps to its memory: $kb[@kb / 2] kB, then $kb[-1]";
    }
};

diag "run again by SEED=$seed" if !Test::More->builder->is_passing;
done_testing;
