"""``prunepack run``: the main job, done for real on LeNet and MNIST."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.shell_completion import BashComplete

from prunepack.pipeline import cli
from tests.e2e.conftest import COMMAND, call

ROOT = Path(__file__).parents[2]
STAGES = [
    "load",
    *("prune", "finetune") * 3,
    "finalize",
    "export",
    "compact",
    "pack",
    "export_dense",
    "verify",
    "measure",
    "gate",
]
QUICK = ("--set", "finetune.epochs=0")


def built(done):
    """Return the stages that a ``run --json`` built, in order."""
    return [one["stage"] for one in json.loads(done.out)["stages"] if not one["reused"]]


def test_lenet_is_released_within_its_limits(released):
    folder, done = released
    assert done.code == 0, done.err + done.out
    report = json.loads((folder / "artifacts/lenet/report.json").read_text())
    figures = {name: one["value"] for name, one in report["metrics"].items()}
    assert report["verdict"] == "passed"
    assert figures["sparsity.weights"] == pytest.approx(90, abs=0.01)
    assert figures["accuracy.dense"] >= 98.8
    assert figures["accuracy.drop"] <= 0.5
    assert figures["accuracy.samples"] == 10_000
    assert figures["size.ratio"] >= 8.5
    assert figures["size.artifact"] == (folder / "artifacts/lenet/model.prunepack").stat().st_size


def test_the_table_has_a_row_for_every_stage(released):
    lines = released[1].out.split("\n\n")[0].splitlines()
    assert all(len(line) <= 80 for line in lines)
    rows = [line for line in lines[2:] if not line.startswith(" ")]
    assert [row.split()[0] for row in rows] == STAGES
    assert all(row.split()[1] == "built" for row in rows)
    assert "Verdict: passed" in released[1].out


def test_a_run_ends_with_one_sentence(released):
    folder, done = released
    report = json.loads((folder / "artifacts/lenet/report.json").read_text())
    values = {name: metric["value"] for name, metric in report["metrics"].items()}
    last = done.out.splitlines()[-1]
    size, ratio = values["size.artifact"], values["size.ratio"]
    assert last.startswith(f"lenet, run 1: {size:,} bytes ({ratio:.3g} ")
    assert f"accuracy drop {values['accuracy.drop']:.3g} points (limit: <= 0.5)" in last
    assert f"{values['latency.batch_1.ratio']:.3g} times the latency of the dense model" in last
    assert "report in artifacts/lenet/report.html" in last
    assert re.search(r", [0-9.]+ s in all$", last)


def test_limits_complete_to_the_metrics_of_the_report(released, monkeypatch):
    monkeypatch.chdir(released[0])
    shell = BashComplete(cli.prunepack, {}, "prunepack", "_PRUNEPACK_COMPLETE")
    items = shell.get_completions(["gate", "artifacts/lenet", "--limits"], "size.r")
    assert [item.value for item in items] == ["size.ratio", "size.ratio_zstd19"]


def test_progress_counts_stages_and_rounds(released):
    starts = [line for line in released[1].err.splitlines() if line.startswith("stage ")]
    assert starts[0] == "stage 1 of 15: load … (first run)"
    assert starts[1] == "stage 2 of 15: prune, round 1 of 3 … (first run)"
    assert starts[4] == "stage 5 of 15: finetune, round 2 of 3 … (first run)"
    assert starts[-1].startswith("stage 15 of 15: gate …")


def test_results_lie_where_people_look(released):
    names = {path.name for path in (released[0] / "artifacts/lenet").iterdir()}
    assert names == {
        "model.onnx",
        "model.prunepack",
        "pruned_model.pth",
        "report.json",
        "report.md",
        "report.html",
        "plots.json",
        "junit.xml",
        "code-quality.json",
    }


def test_a_second_run_reuses_everything_and_imports_no_framework(released):
    code = (
        "import sys; from prunepack.pipeline.cli import prunepack; "
        "prunepack.main(['run', 'lenet', '--json'], standalone_mode=False); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'onnx', 'onnxruntime', 'scipy')))"
    )
    done = call("-c", code, cwd=released[0], command=(sys.executable,))
    assert done.code == 0
    assert built(done) == []


def test_changing_only_the_repeats_measures_and_judges_again(released):
    done = call("run", "lenet", "--json", "--set", "measure.repeats=20", cwd=released[0])
    assert built(done) == ["measure", "gate"]
    why = " ".join(call("explain", "lenet", cwd=released[0]).out.split())
    assert "config.repeats: 300 → 20" in why
    assert "input measurements changed" in why


def test_force_repeats_one_stage(released):
    done = call("run", "lenet", "--json", "--force", "measure", cwd=released[0])
    assert built(done)[0] == "measure"
    assert "forced" in call("explain", "lenet", cwd=released[0]).out


def test_changing_the_amount_reruns_prune_and_what_follows(prunepack):
    prunepack("run", "lenet", "--until", "finalize", *QUICK)
    done = prunepack(
        "run", "lenet", "--until", "finalize", *QUICK, "--set", "prune.amount=0.95", "--json"
    )
    assert built(done) == [*("prune", "finetune") * 3, "finalize"]
    why = " ".join(prunepack("explain", "lenet").out.split())
    assert "config.amount: 0.9 → 0.95" in why
    assert "input model changed" in why


def test_stopping_early_forgets_nothing(prunepack):
    prunepack("run", "lenet", "--until", "prune", *QUICK)
    prunepack("run", "lenet", "--until", "load", *QUICK)
    assert built(prunepack("run", "lenet", "--until", "prune", *QUICK, "--json")) == []
    rows = prunepack("explain", "lenet").out.splitlines()[2:]
    assert [row.split(maxsplit=2)[2] for row in rows] == ["nothing changed"] * 2


@pytest.fixture
def checkout(tmp_path):
    """A copy of the source, and a way to run it."""

    def copy(name):
        folder = tmp_path / name
        for package, home in (
            ("prunepack", ""),
            ("stages", "prunepack"),
            ("pipeline", "prunepack"),
        ):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / package, folder / home / package, ignore=ignored)

        def run(*arguments):
            start = (sys.executable, "-c", "from prunepack.pipeline.cli import main; main()")
            return call(*arguments, cwd=folder, command=start)

        return folder, run

    return copy


def test_editing_a_pruning_method_reruns_from_prune(checkout):
    folder, run = checkout("edited")
    assert run("run", "lenet", "--until", "finetune", *QUICK).code == 0
    method = folder / "prunepack/stages/pruning/methods/l1_unstructured.py"
    method.write_text(method.read_text() + "\n# edited\n")
    done = run("run", "lenet", "--until", "finetune", *QUICK, "--json")
    assert built(done)[0] == "prune"
    why = " ".join(run("explain", "lenet").out.split())
    assert "prunepack/stages/pruning/methods/l1_unstructured.py changed" in why


@pytest.mark.slow
def test_two_checkouts_make_the_same_bytes(checkout):
    """From the same checkpoint: the shipped weights, pruned without training."""
    made = []
    for name in ("one", "another/place"):
        folder, run = checkout(name)
        assert run("run", "lenet", "--until", "pack", *QUICK).code == 0
        release = folder / "artifacts/lenet"
        made.append([(release / n).read_bytes() for n in ("model.onnx", "model.prunepack")])
        for content in made[-1]:
            assert str(folder).encode() not in content
            assert b".py" not in content
    assert made[0] == made[1]


def test_a_missed_limit_fails_the_build_and_is_named_everywhere(released):
    done = call("run", "lenet", "--set", 'gate.limits=["size.ratio >= 50"]', cwd=released[0])
    assert done.code == 1
    assert "Verdict: failed" in done.out
    assert "size.ratio >= 50, measured" in done.out
    release = released[0] / "artifacts/lenet"
    assert "**size.ratio >= 50** failed" in (release / "report.md").read_text()
    suites = ET.parse(release / "junit.xml").getroot()
    failures = [
        case.get("name") for case in suites.iter("testcase") if case.find("failure") is not None
    ]
    assert failures == ["ratio"]
    assert suites.get("failures") == "1"


def test_a_recipe_that_checks_nothing_is_not_a_pass(released):
    settings = ("--set", "gate.limits=[]", "--set", 'gate.skip=["*"]')
    done = call("run", "lenet", *settings, cwd=released[0])
    assert done.code == 5
    assert "nothing was checked" in done.out


def test_every_problem_of_a_recipe_is_told_at_once(tmp_path, prunepack):
    (tmp_path / "mine.toml").write_text(
        "[prune]\nammount = 0.9\nmethod = 'l1_unstructed'\n\n[fintune]\nepochs = 1\n\n"
        "[gate]\nlimits = ['size.ratio > 3']\n"
    )
    done = prunepack("run", "mine.toml")
    assert done.code == 2
    assert "mine.toml has 4 problems" in done.error
    assert "prune.ammount: no such setting. Did you mean `amount`?" in done.error
    assert "Did you mean `l1_unstructured`?" in done.error
    assert "fintune: no such setting. Did you mean `finetune`?" in done.error
    assert "`size.ratio > 3` is not a limit" in done.error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "lenett"), "no built-in recipe is named `lenett`. Did you mean `lenet`?"),
        (("run", "none.toml"), "the recipe `none.toml` cannot be read"),
        (
            ("run", "lenet", "--until", "exprot"),
            "no stage is named `exprot`. Did you mean `export`?",
        ),
        (("run", "lenet", "--set", "prune"), "--set prune: expected TABLE.KEY=VALUE"),
        (("run", "lenet", "--set", "load.x.y=1"), "load.x: no such setting"),
        (("runn", "lenet"), "no command is named `runn`. Did you mean `run`?"),
        (("explain", "lenet"), "`lenet` has not been run in `artifacts`"),
        (("gc",), "`artifacts` holds no store"),
    ],
)
def test_misuse_exits_2_and_says_what_to_do(prunepack, arguments, message):
    done = prunepack(*arguments)
    assert done.code == 2
    assert message in done.error


def test_a_truncated_artifact_exits_4_wherever_it_is_read(released, tmp_path):
    whole = (released[0] / "artifacts/lenet/model.prunepack").read_bytes()
    (tmp_path / "cut.prunepack").write_bytes(whole[: len(whole) // 2])
    for arguments in (("unpack", "cut.prunepack", "-o", "out"), ("inspect", "cut.prunepack")):
        done = call(*arguments, cwd=tmp_path)
        assert done.code == 4
        assert "cut.prunepack" in done.error
    assert not (tmp_path / "out").exists()


def test_interrupting_a_run_leaves_a_store_that_works(tmp_path, prunepack):
    process = subprocess.Popen([COMMAND, "run", "lenet"], cwd=tmp_path, stderr=subprocess.PIPE)
    scratch = tmp_path / "artifacts/.store/scratch"
    wait_for(lambda: any(scratch.glob("*")))
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1].decode()
    assert process.returncode == 130
    assert "Interrupted" in said
    assert "Traceback" not in said
    assert list(scratch.iterdir()) == []
    assert prunepack("run", "lenet", "--until", "prune").code == 0


def wait_for(condition):
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("it did not happen within 5 min")


def test_a_killed_run_leaves_a_store_that_works(tmp_path, prunepack):
    process = subprocess.Popen([COMMAND, "run", "lenet", "-q"], cwd=tmp_path)
    wait_for(lambda: list((tmp_path / "artifacts/.store").glob("actions/*.json")))
    process.kill()
    process.wait()
    done = prunepack("run", "lenet", "--until", "prune", "--json")
    assert done.code == 0
    assert "load" not in built(done)
    assert list((tmp_path / "artifacts/.store/scratch").iterdir()) == []


def test_gc_keeps_what_the_last_run_needs(released):
    before = call("run", "lenet", "--json", cwd=released[0])
    freed = json.loads(call("gc", "--json", cwd=released[0]).out)
    assert freed["objects"] >= 0
    again = call("run", "lenet", "--json", cwd=released[0])
    assert before.code == again.code == 0
    assert built(again) == []


def test_runs_are_kept_listed_and_compared(released):
    """All values are of stored stages: only the settings of the gate differ.

    Both runs are made here, because another test may have measured again since the first run.
    """
    folder = released[0]
    release = folder / "artifacts/lenet"
    first = str(json.loads(call("run", "lenet", "--json", cwd=folder).out)["run"])
    before = {file.name: file.read_bytes() for file in release.iterdir()}
    looser = ("--set", 'gate.limits=["accuracy.drop <= 0.9"]', "--name", "looser")
    done = json.loads(call("run", "lenet", *looser, "--json", cwd=folder).out)
    assert (done["name"], done["recipe"]) == ("looser", "lenet")
    listed = json.loads(call("ls", "--json", cwd=folder).out)["runs"]
    assert [run["number"] for run in listed] == sorted(run["number"] for run in listed)
    assert (listed[-1]["number"], listed[-1]["name"]) == (done["run"], "looser")
    assert listed[-1]["metrics"]["size.artifact"]["value"] == len(before["model.prunepack"])
    compared = json.loads(call("compare", first, "looser", "--json", cwd=folder).out)
    assert list(compared["settings"]) == ["gate.limits"]
    assert compared["settings"]["gate.limits"][1] == ["accuracy.drop <= 0.9"]
    assert compared["metrics"] == {}
    text = call("compare", first, "looser", "-o", "page.html", cwd=folder).out
    assert "gate.limits" in (folder / "page.html").read_text()
    again = call("compare", first, "looser", "-o", "page.html", cwd=folder)
    assert (again.code, "--force" in again.err) == (2, True)
    assert "no metric lies beyond its interval" in text
    assert "gate.limits" in text
    shown = call("show", "looser", cwd=folder).out
    assert re.search(r"^settings +gate\.limits=", shown, re.MULTILINE)
    assert re.search(r"^verdict +passed: ", shown, re.MULTILINE)
    assert call("run", "lenet", "--until", "prune", cwd=folder).code == 0
    assert json.loads((release / "report.json").read_bytes())["verdict"] == "passed"
    call("rm", "looser", cwd=folder)
    assert call("show", "looser", cwd=folder).code == 2
    call("run", "lenet", cwd=folder)
    assert {file.name for file in release.iterdir()} == before.keys()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("compare", "1"), 2, "error: Name at least two runs"),
        (("show", "9"), 2, "no run in `artifacts` is called `9`"),
        (("run", "lenet", "--name", "7"), 2, "error: --name 7 expected a name with a letter"),
        (("ls",), 0, "no runs are kept; `prunepack run lenet` makes one"),
    ],
)
def test_runs_that_are_not_there(prunepack, arguments, code, says):
    done = prunepack(*arguments)
    assert done.code == code
    assert says in " ".join((done.out + done.err).split())


def test_a_recipe_without_a_model_says_which_one_is_used(prunepack, tmp_path):
    (tmp_path / "empty.toml").write_text("# cut off")
    done = prunepack("run", "empty.toml", "--until", "load")
    assert done.code == 0
    assert "no `load.model`: the built-in model lenet is used" in done.err
