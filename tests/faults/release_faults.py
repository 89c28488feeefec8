"""Faults of a release folder: files that were replaced after they were judged or signed."""

from __future__ import annotations

import json
import shutil
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.faults.commands import run_all, run_honest
from tests.faults.fault import Fault
from tests.faults.lab import LIMITS, copy_of, released
from tests.faults.signature_faults import make_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.faults.fault import Command
    from tests.faults.lab import Release

    Spoil = Callable[[Path], None]

__all__ = ["FAULTS"]


def _sign(release: Release, number: str | None = None) -> Path:
    """Sign the release with a new key; return the public half."""
    secret, public = make_keys(release.folder, "owner")
    report = release / "report"
    statement, envelope = str(report / "provenance.json"), str(report / "provenance.dsse.json")
    given = [] if number is None else ["--release", number]
    run_honest(
        ["attest", str(report), "-o", statement, *given],
        ["sign", statement, "--key", str(secret), "-o", envelope],
    )
    return public


def _verify(release: Release, public: Path, *options: str) -> Command:
    envelope = str(release / "report/provenance.dsse.json")
    return ["verify-signature", envelope, "--key", str(public), *options]


def _after_signing(spoil: Spoil, by_gate: bool, folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    public = _sign(release)
    spoil(release / "report")
    if by_gate:
        return [release.judge("--require-signature", str(public))]
    return [_verify(release, public)]


def _before_signing(spoil: Spoil, folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    spoil(release / "report")
    return [["attest", str(release / "report"), "-o", str(release / "statement.json")]]


def _unsigned(spoil: Spoil, folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    spoil(release / "report")
    return [release.judge()]


def _append(name: str, report: Path) -> None:
    with (report / name).open("ab") as file:
        file.write(b"\n")


def _renamed_and_replaced(report: Path) -> None:
    """Put another artifact beside the report, and the right one under another name elsewhere."""
    (report / "model.prunepack").rename(report.parent / "right.prunepack")
    shutil.copy(released("heads").packed, report / "lenet.prunepack")


def _second_model(name: str, report: Path) -> None:
    shutil.copy(released("heads").packed, report / name)


def _dense_model(report: Path) -> None:
    shutil.copy(released("lenet") / "dense_onnx/model.onnx", report / "small.ONNX")


def _linked(report: Path) -> None:
    """Let a link stand for the artifact; its target may change at any time."""
    file = report / "model.prunepack"
    file.rename(report.parent / "elsewhere")
    file.symlink_to(report.parent / "elsewhere")


def _older(folder: Path, number: str | None, *, by_gate: bool) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    public = _sign(release, number)
    if by_gate:
        return [release.judge("--require-signature", str(public), "--min-release", "42")]
    return [_verify(release, public, "--min-release", "42")]


def _failed_but_signed(folder: Path) -> Sequence[Command]:
    """Sign a release whose verdict is failed."""
    recipe = folder / "recipe.toml"
    text = (released("lenet") / "recipe.toml").read_text()
    recipe.write_text(text.replace(LIMITS[0], "size.ratio >= 100"))
    shutil.copytree(released("lenet") / "runs", folder / "runs")
    done = run_all([["run", str(recipe), "--artifacts", str(folder / "runs")]])
    assert done.code == 1, done.text
    release = copy_of("lenet", folder)
    shutil.rmtree(release / "report")
    shutil.copytree(folder / "runs/recipe", release / "report")
    return [_verify(release, _sign(release))]


def _statement(change: Callable[[Any], None], folder: Path) -> Sequence[Command]:
    """Sign a statement of another kind with the same key."""
    release = copy_of("lenet", folder)
    public = _sign(release)
    statement = release / "report/provenance.json"
    content = json.loads(statement.read_bytes())
    change(content)
    statement.write_text(json.dumps(content))
    _sign_bytes(statement, public)
    return [release.judge("--require-signature", str(public))]


def _sign_bytes(statement: Path, public: Path) -> None:
    """Sign a file as another tool with the same key would."""
    from prunepack.stages.provenance.signing import sign_statement

    envelope = sign_statement(statement.read_bytes(), public.with_suffix(".pem"))
    statement.with_name("provenance.dsse.json").write_bytes(envelope)


def _other_predicate(content: Any) -> None:
    content["predicateType"] = "https://in-toto.io/attestation/test-result/v0.1"


def _other_build(content: Any) -> None:
    content["predicate"]["buildDefinition"]["buildType"] = "https://example.org/tests-only"


def _subject_twice(content: Any) -> None:
    content["subject"].append({"name": "model.prunepack", "digest": {"sha256": "0" * 64}})


def _subject_in_capitals(content: Any) -> None:
    content["subject"].append({"name": "MODEL.prunepack", "digest": {"sha256": "0" * 64}})


def _no_subject(content: Any) -> None:
    content["subject"] = []


def _fault(
    name: str, plant: Callable[[Path], Sequence[Command]], says: str, code: int = 4
) -> Fault:
    return Fault(name, "report", plant, code, says, found_by="others")


STRAY = r"says nothing about `.*{}`"

FAULTS = (
    *(
        _fault(
            f"{name} replaced after it was signed",
            partial(_after_signing, partial(_append, name), by_gate),
            rf"`{name}` differs from the file that .* signs",
        )
        for name, by_gate in (
            ("pruned_model.pth", False),
            ("report.md", True),
            ("junit.xml", True),
        )
    ),
    *(
        _fault(
            f"{name} replaced before it is signed",
            partial(_before_signing, partial(_append, name)),
            rf"does not belong to `.*{name}`",
        )
        for name in ("report.md", "code-quality.json")
    ),
    _fault(
        "pruned_model.pth replaced beside a report",
        partial(_unsigned, partial(_append, "pruned_model.pth")),
        r"does not belong to `.*pruned_model\.pth`",
    ),
    _fault(
        "an artifact renamed and replaced",
        partial(_unsigned, _renamed_and_replaced),
        STRAY.format(r"lenet\.prunepack"),
    ),
    _fault(
        "an artifact renamed and replaced after it was signed",
        partial(_after_signing, _renamed_and_replaced, True),
        STRAY.format(r"lenet\.prunepack"),
    ),
    _fault(
        "a second artifact with an unusual name",
        partial(_unsigned, partial(_second_model, "weights.bin")),
        STRAY.format(r"weights\.bin"),
    ),
    _fault(
        "a second model in a signed release",
        partial(_after_signing, _dense_model, False),
        STRAY.format(r"small\.ONNX"),
    ),
    _fault(
        "a link in the place of a signed artifact",
        partial(_after_signing, _linked, True),
        r"the statement names `model\.prunepack`: expected a file beside it",
    ),
    *(
        _fault(f"a statement of {what} by the same key", partial(_statement, change), says)
        for what, change, says in (
            ("another predicate type", _other_predicate, "expected https://slsa.dev/provenance/v1"),
            ("another build type", _other_build, "expected urn:prunepack:run:1"),
            ("no file", _no_subject, "expected at least one subject"),
        )
    ),
    _fault(
        "a subject twice, with two digests",
        partial(_statement, _subject_twice),
        r"expected each subject once, found `model\.prunepack` twice",
    ),
    _fault(
        "a subject twice, in capitals",
        partial(_statement, _subject_in_capitals),
        r"expected each subject once, found `model\.prunepack` twice",
    ),
    _fault(
        "a replayed older release",
        partial(_older, number="41", by_gate=True),
        "expected release 42 or later, found release 41",
    ),
    _fault(
        "a replayed release without a number",
        partial(_older, number=None, by_gate=True),
        "expected release 42 or later, found no number",
    ),
    _fault(
        "a replayed older release, by its signature",
        partial(_older, number="9", by_gate=False),
        "expected release 42 or later, found release 9",
    ),
    _fault("a failed release, signed", _failed_but_signed, "Verdict: failed: 1 of", code=1),
)
