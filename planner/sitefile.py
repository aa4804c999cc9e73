"""Site files: text into a Request, with every mistake of a file told at once, by line and column.

`where: key: expected ..., got ....` with the nearest valid word where one is near.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from planner import demand
from planner.catalog import Catalog, nearest, overlay_mistake
from planner.errors import InputError, PlannerError, UnknownPart
from planner.modelconfig import read_config
from planner.request import InlineModel, Request, Workload
from planner.yamltext import Key, Quoted, Text, parse, read_text

# Keys of a workload beside name, kind, share, accelerator, spare_nodes: needed and allowed together, by kind.
JOB = (
    "sequence_length",
    "global_batch_tokens",
    "method",
    "weights_precision",
    "layout",
    "achieved",
    "checkpoint_gb_per_s",
)
FORMS: dict[str, tuple[tuple[frozenset[str], frozenset[str]], ...]] = {
    "training": (
        (
            frozenset({"model", "tokens", "within_days"}),
            frozenset({"precision", *JOB}),
        ),
        (frozenset({"benchmark", "samples_per_s"}), frozenset({"precision"})),
        (frozenset({"model", "maximise"}), frozenset({"precision", *JOB})),
        (frozenset({"benchmark", "maximise"}), frozenset({"precision"})),
    ),
    "inference": (
        (
            frozenset({"model", "input_tokens", "output_tokens", "requests_per_s"}),
            frozenset({"precision", "ttft_ms", "tpot_ms", "prefix_share", "speculative"}),
        ),
        (
            frozenset({"model", "input_tokens", "output_tokens", "concurrent_users"}),
            frozenset({"precision", "ttft_ms", "tpot_ms", "prefix_share", "speculative", "think_time_s"}),
        ),
        (
            frozenset({"model", "input_tokens", "output_tokens", "maximise"}),
            frozenset({"precision", "ttft_ms", "tpot_ms", "prefix_share", "speculative"}),
        ),
        (frozenset({"benchmark", "samples_per_s"}), frozenset({"precision"})),
        (frozenset({"benchmark", "streams"}), frozenset({"precision", "frames_per_s", "resolution"})),
        (frozenset({"benchmark", "maximise"}), frozenset({"precision"})),
    ),
    "hpc": (
        (frozenset({"sustained_pflops"}), frozenset({"precision"})),
        (frozenset({"maximise"}), frozenset({"precision"})),
    ),
    "capacity": (
        (frozenset({"accelerator", "count"}), frozenset()),
        (frozenset({"pflops"}), frozenset({"precision"})),
        (frozenset({"maximise"}), frozenset()),
    ),
}
# Codes of ISO 3166-1 alpha-3 that people write, and UK, which is no code at all. Others get no suggestion.
_THREE_LETTERS = """
    UK=GB USA=US UAE=AE ARE=AE ARG=AR AUS=AU AUT=AT BEL=BE BGR=BG BHR=BH BRA=BR CAN=CA CHE=CH CHL=CL CHN=CN COL=CO
    CZE=CZ DEU=DE DNK=DK EGY=EG ESP=ES EST=EE FIN=FI FRA=FR GBR=GB GRC=GR HKG=HK HRV=HR HUN=HU IDN=ID IND=IN IRL=IE
    IRN=IR ISL=IS ISR=IL ITA=IT JPN=JP KAZ=KZ KEN=KE KOR=KR KWT=KW LTU=LT LUX=LU LVA=LV MAC=MO MAR=MA MEX=MX MYS=MY
    NGA=NG NLD=NL NOR=NO NZL=NZ OMN=OM PAK=PK PHL=PH POL=PL PRT=PT QAT=QA ROU=RO RUS=RU SAU=SA SGP=SG SVK=SK SVN=SI
    SWE=SE THA=TH TUR=TR TWN=TW UKR=UA VNM=VN ZAF=ZA
"""
THREE_LETTERS = dict(pair.split("=") for pair in _THREE_LETTERS.split())
COMMON = frozenset({"name", "kind", "share", "accelerator", "spare_nodes"})
MAXIMISE = {
    "training": ("tokens_per_day", "samples_per_s"),
    "inference": ("requests_per_s", "samples_per_s"),
    "hpc": ("sustained_pflops",),
    "capacity": ("accelerators",),
}


def open_site(path: Path, overlays: Sequence[Path] = ()) -> tuple[Request, Catalog]:
    """The request in a site file and the catalog it is planned with: shipped, then `catalog:` of the file, then
    `overlays` of the command line; each layer adds to and replaces those before it. InputError carries every mistake.
    """
    source = parse(read_text(path), str(path))
    given = source.data.get("catalog") if isinstance(source.data, dict) else None
    if isinstance(given, str):
        given = [given]
    folders: list[Path] = []
    for k, name in enumerate(given if isinstance(given, list) else []):
        if not isinstance(name, str):
            continue  # told with the other types when the request is read
        folder = path.parent / name
        wrong = overlay_mistake(folder)
        if wrong is not None:
            source.mistake(("catalog", k), f"catalog: {wrong}")
        folders.append(folder)
    if source.mistakes:
        raise InputError(source.mistakes)
    catalog = Catalog.load([*folders, *overlays])
    return read_site(path, catalog), catalog


def read_site(path: Path, catalog: Catalog) -> Request:
    """The request in a site file. InputError carries every mistake."""
    return read_site_text(read_text(path), str(path), catalog)


def read_site_text(text: str, name: str, catalog: Catalog) -> Request:
    """The request in a site file's text; `name` is what messages call the file."""
    source = parse(text, name)
    data = source.data
    _fabric(source, data)
    _ratio(data)
    _cooling(source, data)
    _default_names(data)
    if isinstance(data, dict) and isinstance(data.get("catalog"), str):
        data["catalog"] = [data["catalog"]]  # one folder needs no list
    _read_configs(source, data)
    request: Request | None = None
    try:
        request = Request.model_validate(data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _tell(source, detail)
    _check_scalars(source, data)
    _check_workloads(source, data)
    if request is not None:
        _check_names(source, request, catalog)
        _check_sense(source, request, catalog)
    if source.mistakes:
        raise InputError(sorted(set(source.mistakes), key=lambda m: (m.line or 0, m.column or 0, m.message)))
    assert request is not None
    return request


def normalised(request: Request) -> dict[str, Any]:
    """The request as JSON-able data with every default filled in, in a stable order."""
    found: dict[str, Any] = _jsonable(request.model_dump(mode="python"))
    return found


def defaults_used(request: Request) -> list[tuple[str, Any]]:
    """Every default that applied because the file did not say: dotted key and value, in key order."""
    return list(_defaults(request, ""))


def country_codes(catalog: Catalog) -> frozenset[str]:
    """ISO 3166-1 alpha-2 codes."""
    return frozenset(str(catalog.table("rates/iso-countries")["codes"]).split())


def country_meant(text: str) -> str | None:
    """The two-letter code that a small or three-letter one stands for; None where that is not known for certain."""
    code = text.strip().upper()
    return THREE_LETTERS.get(code, code if len(code) == 2 and code != text else None)


# -- before validation -----------------------------------------------------------------------------------------------
def _fabric(source: Text, data: Any) -> None:
    """`fabric: {...}` may stand by itself; it is `preferences: {fabric: {...}}`."""
    if not isinstance(data, dict) or "fabric" not in data:
        return
    preferences = data.setdefault("preferences", {})
    if not isinstance(preferences, dict):
        return  # told as what it is
    if "fabric" in preferences:
        source.mistake(("fabric",), "fabric: stands here and under preferences; keep one.", at_key=True)
    else:
        preferences["fabric"] = data["fabric"]
        for places in (source.keys, source.values):
            places.update({("preferences", *key): place for key, place in places.items() if key[:1] == ("fabric",)})
    del data["fabric"]


def _ratio(data: Any) -> None:
    """`2:1` as an oversubscription is 2."""
    fabric = _inside(data, "preferences", "fabric")
    if isinstance(fabric, dict) and isinstance(fabric.get("oversubscription"), str):
        pieces = str(fabric["oversubscription"]).split(":")
        try:
            if len(pieces) == 2 and float(pieces[1]) > 0:
                fabric["oversubscription"] = float(pieces[0]) / float(pieces[1])
        except ValueError:
            return


def _cooling(source: Text, data: Any) -> None:
    """`cooling: {air_kw_per_rack: ...}` is the long form: terms, and liquid where the room cools any by liquid."""
    site = _inside(data, "site")
    if isinstance(site, dict) and "cooling_terms" in site:  # the request's own name for it is none of a site file
        message = "site.cooling_terms: unknown key; write it as cooling: {air_kw_per_rack: ...}."
        source.mistake(("site", "cooling_terms"), message)
        del site["cooling_terms"]
    terms = site.get("cooling") if isinstance(site, dict) else None
    if isinstance(terms, dict):
        liquid = terms.get("liquid_kw_per_rack")
        site["cooling_terms"] = terms
        site["cooling"] = "liquid" if isinstance(liquid, int | float) and liquid > 0 else "air"


def _default_names(data: Any) -> None:
    """Workloads without a name are called after their kind: training, training-2 ..."""
    workloads = data.get("workloads") if isinstance(data, dict) else None
    if not isinstance(workloads, list):
        return
    taken = {w.get("name") for w in workloads if isinstance(w, dict)}
    for workload in workloads:
        if isinstance(workload, dict) and "name" not in workload and isinstance(workload.get("kind"), str):
            name, k = workload["kind"], 2
            while name in taken:
                name, k = f"{workload['kind']}-{k}", k + 1
            taken.add(name)
            workload["name"] = name


def _read_configs(source: Text, data: Any) -> None:
    """`model: {config: config.json}` takes what it does not state itself from that file, beside the site file."""
    for k, workload in enumerate(_inside(data, "workloads") or []):
        model = workload.get("model") if isinstance(workload, dict) else None
        if not isinstance(model, dict) or not isinstance(model.get("config"), str):
            continue
        found = read_config(Path(source.name).parent / model["config"])
        if isinstance(found, str):
            source.mistake(("workloads", k, "model", "config"), f"workloads[{k}].model.config: {found}")
        else:
            workload["model"] = {**found, **model}


def _inside(data: Any, *keys: str) -> Any:
    for key in keys:
        if not isinstance(data, dict):
            return None
        data = data.get(key)
    return data


# -- telling mistakes ------------------------------------------------------------------------------------------------
def _tell(source: Text, detail: ErrorDetails) -> None:
    """One pydantic error in the house's words."""
    key: Key = tuple(
        k for k in detail["loc"] if not (isinstance(k, str) and k in ("int", "float", "str", "InlineModel"))
    )
    valid_at = key[:-1]
    if key[:2] == ("site", "cooling_terms"):  # as it is written: `cooling: {...}`
        key = ("site", "cooling", *key[2:])
    dotted = _dotted(key)
    kind, context, got = detail["type"], detail.get("ctx", {}), _shown(detail["input"])
    if kind == "string_type" and isinstance(detail["input"], dict) and key[-1:] == ("model",):
        return  # a model described by keys; what is wrong with them is told
    if kind.startswith("model_") and key[-1:] == ("model",):
        return  # told once, as the text that it could be as well
    if kind == "string_type" and key[-1:] == ("model",):
        message = f"expected a model's name, or keys that describe one (parameters: 70e9 ...), got {got}."
        source.mistake(key, f"{dotted}: {message}")
        return
    if kind == "extra_forbidden":
        valid = sorted(_fields(valid_at))
        near = nearest(str(key[-1]), valid, 1)
        hint = f" Did you mean {near[0]}?" if near else f" Valid keys: {', '.join(valid)}."
        source.mistake(key, f"{dotted}: unknown key.{hint}", at_key=True)
        return
    if kind == "too_short" and detail["input"]:
        return  # the list has entries; their own mistakes are told
    if kind == "missing":
        source.mistake(key[:-1], f"{dotted}: is needed and missing.", at_key=True)
        return
    source.mistake(key, f"{dotted}: expected {_expected(kind, context, key)}, got {got}.{_hint(kind, context, detail)}")


def _expected(kind: str, context: Mapping[str, Any], key: Key) -> str:
    number = "a whole number" if _is_whole(key) else "a number"
    match kind:
        case "literal_error":
            return "one of " + str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")
        case "greater_than":
            return f"{number} above {_plain_number(context['gt'])}"
        case "greater_than_equal":
            return f"{number} of at least {_plain_number(context['ge'])}"
        case "less_than":
            return f"{number} below {_plain_number(context['lt'])}"
        case "less_than_equal":
            return f"{number} of at most {_plain_number(context['le'])}"
        case "string_pattern_mismatch":
            currency = "{3}" in str(context.get("pattern"))
            return (
                "a currency code of three capital letters, such as EUR"
                if currency
                else ("a country code of two capital letters (ISO 3166-1), such as DE")
            )
        case "string_type" | "string_sub_type":
            return "text"
        case "string_too_long":
            return f"at most {context.get('max_length')} characters"
        case "bool_type" | "bool_parsing":
            return "true or false"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "keys and values (key: value)"
        case "tuple_type" | "list_type":
            return "a list"
        case "too_short":
            return "at least one entry"
        case "too_long":
            return f"at most {context.get('max_length')} entries"
        case "int_from_float":
            return "a whole number"
        case "finite_number":
            return "a finite number"
        case _ if kind.startswith("date"):
            return "a date, YYYY-MM-DD"
        case _:
            return number


def _hint(kind: str, context: Mapping[str, Any], detail: ErrorDetails) -> str:
    if kind == "literal_error":
        words = [w.strip() for w in str(context.get("expected", "")).replace("'", "").replace(" or ", ",").split(",")]
        near = nearest(str(detail["input"]), words, 1)
        return f" Did you mean {near[0]}?" if near else ""
    text = detail["input"]
    if isinstance(text, str) and kind.startswith(("int", "float", "decimal")) and "," in text:
        return " Group digits with _ (45_000_000), not with commas."
    if kind == "string_pattern_mismatch" and isinstance(text, str) and text.isalpha() and len(text) in (2, 3):
        if "{3}" in str(context.get("pattern")):
            return f" Did you mean {text.upper()}?" if len(text) == 3 else ""
        meant = country_meant(text)
        return f" Did you mean {meant}?" if meant else ""
    return ""


def _plain_number(value: Any) -> str:
    number = float(value)
    return f"{number:,.0f}" if number == int(number) and abs(number) < 1e13 else f"{number:,g}"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "keys and values"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _dotted(key: Key) -> str:
    out = ""
    for part in key:
        out += f"[{part}]" if isinstance(part, int) else (f".{part}" if out else str(part))
    return out or "the file"


@cache
def _fields(key: Key) -> frozenset[str]:
    """The valid keys at a path of the request."""
    model = _model_at(key)
    return frozenset(model.model_fields) if model is not None else frozenset()


def _model_at(key: Key) -> type[BaseModel] | None:
    model: type[BaseModel] = Request
    for part in key:
        if isinstance(part, int):
            continue
        info = model.model_fields.get(part)
        found = _model_in(info.annotation) if info is not None else None
        if found is None:
            return None
        model = found
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = _model_in(argument)
        if found is not None:
            return found
    return None


def _is_whole(key: Key) -> bool:
    if not key or not isinstance(key[-1], str):
        return False
    model = _model_at(key[:-1])
    info = model.model_fields.get(key[-1]) if model else None
    return info is not None and "int" in str(info.annotation) and "float" not in str(info.annotation)


# -- checks that types cannot make -------------------------------------------------------------------------------
def _check_scalars(source: Text, data: Any, key: Key = (), model: type[BaseModel] | None = Request) -> None:
    """Quoted numbers and booleans where numbers belong: they would pass silently."""
    if model is None or not isinstance(data, dict):
        return
    for name, value in data.items():
        info = model.model_fields.get(name)
        if info is None:
            continue
        inner = _model_in(info.annotation)
        if isinstance(value, list):
            for k, entry in enumerate(value):
                _check_scalars(source, entry, (*key, name, k), inner)
        elif isinstance(value, dict):
            _check_scalars(source, value, (*key, name), inner)
        else:
            numeric = any(word in str(info.annotation) for word in ("int", "float", "Decimal"))
            if numeric and isinstance(value, bool):
                source.mistake((*key, name), f"{_dotted((*key, name))}: expected a number, got {_shown(value)}.")
            elif numeric and isinstance(value, Quoted) and value.replace("_", "").replace(".", "").isdigit():
                message = f"expected a number, got the text '{value}'. Remove the quotes."
                source.mistake((*key, name), f"{_dotted((*key, name))}: {message}")


def _check_workloads(source: Text, data: Any) -> None:
    """Which keys belong together, by kind; told on the raw data so that it joins the type mistakes."""
    workloads = data.get("workloads")
    if not isinstance(workloads, list):
        return
    names: dict[str, int] = {}
    for k, workload in enumerate(workloads):
        if not isinstance(workload, dict):
            continue
        name = str(workload.get("name"))
        if name in names:
            source.mistake(("workloads", k, "name"), f"workloads[{k}].name: {name} is the name of two workloads.")
        names[name] = k
        kind = workload.get("kind")
        if kind in FORMS:
            _check_form(source, k, str(kind), workload)
        _check_job(source, k, workload)


def _check_job(source: Text, k: int, workload: dict[str, Any]) -> None:
    """A described model says enough to size it, and achieved throughput is one figure."""
    model, achieved = workload.get("model"), workload.get("achieved")
    # what a config.json lacks is told where it is read
    stated = {*model} if isinstance(model, dict) else {"config"}
    if not stated & {"config", "parameters"} and not {"layers", "hidden"} <= stated:
        message = "expected parameters (70e9), or layers and hidden, or config: a Hugging Face config.json."
        source.mistake(("workloads", k, "model"), f"workloads[{k}].model: {message}")
    if isinstance(achieved, dict) and sum(v is not None for v in achieved.values()) != 1:
        names = "mfu, tflops_per_accelerator, tokens_per_s_per_accelerator"
        source.mistake(("workloads", k, "achieved"), f"workloads[{k}].achieved: expected exactly one of {names}.")
    base, method = workload.get("weights_precision"), workload.get("method")
    if base is not None and method not in ("lora", "qlora"):
        message = "is the precision of a frozen base: it goes with method: lora or qlora."
        source.mistake(
            ("workloads", k, "weights_precision"), f"workloads[{k}].weights_precision: {message}", at_key=True
        )
    elif base == "bf16" and method == "qlora":
        message = "qlora keeps its base in 4 or 8 bits (fp4, int4, int8, fp8); method: lora keeps bf16."
        source.mistake(("workloads", k, "weights_precision"), f"workloads[{k}].weights_precision: {message}")


def _check_form(source: Text, k: int, kind: str, workload: dict[str, Any]) -> None:
    given = {key for key, value in workload.items() if value is not None and key in Workload.model_fields} - COMMON
    if kind == "capacity" and workload.get("accelerator") is not None:
        given.add("accelerator")
    forms = FORMS[kind]
    if kind == "capacity" and not ({"count", "pflops", "maximise"} & given):
        forms = forms[:1] if "accelerator" in given else forms
    key: Key = ("workloads", k)
    complete = [f for f in forms if f[0] <= given]
    if not complete:
        best = min(forms, key=lambda f: (-len(f[0] & given), forms.index(f)))
        missing = ", ".join(sorted(best[0] - given))
        choices = "; or ".join(" + ".join(sorted(f[0])) for f in forms)
        message = f"{kind} work needs {missing} as well (it is described by {choices})."
        source.mistake(key, f"workloads[{k}]: {message}")
        return
    allowed = set().union(*(f[0] | f[1] for f in complete)) | {"accelerator"}
    for extra in sorted(given - allowed):
        source.mistake(
            (*key, extra), f"workloads[{k}].{extra}: does not go with {kind} work described like this.", at_key=True
        )
    words = MAXIMISE[kind]
    if workload.get("maximise") is not None and workload["maximise"] not in words:
        source.mistake(
            (*key, "maximise"),
            f"workloads[{k}].maximise: expected {' or '.join(words)} for {kind} work, got {workload['maximise']}.",
        )


def _check_names(source: Text, request: Request, catalog: Catalog) -> None:
    """Ids that the catalog does not know, each with the nearest ones."""
    for k, workload in enumerate(request.workloads):
        key: Key = ("workloads", k)
        if workload.accelerator is not None:
            _known(source, (*key, "accelerator"), catalog.expand_accelerator, workload.accelerator)
        if isinstance(workload.model, str):
            _known(source, (*key, "model"), catalog.find_model, workload.model)
        if isinstance(workload.model, InlineModel):
            wrong = demand.inconsistent(workload.model)
            if wrong is not None:
                inner = (*key, "model", wrong[0])
                source.mistake(inner, f"{_dotted(inner)}: {wrong[1]}")
        if workload.benchmark is not None:
            _known(source, (*key, "benchmark"), lambda name: _find_benchmark(catalog, name), workload.benchmark)
    preferences: Key = ("preferences",)
    for name, look in (("accelerators", catalog.expand_accelerator), ("chassis", catalog.expand_chassis)):
        choice = getattr(request.preferences, name)
        for list_name in ("only", "exclude"):
            for i, word in enumerate(getattr(choice, list_name)):
                _known(source, (*preferences, name, list_name, i), look, word)
    switch = request.preferences.fabric.switch
    if switch is not None and switch not in catalog.switches:
        near = nearest(switch, catalog.switches)
        _unknown(source, ("preferences", "fabric", "switch"), UnknownPart("switch", switch, near))
    if request.budget.discounts is not None:
        makers = sorted({p.vendor for p in catalog.parts.values()})
        for maker in request.budget.discounts.makers:
            if maker.strip().lower() not in (m.lower() for m in makers):
                likely = difflib.get_close_matches(maker, makers, n=3, cutoff=0.5)
                _unknown(source, ("budget", "discounts", "makers", maker), UnknownPart("maker", maker, likely))
    for part in request.supply:
        if part not in catalog.parts:
            _unknown(source, ("supply", part), UnknownPart("part", part, nearest(part, catalog.parts)))
    system = request.storage.system if request.storage is not None else None
    if system is not None and system not in catalog.storage:
        _unknown(source, ("storage", "system"), UnknownPart("storage system", system, nearest(system, catalog.storage)))
    _check_vendors(source, request, catalog)


def _check_vendors(source: Text, request: Request, catalog: Catalog) -> None:
    """A vendor that makes nothing would be no preference at all."""
    makers = sorted({p.vendor for kind in (catalog.chassis, catalog.accelerators) for p in kind.values()})
    for list_name in ("only", "exclude"):
        for i, word in enumerate(getattr(request.preferences.vendors, list_name)):
            if not word.strip() or not any(word.strip().lower() in m.lower() for m in makers):
                near = nearest(word, makers) or makers
                _unknown(source, ("preferences", "vendors", list_name, i), UnknownPart("vendor", word, near))


def _find_benchmark(catalog: Catalog, name: str) -> object:
    found: object = demand.find_work(catalog, name)
    return found


def _known(source: Text, key: Key, look: Any, word: str) -> None:
    try:
        look(word)
    except UnknownPart as error:
        _unknown(source, key, error)


def _unknown(source: Text, key: Key, error: PlannerError) -> None:
    source.mistake(key, f"{_dotted(key)}: {error}")


def _check_sense(source: Text, request: Request, catalog: Catalog) -> None:
    """Countries, PUE, currencies, and a maximise without any limit."""
    codes = country_codes(catalog)
    places: list[tuple[Key, str | None]] = [
        (("site", "country"), request.site.country),
        (("customer", "headquarters"), request.customer.headquarters),
        (("customer", "ultimate_parent"), request.customer.ultimate_parent),
        (("compliance", "ship_from"), request.compliance.ship_from),
    ]
    for key, code in places:
        if code is not None and code not in codes:
            meant = country_meant(code)
            hint = f" Did you mean {meant}?" if meant else ""
            source.mistake(
                key, f"{_dotted(key)}: {code} is not a country code of ISO 3166-1 (such as DE, CN, US).{hint}"
            )
    if "prohibited" in request.compliance.accept:
        source.mistake(
            ("compliance", "accept"),
            "compliance.accept: prohibited cannot be accepted; embargoes and presumptions of denial are never planned.",
        )
    site, budget = request.site, request.budget
    _check_feeds(source, request)
    if site.pue is not None and site.pue_annual is not None and site.pue_annual > site.pue:
        source.mistake(
            ("site", "pue_annual"),
            f"site.pue_annual: expected at most the peak-day pue {site.pue:g}, got {site.pue_annual:g}.",
        )
    free = [w for w in request.workloads if w.maximise is not None]
    limited = budget.capex or site.it_power_kw or site.utility_power_kw or site.racks or request.supply
    if request.objective == "highest_performance" and not free and not limited:
        source.mistake(("objective",), "objective: highest_performance needs a limit: budget, power, racks or supply.")
    for workload in free:
        if not limited and workload.count is None:
            k = request.workloads.index(workload)
            source.mistake(
                ("workloads", k, "maximise"),
                f"workloads[{k}].maximise: needs a limit: budget.capex, site power, site.racks or supply.",
            )
    known = _currencies(catalog)
    if known and budget.currency not in known and budget.currency not in budget.exchange_rates:
        source.mistake(
            ("budget", "currency"),
            f"budget.currency: no exchange rate for {budget.currency}; give budget.exchange_rates: "
            f"{{{budget.currency}: units per USD}}.",
        )


def _check_feeds(source: Text, request: Request) -> None:
    """Feeds that can lose what their redundancy says; high-voltage direct current where it is in use."""
    feeds = request.site.feeds
    if feeds is None:
        return
    if feeds.redundancy == "2N" and feeds.count % 2:
        source.mistake(
            ("site", "feeds", "count"),
            f"site.feeds.count: 2N needs feeds in pairs, got {feeds.count}; give an even number.",
        )
    elif feeds.redundancy == "N+1" and feeds.count < 2:
        source.mistake(("site", "feeds", "count"), "site.feeds.count: N+1 needs at least 2 feeds, got 1.")
    if feeds.supply != "ac" and request.site.country != "CN":
        source.mistake(
            ("site", "feeds", "supply"),
            f"site.feeds.supply: {feeds.supply} is for sites in CN only, the site is in {request.site.country}.",
        )


def _currencies(catalog: Catalog) -> frozenset[str]:
    table = catalog.table("rates/exchange")
    rates = table.get("rates", {}) if isinstance(table, dict) else {}
    return frozenset({"USD", *(str(k) for k in rates)})


# -- after validation ------------------------------------------------------------------------------------------------
def _defaults(model: BaseModel, prefix: str) -> Iterator[tuple[str, Any]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        dotted = f"{prefix}{name}"
        if isinstance(value, BaseModel):
            yield from _defaults(value, f"{dotted}.")
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            for k, entry in enumerate(value):
                if isinstance(entry, BaseModel):
                    yield from _defaults(entry, f"{dotted}[{k}].")
        elif name not in model.model_fields_set:
            yield dotted, value


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(v) for v in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value
