"""Random sites of ordinary size over the shipped catalog, planned whole: python benchmarks/random_sites.py [--seed 1]

Each request is drawn as a person might write it (country, customer, one to three works, room, budget, network).
It must end in a plan that `planner verify` accepts and whose documents can be written, or in an explanation; anything
else is a defect and is printed with its seed. Prints what each seed came to; exit code 1 when there was a defect.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import yaml

from planner.catalog import Catalog
from planner.errors import InputError, NoPlan
from planner.exports import cables
from planner.facility.checks import run_checks
from planner.optimize import optimize
from planner.outputs import write_all
from planner.sitefile import read_site_text
from planner.verify import verify

ON = dt.date(2026, 11, 24)
CURRENCIES = {"US": "USD", "DE": "EUR", "GB": "GBP", "CN": "CNY", "SG": "USD", "AE": "USD", "NO": "NOK", "JP": "JPY"}
COUNTRIES = [*CURRENCIES, "MY", "IN", "BR", "FR", "SA", "KR"]
CARDS = [
    "h100-sxm5",
    "h200-sxm5",
    "b200-sxm6",
    "l40s",
    "mi300x",
    "h20",
    "a100-sxm4-80",
    "ascend-910b",
    "rtx-pro-6000-se",
]
MODELS = [
    "llama3.1-8b",
    "llama3.1-70b",
    "llama3.1-405b",
    "deepseek-v3",
    "qwen3-235b-a22b",
    "mixtral-8x7b",
    "gpt-oss-120b",
]


def work(draw: random.Random, number: int) -> dict[str, Any]:
    """One piece of work."""
    named = {"name": f"work-{number}"}
    kind = draw.choice(["pool", "train", "tune", "serve", "serve", "users", "vision", "hpc", "video", "most"])
    if kind == "pool":
        return {
            **named,
            "kind": "capacity",
            "accelerator": draw.choice(CARDS),
            "count": draw.choice([4, 8, 30, 64, 200, 512]),
        }
    if kind in ("train", "tune"):
        tokens = draw.choice([1e9, 2e10, 3e11]) if kind == "tune" else draw.choice([1e11, 1e12])
        method = {"method": draw.choice(["lora", "finetuning", "continued"])} if kind == "tune" else {}
        days = draw.choice([2, 14, 60, 180])
        return {
            **named,
            "kind": "training",
            "model": draw.choice(MODELS),
            "tokens": tokens,
            "within_days": days,
            **method,
        }
    if kind in ("serve", "users"):
        demand = {"requests_per_s": draw.choice([0.5, 4, 25, 120])}
        if kind == "users":
            demand = {"concurrent_users": draw.choice([10, 200, 3000]), "think_time_s": draw.choice([0, 10, 40])}
        targets = draw.choice([{}, {"ttft_ms": 2000, "tpot_ms": 60}, {"tpot_ms": 25}])
        lengths = {"input_tokens": draw.choice([200, 2000, 16000]), "output_tokens": draw.choice([50, 400, 2000])}
        share = {"share": True} if draw.random() < 0.3 else {}
        return {**named, "kind": "inference", "model": draw.choice(MODELS), **lengths, **demand, **targets, **share}
    if kind == "vision":
        benchmark = draw.choice(["resnet-50", "bert-large", "sdxl", "dlrm", "whisper"])
        amount = {"sdxl": 20, "dlrm": 500_000}.get(benchmark, 20_000)
        share = {"share": True} if draw.random() < 0.5 else {}
        return {
            **named,
            "kind": "inference",
            "benchmark": benchmark,
            "samples_per_s": amount * draw.choice([1, 5]),
            **share,
        }
    if kind == "hpc":
        return {**named, "kind": "hpc", "precision": "fp64", "sustained_pflops": draw.choice([0.3, 2, 10])}
    if kind == "video":
        return {
            **named,
            "kind": "inference",
            "benchmark": "resnet-50",
            "streams": draw.choice([20, 400]),
            "resolution": "1080p",
        }
    return {**named, "kind": "training", "model": draw.choice(MODELS[:2]), "maximise": "tokens_per_day"}


def site(seed: int) -> dict[str, Any]:
    """A request as written in YAML."""
    draw = random.Random(seed)
    country = draw.choice(COUNTRIES)
    works = [work(draw, number + 1) for number in range(draw.choice([1, 1, 1, 2, 2, 3]))]
    room: dict[str, Any] = {"country": country}
    if draw.random() < 0.7:
        room["racks"] = draw.choice([2, 8, 30, 200])
    if draw.random() < 0.7:
        room["rack_power_kw"] = draw.choice([8, 17, 35, 50, 130])
    if draw.random() < 0.6:
        room |= {"utility_power_kw": draw.choice([40, 300, 2500, 20_000]), "pue": draw.choice([1.15, 1.35])}
    room["cooling"] = draw.choice(["air", "air", "liquid", {"air_kw_per_rack": 20, "liquid_kw_per_rack": 90}])
    if draw.random() < 0.25:
        room["feeds"] = {
            "count": draw.choice([2, 3, 4]),
            "redundancy": draw.choice(["N", "N+1", "2N"]),
            "kw_each": draw.choice([17, 35, 60]),
        }
    budget: dict[str, Any] = {"currency": CURRENCIES.get(country, "USD")}
    if draw.random() < 0.5 or any("maximise" in w for w in works):
        scale = {"CNY": 7, "NOK": 10, "JPY": 156}.get(budget["currency"], 1)
        budget["capex"] = draw.choice([300_000, 2_000_000, 20_000_000]) * scale
    fabric = draw.choice(
        [
            {},
            {},
            {"technology": "infiniband"},
            {"technology": "ethernet", "oversubscription": 2.0},
            {"reserve_nodes": 16},
        ]
    )
    request: dict[str, Any] = {
        "project": f"Random site {seed}",
        "language": draw.choice(["en", "zh"]),
        "customer": {"headquarters": country, "ultimate_parent": country},
        "site": room,
        "budget": budget,
        "workloads": works,
        "preferences": {"fabric": fabric},
        "objective": draw.choice(["lowest_capex", "lowest_capex", "lowest_tco", "lowest_power", "highest_performance"]),
    }
    if country == "CN" or draw.random() < 0.3:
        request["compliance"] = {
            "accept": ["no_licence_required", "domestic_supply", "licence_exception", "licence_required"]
        }
    if draw.random() < 0.3:
        request["storage"] = {"usable_tb": draw.choice([50, 1000]), "profile": draw.choice(["good", "better", "best"])}
    return request


def written(seed: int) -> str:
    """The site file of a seed."""
    return str(yaml.safe_dump(site(seed), allow_unicode=True, sort_keys=False))


def outcome(seed: int, catalog: Catalog, seconds: int) -> tuple[bool, str]:
    """Whether a seed shows a defect, and what it came to."""

    def late(*_: object) -> None:
        raise TimeoutError(f"not done after {seconds} s of processor time")

    signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        plan = optimize(read_site_text(written(seed), f"seed {seed}", catalog), catalog, ON)
        wrong = [str(finding) for finding in verify(plan, catalog)]
        with tempfile.TemporaryDirectory() as folder:
            write_all(plan, Path(folder))
        failed = [str(check.number) for check in run_checks(plan, catalog) if check.status == "FAIL"]
        rows = sum(1 for _ in cables.schedule(plan, catalog))
    except NoPlan as none:
        return False, "no plan: " + str(none).replace("\n", " ")[:150]
    except InputError as error:
        return False, "input: " + str(error).replace("\n", " ")[:150]
    except TimeoutError as late_one:
        return True, str(late_one)
    except Exception:  # the point is to find what nobody foresaw
        return True, traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    pools = ", ".join(f"{pool.nodes} × {pool.chassis}" for pool in plan.pools)
    told = (
        f"{plan.status}: {pools}; {len(plan.racks)} racks, {rows} cables; checks failed: {' '.join(failed) or 'none'}"
    )
    return bool(wrong), told + ("; verify: " + "; ".join(wrong[:3]) if wrong else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sites", type=int, default=40)
    parser.add_argument("--seconds", type=int, default=60, help="processor time for one site")
    parser.add_argument("--show", action="store_true", help="print the site file of --seed and stop")
    given = parser.parse_args()
    if given.show:
        print(written(given.seed), end="")
        return
    catalog, defects = Catalog.load(), 0
    for seed in range(given.seed, given.seed + given.sites):
        started = time.process_time()
        bad, told = outcome(seed, catalog, given.seconds)
        defects += bad
        print(f"{seed:>5} {time.process_time() - started:6.1f} s {'DEFECT ' if bad else ''}{told}", flush=True)
    print(f"{given.sites} sites, {defects} defects")
    sys.exit(1 if defects else 0)


if __name__ == "__main__":
    main()
