"""Models that a site file describes, by keys or by a Hugging Face config.json: counted right, or one clear mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from planner.catalog import Catalog
from planner.demand.models import inconsistent, inline_model
from planner.errors import InputError
from planner.request import InlineModel
from planner.sitefile import read_site

LLAMA = {
    "num_hidden_layers": 32,
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "hidden_act": "silu",
}
DEEPSEEK = {
    "num_hidden_layers": 61,
    "hidden_size": 7168,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "intermediate_size": 18432,
    "moe_intermediate_size": 2048,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "first_k_dense_replace": 3,
    "kv_lora_rank": 512,
    "q_lora_rank": 1536,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 128,
    "v_head_dim": 128,
    "vocab_size": 129280,
}
GPT2 = {"n_layer": 48, "n_embd": 1600, "n_head": 25, "vocab_size": 50257, "n_positions": 1024}
QWEN = {
    "num_hidden_layers": 24,
    "hidden_size": 896,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "intermediate_size": 4864,
    "vocab_size": 151936,
    "tie_word_embeddings": True,
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def read(folder: Path, catalog: Catalog, model: str) -> InlineModel:
    site = folder / "site.yaml"
    site.write_text(
        "site: {country: US, it_power_kw: 100}\nworkloads:\n"
        f"  - {{name: w, kind: training, tokens: 1e12, within_days: 30, model: {model}}}\n",
        encoding="utf-8",
    )
    found = read_site(site, catalog).workloads[0].model
    assert isinstance(found, InlineModel)
    return found


def configured(folder: Path, catalog: Catalog, config: object) -> InlineModel:
    text = config if isinstance(config, str) else json.dumps(config)
    (folder / "config.json").write_text(text, encoding="utf-8")
    return read(folder, catalog, "{config: config.json}")


@pytest.mark.parametrize(
    ("config", "total", "active"),
    [
        (LLAMA, 8.03, 8.03),
        (DEEPSEEK, 671.0, 37.5),  # latent attention through its ranks, shared and dense layers apart
        (GPT2, 1.558, 1.558),  # two matrices, tied without saying so
        (QWEN, 0.494, 0.494),
        ({"text_config": LLAMA, "vision_config": {"hidden_size": 9}}, 8.03, 8.03),
        (LLAMA | {"num_hidden_layers": 32.0}, 8.03, 8.03),
        (LLAMA | {"num_local_experts": 8, "num_experts_per_tok": 2}, 47.5, 13.7),
        (LLAMA | {"num_local_experts": 1, "num_experts_per_tok": 1}, 8.03, 8.03),
    ],
)
def test_configs_count_their_parameters(
    config: dict[str, Any], total: float, active: float, tmp_path: Path, catalog: Catalog
) -> None:
    model = inline_model(configured(tmp_path, catalog, config))
    assert model.params_total_b == pytest.approx(total, rel=0.01)
    assert model.params_active_b == pytest.approx(active, rel=0.01)


def test_shapes_of_the_catalog_make_its_parameters(catalog: Catalog) -> None:
    """Every model of the catalog described by its shape alone: none is refused, nearly all come out right."""
    ratios = []
    for model in catalog.models.values():
        if not model.layers or not model.hidden:
            continue
        shape = {name: getattr(model, name, None) for name in InlineModel.model_fields}
        given = InlineModel.model_validate({k: v for k, v in shape.items() if v is not None and k != "name"})
        assert inconsistent(given) is None, model.id
        ratios.append(inline_model(given).params_total_b / model.params_total_b)
    assert len(ratios) > 80 and all(0.6 < r < 1.3 for r in ratios)
    assert sum(abs(r - 1) < 0.1 for r in ratios) > 0.9 * len(ratios)


@pytest.mark.parametrize(
    "model",
    [
        "{parameters: 70e9, layers: 80, hidden: 8192, heads: 64, kv_heads: 8}",
        "{parameters: 671e9, active_parameters: 37e9, layers: 61, hidden: 7168, experts: 256, experts_per_token: 8}",
        "{parameters: 47e9, layers: 32, hidden: 4096, ffn: 14336, experts: 8, experts_per_token: 2}",
        "{parameters: 671e9, active_parameters: 37e9}",
        "{parameters: 7e9, layers: 32}",
        "{layers: 32, hidden: 4096}",
    ],
)
def test_usual_descriptions_are_taken(model: str, tmp_path: Path, catalog: Catalog) -> None:
    found = inline_model(read(tmp_path, catalog, model))
    assert 5 < found.params_total_b < 700 and 0 < found.params_active_b <= found.params_total_b


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "states no num_hidden_layers and no hidden_size"),
        ({k: v for k, v in LLAMA.items() if k != "hidden_size"}, "states no hidden_size;"),
        ([1, 2], "expected an object"),
        ("null", "expected an object"),
        ("{", "is not JSON"),
        ("[" * 100_000 + "]" * 100_000, "is not JSON"),
        (LLAMA | {"hidden_size": 1e308}, "hidden_size: expected a whole number from 1 to 1,000,000,000, got 1e+308"),
        (LLAMA | {"hidden_size": 10**30}, "hidden_size: expected a whole number"),
        (
            LLAMA | {"num_hidden_layers": "32"},
            'num_hidden_layers: expected a whole number from 1 to 1,000,000,000, got "32"',
        ),
        (LLAMA | {"num_hidden_layers": 0}, "num_hidden_layers: expected a whole number"),
        (LLAMA | {"num_hidden_layers": -5}, "got -5"),
        (LLAMA | {"num_hidden_layers": True}, "got true"),
        ('{"num_hidden_layers": NaN, "hidden_size": Infinity}', "got NaN"),
        (LLAMA | {"num_hidden_layers": 10**6}, "layers: expected a whole number of at most 10,000"),
        (
            LLAMA | {"num_local_experts": 8, "num_experts_per_tok": 20},
            "experts_per_token: expected at most experts (8)",
        ),
        (DEEPSEEK | {"first_k_dense_replace": 61}, "dense_layers: expected less than layers (61), got 61"),
        (LLAMA | {"num_key_value_heads": 64}, "kv_heads: expected at most heads (32), got 64"),
        (LLAMA | {"num_experts_per_tok": 2}, "experts_per_token: is of a mixture of experts; state experts as well"),
    ],
)
def test_odd_configs_are_one_mistake_with_its_place(
    config: object, message: str, tmp_path: Path, catalog: Catalog
) -> None:
    with pytest.raises(InputError) as error:
        configured(tmp_path, catalog, config)
    lines = str(error.value).splitlines()
    assert len(lines) == 1 and "site.yaml:3:" in lines[0] and message in lines[0], lines


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("{parameters: 1e308}", "parameters: expected a number of at most"),
        ("{layers: 0, hidden: 4096}", "layers: expected a whole number of at least 1, got 0"),
        ("{hidden: 4096}", "expected parameters (70e9), or layers and hidden, or config"),
        ("{parameters: 7e9, active_parameters: 70e9}", "active_parameters: expected at most parameters"),
        ("{layers: 32, hidden: 4096, experts: 8}", "experts: needs experts_per_token"),
        ("{layers: 32, hidden: 4096, experts: 8, experts_per_token: 9}", "expected at most experts (8), got 9"),
        ("{parameters: 7e9, layers: 80, hidden: 8192}", "7 B do not go with layers, hidden"),
        ("{parameters: 70e9, hidden: 1}", "layers with what is stated; state layers and hidden"),
        ("{layers: 10000, hidden: 1000000, ffn: 1000000000}", "at most 1,000 T are sized"),
        ("{parameters: 7e9, foo: 1}", "foo: unknown key"),
        ("[1, 2]", "expected a model's name, or keys that describe one"),
        ("{config: absent.json}", "absent.json does not exist beside the site file"),
    ],
)
def test_odd_descriptions_are_one_mistake_with_its_place(
    model: str, message: str, tmp_path: Path, catalog: Catalog
) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, catalog, model)
    lines = str(error.value).splitlines()
    assert len(lines) == 1 and "site.yaml:3:" in lines[0] and message in lines[0], lines
