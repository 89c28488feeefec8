"""Results on stdout, progress on stderr and only on a terminal."""

import sys

import pytest

from prunepack.pipeline.cli.console import (
    COLORS_AND_LINES,
    Console,
    color_text,
    escape_controls,
    format_table,
)


@pytest.fixture
def terminal(monkeypatch):
    """Make both streams claim to be terminals, once the test is on."""

    def claim():
        for stream in (sys.stdout, sys.stderr):
            monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
        monkeypatch.delenv("NO_COLOR", raising=False)

    return claim


def test_columns_are_aligned():
    text = format_table(("name", "n"), [("a", "1"), ("bcdef", "100")], right="n")
    assert text.splitlines() == ["name     n", "─────  ───", "a        1", "bcdef  100"]


def test_the_last_column_wraps_at_the_width_of_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "32")
    text = format_table(("name", "why"), [("a", "one two three four five six"), ("b", "")])
    assert text.splitlines() == [
        "name  why",
        "────  ──────────────────────────",
        "a     one two three four five",
        "      six",
        "b",
    ]


def test_a_table_without_rows_has_its_head():
    assert format_table(("name", "n"), []).splitlines() == ["name  n", "────  ─"]


def test_progress_is_silent_where_nobody_looks(capsys):
    assert list(Console().track(range(3), "counting", 3)) == [0, 1, 2]
    with Console().bar("packing") as moved:
        moved(1, 2)
    Console().note("half way")
    assert capsys.readouterr() == ("", "")


def test_progress_shows_on_a_terminal(terminal, capsys):
    terminal()
    assert list(Console().track(range(3), "counting", 3)) == [0, 1, 2]
    with Console().bar("packing") as moved:
        moved(1, 2)
        moved(2, 2)
    Console().note("half way")
    out, err = capsys.readouterr()
    assert out == ""
    assert "counting" in err
    assert "packing" in err
    assert "half way" in err


def test_quiet_silences_a_terminal(terminal, capsys):
    terminal()
    console = Console(quiet=True)
    assert list(console.track(range(3), "counting", 3)) == [0, 1, 2]
    console.note("half way")
    console.message("load …")
    assert capsys.readouterr() == ("", "")


def test_verbose_says_more_where_there_is_no_terminal(capsys):
    Console(verbose=True).note("half way")
    assert capsys.readouterr() == ("", "  half way\n")


def test_colour_is_for_terminals_that_want_it(terminal, monkeypatch):
    terminal()
    assert color_text("ok", "green") == "\x1b[32mok\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert color_text("ok", "green") == "ok"


def test_a_pipe_gets_no_colour(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert color_text("ok", "green") == "ok"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("größer → 3 × 4", "größer → 3 × 4"),
        ("two\nlines", "two\nlines"),
        ("\x1b[2J\x07\r\x7f\x9b", r"\x1b[2J\x07\r\x7f\x9b"),
        ("\u202e\u2028\u200b", r"\u202e\u2028\u200b"),
        ("\x1b[31mred", r"\x1b[31mred"),
    ],
)
def test_controls_are_escaped(text, shown):
    assert escape_controls(text) == shown


def test_colours_of_results_are_kept():
    text = "\x1b[31mred\x1b[0m\n\x1b[2J"
    assert escape_controls(text, COLORS_AND_LINES) == "\x1b[31mred\x1b[0m\n" + r"\x1b[2J"


def test_an_error_and_a_message_are_escaped(capsys):
    Console().remark("a\x1b[31mb")
    assert capsys.readouterr().err == "note: a\\x1b[31mb\n"
