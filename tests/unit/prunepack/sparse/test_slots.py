"""The slots of onnxruntime's tables that the provider declares by hand.

The tests of the provider call every one of them on the installed onnxruntime: these tests see to it
that none is declared and not called.
"""

import re
from pathlib import Path

import pytest

import prunepack.sparse.native

FOLDER = Path(prunepack.sparse.native.__file__).parent
SLOTS = re.findall(r"^ORT_SLOT\((\w+), (\d+), .*?, (\w+),", (FOLDER / "ort.h").read_text(), re.M)
SOURCES = "".join(
    (FOLDER / name).read_text() for name in ("description.c", "graph.c", "provider.c")
)


@pytest.mark.parametrize("table", ["api", "ep_api"])
def test_slots_are_in_order_and_differ(table):
    indices = [int(index) for kind, index, _ in SLOTS if kind == table]
    assert len(indices) > 1
    assert indices == sorted(set(indices))


def test_every_slot_is_called():
    called = set(re.findall(r"API\((\w+)\)", SOURCES))
    assert {name for _, _, name in SLOTS} == called


def test_every_call_names_its_table():
    for table, macro in (("api", r"(?<!EP_)API"), ("ep_api", "EP_API")):
        called = set(re.findall(rf"{macro}\((\w+)\)", SOURCES))
        assert called == {name for kind, _, name in SLOTS if kind == table}
