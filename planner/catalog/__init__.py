"""The one door for catalog data: reads `catalogs/` (and overlay folders) into typed records.

Layout: each kind has a folder of YAML files holding `records:`, a list; prices are dated CSV; `rates/`, `rules/` and
`estimates/` hold tables that their own layers interpret. Kinds are read on first use, so a command pays only for
what it needs. A record id defined twice in one layer is an error; an overlay replaces by id. Mistakes are told with
file, line and column, all mistakes of a kind at once.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from planner.catalog.layers import Layer
from planner.catalog.text import Places, parse_yaml, read_yaml
from planner.errors import CatalogError, UnknownPart
from planner.parts import (
    Accelerator,
    Baseboard,
    Bridge,
    Cable,
    Chassis,
    CoolingUnit,
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

__all__ = ["KINDS", "TABLES", "Catalog", "built_in_folder", "nearest", "overlay_mistake", "parse_yaml", "read_yaml"]

# Folder of each kind of record, and its model.
KINDS: dict[str, type[Record]] = {
    "accelerators": Accelerator,
    "chassis": Chassis,
    "baseboards": Baseboard,
    "cpus": Cpu,
    "memory": Dimm,
    "drives": Drive,
    "nics": Nic,
    "bridges": Bridge,
    "switches": Switch,
    "optics": Optic,
    "cables": Cable,
    "storage": StorageSystem,
    "racks": Rack,
    "pdus": Pdu,
    "cooling": CoolingUnit,
    "management": ManagementNode,
    "software": Software,
    "models": TrainingModel,
}
TABLES = ("benchmarks", "estimates", "measurements", "prices", "rates", "rules")  # folders without records
TABLES_BESIDE_RECORDS = ("accelerators/groups.yaml",)


def built_in_folder() -> Path:
    """Where the shipped catalogs are: inside the installed package, or at the top level of a checkout."""
    inside = Path(str(resources.files("planner"))) / "catalogs"
    return inside if inside.is_dir() else inside.parent.parent / "catalogs"


class Catalog:
    """Everything that exists, by kind and id. Folders are layers: later ones add and replace by id.

    With `mistakes`, a list, records that do not read are told there and skipped, for `catalog lint`; without it the
    first kind that has any raises a CatalogError that names them all.
    """

    def __init__(self, folders: Sequence[Path], mistakes: list[str] | None = None) -> None:
        self.folders = tuple(folders)
        self.layers = tuple(Layer(folder) for folder in self.folders)
        self._mistakes = mistakes

    @classmethod
    def load(cls, overlays: Sequence[Path] = (), mistakes: list[str] | None = None) -> Catalog:
        """The shipped catalog with overlay folders on top; CatalogError when a folder is not an overlay."""
        for folder in overlays:
            wrong = overlay_mistake(folder)
            if wrong is not None:
                raise CatalogError(wrong)
        return cls([built_in_folder(), *overlays], mistakes)

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
    def cooling(self) -> Mapping[str, CoolingUnit]:
        return self._records("cooling", CoolingUnit)

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
        for layer in self.layers:
            mistakes: list[str] = []
            for relative in layer.names("prices", ".csv"):
                for price in _price_rows(layer.contents[relative], str(layer.folder / relative), mistakes):
                    found.setdefault(price.part, []).append(price)
            self._tell(mistakes)
        return {part: tuple(rows) for part, rows in found.items()}

    def table(self, name: str) -> Any:
        """A free-form table such as `rates/exchange` or `rules/us-3a090`: the last layer that has it wins."""
        for layer in reversed(self.layers):
            if f"{name}.yaml" in layer.contents:
                return layer.yaml(f"{name}.yaml")
        raise CatalogError(f"the catalog has no table {name}")

    def tables(self, folder_name: str) -> dict[str, Any]:
        """All tables of a folder by file stem, later layers replacing earlier ones."""
        return {
            Path(relative).stem: layer.yaml(relative) for layer in self.layers for relative in layer.names(folder_name)
        }

    def kind(self, name: str) -> Mapping[str, Record]:
        """The records of a kind by its folder's name; KeyError when there is no such kind."""
        found: Mapping[str, Record] = getattr(self, {"memory": "dimms"}.get(name, name))
        return found

    # -- look-ups ------------------------------------------------------------------------------------------------
    @cached_property
    def parts(self) -> Mapping[str, Part]:
        """Every orderable part of every kind by id."""
        everything: dict[str, Part] = {}
        for kind in (k for k, model in KINDS.items() if issubclass(model, Part)):
            for part_id, part in self.kind(kind).items():
                assert isinstance(part, Part)
                if part_id in everything:
                    self._tell([f"{part_id} is the id of two parts of different kinds: rename the one in {kind}."])
                everything.setdefault(part_id, part)
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
        for layer in self.layers:
            digest.update(layer.digest)
        return digest.hexdigest()

    # -- reading -------------------------------------------------------------------------------------------------
    def _records[T: Record](self, kind: str, model: type[T]) -> dict[str, T]:
        found: dict[str, T] = {}
        for layer in self.layers:
            mine: dict[str, T] = {}
            first: dict[str, str] = {}
            mistakes: list[str] = []
            for relative in layer.names(kind):
                for k, row in _rows(layer, relative, mistakes):
                    record = _typed(model, row, layer, relative, k, mistakes)
                    if record is None:
                        continue
                    record_id = str(getattr(record, "id"))  # noqa: B009 - every record kind has an id
                    if record_id in mine:
                        where = _where(layer, relative, ("records", k))
                        mistakes.append(f"{where}: {record_id} is defined twice; it is also in {first[record_id]}.")
                        continue
                    mine[record_id], first[record_id] = record, relative
            self._tell(mistakes)
            found.update(mine)
        return found

    def _tell(self, mistakes: Sequence[str]) -> None:
        if self._mistakes is not None:
            self._mistakes.extend(mistakes)
        elif mistakes:
            raise CatalogError("\n".join(mistakes))


def overlay_mistake(folder: Path) -> str | None:
    """Why a folder cannot be an overlay, with what to do; None when it can."""
    if not folder.exists():
        return f"{folder}: this catalog folder does not exist."
    if not folder.is_dir():
        return f"{folder}: is a file; --catalog takes a folder that holds accelerators/, chassis/, prices/ ..."
    known = [*KINDS, *TABLES]
    inside = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    for name in inside:
        if name not in known:
            near = nearest(name, known, 1)
            hint = f"Did you mean {near[0]}?" if near else f"Folders of a catalog: {', '.join(sorted(known))}."
            return f"{folder / name}: no such kind of record. {hint}"
        for path in (folder / name).glob("*.yml"):
            return f"{path}: catalog files end in .yaml; rename it."
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.csv")]):
        place = "prices/" if path.suffix == ".csv" else "the folder of its kind, such as accelerators/"
        return f"{path}: stands beside the folders, where nothing reads it; move it into {place}."
    if not inside:
        return f"{folder}: holds no catalog; expected folders such as accelerators/, chassis/ or prices/."
    return None


def _rows(layer: Layer, relative: str, mistakes: list[str]) -> Iterator[tuple[int, Any]]:
    """Position and content of every record of a file; tables that live beside records give none."""
    try:
        content = layer.yaml(relative)
    except CatalogError as error:
        mistakes.append(str(error))
        return
    if relative in TABLES_BESIDE_RECORDS:
        return
    records = content.get("records") if isinstance(content, dict) else None
    if not isinstance(records, list) or len(content) != 1:
        mistakes.append(f"{layer.folder / relative}: expected one key, records:, with a list of records.")
        return
    yield from enumerate(records)


def _typed[T: Record](model: type[T], row: Any, layer: Layer, relative: str, k: int, mistakes: list[str]) -> T | None:
    try:
        return model.model_validate(row)
    except ValidationError as error:
        name = row.get("id", "?") if isinstance(row, dict) else "?"
        for detail in error.errors(include_url=False):
            where = _where(layer, relative, ("records", k, *detail["loc"]))
            field = ".".join(str(part) for part in detail["loc"])
            mistakes.append(f"{where}: {name}: {_told(model, field, detail)}")
        return None


def _where(layer: Layer, relative: str, key: tuple[str | int, ...]) -> str:
    """file:line:col of a key path, or of its nearest ancestor."""
    places: Places = {}
    path = str(layer.folder / relative)
    parse_yaml(layer.contents[relative], path, places)
    while key and key not in places:
        key = key[:-1]
    line, column = places.get(key, (1, 1))
    return f"{path}:{line}:{column}"


def _told(model: type[Record], field: str, detail: Any) -> str:
    """One mistake of a record in words."""
    match detail["type"]:
        case "extra_forbidden":
            near = nearest(field, model.model_fields, 1)
            hint = f"Did you mean {near[0]}?" if near else f"Fields: {', '.join(model.model_fields)}."
            return f"{field}: unknown field. {hint}"
        case "missing":
            return f"{field}: is needed and missing."
        case "value_error":
            return f"{field + ': ' if field else ''}{detail['ctx']['error']}"
        case _:
            said = str(detail["msg"])
            return f"{field}: {said[:1].lower()}{said[1:]}, got {detail['input']!r:.80}."


def _price_rows(raw: bytes, name: str, mistakes: list[str]) -> Iterator[Price]:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        mistakes.append(
            f"{name}:{raw[: error.start].count(chr(10).encode()) + 1}: is not UTF-8 text; save it as UTF-8."
        )
        return
    reader = csv.DictReader("" if line.startswith("#") else line for line in text.splitlines(keepends=True))
    try:
        for row in reader:
            given = {k: v for k, v in row.items() if v not in ("", None)}
            if None in given:
                mistakes.append(f"{name}:{reader.line_num}: more cells than columns; quote texts that hold commas.")
                continue
            try:
                yield Price.model_validate(given)
            except ValidationError as error:
                for detail in error.errors(include_url=False):
                    field = ".".join(str(part) for part in detail["loc"])
                    who = given.get("part", "?")
                    mistakes.append(f"{name}:{reader.line_num}: price of {who}: {_told(Price, field, detail)}")
    except csv.Error as error:
        mistakes.append(f"{name}:{reader.line_num}: not a CSV table: {error}.")


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
