"""Freshness of reports: metrics of other files than those at hand are refused."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from prunepack.errors import RefusedError
from prunepack.format.container import MAGIC
from prunepack.pipeline.cache.objects import hash_tree
from prunepack.pipeline.release.freshness import (
    check_at_hand,
    check_beside,
    check_published,
    check_unchanged,
)
from prunepack.stages.metrics.files import MetricSet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONTENTS = {"model.onnx": b"graph", "model.onnx.data": b"weights", "model.prunepack": b"packed"}
DIGESTS = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}
MEASURED = MetricSet({}, DIGESTS)


def sha(name: str) -> str:
    return f"{DIGESTS[name][:12]}…"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "report.json").write_bytes(b"{}")
    (tmp_path / "notes.txt").write_bytes(b"the user's")
    return tmp_path


def test_a_whole_release_is_what_was_measured(release: Path) -> None:
    source = release / "report.json"
    check_beside(MEASURED, source)
    for name in (".", *CONTENTS):
        check_at_hand(MEASURED, source, release / name)


def test_files_may_have_other_names(release: Path) -> None:
    for old, new in (("model.onnx", "a.onnx"), ("model.onnx.data", "a.onnx.data")):
        (release / old).rename(release / new)
    (release / "model.prunepack").rename(release / "a.prunepack")
    for name in ("a.onnx", "a.prunepack"):
        check_at_hand(MEASURED, release / "report.json", release / name)


@pytest.mark.parametrize("name", CONTENTS)
def test_a_changed_file_is_refused(name: str, release: Path) -> None:
    (release / name).write_bytes(b"newer")
    newer = hashlib.sha256(b"newer").hexdigest()
    message = (
        f"`{release}/report.json` does not belong to `{release}/{name}`: "
        f"expected {name} {sha(name)}, found {newer[:12]}…. "
        "Measure again, or give the files that were measured"
    )
    checks: list[Callable[[], None]] = [
        lambda: check_beside(MEASURED, release / "report.json"),
        lambda: check_at_hand(MEASURED, release / "report.json", release),
        lambda: check_at_hand(MEASURED, release / "report.json", release / name),
    ]
    if name == "model.onnx.data":
        whole = release / "model.onnx"
        checks[2] = lambda: check_at_hand(MEASURED, release / "report.json", whole)
    for check in checks:
        with pytest.raises(RefusedError) as caught:
            check()
        assert str(caught.value) == message


def test_external_data_that_was_not_there_is_refused(release: Path) -> None:
    (release / "model.onnx").write_bytes(CONTENTS["model.onnx"])
    small = MetricSet({}, {name: DIGESTS[name] for name in ("model.onnx", "model.prunepack")})
    with pytest.raises(RefusedError, match=r"expected one of model\.onnx, model\.prunepack, found"):
        check_beside(small, release / "report.json")


def test_missing_external_data_is_refused(release: Path) -> None:
    (release / "model.onnx.data").unlink()
    with pytest.raises(RefusedError, match="found No such file or directory"):
        check_at_hand(MEASURED, release / "report.json", release / "model.onnx")


def test_a_missing_artifact_is_refused(release: Path) -> None:
    with pytest.raises(RefusedError, match=rf"expected {sha('model.prunepack')}, found No such"):
        check_at_hand(MEASURED, release / "report.json", release / "none.prunepack")


def test_names_in_a_report_lead_nowhere(release: Path) -> None:
    odd = MetricSet({}, DIGESTS | {"model.onnx./../../x": "0" * 64, "../y": "0" * 64})
    check_beside(odd, release / "report.json")
    check_at_hand(odd, release / "report.json", release / "model.onnx")


def test_figures_of_nothing_are_of_no_file(release: Path) -> None:
    with pytest.raises(
        RefusedError, match="expected metrics with the digests of their files, found"
    ):
        check_at_hand(MetricSet({}), release / "report.json", release / "model.prunepack")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "final"
    folder.mkdir()
    for name in ("model.json", "weights.safetensors"):
        (folder / name).write_text(name)
    return folder


def test_a_checkpoint_of_the_run(checkpoint: Path, release: Path) -> None:
    stages = [{"stage": "finalize", "result": hash_tree(checkpoint)}]
    measured = MetricSet({}, DIGESTS, content={"provenance": {"stages": stages}})
    check_at_hand(measured, release / "report.json", checkpoint)
    (checkpoint / "weights.safetensors").write_text("trained on")
    with pytest.raises(RefusedError) as caught:
        check_at_hand(measured, release / "report.json", checkpoint)
    assert f"expected finalize {stages[0]['result'][:12]}…, found " in str(caught.value)


def test_a_checkpoint_needs_the_lineage_of_a_run(checkpoint: Path, release: Path) -> None:
    with pytest.raises(RefusedError, match="expected a report with the provenance of a run, found"):
        check_at_hand(MEASURED, release / "report.json", checkpoint)


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RefusedError, match="holds no output of a stage"):
        check_at_hand(MEASURED, tmp_path / "report.json", tmp_path / "empty")


def published(release: Path, **contents: str) -> MetricSet:
    """Return the metrics of a report that a run published with these files."""
    files = {name.replace("_", "."): text for name, text in contents.items()}
    for name, text in files.items():
        (release / name).write_text(text)
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    return MetricSet({}, DIGESTS, content={"verdict": "passed"}, files=digests)


def test_a_checkpoint_that_was_published_belongs_to_the_report(release: Path) -> None:
    measured = published(release, net_pth="weights")
    source = release / "report.json"
    check_beside(measured, source)
    check_at_hand(measured, source, release / "net.pth")
    (release / "net.pth").write_text("other weights")
    for check in (
        lambda: check_beside(measured, source),
        lambda: check_at_hand(measured, source, release / "net.pth"),
    ):
        with pytest.raises(RefusedError, match=r"does not belong to `.*net\.pth`: expected net"):
            check()


def test_an_edited_page_counts_only_when_it_is_attested(release: Path) -> None:
    """A checkout may change the ends of its lines."""
    measured = published(release, report_md="# Verdict")
    check_published(measured, release / "report.json")
    (release / "report.md").write_text("# Better")
    check_beside(measured, release / "report.json")
    with pytest.raises(RefusedError, match=r"does not belong to `.*report\.md`: expected report"):
        check_published(measured, release / "report.json")


@pytest.mark.parametrize("name", ["other.onnx", "OTHER.PRUNEPACK", "other.bin"])
def test_another_model_beside_a_report(name: str, release: Path) -> None:
    measured = published(release)
    (release / name).write_bytes(MAGIC)
    with pytest.raises(RefusedError) as caught:
        check_beside(measured, release / "report.json")
    assert str(caught.value) == (
        f"`{release}/report.json` says nothing about `{release}/{name}`: expected only the models "
        f"{', '.join(CONTENTS)}, found {hashlib.sha256(MAGIC).hexdigest()[:12]}…. "
        "Move the file elsewhere, or verify and measure it"
    )


def test_a_copy_of_a_measured_model_and_files_of_parity(release: Path) -> None:
    (release / "copy.onnx").write_bytes(CONTENTS["model.onnx"])
    check_beside(published(release), release / "report.json")
    (release / "other.onnx").write_bytes(b"another")
    check_beside(MEASURED, release / "parity.json")  # not a release


def test_a_report_that_is_replaced_after_its_check(release: Path) -> None:
    source = release / "report.json"
    digests = {source: hashlib.sha256(source.read_bytes()).hexdigest()}
    check_unchanged(digests)
    source.write_bytes(b'{"better": 1}')
    with pytest.raises(RefusedError) as caught:
        check_unchanged(digests)
    message = f"`{source}` changed while it was judged. Let no other program write to it"
    assert str(caught.value) == message
