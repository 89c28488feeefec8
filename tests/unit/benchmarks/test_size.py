"""Files that another tool makes as small, and missed targets."""

import pytest

from benchmarks.size import find_file_losses, find_losses
from benchmarks.size_tools import SIZE_TOOLS


def case(model="lenet", sparsity=0.9, precision="fp32", onnx=1000, **sizes):
    sizes = {"fast": 90, "small": 80, "max": 70, **dict.fromkeys(SIZE_TOOLS, 100), **sizes}
    ratios = {name: round(onnx / size, 3) for name, size in sizes.items()}
    found = {"model": model, "sparsity": sparsity, "precision": precision, "onnx": onnx}
    return {**found, "sizes": sizes, "ratios": ratios}


def test_nothing_is_lost():
    assert find_losses({"cases": [case(), case("crepe_tiny", 0.5)]}) == []


@pytest.mark.parametrize(("rival", "size"), [("xz -9e", 79), ("pcodec dense", 80)])
def test_a_rival_that_is_as_small(rival, size):
    said = find_losses({"cases": [case(precision="int8", **{rival: size})]})
    assert said == [f"lenet-90-int8: small 80 bytes, {rival} {size}"]


def test_targets_are_for_ninety_percent_in_fp32():
    sizes = {"fast": 96, "small": 91, "max": 89}
    told = find_losses({"cases": [case("minilm", **sizes), case("minilm", 0.5, **sizes)]})
    assert told == ["minilm-90-fp32: small 10.989×, wanted 11.1×"]


def file(**sizes):
    rivals = {"xz -9e": 100, "brotli -11": 100, "zpaq -m5": 100}
    sizes = {"fast": 90, "small": 80, "max": 70, **rivals, **sizes}
    return {"files": [{"wheel": "a==1", "path": "b/c.onnx", "onnx": 1000, "sizes": sizes}]}


def test_a_file_from_a_wheel_is_the_smallest():
    assert find_file_losses(file()) == []
    assert find_file_losses(file(**{"zpaq -m5": 71})) == []  # `small` does not compete with zpaq


@pytest.mark.parametrize(
    ("sizes", "line"),
    [
        ({"brotli -11": 80}, "small 80 bytes, brotli -11 80"),
        ({"xz -9e": 75}, "small 80 bytes, xz -9e 75"),
        ({"zpaq -m5": 70}, "max 70 bytes, zpaq -m5 70"),
        ({"max": 81}, "a higher level is larger"),
        ({"fast": 79}, "a higher level is larger"),
    ],
)
def test_a_file_from_a_wheel_is_lost(sizes, line):
    assert find_file_losses(file(**sizes)) == [f"a==1 b/c.onnx: {line}"]
