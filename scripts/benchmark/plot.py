# SPDX-License-Identifier: MIT
"""The drawing of docs/performance.md: CPU a request by number of peers. Same numbers, same bytes."""

from . import figures
from .gateways import CONTENDERS

COLOURS = {"nginx": "#1c7c3c", "haproxy": "#d9730d", "kerberos": "#7a1fa2"}
MARKERS = {"nginx_round_robin": "o", "kerberos_round_robin": "o", "haproxy": "o",
           "nginx_least_conn": "s", "kerberos_least_conn": "s", "kerberos_adaptive": "P",
           "nginx_random_two": "^", "kerberos_random": "^", "kerberos_ewma": "v",
           "nginx_hash": "D", "kerberos_hash": "D", "nginx_keepalive_64": "x",
           "haproxy_defaults": "x"}
BOLD = {"nginx_round_robin", "haproxy", "kerberos_round_robin"}


def draw(record, path):
    # Here, so that who measures only needs no library.
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot, ticker

    matplotlib.rcParams.update({"svg.hashsalt": "kerberos", "font.size": 10,
                                "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = pyplot.subplots(figsize=(9, 5.2), facecolor="white")
    ticks = set()
    for contender in CONTENDERS:
        points = [(peers, figures.median(rounds[contender.name], "cpu"))
                  for peers, rounds in sorted(record["sizes"].items()) if contender.name in rounds]
        if contender.name not in MARKERS or not points:
            continue
        ticks |= {peers for peers, _ in points}
        bold = contender.name in BOLD
        axes.plot(*zip(*points), label=contender.label.replace("`", ""),
                  color=COLOURS[contender.name.split("_")[0]], marker=MARKERS[contender.name],
                  markersize=6, linewidth=2.4 if bold else 1.1,
                  linestyle=":" if MARKERS[contender.name] == "x" else "-")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(sorted(ticks), [f"{peers:,}" for peers in sorted(ticks)])
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.yaxis.set_major_locator(ticker.FixedLocator([10, 20, 50, 100, 200, 500, 1000]))
    axes.yaxis.set_major_formatter(ticker.FormatStrFormatter("%d"))
    axes.yaxis.set_minor_locator(ticker.NullLocator())
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.set_xlabel("peers")
    axes.set_ylabel("gateway CPU a request, microseconds")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=9)
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
