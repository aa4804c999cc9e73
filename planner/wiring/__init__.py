"""Wiring: which port is joined to which, how long the cable is and which one is bought. See docs/room.md."""

from planner.wiring.devices import (
    Built,
    Device,
    compute_port,
    directory,
    fabric_managers,
    floor,
    links_per_port,
    manager_ends,
    plugs,
    pool_names,
    role_of,
    switches,
)
from planner.wiring.lengths import Cut, Ladder, cabling_of, class_cables, class_parts, cuts, ladders, planned_ladders
from planner.wiring.links import network_runs, runs, trunk_kit
from planner.wiring.modules import beyond_reach, longer_pieces, modules_of, other_ends, reach_m
from planner.wiring.ports import Face, PortClash, ports_at
from planner.wiring.run import Run, kit

__all__ = [
    "Built",
    "Cut",
    "Device",
    "Face",
    "Ladder",
    "PortClash",
    "Run",
    "beyond_reach",
    "cabling_of",
    "class_cables",
    "class_parts",
    "compute_port",
    "cuts",
    "directory",
    "fabric_managers",
    "floor",
    "kit",
    "ladders",
    "links_per_port",
    "longer_pieces",
    "manager_ends",
    "modules_of",
    "network_runs",
    "other_ends",
    "planned_ladders",
    "plugs",
    "pool_names",
    "ports_at",
    "reach_m",
    "role_of",
    "runs",
    "switches",
    "trunk_kit",
]
