"""Networks: fat trees from switches of a radix, cables and optics, ports counted one by one. See docs/fabric.md."""

from planner.fabric.compute import compute_design
from planner.fabric.design import Bracket, FabricDesign, candidate_switches, ports_at
from planner.fabric.islands import island_brackets, islands
from planner.fabric.networks import endpoint_lines, network_brackets, network_design
from planner.fabric.power import switch_power
from planner.fabric.words import describe

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
