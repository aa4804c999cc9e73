"""Networks: fat trees from switches of a radix, cables and optics, ports counted one by one. See docs/fabric.md."""

from planner.fabric.designs import (
    Bracket,
    FabricDesign,
    candidate_switches,
    compute_design,
    describe,
    endpoint_lines,
    island_brackets,
    islands,
    network_brackets,
    network_design,
    ports_at,
    switch_power,
)

__all__ = [
    "Bracket",
    "FabricDesign",
    "candidate_switches",
    "compute_design",
    "describe",
    "endpoint_lines",
    "island_brackets",
    "islands",
    "network_brackets",
    "network_design",
    "ports_at",
    "switch_power",
]
