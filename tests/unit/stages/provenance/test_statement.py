"""The statement on a release: in-toto's form, every digest in it, the same bytes every time."""

import json
from pathlib import Path

import pytest

from prunepack.errors import RefusedError
from prunepack.stages.provenance.reading import Statement, read_statement
from prunepack.stages.provenance.statement import make_statement

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


@pytest.mark.parametrize("release", [None, 0, 7])
def test_a_statement_comes_back(release):
    payload = make_statement({"provenance": PROVENANCE}, SUBJECTS, "urn:ci:7", "0.1.0", release)
    assert read_statement(payload, SOURCE) == Statement(SUBJECTS, release)


def changed(**parts):
    value = json.loads(made())
    build = value["predicate"]["buildDefinition"]
    for name, part in parts.items():
        if name == "release":
            build["externalParameters"][name] = part
        else:
            (build if name == "buildType" else value)[name] = part
    return json.dumps(value).encode()


def rows(*names, sha="a" * 64):
    return [{"name": name, "digest": {"sha256": sha}} for name in names]


SHAS = "a name and a SHA-256 for each subject"
STATEMENT = "https://in-toto.io/Statement/v1"


@pytest.mark.parametrize(
    ("payload", "expected", "found"),
    [
        (b"", STATEMENT, "JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
        (b"[]", STATEMENT, "TypeError: list indices must be integers or slices, not str"),
        (b"{}", STATEMENT, "KeyError: 'subject'"),
        (b'{"a": 1, "a": 2}', STATEMENT, "ValueError: the key `a` twice in one object"),
        (changed(predicate=7), STATEMENT, "TypeError: 'int' object is not subscriptable"),
        (changed(_type="x"), STATEMENT, "x"),
        (changed(predicateType="https://x"), "https://slsa.dev/provenance/v1", "https://x"),
        (changed(predicateType=None), "https://slsa.dev/provenance/v1", "None"),
        (changed(buildType="urn:x"), "urn:prunepack:run:1", "urn:x"),
        (changed(subject=[]), "at least one subject", "none"),
        (changed(subject=rows("a", "b", "a")), "each subject once", "`a` twice"),
        (
            changed(subject=rows("Model.onnx", "model.onnx")),
            "each subject once",
            "`Model.onnx` twice",
        ),
        (changed(subject=rows("a", sha="b")), SHAS, "('a', 'b')"),
        (changed(subject=rows(7)), SHAS, f"(7, '{'a' * 64}')"),
        (changed(release=-1), "a release number of at least 0", "-1"),
        (changed(release="7"), "a release number of at least 0", "'7'"),
        (changed(release=True), "a release number of at least 0", "True"),
    ],
)
def test_what_is_no_statement_on_a_release(payload, expected, found, says):
    with says(
        RefusedError,
        f"`provenance.json` does not hold a statement on a release: expected {expected}, "
        f"found {found}. Write one with `prunepack attest`",
    ):
        read_statement(payload, SOURCE)
