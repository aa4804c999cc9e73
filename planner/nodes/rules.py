"""The written rules by which a server is completed: `catalogs/estimates/node_rules.yaml`, typed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from planner.catalog import Catalog
from planner.parts import Chassis


class Rules(BaseModel):
    """Base of every rule table; `basis` and `source` say where a rule comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    basis: str
    source: str | None


class ByKind(BaseModel):
    """One value for modular machines (modules on a baseboard, rack-scale) and one for PCIe servers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    modular: float
    pcie: float

    def of(self, chassis: Chassis) -> float:
        return self.pcie if chassis.category == "pcie" else self.modular


class CpuRules(Rules):
    cores_per_accelerator: ByKind
    min_base_ghz: float


class MemoryRules(Rules):
    accelerator_memory_factor: float
    recommended_factor: float
    dimms_per_channel: tuple[int, ...]


class DriveRules(Rules):
    tb_per_accelerator: ByKind
    tb_per_accelerator_by_id: dict[str, float]


class AdapterRules(Rules):
    compute_gbps: tuple[float, ...]
    in_band_gbps: ByKind
    in_band_max_gbps: float
    storage_min_gbps: float
    slot_gbps_x16: dict[int, float]
    ocp_version: bool


class LaneRules(Rules):
    two_socket_total: dict[str, int]
    drive_lanes: int


class PowerRules(Rules):
    pcie_margin: float
    typical_share: ByKind


class WeightRules(Rules):
    pcie_card_kg: float


class NodeRules(BaseModel):
    """All rules for completing a server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu: CpuRules
    memory: MemoryRules
    data_drives: DriveRules
    adapters: AdapterRules
    lanes: LaneRules
    power: PowerRules
    weight: WeightRules


def load_rules(catalog: Catalog) -> NodeRules:
    """Read the rule table; CatalogError when the catalog has none, pydantic's error when it is malformed."""
    return NodeRules.model_validate(catalog.table("estimates/node_rules"))
