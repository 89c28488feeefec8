"""Observers of runs: what they are told, the trackers, and observers that fail."""

import json
import logging
import subprocess
import sys

import onnx
import pytest

import prunepack
from prunepack.errors import UsageError
from prunepack.pipeline.observers.loggers import open_observer
from prunepack.pipeline.observers.mlflow_tracking import clean_name
from prunepack.pipeline.observers.tensorboard_events import TensorboardObserver, clean_folder_name
from tests.unit.stages.graphs.models import two_layers

OWN = """
import prunepack

LOG = open({log!r}, "a", buffering=1)


class Diary(prunepack.RunObserver):
    def start_run(self, recipe, name, settings):
        print("start", recipe, name, settings["prune.amount"], file=LOG)

    def finish_run(self, verdict, metrics, files):
        print("end", verdict, int(metrics["size.artifact"].value), len(files), file=LOG)


def needs_an_argument(folder):
    return Diary()


def nothing():
    return None
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("observed")
    onnx.save(two_layers(), folder / "net.onnx")
    return folder


def start(folder, *observers, **settings):
    return prunepack.run(
        folder / "net.onnx",
        artifacts=folder / "artifacts",
        observers=observers,
        prune={"amount": 0.5},
        **settings,
    )


class Notes(prunepack.RunObserver):
    def __init__(self):
        self.calls = []

    def start_run(self, recipe, name, settings):
        self.calls.append(("start", recipe, name, settings["prune.amount"]))

    def finish_stage(self, stage, facts, *, seconds, reused):
        assert seconds >= 0
        self.calls.append(("stage", stage, bool(facts["summary"]), reused))

    def finish_run(self, verdict, metrics, files):
        self.calls.append(("end", verdict, metrics["size.ratio"].unit, [f.name for f in files]))

    def fail_run(self, error):
        self.calls.append(("failed", type(error)))


def test_an_observer_is_told_start_stages_and_end(folder):
    notes = Notes()
    run = start(folder, notes, name="first")
    assert notes.calls[0] == ("start", "net", "first", 0.5)
    stages = [call[1] for call in notes.calls if call[0] == "stage"]
    assert stages[0] == "load"
    assert stages[-1] == "gate"
    kind, verdict, unit, files = notes.calls[-1]
    assert (kind, verdict, unit) == ("end", run.report["verdict"], "×")
    assert {"report.html", "model.prunepack"} <= set(files)


def test_a_repeated_run_is_told_as_reused(folder):
    notes = Notes()
    start(folder, name="first")
    start(folder, notes, name="first")
    assert {call[3] for call in notes.calls if call[0] == "stage"} == {True}


def test_a_run_that_stops_early_has_an_end_without_a_verdict(folder):
    class Early(Notes):
        def finish_run(self, verdict, metrics, files):
            self.calls.append(("end", verdict, metrics, bool(files)))

    notes = Early()
    start(folder, notes, until="prune")
    assert notes.calls[-1] == ("end", "", {}, False)


def test_an_error_is_told(folder):
    notes = Notes()
    with pytest.raises(UsageError):
        start(folder, notes, verify={"inputs": "missing.npz"})
    assert notes.calls[-1] == ("failed", UsageError)


@pytest.mark.parametrize("method", ["start_run", "finish_stage", "finish_run"])
def test_an_observer_that_raises_is_told_no_more_and_the_run_goes_on(folder, caplog, method):
    class Broken(prunepack.RunObserver):
        calls = 0

    def fail(self, *args, **kwargs):
        Broken.calls += 1
        raise ValueError("the disk of the tracker is full")

    setattr(Broken, method, fail)
    with caplog.at_level(logging.WARNING, "prunepack"):
        run = start(folder, Broken(), name="first")
    assert run.report is not None
    assert Broken.calls == 1
    assert [record.message for record in caplog.records].count(
        "Broken failed and is told no more: ValueError: the disk of the tracker is full"
    ) == 1


def test_mlflow_has_settings_metrics_and_reports(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/tracking.db")
    run = start(folder, "mlflow", name="tracked")
    with pytest.raises(UsageError):
        start(folder, "mlflow", verify={"inputs": "missing.npz"})

    from mlflow.tracking import MlflowClient

    client = MlflowClient()
    experiment = client.get_experiment_by_name("net")
    failed, tracked = client.search_runs([experiment.experiment_id])
    assert (tracked.info.run_name, tracked.info.status) == ("tracked", "FINISHED")
    assert tracked.data.params["prune.amount"] == "0.5"
    assert tracked.data.metrics["size.artifact"] == run.metrics["size.artifact"].value
    assert tracked.data.metrics["stages.prune.sparsity"] == pytest.approx(0.5)
    assert tracked.data.tags["prunepack.verdict"] == run.report["verdict"]
    assert "report.html" in {file.path for file in client.list_artifacts(tracked.info.run_id)}
    assert failed.info.status == "FAILED"
    assert "missing.npz" in failed.data.tags["prunepack.error"]


def test_names_that_mlflow_does_not_take():
    assert clean_name("parity.outputs.a:b(c)") == "parity.outputs.a_b_c_"


def test_tensorboard_has_scalars_of_stages_and_metrics(folder):
    run = start(folder, "tensorboard", name="scalars")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (target,) = (folder / "artifacts" / "tensorboard" / "net").glob("scalars *")
    events = EventAccumulator(str(target)).Reload()
    (size,) = events.Tensors("metrics/size.artifact")
    assert size.tensor_proto.float_val[0] == run.metrics["size.artifact"].value
    (sparsity,) = events.Tensors("prune/sparsity")
    assert sparsity.tensor_proto.float_val[0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "name", ["..", "../../esc", "/esc", "a\\b", "a\nb", "", ".", " ", "ü" * 300]
)
def test_event_files_of_any_recipe_stay_in_their_folder(tmp_path, name):
    observer = TensorboardObserver(tmp_path / "events")
    observer.start_run(name, name, {})
    observer.finish_run("", {}, ())
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert file.parent.parent.parent == tmp_path / "events"
    assert file.parent.parent.name == clean_folder_name(name)


def test_plain_names_of_folders_stay():
    assert clean_folder_name("net-2 v1.0_ü") == "net-2 v1.0_ü"


def test_an_observer_of_the_user_by_the_command(folder, tmp_path):
    code = tmp_path / "diary.py"
    code.write_text(OWN.format(log=str(tmp_path / "log")))
    command = [sys.executable, "-m", "prunepack", "run", str(folder / "net.onnx"), "--json"]
    options = ["--artifacts", str(folder / "artifacts"), "--log", f"{code}:Diary", "--name", "own"]
    subprocess.run([*command, *options], capture_output=True, check=False)
    report = json.loads((folder / "artifacts" / "net" / "report.json").read_bytes())
    size = int(report["metrics"]["size.artifact"]["value"])
    first, last = (tmp_path / "log").read_text().splitlines()
    assert first.startswith("start net own ")
    assert last.split()[:3] == ["end", report["verdict"], str(size)]


@pytest.mark.parametrize(
    ("name", "what", "hint"),
    [
        ("mlfow", "no logger is named `mlfow`", "Did you mean `mlflow`?"),
        ("{code}:nothing", "is not an observer", None),
        ("{code}:needs_an_argument", "cannot be made", None),
    ],
)
def test_loggers_that_are_none(tmp_path, name, what, hint):
    code = tmp_path / "diary.py"
    code.write_text(OWN.format(log=str(tmp_path / "log")))
    with pytest.raises(UsageError) as refused:
        open_observer(name.format(code=code), tmp_path)
    assert what in refused.value.what
    assert hint is None or refused.value.hint == hint


def test_a_store_that_mlflow_cannot_open(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "file:///nowhere/runs")
    with pytest.raises(UsageError, match="the store of MLflow cannot be opened"):
        open_observer("mlflow", tmp_path)


@pytest.mark.parametrize("library", ["mlflow", "tensorboard"])
def test_a_library_that_is_not_installed(tmp_path, monkeypatch, library):
    """None in ``sys.modules`` is what Python itself uses for a module that cannot be imported."""
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UsageError, match=f"{library} cannot be imported") as refused:
        open_observer(library, tmp_path)
    assert refused.value.hint == f"Install `prunepack[{library}]`"
