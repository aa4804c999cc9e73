"""Every candidate of one request: who makes the options of which kind of work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner import demand
from planner.candidates.bench import Bench
from planner.candidates.counted import Counted
from planner.candidates.designs import Fabrics
from planner.candidates.joint import Joint
from planner.candidates.replicas import Replicated
from planner.candidates.tenants import Tenanted
from planner.model import Option, Work
from planner.request import Request, Workload


@dataclass
class Generator:
    """Builds options for one request on one bench, where bundles and fabrics are made once."""

    bench: Bench
    pruning: bool = True
    bounded: bool = True  # no counts beyond what any single limit lets in; False to ask what other limits would need

    def __post_init__(self) -> None:
        fabrics = Fabrics(self.bench)
        alike = sum(w.mode == "one" for w in works(self.bench.request))
        self.joint = Joint(self.bench, fabrics, alike)
        self.counted = Counted(self.bench, fabrics, self.joint, self.pruning)
        self._replicated = Replicated(self.bench, fabrics, self.bounded)
        self._tenanted = Tenanted(self.bench, self.bounded)

    def options(self, workload: Workload, works: Sequence[Work]) -> list[Option]:
        """All options of one workload, unpruned, in id order."""
        work = next(w for w in works if w.name == workload.name)
        if work.mode == "mix":
            return self._replicated.options(workload, work)
        return self.counted.options(workload, work)

    def shared_pools(self, workloads: Sequence[Workload]) -> list[Option]:
        """Pools for all work marked `share: true`: one option per build, with every tenant that fits it."""
        return self._tenanted.options(workloads)


def works(request: Request) -> tuple[Work, ...]:
    """The demand rows of a request: who needs one kind of node, who may mix, who shares cards."""
    rows = []
    for workload in request.workloads:
        target = demand.target(workload)
        if workload.share and demand.proportional(workload) and workload.kind == "inference":
            mode = "shared"
        elif demand.proportional(workload) and workload.kind == "inference":
            mode = "mix"
        else:
            mode = "one"
        rows.append(Work(workload.name, mode, target.value, workload.maximise is not None))  # type: ignore[arg-type]
    return tuple(rows)
