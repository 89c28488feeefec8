"""Every symbol of the output has a form for a terminal whose encoding lacks it."""

import io
import json
import re
from pathlib import Path

import pytest

from prunepack.pipeline.cli.console import print_json
from prunepack.pipeline.cli.streams import ASCII, replace_unencodable

ROOT = Path(__file__).parents[4]


def write(text, encoding):
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding, newline="")
    replace_unencodable(stream)
    stream.write(text)
    stream.flush()
    return buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "utf-8", "utf-16"])
def test_no_encoding_stops_the_output(encoding):
    said = write("─── load → prune × 3 ≤ 1, größer 日本 😀", encoding)
    if encoding == "ascii":
        assert said == r"--- load -> prune x 3 <= 1, gr\xf6\xdfer \u65e5\u672c \U0001f600"
    elif encoding.startswith("utf"):
        assert said == "─── load → prune × 3 ≤ 1, größer 日本 😀"


def test_symbols_of_the_output_have_an_ascii_form():
    sources = [*(ROOT / "pipeline/cli").rglob("*.py"), *(ROOT / "stages").glob("*.py")]
    symbols = set(re.findall(r"[^\x00-\x7f]", "".join(p.read_text("utf-8") for p in sources)))
    assert symbols <= set(ASCII)


def test_a_stream_that_is_no_terminal_is_left_alone():
    replace_unencodable(io.StringIO())


@pytest.mark.parametrize(("encoding", "text"), [("cp1252", r'"\u2192 \u00e9"'), ("UTF-8", '"→ é"')])
def test_json_is_the_same_value_in_every_encoding(encoding, text, monkeypatch):
    buffer = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(buffer, encoding=encoding))
    print_json("→ é")
    said = buffer.getvalue().decode(encoding).strip()
    assert said == text
    assert json.loads(said) == "→ é"
