# SPDX-License-Identifier: MIT
"""Medians, ratios and their intervals, targets.

A ratio is that of two medians of one run. Its 95 % interval is a bootstrap over the rounds: both
gateways' rounds are drawn in pairs, for neighbours in time met the same weather.
"""

import dataclasses
import random
import statistics

RESAMPLES = 2000

# Kerberos's round robin, by CPU a request, to be at most so many times that of another.
OURS = "kerberos_round_robin"
TARGETS = [
    (2, "nginx_round_robin", 1.03),
    (100, "nginx_round_robin", 1.03),
    (1000, "nginx_round_robin", 0.55),
    (1000, "haproxy", 1.00),
    (10000, "nginx_round_robin", 0.30),
    (10000, "haproxy", 0.80),
]

# Who stands beside whom on the page: like beside like, and what a part costs.
COMPARED = [
    ("kerberos_round_robin", "nginx_round_robin"),
    ("kerberos_round_robin", "nginx_no_zone"),
    ("kerberos_round_robin", "haproxy"),
    ("kerberos_least_conn", "nginx_least_conn"),
    ("kerberos_random", "nginx_random_two"),
    ("kerberos_hash", "nginx_hash"),
    ("kerberos_adaptive", "kerberos_round_robin"),
    ("kerberos_ewma", "kerberos_least_conn"),
    ("kerberos_round_robin", "kerberos_breaker_off"),
]


def median(rounds, column):
    return statistics.median(rounds[column])


@dataclasses.dataclass(frozen=True)
class Ratio:
    value: float
    low: float
    high: float

    def __str__(self):
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def ratio(mine, theirs, column="cpu"):
    mine, theirs = mine[column], theirs[column]
    rounds = range(len(mine))
    dice = random.Random(1)
    drawn = []
    for _ in range(RESAMPLES):
        chosen = dice.choices(rounds, k=len(rounds))
        drawn.append(statistics.median(mine[i] for i in chosen)
                     / statistics.median(theirs[i] for i in chosen))
    drawn.sort()
    return Ratio(statistics.median(mine) / statistics.median(theirs),
                 drawn[int(0.025 * RESAMPLES)], drawn[int(0.975 * RESAMPLES) - 1])


def targets(sizes):
    """Each target that was measured: peers, beside whom, what is wanted, what there is."""
    for peers, other, wanted in TARGETS:
        rounds = sizes.get(peers, {})
        if OURS in rounds and other in rounds:
            yield peers, other, wanted, ratio(rounds[OURS], rounds[other])


def growth(sizes, name):
    """CPU a request with the most peers by that with the fewest, where there are both."""
    measured = sorted(peers for peers, rounds in sizes.items() if name in rounds)
    if len(measured) < 2:
        return None
    return median(sizes[measured[-1]][name], "cpu") / median(sizes[measured[0]][name], "cpu")
