# SPDX-License-Identifier: MIT
"""What the simulation calls things, and what the document does."""

METHODS = {
    "round_robin": "round_robin",
    "round_robin adaptive": "round_robin adaptive",
    "least_conn": "least_conn",
    "random": "random",
    "ewma": "ewma",
    "hash $key": "hash",
    "hash $key bounded=125%": "hash bounded=125%",
}

SCENARIOS = {
    "equal": "all equal",
    "weights": "weights 1 to 5",
    "slow_2x": "one 2x slower",
    "slow_10x": "one 10x slower",
    "stalls": "one stalls for 5 s",
    "hot_keys": "hot keys",
}

RINGS = {
    "kerberos": "Kerberos: 16 points, 21 probes",
    "ketama_160": "ketama ring, 160 points",
    "maglev_65537": "Maglev, table of 65,537",
    "modulo": "modulo",
}

SIZES = ["10", "100", "1000"]

TIMEOUT = 10_000  # ms, kTimeout of t/quality/traffic.h
