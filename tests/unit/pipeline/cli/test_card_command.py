"""``prunepack card``: from a run, to a file or to stdout, and its refusals."""

import json
from pathlib import Path

import onnx
import pytest
import yaml

import prunepack
from prunepack.errors import UsageError
from prunepack.pipeline.cli.commands.card import card_command
from tests.unit.stages.graphs.models import two_layers


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("card")
    onnx.save(two_layers(), folder / "net.onnx")
    for until in (None, "prune"):
        prunepack.run(
            folder / "net.onnx",
            artifacts=folder / "artifacts",
            name="early" if until else "whole",
            until=until,
            prune={"amount": 0.5, "exclude": ["last"]},
            measure={"batch_sizes": [1]},
        )
    return folder


def card(runs, *words):
    card_command.main([*words, "--artifacts", str(runs / "artifacts")], standalone_mode=False)


def test_a_card_on_stdout(runs, capsys):
    card(runs, "whole", "--license", "mit", "--dataset", "mnist")
    text = capsys.readouterr().out
    front = yaml.safe_load(text.split("---\n")[1])
    assert (front["license"], front["datasets"]) == ("mit", ["mnist"])
    assert "# net" in text
    assert "whole" not in text
    assert "| `amount` | 0.5 |" in text
    assert '| `exclude` | ["last"] |' in text


@pytest.mark.parametrize("option", ["--license", "--task", "--base-model", "--dataset"])
@pytest.mark.parametrize("text", ["mit\nx: y", "a\rb", "a\u2028b", "a\0"])
def test_a_fact_that_is_not_one_line_is_refused(runs, option, text):
    with pytest.raises(UsageError, match=f"{option} .* cannot be in a card") as refused:
        card(runs, "whole", option, text)
    assert refused.value.expected == "one line of printable characters"


def test_a_card_in_a_file(runs, tmp_path, capsys):
    target = tmp_path / "README.md"
    card(runs, "1", "-o", str(target), "--json")
    assert json.loads(capsys.readouterr().out) == {"run": 1, "path": str(target)}
    assert target.read_text("utf-8").startswith("---\nlibrary_name: ")
    with pytest.raises(UsageError, match="exists"):
        card(runs, "1", "-o", str(target))
    card(runs, "1", "-o", str(target), "--force")


def test_runs_without_a_report(runs):
    with pytest.raises(UsageError, match="run 2 has no report") as refused:
        card(runs, "early")
    assert refused.value.found == "no verdict"
    assert refused.value.hint == "Run the recipe `net` again"
    with pytest.raises(UsageError, match="no run in"):
        card(runs, "none")


def test_a_run_whose_results_were_deleted(runs, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(runs, copy, copy_function=shutil.copyfile)
    for report in Path(copy).glob("artifacts/.store/objects/*/report.json"):
        report.parent.chmod(0o755)
        report.unlink()
    with pytest.raises(UsageError, match="run 1 has no report") as refused:
        card(copy, "whole")
    assert refused.value.found == "results that were deleted"
