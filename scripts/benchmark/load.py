# SPDX-License-Identifier: MIT
"""Warming, and a round of requests."""

import re
import resource
import subprocess
import sys
import time

from .process import machine_seconds

CLIENTS = 32
WARM_AT_MOST = 60  # seconds

# What a round yields, in the order in which it is kept.
COLUMNS = {
    "cpu": "microseconds of the gateway's CPU a request",
    "kernel": "microseconds of it in the kernel, by clock ticks",
    "rate": "requests a second",
    "p50": "milliseconds",
    "p99": "milliseconds",
    "connects": "connections to backends opened a request",
    "elsewhere": "share of the machine's CPU used by whom we did not start",
}


def wrk(gateway, seconds):
    """Requests, seconds that they took, and wrk's own words. An error ends the run."""
    out = subprocess.run(
        ["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "--latency",
         f"http://127.0.0.1:{gateway.port}/"],
        check=True, capture_output=True, text=True,
    ).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(f"{gateway.name} did not answer well, see also {gateway.log}:\n{out}"
                 f"{gateway.log.read_text(errors='replace')[-2000:]}")
    requests, took = re.search(r"(\d+) requests in ([\d.]+)s", out).groups()
    return int(requests), float(took), out


def warm(gateway, backend, peers):
    """Until hardly anybody has to connect any more, or it is clear that this will not end."""
    requests, end = 0, time.monotonic() + WARM_AT_MOST
    while time.monotonic() < end and requests < 10 * peers:
        before = backend.accepted()
        answered = wrk(gateway, 1)[0]
        requests += answered
        if requests >= 2 * peers and backend.accepted() - before < 0.02 * answered:
            return


def own_seconds():
    spent = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)  # wrk, once it has ended
    return spent.ru_utime + spent.ru_stime + children.ru_utime + children.ru_stime


def round_of(gateway, backend, seconds, cores):
    connections = backend.accepted()
    start, machine, ours = time.monotonic(), machine_seconds(), own_seconds()
    used, kernel, served = gateway.cpu_seconds(), gateway.kernel_seconds(), backend.cpu_seconds()
    requests, took, out = wrk(gateway, seconds)
    used, served = gateway.cpu_seconds() - used, backend.cpu_seconds() - served
    kernel = gateway.kernel_seconds() - kernel
    others = machine_seconds() - machine - (own_seconds() - ours) - used - served

    def percentile(which):
        number, unit = re.search(rf"{which}%\s+([\d.]+)(us|ms|s)", out).groups()
        return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]

    return {
        "cpu": round(used / requests * 1e6, 3),
        "kernel": round(kernel / requests * 1e6, 2),
        "rate": round(requests / took),
        "p50": round(percentile(50), 3),
        "p99": round(percentile(99), 3),
        "connects": round((backend.accepted() - connections) / requests, 5),
        "elsewhere": round(max(0, others) / (time.monotonic() - start) / cores, 3),
    }
