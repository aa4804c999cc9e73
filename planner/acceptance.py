"""The best plan under stricter and looser acceptance of export verdicts, side by side, for the internal edition.

Only what is accepted varies, never a rule, party, place or date. Embargoed parts and parts whose licence application
would meet a presumption of denial are in none of the plans, and what the importing side restricts in none either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from planner import compliance
from planner.model import Problem, Solution
from planner.packing import pack_shapes
from planner.problem import Prepared, prepare
from planner.request import Request, Verdict
from planner.solve import solve

LEVELS: tuple[tuple[str, tuple[Verdict, ...]], ...] = (
    ("domestic supply only", ("domestic_supply",)),
    ("no requirement found", ("no_licence_required", "domestic_supply")),
    ("and licence exceptions", ("no_licence_required", "domestic_supply", "licence_exception")),
    (
        "and the makers' confirmation",
        ("no_licence_required", "domestic_supply", "licence_exception", "needs_vendor_confirmation"),
    ),
    (
        "and licences to be applied for",
        (
            "no_licence_required",
            "domestic_supply",
            "licence_exception",
            "needs_vendor_confirmation",
            "licence_required",
        ),
    ),
)


@dataclass(frozen=True)
class Level:
    """The best plan when these verdicts are accepted. `objective` None: there is no plan."""

    name: str
    accept: tuple[str, ...]
    asked: bool  # what the request accepts
    same_as: str | None  # an earlier level that admits the same accelerators
    accelerators: tuple[str, ...]  # in the plan
    verdicts: tuple[str, ...]  # theirs, short
    nodes: int | None
    capital_cents: int | None  # without tax
    objective: float | None


def levels(base: Prepared, say: Callable[[str], None] = lambda _: None) -> list[Level]:
    """Stricter and looser acceptance from the strictest on, with the request's own among them.

    Cabinets and fibres are those of the plan that was asked for (`base`).
    """
    request, catalog, on = base.request, base.catalog, base.on
    wanted: list[tuple[str, tuple[Verdict, ...]]] = [
        (name, accept) for name, accept in LEVELS if name != "domestic supply only" or request.site.country == "CN"
    ]
    own = set(request.compliance.accept)
    if not any(set(accept) == own for _, accept in wanted):
        wanted.insert(0, ("as asked", request.compliance.accept))
    found: list[Level] = []
    seen: dict[frozenset[str], Level] = {}
    for name, accept in wanted:
        varied = request.model_copy(update={"compliance": request.compliance.model_copy(update={"accept": accept})})
        admitted = frozenset(compliance.screen_all(varied, catalog, on)[1])
        known = seen.get(admitted)
        if known is None:
            say(f"best plan {name}")
            level = _solved(name, accept, set(accept) == own, varied, base)
        else:
            level = Level(
                name,
                accept,
                set(accept) == own,
                known.same_as or known.name,
                known.accelerators,
                known.verdicts,
                known.nodes,
                known.capital_cents,
                known.objective,
            )
        seen.setdefault(admitted, level)
        found.append(level)
    return found


def _solved(name: str, accept: tuple[Verdict, ...], asked: bool, request: Request, base: Prepared) -> Level:
    prepared = prepare(request, base.catalog, base.on, single_mode=base.single_mode, door=base.door)
    solution = solve(prepared.problem, pack_shapes) if _served(prepared) else None
    if solution is None:
        return Level(name, accept, asked, None, (), (), None, None, None)
    used = _used(prepared.problem, solution)
    verdicts = tuple(compliance.sentence(prepared.verdicts[a]) for a in used)
    return Level(
        name, accept, asked, None, used, verdicts, solution.total.nodes, solution.total.capital, solution.objective
    )


def _served(prepared: Prepared) -> bool:
    """Whether every workload has an option at all."""
    served = {o.work for o in prepared.problem.options} | {t.work for o in prepared.problem.options for t in o.tenants}
    return all(w.name in served for w in prepared.request.workloads)


def _used(problem: Problem, solution: Solution) -> tuple[str, ...]:
    return tuple(sorted({o.node.accelerator for o in problem.options if solution.units.get(o.id)}))
