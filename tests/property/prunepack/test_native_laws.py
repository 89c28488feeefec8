"""Native code against its reference implementation: equal results for valid and invalid input."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prunepack.coding.geometry import ElementSpan
from prunepack.coding.native import context_coder, native, placing

calm = settings(deadline=None, suppress_health_check=list(HealthCheck))
pytestmark = pytest.mark.skipif(native is None, reason="installed without a compiler")

widths = st.sampled_from(["<u1", "<u2", "<u4", "<u8"])


def values_of(draw, count, dtype, *, may_be_zero):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = rng.integers(1, 200, count).astype(dtype)
    if may_be_zero and count:
        values[rng.integers(0, count)] = 0
    return values


@given(st.data())
@calm
def test_scatter(data):
    sizes = st.integers(0, 5) | st.integers(0, 2**16 - 1)
    gaps = np.array(
        data.draw(st.lists(sizes, max_size=20)), data.draw(st.sampled_from(["<u2", "<u4"]))
    )
    dtype = data.draw(widths)
    values = values_of(data.draw, gaps.size, dtype, may_be_zero=data.draw(st.booleans()))
    outs = [np.zeros(data.draw(st.integers(0, 60)), dtype)]
    outs.append(outs[0].copy())
    told = [
        placing.scatter(gaps, values, outs[0]),
        placing.scatter_in_python(gaps, values, outs[1]),
    ]
    assert told[0] is told[1]
    if told[0]:
        assert np.array_equal(*outs)


@given(st.data())
@calm
def test_expand(data):
    size, dtype = data.draw(st.integers(0, 200)), data.draw(widths)
    mask = np.random.default_rng(data.draw(st.integers(0, 99))).random(-(-size // 8) * 8) < 0.5
    if data.draw(st.booleans()):
        mask[size:] = False
    count = max(int(mask.sum()) + data.draw(st.sampled_from([0, 0, 0, -1, 1])), 0)
    values = values_of(data.draw, count, dtype, may_be_zero=data.draw(st.booleans()))
    bitmap = np.packbits(mask, bitorder="little")
    outs = [np.zeros(size, dtype), np.zeros(size, dtype)]
    told = [
        placing.expand(bitmap, values, outs[0]),
        placing.expand_in_python(bitmap, values, outs[1]),
    ]
    assert told[0] is told[1]
    if told[0]:
        assert np.array_equal(*outs)


@st.composite
def spans(draw):
    """Draw element spans of tensors of any shape, whole or in parts."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        kernel_size = draw(st.sampled_from([1, 1, 3, 4]))
        row = kernel_size * draw(st.integers(1, 6))
        size = draw(st.integers(row, row + 60))
        found.append(ElementSpan(size, draw(st.integers(0, 100)), row, kernel_size))
    return found


@given(spans(), st.integers(1, 12), st.integers(0, 9), st.floats(0, 1), st.integers(0, 2**32))
@calm
def test_context_coder(spans, top, shift, share, seed):
    rng = np.random.default_rng(seed)
    size = sum(span.size for span in spans)
    symbols = rng.integers(1, 1 + (2 << top), size).astype(np.uint16)
    symbols[rng.random(size) < share] = 0
    code = context_coder.encode(symbols, spans, top, shift)
    assert code == context_coder.encode_in_python(symbols, spans, top, shift)
    array = np.frombuffer(code, np.uint8)
    for decode in (context_coder.decode, context_coder.decode_in_python):
        found, used = decode(array, spans, top, shift)
        assert used == len(code)
        assert np.array_equal(found, symbols)


@given(spans(), st.integers(1, 12), st.integers(0, 9), st.binary(max_size=60))
@calm
def test_no_code_upsets_the_context_coder(spans, top, shift, junk):
    array = np.frombuffer(junk, np.uint8)
    found, used = context_coder.decode(array, spans, top, shift)
    theirs, theirs_used = context_coder.decode_in_python(array, spans, top, shift)
    assert np.array_equal(found, theirs)
    assert used == theirs_used


@pytest.mark.parametrize(
    "span", [(0, 0, 1, 1), (5, 0, 6, 1), (5, 0, 5, 2), (5, -1, 5, 1), (4, 0, 2, 1), (6, 0, 0, 1)]
)
def test_spans_that_make_no_sense_are_refused_before_anything_is_written(span):
    with pytest.raises(ValueError, match="wrong lengths or widths"):
        native.encode(np.zeros(5, "u2"), np.array([span], np.int64), np.zeros(99, "u1"), 12, 2)
    with pytest.raises(ValueError, match="wrong lengths or widths"):
        native.scatter(np.zeros(3, "<u2"), np.zeros(4, "<u4"), np.zeros(9, "<u4"), 2, 4)
    with pytest.raises(ValueError, match="wrong lengths or widths"):
        native.expand(np.zeros(2, "u1"), np.zeros(4, "<u4"), np.zeros(9, "<u4"), 3)
