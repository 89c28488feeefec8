"""A journal that a killed worker left goes on; any other damage is refused before a trial."""

import pytest

from prunepack.errors import RefusedError
from tests.unit.pipeline.search.searches import Toy, join, make

pytest.importorskip("optuna")


@pytest.fixture
def journal(tmp_path):
    path = tmp_path / "study.journal"
    join(path, make(trials=3), Toy())
    return path


def break_line(content, number, line):
    lines = content.splitlines(keepends=True)
    lines[number] = line
    return b"".join(lines)


@pytest.mark.parametrize("tail", [b'{"op_code":4,"worker_id":"a', b"\0" * 4096, b"{}", b"\xff"])
def test_an_unfinished_last_line_is_dropped(journal, tail):
    whole = journal.read_bytes()
    journal.write_bytes(whole + tail)
    join(journal, make(trials=3), Toy())
    assert journal.read_bytes().startswith(whole)
    assert tail not in journal.read_bytes().splitlines()
    join(journal, make(trials=4), Toy())


@pytest.mark.parametrize("cut", [1, 20, 200, 2000])
def test_a_journal_that_was_cut_anywhere_goes_on(journal, cut):
    journal.write_bytes(journal.read_bytes()[:-cut])
    join(journal, make(trials=4), Toy())


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (-1, b"garbage\n"),
        (1, b"\0\xff\n"),
        (1, b"[1]\n"),
        (1, b"7\n"),
        (0, b"{}\n"),
        (1, b'{"op_code":4,"work{"op_code":4}\n'),
    ],
)
def test_a_line_that_is_not_an_entry_is_refused(journal, number, line):
    content = break_line(journal.read_bytes(), number, line)
    journal.write_bytes(content)
    with pytest.raises(RefusedError) as refused:
        join(journal, make(), Toy())
    assert refused.value.what == f"the journal `{journal}` is damaged"
    place = number if number >= 0 else len(content.splitlines()) - 1
    assert refused.value.found == f"line {place + 1} is not an entry"
    assert refused.value.hint.startswith("Restore a copy, or move the file away")
    assert refused.value.exit_code == 4
    assert journal.read_bytes() == content


@pytest.mark.parametrize(
    "line", [b'{"op_code":99}\n', b'{"op_code":4}\n', b'{"op_code":0,"worker_id":1}\n']
)
def test_entries_that_contradict_each_other_are_refused(journal, line):
    journal.write_bytes(break_line(journal.read_bytes(), 0, line))
    with pytest.raises(RefusedError) as refused:
        join(journal, make(), Toy())
    assert refused.value.found.startswith("entries that contradict each other (")
