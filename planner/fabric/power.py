"""Power and weight of switches, with the class rules for figures that nobody printed."""

from __future__ import annotations

from planner.catalog import Catalog
from planner.parts import Switch

_MODULE_W = {1: 0.0, 10: 1.2, 25: 1.2, 100: 4.5, 200: 6.0, 400: 12.0, 800: 17.0, 1600: 30.0}
OVERHEAD = {"infiniband": 1.79, "ethernet-800": 1.08, "other": 1.25}
KG_PER_UNIT = 9.4  # median of the catalog's switches with a published weight


def switch_power(catalog: Catalog, switch: Switch) -> tuple[float, float, float, tuple[str, ...]]:
    """Typical W, maximum W with modules, kg; figures nobody printed come from the class rules and are named.

    Typical by switching capacity (one way, Tbit/s); maximum = typical + cages × module W × overhead.
    """
    del catalog
    notes = [f"{k}: {v}" for k, v in sorted(switch.estimates.items())]
    capacity = switch.ports * switch.gbps / 1000
    typical = switch.typical_power_w
    if typical is None:
        typical = _typical_by_capacity(capacity)
        notes.append(f"typical_power_w: {typical:g} W by the class rule for {capacity:g} Tbit/s")
    most = switch.max_power_w
    if most is None:
        twin = switch.cage.endswith("twin")
        module = _MODULE_W.get(round(switch.gbps * (2 if twin and switch.cages * 2 == switch.ports else 1)), 12.0)
        if switch.cage == "cpo":
            module = 0.0
        kind = "infiniband" if twin and switch.technology == "infiniband" else "other"
        if switch.technology == "ethernet" and switch.gbps >= 800:
            kind = "ethernet-800"
        most = round(typical + switch.cages * module * OVERHEAD[kind])
        notes.append(f"max_power_w: {most:g} W = typical + {switch.cages} cages × {module:g} W × {OVERHEAD[kind]}")
    weight = switch.weight_kg
    if weight is None:
        weight = round(KG_PER_UNIT * switch.rack_units, 1)
        notes.append(f"weight_kg: {weight:g} kg by the class rule of {KG_PER_UNIT} kg per rack unit")
    return typical, most, weight, tuple(notes)


def _typical_by_capacity(tbps: float) -> float:
    steps = ((1, 98.0), (6.4, 470.0), (8, 250.0), (12.8, 615.0), (25.6, 700.0), (51.2, 920.0), (57.6, 1700.0))
    return next((watts for top, watts in (*steps, (102.4, 1900.0)) if tbps <= top * 1.01), 2200.0)
