"""Judgement of pruned models, their table, and the stages of a large model."""

import json

import numpy as np
import pytest

from benchmarks import results
from benchmarks.large_run import run_stages, write_shards
from benchmarks.real_models import judge_pitch, judge_scores, judge_sentences
from benchmarks.tables.real_models import large_run_table, real_models_table


@pytest.fixture(autouse=True)
def write(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    return lambda name, value: (tmp_path / f"{name}.json").write_text(json.dumps(value))


def test_equal_outputs_are_judged_as_equal():
    outputs = np.random.default_rng(0).standard_normal((6, 5))
    outputs /= np.linalg.norm(outputs, axis=1, keepdims=True)
    sentences = judge_sentences(outputs, outputs, None)
    assert sentences == pytest.approx({"cosine": 1, "worst_cosine": 1, "spearman": 1})
    assert judge_scores(outputs, outputs, None) == pytest.approx({"agreement": 100, "cosine": 1})
    opposite = judge_scores(outputs, -outputs, None)
    assert opposite == pytest.approx({"agreement": 0, "cosine": -1})


def test_pitch_is_judged_by_the_labels():
    probabilities = np.zeros((2, 360), np.float32)
    probabilities[:, 100] = 1
    labels = 1997.3794084376191 + 20 * np.array([100.0, 102.0])
    assert judge_pitch(probabilities, probabilities, labels) == {"within_20_cents": 50}


def row(**quality):
    common = {"scope": "auto", "is_repaired": True, "amount": 0.7, "seconds": 3.2}
    return {"method": "wanda", "sparsity": 70.0, "sparsity_of_all": 33.0, **common, **quality}


def test_the_table_of_real_models(write):
    quality = {
        "minilm": {"cosine": 0.9, "worst_cosine": 0.7, "spearman": 0.92},
        "crepe": {"within_20_cents": 98.0},
        "efficientnet_lite0": {"agreement": 80.0, "cosine": 0.95},
    }
    measured = {
        name: {"peak": 1_540_000_000, "rows": [{"method": "dense"}, row(**q)]}
        for name, q in quality.items()
    }
    write("real_models", {"host": "a machine", **measured})
    lines = real_models_table().splitlines()
    assert len(lines) == 2 + 3 + 2
    assert "MiniLM-L6 1.5 GB, CREPE 1.5 GB" in lines[-1]
    assert lines[2] == (
        "| MiniLM-L6 | 70 % (33 % of all) | `wanda`, `reconstruct` | mean cosine 0.900, "
        "worst 0.700, rank correlation of pairs 0.920 | 3 s |"
    )


def test_the_table_of_a_large_model(write):
    stage = {"stage": "load", "own": 3e9, "resident": 6e9, "seconds": 4.0}
    write("large_run", {"host": "a machine", "bytes": 3_000_000_000, "stages": [stage]})
    line = "| `load` | 3.0 GB (1.00×) | 6.0 GB (2.00×) | ≤ 2.5× | 4 s |"
    assert large_run_table().splitlines()[2] == line


def test_shards_have_an_index(tmp_path):
    index = json.loads(write_shards(tmp_path, 3, 4).read_text())
    assert index["metadata"] == {"total_size": 192}
    assert index["weight_map"] == {
        "0.weight": "model-00001-of-00002.safetensors",
        "1.weight": "model-00001-of-00002.safetensors",
        "2.weight": "model-00002-of-00002.safetensors",
    }
    assert {path.name for path in tmp_path.glob("*.safetensors")} == {*index["weight_map"].values()}


@pytest.mark.slow
def test_every_stage_of_a_small_large_model_runs(tmp_path):
    rows = run_stages(tmp_path, 2, 64)
    assert [row["stage"] for row in rows] == [
        "load",
        "prune (local)",
        "prune (global)",
        "finetune",
        "finalize",
        "export",
        "pack",
        "export (dense)",
        "verify",
        "measure",
    ]
    assert all(row["resident"] > row["own"] > 0 for row in rows)
