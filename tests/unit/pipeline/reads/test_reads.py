"""Record of everything that user code read, and its comparison in a later run."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from prunepack.pipeline.reads.reads import ReadWatch


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Return a function that runs code under a watch and returns what it read."""
    monkeypatch.chdir(tmp_path)
    Path("table.json").write_text("[1]")

    def run(code):
        watch = ReadWatch(tmp_path / "store")
        with watch.watch():
            exec(compile(code, "user.py", "exec"), {"os": os, "json": json, "Path": Path})
        return watch.collect()

    yield run
    os.environ.pop("SET_BY_A_LIBRARY", None)


def list_changes(tmp_path, reads):
    return ReadWatch(tmp_path / "store").list_changes(reads)


def test_all_kinds_of_reading_are_recorded_and_named(read, tmp_path, monkeypatch):
    reads = read("json.loads(Path('table.json').read_text()); os.environ.get('STEP')")
    assert list(reads.files) == ["table.json"]
    assert reads.packages["numpy"] == np.__version__
    assert reads.variables == {"STEP": ""}
    assert list_changes(tmp_path, reads) == []
    Path("table.json").write_text("[2]")
    monkeypatch.setenv("STEP", "1")
    older = reads.model_copy(update={"packages": reads.packages | {"numpy": "1.0"}})
    assert list_changes(tmp_path, older) == [
        "table.json",
        f"package numpy 1.0 → {np.__version__}",
        "environment variable STEP",
    ]


def test_a_variable_that_the_run_itself_sets_counts_as_it_was_before(read):
    reads = read("os.environ['SET_BY_A_LIBRARY'] = 'now'; dict(os.environ)")
    assert reads.variables.get("SET_BY_A_LIBRARY", "") == ""


def test_a_file_that_changes_after_it_was_read_leaves_no_record(read):
    assert read("Path('table.json').read_text(); os.utime('table.json', (1, 1))") is None
