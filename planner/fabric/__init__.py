"""Networks: fat trees from switches of a radix, cables and optics, ports counted one by one. See docs/fabric.md."""

from planner.fabric.cabling import uplink_at_speed
from planner.fabric.casefile import read_cases
from planner.fabric.cases import CaseResult, run_case
from planner.fabric.compute import compute_design
from planner.fabric.copper import SINGLE_MODE_NODE, SINGLE_MODE_TRUNK, node_cables, stripes, trunk_cables
from planner.fabric.design import USUAL, Bracket, FabricDesign, Media, candidate_switches, ports_at
from planner.fabric.islands import island_brackets, island_nodes, islands
from planner.fabric.joint import joint_design, node_end_lines
from planner.fabric.managers import MANAGED_FROM_NODES, Managers, fabric_manager, fabric_managers
from planner.fabric.networks import endpoint_lines, network_brackets, network_design
from planner.fabric.power import switch_power
from planner.fabric.words import describe

__all__ = [
    "MANAGED_FROM_NODES",
    "SINGLE_MODE_NODE",
    "SINGLE_MODE_TRUNK",
    "USUAL",
    "Bracket",
    "CaseResult",
    "FabricDesign",
    "Managers",
    "Media",
    "candidate_switches",
    "compute_design",
    "describe",
    "endpoint_lines",
    "fabric_manager",
    "fabric_managers",
    "island_brackets",
    "island_nodes",
    "islands",
    "joint_design",
    "network_brackets",
    "network_design",
    "node_cables",
    "node_end_lines",
    "ports_at",
    "read_cases",
    "run_case",
    "stripes",
    "switch_power",
    "trunk_cables",
    "uplink_at_speed",
]
