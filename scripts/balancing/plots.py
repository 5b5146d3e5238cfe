# SPDX-License-Identifier: MIT
"""The drawings of docs/balancing.md. Same numbers, same bytes."""

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot, ticker  # noqa: E402

from .names import METHODS, RINGS, SCENARIOS, SIZES, TIMEOUT  # noqa: E402

COLOURS = dict(zip(METHODS, ["#9a9a9a", "#4d4d4d", "#1f77b4", "#2ca02c", "#7a1fa2", "#f2b134",
                             "#d9541e"]))
RING_COLOURS = dict(zip(RINGS, ["#7a1fa2", "#1f77b4", "#2ca02c", "#9a9a9a"]))

matplotlib.rcParams.update({"svg.hashsalt": "kerberos", "font.size": 10, "svg.fonttype": "none",
                            "font.family": "sans-serif",
                            "axes.spines.top": False, "axes.spines.right": False})


def save(figure, path):
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight", facecolor="white")
    pyplot.close(figure)
    # The backend leaves blanks at the ends of lines.
    path.write_text("".join(line.rstrip() + "\n" for line in path.read_text().splitlines()))


def grouped(axes, groups, series, colours, value, label):
    """Bars side by side for each series, in groups."""
    width = 0.84 / len(series)
    for i, name in enumerate(series):
        at = [g + (i - (len(series) - 1) / 2) * width for g in range(len(groups))]
        axes.bar(at, [value(group, name) for group in groups], width * 0.92,
                 color=colours[name], label=label[name], zorder=2)
    axes.grid(axis="y", color="#dddddd", linewidth=0.8, zorder=0)
    axes.tick_params(axis="x", length=0)


def latency(record, path):
    figure, rows = pyplot.subplots(2, 1, figsize=(11, 7.4), sharex=True)
    for axes, load in zip(rows, (70, 90)):
        of = record[f"load_{load}"]
        grouped(axes, list(SCENARIOS), METHODS, COLOURS, lambda s, m: of[s][m]["p99"], METHODS)
        axes.set_yscale("log")
        axes.set_ylim(40, 1.3 * TIMEOUT)
        axes.yaxis.set_major_locator(ticker.FixedLocator([50, 100, 200, 500, 1000, 2000, 5000, 10000]))
        axes.yaxis.set_major_formatter(ticker.FuncFormatter(
            lambda y, _: "timeout" if y == TIMEOUT else f"{y:g}"))
        axes.yaxis.set_minor_locator(ticker.NullLocator())
        axes.set_ylabel("p99, ms")
        axes.set_title(f"load: {load} % of what the peers can do", loc="left", fontsize=10)
    rows[-1].set_xticks(range(len(SCENARIOS)), SCENARIOS.values())
    rows[0].legend(ncol=4, loc="lower left", bbox_to_anchor=(0, 1.1), frameon=False)
    save(figure, path)


def peaks(record, path):
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.8))
    plain = record["key_shares"]["plain"]
    rings = [ring for ring in RINGS if ring != "modulo"]
    grouped(left, SIZES, rings, RING_COLOURS, lambda n, ring: plain[n][ring]["peak"] - 1, RINGS)
    left.yaxis.set_major_formatter(ticker.FuncFormatter(lambda y, _: f"{1 + y:.2f}"))
    left.set_xticks(range(len(SIZES)), [f"{int(n):,} peers" for n in SIZES])
    left.set_ylabel("peak to average")
    left.set_title("keys of a peer", loc="left", fontsize=10)
    left.legend(frameon=False, fontsize=9)

    crowd = record["crowd"]["70"]
    names = list(reversed(METHODS))
    values = [crowd[m]["in_flight_peak"] for m in names]
    right.barh(range(len(names)), values, 0.7, color=[COLOURS[m] for m in names], zorder=2)
    for i, value in enumerate(values):
        right.text(value + 0.1, i, f"{value:.2f}", va="center", fontsize=9)
    right.set_yticks(range(len(names)), [METHODS[m] for m in names])
    right.tick_params(axis="y", length=0)
    right.grid(axis="x", color="#dddddd", linewidth=0.8, zorder=0)
    right.set_xlabel("peak to average")
    right.set_title("requests in flight, 1,000 peers at 70 %", loc="left", fontsize=10)
    figure.tight_layout(w_pad=2)
    save(figure, path)


def moves(record, path):
    figure, axes = pyplot.subplots(figsize=(8, 3.8))
    of = record["key_moves"]
    grouped(axes, SIZES, RINGS, RING_COLOURS,
            lambda n, ring: of[n][ring]["leaves"]["moved"] * int(n), RINGS)
    axes.set_yscale("log")
    axes.axhline(1, color="black", linewidth=0.8, linestyle=":", zorder=3)
    axes.set_ylim(0.7, 2000)
    axes.yaxis.set_major_locator(ticker.FixedLocator([1, 2, 5, 10, 100, 1000]))
    axes.yaxis.set_major_formatter(ticker.FormatStrFormatter("%d x"))
    axes.yaxis.set_minor_locator(ticker.NullLocator())
    axes.set_xticks(range(len(SIZES)), [f"one of {int(n):,} peers leaves" for n in SIZES])
    axes.set_ylabel("keys moved, by a peer's share")
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    save(figure, path)


DRAWINGS = {"latency": latency, "peaks": peaks, "moves": moves}
