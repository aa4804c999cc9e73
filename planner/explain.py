"""Plain words about what clashes, before any solving: rules that exclude all, devices no rack takes, missing prices."""

from __future__ import annotations

from collections.abc import Sequence

from planner import demand, site
from planner.advice import Explanation
from planner.candidates.designs import ALONE
from planner.errors import Rejection
from planner.formulation import fit_in_rack, limit_measure, storage_suits
from planner.model import Option, Problem, RoomLimits, Shape
from planner.problem import Prepared
from planner.request import Request, Workload

MOST_REASONS = 4  # of one kind in an answer
FABRIC_RULES = (
    "too-large",
    "technology",
    "port-speed",
    "unmanaged",
    "planes",
    "no-cable",
)  # why a switch joins no nodes


def clash(prepared: Prepared) -> Explanation | None:
    """Work or networks that nothing can serve, whatever the limits: the rules or figures that exclude each choice."""
    served = {o.work for o in prepared.problem.options} | {t.work for o in prepared.problem.options for t in o.tenants}
    unserved = [w for w in prepared.request.workloads if w.name not in served]
    checks = _missing_networks(prepared)
    if not unserved and not checks:
        return None
    rules: list[str] = []
    for workload in unserved:
        wanted = _wanted(prepared, workload)
        refused = [a for a in wanted if a not in prepared.accepted]
        if workload.accelerator and len(refused) == len(wanted):
            checks.append(f"The export rules of {prepared.on} exclude every accelerator that {workload.name} names:")
            rules += [_rule_sentence(prepared, a) for a in refused]
            continue
        checks.append(f"Nothing in the catalog can serve {workload.name}:")
        if refused:
            checks.append(f"  {len(refused)} of {len(wanted)} accelerators are left out by export rules.")
        checks += _reasons(prepared, [a for a in wanted if a in prepared.accepted])
    notes = ("Rules, parties and dates are facts, not limits to vary: no change to them is offered.",) if rules else ()
    return Explanation(tuple(dict.fromkeys(checks)), tuple(dict.fromkeys(rules)), notes=notes)


def _missing_networks(prepared: Prepared) -> list[str]:
    """Shared equipment that every plan of this request needs and that nothing in the catalog builds and prices."""
    needed = ["in-band", "oob"] + (["storage"] if prepared.request.storage is not None else [])
    there = {s.network for s in prepared.problem.shared}
    found = []
    for network in (n for n in needed if n not in there):
        what = "shared storage with its network" if network == "storage" else f"the {network} network"
        found.append(f"Nothing in the catalog builds {what} at a known price.")
        about = [r.message for r in prepared.rejections if network == "storage" and r.part in prepared.catalog.storage]
        found += [f"  {message}" for message in dict.fromkeys(about[:MOST_REASONS])]
    if any(o.fixed.endpoints.get("cdu") or o.unit.endpoints.get("cdu") for o in prepared.problem.options):
        priced = {s.network for s in prepared.problem.shared if s.high}
        if not {"cdu", "loop"} <= priced and all(o.node.cooling == "dlc" for o in prepared.problem.options):
            found.append(
                "No coolant distribution unit or liquid loop has a price; state site.cooling_equipment: provided where"
                " the room has them."
            )
    return found


def _wanted(prepared: Prepared, workload: Workload) -> tuple[str, ...]:
    """Accelerators that a workload may use: those it names, else all that the preferences leave."""
    catalog, wanted = prepared.catalog, prepared.request.preferences
    if workload.accelerator:
        return catalog.expand_accelerator(workload.accelerator)
    if wanted.accelerators.only:
        return tuple(sorted({a for n in wanted.accelerators.only for a in catalog.expand_accelerator(n)}))
    if wanted.chassis.only:
        systems = {c for n in wanted.chassis.only for c in catalog.expand_chassis(n)}
        return tuple(sorted({a for c in systems for a in catalog.chassis[c].takes}))
    return tuple(sorted(catalog.accelerators))


def _reasons(prepared: Prepared, accelerators: Sequence[str]) -> list[str]:
    """Why each accelerator cannot do it, the same reason told once; at most a screenful."""
    grouped: dict[str, list[str]] = {}
    for accelerator in accelerators:
        found = [r for r in prepared.rejections if _is_about(r.part, accelerator)]
        # What the accelerator itself cannot do says more than what one build of it lacks; the largest node says most.
        own = [r for r in found if r.part == accelerator]
        # A chassis that cannot be completed names the accelerator only in its sentence.
        told = (r for r in prepared.rejections if accelerator in r.message.replace(":", " ").split())
        # A preference that was stated says more than what else would have been in the way.
        stated = [r for r in found if r.rule == "planes"]
        reason = own[-1] if own else stated[0] if stated else found[0] if found else next(told, None)
        if reason is not None:
            grouped.setdefault(reason.rule, []).append(f"  {reason.message}")
    if not grouped:  # the systems are there: what joins them is not
        return _about_fabrics(prepared)
    lines = [line for _, found in sorted(grouped.items()) for line in found[:MOST_REASONS]]
    more = sum(max(0, len(found) - MOST_REASONS) for found in grouped.values())
    return [*lines, f"  ... and {more} more; planner size lists them all."] if more else lines


def _about_fabrics(prepared: Prepared) -> list[str]:
    """Why no switch joins the nodes; a wish for a technology or a switch is named where nothing else is."""
    wanted = prepared.request.preferences.fabric
    about = [r for r in prepared.rejections if r.part in prepared.catalog.switches and r.rule in FABRIC_RULES]
    lines = list(dict.fromkeys(f"  {r.message}" for r in about))
    if len(lines) > MOST_REASONS:
        lines = [*lines[:MOST_REASONS], f"  ... and {len(lines) - MOST_REASONS} more kinds of switch likewise."]
    if wanted.reserve_nodes and any(r.rule == "too-large" for r in about):
        lines.append(f"  preferences.fabric.reserve_nodes: {wanted.reserve_nodes} are counted in.")
    stated = {"technology": wanted.technology, "switch": wanted.switch}
    said = ", ".join(f"preferences.fabric.{key}: {value}" for key, value in stated.items() if value is not None)
    if not lines and said:
        lines.append(f"  No system here has ports for {said}; leave it out.")
    return lines


def _is_about(part: str, accelerator: str) -> bool:
    """Whether a rejected id is an accelerator or one of its builds (`chassis/h100-sxm5x8/nic/cpu`)."""
    return any(accelerator in (piece, piece.rsplit("x", 1)[0]) for piece in part.replace("|", "/").split("/"))


def _rule_sentence(prepared: Prepared, accelerator: str) -> str:
    """The verdict in short, and how to ask for the whole reasoning with its citations."""
    request, entry = prepared.request, prepared.verdicts[accelerator]
    home = request.site.country
    headquarters = request.customer.headquarters or home
    parent = request.customer.ultimate_parent or headquarters
    command = f"planner comply {accelerator} --to {home} --hq {headquarters} --parent {parent} --on {prepared.on}"
    reason = entry.short
    if entry.import_side == "import_restricted" and entry.verdict in request.compliance.accept:
        reason = f"restricted by the importing side; export side: {reason}"
    return f"{accelerator} to {home}: {reason}. Full reasoning: {command}"


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
            if all(fit_in_rack(s, problem.room) for s in node):
                fits = True
            shapes |= {s for s in node if not fit_in_rack(s, problem.room)}
        if fits or not shapes:
            continue
        smallest = min(shapes, key=lambda s: (s.watts, s))
        name = _named(prepared, smallest.item.split("/")[0])
        found += [
            f"One {name} {clause} ({work.name})." for clause in _too_small(prepared.request, problem.room, smallest)
        ]
    return (*found, *_too_little_memory(prepared), *_too_many_endpoints(problem), *_slow_storage(prepared))


def _slow_storage(prepared: Prepared) -> list[str]:
    """A named storage system whose ports carry less than the asked profile gives one node, on every node there is."""
    problem, need = prepared.problem, prepared.request.storage
    stored = [o.node for o in problem.options if o.node.storage_ports]
    if need is None or need.system is None or not stored:
        return []
    system = prepared.catalog.storage[need.system]
    if any(storage_suits(problem, node, min(system.port_gbps, node.storage_gbps)) for node in stored):
        return []
    name, gbps = system.model, system.port_gbps
    most = max(gbps * node.storage_ports / node.fabric_units / 8 for node in stored)
    return [
        f"storage.profile: {need.profile} gives one node {problem.node_storage_gb_per_s:g} GB/s; at {gbps:g} Gbit/s, "
        f"the ports of {name} (storage.system), its storage ports carry {most:g}."
    ]


def _too_little_memory(prepared: Prepared) -> list[str]:
    """Training whose states do not fit the nodes that the limits let in: the memory term that is too large, once."""
    request, found = prepared.request, []
    for workload in request.workloads:
        options = [o for o in prepared.problem.options if o.work == workload.name and not o.linear]
        if workload.kind != "training" or workload.model is None or not options:
            continue
        near = min(options, key=lambda o: (o.nodes_per_unit - _let_in(prepared.problem, o), o.id))
        nodes = _let_in(prepared.problem, near)
        if not 1 <= nodes < near.nodes_per_unit:
            continue
        link = near.link if nodes > 1 or near.node.fabric_units > 1 else ALONE
        rate = demand.rate(workload, near.node, link, nodes, prepared.catalog, request.preferences.sizing)
        if isinstance(rate, Rejection) and rate.rule == "memory-fit":
            limit = "1 node" if nodes == 1 else f"{nodes} nodes"
            found.append(
                f"The limits let in {limit} of {near.node.id.split('/')[0]} for {workload.name}: {rate.message}."
            )
    return found


def _let_in(problem: Problem, option: Option) -> int:
    """Nodes of an option that each limit alone lets in; without racks, which more than nodes fill."""
    nodes = option.nodes_per_unit + option.spare_nodes
    most = nodes
    for name, have in problem.limits.items():
        if name != "racks" and (used := limit_measure(name, 0.0)(option.fixed)):
            most = min(most, int(nodes * have / used))
    return most - option.spare_nodes


def _too_small(request: Request, room: RoomLimits, shape: Shape) -> list[str]:
    """Everything of a rack that is too small for one device, not the tightest alone: what it needs, what there is."""
    kilowatts, found = shape.watts / 1000, []
    if shape.own_rack:
        if room.own_watts is not None and shape.watts > room.own_watts:
            found.append(f"needs {kilowatts:g} kW; a rack gives {room.own_watts / 1000:g} kW")
    else:
        given = (("a rack gives", request.site.rack_power_kw), ("the feeds of a rack give", site.feeds_kw(request)))
        short = [f"{who} {kw:g} kW" for who, kw in given if kw is not None and kilowatts > kw + 1e-9]
        if not short and not room.heat and room.watts is not None and shape.watts > room.watts:
            short = [f"a rack gives {room.watts / 1000:g} kW"]
        if short:
            found.append(f"needs {kilowatts:g} kW; {', '.join(short)}")
        if shape.units > room.units:
            found.append(f"is {shape.units}U high; a rack has {room.units}U")
    if room.grams is not None and shape.grams > room.grams:
        found.append(f"weighs {shape.grams / 1000:g} kg; a rack carries {room.grams / 1000:g} kg")
    cooled = room.heat
    if cooled and shape.own_rack:
        cooled = (cooled[0] - room.door, *cooled[1:])
    for way, have, left in zip(("air", "liquid"), cooled, (shape.watts - shape.plates, shape.plates), strict=False):
        if left > have:
            found.append(f"gives {left / 1000:g} kW of heat to {way}; a rack cools {have / 1000:g} kW by {way}")
    return found


def _named(prepared: Prepared, part_id: str) -> str:
    """Maker and model with the id that a site file takes; the id alone where the catalog has no such part."""
    part = prepared.catalog.parts.get(part_id)
    return f"{part.vendor} {part.model} ({part_id})" if part is not None else part_id


def _too_many_endpoints(problem: Problem) -> list[str]:
    """Networks that no switch of the catalog can make large enough for even the smallest way to do the work."""
    found = []
    for network in sorted({s.network for s in problem.shared} - {"storage-system", "cdu", "loop"}):
        most = max(s.high for s in problem.shared if s.network == network)
        least = 0
        for work in problem.works:
            counts = [
                o.fixed.endpoints.get(network, 0) + o.unit.endpoints.get(network, 0) * o.low
                for o in problem.options
                if o.work == work.name
            ]
            least += min(counts, default=0)
        if least > most:
            found.append(
                f"The {network} network would need {least:,} ports for nodes; the largest that the catalog's"
                f" switches make has {most:,}. Split the site into several files."
            )
    return found


def rule_notes(prepared: Prepared) -> tuple[str, ...]:
    """How many accelerators the rules left out, so that nobody thinks they were forgotten."""
    excluded = len(prepared.catalog.accelerators) - len(prepared.accepted)
    if not excluded:
        return ()
    named = all(w.accelerator for w in prepared.request.workloads) or bool(
        prepared.request.preferences.accelerators.only
    )
    if named:  # what was not asked for was not missed either
        return ()
    return (f"{excluded} accelerators were left out by export rules on {prepared.on}; see planner comply.",)
