"""The one door for catalog data: reads `catalogs/` (and overlay folders) into typed records.

Layout: each kind has a folder of YAML files holding `records:`, a list; prices are dated CSV; `rates/`, `rules/` and
`estimates/` hold tables that their own layers interpret. Kinds are read on first use, so a command pays only for
what it needs. A record id defined twice in one layer is an error; an overlay replaces by id.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from planner.errors import CatalogError, UnknownPart
from planner.parts import (
    Accelerator,
    Baseboard,
    Bridge,
    Cable,
    Chassis,
    Cpu,
    Dimm,
    Drive,
    ManagementNode,
    Nic,
    Optic,
    Part,
    Pdu,
    Price,
    Rack,
    Record,
    Software,
    StorageSystem,
    Switch,
    TrainingModel,
)

MAX_FILE_BYTES = 8 * 1024 * 1024


def _loader() -> type[Any]:
    """Safe YAML with the C parser where it is built in; duplicate keys are errors."""
    base: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Unique(base):  # type: ignore[misc]
        pass

    def mapping(loader: Any, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [loader.construct_object(k, deep=True) for k, _ in node.value]
        doubled = sorted({str(k) for k in keys if keys.count(k) > 1})
        if doubled:
            raise CatalogError(f"{node.start_mark}: duplicate key {doubled[0]}")
        return {k: loader.construct_object(v, deep=True) for k, (_, v) in zip(keys, node.value, strict=True)}

    Unique.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    # "no" is Norway and dates stay text: only true/false are booleans here.
    Unique.yaml_implicit_resolvers = {
        first: [
            (tag, expression)
            for tag, expression in resolvers
            if tag not in ("tag:yaml.org,2002:timestamp",) and not (tag.endswith(":bool") and first in "yYnNoO")
        ]
        for first, resolvers in base.yaml_implicit_resolvers.items()
    }
    return Unique


_LOADER = _loader()


def read_yaml(path: Path) -> Any:
    """Parse one trusted-format YAML file; CatalogError names the file when it is malformed or too large."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise CatalogError(f"{path}: larger than {MAX_FILE_BYTES // 2**20} MB")
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - a SafeLoader subclass
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CatalogError(f"{path}: {error}") from error


def built_in_folder() -> Path:
    """Where the shipped catalogs are: inside the installed package, or at the top level of a checkout."""
    inside = Path(str(resources.files("planner"))) / "catalogs"
    return inside if inside.is_dir() else inside.parent.parent / "catalogs"


class Catalog:
    """Everything that exists, by kind and id. Folders are layers: later ones add and replace by id."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(folders)

    @classmethod
    def load(cls, overlays: Sequence[Path] = ()) -> Catalog:
        return cls([built_in_folder(), *overlays])

    # -- kinds ---------------------------------------------------------------------------------------------------
    @cached_property
    def accelerators(self) -> Mapping[str, Accelerator]:
        return self._records("accelerators", Accelerator)

    @cached_property
    def chassis(self) -> Mapping[str, Chassis]:
        return self._records("chassis", Chassis)

    @cached_property
    def baseboards(self) -> Mapping[str, Baseboard]:
        return self._records("baseboards", Baseboard)

    @cached_property
    def cpus(self) -> Mapping[str, Cpu]:
        return self._records("cpus", Cpu)

    @cached_property
    def dimms(self) -> Mapping[str, Dimm]:
        return self._records("memory", Dimm)

    @cached_property
    def drives(self) -> Mapping[str, Drive]:
        return self._records("drives", Drive)

    @cached_property
    def nics(self) -> Mapping[str, Nic]:
        return self._records("nics", Nic)

    @cached_property
    def bridges(self) -> Mapping[str, Bridge]:
        return self._records("bridges", Bridge)

    @cached_property
    def switches(self) -> Mapping[str, Switch]:
        return self._records("switches", Switch)

    @cached_property
    def optics(self) -> Mapping[str, Optic]:
        return self._records("optics", Optic)

    @cached_property
    def cables(self) -> Mapping[str, Cable]:
        return self._records("cables", Cable)

    @cached_property
    def storage(self) -> Mapping[str, StorageSystem]:
        return self._records("storage", StorageSystem)

    @cached_property
    def racks(self) -> Mapping[str, Rack]:
        return self._records("racks", Rack)

    @cached_property
    def pdus(self) -> Mapping[str, Pdu]:
        return self._records("pdus", Pdu)

    @cached_property
    def management(self) -> Mapping[str, ManagementNode]:
        return self._records("management", ManagementNode)

    @cached_property
    def software(self) -> Mapping[str, Software]:
        return self._records("software", Software)

    @cached_property
    def models(self) -> Mapping[str, TrainingModel]:
        return self._records("models", TrainingModel)

    @cached_property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Generic names ("ascend-910b") and the accelerator ids they stand for. A group is never a part."""
        return {k: tuple(v) for k, v in self.table("accelerators/groups").items()}

    @cached_property
    def prices(self) -> Mapping[str, tuple[Price, ...]]:
        """All price rows by part, in file order: shipped rows first, overlays last."""
        found: dict[str, list[Price]] = {}
        for folder in self.folders:
            for path in sorted((folder / "prices").glob("*.csv")):
                for price in _price_rows(path):
                    found.setdefault(price.part, []).append(price)
        return {part: tuple(rows) for part, rows in found.items()}

    def table(self, name: str) -> Any:
        """A free-form table such as `rates/exchange` or `rules/us-3a090`: the last layer that has it wins."""
        for folder in reversed(self.folders):
            path = folder / f"{name}.yaml"
            if path.is_file():
                return read_yaml(path)
        raise CatalogError(f"the catalog has no table {name}")

    def tables(self, folder_name: str) -> dict[str, Any]:
        """All tables of a folder by file stem, later layers replacing earlier ones."""
        found: dict[str, Any] = {}
        for folder in self.folders:
            for path in sorted((folder / folder_name).glob("*.yaml")):
                found[path.stem] = read_yaml(path)
        return found

    # -- look-ups ------------------------------------------------------------------------------------------------
    @cached_property
    def parts(self) -> Mapping[str, Part]:
        """Every orderable part of every kind by id."""
        everything: dict[str, Part] = {}
        kinds: list[Mapping[str, Part]] = [
            self.accelerators,
            self.chassis,
            self.baseboards,
            self.cpus,
            self.dimms,
            self.drives,
            self.nics,
            self.bridges,
            self.switches,
            self.optics,
            self.cables,
            self.storage,
            self.racks,
            self.pdus,
            self.management,
            self.software,
        ]
        for kind in kinds:
            for part_id, part in kind.items():
                if part_id in everything:
                    raise CatalogError(f"{part_id} is the id of two parts of different kinds")
                everything[part_id] = part
        return everything

    def expand_accelerator(self, name: str) -> tuple[str, ...]:
        """The accelerator ids that an id, alias or group stands for; UnknownPart with the nearest names otherwise."""
        return _expand(name, "accelerator", self.accelerators, self.groups)

    def expand_chassis(self, name: str) -> tuple[str, ...]:
        return _expand(name, "chassis", self.chassis, {})

    def find_model(self, name: str) -> TrainingModel:
        if name in self.models:
            return self.models[name]
        for model in self.models.values():
            if name.lower() in (a.lower() for a in (*model.aliases, model.name)):
                return model
        raise UnknownPart("model", name, nearest(name, self.models))

    @cached_property
    def hash(self) -> str:
        """Digest of every catalog file, names and contents, independent of where the folders are."""
        digest = hashlib.sha256()
        for folder in self.folders:
            for path in sorted(p for p in folder.rglob("*") if p.suffix in (".yaml", ".csv")):
                digest.update(path.relative_to(folder).as_posix().encode())
                digest.update(b"\0")
                digest.update(path.read_bytes())
        return digest.hexdigest()

    # -- reading -------------------------------------------------------------------------------------------------
    def _records[T: Record](self, kind: str, model: type[T]) -> dict[str, T]:
        found: dict[str, T] = {}
        for folder in self.folders:
            layer: dict[str, T] = {}
            for path in sorted((folder / kind).glob("*.yaml")):
                content = read_yaml(path)
                if not isinstance(content, dict) or "records" not in content:
                    continue  # a table that lives beside the records, such as accelerators/groups.yaml
                for row in content["records"]:
                    record = _typed(model, row, path)
                    record_id = str(getattr(record, "id"))  # noqa: B009 - every record kind has an id
                    if record_id in layer:
                        raise CatalogError(f"{path}: {record_id} is defined twice")
                    layer[record_id] = record
            found.update(layer)
        return found


def _typed[T: Record](model: type[T], row: Any, path: Path) -> T:
    try:
        return model.model_validate(row)
    except ValidationError as error:
        name = row.get("id", "?") if isinstance(row, dict) else "?"
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CatalogError(f"{path}: {name}: {where}: {first['msg']}, got {first['input']!r}") from error


def _price_rows(path: Path) -> Iterable[Price]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            yield _typed(Price, {k: v for k, v in row.items() if v not in ("", None)}, path)


def _expand(name: str, kind: str, known: Mapping[str, Part], groups: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if name in known:
        return (name,)
    if name in groups:
        return groups[name]
    wanted = name.strip().lower()
    for part_id, part in known.items():
        if wanted == part_id or wanted in (a.lower() for a in (*part.aliases, part.model)):
            return (part_id,)
    if wanted in groups:
        return groups[wanted]
    raise UnknownPart(kind, name, nearest(wanted, [*known, *groups]))


def nearest(name: str, known: Iterable[str], most: int = 3) -> tuple[str, ...]:
    """The closest known words to a mistyped one, best first; none when nothing is near."""
    return tuple(difflib.get_close_matches(name.lower(), list(known), n=most, cutoff=0.5))
