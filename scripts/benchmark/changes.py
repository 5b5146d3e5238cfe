# SPDX-License-Identifier: MIT
"""The same change in two gateways: a registry that is renamed over the old one, and a reload.

Both have the same services, a hundred of them with ten thousand peers, and the same workers. One
service has a single peer, which is what changes, so that the first request to it tells.
"""

import json
import pathlib
import re
import signal
import subprocess
import time

from .process import MODULE, NGINX, Backend, Nginx

WORKERS = 2
LOADED = 8         # services that the load goes to: their connections are warm
CONNECTIONS = 8192
KEPT = 256         # idle connections of a service in each worker

BACKEND = """
worker_processes 1; daemon off; pid {dir}/{name}.pid; error_log {dir}/{name}.log;
worker_rlimit_nofile {files};
events {{ worker_connections {files}; }}
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

CONF = """
{load} worker_processes {workers}; daemon off; pid {dir}/{name}.pid;
error_log {dir}/{name}.log notice;
worker_rlimit_nofile {files};
events {{ worker_connections {connections}; }}
http {{
    access_log off; {temp}
    keepalive_requests 1000000000; keepalive_timeout 1d;
    {http}
    add_header X-Pid $pid;
    add_header X-Peer $upstream_addr;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = / {{ return 200; }}
        location = /tick {{ return 200 ""; }}
        {status}
        location ~ ^/(?<service>\\w+)$ {{ {proxy} }}
    }}
}}
"""


class Change:
    """Peers by service, as they are before or after."""

    def __init__(self, peers, services, backend_port):
        self.port, self.even = backend_port, False
        addresses = [f"127.{1 + i // 62500}.{i // 250 % 250}.{i % 250 + 1}:{backend_port}"
                     for i in range(peers - 1)]
        names = [f"s{i}" for i in range(services - 1)]
        self.services = {name: addresses[i::len(names)] for i, name in enumerate(names)}
        self.loaded = names[:LOADED]

    def flip(self):
        self.even = not self.even

    def watched(self):
        """The peer that is another after each change."""
        return f"127.255.0.{1 if self.even else 2}:{self.port}"

    def all(self):
        return {**self.services, "watched": [self.watched()]}


class Changing(Nginx):
    """A gateway of several workers whose peers change."""

    def __init__(self, bench, change, port):
        self.bench, self.change = bench, change
        self.directory = bench.directory
        self.write(self.target())
        super().__init__(bench.directory, self.NAME, port, self.conf(port))

    def target(self):
        return self.directory / self.FILE

    def prepare(self):
        """Writes what will be, beside what is; returns how to put it in its place."""
        self.change.flip()
        new = self.target().with_suffix(".new")
        self.write(new)
        return lambda: new.rename(self.target())

    def master(self):
        return self.process.pid

    def workers(self):
        children = pathlib.Path(f"/proc/{self.master()}/task/{self.master()}/children")
        return [int(pid) for pid in children.read_text().split()]

    def log_since(self, offset):
        with open(self.log, "rb") as log:
            log.seek(offset)
            return log.read().decode(errors="replace")


class Kerberos(Changing):
    NAME, FILE = "kerberos", "services.yaml"
    LABEL = "Kerberos, the registry renamed"

    def conf(self, port):
        return self.bench.conf(self.NAME, port, load=f"load_module {MODULE};",
            http=f"kerberos_zone 64m; kerberos_registry {self.target()};",
            status="location = /status { kerberos_status; }",
            proxy="kerberos_service $service; proxy_pass http://kerberos;")

    def write(self, path):
        text = "version: 1\ndefaults:\n  breaker: {threshold: 5}\n"
        text += f"  keepalive: {{connections: 32, total: {KEPT}, requests: 1000000000}}\nservices:\n"
        for name, peers in self.change.all().items():
            text += f"  {name}:\n    peers:\n" + "".join(f"      - http://{p}\n" for p in peers)
        path.write_text(text)

    def begin(self, put):
        put()

    def status(self):
        return json.loads(self.get("/status"))

    def wait(self, offset):
        """Until it is in force. The status is not asked: of so many peers it takes its time."""
        for _ in range(3000):
            if "registry taken over" in self.log_since(offset):
                return
            time.sleep(0.01)

    def took(self, offset):
        """Milliseconds of reading and of building, as the log has them."""
        found = re.search(r"read in (\d+)ms, built in (\d+)ms", self.log_since(offset))
        return (int(found[1]), int(found[2])) if found else (None, None)


class Reloaded(Changing):
    NAME, FILE = "nginx", "upstreams.conf"
    LABEL = "nginx, by nginx -s reload"

    def conf(self, port):
        return self.bench.conf(self.NAME, port, load="", http=f"include {self.target()};",
                               status="", proxy="proxy_pass http://$service;")

    def write(self, path):
        path.write_text("".join(
            f"upstream {name} {{ zone {name} 256k; keepalive {KEPT}; keepalive_requests 1000000000;\n"
            + "".join(f"server {peer};\n" for peer in peers) + "}\n"
            for name, peers in self.change.all().items()))

    def begin(self, put):
        # nginx -s reload reads the configuration itself before it tells the master to.
        put()
        conf = self.directory / f"{self.NAME}.conf"
        self.old = self.workers()
        self.reload = subprocess.Popen([NGINX, "-p", str(self.directory), "-c", str(conf), "-e",
                                        str(self.log), "-s", "reload"])

    def wait(self, offset):
        """Until the old workers are gone, too."""
        self.reload.wait()
        for _ in range(600):
            if not set(self.old) & set(self.workers()):
                return
            time.sleep(0.05)

    def took(self, offset):
        return None, None


class Bench:
    def __init__(self, directory, files):
        self.directory, self.files = directory, files
        self.temp = " ".join(f"{kind}_temp_path {directory}/{kind};"
                             for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))

    def conf(self, name, port, **parts):
        return CONF.format(dir=self.directory, name=name, port=port, temp=self.temp,
                           workers=WORKERS, files=self.files,
                           connections=min(CONNECTIONS, self.files), **parts)

    def backend(self, port):
        return Backend(self.directory, "backend", port, BACKEND.format(
            dir=self.directory, name="backend", port=port, temp=self.temp, files=self.files))


def stop(gateway):
    """As Server.close, in order: there may be old workers."""
    if gateway.process.poll() is None:
        gateway.process.send_signal(signal.SIGTERM)
        gateway.process.wait()
