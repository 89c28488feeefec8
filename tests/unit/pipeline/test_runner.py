"""A stage runs when something that may change its result did, and only then."""

from __future__ import annotations

import errno
import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from prunepack.errors import PrunepackError, RefusedError, UsageError
from prunepack.pipeline import runner as runner_module
from prunepack.pipeline.cache.objects import hash_tree
from prunepack.pipeline.cache.store import Store
from prunepack.pipeline.keys import code_closure
from prunepack.pipeline.runner import Runner, Stopped
from prunepack.pipeline.runs.recorder import Recorder
from prunepack.pipeline.runs.run import RunHead
from prunepack.pipeline.single_stage import execute, open_output
from prunepack.pipeline.stage_contract import BrokenStageError
from prunepack.stages.contract.outputs import Measurements, Output, PackedArtifact, ParityResult
from prunepack.stages.contract.progress import Silent, remark, reporting_to
from prunepack.stages.contract.stage import Config, Facts, stage
from prunepack.stages.contract.user_code import CodeName, InputFile, load_user_code

if TYPE_CHECKING:
    from types import ModuleType

    from prunepack.pipeline.runs.event import Event

RAN: list[str] = []
"""The stages whose bodies ran, in order."""


class TextConfig(Config):
    text: str = "x"
    comment: str = ""
    hook: CodeName = "builtin"
    file: InputFile | None = None


@stage(produces=PackedArtifact)
def write(config: TextConfig, out: Path) -> Facts:
    RAN.append("write")
    (out / "model.prunepack").write_text(config.text)
    return {"length": len(config.text)}


@stage(produces=PackedArtifact, tools=("click",))
def upper(
    config: TextConfig, out: Path, model: PackedArtifact, other: PackedArtifact | None = None
) -> Facts:
    RAN.append("upper")
    (out / "model.prunepack").write_text(model.file.read_text().upper())
    return {"summary": "louder"}


@stage(produces=(ParityResult, Measurements))
def either(config: TextConfig, out: Path, model: PackedArtifact) -> Facts:
    (out / f"{config.text}.json").write_text("{}")
    return {}


@stage(produces=PackedArtifact)
def fails(config: TextConfig, out: Path) -> Facts:
    (out / "model.prunepack").write_text("half")
    if config.text == "interrupt":
        raise KeyboardInterrupt
    raise RefusedError("the model is not fit")


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    RAN.clear()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


def pipeline(run: Runner, text: str = "x", comment: str = "") -> PackedArtifact:
    written = run(write, TextConfig(text=text, comment=comment))
    return run(upper, TextConfig(), written)


def perform(root: Path, build=pipeline, *, force: str = "", until: str | None = None, **settings):
    """Run ``build`` as the command line does; return what happened."""
    events: list[Event] = []
    with Store(root) as store, Recorder(store, RunHead(recipe="toy")) as recorder:

        def done(event: Event) -> None:
            events.append(event)
            recorder.add(event)

        build(
            Runner(
                store,
                on_event=done,
                force=frozenset(force.split()),
                until=until,
                previous=recorder.previous,
            ),
            **settings,
        )
    return events


def told(events: list[Event]) -> list[str]:
    return [f"{e.stage} {'reused' if e.reused else 'built'}: {e.why}" for e in events]


def scratch_in(root: Path) -> list[str]:
    return sorted(path.name for path in (root / ".store/scratch").iterdir())


def test_a_stage_is_built_once(root: Path) -> None:
    assert told(perform(root)) == ["write built: first run", "upper built: first run"]
    assert told(perform(root)) == ["write reused: nothing changed", "upper reused: nothing changed"]
    assert RAN == ["write", "upper"]


@stage(produces=PackedArtifact)
def assume(config: TextConfig, out: Path) -> Facts:
    remark("the text is English")
    (out / "model.prunepack").write_text(config.text)
    return {"summary": "written"}


def test_notes_are_kept_with_the_result(root: Path) -> None:
    def build(run: Runner) -> None:
        run(assume, TextConfig())

    for _ in range(2):
        assert [event.notes for event in perform(root, build)] == [("the text is English",)]


def test_the_artifact_is_of_the_stages_kind_and_named_by_its_contents(root: Path) -> None:
    with Store(root) as store:
        for _ in range(2):
            made = pipeline(Runner(store))
            assert type(made) is PackedArtifact
            assert made.file.read_text() == "X"
            assert made.digest == hash_tree(made.path) == made.path.name


@pytest.mark.parametrize(
    ("text", "kind"), [("parity", ParityResult), ("measurements", Measurements)]
)
def test_a_stage_of_two_kinds_returns_the_one_it_left(
    root: Path, text: str, kind: type[Output]
) -> None:
    with Store(root) as store:
        run = Runner(store)
        made = [run(either, TextConfig(text=text), pipeline(run)) for _ in range(2)]
    assert [type(one) for one in made] == [kind, kind]


def test_an_event_says_what_there_is_to_know(root: Path) -> None:
    first, second = perform(root)[0], perform(root)[0]
    assert first.facts == second.facts == {"length": 1}
    assert first.digest == second.digest
    assert first.key == second.key == first.material.key
    assert (first.path / "model.prunepack").read_text() == "x"
    assert first.seconds > 0
    assert first.recorded
    assert second.recorded


def test_what_follows_a_change_runs_again(root: Path) -> None:
    perform(root)
    assert told(perform(root, text="y")) == [
        'write built: config.text: "x" → "y"',
        "upper built: input model changed",
    ]


def test_what_follows_a_change_without_effect_is_reused(root: Path) -> None:
    perform(root)
    assert told(perform(root, comment="new")) == [
        'write built: config.comment: "" → "new"',
        "upper reused: nothing changed",
    ]


def test_what_was_made_before_the_last_run_is_reused(root: Path) -> None:
    perform(root, text="x")
    perform(root, text="y")
    assert told(perform(root, text="x")) == [
        "write reused: made by an earlier run",
        "upper reused: made by an earlier run",
    ]


def test_a_forced_stage_runs_and_what_follows_is_reused_if_it_made_the_same(root: Path) -> None:
    perform(root)
    assert told(perform(root, force="write")) == [
        "write built: forced",
        "upper reused: nothing changed",
    ]
    assert RAN == ["write", "upper", "write"]


def test_a_forced_stage_says_what_changed_too(root: Path) -> None:
    assert told(perform(root, force="upper"))[1] == "upper built: forced"
    assert told(perform(root, force="write upper", text="y")) == [
        'write built: forced; config.text: "x" → "y"',
        "upper built: forced; input model changed",
    ]


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: os.truncate(file, 0)])
def test_a_damaged_result_is_built_again(root: Path, damage) -> None:
    first = perform(root)
    damage(first[0].path / "model.prunepack")
    second = perform(root)
    assert told(second) == [
        "write built: its output was damaged or deleted",
        "upper reused: nothing changed",
    ]
    assert (second[0].path / "model.prunepack").read_text() == "x"


def test_a_deleted_store_is_built_again(root: Path) -> None:
    perform(root)
    shutil.rmtree(root / ".store/objects")
    shutil.rmtree(root / ".store/actions")
    why = "its output was damaged or deleted"
    assert told(perform(root)) == [f"write built: {why}", f"upper built: {why}"]


def twice(run: Runner, second: str = "b") -> None:
    for text in ("a", second):
        run(upper, TextConfig(comment=text), run(write, TextConfig(text=text)))


def test_each_call_of_a_stage_is_compared_with_the_same_call_before(root: Path) -> None:
    perform(root, twice)
    assert told(perform(root, twice, second="c")) == [
        "write reused: nothing changed",
        "upper reused: nothing changed",
        'write built: config.text: "b" → "c"',
        'upper built: config.comment: "b" → "c"; input model changed',
    ]


def test_after_a_failed_run_each_stage_is_compared_with_its_last_one(root: Path) -> None:
    perform(root, twice)

    def fail_in_the_middle(run: Runner) -> None:
        run(write, TextConfig(text="a"))
        raise RefusedError("stop")

    with pytest.raises(RefusedError):
        perform(root, fail_in_the_middle)
    assert told(perform(root, twice, second="c"))[2:] == [
        'write built: config.text: "b" → "c"',
        'upper built: config.comment: "b" → "c"; input model changed',
    ]


def test_a_run_stops_after_the_first_time_of_the_stage(root: Path) -> None:
    events: list[Event] = []
    with Store(root) as store, pytest.raises(Stopped) as stopped:
        twice(Runner(store, on_event=events.append, until="upper"))
    assert stopped.value.stage == "upper"
    assert str(stopped.value) == "stopped after upper"
    assert [event.stage for event in events] == ["write", "upper"]


def test_a_run_stops_after_a_reused_stage_too(root: Path) -> None:
    perform(root)
    with pytest.raises(Stopped):
        perform(root, until="write")
    assert RAN == ["write", "upper"]


def test_only_what_is_built_is_announced(root: Path) -> None:
    perform(root)
    said: list[tuple[str, str]] = []
    with Store(root) as store:
        run = Runner(store, on_start=lambda name, why: said.append((name, why)))
        pipeline(run, comment="new")
    assert said == [("write", "first run")]


def test_an_optional_input_that_is_not_given_is_not_in_the_key(root: Path) -> None:
    with Store(root) as store:
        run = Runner(store)
        written = run(write, TextConfig())
        run(upper, TextConfig(), written)
        run(upper, TextConfig(), written, None)
        run(upper, TextConfig(), model=written, other=None)
        assert RAN == ["write", "upper"]
        run(upper, TextConfig(), written, written)
        assert RAN == ["write", "upper", "upper"]


def test_a_failure_is_not_recorded_and_leaves_no_scratch(root: Path) -> None:
    with Store(root) as store:
        for _ in range(2):
            with pytest.raises(RefusedError, match=r"^the model is not fit$"):
                Runner(store)(fails, TextConfig())
    assert scratch_in(root) == []
    assert list((root / ".store/objects").iterdir()) == []
    assert list((root / ".store/actions").iterdir()) == []


def test_an_interrupted_stage_leaves_no_scratch(root: Path) -> None:
    with Store(root) as store, pytest.raises(KeyboardInterrupt):
        Runner(store)(fails, TextConfig(text="interrupt"))
    assert scratch_in(root) == []


@stage(produces=(ParityResult, Measurements))
def astray(config: TextConfig, out: Path) -> Facts:
    if config.text:
        (out / config.text).write_text("")
    return {}


@pytest.mark.parametrize(
    ("text", "found"), [("", "no file"), ("b.txt", "b.txt"), ("model.prunepack", "model.prunepack")]
)
def test_a_stage_that_leaves_the_wrong_files_is_broken(root: Path, text: str, found: str) -> None:
    with Store(root) as store, pytest.raises(BrokenStageError) as error:
        Runner(store)(astray, TextConfig(text=text))
    assert str(error.value) == (
        "`astray` left the wrong files: expected a ParityResult (parity.json) or Measurements "
        f"(measurements.json), found {found}"
    )
    assert not isinstance(error.value, PrunepackError)
    assert list((root / ".store/objects").iterdir()) == []


@stage(produces=PackedArtifact)
def linked(config: TextConfig, out: Path) -> Facts:
    (out / "model.prunepack").symlink_to(Path(__file__))
    return {}


def test_a_stage_that_leaves_a_link_is_broken(root: Path) -> None:
    with Store(root) as store, pytest.raises(BrokenStageError) as error:
        Runner(store)(linked, TextConfig())
    assert str(error.value) == "`linked` left a link, model.prunepack: expected files only"


FACT: list[object] = []


@stage(produces=PackedArtifact)
def states(config: TextConfig, out: Path) -> Facts:
    (out / "model.prunepack").write_text("x")
    return {"fact": FACT[0]}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, [1], np.float32(1), b"x"])
def test_a_fact_that_is_no_plain_value_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch, value: object
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "FACT", [value])
    with Store(root) as store, pytest.raises(BrokenStageError) as error:
        Runner(store)(states, TextConfig())
    assert str(error.value) == (
        f"states: the fact `fact` is {value!r}, expected a finite number, a text or a bool"
    )


@pytest.mark.parametrize(("value", "kind"), [(True, bool), (3, int), (np.float64(0.5), float)])
def test_a_fact_is_kept_as_a_plain_value(
    root: Path, monkeypatch: pytest.MonkeyPatch, value: object, kind: type
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "FACT", [value])
    events: list[Event] = []
    with Store(root) as store:
        for _ in range(2):
            Runner(store, on_event=events.append)(states, TextConfig())
    assert [event.facts for event in events] == [{"fact": value}] * 2
    assert [type(event.facts["fact"]) for event in events] == [kind] * 2


def test_an_input_that_no_key_would_cover_is_refused(root: Path) -> None:
    with Store(root) as store, pytest.raises(BrokenStageError) as error:
        Runner(store)(upper, TextConfig(), "model.prunepack")  # type: ignore[arg-type]
    assert str(error.value) == (
        "upper: model is a str, expected an output of a stage. "
        "Put any other value in its config, so that its key covers it"
    )


@stage(produces=PackedArtifact)
def overflows(config: TextConfig, out: Path) -> Facts:
    raise OSError(errno.ENOSPC, "No space left on device", "big.bin")


def test_a_stage_that_fills_the_disk_is_told_of_what_to_do(root: Path) -> None:
    with Store(root) as store, pytest.raises(UsageError) as error:
        Runner(store)(overflows, TextConfig())
    assert str(error.value).startswith(f"`{root}` cannot be used: ")
    assert "No space left on device" in str(error.value)
    assert scratch_in(root) == []


# Files that change while a stage runs.

EDITED = """
from pathlib import Path
from prunepack.stages.contract.outputs import PackedArtifact
from prunepack.stages.contract.progress import remark
from prunepack.stages.contract.stage import Config, stage

@stage(produces=PackedArtifact)
def edited(config: Config, out: Path):
    source = Path(__file__)
    if not source.read_text().endswith("# edited\\n"):
        source.write_text(source.read_text() + "# edited\\n")
    (out / "model.prunepack").write_text("x")
    return {}
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (tmp_path / "toy_edited.py").write_text(EDITED)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "toy_edited", raising=False)
    return importlib.import_module("toy_edited")


class Notes(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


def test_a_result_whose_source_was_edited_under_way_is_used_but_not_reused(
    root: Path, module: ModuleType
) -> None:
    def build(run: Runner) -> None:
        made = run(module.edited, Config())
        assert made.file.read_text() == "x"

    notes = Notes()
    with reporting_to(notes):
        first = perform(root, build)
    assert [event.recorded for event in first] == [False]
    assert notes.lines == ["edited: its files changed while it ran, so it will run again next time"]
    assert told(perform(root, build)) == ["edited built: toy_edited.py changed"]
    assert told(perform(root, build)) == ["edited reused: nothing changed"]


def test_a_first_party_file_edited_since_it_was_imported_makes_no_record(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = {
        **code_closure.hash_first_party(),
        "prunepack/stages/contract/stage.py": "what was imported",
    }
    with monkeypatch.context() as patch:
        patch.setattr(runner_module, "hash_first_party", lambda: stale)
        assert [event.recorded for event in perform(root)] == [False, False]
    why = "its files changed while it last ran"
    assert told(perform(root)) == [f"write built: {why}", f"upper built: {why}"]
    assert told(perform(root))[0] == "write reused: nothing changed"


@stage(produces=PackedArtifact)
def meddles(config: TextConfig, out: Path) -> Facts:
    assert config.file is not None
    config.file.write_text("other") if config.text == "edit" else config.file.unlink()
    (out / "model.prunepack").write_text("x")
    return {}


@pytest.mark.parametrize("text", ["edit", "delete"])
def test_a_users_file_that_changes_under_way_makes_no_record(root: Path, text: str) -> None:
    file = Path("weights.bin")
    file.write_text("w")
    with Store(root) as store:
        events: list[Event] = []
        made = Runner(store, on_event=events.append)(meddles, TextConfig(text=text, file=file))
        assert made.file.read_text() == "x"
        assert [event.recorded for event in events] == [False]
        assert list((root / ".store/actions").iterdir()) == []


READER = "from pathlib import Path\n\n\ndef read():\n    return Path('data.txt').read_text()\n"


@stage(produces=PackedArtifact)
def reads(config: TextConfig, out: Path) -> Facts:
    (out / "model.prunepack").write_text(load_user_code(config.hook)())
    return {}


def test_a_file_that_user_code_opened_runs_its_stage_again(root: Path) -> None:
    Path("hook.py").write_text(READER)
    Path("data.txt").write_text("one")

    def build(run: Runner) -> str:
        return run(reads, TextConfig(hook="hook.py:read")).file.read_text()

    assert told(perform(root, build)) == ["reads built: first run"]
    assert told(perform(root, build)) == ["reads reused: nothing changed"]
    Path("data.txt").write_text("two")
    assert told(perform(root, build)) == ["reads built: data.txt changed"]
    assert told(perform(root, build)) == ["reads reused: nothing changed"]


ENVIRONMENT = "import os\n\n\ndef read():\n    return os.environ.get('SCALE', '1')\n"


def test_a_variable_that_user_code_read_runs_its_stage_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("environment_hook.py").write_text(ENVIRONMENT)

    def build(run: Runner) -> str:
        return run(reads, TextConfig(hook="environment_hook.py:read")).file.read_text()

    assert told(perform(root, build)) == ["reads built: first run"]
    assert told(perform(root, build)) == ["reads reused: nothing changed"]
    monkeypatch.setenv("SCALE", "2")
    assert told(perform(root, build)) == ["reads built: environment variable SCALE changed"]


def test_an_edited_hook_runs_its_stage_again(root: Path) -> None:
    hook = Path("hook.py")
    hook.write_text("1")

    def build(run: Runner) -> None:
        run(write, TextConfig(hook="hook.py:f"))

    perform(root, build)
    hook.write_text("22")
    assert told(perform(root, build)) == ["write built: hook.py:f changed"]


# One stage alone.


def test_a_stage_alone_leaves_a_whole_folder(tmp_path: Path) -> None:
    out = tmp_path / "new" / "package"
    assert execute(write, TextConfig(text="abc"), out) == {"length": 3}
    assert (out / "model.prunepack").read_text() == "abc"
    again = tmp_path / "again"
    assert execute(upper, TextConfig(), again, open_output(out)) == {"summary": "louder"}
    assert (again / "model.prunepack").read_text() == "ABC"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "new", "work"]


def test_a_stage_alone_fills_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    execute(write, TextConfig(), tmp_path / "out")
    assert (tmp_path / "out" / "model.prunepack").read_text() == "x"


def test_a_stage_alone_replaces_an_artifact_only_by_force(tmp_path: Path) -> None:
    out = tmp_path / "out"
    execute(write, TextConfig(text="old"), out)
    with pytest.raises(UsageError) as error:
        execute(write, TextConfig(text="new"), out)
    assert str(error.value) == (
        f"`{out}` is taken: expected a path that does not exist, or an empty folder, "
        "found a PackedArtifact. "
        "Name another folder with --output, or replace it with --force"
    )
    assert RAN == ["write"]
    execute(write, TextConfig(text="new"), out, force=True)
    assert (out / "model.prunepack").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "work"]


@stage(produces=PackedArtifact)
def disturb(config: TextConfig, out: Path) -> Facts:
    """Make an output while somebody makes a folder of the same name."""
    (out / "model.prunepack").write_text("x")
    final = Path(config.text)
    final.mkdir(exist_ok=True)
    (final / "precious.txt").write_text("mine")
    return {}


@pytest.mark.parametrize("force", [False, True])
def test_a_stage_alone_spares_a_folder_that_appears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, force: bool
) -> None:
    out = tmp_path / "out"
    config = TextConfig(text=str(out))
    with pytest.raises(UsageError, match=f"`{out}` is taken: .* found other files"):
        execute(disturb, config, out, force=force)
    (out / "precious.txt").rename(tmp_path / "precious.txt")
    out.rmdir()
    # as if the folder appeared after the last look
    monkeypatch.setattr("prunepack.pipeline.single_stage._check_free", lambda *_, **__: None)
    with pytest.raises(UsageError, match=f"`{out}` (exists|is taken)"):
        execute(disturb, config, out, force=force)
    assert (out / "precious.txt").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "precious.txt", "work"]


@pytest.mark.parametrize("force", [False, True])
def test_a_stage_alone_never_replaces_other_files(tmp_path: Path, force: bool) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("cat")
    for name, found in (("photos", "other files"), ("photos/cat.jpg", "a file")):
        with pytest.raises(UsageError) as error:
            execute(write, TextConfig(), tmp_path / name, force=force)
        assert str(error.value) == (
            f"`{tmp_path / name}` is taken: expected a path that does not exist, or an empty "
            f"folder, "
            f"found {found}. Name another folder with --output"
        )
    assert (tmp_path / "photos" / "cat.jpg").read_text() == "cat"
    assert RAN == []


@pytest.mark.parametrize(
    ("text", "error"), [("refuse", RefusedError), ("interrupt", KeyboardInterrupt)]
)
def test_a_stage_alone_that_fails_leaves_what_was_there(
    tmp_path: Path, text: str, error: type[BaseException]
) -> None:
    execute(write, TextConfig(text="old"), tmp_path / "out")
    with pytest.raises(error):
        execute(fails, TextConfig(text=text), tmp_path / "out", force=True)
    with pytest.raises(BrokenStageError):
        execute(astray, TextConfig(text="b"), tmp_path / "out", force=True)
    assert (tmp_path / "out" / "model.prunepack").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "work"]


def test_a_stage_alone_says_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError) as error:
        execute(write, TextConfig(), tmp_path / "file" / "out")
    assert str(error.value).startswith(f"`{tmp_path}/file` cannot be used: ")
    assert str(error.value).endswith(
        "Remove the file that is in the place of a folder, or name another folder with --output"
    )
    with pytest.raises(UsageError, match=r"No space left .* with --output$"):
        execute(overflows, TextConfig(), tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "work"]


def test_an_artifact_is_opened_by_what_is_in_its_folder(tmp_path: Path) -> None:
    execute(write, TextConfig(), tmp_path / "out")
    opened = open_output(tmp_path / "out", (PackedArtifact, ParityResult))
    assert opened == PackedArtifact(tmp_path / "out", hash_tree(tmp_path / "out"))


def test_a_package_may_be_a_file_by_itself(tmp_path: Path) -> None:
    execute(write, TextConfig(), tmp_path / "out")
    (tmp_path / "lenet.prunepack").write_text("x")
    opened = open_output(tmp_path / "lenet.prunepack", (PackedArtifact,))
    assert isinstance(opened, PackedArtifact)
    assert opened.file == tmp_path / "lenet.prunepack"
    assert opened.digest == open_output(tmp_path / "out").digest


def test_an_artifact_of_another_kind_is_refused(tmp_path: Path) -> None:
    execute(write, TextConfig(), tmp_path / "out")
    with pytest.raises(
        RefusedError, match=r"expected a ParityResult \(parity\.json\), found a PackedArtifact"
    ):
        open_output(tmp_path / "out", (ParityResult,))
    with pytest.raises(RefusedError, match=r"is not a folder: .* found a file"):
        open_output(tmp_path / "out" / "model.prunepack", (ParityResult,))


# The whole.

CACHED = """
import sys
sys.path.insert(0, {tests!r})
import prunepack.pipeline.build
from pathlib import Path
from prunepack.pipeline.keys.material import collect_material
from test_runner import RAN, perform, told
events = perform(Path({root!r}))
for stage in prunepack.pipeline.build.STAGES.values():
    collect_material(stage, stage.config_type(), {{}})
print(told(events), RAN, sorted({{"torch", "onnx", "onnxruntime"}} & set(sys.modules)))
"""


def test_a_cached_run_and_all_keys_import_no_heavy_library(root: Path) -> None:
    perform(root)
    tests = str(Path(__file__).parent)
    program = CACHED.format(tests=tests, root=str(root))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    reused = ["write reused: nothing changed", "upper reused: nothing changed"]
    assert done.stdout.strip() == f"{reused} [] []", done.stderr


WRONG = """
from prunepack.pipeline.runner import Runner
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.export import ExportConfig, export
from prunepack.stages.finalize import FinalizeConfig, finalize

def build(run: Runner, masked: MaskedCheckpoint) -> None:
    final: Checkpoint = run(finalize, FinalizeConfig(), masked)
    run(export, ExportConfig(), final)
    run(export, ExportConfig(), masked)
    run(export, FinalizeConfig(), final)
"""


@pytest.mark.slow
def test_the_wrong_kind_of_artifact_is_a_type_error(tmp_path: Path) -> None:
    program = tmp_path / "wrong.py"
    program.write_text(WRONG)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", program],
        cwd=Path(runner_module.__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line.partition("wrong.py:")[2] for line in done.stdout.splitlines()]
    assert "import-not-found" not in done.stdout, "run `make tree` first"
    assert found[0].startswith('10: error: Argument 3 to "__call__" of "Runner" has incompatible')
    assert found[1].startswith("11: error: ")
    assert "Found 2 errors" in done.stdout
