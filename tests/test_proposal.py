"""The proposal: nothing internal, prices with the margin, one self-contained file, printable, drawings well formed."""

from __future__ import annotations

import html
import itertools
import os
import re
import shutil
import subprocess
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from plans import sample

from planner import drawings
from planner.plan import Plan, Predicted
from planner.proposal import proposal_html, write_proposal
from planner.proposal_results import results
from planner.quote import quote
from planner.units import Money, half_up, tax_cents
from planner.wording import LANGUAGES, Wording, rmb_capitals, wording

# Statements that nobody but the authority may make about a part, plan or party.
NEVER_SAY = re.compile(r"\b(cleared|approved|legal(ly)?|compliant)\b|已放行|已获批准|合法", re.IGNORECASE)
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Reader(HTMLParser):
    """Visible text, and whether every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "srcset", "action") or name.startswith("on"):
                self.outside.append(f"{tag} {name}={value}")
        if tag in ("script", "iframe", "link", "object"):
            self.outside.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)


def page(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    assert not reader.open
    return reader


def shown(text: str) -> str:
    return " ".join(" ".join(page(text).text).split())


@pytest.fixture(params=sorted(sample.CASES))
def plan(request: pytest.FixtureRequest) -> Plan:
    return sample.build(sample.CASES[request.param])


def test_nothing_internal_is_in_the_file() -> None:
    """Unit costs, section costs, the total cost, price basis, grade, source and rejected prices, in any spelling."""
    for plan in (sample.sixty_four(), sample.chinese()):
        text = html.unescape(proposal_html(plan))
        amounts = {ln.unit_price for ln in (*plan.lines, *plan.yearly) if ln.unit_price}
        amounts |= {ln.extended for ln in (*plan.lines, *plan.yearly) if ln.extended}
        amounts |= {plan.totals.capex, plan.totals.capex_without_tax, plan.totals.tco or Decimal(1)}
        amounts |= {left.extra_cost for left in plan.left_out if left.extra_cost}
        for amount in sorted(amounts):
            assert f"{amount:.2f}" not in text, amount
            assert f"{amount:,.2f}" not in text, amount
        for line in plan.lines:
            if line.price is not None:
                assert line.price.source not in text
        assert "Confidential" not in text
        assert not re.search(r"street|margin|grade|毛利|可信等级|价格依据|no price|older than 90", shown(text))


def test_section_prices_carry_the_margin_and_round_half_up() -> None:
    plan = sample.sixty_four()
    prices = quote(plan, Decimal("12.5"))
    for section in prices.sections:
        cost = sum(ln.extended for ln in plan.lines if ln.section == section.section)
        assert section.amount == Money(half_up(cost * Decimal("112.5")), "USD").amount
    assert prices.net == sum(s.amount for s in prices.sections)
    assert f"USD {prices.total:,.2f}" in proposal_html(plan)


def test_half_a_cent_goes_up() -> None:
    plan = sample.sixty_four()
    line = plan.lines[0].model_copy(update={"extended": Decimal("0.10"), "unit_price": Decimal("0.10"), "quantity": 1})
    prices = quote(plan.model_copy(update={"lines": (line,)}), Decimal(5))
    assert prices.net == Decimal("0.11")  # 0.105


def test_tax_is_on_top_of_the_sell_price_and_both_totals_are_shown() -> None:
    plan = sample.chinese()
    prices = quote(plan, Decimal(8))
    tax = Money(tax_cents(half_up(prices.net * 100), Decimal(13)), "CNY").amount
    assert prices.total == prices.net + tax
    text = shown(proposal_html(plan))
    assert f"合计（不含税） {prices.net:,.2f} 元" in text
    assert f"增值税（13%） {tax:,.2f} 元" in text
    assert f"总计（含税） {prices.total:,.2f} 元" in text
    assert f"{prices.total / 10000:,.2f} 万元" in text
    assert rmb_capitals(prices.total) in text


def test_without_margin_the_quote_is_the_plan(plan: Plan) -> None:
    prices = quote(plan, Decimal(0))
    assert prices.net == plan.totals.capex_without_tax
    assert prices.total == plan.totals.capex
    assert prices.tco == plan.totals.tco


def test_without_an_electricity_price_no_cost_of_ownership_is_claimed() -> None:
    plan = sample.sixty_four()
    totals = plan.totals.model_copy(update={"energy_per_year": None, "energy_basis": None, "tco": None})
    plan = plan.model_copy(update={"totals": totals})
    assert quote(plan, Decimal(0)).tco is None
    text = shown(proposal_html(plan))
    assert "No electricity price is known" in text
    assert "Cost of ownership over 5 years" not in text


def test_a_decision_maker_sees_it_at_one_glance() -> None:
    text = shown(proposal_html(sample.sixty_four())).split("1 Requirement")[0]
    for piece in ("Accelerators 64", "Nodes 8", "63.3 PFLOPS", "92.58 kW", "in 3 racks", "2026-12-24", "USD 3,455,609"):
        assert piece in text, piece
    assert "Cost of ownership, 5 years USD" in text


def test_it_is_one_file_without_references_or_scripts(plan: Plan) -> None:
    text = proposal_html(plan)
    assert page(text).outside == []
    assert "url(" not in text and "@import" not in text
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)


def test_user_text_is_escaped_everywhere() -> None:
    evil = '<script>alert("x")</script>&\'"'
    plan = sample.sixty_four()
    request = {**plan.request, "customer": {**plan.request["customer"], "name": evil}}
    pool = plan.pools[0].model_copy(update={"workload": evil, "workloads": (evil,)})
    names = dict.fromkeys(plan.names, evil)
    hostile = plan.model_copy(update={"project": evil, "request": request, "pools": (pool,), "names": names})
    text = proposal_html(hostile)
    assert "<script" not in text
    assert page(text).outside == []


def test_sections_come_in_order() -> None:
    text = proposal_html(sample.chinese())
    heads = [re.sub("<[^>]+>", " ", h).split()[-1] for h in re.findall(r"<h2>(.*?)</h2>", text)]
    assert heads == [
        "需求分析",
        "总体架构",
        "整机配置",
        "性能预期",
        "分项报价",
        "供电与制冷",
        "全生命周期成本",
        "出口合规",
        "前提与假设",
        "待确认事项",
    ]


def test_chinese_reads_as_chinese() -> None:
    plan = sample.chinese()
    text = shown(proposal_html(plan))
    for term in ("加速卡", "整机", "参数面", "样本面", "业务面/管理面", "带外", "满配功耗", "机柜", "含税", "不含税"):
        assert term in text, term
    # No English sentence is left: three lower-case words in a row appear in no product name.
    assert not re.findall(r"\b[a-z]{2,} [a-z]{2,} [a-z]{2,}\b", text.replace("planner", ""))


def test_unproven_figures_say_so() -> None:
    assert "待实测验证" in proposal_html(sample.chinese())
    assert "unproven" not in shown(proposal_html(sample.sixty_four()))


def test_no_promise_about_export_is_made(plan: Plan) -> None:
    assert NEVER_SAY.findall(shown(proposal_html(plan))) == []


def test_what_the_rules_left_out_is_named_with_its_rule() -> None:
    text = shown(proposal_html(sample.sixty_four()))
    assert "NVIDIA H200 SXM5, NVIDIA B200 SXM" in text
    assert "presumption of denial" in text
    assert "B300" not in text and "b300" not in text  # left out for its price: internal


def test_drawings_are_well_formed_and_bounded() -> None:
    for case in sample.CASES.values():
        plan = sample.build(case)
        words = wording(plan.language)
        for drawing in (drawings.topology(plan, words), *drawings.elevations(plan, words)):
            root = ElementTree.fromstring(str(drawing))
            width, height = (float(n) for n in root.attrib["viewBox"].split()[2:])
            assert len(list(root.iter())) < 1500
            for box in root.iter("{http://www.w3.org/2000/svg}rect"):
                left, top = float(box.attrib["x"]), float(box.attrib["y"])
                assert left >= 0 and top >= 0
                assert left + float(box.attrib["width"]) <= width
                assert top + float(box.attrib["height"]) <= height


def test_a_pod_is_drawn_as_a_few_with_its_full_counts() -> None:
    plan = sample.pod()
    text = str(drawings.topology(plan, wording("en")))
    assert text.count('class="node"') <= 10
    assert "127 × NVIDIA DGX H100" in text
    assert "Leaf: 32 ×" in text and "Spine: 16 ×" in text
    assert "1,016 links" in text and "1,024 links" in text


def test_equal_racks_are_drawn_once() -> None:
    plan = sample.pod()
    groups = drawings.rack_groups(plan.racks)
    assert [len(g) for g in groups] == [31, 1, 1]
    assert drawings.rack_span(groups[0]) == "R01–R31"
    assert sum(len(g) for g in groups) == plan.totals.racks
    assert drawings.rack_span([plan.racks[0], plan.racks[1], plan.racks[4]]) == "R01–R02, R05"


def test_text_is_cut_to_its_room() -> None:
    assert drawings.fit("short", 100, 12) == "short"
    for text in ("NVIDIA Quantum-2 QM9700 " * 3, "算力中心建设方案" * 4):
        cut = drawings.fit(text, 120, 12)
        assert cut.endswith("…")
        assert drawings.text_width(cut, 12) <= 120


def test_both_languages_have_the_same_strings() -> None:
    english, chinese = (Wording(language) for language in LANGUAGES)
    assert english.strings.keys() == chinese.strings.keys()
    fields = re.compile(r"\{(\w+)[}:]")
    for key, text in english.strings.items():
        assert set(fields.findall(chinese.strings[key])) <= set(fields.findall(text)) | {"switch"}, key


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "零元整"),
        ("1234.50", "壹仟贰佰叁拾肆元伍角整"),
        ("10.05", "壹拾元零伍分"),
        ("100000001", "壹亿零壹元整"),
        ("13991237.63", "壹仟叁佰玖拾玖万壹仟贰佰叁拾柒元陆角叁分"),
        ("10010.00", "壹万零壹拾元整"),
        ("25000000", "贰仟伍佰万元整"),
        ("0.07", "柒分"),
        ("120300.40", "壹拾贰万零叁佰元肆角整"),
    ],
)
def test_amounts_in_capitals(amount: str, text: str) -> None:
    assert rmb_capitals(Decimal(amount)) == text


def test_the_same_plan_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        write_proposal(sample.chinese(), tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.html", "b.html"]


# -- printing --------------------------------------------------------------------------------------------------------
def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is missing: run .ci/install-debian")
        pytest.skip(f"{name} is not installed")
    return found


def printed(plan: Plan, folder: Path) -> str:
    """The text of the proposal printed on A4 by a browser."""
    browser, reader = program("chromium"), program("pdftotext")
    write_proposal(plan, folder / "proposal.html")
    command = [
        browser,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={folder / 'profile'}",
        "--no-pdf-header-footer",
        f"--print-to-pdf={folder / 'proposal.pdf'}",
        (folder / "proposal.html").as_uri(),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    target = folder / "proposal.txt"
    subprocess.run([reader, "-layout", str(folder / "proposal.pdf"), str(target)], check=True, timeout=60)
    return target.read_text(encoding="utf-8")


def test_it_prints_on_a4_with_whole_tables_and_repeated_headings(tmp_path: Path) -> None:
    plan = sample.sixty_four()
    items = [ln.model_copy(update={"position": f"9.{k}", "section": "services"}) for k, ln in enumerate(plan.lines * 5)]
    long = plan.model_copy(update={"lines": (*plan.lines, *items)})
    text = printed(long, tmp_path)
    pages = [p for p in text.split("\f") if p.strip()]
    assert 5 <= len(pages) <= 16
    listed = [p for p in pages if re.search(r"^\s*9\.\d+ ", p, re.MULTILINE)]
    assert len(listed) >= 2
    assert all(re.search(r"No\.\s+Item\s+Description", p) for p in listed), "headings are repeated on every page"
    assert len(re.findall(r"^\s*9\.\d+ ", text, re.MULTILINE)) == len(items)
    size = subprocess.run(
        [program("pdfinfo"), str(tmp_path / "proposal.pdf")], check=True, capture_output=True, text=True
    ).stdout
    width, height = (float(n) for n in re.findall(r"Page size:\s+([\d.]+) x ([\d.]+)", size)[0])
    assert (round(width), round(height)) == (595, 842)


def test_nothing_is_cut_off_at_the_right_edge_in_print(tmp_path: Path) -> None:
    """The last column of every table is there in full."""
    plan = sample.chinese()
    text = printed(plan, tmp_path)
    prices = quote(plan, Decimal(8))
    for amount in (prices.net, prices.total, *(s.amount for s in prices.sections if s.amount)):
        # The reader may put a character of another font on the line above: the unit stands right before or after.
        number = re.escape(f"{amount:,.2f}")
        assert re.search(rf"{number}\s*元|元\s*{number}", text), amount
    for net in plan.fabrics:
        assert f"{net.ports_used:,} / {net.ports_present:,}" in text


def test_a_small_site_shares_one_switch_between_two_networks() -> None:
    plan = sample.single()
    inband, oob = plan.fabrics
    shared = oob.model_copy(update={"leaf": 0, "topology": "direct", "cables": 2})
    plan = plan.model_copy(update={"fabrics": (inband, shared)})
    assert "on the switch of in-band management" in str(drawings.topology(plan, wording("en")))
    assert not re.search(r"(?<!\d)0 × ", shown(proposal_html(plan)))


def test_long_names_neither_break_the_drawings_nor_the_page() -> None:
    plan = sample.pod()
    pool = plan.pools[0].model_copy(update={"workload": "w" * 200, "workloads": ("w" * 200,)})
    plan = plan.model_copy(update={"project": "p" * 200, "pools": (pool,)})
    assert "w" * 150 not in str(drawings.topology(plan, wording("en")))
    assert "p" * 200 in proposal_html(plan)


# -- what a decision maker and a customer read -----------------------------------------------------------------------
def test_half_a_page_says_what_how_much_when_what_is_sure_and_what_to_decide() -> None:
    text = shown(proposal_html(sample.sixty_four())).split("Summary for the decision")[1].split("1 Requirement")[0]
    for head in ("What you get", "What it costs", "When", "What is fixed", "What is uncertain", "What you decide"):
        assert head in text
    assert "Delivery dates" in text and "does not state any" in text
    assert "2026-12-24" in text and "USD 3,455,609" in text
    assert len(text) < 2200, "half a page of print"


def test_node_groups_that_serve_one_work_are_added_up() -> None:
    """Each share would look too small beside what was asked."""
    plan = sample.sixty_four()
    rate = Predicted(
        quantity="samples answered",
        unit="samples_per_s",
        asked=60000,
        value=40000,
        low=35000,
        high=42000,
        unproven=True,
    )
    half = plan.pools[0].model_copy(update={"predicted": (rate,)})
    other = rate.model_copy(update={"value": 25000.0, "low": 21000.0, "high": 26000.0, "unproven": False})
    plan = plan.model_copy(update={"pools": (half, half.model_copy(update={"predicted": (other,)}))})
    (result,) = results(plan)
    assert (result.asked, result.value, result.low, result.high) == (60000, 65000, 56000, 68000)
    assert result.unproven
    text = shown(proposal_html(plan))
    assert "60,000 samples/s 65,000 samples/s 56,000 – 68,000 samples/s" in text
    assert text.count("60,000 samples/s") == 2, "asked once in the table and once in the summary"


def test_parts_are_called_by_their_names(plan: Plan) -> None:
    text = shown(proposal_html(plan))
    ids = {part for part in plan.names if "-" in part and part not in plan.names.values()}
    assert ids
    for part in ids:
        assert not re.search(rf"(?<![\w-]){re.escape(part)}(?![\w-])", text), part


def test_what_a_price_lacks_is_not_told_to_the_customer() -> None:
    plan = sample.sixty_four()
    notices = (
        "The price of the carrier board and its switches is not published; only modules are priced.",
        "h100-sxm5 (H100 SXM5 80GB) is end of sale.",
    )
    plan = plan.model_copy(update={"pools": (plan.pools[0].model_copy(update={"notices": notices}),)})
    text = shown(proposal_html(plan))
    assert "carrier board" not in text
    assert "H100 SXM5 80GB: end of sale; availability is to be confirmed with the order." in text
    assert "h100-sxm5 (" not in text


def test_one_of_a_thing_has_no_plural() -> None:
    text = shown(proposal_html(sample.single()))
    assert not re.search(r"(?<![\d,.])1 (racks|nodes|accelerators|links|endpoints|units|pcs|licences|cables)\b", text)
    words = wording("en")
    assert words("tile.nodes_more", count=1, units=1) == "in 1 rack, 1 rack unit"
    assert words("tile.nodes_more", count="1,016", units=42) == "in 1,016 racks, 42 rack units"


def test_a_node_hangs_under_one_leaf_in_a_plain_tree_and_under_all_where_rails_are() -> None:
    plan = sample.pod()
    links = {}
    for topology in ("plain", "rail"):
        net = plan.fabrics[0].model_copy(update={"topology": topology, "spine": 0, "leaf": 3, "links_leaf_spine": 0})
        text = str(drawings.topology(plan.model_copy(update={"fabrics": (net,)}), wording("en")))
        links[topology] = text.count('class="link"')
        nodes = text.count('class="node"')
    assert links["plain"] == nodes
    assert links["rail"] == 3 * nodes


def test_the_text_speaks_of_the_networks_there_are() -> None:
    plan = sample.sixty_four()
    assert "exchange data over the compute network" in shown(proposal_html(plan))
    alone = plan.model_copy(
        update={
            "pools": tuple(p.model_copy(update={"fabric": None}) for p in plan.pools),
            "fabrics": tuple(f for f in plan.fabrics if f.role != "compute"),
        }
    )
    text = shown(proposal_html(alone))
    assert "there is no compute network" in text
    assert "exchange data over the compute network" not in text


@pytest.mark.parametrize("name", ["مركز البيانات", "🚀 lab", "a\u202ecba 00.1", "\u2067x\u2069", "x\x07y", "长" * 200])
def test_names_of_any_script_leave_the_amounts_readable(name: str) -> None:
    plan = sample.single()
    pool = plan.pools[0].model_copy(update={"workload": name, "workloads": (name,)})
    text = proposal_html(plan.model_copy(update={"project": name, "pools": (pool,)}))
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x07]", text)
    assert re.sub("[\u202a-\u202e\u2066-\u2069\x07]", "", name) in text


def test_generic_parts_have_chinese_names() -> None:
    words = wording("zh")
    assert words.product("various 42U cabinet 600 x 1200 mm") == "42U 机柜，600 × 1200 mm"
    assert words.product("generic 100G QSFP28 active optical cable, 10 m") == "100G QSFP28 有源光缆（AOC），10 m"
    assert words.product("Huawei Ascend 910C") == "华为昇腾 910C"
    assert words.product("NVIDIA GB200 NVL72 (per GPU)") == "NVIDIA GB200 NVL72（按单卡计）"


@pytest.mark.parametrize(("once", "yearly"), [(107_000, 6_500), (1_100_000, 90_000), (9_000_000, 880_000), (4e7, 3e6)])
def test_the_chart_writes_its_grid_lines_exactly(once: float, yearly: float) -> None:
    parts = [("purchase", "Purchase", Decimal(once), Decimal(0)), ("energy", "Energy", Decimal(0), Decimal(yearly))]
    for language, divisors in (("en", {"million USD": 1e6, "thousand USD": 1e3}), ("zh", {"万美元": 1e4})):
        root = ElementTree.fromstring(str(drawings.cost_chart(parts, 5, "USD", wording(language))))
        texts = [(t.attrib, t.text or "") for t in root.iter("{http://www.w3.org/2000/svg}text")]
        axis = [(float(a["y"]), t) for a, t in texts if a["class"] == "axis"]
        divisor = divisors[axis.pop()[1]]
        marks = [float(t.replace(",", "")) * divisor for _, t in axis]
        steps = {round(b - a, 3) for a, b in itertools.pairwise(marks)}
        assert len(steps) == 1, "equal steps: no tick is rounded"
        assert marks[-1] >= once + 5 * yearly or marks[-1] + steps.pop() >= once + 5 * yearly
        tops = [float(t.replace(",", "")) * divisor for a, t in texts if a["class"] == "strong"]
        assert tops[0] == pytest.approx(once, rel=0.01) and tops[-1] == pytest.approx(once + 5 * yearly, rel=0.01)
