"""What `planner optimize` prints."""

from __future__ import annotations

import re
from pathlib import Path

from plans import sample

from planner.plan import PlannedCheck
from planner.summary import summary


def test_it_names_the_build_the_room_the_money_and_the_files() -> None:
    plan = sample.sixty_four()
    text = summary(plan, (Path("out/plan.json"),))
    assert text.startswith(f"{plan.project}: lowest purchase cost, proven best, gap 0.")
    assert f"{plan.totals.capex:,.2f}" in text
    assert f"{plan.totals.racks} racks, " in text
    assert text.endswith("wrote out/plan.json")


def test_it_speaks_of_parts_by_name_and_never_in_powers_of_ten() -> None:
    plan = sample.sixty_four()
    limit = plan.limits[0].model_copy(
        update={"name": "budget.capex", "have": 45_000_000.0, "used": 43_832_770.55, "binding": True, "unit": "USD"}
    )
    text = summary(plan.model_copy(update={"limits": (limit,)}), ())
    assert re.search(r"budget\.capex: 43,832,77[\d.]+ of 45,000,000 USD", text)
    assert "e+0" not in text
    for pool in plan.pools:
        assert f" {pool.chassis} " not in text
        assert plan.names[pool.accelerator] in text


def test_one_rack_and_a_shared_switch() -> None:
    plan = sample.single()
    inband, oob = plan.fabrics
    plan = plan.model_copy(
        update={
            "totals": plan.totals.model_copy(update={"racks": 1}),
            "fabrics": (inband, oob.model_copy(update={"leaf": 0, "spine": 0, "core": 0, "cables": 1})),
        }
    )
    text = summary(plan, ())
    assert "1 rack, " in text
    assert "Out-of-band: on the switch of in-band management, 1 cable (" in text


def test_a_check_that_fails_is_said_with_what_mends_it_and_others_are_not() -> None:
    felt = PlannedCheck(
        number=12, id="feed-lost", title="A feed is lost", status="FAIL", case="stops", have="node stops", need="2N",
        text="A lost feed is felt.", mend="Three feeds.",
    )  # fmt: skip
    fine = felt.model_copy(update={"number": 6, "title": "Power per rack", "status": "PASS"})
    text = summary(sample.sixty_four().model_copy(update={"checks": (felt, fine)}), ())
    assert "12 A feed is lost: node stops. To mend: Three feeds." in text
    assert "Power per rack" not in text
