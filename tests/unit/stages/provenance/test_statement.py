"""The statement on a release: in-toto's form, every digest in it, the same bytes every time."""

import json
from pathlib import Path

import pytest

from prunepack.errors import RefusedError
from prunepack.stages.provenance.statement import make_statement
from prunepack.stages.provenance.subjects import read_subjects

STAGE = {
    "stage": "pack",
    "key": "1" * 64,
    "result": "2" * 64,
    "inputs": {"onnx": "3" * 64},
    "config": "4" * 64,
    "code": "5" * 64,
    "user": "6" * 64,
    "tools": {"numpy": "2.4.6", "python": "3.11"},
}
PROVENANCE = {
    "recipe": {"name": "mine", "sha256": "7" * 64},
    "stages": [STAGE, STAGE | {"stage": "gate", "tools": {"python": "3.11"}}],
}
SUBJECTS = {"report.json": "a" * 64, "model.prunepack": "b" * 64}
SOURCE = Path("provenance.json")


def made(provenance=PROVENANCE):
    return make_statement({"provenance": provenance}, SUBJECTS, "urn:ci:7", "0.1.0")


def test_the_statement_says_what_was_made_of_what_by_whom():
    value = json.loads(made())
    assert value["_type"] == "https://in-toto.io/Statement/v1"
    assert value["subject"] == [
        {"name": "model.prunepack", "digest": {"sha256": "b" * 64}},
        {"name": "report.json", "digest": {"sha256": "a" * 64}},
    ]
    assert value["predicateType"] == "https://slsa.dev/provenance/v1"
    build, run = (value["predicate"][part] for part in ("buildDefinition", "runDetails"))
    assert build["externalParameters"] == {"recipe": PROVENANCE["recipe"]}
    first = build["internalParameters"]["stages"][0]
    assert first == {name: one for name, one in STAGE.items() if name != "tools"}
    assert build["resolvedDependencies"] == [
        {"uri": "pkg:pypi/numpy@2.4.6"},
        {"uri": "pkg:generic/python@3.11"},
    ]
    assert run["builder"] == {"id": "urn:ci:7", "version": {"prunepack": "0.1.0"}}


def test_it_is_canonical_and_the_same_every_time():
    value = json.loads(made())
    again = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert made() == made() == again.encode()


@pytest.mark.parametrize("provenance", [None, 7, []])
def test_a_report_that_no_run_published(provenance, says):
    with says(
        RefusedError,
        "the report has no provenance: expected the report of a run, found none. "
        "Attest the folder that `prunepack run` wrote",
    ):
        made(provenance)


@pytest.mark.parametrize(
    ("provenance", "found"),
    [
        ({}, "KeyError: 'stages'"),
        ({"stages": 7, "recipe": {}}, "TypeError: 'int' object is not iterable"),
        ({"stages": [{"stage": "x"}], "recipe": {}}, "KeyError: 'tools'"),
        ({"stages": [{"tools": 3}], "recipe": {}}, "AttributeError: 'int' object has no"),
    ],
)
def test_a_provenance_that_is_not_whole(provenance, found):
    with pytest.raises(RefusedError) as caught:
        made(provenance)
    assert str(caught.value).startswith(f"the report's provenance is incomplete: found {found}")


def test_subjects_come_back():
    assert read_subjects(made(), SOURCE) == SUBJECTS


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (b"", "JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
        (b"[]", "TypeError: list indices must be integers or slices, not str"),
        (b"{}", "KeyError: 'subject'"),
        (b'{"subject": [], "_type": "https://in-toto.io/Statement/v1"}', None),
        (b'{"subject": [{"name": "a", "digest": {"sha256": "b"}}], "_type": "x"}', "x"),
        (b'{"subject": [{"name": "a", "digest": {}}], "_type": "x"}', "KeyError: 'sha256'"),
        (b'{"subject": [{"name": 7, "digest": {"sha256": 7}}], "_type": "x"}', "x"),
    ],
)
def test_what_is_no_statement_on_a_release(payload, found, says):
    found = "https://in-toto.io/Statement/v1" if found is None else found
    with says(
        RefusedError,
        "`provenance.json` does not hold a statement on a release: expected "
        f"https://in-toto.io/Statement/v1 with a SHA-256 for each subject, found {found}. "
        "Write one with `prunepack attest`",
    ):
        read_subjects(payload, SOURCE)
