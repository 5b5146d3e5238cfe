# SPDX-License-Identifier: MIT
"""The tables of docs/balancing.md, each between two marks, from the raw numbers.

What stands around them is written by hand.
"""

import math
import re
import sys

from .names import METHODS, RINGS, SCENARIOS, SIZES, TIMEOUT


def table(head, rows):
    lines = ["| " + " | ".join(map(str, line)) + " |" for line in [head, *rows]]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def code(name):
    return f"`{METHODS[name]}`"


def ms(value):
    if value >= 0.999 * TIMEOUT:
        return "timeout"
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


def times(quality):
    return " / ".join(ms(quality[name]) for name in ("p50", "p99", "p999"))


def percent(share, digits=1):
    if share == 0:
        return "0"
    least = 10 ** -(digits + 2)
    return f"{100 * share:.{digits}f} %" if share >= least / 2 else f"< {100 * least:g} %"


def latency(load):
    def make(record):
        of = record[f"load_{load}"]
        return table(["p50 / p99 / p99.9, ms", *SCENARIOS.values()],
                     [[code(m), *(times(of[s][m]) for s in SCENARIOS)] for m in METHODS])
    return make


def errors(record):
    columns = [("load_70", "fails", "fails fast, breaker off, 70 %"),
               ("load_90", "fails", "the same, 90 %"),
               ("load_70", "fails_breaker", "breaker on, 70 %"),
               ("load_70", "slow_10x", "one 10x slower, 70 %"),
               ("load_90", "stalls", "one stalls for 5 s, 90 %"),
               ("load_70", "hot_keys", "hot keys, 70 %")]
    return table(["requests that failed", *(head for _, _, head in columns)],
                 [[code(m), *(percent(record[load][s][m]["errors"], 2) for load, s, _ in columns)]
                  for m in METHODS])


def shares(record):
    of = [record["load_70"]["equal"], record["load_70"]["weights"], record["crowd"]["70"]]
    return table(["share off by, most (rms)", "ten equal", "ten, weights 1 to 5", "a thousand equal"],
                 [[code(m), *(f"{percent(q[m]['share_max'])} ({percent(q[m]['share_rms'])})"
                              for q in of)] for m in METHODS])


def gateways(record):
    of = record["gateways"]
    counts = list(of["equal"])
    head = ["p99 at 80 %, ms", *(f"{name}, {n}" for name in ("all equal", "one 10x slower") for n in counts)]
    return table(head, [[code(m), *(ms(of[s][n][m]["p99"]) for s in ("equal", "slow_10x") for n in counts)]
                        for m in METHODS])


def crowd(record):
    low, high = record["crowd"]["70"], record["crowd"]["90"]
    return table(["1,000 peers", "in flight, peak to average", "requests, peak to average",
                  "p50 / p99 / p99.9 at 70 %, ms", "at 90 %, ms"],
                 [[code(m), f"{low[m]['in_flight_peak']:.2f}", f"{low[m]['requests_peak']:.3f}",
                   times(low[m]), times(high[m])] for m in METHODS])


def bins(record):
    def most(counts):
        return ", ".join(f"{n}: {times} %" for n, times in counts.items())
    return table(["1,000 requests on 1,000 peers", "the most that one peer has: how often"],
                 [[code(m), most(record["bins"][m])] for m in METHODS])


def keys(record):
    rows = []
    for ring, name in RINGS.items():
        of = [record["key_shares"]["plain"][n][ring] for n in SIZES]
        rows.append([name, *(f"{q['peak']:.3f}" for q in of),
                     *(percent(q["deviation"]) for q in of)])
    return table(["keys a peer", *(f"peak, {int(n):,} peers" for n in SIZES),
                  *(f"deviation, {int(n):,}" for n in SIZES)], rows)


def held(record):
    rows = []
    for part, name in (("held_uniform", "alike"), ("held_zipf", "Zipf")):
        for n in SIZES:
            of = record["key_shares"][part][n]
            rows.append([name, f"{int(n):,}", *(
                f"{q['in_flight_peak']:.2f} ({percent(q['at_home'], 0)})" for q in of.values())])
    heads = [f"`{name.replace(' $key', '')}`"
             for name in record["key_shares"]["held_zipf"]["10"]]
    return table(["keys", "peers", *heads], rows)


def moves(record):
    events = {"opens": "a breaker opens", "closes_again": "and closes", "leaves": "a peer leaves",
              "returns": "and returns", "comes": "one is added"}
    rows = []
    for ring, name in RINGS.items():
        for n in SIZES:
            of = record["key_moves"][n][ring]
            rows.append([name, f"{int(n):,}", *(
                f"{percent(of[e]['moved'], 2)} ({percent(of[e]['foreign'], 2)})" if e in of else ""
                for e in events)])
    return table(["keys moved (without need)", "peers", *events.values()], rows)


def d_m_1(load):
    """The mean time in a queue with even arrivals, in services: 1 / (1 - s), s = e^(-(1 - s) / load)."""
    s = 0.5
    for _ in range(10_000):
        s = math.exp(-(1 - s) / load)
    return 1 / (1 - s)


def two_choices(load):
    return sum(load ** (2 ** i - 2) for i in range(1, 12))


def queues(record):
    rows = []
    for load in record["queues"]:
        share = int(load) / 100
        of = record["queues"][load]
        rows.append([f"{load} %", f"{1 / (1 - share):.2f}",
                     f"{d_m_1(share):.2f}", f"{of['round_robin']:.2f}",
                     f"{two_choices(share):.2f}", f"{of['random']:.2f}",
                     "1.00", f"{of['least_conn']:.2f}"])
    return table(["load", "one choice: theory", "`round_robin`: D/M/1", "measured",
                  "`random`: Mitzenmacher", "measured", "`least_conn`: limit", "measured"], rows)


def literature(record):
    shares_of = record["key_shares"]["plain"]["1000"]
    moves_of = record["key_moves"]
    zipf = record["key_shares"]["held_zipf"]["1000"]
    two = " or ".join(record["bins"]["random"])
    one = sorted(record["bins"]["hash $key"], key=int)

    def again(n, ring):
        return moves_of[n][ring]["leaves"]["moved"] / moves_of[n]["ketama_160"]["leaves"]["moved"]

    def spread(n):
        of = record["key_shares"]["plain"][n]["maglev_65537"]
        return of["peak"] - of["least"]
    return table(["what", "the literature", "here"], [
        ["two choices: most of n requests on n peers",
         "ln ln n / ln 2 + O(1) = 2.8 + O(1) for n = 1,000 [1]",
         f"{two} (`random`); one choice: {one[0]} to {one[-1]} (`hash`)"],
        ["two choices: mean time at 90 %, in services", f"{two_choices(.9):.2f} [1]",
         f"{record['queues']['90']['random']:.2f} (`random`)"],
        ["multi-probe: peak to average, 21 probes", "1.05 [2]",
         f"{shares_of['kerberos']['peak']:.3f} at 1,000 peers, "
         f"{record['key_shares']['plain']['100']['kerberos']['peak']:.3f} at 100, "
         f"{record['key_shares']['plain']['10']['kerberos']['peak']:.3f} at 10"],
        ["Maglev: imbalance where the table has over 100 entries a peer", "at most 1 % [3]",
         f"{percent(spread('100'))} at 100 peers (655 entries each), "
         f"{percent(spread('1000'))} at 1,000 (65 each)"],
        ["Maglev: keys moved when a peer leaves, by those of a ring", "about double [4]",
         ", ".join(f"{again(n, 'maglev_65537'):.1f} times at {int(n):,}" for n in SIZES)],
        ["bounded loads: most in flight by the average", "at most the bound [5]",
         f"{zipf['hash $key bounded=125%']['in_flight_peak']:.2f} at 125 %, where plain hash has "
         f"{zipf['hash $key']['in_flight_peak']:.0f} (Zipf keys, 1,000 peers)"],
    ])


TABLES = {
    "latency 70": latency(70), "latency 90": latency(90), "errors": errors, "shares": shares,
    "crowd": crowd, "gateways": gateways, "bins": bins, "keys": keys, "held": held, "moves": moves, "queues": queues,
    "literature": literature,
}


def fill(page, record):
    """The page with each table between its marks as the numbers say it."""
    def renewed(match):
        return f"{match[1]}\n{TABLES[match[2]](record)}\n{match[3]}"
    filled, count = re.subn(r"(<!-- quality: ([\w ]+) -->)\n.*?(<!-- /quality -->)", renewed, page,
                            flags=re.DOTALL)
    if count != len(TABLES):
        sys.exit(f"the page has places for {count} tables, not {len(TABLES)}")
    return filled
