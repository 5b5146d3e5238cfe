# SPDX-License-Identifier: MIT
"""What docs/balancing.md shows of docs/balancing.json."""
