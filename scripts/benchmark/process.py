# SPDX-License-Identifier: MIT
"""Gateways and their backends as processes, and what the kernel says of them."""

import atexit
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NGINX = os.environ.get("NGINX_BINARY", "/usr/sbin/nginx")
HAPROXY = os.environ.get("HAPROXY_BINARY", "/usr/sbin/haproxy")
MODULE = os.environ.get("KERBEROS_MODULE", ROOT / "build/release/ngx_http_kerberos_module.so")
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 60  # seconds for a gateway of 10,000 peers to start


def raise_open_files(wanted):
    """As many open files for this process and its children as may be had; returns how many."""
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
    except (ValueError, OSError):  # only root may raise the hard limit, and not everywhere
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def cpu_seconds(pid):
    """What a process has used, by the scheduler's account, which is finer than clock ticks."""
    try:
        return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except (FileNotFoundError, IndexError):
        return sum(user_and_kernel_seconds(pid))


def user_and_kernel_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) / TICKS, int(fields[12]) / TICKS


def machine_seconds():
    """What all processes of this machine together have used, and what was stolen from it."""
    user, nice, system, _, _, irq, softirq, steal = map(
        int, pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


class Server:
    """A program that answers on 127.0.0.1, one process of which does the work."""

    def __init__(self, directory, name, port, command):
        self.name, self.port = name, port
        self.log = directory / f"{name}.log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        atexit.register(self.close)
        try:
            self.wait_until_it_answers()
            self.worker = self.find_worker()
        except BaseException:
            self.close()
            raise

    def wait_until_it_answers(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            try:
                self.get("/")
                return
            except OSError:
                time.sleep(0.05)
        sys.exit(f"{self.name} does not answer:\n{self.log.read_text()[-2000:]}")

    def find_worker(self):
        return self.process.pid

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as response:
            return response.read().decode()

    def cpu_seconds(self):
        return cpu_seconds(self.worker)

    def kernel_seconds(self):
        return user_and_kernel_seconds(self.worker)[1]

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()


class Nginx(Server):
    """One with a single worker."""

    def __init__(self, directory, name, port, text):
        super().__init__(directory, name, port, nginx_command(directory, name, text))

    def find_worker(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(children.read_text().split()[0])


class HAProxy(Server):
    """One with a single thread, and no master."""

    def __init__(self, directory, name, port, text):
        conf = directory / f"{name}.cfg"
        conf.write_text(text)
        super().__init__(directory, name, port, [HAPROXY, "-db", "-f", str(conf)])


class Backend(Nginx):
    """One that counts its connections."""

    def accepted(self):
        """How many connections were made to it, this question's own left out."""
        numbers = re.search(r"requests\s+(\d+) (\d+) (\d+)", self.get("/connections"))
        self.asked = getattr(self, "asked", 0) + 1
        return int(numbers[1]) - self.asked


def nginx_command(directory, name, text):
    conf = directory / f"{name}.conf"
    conf.write_text(text)
    return [NGINX, "-p", str(directory), "-c", str(conf), "-e", str(directory / f"{name}.log")]


def nginx_refuses(directory, name, text):
    """Why nginx does not take a configuration, or nothing where it does."""
    tested = subprocess.run([*nginx_command(directory, f"{name}.test", text), "-q", "-t"],
                            capture_output=True, text=True)
    return tested.stderr.strip().split("\n")[0] if tested.returncode else None
