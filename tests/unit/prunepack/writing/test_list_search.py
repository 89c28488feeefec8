"""Lists of numbers and labels in literal bytes."""

import random
import time

import numpy as np
import pytest
from onnx import helper

from prunepack.coding.levels import LEVELS
from prunepack.coding.number_lists import FORMS, render
from prunepack.writing.list_search import MIN_ITEMS, find_lists
from prunepack.writing.literals import encode_literal

RNG = np.random.default_rng(0)


def attribute(value):
    return helper.make_attribute("name", value).SerializeToString()


def check(data):
    """Check that the lists stand for the bytes at their places, and return them."""
    found = find_lists(data)
    stop = 0
    for numbers in found:
        content, used = render(numbers.form, memoryview(numbers.pattern), numbers.items, len(data))
        assert used == len(numbers.pattern)
        assert stop <= numbers.start
        assert content == data[numbers.start : numbers.stop]
        assert numbers.items.dtype.name in FORMS[numbers.form]
        stop = numbers.stop
    return found


@pytest.mark.parametrize(
    ("value", "form", "dtype"),
    [
        ([1.0, -2.5, 0.1] * 40, "fixed", "float32"),
        ([0] * MIN_ITEMS, "varint", "uint8"),
        ([7, 200] * 60, "varint", "uint8"),
        ([7, 300] * 60, "varint", "uint16"),
        ([7, 2**30] * 60, "varint", "uint32"),
        ([-1, 5, -(2**63)] * 40, "varint", "uint64"),
        ([b"BRANCH_LEQ", b"LEAF", b"LEAF"] * 40, "fields", "uint8"),
        ([b"", b"x"] * 40, "fields", "uint8"),
    ],
)
def test_lists_of_attributes_are_found(value, form, dtype):
    (found,) = check(b"before" + attribute(value) + b"after")
    assert (found.form, found.items.dtype.name) == (form, dtype)
    assert found.items.size == len(value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        attribute([1] * (MIN_ITEMS - 1)),
        attribute([f"label {i}" for i in range(300)]),
        attribute([b"x" * 65] * 200),
        bytes(500),
        b"The quick brown fox jumps over the lazy dog. " * 20,
    ],
)
def test_other_bytes_have_no_lists(data):
    assert check(data) == []


def test_varints_with_needless_digits_stay_text():
    assert check(b"\x40\x81\x00" * 200) == []
    assert check(b"\x40" + b"\xff" * 9 + b"\x02" + (b"\x40" + b"\xff" * 9 + b"\x02") * 99) == []


def test_several_lists_in_a_row():
    values = [[1, 2, 3] * 50, [0.5] * 100, [b"a", b"bc"] * 50, [2**40] * 70]
    found = check(b"".join(map(attribute, values)))
    assert [numbers.form for numbers in found] == ["varint", "fixed", "fields", "varint"]


def test_any_bytes_come_back():
    rng = random.Random(0)
    for _ in range(300):
        pieces = [
            rng.choice([rng.randbytes(rng.randrange(60)), bytes([rng.randrange(256)]) * 200])
            + attribute([rng.randrange(-5, 2 ** rng.choice([3, 20, 63])) for _ in range(90)])
            for _ in range(rng.randrange(4))
        ]
        check(b"".join(pieces))


def test_hostile_bytes_take_no_quadratic_time():
    started = time.process_time()
    labels = b"".join(b"\x4a\x02" + n.to_bytes(2, "big") for n in range(50_000))
    check(labels)
    check((b"\x40" + b"\x80" * 9) * 30_000)
    check(b"\x4a\x01" * 100_000)
    assert time.process_time() - started < 10


def test_numbers_have_the_codecs_of_tensors():
    tree = attribute(np.repeat(np.arange(300), 20).tolist())
    tree += attribute(RNG.normal(size=6000).astype("<f4").tolist())
    results = encode_literal(tree, list(LEVELS.values()))
    assert [result.cost for result in results] == sorted((r.cost for r in results), reverse=True)
    steps, floats = results[1].chunk.lists
    assert (steps.codec, floats.codec) == ("steps", "dense")
    assert floats.streams["elements"].coder == "pcodec"
    assert len(results[1].data) < 0.9 * 6000 * 4


def test_lists_that_do_not_pay_stay_text():
    (result,) = encode_literal(attribute([1] * 80), [LEVELS["small"]])
    assert result.chunk.lists == () or result.cost < 100
