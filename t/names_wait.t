#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# A change that brings a new name waits for it, and not for a question that was asked before and may
# take longer: at the latest after five seconds it is taken over.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use Kerberos::Test;
use Kerberos::Test::Names;

my $port = port();
my $dns  = dns('old.test' => ['127.0.0.2'], 'new.test' => ['127.0.0.3']);
my $http = gateway($dns) =~ s/resolver_timeout \K.*?;/ 30s;/r;

# Nobody answers: what is asked for at the start is under way for 30 seconds.

$dns->pause;

my $ng = following($dns, "old: [http://old.test:$port]\n", http => $http);

$ng->allow(qr/could not be resolved/);
ok wait_for { service(status($ng), 'old') }, 'it is started without an answer';

my $then = now();

change($ng, "old: [http://old.test:$port]\nnew: [http://new.test:$port]\n");
ok +(wait_for { service(status($ng), 'new') } 15), 'the change is taken over';

my $took = now() - $then;

cmp_ok $took, '>', 4, 'it has waited';
cmp_ok $took, '<', 8, 'but not for the question that was under way';

$dns->resume;
has($ng, 'new', ["127.0.0.3:$port"], 'the new name is followed');
has($ng, 'old', ["127.0.0.2:$port"], 'and the one before');

done_testing;
