"""The same work has the same key in every process; whatever may change the bytes changes it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field

from prunepack.errors import RefusedError, UsageError
from prunepack.format import canonical_json
from prunepack.pipeline.keys import material
from prunepack.pipeline.keys.material import Material, collect_material
from prunepack.stages.contract.outputs import Checkpoint, OnnxModel, PackedArtifact
from prunepack.stages.contract.stage import Config, stage
from prunepack.stages.contract.user_code import CodeName, InputData, InputFile

HERE = Path(__file__).name


class Inner(Config):
    hook: CodeName = "builtin"
    mask: InputFile | None = None


class Special(Inner):
    extra: int = 0


class ToyConfig(Config):
    amount: int | float = 0.5
    names: frozenset[str] = frozenset()
    hook: CodeName = "builtin"
    hooks: tuple[CodeName, ...] = ()
    pairs: tuple[tuple[str, InputFile], ...] = ()
    mixed: tuple[int, CodeName] = (0, "builtin")
    by_name: dict[str, list[InputFile]] = Field({})
    named: dict[CodeName, int] = Field({})
    either: Annotated[CodeName | int, Field(description="x")] = 0
    data: InputData = ""
    inner: Inner = Inner()
    inners: list[Inner | int] = Field([])
    anything: Any = None
    hidden: str = Field("x", exclude=True)


@stage(produces=PackedArtifact, tools=("click",))
def toy(config: ToyConfig, out: Path, model: PackedArtifact) -> dict[str, int]:
    raise NotImplementedError


@stage(produces=PackedArtifact, host_bound=True)
def timed(config: ToyConfig, out: Path) -> dict[str, int]:
    raise NotImplementedError


@stage(produces=PackedArtifact, tools=("onnxruntime",))
def runs(config: ToyConfig, out: Path) -> dict[str, int]:
    raise NotImplementedError


@stage(produces=PackedArtifact, tools=("no-such-tool",))
def broken(config: ToyConfig, out: Path) -> dict[str, int]:
    raise NotImplementedError


def artifact(digest: str = "a" * 64) -> PackedArtifact:
    return PackedArtifact(Path("nowhere"), digest)


def made_of(config: ToyConfig | None = None, digest: str = "a" * 64) -> Material:
    return collect_material(toy, config or ToyConfig(), {"model": artifact(digest)})


def user_of(config: ToyConfig) -> dict[str, str]:
    return made_of(config).user


def digest_of(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.py", "b.py", "c.bin", "d.bin"):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_the_material_says_all_in_words() -> None:
    found = made_of(ToyConfig(amount=1))
    assert found.stage == "toy"
    assert found.config["amount"] == 1
    assert found.inputs == {"model": "a" * 64}
    assert HERE in found.code
    assert found.user == {}
    assert list(found.tools) == ["click"]
    assert found.python == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert found.host == ""
    assert found.key == hashlib.sha256(canonical_json.dumps(found.model_dump())).hexdigest()


@pytest.mark.parametrize(
    "config",
    [
        ToyConfig(amount=0.6),
        ToyConfig(amount=1),
        ToyConfig(names=frozenset("ab")),
        ToyConfig(inner=Inner(hook="other")),
        ToyConfig(inner=Special(extra=1)),
    ],
)
def test_another_config_has_another_key(config: ToyConfig) -> None:
    assert made_of(config).key != made_of().key


def test_a_whole_number_and_a_fraction_are_not_the_same() -> None:
    assert made_of(ToyConfig(amount=1)).key != made_of(ToyConfig(amount=1.0)).key


def test_an_excluded_field_is_not_in_the_key() -> None:
    assert made_of(ToyConfig(hidden="y")).key == made_of().key


def test_another_input_has_another_key() -> None:
    assert made_of(digest="b" * 64).key != made_of().key


def test_another_input_parameter_has_another_key() -> None:
    other = collect_material(toy, ToyConfig(), {"other": artifact()})
    assert other.key != made_of().key


@pytest.mark.parametrize("field", ["stage", "code", "user", "tools", "python", "host"])
def test_every_part_of_the_material_is_in_the_key(field: str) -> None:
    before = made_of()
    value: Any = "other" if field in {"stage", "python", "host"} else {"other": "x"}
    assert before.model_copy(update={field: value}).key != before.key


def test_an_edited_source_file_has_another_key(
    working_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(working_folder)
    source = working_folder / "toy_module.py"
    source.write_text(TOY)
    import toy_module

    before = collect_material(toy_module.made, Config(), {})
    source.write_text(TOY + "# a word\n")
    after = collect_material(toy_module.made, Config(), {})
    assert before.key != after.key
    changed = {name for name in after.code if after.code[name] != before.code[name]}
    assert changed == {"toy_module.py"}


TOY = """
from pathlib import Path
from prunepack.stages.contract.outputs import PackedArtifact
from prunepack.stages.contract.stage import Config, stage

@stage(produces=PackedArtifact)
def made(config: Config, out: Path):
    ...
"""

KEY = """
import sys
sys.path.insert(0, {folder!r})
from test_material import ToyConfig, made_of
print(made_of(ToyConfig(names=frozenset("abcdefgh"), hook="a.py:f")).key)
"""


def test_the_key_is_the_same_in_every_process() -> None:
    program = KEY.format(folder=str(Path(__file__).parent))
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    here = made_of(ToyConfig(names=frozenset("hgfedcba"), hook="a.py:f")).key
    assert found == {here}


A, C = {"a.py:f": digest_of("a.py")}, {"c.bin": digest_of("c.bin")}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (ToyConfig(hook="a.py:f"), A),
        (ToyConfig(hooks=("builtin", "a.py:f")), A),
        (ToyConfig(hooks=("b.py:g", "a.py:f")), {**A, "b.py:g": digest_of("b.py")}),
        (ToyConfig(pairs=(("x:y", Path("c.bin")),)), C),
        (ToyConfig(mixed=(1, "a.py:f")), A),
        (ToyConfig(by_name={"x:y": [Path("c.bin")]}), C),
        (ToyConfig(named={"a.py:f": 1}), A),
        (ToyConfig(either="a.py:f"), A),
        (ToyConfig(inner=Inner(hook="a.py:f", mask=Path("c.bin"))), {**A, **C}),
        (ToyConfig(inners=[1, Inner(mask=Path("c.bin"))]), C),
        (ToyConfig(inner=Special(hook="a.py:f")), A),
        (ToyConfig(anything=(Inner(hook="a.py:f"),)), A),
        (ToyConfig(anything="a.py:f"), {}),
        (ToyConfig(names=frozenset({"a.py:f"})), {}),
    ],
)
def test_the_users_code_and_files_are_found_wherever_a_config_names_them(
    config: ToyConfig, expected: dict[str, str]
) -> None:
    assert user_of(config) == expected


def test_samples_are_covered_whatever_they_come_from(working_folder: Path) -> None:
    folder = working_folder / "sets"
    (folder / "one").mkdir(parents=True)
    (folder / "one" / "input_0.pb").write_text("tensor")
    assert user_of(ToyConfig(data="c.bin")) == C
    assert user_of(ToyConfig(data="a.py:f")) == A
    assert user_of(ToyConfig(data="sets")) == {"sets/one/input_0.pb": digest_of("tensor")}
    before = made_of(ToyConfig(data="sets")).key
    (folder / "one" / "input_0.pb").write_text("another")
    assert made_of(ToyConfig(data="sets")).key != before


def test_samples_that_are_not_there() -> None:
    with pytest.raises(UsageError, match=r"toy\.data: `no\.npz` cannot be read: expected a file"):
        made_of(ToyConfig(data="no.npz"))


def test_an_edited_input_file_has_another_key(working_folder: Path) -> None:
    config = ToyConfig(inner=Inner(mask=Path("c.bin")))
    before = made_of(config).key
    (working_folder / "c.bin").write_text("other bytes")
    assert made_of(config).key != before


@pytest.mark.parametrize(
    ("path", "found"), [("gone.bin", "No such file or directory"), (".", "Is a directory")]
)
def test_an_input_file_that_is_not_there_is_named_with_its_field(path: str, found: str) -> None:
    with pytest.raises(UsageError) as error:
        made_of(ToyConfig(inners=[1, Inner(mask=Path(path))]))
    assert str(error.value) == (
        f"toy.inners[1].mask: `{path}` cannot be read: expected a file, found {found}. "
        f"Give a path relative to the working folder, `{Path.cwd()}`"
    )
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("kind", "file"), [(Checkpoint, "model.json"), (OnnxModel, "interface.json")]
)
def test_the_users_code_that_an_input_artifact_names_is_covered(
    working_folder: Path, kind: type[Checkpoint], file: str
) -> None:
    described = {"model": "a.py:f", "dataset": "b.py:g", "other": "gone.py:h"}
    (working_folder / file).write_bytes(canonical_json.dumps(described))
    artifact = kind(working_folder, "a" * 64)
    before = collect_material(toy, ToyConfig(), {"model": artifact})
    assert before.user == {"a.py:f": digest_of("a.py"), "b.py:g": digest_of("b.py")}
    (working_folder / "a.py").write_text("edited")
    assert collect_material(toy, ToyConfig(), {"model": artifact}).key != before.key


def test_the_sample_files_of_inputs_are_covered(working_folder: Path) -> None:
    (working_folder / "x.npy").write_bytes(b"samples")
    described = {"inputs": [{"name": "x", "file": "x.npy"}, {"name": "y", "file": None}]}
    (working_folder / "model.json").write_bytes(canonical_json.dumps(described))
    artifact = Checkpoint(working_folder, "a" * 64)
    before = collect_material(toy, ToyConfig(), {"model": artifact})
    assert before.user == {"x.npy": digest_of("samples")}
    (working_folder / "x.npy").write_bytes(b"other samples")
    assert collect_material(toy, ToyConfig(), {"model": artifact}).key != before.key


def test_an_input_artifact_with_built_in_names_adds_nothing(working_folder: Path) -> None:
    (working_folder / "model.json").write_bytes(
        canonical_json.dumps({"model": "lenet", "dataset": None})
    )
    artifact = Checkpoint(working_folder, "a" * 64)
    assert collect_material(toy, ToyConfig(), {"model": artifact}).user == {}


def test_an_input_artifact_with_a_damaged_description_is_refused(working_folder: Path) -> None:
    (working_folder / "model.json").write_text("{")
    with pytest.raises(RefusedError, match=r"model\.json` cannot be read as JSON"):
        collect_material(toy, ToyConfig(), {"model": Checkpoint(working_folder, "a" * 64)})


def install(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    """Pretend that nothing but ``versions`` is installed."""
    named = {name.replace("_", "-"): number for name, number in versions.items()}
    monkeypatch.setattr(material, "installed_version", named.get)


def test_another_version_of_a_tool_has_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, click="1.0")
    before = made_of()
    install(monkeypatch, click="1.1")
    assert (before.tools, made_of().tools) == ({"click": "1.0"}, {"click": "1.1"})
    assert made_of().key != before.key


@pytest.mark.parametrize(
    "installed",
    [
        {"onnxruntime": "1.30"},
        {"onnxruntime_gpu": "1.31"},
        {"onnxruntime": "1.30", "onnxruntime_gpu": "1.31"},
    ],
)
def test_whichever_onnxruntime_is_installed_counts(
    monkeypatch: pytest.MonkeyPatch, installed: dict[str, str]
) -> None:
    install(monkeypatch, **installed)
    found = collect_material(runs, ToyConfig(), {}).tools
    assert found == {name.replace("_", "-"): number for name, number in installed.items()}


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError) as error:
        collect_material(broken, ToyConfig(), {})
    assert str(error.value) == (
        "`broken` needs `no-such-tool`: expected no-such-tool, found it is not installed. "
        "Run `pip install 'prunepack[build]'`"
    )
    install(monkeypatch)
    with pytest.raises(UsageError, match=r"expected onnxruntime or onnxruntime-gpu or .*, found"):
        collect_material(runs, ToyConfig(), {})


def test_only_a_host_bound_stage_knows_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    before = collect_material(timed, ToyConfig(), {})
    assert before.host.startswith(material.host_name())
    monkeypatch.setattr(material, "host_name", lambda: "another machine")
    assert collect_material(timed, ToyConfig(), {}).key != before.key
    assert made_of().host == ""
