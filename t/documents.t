#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# The documents say what is there: every configuration that they show is accepted by nginx, every
# name that an operator can write has its line in README.md and the other way round, the manual of
# the breaker knows every parameter and cause and reckons right, every link, target and file that
# they name exists.

use v5.36;

use File::Basename qw(dirname);
use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Log qw(slurp);

my @documents = qw(README.md ARCHITECTURE.md CONTRIBUTING.md CHANGELOG.md docs/breaker.md
    docs/balancing.md docs/performance.md docs/registry.md docs/routing.md);
my %document  = map { $_ => slurp(root() . "/$_") } @documents;
my $readme    = $document{'README.md'};
my $manual    = $document{'docs/breaker.md'};

my $service = 'a: [http://127.0.0.1:1]';    # the least that a registry can say


# The blocks of a document in a language.

sub blocks ($text, $language) { return $text =~ /^```$language\n(.*?)^```$/msg }


# What stands under a heading, up to the next of its level or above.

sub section ($heading, $of = $readme) {
    my ($level) = $heading =~ /^(#+)/;
    my ($text)  = $of =~ /^\Q$heading\E\n(.*?)(?=^#{1,@{[ length $level ]}} |\z)/ms
        or die "there is no \"$heading\"\n";

    return $text;
}


# The rows of the first table after some words, as lists of cells.

sub table ($text, $after = '') {
    my ($rows) = $text =~ /\Q$after\E.*?^\|(?:---\|)+\n((?:^\|[^\n]*\n)+)/ms
        or die "no table after \"$after\"\n";

    return map { [/\s*(.*?)\s*\|/g] } map {s/^\|//r} split /\n/, $rows;
}


# The names in the first cells of a table.

sub names (@rows) {
    return [sort map { $_->[0] =~ /`\$?([^`]+)`/g } @rows];
}


# The causes in the source: their name in documents, and their words in the log.

sub causes () {
    my $source = slurp(root() . '/src/core/breaker/outcome.cpp');
    my %words  = $source =~ /^ {4}\{"(\w+)", "([^"]+)"\},$/mg;

    delete $words{none};

    return %words;
}


# A file that somebody would start, so that the harness can: our module, our paths, our ports.

sub startable ($text) {
    my ($ports, %port) = 0;

    $text =~ s/^load_module [^;]+;/%%GLOBALS%%/m or die "no load_module in\n$text";
    $text =~ s/^http \{/http {\n%%GLOBALS_HTTP%%/m;
    $text =~ s/^\s*(?:user|pid|daemon|\w+_temp_path) [^;]+;//mg;
    $text =~ s{\bkerberos_state \K/\S*/}{%%PREFIX%%/}g;
    $text =~ s{\b(error|access)_log \S*/}{$1_log %%PREFIX%%/}g;
    $text =~ s{\blisten 127\.0\.0\.1:\K(\d+)}{'%%PORT_' . ($port{$1} //= ++$ports) . '%%'}ge;

    return $text;
}


# nginx -t of a whole file, with registry files beside it.

sub accepts ($name, $conf, %file) {
    my $prefix = Kerberos::Test::Prefix->new(conf => startable($conf));

    $prefix->write_file($_, $file{$_}) for keys %file;

    my ($code, $said) = $prefix->config_test;

    return is($code, 0, $name) || diag $said;
}


# What is said to be allowed where nginx refuses a configuration.

sub allowed ($http, $yaml = $service) {
    my $prefix = Kerberos::Test::Prefix->new(http => $http);

    $prefix->write_file('services.yaml', $yaml);

    my ($code, $said) = $prefix->config_test;
    my ($list) = $said =~ /nonsense.*\((?:.*allowed: )?([\w, ]+)\)/;

    isnt $code, 0, "refused: $http" . ($yaml eq $service ? '' : " $yaml");

    return [sort split /, /, $list // die "nothing is said to be allowed in $said"];
}


subtest 'nginx accepts every file of conf' => sub {
    my %registry = map { s{.*/}{}r => slurp($_) } glob root() . '/conf/*.yaml';

    accepts(s{.*/}{}r, slurp($_), %registry) for glob root() . '/conf/*.conf';
};

subtest 'nginx accepts what README.md shows' => sub {
    my @yaml  = blocks($readme, 'yaml');
    my @nginx = blocks($readme, 'nginx');
    my $head  = "load_module x;\nevents {}\nhttp {\n";

    ok @yaml >= 2 && @nginx >= 2, 'there is something';

    while (my ($i, $text) = each @yaml) {
        my $conf = "${head}kerberos_registry services.yaml;\n}";

        accepts("registry $i", $conf, 'services.yaml' => $text);
    }

    while (my ($i, $text) = each @nginx) {
        my ($first) = $text =~ /(.*)/;

        if ($text !~ /^http \{/m) {
            $text =~ s/^load_module .*//m;
            $text = "kerberos_registry services.yaml;\n$text" unless $text =~ /kerberos_registry/;
            $text = "$head$text}\n";
        }

        accepts("configuration $i: $first", $text, 'services.yaml' => $yaml[0]);
    }
};

subtest 'the examples of README.md serve' => sub {
    my $backends = backend(3);
    my $ours = sub ($text) {$text =~ s/127\.0\.0\.1:900([1-3])/%%BACKEND_$1%%/gr};

    my ($whole) = grep {/^http \{/m} blocks($readme, 'nginx');
    my $ng = nginx(backend => $backends, conf => $ours->(startable($whole)));

    is http_get($ng->port, '/')->{status}, 200, 'the upstream block';

    my $status  = status($ng);
    my ($block) = $status->{services}->@*;
    my ($peer)  = $block->{peers}->@*;
    my $text    = section('## Status');
    my %levels  = (
        'One document'  => $status,
        'Of a service:' => $block,
        'Of a peer:'    => $peer,
        'Of a breaker:' => $peer->{breaker},
    );

    for my $words (sort keys %levels) {
        is_deeply names(table($text, $words)), [sort keys $levels{$words}->%*], "fields, $words";
    }

    my ($fragment) = grep {m{/v1/proxy/}} blocks($readme, 'nginx');
    my ($yaml) = blocks($readme, 'yaml');

    $ng = nginx(start => 0, backend => $backends,
        conf => $ours->(startable("load_module x;\nevents {}\nhttp {\n$fragment}\n")));
    $ng->write_file('services.yaml', $ours->($yaml));
    $ng->start;

    my $answer = http_get($ng->port, '/v1/proxy/product/a%20b?x=1');

    is $answer->{status}, 200, 'the registry';
    is decode_json($answer->{body})->{uri}, '/a%20b?x=1', 'hands the rest of the path on';
    is http_get($ng->port, '/v1/proxy/nobody')->{status}, 404, 'and does not know everybody';
};

subtest 'directives' => sub {
    my %word = (MAIN => 'http', UPS => 'upstream', SRV => 'server', LOC => 'location');
    my (%real, %told);

    my $source = slurp(root() . '/src/ngx/ngx_http_kerberos_module.c');
    my $full   = slurp(root() . '/conf/full.conf');

    while ($source =~ /ngx_string\("(kerberos_\w+)"\),\s*([\w|]+)/g) {
        my ($name, $flags) = ($1, $2);
        $real{$name} = join ', ', sort map { $word{$_} } $flags =~ /NGX_HTTP_(\w+?)_CONF/g;
    }

    while ($readme =~ /^### (kerberos_\w+)\n\n```\nSyntax: +\1\b.*?^Context: +(.*?)\n```\n/msg) {
        $told{$1} = join ', ', sort split /, /, $2;
    }

    cmp_ok keys %real, '>=', 6, 'found in the source';
    is_deeply \%told, \%real, 'each with its contexts';
    like $full, qr/^\s*$_\s/m, "conf/full.conf shows $_" for sort keys %real;

    my @methods = section('### kerberos_balance') =~ /^(?:Syntax:)? +kerberos_balance (\w+)/mg;

    is_deeply [sort @methods], allowed('upstream u { kerberos_balance nonsense; }'), 'methods';

    my ($size) = slurp(root() . '/src/ngx/ngx_http_kerberos.h')
        =~ /ZONE_SIZE\s+\((\d+) \* 1024 \* 1024\)/;

    like section('### kerberos_zone'), qr/^Default: +kerberos_zone ${size}m;/m, 'size of the zone';
};

subtest 'parameters of the breaker' => sub {
    my @rows = table(section('### kerberos_breaker'));
    my $full = slurp(root() . '/conf/full.conf') . slurp(root() . '/conf/full-services.yaml');

    is_deeply names(@rows), allowed('kerberos_breaker nonsense=1;'), 'each';

    for my $row (@rows) {
        my ($name) = $row->[0] =~ /(\w+)/;
        my ($code, $said) = config_test(http => "kerberos_breaker $name=nonsense;");
        my ($range) = $said =~ /(?:from |allowed: )(\S+ to \S+?|[\w, ]+)\)/;

        is $row->[2], $range, "range of $name";
        is $row->[1], default_of($name), "default of $name";
        like $full, qr/\b$name=/, "conf/full.conf shows $name";
        like $full, qr/\b$name:/, "conf/full-services.yaml shows $name";
    }

    is_deeply [map { [@$_[0, 1]] } table(section('## Parameters', $manual))],
        [map { [@$_[0, 1]] } @rows], 'the manual has them in the same order';
};

# What the source says where nobody says anything, as a person would write it.

sub default_of ($name) {
    my $options = slurp(root() . '/src/core/breaker/options.h');
    my ($form, $value) = $options =~ /(Millis|Mode|\w+_t) $name(?:_percent)? = ([\w:']+);/
        or die "options.h has no $name\n";
    my $percent = $options =~ /\b${name}_percent\b/;

    return 'timeout' if $name eq 'max_timeout';
    return 'off'     if $value eq '0' && ($name eq 'slow' || $name eq 'failure_rate');
    return lc($value =~ s/.*::k//r) if $form eq 'Mode';

    return $percent ? "$value%" : $form eq 'Millis' ? ($value =~ s/'000//r) . 's' : $value;
}

subtest 'what a failure is' => sub {
    my $section = section('### kerberos_failure_on');
    my ($words) = slurp(root() . '/src/core/breaker/failure_on.h')
        =~ m{^// ([\w ]+)\nconstexpr FailureOn default_failure_on}m;

    is_deeply names(table($section)),
        [map { split / to / } allowed('kerberos_failure_on nonsense;')->@*], 'each word';
    like $section, qr/^Default: +kerberos_failure_on \Q$words\E;/m, 'default';
    like slurp(root() . '/conf/full.conf'), qr/kerberos_failure_on \Q$words\E;/,
        'conf/full.conf shows it';
};

subtest 'keys of the registry' => sub {
    my $full   = slurp(root() . '/conf/full-services.yaml');
    my %levels = (
        '#### Top'      => "nonsense: 1\nservices: {$service}",
        '#### Defaults' => "defaults: {nonsense: 1}\nservices: {$service}",
        '#### Service'  => "services: {a: {nonsense: 1, peers: ['http://127.0.0.1:1']}}",
        '#### Peer'     => "services: {a: {peers: [{nonsense: 1, url: 'http://127.0.0.1:1'}]}}",
    );

    for my $heading (sort keys %levels) {
        my $names = names(table(section($heading)));

        is_deeply $names, allowed('kerberos_registry services.yaml;', $levels{$heading}), $heading;
        like $full, qr/\b$_:/, "conf/full-services.yaml shows $_" for @$names;
    }
};

subtest 'variables' => sub {
    my $source = slurp(root() . '/src/ngx/ngx_http_kerberos_variables.c');

    is_deeply names(table(section('## Variables'))),
        [sort $source =~ /ngx_string\("(kerberos_\w+)"\)/g], 'each';
};

subtest 'causes and reasons' => sub {
    my %words = causes();
    my @rows  = table(section('## Outcomes', $manual));
    my %told  = map { $_->[1] =~ /`(\w+)`/ ? ($1 => 1) : () } @rows;

    cmp_ok keys %words, '>=', 15, 'found in the source';
    is_deeply [sort keys %told], [sort keys %words], 'each cause has its row in the manual';

    # Two of them never open a breaker.
    delete @words{qw(correlated stale)};
    is_deeply [map {s/^((?:gRPC )?status) \d+$/$1/r} names(table(section('## The log')))->@*],
        [sort values %words], 'those of the log in README.md';

    my ($reasons) = slurp(root() . '/src/core/report/names.cpp')
        =~ /string_view text_of\(breaker::Reason reason\) (\{.*?\n\})/s;

    is_deeply names(table(section('## What opens it', $manual))),
        [sort grep { $_ ne 'unknown' } $reasons =~ /return "(\w+)"/g], 'each reason';
};

subtest 'nginx accepts what the manual recommends' => sub {
    my %said = map { $_ => 1 } $manual =~ /`(kerberos_(?:breaker|failure_on)\s[^`]+?);?`/g;

    cmp_ok keys %said, '>=', 8, 'there is something';

    for my $said (sort keys %said) {
        my ($code, $why) = config_test(http => "upstream u { server 127.0.0.1:1; $said; }");

        is $code, 0, $said or diag $why;
    }
};

subtest 'the manual reckons right' => sub {
    my $short = sub ($x) { sprintf('%.1e', $x) =~ s/e([+-])0?(\d)/'e' . ($1 eq '-' && '-') . $2/er };

    for my $row (table(section('### A run of failures', $manual))) {
        my ($k, @cells) = @$row;
        my @right = map { $short->((1 - $_**$k) / ((1 - $_) * $_**$k)) } 0.01, 0.1, 0.3, 0.5;

        is_deeply \@cells, \@right, "a run of $k";
    }

    for my $row (table(section('### A share of the window', $manual))) {
        my ($n, @cells) = @$row;
        my @right = map { $short->(tail($n, $n / $_, 0.05)) } 2, 5;

        is_deeply \@cells, \@right, "a share of $n";
    }

    for my $row (table(section('## The service: max_open and panic', $manual))) {
        my ($n, @cells) = @$row;
        my @right = map { held_max($n, $_) } 10, 50, 100;

        is_deeply \@cells, \@right, "max_open of $n";
    }
};

# How likely at least so many of n are, each with probability p.

sub tail ($n, $from, $p) {
    my ($sum, $term) = (0, (1 - $p)**$n);

    for my $i (0 .. $n) {
        $sum += $term if $i >= $from;
        $term *= ($n - $i) / ($i + 1) * $p / (1 - $p);
    }

    return $sum;
}

# How many of n peers may be held: at least one may, and one has to stay.

sub held_max ($n, $percent) {
    return $n if $n < 2 || $percent == 100;

    my $share = int $n * $percent / 100;

    return $share < 1 ? 1 : $share > $n - 1 ? $n - 1 : $share;
}

subtest 'what documents name exists' => sub {
    my %target = map { $_ => 1 } slurp(root() . '/Makefile') =~ /^([a-z-]+):.*## /mg;

    for my $name (@documents) {
        my $text = $document{$name};

        for my $said ($text =~ /(?:`|^)make ([a-z-]+)/mg) {
            ok $target{$said}, "$name: make $said";
        }

        my @inline   = $text =~ m{`(?:\./)?((?:src|t|conf|docs|scripts)/[^`\s]*)}g;
        my @commands = $text =~ m{^(?:\./)?(scripts/\S+)}mg;

        for my $said (@inline, @commands) {
            ok scalar(grep {-e} glob root() . "/$said"), "$name: $said";
        }

        for my $said ($text =~ /\]\(([^)]+)\)/g) {
            my ($file, $anchor) = split /#/, $said;

            next if $said =~ /^https?:/;

            # A link counts from the folder of its document.
            $file = dirname($name) . "/$file" if length $file;
            $file =~ s{^\./|[^/]+/\.\./}{};

            my $of = length $file ? $document{$file} // '' : $text;

            ok -e root() . "/$file", "$name: $said";
            ok scalar(grep { slug($_) eq $anchor } $of =~ /^#+ (.*)/mg), "$name: $said" if $anchor;
        }
    }

    for my $name (sort keys %target) {
        like $document{'CONTRIBUTING.md'}, qr/\bmake $name\b/, "make $name is told of";
    }
};

# The anchor that a heading gets.

sub slug ($heading) { return lc($heading) =~ s/[^\w\s-]//gr =~ s/\s/-/gr }

done_testing;
