"""Gate files: every problem at once, and where each limit is written."""

from pathlib import Path

import pytest

from prunepack.errors import UsageError
from prunepack.pipeline.gate_file import locate_limits, read_gate_file
from prunepack.stages.gate import GateConfig


@pytest.fixture
def file(tmp_path):
    def file(text):
        path = tmp_path / "gate.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return file


def test_the_keys_are_what_a_recipe_has(file):
    path = file(
        'limits = ["size.ratio >= 8.5", "size.artifact <= 1.02 x baseline"]\n'
        'skip = ["latency.*"]\noperators = ["Conv"]\ndomains = ["mine"]\n'
        'undecided = "pass"\nbaseline = "old/report.json"\n'
    )
    assert read_gate_file(path) == GateConfig(
        limits=("size.ratio >= 8.5", "size.artifact <= 1.02 x baseline"),
        skip=("latency.*",),
        operators=("Conv",),
        domains=("mine",),
        undecided="pass",
        baseline=Path("old/report.json"),
    )


def test_every_problem_is_told_at_once(file):
    path = file('limit = ["x <= 1"]\nlimits = ["y > 2", "z >= 3"]\nundecided = "maybe"\n')
    with pytest.raises(UsageError) as caught:
        read_gate_file(path)
    problems = caught.value.found.splitlines()
    assert caught.value.what == f"the gate file `{path}` has 3 problems"
    assert [problem.split(":")[0] for problem in problems] == [
        "limits[1]",
        "undecided",
        "limit",
    ]
    assert "`y > 2` is not a limit" in problems[0]
    assert "'fail' or 'pass'" in problems[1]
    assert problems[2] == "limit: no such setting. Did you mean `limits`?"


def test_one_problem_is_one(file):
    with pytest.raises(UsageError, match=r"gate\.toml` has 1 problem:"):
        read_gate_file(file("limit = []"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        '# limits = ["size.ratio >= 8.5"]\n',
        "limits = []\n",
        'limits = [\n  # "size.ratio >= 8.5",\n]\nskip = []\n',
        'undecided = "fail"\nrelax = false\n',
    ],
)
def test_a_file_that_asks_for_nothing_is_refused(text, file):
    with pytest.raises(UsageError) as caught:
        read_gate_file(file(text))
    assert caught.value.what.endswith("gate.toml` asks for nothing")
    assert caught.value.hint == "Give limits in the file, or leave --gate-file out"


@pytest.mark.parametrize("text", ['skip = ["latency.*"]', "relax = true", 'operators = ["Conv"]'])
def test_a_file_may_ask_for_something_else_than_limits(text, file):
    assert read_gate_file(file(text)) != GateConfig()


def test_a_limit_that_says_nothing_is_a_problem_of_the_file(file):
    with pytest.raises(UsageError, match=r"gate\.toml` has 1 problem: .*is better. Did you mean"):
        read_gate_file(file('limits = ["accuracy.artifact <= 98"]'))


@pytest.mark.parametrize("text", ["limits = [", b"\xff"])
def test_what_is_no_toml(text, file):
    path = file(text)
    with pytest.raises(UsageError, match=r"the gate file `.*gate\.toml` cannot be read: found"):
        read_gate_file(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"cannot be read: found .* No such file"):
        read_gate_file(tmp_path / "none.toml")


def test_limits_are_found_where_they_are_written(file):
    path = file('# limits\nlimits = [\n  "size.ratio>=8.50",\n  "x <= 1", "y <= 2",\n]\n')
    assert locate_limits(path) == {
        "size.ratio >= 8.5": (path, 3),
        "x <= 1": (path, 4),
        "y <= 2": (path, 4),
    }


def test_a_limit_with_an_escape_is_not_found(file):
    path = file('limits = ["x \\u003c= 1"]\n')
    assert locate_limits(path) == {}
