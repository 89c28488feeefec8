"""Files that another tool makes as small, and missed targets."""

import pytest

from benchmarks.size import find_losses
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
