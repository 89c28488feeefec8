"""Tensors that become spans, and the names of the spans."""

from dataclasses import replace

import pytest

from prunepack.coding.dtypes import DTYPES
from prunepack.format.limits import Limits
from prunepack.format.names import MAX_TENSOR_NAME_BYTES, normalize_name
from prunepack.io.regular_file import RegularFile
from prunepack.model_files.spans import MIN_ELEMENTS, DeclaredTensor, TensorSpan, make_spans

FILE = RegularFile(__file__)
SOUND = DeclaredTensor(FILE, 10, 170, "w", has_own_name=True, dtype=DTYPES["float64"], shape=(4, 5))


def test_a_sound_tensor_is_a_span():
    assert SOUND.to_span() == TensorSpan(FILE, 10, 170, "w", DTYPES["float64"], (4, 5))


@pytest.mark.parametrize(
    "changes",
    [
        {"dtype": None},
        {"dtype": DTYPES["float32"]},
        {"shape": (4, 6)},
        {"shape": (-4, -5)},
        {"shape": (2**62, 2**62)},
        {"shape": (1,) * 31 + (4, 5)},
        {"shape": ()},
        {"stop": 10, "shape": (0,)},
        {"stop": 10 + (MIN_ELEMENTS - 1) * 8, "shape": (MIN_ELEMENTS - 1,)},
    ],
)
def test_tensors_that_are_none(changes):
    assert replace(SOUND, **changes).to_span() is None


def test_the_smallest_span():
    least = replace(SOUND, stop=10 + MIN_ELEMENTS * 8, shape=(MIN_ELEMENTS,))
    assert least.to_span() is not None


def names(*labels):
    """Name tensors; a label that starts with a dash is not its tensor's own name."""
    tensors = [
        replace(SOUND, label=name.removeprefix("-"), has_own_name=name[:1] != "-")
        for name in labels
    ]
    return [span.name for span in make_spans(tensors, Limits())]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["w", "v"], ["w", "v"]),
        (["w", "w", "w"], ["w", "w#2", "w#3"]),
        (["-w", "w"], ["w#2", "w"]),
        (["-w", "-w", "w#2", "w"], ["w#3", "w#4", "w#2", "w"]),
        (["w", "w", "w#2"], ["w", "w#3", "w#2"]),
        (["", "-", ""], ["unnamed", "unnamed#2", "unnamed#3"]),
        (["\u00e9", "e\u0301"], ["\u00e9", "e\u0301#2"]),
        (["a" * MAX_TENSOR_NAME_BYTES], ["a" * MAX_TENSOR_NAME_BYTES]),
    ],
)
def test_names(labels, expected):
    assert names(*labels) == expected


@pytest.mark.parametrize(
    "label", ["a" * (MAX_TENSOR_NAME_BYTES + 1), "\u00e9" * 600, "-" + "\u20ac" * 400]
)
def test_long_names_are_cut_between_characters(label):
    first, second = names(label, label)
    assert label.removeprefix("-").startswith(first)
    assert MAX_TENSOR_NAME_BYTES - 24 < len(first.encode()) <= MAX_TENSOR_NAME_BYTES
    assert second == f"{first}#2"


def test_the_name_of_a_tensor_that_is_not_coded_stays_its_own():
    tiny = replace(SOUND, stop=18, shape=(1,))
    inner = replace(SOUND, has_own_name=False)
    assert [span.name for span in make_spans([inner, tiny], Limits())] == ["w#2"]


def test_many_spellings_of_one_name_take_no_quadratic_time():
    spellings = [
        "".join("e\u0301" if n >> bit & 1 else "\u00e9" for bit in range(14)) for n in range(2**14)
    ]
    made = names(*spellings)
    assert len({normalize_name(name) for name in made}) == len(spellings)
