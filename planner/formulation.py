"""The mixed-integer program: one function per constraint, its formula in the docstring.

Variables (title, unit):
  use[o]        option o is in the plan, 0 or 1
  units[o]      units of option o, whole; only where the option has a count range
  tenant[o,t]   replicas of shared work t on pool o, whole
  pick[s]       shared option s is chosen, 0 or 1
  driver[s]     endpoints (or nodes) that shared option s serves, whole; brackets of one network whose driver costs the
                same per unit have one variable between them, as at most one of them is picked
  steps[s]      equal pieces of shared option s, whole; only where it is built from such; one variable where one driver
  racks         cabinets bought, whole
  performance   the smallest delivered share, continuous; only for highest_performance
Every row and objective is a sum over (variable, Load) pairs, so an item cannot cost money without using power and room.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import pulp

from planner.bundles import STORAGE_SYSTEM
from planner.model import Load, Option, Problem, RoomLimits, Shape, SharedOption, Solution, Work, node_ports
from planner.parts import NodeBuild
from planner.rackcuts import RackCut, RackWorth, as_large_options, as_large_shared, as_large_units

# An attribute of Load turned into a coefficient.
Measure = Callable[[Load], float]


@dataclass
class Model:
    """A PuLP problem with its variables by name."""

    problem: Problem
    lp: pulp.LpProblem
    racks: pulp.LpVariable
    use: dict[str, pulp.LpVariable] = field(default_factory=dict)
    units: dict[str, pulp.LpVariable] = field(default_factory=dict)
    tenant: dict[tuple[str, int], pulp.LpVariable] = field(default_factory=dict)
    pick: dict[str, pulp.LpVariable] = field(default_factory=dict)
    driver: dict[str, pulp.LpVariable] = field(default_factory=dict)
    steps: dict[str, pulp.LpVariable] = field(default_factory=dict)
    performance: pulp.LpVariable | None = None
    terms: list[tuple[pulp.LpVariable, Load]] = field(default_factory=list)

    def total(self, measure: Measure) -> pulp.LpAffineExpression:
        """The sum of a measure over everything in the plan, constants included."""
        pairs = [(v, float(c)) for v, load in self.terms if (c := measure(load))]
        return pulp.lpSum_vars_coefs(pairs) + measure(self.problem.constant)

    def counts(self, own_rack: bool = False) -> dict[Shape, pulp.LpAffineExpression]:
        """How many of each shape the plan holds, of those in bought racks or of those that bring their own."""
        pairs: dict[Shape, list[tuple[pulp.LpVariable, float]]] = {}
        for variable, load in self.terms:
            for shape, number in load.shapes.items():
                if number and shape.own_rack == own_rack:
                    pairs.setdefault(shape, []).append((variable, float(number)))
        constant = self.problem.constant.shapes
        found = {s: pulp.lpSum_vars_coefs(p) + constant.get(s, 0) for s, p in sorted(pairs.items())}
        return found | {s: pulp.lpSum([n]) for s, n in constant.items() if s not in found and s.own_rack == own_rack}


def _name(prefix: str, index: int, text: str) -> str:
    return f"{prefix}_{index}_{re.sub(r'[^A-Za-z0-9]+', '_', text)}"[:120]


def formulate(problem: Problem, cuts: Sequence[RackCut | RackWorth] = ()) -> Model:
    """Build the program; the objective is set by `planner.solve`. `cuts` are rack facts learnt so far."""
    lp = pulp.LpProblem("plan", pulp.LpMinimize)
    model = Model(problem, lp, lp.add_variable("racks", 0, None, "Integer"))
    _variables(model)
    for constraint in CONSTRAINTS:
        constraint(model)
    for index, cut in enumerate(cuts):
        if isinstance(cut, RackWorth):
            rack_worth(model, cut, index)
        else:
            rack_packing(model, cut, index)
    return model


def _variables(model: Model) -> None:
    lp, problem = model.lp, model.problem
    for choices in (problem.options, problem.shared):
        twice = len(choices) - len({choice.id for choice in choices})
        assert not twice, f"{twice} choices share an id: their rows would count one variable twice"
    for i, option in enumerate(problem.options):
        use = lp.add_variable(_name("use", i, option.id), cat="Binary")
        model.use[option.id] = use
        if _fixed_count(option):
            model.terms.append((use, option.fixed + option.unit.times(option.low)))
        else:
            units = lp.add_variable(_name("units", i, option.id), 0, option.high, "Integer")
            model.units[option.id] = units
            model.terms += [(use, option.fixed), (units, option.unit)]
        for t, tenant in enumerate(option.tenants):
            most = option.high * option.cards // tenant.cards
            model.tenant[option.id, t] = lp.add_variable(_name(f"tenant_{t}", i, tenant.work), 0, most, "Integer")
    for i, shared in enumerate(problem.shared):
        model.pick[shared.id] = lp.add_variable(_name("pick", i, shared.id), cat="Binary")
        model.terms.append((model.pick[shared.id], shared.fixed))
    for i, (_, members) in enumerate(_grouped(problem.shared, _driver_group).items()):
        high = max(s.high for s in members)
        driver = lp.add_variable(_name("driver", i, members[0].network), 0, high, "Integer")
        model.driver |= {s.id: driver for s in members}
        model.terms.append((driver, members[0].unit))
        if members[0].per_step:
            most = max(s.steps(s.high) for s in members)
            steps = lp.add_variable(_name("steps", i, members[0].network), 0, most, "Integer")
            model.steps |= {s.id: steps for s in members}
            model.terms.append((steps, members[0].step))
    model.terms.append((model.racks, problem.rack))
    if problem.performance_first:
        model.performance = lp.add_variable("performance", 0)


def _fixed_count(option: Option) -> bool:
    return option.low == option.high


def _count(model: Model, option: Option) -> pulp.LpAffineExpression:
    """Units of an option as an expression: its variable, or use × its one count."""
    if _fixed_count(option):
        return option.low * model.use[option.id]
    return 1 * model.units[option.id]


def _delivered(model: Model, work: Work) -> pulp.LpAffineExpression:
    """Rate that the plan gives a work: Σ rate·units (linear), Σ rate·use (one count), Σ rate·tenant (shared)."""
    parts: list[pulp.LpAffineExpression] = []
    for option in model.problem.options:
        if work.mode == "shared":
            parts += [
                tenant.rate * model.tenant[option.id, t]
                for t, tenant in enumerate(option.tenants)
                if tenant.work == work.name
            ]
        elif option.work == work.name:
            parts.append(option.rate * (_count(model, option) if option.linear else model.use[option.id]))
    return pulp.lpSum(parts)


# -- constraints -----------------------------------------------------------------------------------------------------
def one_option(model: Model) -> None:
    """one_option[w]: Σ use[o] = 1 over the options o of w, for work that runs on one kind of node."""
    for work in model.problem.works:
        if work.mode == "one":
            options = [model.use[o.id] for o in model.problem.options if o.work == work.name]
            model.lp += pulp.lpSum(options) == 1, f"one_option_{_safe(work.name)}"


def demand(model: Model) -> None:
    """demand[w]: Σ rate[o]·units[o] ≥ target[w] (tenants for shared work); a relative 1e-9 absorbs float noise.

    With highest_performance and nothing to maximise, the target is asked times `performance` instead.
    """
    free = model.performance is not None and not any(w.maximise for w in model.problem.works)
    for work in model.problem.works:
        if work.target is None:
            continue
        delivered = _delivered(model, work) * (1.0 / work.target)
        if free and model.performance is not None:
            model.lp += delivered - model.performance >= 0, f"demand_{_safe(work.name)}"
        else:
            model.lp += delivered >= 1 - 1e-9, f"demand_{_safe(work.name)}"


def served(model: Model) -> None:
    """served[w]: Σ use[o] ≥ 1 (Σ tenant[o,t] ≥ 1 for shared work) for work that may mix and gets what it can get.

    Without it a limit that lets in not one node would be met by a plan that leaves the work out.
    """
    free = model.performance is not None and not any(w.maximise for w in model.problem.works)
    for work in model.problem.works:
        if work.mode == "one" or not (free or work.maximise):
            continue
        if work.mode == "mix":
            ways = [model.use[o.id] for o in model.problem.options if o.work == work.name]
        else:
            ways = [
                model.tenant[o.id, t]
                for o in model.problem.options
                for t, tenant in enumerate(o.tenants)
                if tenant.work == work.name
            ]
        model.lp += pulp.lpSum(ways) >= 1, f"served_{_safe(work.name)}"


def tenant_cards(model: Model) -> None:
    """tenant_cards[o]: Σ cards[t]·tenant[o,t] ≤ cards per unit × units[o], card by card."""
    for i, option in enumerate(model.problem.options):
        if option.tenants:
            used = pulp.lpSum(t.cards * model.tenant[option.id, k] for k, t in enumerate(option.tenants))
            model.lp += used - option.cards * _count(model, option) <= 0, f"tenant_cards_{i}"


def count_bracket(model: Model) -> None:
    """count_bracket[o]: low[o]·use[o] ≤ units[o] ≤ high[o]·use[o]."""
    for i, option in enumerate(model.problem.options):
        if option.id in model.units:
            units, use = model.units[option.id], model.use[option.id]
            model.lp += units - option.low * use >= 0, f"count_bracket_low_{i}"
            model.lp += units - option.high * use <= 0, f"count_bracket_high_{i}"


def one_bracket(model: Model) -> None:
    """one_bracket[d]: Σ use[o] ≤ 1 over the brackets o of one design d: a pool has one fabric."""
    for key, options in _grouped(model.problem.options, lambda o: f"{o.work}:{o.design_key}").items():
        if len(options) > 1:
            model.lp += pulp.lpSum(model.use[o.id] for o in options) <= 1, f"one_bracket_{_safe(key)}"


def shared_bracket(model: Model) -> None:
    """shared_bracket[g]: Σ low[s]·pick[s] ≤ driver[g] ≤ Σ high[s]·pick[s] over the brackets s of one driver g.

    one_shared[n]: Σ pick[s] = 1 per network n.
    """
    for i, members in enumerate(_grouped(model.problem.shared, _driver_group).values()):
        driver = model.driver[members[0].id]
        low = pulp.lpSum(s.low * model.pick[s.id] for s in members)
        high = pulp.lpSum(s.high * model.pick[s.id] for s in members)
        model.lp += driver - low >= 0, f"shared_bracket_low_{i}"
        model.lp += driver - high <= 0, f"shared_bracket_high_{i}"
    for network, options in _grouped(model.problem.shared, lambda s: s.network).items():
        model.lp += pulp.lpSum(model.pick[s.id] for s in options) == 1, f"one_shared_{_safe(network)}"


def shared_step(model: Model) -> None:
    """shared_step[s]: driver[s] ≤ per_step[s]·steps[s] ≤ driver[s] + per_step[s] − 1: steps = ⌈driver ÷ per_step⌉."""
    stepped = [s for s in model.problem.shared if s.per_step]
    for i, (shared, *_) in enumerate(_grouped(stepped, _driver_group).values()):
        room = shared.per_step * model.steps[shared.id] - model.driver[shared.id]
        model.lp += room >= 0, f"shared_step_low_{i}"
        model.lp += room <= shared.per_step - 1, f"shared_step_high_{i}"


def network_endpoints(model: Model) -> None:
    """network_endpoints[n]: Σ driver[s] over brackets s of n = endpoints that everything in the plan plugs into n."""
    for network, options in _grouped(model.problem.shared, lambda s: s.network).items():
        drivers = pulp.lpSum(model.driver[m[0].id] for m in _grouped(options, _driver_group).values())
        plugged = model.total(_endpoints(network))
        model.lp += drivers - plugged == 0, f"network_endpoints_{_safe(network)}"


def joint_nodes(model: Model) -> None:
    """joint_nodes[n]: Σ nodes plugged into joint fabric n = Σ nodes[s]·pick[s]: fabric managers go by nodes.

    A size of a joint fabric stands for one sum of ports and one of nodes; ports are held by network_endpoints. A
    rail-optimized tree has equal ports per node and needs no such row.
    """
    for network in model.problem.joint_networks:
        sizes = [s for s in model.problem.shared if s.network == network and s.joint is not None]
        if not any(s.joint.rails for s in sizes if s.joint is not None):
            built = pulp.lpSum(s.joint.nodes * model.pick[s.id] for s in sizes if s.joint is not None)
            plugged = model.total(_endpoints(node_ports(network)))
            model.lp += built - plugged == 0, f"joint_nodes_{_safe(network)}"


def joint_layout(model: Model) -> None:
    """joint_layout[n,w]: Σ use[o] of rail-optimized pools of w on plain fabric n ≤ Σ pick[s] of single switches.

    On one switch every layout is the same; in a plain tree a rail-optimized pool would lose its rails.
    """
    for network in model.problem.joint_networks:
        sizes = [s for s in model.problem.shared if s.network == network and s.joint is not None]
        if any(s.joint.rails for s in sizes if s.joint is not None):
            continue
        single = pulp.lpSum(model.pick[s.id] for s in sizes if s.joint is not None and s.joint.direct)
        railed = [o for o in model.problem.options if o.network == network and o.topology == "rail"]
        for work, options in _grouped(railed, lambda o: o.work).items():
            used = pulp.lpSum(model.use[o.id] for o in options)
            model.lp += used - single <= 0, f"joint_layout_{_safe(network)}_{_safe(work)}"


def one_fabric(model: Model) -> None:
    """one_fabric: Σ pick[s] over sizes of joint fabrics that have ports ≤ 1, where all pools must stand on one."""
    built = [s for s in model.problem.shared if s.joint is not None and s.high]
    if model.problem.one_fabric and built:
        model.lp += pulp.lpSum(model.pick[s.id] for s in built) <= 1, "one_fabric"


def together(model: Model) -> None:
    """together[g]: Σ pick[s] over the options of tag g in one network = the same sum in each other network of g.

    A tag `a/b` belongs to g = `a` and to g = `a/b`: the one switch of a small site serves both of its networks.
    """
    tags = {tag for s in model.problem.shared for tag in _tags(s.together)}
    for tag in sorted(tags):
        options = [s for s in model.problem.shared if tag in _tags(s.together)]
        per_network = list(_grouped(options, lambda s: s.network).values())
        for k, members in enumerate(per_network[1:]):
            first = pulp.lpSum(model.pick[s.id] for s in per_network[0])
            model.lp += first - pulp.lpSum(model.pick[s.id] for s in members) == 0, f"together_{_safe(tag)}_{k}"


def storage_speed(model: Model) -> None:
    """storage_speed[d,g]: a storage network runs as fast as the slowest port on it, and carries what one node needs.

    Σ use[o] over the options of a design d (of work that runs on one kind of node: over all) that a network of g Gbit/s
    does not suit + Σ pick[s] over networks at g ≤ 1. `storage_speed_slowest[g]`: Σ pick[s] over networks at g ≤
    Σ pick[s] over systems with such ports + Σ use[o] over options that bring them.
    """
    problem = model.problem
    stored = [o for o in problem.options if o.node.storage_ports]
    networks = [s for s in problem.shared if s.network == "storage"]
    one = {w.name for w in problem.works if w.mode == "one"}
    designs = _grouped(stored, lambda o: o.work if o.work in one else f"{o.work}:{o.design_key}")
    systems = [s for s in problem.shared if s.network == STORAGE_SYSTEM]
    for gbps in sorted({s.gbps for s in networks if s.gbps is not None}):
        built = pulp.lpSum(model.pick[s.id] for s in networks if s.gbps == gbps)
        for i, options in enumerate(designs.values()):
            others = [model.use[o.id] for o in options if not storage_suits(problem, o.node, gbps)]
            if others:
                model.lp += pulp.lpSum(others) + built <= 1, f"storage_speed_{i}_{gbps:g}"
        if any(o.node.storage_gbps != gbps for o in stored):
            ports = pulp.lpSum(model.pick[s.id] for s in systems if s.gbps == s.port_gbps == gbps)
            brought = pulp.lpSum(model.use[o.id] for o in stored if o.node.storage_gbps == gbps)
            model.lp += built - ports - brought <= 0, f"storage_speed_slowest_{gbps:g}"


def storage_suits(problem: Problem, node: NodeBuild, gbps: float) -> bool:
    """Whether storage ports of a node run at a speed: no faster than made for, and carrying what one node needs."""
    carried = gbps * node.storage_ports / node.fabric_units / 8
    return gbps == node.storage_gbps or (gbps < node.storage_gbps and carried >= problem.node_storage_gb_per_s)


def _tags(together: str | None) -> tuple[str, ...]:
    """A tag and the wider ones that it is part of: `a/b` is in `a` and in `a/b`; several tags stand apart."""
    words = () if together is None else together.split()
    return tuple(tag for word in words for tag in itertools.accumulate(word.split("/"), "{}/{}".format))


MEASURES: dict[str, Measure] = {
    "capital_budget": lambda load: load.capital,
    "yearly_budget": lambda load: load.yearly,
    "site_power": lambda load: load.watts,
}


def limit_rows(model: Model) -> None:
    """capital_budget, yearly_budget (cents), site_power (W), supply:PART (pieces): Σ use of the limit ≤ what there is.

    The yearly budget counts energy at the yearly price of a watt.
    """
    energy = model.problem.energy_cents_per_watt_year
    for name, have in model.problem.limits.items():
        if name == "racks":
            continue
        measure = limit_measure(name, energy)
        model.lp += model.total(measure) <= have, _safe(name)


def limit_measure(name: str, energy_cents_per_watt_year: float) -> Measure:
    """How a Load counts against a named limit."""
    if name.startswith("supply:"):
        part = name.removeprefix("supply:")
        return lambda load: load.supply.get(part, 0)
    if name == "yearly_budget":
        return lambda load: load.yearly + energy_cents_per_watt_year * load.typical_watts
    return MEASURES[name]


def rack_totals(model: Model) -> None:
    """rack_units, rack_power, rack_weight, rack_air, rack_liquid: Σ over racked things ≤ racks × what one rack takes.

    Necessary, not enough. Air and liquid are watts of heat, where the room says what it gives away by each.
    """
    for name, have, size in _axes(model.problem.room):
        if have is not None:
            model.lp += model.total(_racked(size)) - have * model.racks <= 0, f"rack_{name}_total"


def rack_shapes(model: Model) -> None:
    """rack_shape[i]: count[i] ≤ fit[i] × racks; rack_large[a]: Σ count of shapes above half a rack in a ≤ racks.

    Two things that each need more than half of the same resource a (units, watts, grams) never share a rack. Of which
    one alone fits is not enough: a tall, frugal thing and a flat, hungry one do share. rack_own[i]: count[i] ≤ 0 for a
    system that brings its own rack and needs more than the room gives one.
    """
    for i, (shape, count) in enumerate(model.counts(own_rack=True).items()):
        if not fit_in_rack(shape, model.problem.room):
            model.lp += count <= 0, f"rack_own_{i}"
    counts = model.counts()
    for i, (shape, count) in enumerate(counts.items()):
        model.lp += count - fit_in_rack(shape, model.problem.room) * model.racks <= 0, f"rack_shape_{i}"
    for name, have, size in _axes(model.problem.room):
        large = [count for shape, count in counts.items() if have is not None and 2 * size(shape) > have]
        if len(large) > 1:
            model.lp += pulp.lpSum(large) - model.racks <= 0, f"rack_large_{name}"


def rack_limit(model: Model) -> None:
    """racks: cabinets bought + systems that bring their own rack ≤ racks of the room."""
    have = model.problem.limits.get("racks")
    if have is not None:
        own = model.total(lambda load: sum(n for s, n in load.shapes.items() if s.own_rack))
        model.lp += own + model.racks <= have, "racks"


def performance_share(model: Model) -> None:
    """performance: delivered of the maximised work, in units of its best single option, ≥ performance."""
    if model.performance is None:
        return
    for work in model.problem.works:
        if work.maximise:
            scale = model.problem.alone.get(work.name) or performance_scale(model.problem, work)
            model.lp += (
                _delivered(model, work) * (1.0 / scale) - model.performance >= 0,
                (f"performance_{_safe(work.name)}"),
            )


def rack_packing(model: Model, cut: RackCut, index: int) -> None:
    """rack_packing[k]: racks ≥ packed[k] × (1 − Σ (1 − holds)) where holds marks each choice of k that is still made.

    Packing more, or larger things, never takes fewer racks, so the row is valid for every plan and whatever fills as
    much of a rack holds in the place of a choice; it was learnt from an exact packing.
    """
    problem = model.problem
    options, shared = {o.id: o for o in problem.options}, {s.id: s for s in problem.shared}
    modes = {w.name: w.mode for w in problem.works}
    missing: list[pulp.LpAffineExpression] = []
    counted: list[tuple[pulp.LpAffineExpression, int, int]] = []
    placed = {name for name, _ in cut.units}  # nothing holds two places at once
    for name, count in cut.units:
        if name in model.units:
            alike = [o for o in as_large_units(problem, options[name]) if o.id == name or o.id not in placed]
            placed |= {o.id for o in alike}
            counted.append((pulp.lpSum(model.units[o.id] for o in alike), count, sum(o.high for o in alike)))
        elif modes.get(options[name].work) == "one":
            missing.append(1 - pulp.lpSum(model.use[o.id] for o in as_large_options(problem, options[name])))
        else:
            missing.append(1 - model.use[name])
    for s, n in cut.pieces:
        same = [o for o in problem.shared if o.per_step and model.steps[o.id] is model.steps[s]]  # one variable
        counted.append((1 * model.steps[s], n, max(o.steps(o.high) for o in same)))
    for k, (held, count, high) in enumerate(counted):
        enough = model.lp.add_variable(f"enough_{index}_{k}", cat="Binary")
        model.lp += held - (high - count + 1) * enough <= count - 1, f"rack_packing_enough_{index}_{k}"
        missing.append(1 - enough)
    missing += [1 - pulp.lpSum(model.pick[o.id] for o in as_large_shared(problem, shared[s])) for s in cut.picked]
    model.lp += model.racks + cut.racks * pulp.lpSum(missing) >= cut.racks, f"rack_packing_{index}"


def rack_worth(model: Model, rule: RackWorth, index: int) -> None:
    """rack_worth[k]: Σ worth_k(thing) ≤ most_k × racks: what one rack holds is worth no more than most_k."""
    room = model.problem.room
    worth = model.total(lambda load: sum(n * rule.worth(s, room) for s, n in load.shapes.items() if not s.own_rack))
    model.lp += worth - rule.most * model.racks <= 0, f"rack_worth_{index}"


def differs(model: Model, known: Solution) -> None:
    """differs: Σ over 0/1 choices that change + Σ (more[o] + less[o]) ≥ 1: a plan other than a known one.

    more[o] = 1 asks for at least one unit more of option o than the known plan has, less[o] = 1 for one less.
    """
    changed: list[pulp.LpAffineExpression] = []
    for variables, chosen in ((model.use, known.units), (model.pick, known.shared)):
        changed += [1 - v if chosen.get(i) is not None else 1 * v for i, v in variables.items()]
    for k, (option_id, count) in enumerate(sorted(known.units.items())):
        if option_id not in model.units:
            continue
        units, high = model.units[option_id], _high(model, option_id)
        more = model.lp.add_variable(f"more_{k}", cat="Binary")
        less = model.lp.add_variable(f"less_{k}", cat="Binary")
        model.lp += units - (count + 1) * more >= 0, f"differs_more_{k}"
        model.lp += units + (high - count + 1) * less <= high, f"differs_less_{k}"
        changed += [1 * more, 1 * less]
    model.lp += pulp.lpSum(changed) >= 1, "differs"


CONSTRAINTS: tuple[Callable[[Model], None], ...] = (
    one_option,
    demand,
    served,
    tenant_cards,
    count_bracket,
    one_bracket,
    shared_bracket,
    shared_step,
    network_endpoints,
    joint_nodes,
    joint_layout,
    one_fabric,
    together,
    storage_speed,
    limit_rows,
    rack_totals,
    rack_shapes,
    rack_limit,
    performance_share,
)


# -- helpers ---------------------------------------------------------------------------------------------------------
def fit_in_rack(shape: Shape, room: RoomLimits) -> int:
    """How many of one shape an otherwise empty rack takes; 0 when not even one, or when its own rack is too much."""
    if shape.own_rack:
        hungry = room.own_watts is not None and shape.watts > room.own_watts
        given = (room.heat[0] - room.door, *room.heat[1:]) if room.heat else ()  # doors hang on bought cabinets
        hot = any(left > have for have, left in zip(given, (shape.watts - shape.plates, shape.plates), strict=False))
        return 0 if hungry or hot or (room.grams is not None and shape.grams > room.grams) else 10**6
    fits = [have // size(shape) for _, have, size in _axes(room) if have is not None and size(shape)]
    return min(fits, default=10**6)


def _axes(room: RoomLimits) -> Iterator[tuple[str, int | None, Callable[[Shape], int]]]:
    """What one rack takes by resource, and how much of it a shape needs."""
    yield "units", room.units, lambda s: s.units
    yield "power", room.watts, lambda s: s.watts
    yield "weight", room.grams, lambda s: s.grams
    if room.heat:
        yield "air", room.heat[0], lambda s: s.watts - s.plates
        yield "liquid", room.heat[1], lambda s: s.plates


def performance_scale(problem: Problem, work: Work) -> float:
    """The best rate of any single option of a maximised work: makes shares of order one."""
    rates = [o.rate * (o.high if o.linear else 1) for o in problem.options if o.work == work.name]
    rates += [t.rate * (o.high * o.cards // t.cards) for o in problem.options for t in o.tenants if t.work == work.name]
    return max(rates, default=1.0)


def _high(model: Model, option_id: str) -> int:
    return next(o.high for o in model.problem.options if o.id == option_id)


def _driver_group(shared: SharedOption) -> str:
    """Brackets of one network, tag and kind of switch whose driver costs the same per unit."""
    unit, pieces = _cost(shared.unit), (shared.per_step, _cost(shared.step)) if shared.per_step else ""
    return f"{shared.network}|{shared.together}|{shared.switch}|{unit}|{pieces}"


def _cost(load: Load) -> str:
    """Everything that a load adds, to tell loads apart."""
    sums = (load.capital, load.yearly, load.watts, load.typical_watts, load.nodes)
    return f"{sums}|{sorted(load.endpoints.items())}|{sorted(load.supply.items())}|{sorted(load.shapes.items())}"


def _racked(measure: Callable[[Shape], int]) -> Measure:
    return lambda load: sum(measure(s) * n for s, n in load.shapes.items() if not s.own_rack)


def _endpoints(network: str) -> Measure:
    return lambda load: load.endpoints.get(network, 0)


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", text)


def _grouped[T](items: Iterable[T], key: Callable[[T], str]) -> dict[str, list[T]]:
    groups: dict[str, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def total_load(problem: Problem, solution_units: dict[str, int], shared: dict[str, int], racks: int) -> Load:
    """The exact whole-number load of a choice: the integers against which a solver's answer is rechecked."""
    total = problem.constant + problem.rack.times(racks)
    for option in problem.options:
        count = solution_units.get(option.id, 0)
        if count:
            total = total + option.fixed + option.unit.times(count)
    for bracket in problem.shared:
        if bracket.id in shared:
            total = total + bracket.load(shared[bracket.id])
    return total
