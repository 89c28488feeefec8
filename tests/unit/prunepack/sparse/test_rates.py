"""The rates of the cost model: measured once, kept, and used for decisions."""

import json
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from prunepack.sparse import probes, rates
from prunepack.sparse.native import native
from prunepack.sparse.probe_models import encode_probe
from prunepack.sparse.rates import Rates, encode_rates, find_cache_file, load_rates

pytestmark = pytest.mark.skipif(native is None, reason="installed without a compiler")

SOME = Rates(0.02, 0.03, 0.1, 0.05, 0.4, 0.5, 1.5, 0.6)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return find_cache_file(onnxruntime)


@pytest.fixture
def measured(monkeypatch):
    calls = []
    values = astuple(SOME)[:8]
    monkeypatch.setattr(rates, "measure_dense", lambda _: calls.append(1) or values[:4])
    monkeypatch.setattr(rates, "measure_sparse", lambda: values[4:])
    return calls


def test_rates_are_measured_once(cache, measured):
    assert load_rates(onnxruntime) == load_rates(onnxruntime) == SOME
    assert measured == [1]
    assert json.loads(cache.read_text())["sparse_many"] == 0.4


def test_the_cache_depends_on_onnxruntime(cache, measured, monkeypatch):
    load_rates(onnxruntime)
    monkeypatch.setattr(onnxruntime, "__version__", "1.99.0")
    load_rates(onnxruntime)
    assert len(measured) == 2
    assert native.architecture() in cache.name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 10**5,
        '{"dense_conv": "fast"}',
        json.dumps({"dense_conv": 1}),
        json.dumps({"dense_conv": 10**400}),
    ],
)
def test_a_damaged_cache_is_measured_again(cache, measured, text):
    load_rates(onnxruntime)
    cache.write_text(text)
    assert load_rates(onnxruntime) == SOME
    assert measured == [1, 1]


@pytest.mark.parametrize("value", [-1.0, float("nan"), 1e9])
def test_impossible_rates_are_measured_again(cache, measured, value):
    load_rates(onnxruntime)
    cache.write_text(json.dumps(json.loads(cache.read_text()) | {"pack": value}))
    assert load_rates(onnxruntime) == SOME
    assert measured == [1, 1]


def test_a_user_without_a_home(measured, monkeypatch):
    def refuse(_):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "expanduser", refuse)
    assert load_rates(onnxruntime) is None
    assert measured == []


def test_a_relative_cache_folder_is_ignored(tmp_path, measured, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_cache_file(onnxruntime).is_relative_to(tmp_path)


def test_a_cache_that_cannot_be_written(tmp_path, measured, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert load_rates(onnxruntime) is None
    assert measured == []


def test_the_option_has_all_rates_in_order():
    assert [float(word) for word in encode_rates(SOME).split()] == list(astuple(SOME))
    assert encode_rates(replace(SOME, call=2.5)).endswith(" 2.5")


def test_measurements(monkeypatch):
    monkeypatch.setattr(probes, "REPEATS", 2)
    monkeypatch.setattr(probes, "WIDTH", 256)
    found = (*probes.measure_dense(onnxruntime), *probes.measure_sparse())
    assert len(found) == 8
    assert all(0 <= value < 100 for value in found)
    assert found[0] > 0
    assert found[4] > 0


@pytest.mark.parametrize("shape", [["n", 20], [3, 20]])
def test_a_probe_computes_what_it_says(shape):
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((20, 30), np.float32)
    model = encode_probe("MatMul", weights, shape)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    x = rng.standard_normal((3, 20), np.float32)
    np.testing.assert_allclose(session.run(None, {"x": x})[0], x @ weights, rtol=1e-4, atol=1e-5)
