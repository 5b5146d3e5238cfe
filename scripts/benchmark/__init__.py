# SPDX-License-Identifier: MIT
"""What scripts/bench is made of.

    process    gateways and their backends as processes, and what the kernel says of them
    gateways   who is compared, and how each is configured
    load       warming, and a round of requests
    figures    medians, ratios and their intervals, targets
    record     the raw numbers as a file, and the machine that they are of
    page       the tables of docs/performance.md
    plot       its drawing
"""
