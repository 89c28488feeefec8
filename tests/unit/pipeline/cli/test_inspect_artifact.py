"""``prunepack inspect`` of an artifact: every byte of it has a row."""

import json
from pathlib import Path

import pytest

from prunepack.pipeline import cli

GOLDEN = Path(__file__).parents[3] / "golden/v1"


@pytest.fixture
def inspect(capsys):
    def run(name, *options):
        path = str(GOLDEN / f"{name}.prunepack")
        cli.prunepack.main(["inspect", path, *options], standalone_mode=False)
        return capsys.readouterr().out

    return run


def test_tensors_parts_and_summary(inspect):
    size = (GOLDEN / "chunks.prunepack").stat().st_size
    tensors, parts, summary = inspect("chunks").split("\n\n")
    head = ["tensor", "dtype", "shape", "zeros", "codec", "chunks", "bytes", "share"]
    assert tensors.splitlines()[0].split() == head
    (far,) = (line.split() for line in tensors.splitlines() if line.startswith("far "))
    assert far[:7] == ["far", "float32", "300×300", "100.0", "%", "gaps", "1"]
    total = parts.splitlines()[-1].split()
    assert (total[0], total[3:]) == ("total", [f"{size:,}", "100.0", "%"])
    assert summary.startswith(f"{size:,} bytes for 360,080 ")


@pytest.mark.parametrize("name", [path.stem for path in GOLDEN.glob("*.prunepack")])
def test_parts_add_up_for_machines(name, inspect):
    value = json.loads(inspect(name, "--json"))
    size = (GOLDEN / f"{name}.prunepack").stat().st_size
    assert value["bytes"] == sum(part["stored_bytes"] for part in value["parts"]) == size
    assert {row["codecs"][0] for row in value["tensors"] if row["chunks"]} <= {
        part["part"] for part in value["parts"]
    }


def test_quick_says_what_it_does_not_know(inspect):
    rows = json.loads(inspect("sparse", "--json", "--quick"))["tensors"]
    assert {row["zero_fraction"] for row in rows if row["codecs"] == ["dense"]} == {None}
    assert " ?  dense" in inspect("sparse", "--quick")
    assert " ? " not in inspect("sparse")
