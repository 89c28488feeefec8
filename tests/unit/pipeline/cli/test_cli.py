"""Every way out of the command line has one exit code and one message, and no traceback."""

import errno

import click
import pytest

from prunepack.errors import CorruptArtifactError, RefusedError, UsageError
from prunepack.pipeline import cli


def outcome(error, capsys):
    def run(**_):
        raise error

    code = cli._exit_code(run)
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return code, said


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            UsageError("x is wrong", expected=1, found=2),
            2,
            "Error: x is wrong: expected 1, found 2",
        ),
        (RefusedError("no"), 4, "Error: no"),
        (CorruptArtifactError("bad"), 4, "Error: bad"),
        (click.UsageError("which?"), 2, "which?"),
        (KeyboardInterrupt(), 130, "Interrupted; nothing half-written was left."),
        (click.Abort(), 130, "Interrupted"),
        (
            OSError(errno.ENOSPC, "No space left on device", "out"),
            2,
            "out: No space left on device. Free",
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


def test_verbose_shows_where_a_bug_is(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["prunepack", "run", "-v"])

    def run(**_):
        raise ZeroDivisionError

    assert cli._exit_code(run) == 3
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (1, 1), (5, 5)])
def test_what_a_command_returns_is_the_exit_code(returned, code):
    assert cli._exit_code(lambda **_: returned) == code


def test_every_command_can_be_imported_and_has_help():
    for name in cli._WHERE:
        command = cli.prunepack.get_command(None, name)
        assert command.name == name
        assert command.help


def test_the_short_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        cli.prunepack.main(["--help"])
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in cli._WHERE)


def test_version_names_what_it_builds_on(capsys):
    cli.prunepack.main(["--version"], standalone_mode=False)
    words = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert words[:3] == ["prunepack", "torch", "onnx"]
    assert words[3].startswith("onnxruntime")
