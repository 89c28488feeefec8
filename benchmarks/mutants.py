"""Mutation score of the verdict: random faults of exported models and of a data set.

Each mutant differs from an honest release in one random change, and is kept only if some input, or
the accuracy, shows the difference. The real ``pack``, ``verify`` and ``gate`` judge it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from benchmarks.mutation import (
    conditions,
    data,
    hidden_weights,
    insertions,
    interface,
    nodes,
    weights,
)
from benchmarks.mutation.draft import Draft, NotApplicableError
from benchmarks.mutation.probes import NETWORKS, find_difference, measure_accuracy
from benchmarks.mutation.sources import EXPORTED, FOREIGN, read_source
from benchmarks.mutation.verdict import ACCURACY, Verdict, judge_data, judge_model
from benchmarks.results import write_result
from tests.faults.fresh_exports import share_fresh_exports
from tests.faults.lab import lab

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["GROUPS", "make_mutant"]

GROUPS = {
    "weights": weights.OPERATORS,
    "hidden weights": hidden_weights.OPERATORS,
    "nodes": nodes.OPERATORS,
    "insertions": insertions.OPERATORS,
    "conditions": conditions.OPERATORS,
    "interface": interface.OPERATORS,
}
"""Group → its operators on graphs; the group ``data`` is drawn separately."""

ATTEMPTS = 400
OTHERS = 1_000_000
"""Number of the first mutant of the files of other tools, for its seed."""

DATA_EVERY = 10
"""One of so many mutants has a fault in its data."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change, with the input that shows it and the function that judges the release."""

    network: str
    form: str
    group: str
    operator: str
    description: str
    shown_by: str
    judge: Callable[[Path], Verdict]


def make_mutant(number: int, seed: int, dropped: Counter[str], *, foreign: bool = False) -> Mutant:
    """Return mutant ``number`` of a seed; count the candidates that are not kept.

    The file of a ``foreign`` mutant is as another tool leaves it.
    """
    form = FOREIGN[number // len(NETWORKS) % len(FOREIGN)] if foreign else EXPORTED
    for attempt in range(ATTEMPTS):
        generator = np.random.default_rng([seed, number + OTHERS * foreign, attempt])
        try:
            if not foreign and number % DATA_EVERY == DATA_EVERY - 1:
                mutant = _mutate_data(generator)
            else:
                network = list(NETWORKS)[number % len(NETWORKS)]
                mutant = _mutate_model(network, form, generator)
        except NotApplicableError:
            dropped["not applicable, or refused by onnxruntime"] += 1
            continue
        if mutant is not None:
            return mutant
        dropped["equivalent"] += 1
    sys.exit(f"no mutant {number} of seed {seed} in {ATTEMPTS} attempts")


def _mutate_model(network: str, form: str, generator: np.random.Generator) -> Mutant | None:
    """Return a changed model, or None if no input shows the change."""
    group = list(GROUPS)[generator.integers(len(GROUPS))]
    operators = GROUPS[group]
    operator = list(operators)[generator.integers(len(operators))]
    source = read_source(network, form)
    right = onnx.load_from_string(source)
    draft = Draft(onnx.load_from_string(source), generator)
    try:
        description = operators[operator](draft)
        model = draft.finish()
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise NotApplicableError(str(error)) from None
    exact = group == "hidden weights"
    shown_by = find_difference(network, right, onnx.load_from_string(model), exact=exact)
    if shown_by is None:
        return None
    return Mutant(
        network,
        form,
        group,
        operator,
        description,
        shown_by,
        lambda folder: judge_model(network, model, folder, recorded=form == EXPORTED),
    )


def _mutate_data(generator: np.random.Generator) -> Mutant | None:
    """Return a changed data set, or None if the model is as good on it as on the right one."""
    operator = list(data.OPERATORS)[generator.integers(len(data.OPERATORS))]
    function, change = data.OPERATORS[operator]
    with np.load(lab() / "digits.npz") as digits:
        images, labels, description = change(digits["images"], digits["labels"], generator)
    accuracy = measure_accuracy(images, labels)
    if operator in data.VISIBLE_AS_ACCURACY and accuracy >= ACCURACY:
        return None
    return Mutant(
        "lenet",
        EXPORTED,
        "data",
        operator,
        description,
        f"accuracy of {accuracy:.1f} %",
        lambda folder: judge_data(images, labels, function, folder),
    )


def judge_mutant(number: int, seed: int, dropped: Counter[str], *, foreign: bool) -> dict[str, Any]:
    """Make and judge one mutant; return its row."""
    mutant = make_mutant(number, seed, dropped, foreign=foreign)
    with tempfile.TemporaryDirectory() as folder:
        verdict = mutant.judge(Path(folder))
    return {
        "number": number,
        "network": mutant.network,
        "form": mutant.form,
        "group": mutant.group,
        "operator": mutant.operator,
        "description": mutant.description,
        "shown_by": mutant.shown_by,
        "caught": verdict.caught,
        "code": verdict.code,
        "checks": list(verdict.checks),
    }


def keep_mutant(number: int, seed: int, folder: Path, *, foreign: bool) -> None:
    """Write the release of one mutant into ``folder``, and print its verdict."""
    folder.mkdir()
    mutant = make_mutant(number, seed, Counter(), foreign=foreign)
    print(f"{mutant.network} {mutant.form}: {mutant.operator}: {mutant.description}")
    print(f"shown by {mutant.shown_by}")
    print(mutant.judge(folder))


def judge_controls() -> list[str]:
    """Judge every right file, and the right data; return those that do not pass."""
    alarms = []
    for network in NETWORKS:
        for form in (EXPORTED, *FOREIGN):
            with tempfile.TemporaryDirectory() as folder:
                source, recorded = read_source(network, form), form == EXPORTED
                verdict = judge_model(network, source, Path(folder), recorded=recorded)
            alarms += [f"{network} {form}: {verdict.checks}"] if verdict.code else []
    with np.load(lab() / "digits.npz") as digits, tempfile.TemporaryDirectory() as folder:
        verdict = judge_data(digits["images"], digits["labels"], "changed", Path(folder))
    return alarms + ([f"data: {verdict.checks}"] if verdict.code else [])


def judge_mutants(count: int, seed: int, *, foreign: bool = False) -> dict[str, Any]:
    """Return the rows of ``count`` mutants, and the numbers of the candidates left out."""
    dropped: Counter[str] = Counter()
    rows = []
    for number in range(count):
        rows.append(judge_mutant(number, seed, dropped, foreign=foreign))
        caught = sum(row["caught"] for row in rows)
        if sys.stderr.isatty() or len(rows) % 50 == 0:
            print(f"{caught} of {len(rows)} mutants caught", file=sys.stderr)
    return {"mutants": rows, "dropped": dict(dropped)}


def main() -> None:
    """Measure, and write ``results/mutants.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=400, help="number of mutants of our exports")
    parser.add_argument("--foreign", type=int, default=100, help="number of mutants of other files")
    parser.add_argument("--seed", type=int, default=0, help="seed of all changes")
    parser.add_argument("--only", type=int, help="one mutant, whose release is kept in --keep")
    parser.add_argument("--of-foreign", action="store_true", help="let --only be one of the others")
    parser.add_argument("--keep", type=Path, help="a new folder")
    parser.add_argument("--output", type=Path, help="another file than results/mutants.json")
    options = parser.parse_args()
    if options.only is not None:
        folder = options.keep or Path(tempfile.mkdtemp()) / "kept"
        keep_mutant(options.only, options.seed, folder, foreign=options.of_foreign)
        return
    with tempfile.TemporaryDirectory() as folder, share_fresh_exports(Path(folder)):
        if alarms := judge_controls():
            sys.exit(f"right files do not pass: {alarms}")
        own = judge_mutants(options.count, options.seed)
        foreign = judge_mutants(options.foreign, options.seed, foreign=True)
    result = {"seed": options.seed, **own, "foreign": foreign}
    if options.output:
        options.output.write_text(json.dumps(result, indent=1))
    else:
        write_result("mutants", result)


if __name__ == "__main__":
    main()
