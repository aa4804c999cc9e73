"""Complete buildable servers: which accelerators fit which chassis, and everything that makes the box work.

`build_nodes` returns builds and typed rejections. Nothing here knows about fabrics, racks or workloads' rates.
"""

from planner.nodes.build import build_nodes

__all__ = ["build_nodes"]
