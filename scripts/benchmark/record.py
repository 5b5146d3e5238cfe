# SPDX-License-Identifier: MIT
"""The raw numbers as a file, and the machine that they are of."""

import json
import os
import pathlib
import re
import subprocess

from .process import HAPROXY, NGINX


def first_match(pattern, text):
    found = re.search(pattern, text, re.M)
    return found[1].strip() if found else "unknown"


def said(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout + done.stderr


def cache(level):
    sizes = pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")
    for index in sizes:
        if (index / "level").read_text().strip() == str(level):
            return (index / "size").read_text().strip()
    return "unknown"


def machine(files):
    return {
        "cpu": first_match(r"^model name\s*:(.*)$", pathlib.Path("/proc/cpuinfo").read_text()),
        "cores": len(os.sched_getaffinity(0)),
        "cache": {"L2": cache(2), "L3": cache(3)},
        "kernel": "Linux " + first_match(r"^(\d+\.\d+(?:\.\d+)?)", os.uname().release),
        "nginx": first_match(r"nginx/(\S+)", said(NGINX, "-v")),
        "haproxy": first_match(r"version ([\d.]+)", said(HAPROXY, "-v")),
        "open_files": files,
    }


def text_of(value, depth=0):
    """JSON with a line for each list of numbers and for each row of a list."""
    inner, outer = "\n" + " " * (depth + 1), "\n" + " " * depth
    if isinstance(value, dict) and value:
        lines = (f"{json.dumps(str(key))}: {text_of(of, depth + 1)}" for key, of in value.items())
        return "{" + inner + f",{inner}".join(lines) + outer + "}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[" + inner + f",{inner}".join(json.dumps(row) for row in value) + outer + "]"
    return json.dumps(value)


def write(path, record):
    path.write_text(text_of(record) + "\n")


def read(path):
    """What is there, with numbers of peers as numbers."""
    record = json.loads(path.read_text()) if path.exists() else {}
    record["sizes"] = {int(peers): rounds for peers, rounds in record.get("sizes", {}).items()}
    return record
