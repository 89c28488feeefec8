"""Operators of mutation change a model and say so; the tables count what was caught."""

import numpy as np
import pytest
from onnx.shape_inference import infer_shapes

from benchmarks.mutants import GROUPS
from benchmarks.mutation import data, reasons
from benchmarks.mutation.draft import Draft, NotApplicableError, Step
from benchmarks.tables import mutants as tables
from tests.unit.stages import small_graphs as small

OPERATORS = [(group, name) for group, operators in GROUPS.items() for name in operators]


def make_draft(seed):
    return Draft(infer_shapes(small.residual()), np.random.default_rng(seed))


def mutate(group, name, seed):
    draft = make_draft(seed)
    return GROUPS[group][name](draft), draft.finish()


@pytest.mark.parametrize(("group", "name"), OPERATORS)
def test_an_operator_changes_the_model_and_says_what_it_changed(group, name):
    before = make_draft(0).finish()
    changed = 0
    for seed in range(20):
        try:
            text, model = mutate(group, name, seed)
        except (NotApplicableError, IndexError, KeyError, TypeError, ValueError):
            continue
        assert text
        changed += model != before
        assert mutate(group, name, seed) == (text, model)
    applicable = name not in {
        *("Cast of integers inserted", "Mod, Min, Max of integers inserted"),
        *("two tensors exchanged", "names exchanged", "whole number changed"),
        "inputs or outputs listed in another order",
    }
    assert changed > 0 or not applicable


def test_nodes_are_sorted_and_a_cycle_is_refused():
    draft = make_draft(0)
    last = draft.graph.node[-1].output[0]
    draft.append(draft.graph.node[0].output[0], [Step("Add", (last,))])
    with pytest.raises(NotApplicableError):
        draft.finish()


@pytest.mark.parametrize("name", data.OPERATORS)
def test_a_data_operator_returns_samples_with_labels(name):
    generator = np.random.default_rng(4)
    images = generator.standard_normal((300, 1, 28, 28)).astype(np.float32)
    function, change = data.OPERATORS[name]
    assert f"def {function}()" in data.SOURCE
    try:
        changed, labels, text = change(images, np.arange(300) % 10, generator)
    except NotApplicableError:
        return
    assert len(changed) == len(labels)
    assert text


def row(number, *, caught, checks=()):
    return {
        "number": number,
        "network": "net",
        "form": "exported",
        "group": "nodes",
        "operator": "edge rewired",
        "description": f"edge {number}",
        "shown_by": "zeros",
        "caught": caught,
        "code": int(caught),
        "checks": list(checks),
    }


def test_the_tables_count_and_explain(monkeypatch):
    rows = [
        row(0, caught=True, checks=["parity.torch_onnx.beyond_tolerance"]),
        row(1, caught=True, checks=["parity.weights.changed_values", "parity.graph.x"]),
        row(2, caught=False),
        row(3, caught=False),
    ]
    other = {"mutants": rows[:1], "dropped": {}}
    result = {"mutants": rows, "dropped": {"equivalent": 7}, "foreign": other}
    monkeypatch.setattr(tables, "read_result", lambda name: {"mutants": result}[name])
    monkeypatch.setattr(reasons, "REASONS", ((r"^exported: .*: edge 2$", "too rare"),))
    assert tables.mutants_summary().splitlines() == [
        "Files of our exporter: 2 of 4 mutants are caught, 50.0 % "
        "(candidates left out: 7 equivalent).",
        "Files of other tools: 1 of 1 mutants are caught, 100.0 % (candidates left out: none).",
    ]
    assert tables.mutants_table().splitlines()[2:] == [
        "| nodes | edge rewired | 4 | 2 | 1 | 1 | 1 |",
        "| **all** |  | 4 | 2 | 1 | 1 | 1 |",
    ]
    assert tables.survivors_table().splitlines()[2:] == [
        "| 2 | net | exported | edge rewired: edge 2 | zeros | too rare |",
        "| 3 | net | exported | edge rewired: edge 3 | zeros | not explained yet |",
    ]
