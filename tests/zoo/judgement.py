"""Judgement of a run by the expectation of its kind: a list of differences, empty for none."""

import dataclasses

from tests.zoo.expectations import Refusal

__all__ = ["differences"]

SPARSITY_TOLERANCE = 0.6


def differences(project, run, release):
    """Return what the run did otherwise than the kind expects."""
    refusal = project.REFUSED
    found = [*_always(run)]
    if refusal is not None:
        return [*found, *_of_refusal(project, refusal, run)]
    expectation = project.PASSES
    if run.code != expectation.code or not (release.folder / "report.json").is_file():
        return [*found, f"exit code {run.code}, expected {expectation.code}: {_last_words(run)}"]
    return [*found, *_of_release(project, expectation, release)]


def _always(run):
    """Check what holds for every kind."""
    if run.code == 3:
        yield "exit code 3: a bug of prunepack"
    if "Traceback (most recent call last)" in run.out + run.err:
        yield "a traceback was printed"
    if run.document is None:
        yield f"stdout is not one JSON document: {run.out[:200]!r}"


def _last_words(run):
    """Return what a person would read first: the error, else the verdict, else the last lines."""
    document = run.document or {}
    if run.error:
        return str(run.error)
    if document.get("stages"):
        return document["stages"][-1]["facts"]["summary"]
    return " | ".join(run.err.strip().splitlines()[-3:])[:600]


def _of_refusal(project, refusal: Refusal, run):
    if run.code != refusal.code:
        yield f"exit code {run.code}, expected {refusal.code}: {_last_words(run)}"
    error = run.error
    if error is None:
        yield "no error object on stdout"
        return
    for field in dataclasses.fields(refusal):
        wanted = getattr(refusal, field.name)
        if field.name == "code" or (wanted is None and field.name != "hint"):
            continue
        wanted = None if wanted is None else project.fill(wanted)
        if error.get(field.name) != wanted:
            yield f"{field.name}: {error.get(field.name)!r}, expected {wanted!r}"


def _of_release(project, expectation, release):
    metrics = {name: entry["value"] for name, entry in release.report["metrics"].items()}
    for name, wanted in _wanted_metrics(expectation).items():
        if not _is_within(metrics.get(name), wanted):
            yield f"{name} is {metrics.get(name)}, expected {wanted}"
    notes = release.notes
    yield from (f"not told: {t!r}" for t in map(project.fill, expectation.told) if t not in notes)
    yield from (f"told: {t!r}" for t in expectation.untold if t in notes)
    if expectation.inputs is not None and release.inputs != expectation.inputs:
        yield f"inputs {release.inputs}, expected {expectation.inputs}"
    if expectation.outputs is not None and release.outputs != expectation.outputs:
        yield f"outputs {release.outputs}, expected {expectation.outputs}"


def _wanted_metrics(expectation):
    wanted = dict(expectation.metrics)
    if expectation.sparsity is not None:
        low = expectation.sparsity - SPARSITY_TOLERANCE
        wanted["sparsity.weights"] = (low, low + 2 * SPARSITY_TOLERANCE)
    if expectation.accuracy is not None:
        wanted["accuracy.artifact"] = (expectation.accuracy, 100.0)
    return wanted


def _is_within(value, wanted):
    if wanted is None or value is None:
        return wanted is value
    if isinstance(wanted, tuple):
        return wanted[0] <= value <= wanted[1]
    return abs(value - wanted) <= 1e-3 * abs(wanted) + 1e-6
