"""Which accelerators and chassis may be planned at all: lifecycle, preferences, form, cooling.

Only `current` parts are planned by default; others when the request names them (a workload's accelerator,
`preferences.*.only`, `preferences.node.cpu`), and then with a notice.
"""

from __future__ import annotations

from collections.abc import Sequence

from planner.catalog.essentials import unknown_figures
from planner.errors import Rejection
from planner.nodes.bench import Bench
from planner.parts import Accelerator, Chassis, Part


def lifecycle_words(part: Part) -> str:
    return part.lifecycle.replace("_", " ")


def notice(part: Part) -> str | None:
    """The sentence that goes with a part that is not current; None for current parts."""
    return None if part.lifecycle == "current" else f"{part.id} ({part.model}) is {lifecycle_words(part)}."


class Admission:
    """The request's words on accelerators, chassis and vendors, resolved to ids once."""

    def __init__(self, bench: Bench) -> None:
        catalog, request = bench.catalog, bench.request
        wanted = request.preferences
        self._bench = bench
        accelerators = [w.accelerator for w in request.workloads if w.accelerator] + list(wanted.accelerators.only)
        self._named = {i for name in accelerators for i in catalog.expand_accelerator(name)}
        self._only = {i for name in wanted.accelerators.only for i in catalog.expand_accelerator(name)}
        self._not = {i for name in wanted.accelerators.exclude for i in catalog.expand_accelerator(name)}
        self._only_chassis = {i for name in wanted.chassis.only for i in catalog.expand_chassis(name)}
        self._not_chassis = {i for name in wanted.chassis.exclude for i in catalog.expand_chassis(name)}
        # Naming a complete system names the accelerator that comes with it.
        complete = [catalog.chassis[i] for i in sorted(self._only_chassis)]
        self._named |= {c.complete_for for c in complete if c.price_scope == "complete" and c.complete_for}
        makers = sorted({c.vendor for c in catalog.chassis.values()})
        designers = sorted({a.vendor for a in catalog.accelerators.values()})
        # A vendor named in `only` narrows the kinds it makes: [Dell, AMD] is AMD accelerators in Dell chassis.
        self._only_makers = _matching(makers, wanted.vendors.only)
        self._only_designers = _matching(designers, wanted.vendors.only)
        self._no_vendor = _matching([*makers, *designers], wanted.vendors.exclude)
        self._makers_narrowed = bool(wanted.vendors.only)

    def accelerator(self, part: Accelerator) -> Rejection | None:
        """Why this accelerator may not be planned, or None."""
        if part.lifecycle != "current" and part.id not in self._named:
            state = lifecycle_words(part)
            return Rejection(
                part.id, "lifecycle", f"{part.id} is {state}; name it in the request to plan it.", state, "current"
            )
        if (self._only and part.id not in self._only) or part.id in self._not:
            return Rejection(part.id, "preference", f"{part.id} is left out by preferences.accelerators.")
        if part.vendor in self._no_vendor or (self._only_designers and part.vendor not in self._only_designers):
            return Rejection(
                part.id, "preference", f"{part.id}: vendor {part.vendor} is left out by preferences.vendors."
            )
        unknown = unknown_figures("accelerators", part)
        if unknown:
            message = f"{part.id}: {', '.join(unknown)} not known, and no rule stands in for it."
            return Rejection(part.id, "unknown-figure", message, None, unknown[0])
        if self._bench.request.keeps_out("accelerator", part.origin):
            return foreign(part.id, "accelerator", part.origin, self._bench.request.site.country)
        return self._system_software(part)

    def _system_software(self, part: Accelerator) -> Rejection | None:
        """With domestic system software: what the accelerator's nodes need by default must be domestic too."""
        request = self._bench.request
        for item in sorted(self._bench.catalog.software.values(), key=lambda s: s.id):
            needed = (
                item.default
                and item.section == "software"
                and item.lifecycle == "current"
                and (not item.ecosystems or part.ecosystem in item.ecosystems)
                and (not item.accelerators or part.id in item.accelerators)
            )
            if needed and request.keeps_out("system_software", item.origin):
                home = request.site.country
                wish = "preferences.origin.system_software asks for domestic software"
                message = f"{part.id} needs {item.id}, which is not of {home}; {wish}."
                return Rejection(part.id, "origin", message, item.origin, home)
        return None

    def chassis(self, part: Chassis) -> Rejection | None:
        """Why this chassis may not be planned, or None."""
        if (self._only_chassis and part.id not in self._only_chassis) or part.id in self._not_chassis:
            return Rejection(part.id, "preference", f"{part.id} is left out by preferences.chassis.")
        excluded = part.vendor in self._no_vendor
        if excluded or (self._makers_narrowed and self._only_makers and part.vendor not in self._only_makers):
            return Rejection(
                part.id, "preference", f"{part.id}: vendor {part.vendor} is left out by preferences.vendors."
            )
        if part.origin == "CN" and self._bench.request.site.country != "CN" and part.id not in self._only_chassis:
            message = f"{part.id} is offered on the mainland Chinese market; name it in preferences.chassis.only."
            return Rejection(part.id, "home-market", message, part.origin, self._bench.request.site.country)
        if part.lifecycle != "current" and part.id not in self._only_chassis:
            state = lifecycle_words(part)
            message = f"{part.id} is {state}; name it in preferences.chassis.only to plan it."
            return Rejection(part.id, "lifecycle", message, state, "current")
        if part.cooling == "dlc" and self._bench.request.site.cooling == "air":
            return Rejection(
                part.id,
                "cooling",
                f"{part.id} needs a liquid loop; the site has air only (site.cooling: liquid).",
                "air",
                "liquid",
            )
        if part.cpu_fixed and self._bench.request.keeps_out("cpu", self._fixed_cpu_origin(part.cpu_fixed)):
            return foreign(part.id, "cpu", part.cpu_fixed, self._bench.request.site.country)
        if part.rack_units is None:
            return Rejection(
                part.id, "rack-units", f"{part.id} does not fit a rack: no height in rack units.", None, "rack units"
            )
        return None

    def _fixed_cpu_origin(self, text: str) -> str | None:
        """The origin of a CPU that is only named in words, by its family (Kunpeng, EPYC, Xeon); None: not known."""
        for cpu in self._bench.catalog.cpus.values():
            if cpu.family.split()[0].lower() in text.lower().split():
                return cpu.origin
        return None


def foreign(part: str, kind: str, have: str | None, home: str) -> Rejection:
    """A part that preferences.origin leaves out."""
    message = f"{part}: {have or 'origin unknown'} is not of {home}; preferences.origin.{kind} asks for domestic parts."
    return Rejection(part, "origin", message, have, home)


def nothing_takes(accelerator: Accelerator, tried: Sequence[tuple[Chassis, Rejection]]) -> Rejection:
    """Why no chassis is left for an accelerator, naming the chassis that the user could name instead."""
    asleep = [c.id for c, why in tried if why.rule == "lifecycle"]
    if asleep:
        names = ", ".join(asleep)
        message = f"{accelerator.id}: no current chassis takes it; name one of {names} in preferences.chassis.only."
    elif tried:
        # What a chassis lacks says more than that the request wishes for another one.
        told = min((why for _, why in tried), key=lambda why: why.rule == "preference")
        message = f"{accelerator.id}: every chassis that takes it is left out: {told.message}"
    else:
        message = f"{accelerator.id}: no chassis in the catalog takes it ({accelerator.form_factor})."
    return Rejection(accelerator.id, "no-chassis", message)


def _matching(vendors: Sequence[str], names: Sequence[str]) -> frozenset[str]:
    """Vendors that a name stands for: "Inspur" finds "Inspur (IEIT)"."""
    return frozenset(v for v in vendors for name in names if name.strip().lower() in v.lower())
