"""The layers of docs/architecture.md, held by walking the syntax trees."""

from __future__ import annotations

import ast
from pathlib import Path

import planner

ROOT = Path(planner.__file__).parent
LAYERS = [
    "errors units highs progress files",
    "request parts plan taxes",
    "catalog yamltext modelconfig sitefile siteschema demand compliance nodes fabric site rackfit placement neighbours "
    "floorplan wiring pricing storage_need facility",
    "model racking offers rackneeds bundles spares candidates stocked shared storage_options dominance packing "
    "rackcuts problem headroom reach formulation solve lines assemble screened report service_notes media_notes "
    "bandwidth_notes storage_notes topology_notes unplanned compose explain advice optimize acceptance "
    "alternatives sizing worked accuracy",
    "lookup lint cable_totals pricelist planfile verify compare bom quote workbook workbook_site workbook_prices "
    "workbook_energy worksheet spreadsheet proposal proposal_brief proposal_checks proposal_notes proposal_results "
    "drawings wording exports outputs",
    "summary printing printing_fabric printing_room size_text accuracy_text comply cli cli_catalog cli_prices",
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names.split()}
# Rooms of layer 2 that may know one another, beside the catalog: who -> whom.
NEIGHBOURS = {
    "sitefile": {"catalog", "yamltext", "modelconfig", "demand"},
    "modelconfig": set(),
    "siteschema": set(),
    "nodes": {"catalog", "pricing", "site"},
    "demand": {"catalog"},
    "compliance": {"catalog"},
    "fabric": {"catalog", "yamltext"},
    "pricing": {"catalog"},
    "site": {"rackfit"},
    "rackfit": set(),
    "placement": {"site"},
    "neighbours": {"site"},
    "floorplan": set(),
    "wiring": {"catalog", "fabric", "floorplan"},
    "facility": {"catalog", "site", "wiring"},
    "storage_need": {"catalog", "demand"},
    "catalog": set(),
    "yamltext": set(),
}


def rooms_used(path: Path) -> set[str]:
    """First-level names under planner/ that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "planner":
            found |= {alias.name for alias in node.names if alias.name in LEVEL}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("planner."):
            found.add((node.module or "").split(".")[1])
    return found


def test_every_file_imports_only_lower_layers_and_named_neighbours() -> None:
    wrong = []
    for path in sorted(ROOT.rglob("*.py")):
        room = path.relative_to(ROOT).parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        assert room in LEVEL, f"{room} stands in no layer of docs/architecture.md"
        for other in rooms_used(path) - {room}:
            high = LEVEL[other] > LEVEL[room]
            stranger = LEVEL[room] == LEVEL[other] == 2 and other not in NEIGHBOURS[room]
            if high or stranger or (LEVEL[room] == 4 and LEVEL[other] == 3):
                wrong.append(f"{path.name} imports {other}")
    assert not wrong


def test_verify_is_an_independent_witness() -> None:
    allowed = {"errors", "units", "parts", "plan", "catalog", "verify"}
    for path in [ROOT / "verify.py", *sorted((ROOT / "verify").glob("*.py"))]:
        if path.exists():
            assert rooms_used(path) <= allowed, path
