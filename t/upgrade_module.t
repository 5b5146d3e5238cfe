#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# A new version of the module under another file name: a reload runs it. Modules are loaded into one
# namespace, and the old copy stays loaded; the new one must not be bound to it.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Conf;
use Kerberos::Test::Log qw(slurp);

my $b = backend(1);

my %conf = (backend => $b, module => 0, http => <<'EOF');
    upstream u {
        server %%BACKEND_1%%;
        kerberos_breaker threshold=1 timeout=1h;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        location / { proxy_pass http://u; }
    }
EOF

my $old = Kerberos::Test::Conf->module;
my $ng  = nginx(%conf, main => "load_module $old;");

# The new version says something else, in as many bytes.

my $new   = $ng->path('new_module.so');
my $bytes = slurp($old);
is $bytes =~ s/connect refused\0/connect REFUSED\0/g, 1, 'a version that can be told from the other';
open my $file, '>:raw', $new or die "$new: $!";
print {$file} $bytes;
close $file or die "$new: $!";

$b->mode(1, 'refuse');

http_get($ng->port, '/');
is scalar($ng->wait_for_log(qr/circuit OPEN .*last: connect refused/)), 1, 'the old one';

$ng->configure(main => "load_module $new;");
ok $ng->reload, 'reloaded';

http_get($ng->port, '/');
is scalar($ng->wait_for_log(qr/circuit OPEN .*last: connect REFUSED/)), 1,
    'the new one, and it begins with empty state';

done_testing;
