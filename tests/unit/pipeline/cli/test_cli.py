"""Every way out of the command line has one exit code and one message, and no traceback."""

import errno
import inspect
import json
import re
import tomllib
from pathlib import Path

import click
import pytest

from prunepack.errors import CorruptArtifactError, PrunepackError, RefusedError, UsageError
from prunepack.pipeline import cli
from prunepack.pipeline.cli.errors import BUILD_SIDE, format_error


def outcome(error, capsys):
    def run(**_):
        raise error

    code = cli.run_command(run)
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return code, said


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            UsageError("x is wrong", expected=1, found=2),
            2,
            "error: x is wrong\n  expected 1\n  found    2\n",
        ),
        (RefusedError("no"), 4, "error: no\n"),
        (CorruptArtifactError("bad"), 4, "error: bad\n"),
        (click.UsageError("which?"), 2, "error: which?\n"),
        (KeyboardInterrupt(), 130, "Interrupted; no half-written file was left."),
        (click.Abort(), 130, "Interrupted"),
        (
            OSError(errno.ENOSPC, "No space left on device", "out"),
            2,
            "error: `out` cannot be used\n  found    No space left on device\nhint: Free",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "out"),
            2,
            "Choose a path that you may use",
        ),
        (
            OSError(errno.EROFS, "Read-only file system", "out"),
            2,
            "a folder that can be written to",
        ),
        (
            ModuleNotFoundError("No module named 'torch'", name="torch"),
            2,
            "pip install 'prunepack[build]'",
        ),
        (ZeroDivisionError("division by zero"), 3, "a bug in prunepack: ZeroDivisionError"),
        (ModuleNotFoundError("No module named 'mine'", name="mine"), 3, "a bug in prunepack"),
    ],
)
def test_an_error_becomes_an_exit_code_and_a_message(error, code, message, capsys):
    found, said = outcome(error, capsys)
    assert found == code
    assert message in said


def test_every_field_has_a_line_of_its_own():
    error = UsageError("it failed", expected="a", found="b\nc", hint="Do it", where=("X", "Y"))
    assert format_error(error).splitlines() == [
        "error: it failed",
        "  expected a",
        "  found    b",
        "           c",
        "  in       X › Y",
        "hint: Do it",
    ]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (CorruptArtifactError("bad", expected=1, where=("chunk 2",)), "CorruptArtifactError"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "x"), "UsageError"),
        (click.UsageError("which?"), "UsageError"),
        (ZeroDivisionError("division by zero"), "InternalError"),
    ],
)
def test_a_failure_under_json_is_an_object_on_stdout(error, kind, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["prunepack", "run", "--json"])
    cli.run_command(lambda **_: (_ for _ in ()).throw(error))
    out, said = capsys.readouterr()
    fields = json.loads(out)["error"]
    assert set(fields) == {"kind", "what", "expected", "found", "hint", "where"}
    assert fields["kind"] == kind
    assert said.startswith(f"error: {fields['what']}\n")
    if isinstance(error, PrunepackError):
        assert fields == error.to_json()


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        (["unpack"], "Missing argument 'ARTIFACT'", "Run `prunepack unpack --help` for the usage"),
        (["gc", "--forec"], "No such option '--forec'", "Run `prunepack gc --help` for the usage"),
    ],
)
def test_usage_errors_of_click_have_the_same_form(words, what, hint, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["prunepack", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    first, *_, last = capsys.readouterr().err.splitlines()
    assert end.value.code == 2
    assert first.startswith(f"error: {what}")
    assert last == f"hint: {hint}"


def test_verbose_shows_where_a_bug_is(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["prunepack", "run", "-v"])

    def run(**_):
        raise ZeroDivisionError

    assert cli.run_command(run) == 3
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (1, 1), (5, 5)])
def test_what_a_command_returns_is_the_exit_code(returned, code):
    assert cli.run_command(lambda **_: returned) == code


def test_every_command_can_be_imported_and_has_help():
    for name in cli.prunepack.list_commands(None):
        command = cli.prunepack.get_command(None, name)
        assert command.name == name
        assert command.help


def test_the_first_line_of_a_command_is_the_same_in_both_helps():
    for targets in cli.COMMANDS.values():
        for name, target in targets.items():
            command = cli.prunepack.get_command(None, name)
            assert inspect.cleandoc(command.help).splitlines()[0] == target.line


@pytest.mark.parametrize("words", [["-h"], ["unpack", "-h"], ["prune", "-h"]])
def test_h_is_help(words, capsys):
    for option in (words, [*words[:-1], "--help"]):
        cli.prunepack.main(option, prog_name="prunepack", standalone_mode=False)
    short, long = capsys.readouterr().out.split("Usage: ")[1:]
    assert short == long


def test_the_short_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        cli.prunepack.main(["--help"])
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in cli.prunepack.list_commands(None))


def test_version_names_what_it_builds_on(capsys):
    cli.prunepack.main(["--version"], standalone_mode=False)
    words = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert words[:3] == ["prunepack", "torch", "onnx"]
    assert words[3].startswith("onnxruntime")


def test_every_package_of_the_build_extra_is_known_to_the_hint():
    pyproject = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text("utf-8"))
    build = pyproject["project"]["optional-dependencies"]["build"]
    names = {re.split(r"[^\w-]", requirement)[0].replace("-", "_") for requirement in build}
    assert names - {"prunepack"} <= set(BUILD_SIDE)


def test_every_help_fits_80_columns(capsys):
    for name in cli.prunepack.list_commands(None):
        cli.prunepack.main([name, "--help"], prog_name="prunepack", standalone_mode=False)
        assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("50 % is wrong", expected="a", found="b", hint="Choose a"), 2),
        (RefusedError("a report was refused"), 4),
        (ValueError("boom"), 3),
        (click.UsageError("which?"), 2),
    ],
)
def test_github_sees_an_error_without_a_report(error, code, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    found, said = outcome(error, capsys)
    assert found == code
    *message, annotation = said.splitlines()
    text = "\n".join(message).removeprefix("error: ")
    escaped = text.replace("%", "%25").replace("\n", "%0A")
    assert annotation == f"::error title=prunepack::{escaped}"
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith(f"# No verdict\n\n    {text.splitlines()[0]}\n")


@pytest.mark.parametrize(
    ("environment", "word", "expected"),
    [("true", "--no-github", False), ("", "--github", True), ("", "gate", False)],
)
def test_the_options_on_github_hold_for_errors(
    environment, word, expected, capsys, monkeypatch, tmp_path
):
    monkeypatch.setenv("GITHUB_ACTIONS", environment)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "none/summary.md"))
    monkeypatch.setattr("sys.argv", ["prunepack", word])
    _, said = outcome(RefusedError("no"), capsys)
    assert ("::error" in said) is expected
