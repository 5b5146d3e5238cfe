# SPDX-License-Identifier: MIT
"""The tables of docs/performance.md, each between two marks, from the raw numbers.

What stands around them is written by hand.
"""

import re
import statistics
import sys

from . import figures, plot
from .gateways import CONTENDERS, NAMES
from .process import ROOT

PAGE = ROOT / "docs/performance.md"
NUMBERS = ROOT / "docs/performance.json"
DRAWING = ROOT / "docs/performance.svg"


def table(head, rows):
    lines = ["| " + " | ".join(map(str, line)) + " |" for line in [head, *rows]]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def sizes_in(record):
    return sorted(record["sizes"])


def measured(record):
    """The contenders that there are numbers of, in their order."""
    return [c for c in CONTENDERS if any(c.name in rounds for rounds in record["sizes"].values())]


def by_size(record, cell):
    """A row for each contender, with a cell for each number of peers."""
    for contender in measured(record):
        rounds = [record["sizes"][peers].get(contender.name) for peers in sizes_in(record)]
        yield contender, [cell(of) if of else "" for of in rounds]


def size_heads(record):
    return [f"{peers:,}" for peers in sizes_in(record)]


def machine(record):
    of, rounds = record["machine"], record["rounds"]
    elsewhere = max(statistics.median(series["elsewhere"])
                    for series_of in record["sizes"].values() for series in series_of.values())
    return (f"{of['cpu']}, {of['cores']} cores (L2 {of['cache']['L2']}, L3 {of['cache']['L3']}), "
            f"{of['kernel']}, nginx {of['nginx']}, HAProxy {of['haproxy']}; {record['clients']} "
            f"clients on kept connections, medians of {rounds} rounds of {record['seconds']} s in "
            f"turns. Who had no part in it used at most {100 * elsewhere:.0f} % of the machine in the "
            f"median round.")


def targets(record):
    return table(
        ["peers", "Kerberos `round_robin` beside", "wanted", "measured (95 % interval)", ""],
        [[f"{peers:,}", NAMES[other].label, f"≤ {wanted:.2f}", ratio,
          "met" if ratio.value <= wanted else "**missed**"]
         for peers, other, wanted, ratio in figures.targets(record["sizes"])])


def cpu(record):
    rows = []
    for contender, cells in by_size(record, lambda of: f"{figures.median(of, 'cpu'):.1f}"):
        grown = figures.growth(record["sizes"], contender.name)
        whole = grown is not None and "" not in cells
        rows.append([contender.label, *cells, f"{grown:.2f}" if whole else ""])
    few, *_, many = size_heads(record)
    return table(["us", *size_heads(record), f"{many} / {few}"], rows)


def kernel(record):
    def part(of):  # clock ticks are coarse, so of all rounds together
        share = statistics.mean(of["kernel"]) / statistics.mean(of["cpu"])
        return f"{share * figures.median(of, 'cpu'):.1f}"

    return table(["us in the kernel", *size_heads(record)],
                 [[contender.label, *cells] for contender, cells in by_size(record, part)])


def ratios(record):
    rows = []
    for ours, other in figures.COMPARED:
        cells = [str(figures.ratio(rounds[ours], rounds[other]))
                 if ours in rounds and other in rounds else ""
                 for rounds in (record["sizes"][peers] for peers in sizes_in(record))]
        if any(cells):
            rows.append([f"{NAMES[ours].label} / {NAMES[other].label}", *cells])
    return table(["", *size_heads(record)], rows)


def rates(record):
    return table(["requests/s", *size_heads(record)],
                 [[contender.label, *cells] for contender, cells in by_size(
                     record, lambda of: f"{figures.median(of, 'rate'):,.0f}")])


def latencies(record):
    return table(["p50 / p99 in ms", *size_heads(record)],
                 [[contender.label, *cells] for contender, cells in by_size(
                     record, lambda of: f"{figures.median(of, 'p50'):.2f} / "
                                        f"{figures.median(of, 'p99'):.2f}")])


def connects(record):
    return table(["in 1,000 requests", *size_heads(record)],
                 [[contender.label, *cells] for contender, cells in by_size(
                     record, lambda of: f"{1000 * figures.median(of, 'connects'):.1f}")])


def notes(record):
    return "\n".join(f"- {note}" for note in record["notes"]) or "- Nothing that the script saw."


def pick(record):
    sizes = sorted({row["peers"] for row in record["pick"]})
    rows = {}
    for row in record["pick"]:
        cells = rows.setdefault((row["method"], row["open"]), {})
        cells[row["peers"]] = f"{row['pick']:,.0f} / {row['report']:,.0f} / {row['request']:,.0f}"
    return table(
        ["pick / report / request", *(f"{peers:,}" for peers in sizes)],
        [[f"`{method}`" + (f", {share} % open" if share else ""),
          *(cells.get(peers, "") for peers in sizes)] for (method, share), cells in rows.items()])


def transition(record):
    sizes = sorted({row["peers"] for row in record["pick"]})
    rows = {}
    for row in record["pick"]:
        if not row["open"]:
            rows.setdefault(row["method"], {})[row["peers"]] = row["transition"]
    return table(["instructions", *(f"{peers:,}" for peers in sizes)],
                 [[f"`{method}`", *(f"{cells[peers]:,.0f}" if peers in cells else ""
                                    for peers in sizes)] for method, cells in rows.items()])


PARTS = {part.__name__: part for part in (
    machine, targets, cpu, kernel, ratios, rates, latencies, connects, notes)}
PARTS_OF_PICK = {part.__name__: part for part in (pick, transition)}


def write(record):
    parts = {}
    if record["sizes"]:
        parts.update(PARTS)
        plot.draw(record, DRAWING)
    if record.get("pick"):
        parts.update(PARTS_OF_PICK)
    text = PAGE.read_text()
    for name, part in parts.items():
        text, found = re.subn(
            rf"(<!-- bench: {name} -->\n).*?(<!-- /bench -->)",
            lambda marks, made=part(record): f"{marks[1]}{made}\n{marks[2]}", text, flags=re.S)
        if found != 1:
            sys.exit(f"{PAGE} has {found} places for {name}")
    PAGE.write_text(text)
