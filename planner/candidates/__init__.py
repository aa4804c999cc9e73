"""Candidates: for each workload every buildable node × fabric × count, priced exactly and pruned by dominance.

Work that must run on one kind of node (training, HPC, capacity) gets options whose count is known from its demand.
Work counted in replicas (inference, throughput) gets integer options; the program may mix them. Work marked
`share: true` gets pools on which replicas stand card by card.
"""

from planner.candidates.bench import Bench
from planner.candidates.equipment import manager_bundle, offered_switches, switch_bundle
from planner.candidates.generator import Generator, works
from planner.candidates.joint import Joint

__all__ = ["Bench", "Generator", "Joint", "manager_bundle", "offered_switches", "switch_bundle", "works"]
