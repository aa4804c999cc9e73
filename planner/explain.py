"""Plain words about what clashes, before any solving: rules that exclude all, devices no rack takes, missing prices."""

from __future__ import annotations

from planner.advice import Explanation
from planner.formulation import fit_in_rack
from planner.model import Shape
from planner.problem import Prepared


def clash(prepared: Prepared) -> Explanation | None:
    """Work that nothing can serve, whatever the limits: the rules or the figures that exclude each accelerator."""
    served = {o.work for o in prepared.problem.options} | {t.work for o in prepared.problem.options for t in o.tenants}
    unserved = [w for w in prepared.request.workloads if w.name not in served]
    if not unserved:
        return None
    checks: list[str] = []
    rules: list[str] = []
    for workload in unserved:
        checks.append(f"Nothing in the catalog can serve {workload.name}.")
        wanted = (
            prepared.catalog.expand_accelerator(workload.accelerator)
            if workload.accelerator
            else tuple(sorted(prepared.catalog.accelerators))
        )
        for accelerator in wanted:
            if accelerator not in prepared.accepted:
                if workload.accelerator:
                    rules.append(_rule_sentence(prepared, accelerator))
            else:
                reason = next((r for r in prepared.rejections if accelerator in r.part), None)
                if reason is not None:
                    checks.append(f"{accelerator}: {reason.message}")
        if not workload.accelerator:
            for reason in prepared.rejections[:12]:
                checks.append(f"{reason.part}: {reason.message}")
    notes = ("Rules, parties and dates are facts, not limits to vary: no change to them is offered.",) if rules else ()
    return Explanation(tuple(dict.fromkeys(checks)), tuple(dict.fromkeys(rules)), notes=notes)


def _rule_sentence(prepared: Prepared, accelerator: str) -> str:
    verdict = prepared.verdicts[accelerator]
    cited = f" [{', '.join(verdict.rules)}]" if verdict.rules else ""
    review = f" Review policy: {verdict.review_policy}." if verdict.review_policy else ""
    return f"{verdict.summary}{cited}{review}"


def plain_checks(prepared: Prepared) -> tuple[str, ...]:
    """What one look shows: the smallest device that fits no rack, by power, units or weight."""
    problem = prepared.problem
    found: list[str] = []
    for work in problem.works:
        shapes: set[Shape] = set()
        fits = False
        for option in problem.options:
            if option.work != work.name and not any(t.work == work.name for t in option.tenants):
                continue
            node = [s for s in (*option.fixed.shapes, *option.unit.shapes) if s.item == option.node.id]
            if option.node.own_rack or all(fit_in_rack(s, problem) for s in node):
                fits = True
            shapes |= {s for s in node if not fit_in_rack(s, problem)}
        if fits or not shapes:
            continue
        smallest = min(shapes, key=lambda s: (s.watts, s))
        name = smallest.item.split("/")[0]
        room = problem.room
        if room.watts is not None and smallest.watts > room.watts:
            found.append(
                f"One {name} needs {smallest.watts / 1000:g} kW; a rack gives {room.watts / 1000:g} kW ({work.name})."
            )
        elif smallest.units > room.units:
            found.append(f"One {name} is {smallest.units}U high; a rack has {room.units}U ({work.name}).")
        elif room.grams is not None and smallest.grams > room.grams:
            found.append(
                f"One {name} weighs {smallest.grams / 1000:g} kg; "
                f"a rack carries {room.grams / 1000:g} kg ({work.name})."
            )
    return tuple(found)


def rule_notes(prepared: Prepared) -> tuple[str, ...]:
    """How many accelerators the rules left out, so that nobody thinks they were forgotten."""
    excluded = len(prepared.catalog.accelerators) - len(prepared.accepted)
    if not excluded:
        return ()
    return (f"{excluded} accelerators were left out by export rules on {prepared.on}; see planner comply.",)
