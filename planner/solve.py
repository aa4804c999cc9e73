"""Solve the program with HiGHS to gap 0 in whole numbers, break ties, and never trust a float.

Every answer is rounded, recomputed in integers and checked against each limit; racks are packed exactly. What does not
hold becomes a tighter limit or a rack cut and the program is solved again. The optimum of the main objective is then
proven by asking for anything better by one cent (or watt) and finding nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pulp

from planner import highs
from planner.errors import SolverFailed, TimeIsUp
from planner.formulation import (
    Model,
    differs,
    fit_in_rack,
    formulate,
    limit_measure,
    performance_scale,
    total_load,
)
from planner.headroom import measures
from planner.model import Load, Option, Problem, Shape, Solution, Work, node_ports
from planner.rackcuts import Packer, RackCut, RackWorth, learnt, rule

Measure = Callable[[Load], float]

MAX_ROUNDS = 400
MOST_RULES = 12  # of what earlier searches in the same room were taught, to begin with


@dataclass
class Clock:
    """Seconds left of a time limit; None means no limit."""

    limit: float | None
    started: float = field(default_factory=time.monotonic)

    def left(self) -> float | None:
        return None if self.limit is None else max(0.1, self.limit - (time.monotonic() - self.started))

    @property
    def up(self) -> bool:
        return self.limit is not None and time.monotonic() - self.started >= self.limit


@dataclass
class Search:
    """One problem on its way to the optimum: learnt cuts and tightened limits are kept between stages."""

    problem: Problem
    packer: Packer
    threads: int | None = None
    clock: Clock = field(default_factory=lambda: Clock(None))
    cuts: list[RackCut | RackWorth] = field(default_factory=list)
    tightened: dict[str, int] = field(default_factory=dict)
    stopped_early: bool = False
    bound: float | None = None
    gap: float = 0.0  # relative; only plans that merely bound others are looked for with one
    proof: float | None = None  # the bound with which the last program of a stage ended at its optimum
    solves: int = 0

    def __post_init__(self) -> None:
        self.cuts += self.problem.rules.get(self.problem.room, [])[-MOST_RULES:]


@dataclass(frozen=True)
class Stage:
    """One objective of the lexicographic order. `measure` None: performance, or the id order."""

    name: str
    measure: Measure | None
    step: float = 1.0  # the smallest difference that counts
    build: Callable[[Model], pulp.LpAffineExpression] | None = None  # an objective with rows of its own


def solve(
    problem: Problem,
    packer: Packer,
    *,
    threads: int | None = None,
    time_limit: float | None = None,
    clock: Clock | None = None,
    ties: bool = True,
) -> Solution | None:
    """The optimum, or None when no choice meets every row; SolverFailed when the solver gives no clear answer.

    `time_limit` in seconds from now, or a `clock` that runs already: then the best plan so far, with the bound that is
    known; SolverFailed where there is none yet. Without `ties` only the main objective is solved and proven: for
    questions about its amount alone.
    """
    problem, first = _within_reach(problem, packer, threads)
    search = Search(problem, packer, threads, clock or Clock(time_limit))
    fixed: list[tuple[Stage, float]] = []
    best: Solution | None = None
    value = bound = 0.0
    for index, stage in enumerate(stages(problem) if ties else stages(problem)[:1]):
        found = _optimum(search, stage, fixed)
        if found is None:
            if best is not None:
                break  # a later stage ran out of time: the main objective stands
            if not search.stopped_early:
                return None
            if first is None:
                raise SolverFailed("the time limit came before any plan was found; give more with --time-limit")
            found = first
        best = found
        reached = stage_value(problem, stage, found)
        if index == 0:
            value, bound = reached, reached
            if search.stopped_early:
                bound = _bound(problem, stage, search.bound)
                break
        fixed.append((stage, reached))
        if ties and stage.measure is not None and _only_one(search, stage, fixed, found):
            break  # nothing to break ties between
    if best is None:
        return None
    return replace(best, objective=value, bound=bound, optimal=not search.stopped_early)


# -- bounds ------------------------------------------------------------------------------------------------------
SCOUTED_GAP = 0.002  # relative


def _bound(problem: Problem, stage: Stage, known: float | None) -> float:
    """What no plan betters: the solver's bound; where it has none yet, what each work could reach alone, or nothing."""
    if known is not None and math.isfinite(known):
        return known
    if stage.name != "performance":
        return 0.0
    works = [w for w in problem.works if w.maximise] or [w for w in problem.works if w.target is not None]
    return min(performance_scale(problem, w) / (w.target or problem.alone.get(w.name, 0) or 1.0) for w in works)


FEW = 8  # options per work and order of the first, small program
_MEASURES: dict[str, Measure] = {"power": lambda load: load.watts, "nodes": lambda load: load.nodes}


def _within_reach(problem: Problem, packer: Packer, threads: int | None) -> tuple[Problem, Solution | None]:
    """Drop options that cannot be in an optimum because a plan from a few good options is already better; that plan.

    A plan with option o costs at least the cheapest use of o plus the cheapest way to do everything else; where that
    exceeds a plan already found, o is out. For maximised work, and where the smallest share of what was asked counts,
    an option below a rate already reached is out.
    """
    if len(problem.options) <= 6 * FEW:
        return problem, None
    stage = stages(problem)[0]
    if stage.name == "performance" and sum(w.maximise for w in problem.works) > 1:
        return problem, None
    measure = stages(problem)[1].measure if stage.measure is None else stage.measure
    assert measure is not None
    few = _few(problem, measure)
    small = replace(problem, options=tuple(o for o in problem.options if o.id in few))
    first = _checked(Search(small, packer, threads), stage, [], None)
    if first is None:
        return problem, None
    if stage.measure is None:
        options = _within_limits(problem, _above(problem, first))
    else:
        options = _not_above(problem, stage.measure, stage.measure(first.total))
    return _with_sizes(replace(problem, options=tuple(options))), first


def _few(problem: Problem, measure: Measure) -> set[str]:
    """Ids of a few options per work that a good plan is likely to be made from."""
    possible = replace(problem, options=tuple(o for o in problem.options if _possible(problem, o)))
    few: set[str] = set()
    for options in _by_work(possible).values():
        # Cheap ones, frugal ones and small ones: whichever limit bites, some of them get past it.
        for order in (measure, _MEASURES["power"], _MEASURES["nodes"]):
            options.sort(key=lambda o: _promise(problem, o, order))
            few |= {o.id for o in options[:FEW]}
    return few


def scouted(problem: Problem, packer: Packer, whole: frozenset[str]) -> Solution | None:
    """A plan near the best: made of all options of the works in `whole` and a few of every other work.

    What it reaches, or costs, bounds the best plan, however far from it.
    """
    stage, then = stages(problem)[:2]
    measure = stage.measure or then.measure
    assert measure is not None
    few = _few(problem, measure)
    small = replace(problem, options=tuple(o for o in problem.options if o.work in whole or o.id in few))
    for some in (small, problem):
        found = _checked(Search(some, packer, gap=SCOUTED_GAP), stage, [], None)
        if found is not None:
            return found
    return None


def _possible(problem: Problem, option: Option) -> bool:
    """Whether an option fits the room and the limits when it serves its work alone."""
    work = next((w for w in problem.works if w.name == option.work), None)
    load = option.fixed + option.unit.times(_needed(option, work))
    if any(not fit_in_rack(s, problem.room) for s in load.shapes):
        return False
    energy = problem.energy_cents_per_watt_year
    return all(limit_measure(n, energy)(load) <= have for n, have in problem.limits.items() if n != "racks")


def _needed(option: Option, work: Work | None) -> int:
    """Units with which an option serves its work alone, within its range."""
    if work is None or work.target is None or not option.linear or option.rate <= 0:
        return option.low
    return min(option.high, max(option.low, math.ceil(work.target / option.rate)))


def _by_work(problem: Problem) -> dict[str, list[Option]]:
    found: dict[str, list[Option]] = {}
    for option in problem.options:
        found.setdefault(option.work, []).append(option)
    return found


def _promise(problem: Problem, option: Option, measure: Measure) -> tuple[float, str]:
    """Order of options for the small program: cheap for what they do; for maximised work, much for the money."""
    work = next((w for w in problem.works if w.name == option.work), None)
    if work is not None and (work.maximise or problem.performance_first):
        return (-option.rate / max(1.0, measure(option.fixed + option.unit)), option.id)
    return (_least_cost(option, work, measure, 0.0), option.id)


def _least_cost(option: Option, work: Work | None, measure: Measure, ratio: float) -> float:
    """The least that serving a work costs when this option is used at all; `ratio` is the cheapest cost per rate."""
    fixed, unit = measure(option.fixed), measure(option.unit)
    if work is None or work.target is None or not option.linear or option.rate <= 0:
        return fixed + unit * option.low
    counts = {option.low, option.high, _needed(option, work)}
    return min(fixed + n * unit + max(0.0, work.target - n * option.rate) * ratio for n in counts)


def _not_above(problem: Problem, measure: Measure, best: float) -> list[Option]:
    """Options whose cheapest plan is no worse than one already found."""
    works = {w.name: w for w in problem.works}
    least: dict[str, float] = {}
    ratios: dict[str, float] = {}
    for name, options in _by_work(problem).items():
        rated = [measure(o.unit) / o.rate for o in options if o.linear and o.rate > 0]
        ratios[name] = min(rated, default=0.0)
        least[name] = min(_least_cost(o, works.get(name), measure, ratios[name]) for o in options)
    everything = sum(least.values())
    kept = []
    for option in problem.options:
        own = _least_cost(option, works.get(option.work), measure, ratios[option.work])
        if everything - least[option.work] + own <= best * (1 + 1e-9) + 1:
            kept.append(option)
    return kept


def _above(problem: Problem, first: Solution) -> list[Option]:
    """Options of one count that fall short of a rate already reached are out: of the maximised work, else of any."""
    maximised = next((w for w in problem.works if w.maximise), None)
    if maximised is not None:
        floors = {maximised.name: delivered(problem, maximised.name, first)}
    else:
        share = performance(problem, first)
        floors = {w.name: share * w.target for w in problem.works if w.target is not None}
    return [o for o in problem.options if o.linear or o.rate >= floors.get(o.work, 0.0) * (1 - 1e-9)]


def _within_limits(problem: Problem, options: list[Option]) -> list[Option]:
    """Options that leave room in every limit for the least that each other work on one kind of node takes."""
    whole = {w.name for w in problem.works if w.mode == "one"}
    named = [
        (limit_measure(n, problem.energy_cents_per_watt_year), h) for n, h in problem.limits.items() if n != "racks"
    ]
    racks = {n: h for n, h in problem.limits.items() if n == "racks"}  # by what each thing fills of one
    for measure, have in (*named, *zip(*measures(racks, problem.room), strict=True)):
        least: dict[str, float] = {}
        for option in options:
            if option.work in whole:
                cost = measure(option.fixed) + measure(option.unit) * option.low
                least[option.work] = min(cost, least.get(option.work, cost))
        everything = sum(least.values())
        options = [
            o
            for o in options
            if everything - least.get(o.work, 0.0) + measure(o.fixed) + measure(o.unit) * o.low <= have * (1 + 1e-9) + 1
        ]
    return options


def _with_sizes(problem: Problem) -> Problem:
    """Of joint compute fabrics only the sizes that pools of these options can make together."""
    reachable: dict[str, set[tuple[int, int]]] = {}
    for network in problem.joint_networks:
        sums = {(0, 0)}
        for options in _by_work(problem).values():
            plugged = (o.fixed.endpoints for o in options if o.network == network)
            steps = {(e[network], e[node_ports(network)]) for e in plugged}
            sums |= {(ports + more, nodes + others) for ports, nodes in sums for more, others in steps}
        reachable[network] = sums
    return replace(
        problem,
        shared=tuple(
            s
            for s in problem.shared
            if s.joint is None or any(s.high == p and s.joint.nodes in (0, n) for p, n in reachable[s.network])
        ),
    )


def stages(problem: Problem) -> list[Stage]:
    """The lexicographic order of objectives: performance first where asked, the objective, then the tie-breaks."""
    capital = Stage("capital", lambda load: load.capital)
    power = Stage("power", lambda load: load.watts)
    main = {
        "lowest_capex": capital,
        "highest_performance": capital,
        "lowest_power": power,
        "lowest_tco": Stage("tco", tco_measure(problem)),
    }[problem.objective]
    order = [Stage("performance", None)] if problem.performance_first else []
    order.append(main)
    order += [s for s in (capital, power, Stage("nodes", lambda load: load.nodes)) if s.name != main.name]
    return [*order, Stage("ids", None)]


def tco_measure(problem: Problem) -> Measure:
    """Cents over the years: capital with tax + years × (yearly + energy of the typical draw)."""
    with_tax = (1 + problem.tax_percent / 100) / problem.capital_scale
    years, energy = problem.tco_years, problem.energy_cents_per_watt_year
    return lambda load: load.capital * with_tax + years * (load.yearly + energy * load.typical_watts)


def stage_value(problem: Problem, stage: Stage, solution: Solution) -> float:
    """The exact value of a stage's objective for a checked solution."""
    if stage.name == "performance":
        return performance(problem, solution)
    if stage.measure is None:
        return _id_order(problem, solution)
    return stage.measure(solution.total)


def performance(problem: Problem, solution: Solution) -> float:
    """The smallest share: of what was asked, or, for maximised work, of `alone` (else of its best single option)."""
    maximised = [w for w in problem.works if w.maximise]
    shares = []
    for work in maximised or [w for w in problem.works if w.target is not None]:
        scale = work.target or problem.alone.get(work.name) or performance_scale(problem, work)
        shares.append(delivered(problem, work.name, solution) / scale)
    return min(shares, default=0.0)


def delivered(problem: Problem, work: str, solution: Solution) -> float:
    """Rate that a solution gives to a work, in its own unit."""
    rate = 0.0
    for option in problem.options:
        count = solution.units.get(option.id, 0)
        if not count:
            continue
        if option.tenants:
            rate += sum(
                tenant.rate * solution.tenants.get((option.id, t), 0)
                for t, tenant in enumerate(option.tenants)
                if tenant.work == work
            )
        elif option.work == work:
            rate += option.rate * (count if option.linear else 1)
    return rate


def least(problem: Problem, packer: Packer, stage: Stage, clock: Clock | None = None) -> Solution | None:
    """One checked solution that minimises one stage; None when there is none. For explanations.

    TimeIsUp where the clock stops the search: what was found by then is no proven amount.
    """
    search = Search(problem, packer, clock=clock or Clock(None))
    if search.clock.up:
        raise TimeIsUp("the time limit is up")
    found = _checked(search, stage, [], None)
    if search.stopped_early:
        raise TimeIsUp("the time limit is up")
    return found


# -- one stage ---------------------------------------------------------------------------------------------------
def _optimum(search: Search, stage: Stage, fixed: list[tuple[Stage, float]]) -> Solution | None:
    """Solve one stage and prove it: after an answer, ask for one step better until there is none."""
    best = _checked(search, stage, fixed, None)
    if best is None or search.stopped_early or stage.measure is None or stage.name not in ("capital", "power"):
        return best
    if fixed and fixed[0][0].name != "performance":
        return best  # tie-breaks need no certificate
    while not _proven(search, stage, best):
        better = _checked(search, stage, fixed, stage_value(search.problem, stage, best) - stage.step)
        if better is None or search.stopped_early:
            return best
        if stage_value(search.problem, stage, better) >= stage_value(search.problem, stage, best):
            return best  # the solver's float noise; exactly, nothing better was found
        best = better
    return best


def _proven(search: Search, stage: Stage, best: Solution) -> bool:
    """Whether the bound with which the solver ended leaves no room for a plan one step better than the exact value."""
    return search.proof is not None and search.proof > stage_value(search.problem, stage, best) - 0.5 * stage.step


def _only_one(search: Search, stage: Stage, fixed: list[tuple[Stage, float]], found: Solution) -> bool:
    """Whether no other choice reaches the optima held so far: most programs have one best plan, and one look shows it.

    Where replicas share cards, equal plans differ in where replicas stand; their order is settled by the stages.
    """
    if search.stopped_early or any(o.tenants for o in search.problem.options):
        return False
    return _checked(search, stage, fixed, None, other_than=found) is None and not search.stopped_early


def _checked(
    search: Search,
    stage: Stage,
    fixed: list[tuple[Stage, float]],
    at_most: float | None,
    other_than: Solution | None = None,
) -> Solution | None:
    """Solve until the rounded answer passes every exact check."""
    problem = search.problem
    for _ in range(MAX_ROUNDS):
        limits = {name: have - search.tightened.get(name, 0) for name, have in problem.limits.items()}
        model = formulate(replace(problem, limits=limits), search.cuts)
        for k, (earlier, value) in enumerate(fixed):
            _hold(model, earlier, value, k)
        _objective(model, stage, at_most)
        if other_than is not None:
            differs(model, other_than)
        if not _run(search, model):
            return None
        answer = _read(model)
        needed = search.packer(_standing(answer.total), problem.room)
        if needed is None:
            raise SolverFailed("something was chosen that fits no rack; it should have been rejected before")
        if needed > answer.racks:
            found = rule(problem, answer)
            if found is not None:
                problem.rules.setdefault(problem.room, []).append(found)
            search.cuts.append(found or learnt(problem, answer, needed, search.packer))
            continue
        answer = replace(answer, racks=needed, total=_total(problem, answer, needed))
        broken = exceeded(problem, answer)
        if not broken:
            return answer
        for name, excess in broken.items():
            search.tightened[name] = search.tightened.get(name, 0) + excess
    raise SolverFailed(f"no consistent answer after {MAX_ROUNDS} rounds")


def exceeded(problem: Problem, solution: Solution) -> dict[str, int]:
    """Limits that a solution exceeds in exact whole numbers, with the excess (rounded up)."""
    broken = {}
    for name, have in problem.limits.items():
        if name == "racks":
            used: float = solution.racks + solution.own_racks
        else:
            used = limit_measure(name, problem.energy_cents_per_watt_year)(solution.total)
        if used > have:
            broken[name] = int(-(-(used - have) // 1))
    return broken


def _hold(model: Model, stage: Stage, value: float, index: int) -> None:
    """Keep an earlier stage at its optimum; half a step of slack for whole-number objectives."""
    if stage.name == "performance" and model.performance is not None:
        model.lp += model.performance >= value * (1 - 1e-9), f"hold_{index}_performance"
    elif stage.measure is not None:
        model.lp += model.total(stage.measure) <= value + 0.49, f"hold_{index}_{stage.name}"


def _objective(model: Model, stage: Stage, at_most: float | None) -> None:
    if stage.name == "performance" and model.performance is not None:
        model.lp.sense = pulp.LpMaximize
        model.lp.setObjective(1 * model.performance)
        return
    if stage.build is not None:
        model.lp.setObjective(stage.build(model))
        return
    if stage.measure is None:
        order = {o.id: k + 1 for k, o in enumerate(sorted(model.problem.options, key=lambda o: o.id))}
        order |= {s.id: k + 1 for k, s in enumerate(sorted(model.problem.shared, key=lambda s: s.id))}
        expression = pulp.lpSum(order[i] * v for i, v in (*model.use.items(), *model.pick.items()))
        tenants = pulp.lpSum((k + 1) * v for k, v in enumerate(model.tenant.values()))
        model.lp.setObjective(expression + 0.001 * tenants)
        return
    total = model.total(stage.measure)
    model.lp.setObjective(total)
    if at_most is not None:
        model.lp += total <= at_most, "at_most"


def _id_order(problem: Problem, solution: Solution) -> float:
    ids = sorted(o.id for o in problem.options)
    return float(sum(ids.index(i) + 1 for i, n in solution.units.items() if n))


def _run(search: Search, model: Model) -> bool:
    """Run HiGHS; True when there is an answer to read, False when there is none."""
    status = pulp.LpSolveStatus
    stats = highs.run(model.lp, threads=search.threads, time_limit=search.clock.left(), gap=search.gap)
    search.solves += 1
    search.proof = stats.best_bound if stats.status == status.Optimal else None
    if stats.status == status.Optimal:
        return True
    if stats.status == status.Infeasible:
        return False
    if stats.status == status.TimeLimit:
        search.stopped_early = True
        search.bound = stats.best_bound
        return bool(stats.has_solution)
    if stats.status in (status.Undefined, status.Unbounded):
        # HiGHS may say "unbounded or infeasible"; every variable here is bounded by a row, so it is infeasible.
        return False
    raise SolverFailed(f"the solver stopped with status {stats.status.name}")


def _read(model: Model) -> Solution:
    """Whole numbers from the solver's floats."""
    problem = model.problem
    chosen = {i for i, v in model.use.items() if round(v.varValue or 0) == 1}
    units = {}
    for option in problem.options:
        if option.id in chosen:
            variable = model.units.get(option.id)
            units[option.id] = option.low if variable is None else round(variable.varValue or 0)
    tenants = {key: round(v.varValue or 0) for key, v in model.tenant.items() if key[0] in chosen}
    shared = {s: round(model.driver[s].varValue or 0) for s, v in model.pick.items() if round(v.varValue or 0) == 1}
    racks = round(model.racks.varValue or 0)
    answer = Solution(units, tenants, shared, racks, 0, Load(), 0.0, 0.0, True)
    total = _total(problem, answer, racks)
    return replace(answer, total=total, own_racks=sum(n for s, n in total.shapes.items() if s.own_rack))


def _total(problem: Problem, answer: Solution, racks: int) -> Load:
    return total_load(problem, dict(answer.units), dict(answer.shared), racks)


def _standing(total: Load) -> dict[Shape, int]:
    return {s: n for s, n in total.shapes.items() if n and not s.own_rack}
