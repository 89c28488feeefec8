"""Without the compiled extension, ``max`` is refused where it would take minutes."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import prunepack
from prunepack.coding.dtypes import DTYPES
from prunepack.coding.geometry import Shapes
from prunepack.coding.levels import LEVELS, check_duration
from prunepack.coding.native import context_coder
from prunepack.errors import UsageError
from prunepack.pipeline import cli

MIB = 2**20
REFUSAL = "the level `max` takes minutes without the compiled extension: expected a model of at "


@pytest.fixture(autouse=True)
def _uncompiled(monkeypatch):
    monkeypatch.setattr(context_coder, "native", None)
    context_coder._warn_once.cache_clear()


def save(path, elements):
    weights = np.zeros(elements, np.float32)
    weights[::50] = 1 + np.arange(len(weights[::50])) % 3
    graph = helper.make_graph([], "g", [], [], [numpy_helper.from_array(weights, "w")])
    onnx.save_model(helper.make_model(graph), path)
    return path


def test_only_max_is_refused_and_only_above_a_size():
    check_duration(LEVELS["small"], 2**40)
    check_duration(LEVELS["fast"], 2**40)
    check_duration(LEVELS["max"], MIB)
    with pytest.raises(UsageError, match=REFUSAL + "most 1,048,576 bytes, found 1,048,577 bytes"):
        check_duration(LEVELS["max"], MIB + 1)


def test_it_is_allowed_with_a_compiler(monkeypatch):
    monkeypatch.setattr(context_coder, "native", object())
    check_duration(LEVELS["max"], 2**40)


def test_it_can_be_forced(tmp_path, monkeypatch):
    model, out = save(tmp_path / "m.onnx", MIB // 4), tmp_path / "m.prunepack"
    with pytest.raises(UsageError, match=REFUSAL):
        prunepack.pack(model, out, level="max")
    assert not out.exists()
    command = ["pack", str(model), "-o", str(out), "--level", "max"]
    with pytest.raises(UsageError, match="allow it with `--allow-slow`"):
        cli.prunepack.main(command, standalone_mode=False)
    monkeypatch.setattr("prunepack.coding.levels.SLOW_BYTES", 100)
    small = save(tmp_path / "m.onnx", 1000)
    with pytest.raises(UsageError, match=REFUSAL):
        prunepack.pack(small, out, level="max")
    prunepack.pack(small, out, level="max", allow_slow=True)
    cli.prunepack.main([*command, "--allow-slow", "--force"], standalone_mode=False)


def test_a_warning_comes_once(caplog):
    symbols = np.zeros(context_coder.SLOW_ITEMS, np.uint16)
    spans = list(Shapes([(symbols.size,)], DTYPES["float32"]).spans(0, symbols.size))
    for _ in range(3):
        code = context_coder.encode(symbols, spans, 9, 5)
        context_coder.decode(np.frombuffer(code, np.uint8), spans, 9, 5)
    assert caplog.text.count("is slow without the compiled extension") == 1
