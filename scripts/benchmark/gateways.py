# SPDX-License-Identifier: MIT
"""Who is compared, and how each is configured: alike but for the balancer.

One worker or one thread each. Connections are kept on both sides, and nobody has to reconnect for
want of room: nginx's `keepalive` and Kerberos's `total` are twice the peers, HAProxy may fill the
open files that it has. Each gateway has a backend of its own, all of them alike, because one
process may not have so many files open; only one pair works at a time.
"""

import dataclasses

from .process import MODULE, Backend, HAProxy, Nginx

FILES_APART = 512  # open files that are not connections to peers
PER_PEER = 32      # idle connections that Kerberos keeps to one peer, as by default
STATIC_RR = 4095   # servers beyond which HAProxy's documentation sends us to static-rr

# A key for `hash`, another one for each request, that costs nothing to make.
KEY = "$connection-$connection_requests"


@dataclasses.dataclass(frozen=True)
class Contender:
    name: str
    label: str
    lines: str = ""      # of nginx's upstream block; HAProxy has none
    zone: bool = True    # its workers share what they know of peers
    keepalive: int = 0   # 0: twice the peers
    sizes: tuple = ()    # numbers of peers that it is for; none: all

    @property
    def kerberos(self):
        return self.name.startswith("kerberos_")

    @property
    def haproxy(self):
        return self.name.startswith("haproxy")


CONTENDERS = [
    Contender("nginx_round_robin", "nginx, round robin"),
    Contender("nginx_no_zone", "nginx, round robin, no `zone`", zone=False, sizes=(2, 100)),
    Contender("nginx_keepalive_64", "nginx, round robin, `keepalive 64`", keepalive=64,
              sizes=(100, 1000)),
    Contender("nginx_least_conn", "nginx, least_conn", "least_conn;"),
    Contender("nginx_random_two", "nginx, random two", "random two;"),
    Contender("nginx_hash", "nginx, hash consistent", f"hash {KEY} consistent;"),
    Contender("haproxy", "HAProxy, round robin"),
    Contender("haproxy_defaults", "HAProxy, round robin, its own pool settings",
              sizes=(1000, 10000)),
    Contender("kerberos_round_robin", "Kerberos, round_robin", "kerberos_balance round_robin;"),
    Contender("kerberos_breaker_off", "Kerberos, round_robin, breaker off",
              "kerberos_balance round_robin; kerberos_breaker off;"),
    Contender("kerberos_adaptive", "Kerberos, round_robin adaptive",
              "kerberos_balance round_robin adaptive;"),
    Contender("kerberos_least_conn", "Kerberos, least_conn", "kerberos_balance least_conn;"),
    Contender("kerberos_random", "Kerberos, random", "kerberos_balance random;"),
    Contender("kerberos_ewma", "Kerberos, ewma", "kerberos_balance ewma;"),
    Contender("kerberos_hash", "Kerberos, hash", f"kerberos_balance hash {KEY};"),
]
NAMES = {contender.name: contender for contender in CONTENDERS}

BACKEND = """
worker_processes 1; daemon off; pid {dir}/{name}.pid; error_log {dir}/{name}.log;
events {{ worker_connections {connections}; }}
http {{
    access_log off; {temp}
    keepalive_requests 1000000000; keepalive_timeout 1d;
    server {{
        listen 0.0.0.0:{port} backlog=4096;
        location / {{ return 200 "hello\\n"; }}
        location = /connections {{ stub_status; }}
    }}
}}
"""

NGINX = """
{load} worker_processes 1; daemon off; pid {dir}/{name}.pid; error_log {dir}/{name}.log;
events {{ worker_connections {connections}; }}
http {{
    access_log off; {temp}
    keepalive_requests 1000000000; keepalive_timeout 1d;
    {zone}
    upstream u {{
        {zone_of_block}
        {servers}
        {lines}
        {keepalive}
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
}}
"""

HAPROXY = """
global
    nbthread 1
    maxconn {maxconn}
    {pool}
defaults
    mode http
    timeout connect 10s
    timeout client 1d
    timeout server 1d
    http-reuse always
frontend gateway
    bind 127.0.0.1:{port} backlog 4096
    default_backend u
backend u
    balance {balance}
    {purge}
    {servers}
"""

# Idle connections live as long as the others': of its own HAProxy closes half of them every 5
# seconds, and keeps none beyond a fifth of the open files that it may have.
POOL = "tune.pool-low-fd-ratio 98\n    tune.pool-high-fd-ratio 99"
PURGE = "default-server pool-purge-delay 1d"


def files_wanted(peers):
    return max(256, 2 * peers) + 2 * FILES_APART


class Bench:
    """Where gateways of one number of peers are started."""

    def __init__(self, directory, peers, files):
        self.directory, self.peers, self.files = directory, peers, files
        self.temp = " ".join(f"{kind}_temp_path {directory}/{kind};"
                             for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))

    def keepalive(self):
        return min(max(256, 2 * self.peers), self.files - FILES_APART)

    def connections(self):
        return self.keepalive() + FILES_APART

    def notes(self):
        """Where something bends the figures."""
        if self.keepalive() < 2 * self.peers:
            yield (f"At {self.peers:,} peers the hard limit of open files, {self.files:,}, leaves "
                   f"room for {self.keepalive():,} idle connections instead of {2 * self.peers:,}.")
        if self.files // 5 < self.peers:
            yield (f"At {self.peers:,} peers HAProxy's own pool settings leave it idle connections "
                   f"up to a fifth of the open files, {self.files // 5:,}: it has to reconnect.")
        if self.haproxy_balance() != "roundrobin":
            yield (f"At {self.peers:,} peers HAProxy has `balance {self.haproxy_balance()}`: its "
                   f"`roundrobin` is for at most {STATIC_RR:,} servers.")

    def addresses(self, port):
        # All of 127.0.0.0/8 is this machine, so one backend is as many peers as are wanted.
        return [f"127.{1 + i // 62500}.{i // 250 % 250}.{i % 250 + 1}:{port}"
                for i in range(self.peers)]

    def backend(self, name, port):
        return Backend(self.directory, name, port, BACKEND.format(
            dir=self.directory, name=name, port=port, temp=self.temp,
            connections=self.connections()))

    def gateway(self, contender, port, backend_port):
        if contender.haproxy:
            return HAProxy(self.directory, contender.name, port,
                           self.haproxy(contender, port, backend_port))
        return Nginx(self.directory, contender.name, port,
                     self.nginx(contender, port, backend_port))

    def nginx(self, contender, port, backend_port):
        idle = contender.keepalive or self.keepalive()
        ours = contender.kerberos
        keepalive = (
            f"kerberos_keepalive {PER_PEER} total={idle} idle=1d requests=1000000000;" if ours else
            f"keepalive {idle}; keepalive_requests 1000000000; keepalive_timeout 1d;")
        return NGINX.format(
            dir=self.directory, name=contender.name, port=port, temp=self.temp,
            connections=self.connections(),
            load=f"load_module {MODULE};" if ours else "",
            zone=f"kerberos_zone {8 + self.peers // 50}m;" if ours else "",
            zone_of_block=f"zone u {8 + self.peers // 250}m;" if contender.zone and not ours else "",
            servers="\n".join(f"server {a};" for a in self.addresses(backend_port)),
            lines=contender.lines, keepalive=keepalive)

    def haproxy(self, contender, port, backend_port):
        as_it_comes = contender.name == "haproxy_defaults"
        # It reckons with two open files a client, and some of its own.
        return HAPROXY.format(
            port=port, maxconn=(self.files - FILES_APART // 4) // 2,
            pool="" if as_it_comes else POOL, purge="" if as_it_comes else PURGE,
            balance=self.haproxy_balance(),
            servers="\n    ".join(f"server s{i} {a}"
                                  for i, a in enumerate(self.addresses(backend_port))))

    def haproxy_balance(self):
        return "roundrobin" if self.peers <= STATIC_RR else "static-rr"
