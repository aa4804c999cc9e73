"""The JSON schema of a site file as people write it: the request's own schema with the short forms that files may use.

The request holds one form of everything; a file may write some of it shorter (`planner.sitefile` reads them). Editors
check files against this schema, so it must take both.
"""

from __future__ import annotations

from typing import Any

from planner.request import Request

RATIO = r"^[0-9]+(\.[0-9]+)?:[0-9]*[1-9][0-9]*(\.[0-9]+)?$"


def site_schema() -> dict[str, Any]:
    """The schema of a site file (draft 2020-12)."""
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Request.model_json_schema()}
    kinds = made["$defs"]
    site = kinds["Site"]["properties"]
    terms = site.pop("cooling_terms")  # written as a mapping under `cooling`
    named = next(form for form in terms["anyOf"] if "$ref" in form)
    cooling = site["cooling"]
    kept = {key: cooling.pop(key) for key in ("enum", "type")}
    cooling["anyOf"] = [kept, named]
    workload = kinds["Workload"]
    workload["required"] = [name for name in workload["required"] if name != "name"]  # named after its kind
    ratio = kinds["FabricPreference"]["properties"]["oversubscription"]
    number = {key: ratio.pop(key) for key in ("type", "minimum", "maximum")}
    ratio["anyOf"] = [number, {"type": "string", "pattern": RATIO}]
    made["properties"]["catalog"] = {
        **made["properties"]["catalog"],
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
    }
    made["properties"]["fabric"] = {"$ref": "#/$defs/FabricPreference"}  # by itself, or under preferences
    twice = {"required": ["fabric", "preferences"], "properties": {"preferences": {"required": ["fabric"]}}}
    made["not"] = twice
    for key in ("type", "items"):
        made["properties"]["catalog"].pop(key, None)
    return made
