"""The verdict as a CI job meets it: judged, refused, signed, annotated; the docs' jobs are run."""

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from junitparser import JUnitXml

from prunepack.pipeline.gate_file import read_gate_file
from prunepack.pipeline.plan import Plan
from prunepack.stages.metrics.limits import Limit
from tests.e2e.conftest import COMMAND, call

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "stages/reporting/report.schema.json").read_bytes())
QUICK = """
[load]
model = "lenet"

[prune]
scope = "global"
amount = 0.5

[finetune]
epochs = 0

[verify]
samples = 500

[measure]
batch_sizes = [1]
repeats = 10

[gate]
limits = ["size.ratio >= 1.5", "accuracy.drop <= 40"]
"""
BIN = Path(COMMAND).parent


def plain(**more):
    """Return an environment in which a job of GitHub Actions is not taken for ours."""
    env = {key: text for key, text in os.environ.items() if not key.startswith("GITHUB_")}
    return env | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **more}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder in which a quick recipe has been run, and what it said."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "mine.toml").write_text(QUICK)
    done = call("run", "mine.toml", cwd=folder, env=plain())
    assert done.code == 0, done.err + done.out
    return folder


def copy_release(made, folder):
    shutil.copytree(made / "artifacts/mine", folder / "artifacts/mine")
    for file in (folder / "artifacts/mine").iterdir():
        file.chmod(file.stat().st_mode | stat.S_IWUSR)
    (folder / "mine.toml").write_text(QUICK)
    return folder


@pytest.fixture
def release(made, tmp_path):
    """A copy of the release, in ``artifacts/mine`` of an empty folder."""
    return copy_release(made, tmp_path)


@pytest.fixture
def gate(release):
    def gate(*arguments, **env):
        return call("gate", *arguments, cwd=release, env=plain(**env))

    return gate


def rewritten(path, **changes):
    content = json.loads(path.read_bytes())
    path.write_text(json.dumps(content | changes))


def test_the_report_of_a_run_is_what_the_schema_says(release):
    content = json.loads((release / "artifacts/mine/report.json").read_bytes())
    Draft202012Validator(SCHEMA).validate(content)
    assert [stage["stage"] for stage in content["provenance"]["stages"]][-1] == "gate"
    dense = {"dense/model.onnx", "dense/weights.safetensors"}
    assert {"model.onnx", "model.prunepack"} | dense == set(content["digests"])
    assert str(release) not in json.dumps(content)


@pytest.mark.parametrize(
    ("arguments", "code", "verdict"),
    [
        ((), 0, "Verdict: passed: "),
        (("--limits", "size.ratio >= 50"), 1, "Verdict: failed: 1 of "),
        (("--skip", "*"), 5, "Verdict: nothing was checked: 0 of 0 checks"),
    ],
)
def test_a_report_is_judged_again(gate, arguments, code, verdict):
    done = gate("artifacts/mine", *arguments)
    assert done.code == code
    assert verdict in done.out


def test_too_few_samples_exit_1_and_say_how_many_would_do(gate, release):
    path = release / "artifacts/mine/report.json"
    metrics = json.loads(path.read_bytes())["metrics"]
    metrics["accuracy.drop"] |= {"value": 0.3, "low": 0.1, "high": 0.5}
    rewritten(path, metrics=metrics)
    done = gate("artifacts/mine", "--limits", "accuracy.drop <= 0.4")
    assert done.code == 1
    assert "undecided  accuracy.drop <= 0.4" in done.out
    assert "500 samples leave it undecided, about 4,08" in done.out
    assert "Verdict: undecided: 1 of" in done.out
    again = gate("artifacts/mine", "--limits", "accuracy.drop <= 0.4", "--undecided", "pass")
    assert again.code == 0


def test_a_report_is_written_in_every_form(gate, release):
    done = gate("artifacts/mine", "-o", "verdict", "--json", "--limits", "size.ratio >= 50")
    assert done.code == 1
    written = json.loads((release / "verdict/report.json").read_bytes())
    assert json.loads(done.out) == written
    Draft202012Validator(SCHEMA).validate(written)
    suites = JUnitXml.fromfile(str(release / "verdict/junit.xml"))
    assert (suites.tests, suites.failures) == (len(written["checks"]), 1)
    (issue,) = json.loads((release / "verdict/code-quality.json").read_bytes())
    assert issue["check_name"] == "prunepack: size.ratio >="
    assert "# Verdict: failed" in (release / "verdict/report.md").read_text()
    again = gate("artifacts/mine", "-o", "verdict")
    assert (again.code, "exists" in again.error) == (2, True)


def test_limits_relative_to_an_older_release(gate, release):
    (release / "gate.toml").write_text(
        'limits = ["size.artifact <= 1.02 x baseline"]\nbaseline = "old.prunepack"\n'
    )
    shutil.copy(release / "artifacts/mine/model.prunepack", release / "old.prunepack")
    assert gate("artifacts/mine", "--gate-file", "gate.toml").code == 0
    shutil.copy(release / "artifacts/mine/report.json", release / "old.json")
    tight = gate(
        "artifacts/mine", "--gate-file", "gate.toml", "--limits", "size.artifact <= 0.9 x baseline"
    )
    assert tight.code == 1
    assert "size.artifact <= 0.9 x baseline, measured" in tight.out
    report = gate(
        "artifacts/mine", "--baseline", "old.json", "--limits", "accuracy.drop <= baseline"
    )
    assert report.code in {0, 1}
    assert "accuracy.drop <= baseline" in report.out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("none.json",), 4, "`none.json` cannot be read as JSON"),
        (("artifacts/mine", "--limits", "size.ratoi >= 1"), 2, "Did you mean `size.ratio`?"),
        (
            ("artifacts/mine", "--limits", "size.ratio > 1"),
            2,
            "--limits[1]: `size.ratio > 1` is not a",
        ),
        (("artifacts/mine", "--undecided", "maybe"), 2, "'maybe' is not one of 'fail', 'pass'"),
        (("artifacts/mine", "--limits", "size.ratio >= baseline"), 2, "needs a baseline"),
        (("artifacts/mine", "--baseline", "no.prunepack"), 2, "cannot open `no.prunepack`"),
        (("artifacts/mine", "--baseline", "no.json"), 4, "`no.json` cannot be read as JSON"),
        (
            ("artifacts/mine", "--gate-file", "none.toml"),
            2,
            "the gate file `none.toml` cannot be read",
        ),
        (("artifacts/mine", "--gate-file", "mine.toml"), 2, "load: no such setting."),
        (("artifacts/mine", "--artifact", "mine.toml"), 4, "does not belong to `mine.toml`"),
        (
            ("artifacts/mine", "--require-signature", "none.pub"),
            2,
            "the key `none.pub` cannot be read",
        ),
    ],
)
def test_misuse_of_the_gate_is_told(gate, arguments, code, message):
    done = gate(*arguments)
    assert message in done.error
    assert done.code == code
    assert done.out == ""


@pytest.mark.parametrize("name", ["model.onnx", "model.prunepack"])
def test_a_stale_report_is_refused(name, gate, release):
    with (release / "artifacts/mine" / name).open("ab") as file:
        file.write(b"\0")
    done = gate("artifacts/mine")
    assert done.code == 4
    assert f"does not belong to `artifacts/mine/{name}`: expected" in done.error


def test_a_report_of_another_release_is_refused(gate, release):
    (release / "model.prunepack").write_bytes(b"another")
    assert gate("artifacts/mine", "--artifact", "artifacts/mine/model.prunepack").code == 0
    done = gate("artifacts/mine", "--artifact", "model.prunepack")
    assert done.code == 4
    assert "Measure again, or give the files that were measured" in done.error


def test_the_checkpoint_of_a_run_is_known(made, gate, release):
    content = json.loads((release / "artifacts/mine/report.json").read_bytes())
    results = {one["stage"]: one["result"] for one in content["provenance"]["stages"]}
    objects = made / "artifacts/.store/objects"
    assert gate("artifacts/mine", "--artifact", objects / results["finalize"]).code == 0
    shutil.copytree(objects / results["finalize"], release / "final")
    (release / "final/model.json").chmod(0o644)
    (release / "final/model.json").write_text("{}")
    assert gate("artifacts/mine", "--artifact", "final").code == 4


HOWTO = (ROOT / "docs/how-to/gate.md").read_text()
CI = (ROOT / "docs/how-to/ci.md").read_text()


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture(scope="module")
def signed_once(made, tmp_path_factory):
    """A folder with the release, signed by the commands of the how-to."""
    folder = tmp_path_factory.mktemp("signed")
    copy_release(made, folder)
    (block,) = [block for block in blocks(HOWTO, "console") if "openssl" in block]
    for line in block.replace("artifacts/lenet", "artifacts/mine").splitlines():
        done = call(*shlex.split(line)[1:], cwd=folder, command=shlex.split(line)[:1], env=plain())
        assert done.code == 0, (line, done)
    return folder


@pytest.fixture
def signed(release, signed_once):
    """A copy of the signed release, in the same folder as ``release``."""
    return shutil.copytree(signed_once, release, dirs_exist_ok=True)


def test_a_signed_release_passes_as_the_howto_says(signed, gate):
    statement = json.loads((signed / "artifacts/mine/provenance.json").read_bytes())
    published = {file.name for file in (signed / "artifacts/mine").iterdir()}
    assert {one["name"] for one in statement["subject"]} == {
        name for name in published if not name.startswith("provenance")
    }
    assert "pruned_model.pth" in published
    assert gate("artifacts/mine", "--require-signature", "release.pub").code == 0
    (signed / "artifacts/mine/provenance.dsse.json").rename(signed / "elsewhere.json")
    elsewhere = ("--require-signature", "release.pub", "--signature", "elsewhere.json")
    assert gate("artifacts/mine", *elsewhere).code == 0


@pytest.mark.parametrize(
    "name", ["model.prunepack", "report.json", "pruned_model.pth", "report.md", "junit.xml"]
)
def test_a_release_that_was_changed_after_signing(name, signed, gate):
    path = signed / "artifacts/mine" / name
    path.write_bytes(path.read_bytes() + b"\n")
    arguments = ("artifacts/mine/provenance.dsse.json", "--key", "release.pub")
    done = call("verify-signature", *arguments, cwd=signed)
    assert done.code == 4
    assert (
        f"`{name}` differs from the file that `artifacts/mine/provenance.dsse.json` signs"
        in done.error
    )
    assert gate("artifacts/mine", "--require-signature", "release.pub").code == 4


def test_a_better_figure_written_by_hand_is_refused(signed, gate):
    path = signed / "artifacts/mine/report.json"
    metrics = json.loads(path.read_bytes())["metrics"]
    metrics["size.ratio"]["value"] = 1000
    rewritten(path, metrics=metrics)
    assert gate("artifacts/mine").code == 0  # a person with write access can write any report
    done = gate("artifacts/mine", "--require-signature", "release.pub")
    assert done.code == 4
    assert "`report.json` differs from the file" in done.error


def test_the_wrong_key_and_no_signature(signed, gate):
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ed25519", "-out", "b.pem"], cwd=signed, check=True
    )
    subprocess.run(
        ["openssl", "pkey", "-in", "b.pem", "-pubout", "-out", "b.pub"], cwd=signed, check=True
    )
    done = gate("artifacts/mine", "--require-signature", "b.pub")
    assert (done.code, "is not signed with `b.pub`" in done.error) == (4, True)
    (signed / "artifacts/mine/provenance.dsse.json").unlink()
    done = gate("artifacts/mine", "--require-signature", "release.pub")
    assert (done.code, "provenance.dsse.json` is missing" in done.error) == (4, True)


def test_a_signature_is_over_one_report(signed, gate):
    done = gate("artifacts/mine", "artifacts/mine", "--require-signature", "release.pub")
    assert done.code == 2
    assert "a signature is over one report: expected one report.json, found 2" in done.error


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("attest none -o x", 4, "`none/report.json` cannot be read as JSON"),
        ("attest verdict -o x", 4, "`verdict` does not hold a whole release: expected model.onnx"),
        ("attest artifacts/mine -o mine.toml", 2, "mine.toml` exists"),
        ("sign none --key release.pem -o x", 2, "`none` cannot be read: found No such file"),
        ("sign mine.toml --key release.pem -o x", 4, "`mine.toml` does not hold a statement"),
        ("sign mine.toml -o x", 2, "Missing option '--key'"),
        ("verify-signature none --key release.pub", 4, "`none` is missing: expected a signature"),
        ("verify-signature mine.toml --key none", 2, "the key `none` cannot be read"),
        ("gate artifacts/mine --signature x", 2, "`--signature` has no effect without a key"),
        ("gate artifacts/mine --min-release 4", 2, "`--min-release` has no effect without a key"),
    ],
)
def test_misuse_of_provenance_is_told(command, code, message, signed, gate):
    gate("artifacts/mine", "-o", "verdict")
    done = call(*shlex.split(command), cwd=signed)
    assert message in done.error
    assert done.code == code
    assert not (signed / "x").exists()


def test_a_report_without_a_run_is_not_attested(release, gate):
    path = release / "artifacts/mine/report.json"
    content = json.loads(path.read_bytes())
    del content["provenance"]
    path.write_text(json.dumps(content))
    done = call("attest", "artifacts/mine", "-o", "x", cwd=release)
    assert done.code == 4
    assert "the report has no provenance" in done.error


def test_a_report_that_names_other_files_is_not_attested(release):
    path = release / "artifacts/mine/report.json"
    digests = json.loads(path.read_bytes())["digests"]
    (release / "x").write_text("outside")
    rewritten(path, digests=digests | {"../../x": "0" * 64})
    done = call("attest", "artifacts/mine", "-o", "y", cwd=release)
    assert done.code == 4
    assert "found no ../../x" in done.error


def test_the_commands_of_the_howto_judge(release):
    for name in ("new", "old", "to_be_deployed"):
        shutil.copytree(release / "artifacts/mine", release / name)
    shutil.copy(release / "new/report.json", release)
    (release / "gate.toml").write_text(blocks(HOWTO, "toml")[1])
    commands = [block for block in blocks(HOWTO, "console") if "openssl" not in block]
    lines = [line for block in commands for line in block.splitlines()]
    assert len(lines) == 5
    for line in lines:
        done = call(*shlex.split(line)[1:], cwd=release, env=plain())
        assert done.code in {0, 1}, (line, done)
        assert "Verdict: " in done.out


def test_github_sees_annotations_and_a_summary(gate, release):
    (release / "gate.toml").write_text('\nlimits = ["size.ratio >= 50"]\n')
    env = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(release / "summary.md")}
    done = gate("artifacts/mine", "--gate-file", "gate.toml", **env)
    assert done.code == 1
    assert "::error title=prunepack%3A size.ratio failed,file=gate.toml,line=2::size" in done.err
    assert "::" not in done.out
    assert (release / "summary.md").read_text().startswith("# Verdict: failed\n")
    assert (
        "::error"
        not in gate("artifacts/mine", "--gate-file", "gate.toml", "--no-github", **env).err
    )


ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = [step for step in ACTION["runs"]["steps"] if "run" in step]


def act(release, **given):
    """Run the shell steps of the action as GitHub does; return exit codes and outputs."""
    inputs = {name: one["default"] for name, one in ACTION["inputs"].items()}
    inputs |= {name.replace("_", "-"): text for name, text in given.items()}
    outputs = release / "outputs"
    outputs.touch()
    codes = {}
    for step in STEPS:
        if step.get("if") == "inputs.recipe != ''" and not inputs["recipe"]:
            continue
        own = {
            name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda one: inputs[one[1]], text)
            for name, text in step["env"].items()
        }
        shell = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
        env = plain(GITHUB_OUTPUT=str(outputs), GITHUB_ACTIONS="true", **own)
        codes[step["name"]] = call(step["run"], cwd=release, command=shell, env=env).code
        if codes[step["name"]]:
            break
    lines = outputs.read_text().splitlines()
    return codes, dict(line.split("=", 1) for line in lines)


def test_the_action_puts_no_input_into_a_script():
    assert STEPS
    for step in STEPS:
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"
        for text in step["env"].values():
            assert re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", text)[1] in ACTION["inputs"]


def test_the_action_runs_a_recipe_and_judges_it(made):
    (made / "gate.toml").write_text('limits = ["size.ratio >= 1.5"]\n')
    shutil.copytree(made / "artifacts/mine", made / "old")
    codes, outputs = act(made, recipe="mine.toml", gate_file="gate.toml", baseline="old")
    shutil.rmtree(made / "old")
    assert codes == {"Install": 0, "Run the recipe": 0, "Judge": 0}
    assert outputs == {"verdict": "passed", "report": "verdict/report.json"}
    assert (made / "verdict/junit.xml").is_file()
    shutil.rmtree(made / "verdict")


def test_the_action_judges_a_recipe_with_a_baseline(made):
    """The second step judges the report again, and it has only the values of the baseline."""
    recipe = (made / "mine.toml").read_text()
    limit = 'baseline = "old.prunepack"\nlimits = ["size.artifact <= 1.1 x baseline", '
    (made / "relative.toml").write_text(recipe.replace("limits = [", limit, 1))
    shutil.copy(made / "artifacts/mine/model.prunepack", made / "old.prunepack")
    codes, outputs = act(made, recipe="relative.toml")
    assert codes == {"Install": 0, "Run the recipe": 0, "Judge": 0}
    assert outputs["verdict"] == "passed"
    report = json.loads((made / "verdict/report.json").read_bytes())
    assert "size.artifact <= 1.1 x baseline" in [check["limit"] for check in report["checks"]]
    assert list(report["baseline"]) == ["old.prunepack"]
    shutil.rmtree(made / "verdict")


def test_the_action_fails_a_job_whose_verdict_is_no_pass(release):
    (release / "gate.toml").write_text('limits = ["size.ratio >= 50"]\n')
    codes, outputs = act(release, report="artifacts/mine", gate_file="gate.toml")
    assert codes == {"Install": 0, "Judge": 1}
    assert outputs["verdict"] == "failed"


@pytest.mark.slow
def test_the_action_requires_a_signature(signed):
    codes, _ = act(signed, report="artifacts/mine", key="release.pub")
    assert codes["Judge"] == 0
    (signed / "artifacts/mine/provenance.dsse.json").unlink()
    codes, _ = act(signed, report="artifacts/mine", key="release.pub")
    assert codes["Judge"] == 4


def test_the_action_ends_where_a_recipe_is_wrong(release):
    codes, outputs = act(release, recipe="none.toml")
    assert codes == {"Install": 0, "Run the recipe": 2}
    assert outputs == {}


def example(key):
    """Return the YAML example of the CI page that has ``key``."""
    (found,) = [one for one in map(yaml.safe_load, blocks(CI, "yaml")) if key in one]
    return found


def test_the_job_for_github_gives_inputs_that_the_action_has():
    (step,) = [one for one in example("jobs")["jobs"]["release"]["steps"] if "with" in one]
    assert step["with"].keys() <= ACTION["inputs"].keys()


def test_the_job_for_gitlab_runs(made):
    job = example("gate")["gate"]
    (made / "gate.toml").write_text('limits = ["size.ratio >= 50"]\n')
    script = "\n".join(["set -eo pipefail", *job["script"]])
    done = call(script, cwd=made, command=("bash", "-c"), env=plain())
    assert done.code == 1, done
    assert "Verdict: failed: 1 of" in done.out
    reports = job["artifacts"]["reports"]
    assert JUnitXml.fromfile(str(made / reports["junit"])).failures == 1
    (issue,) = json.loads((made / reports["codequality"]).read_bytes())
    assert issue["location"] == {"path": "gate.toml", "lines": {"begin": 1}}


def test_the_hook_keeps_a_stale_release_out(release):
    (hook,) = example("repos")["repos"][0]["hooks"]
    shutil.copytree(release / "artifacts/mine", release / "release")
    (release / "gate.toml").write_text('limits = ["size.ratio >= 1.5"]\n')
    entry = shlex.split(hook["entry"])
    done = call(*entry[1:], cwd=release, command=entry[:1], env=plain())
    assert done.code == 0, done
    (release / "release/model.prunepack").write_bytes(b"newer")
    assert call(*entry[1:], cwd=release, command=entry[:1], env=plain()).code == 4
    assert re.match(hook["files"], "release/model.prunepack")
    assert re.match(hook["files"], "gate.toml")


def test_the_toml_of_the_howto_is_valid(tmp_path):
    table, settings = (tomllib.loads(block) for block in blocks(HOWTO, "toml"))
    assert Plan.model_validate(table).gate.limits
    (tmp_path / "gate.toml").write_text(blocks(HOWTO, "toml")[1])
    assert read_gate_file(tmp_path / "gate.toml").limits == tuple(
        map(Limit.parse, settings["limits"])
    )


def test_the_gate_imports_no_framework(release):
    code = (
        "import sys; from prunepack.pipeline.cli import prunepack; "
        "prunepack.main(['gate', 'artifacts/mine'], standalone_mode=False); "
        "heavy = ('torch', 'onnx', 'onnxruntime', 'cryptography'); "
        "sys.exit(any(name in sys.modules for name in heavy))"
    )
    assert call("-c", code, cwd=release, command=(sys.executable,), env=plain()).code == 0
