"""Progress goes to whoever listens, and to nobody otherwise."""

import pytest

from prunepack.stages.contract.progress import collect_remarks, note, remark, reporting_to, track


class Listener:
    def __init__(self):
        self.heard = []

    def track(self, items, what, total):
        for item in items:
            self.heard.append(f"{what}: {item} of {total}")
            yield item

    def note(self, text):
        self.heard.append(text)

    def remark(self, text):
        self.heard.append(f"assumed: {text}")


def test_nobody_listens(capfd):
    note("quiet")
    assert list(track(iter("ab"), "letters", 2)) == ["a", "b"]
    assert capfd.readouterr() == ("", "")


def test_somebody_listens_inside_the_block():
    listener = Listener()
    with reporting_to(listener):
        note("begun")
        assert list(track([1, 2], "step", 2)) == [1, 2]
    note("not heard")
    assert listener.heard == ["begun", "step: 1 of 2", "step: 2 of 2"]


def test_an_error_ends_the_listening():
    listener = Listener()
    with pytest.raises(KeyError), reporting_to(listener):
        raise KeyError
    note("not heard")
    assert listener.heard == []


def test_the_inner_listener_hears_alone():
    outer, inner = Listener(), Listener()
    with reporting_to(outer):
        with reporting_to(inner):
            note("in")
        note("out")
    assert (outer.heard, inner.heard) == (["out"], ["in"])


def test_remarks_are_collected_once_each():
    listener = Listener()
    with reporting_to(listener), collect_remarks() as remarks:
        for text in ("a", "b", "a"):
            remark(text)
    assert remarks == ["a", "b"]
    assert listener.heard == []


def test_a_remark_outside_a_collection_is_shown():
    listener = Listener()
    with reporting_to(listener):
        remark("a")
    assert listener.heard == ["assumed: a"]


def test_remarks_before_a_failure_are_shown():
    listener = Listener()

    def fail():
        remark("a")
        raise KeyError

    with pytest.raises(KeyError), reporting_to(listener), collect_remarks():
        fail()
    assert listener.heard == ["assumed: a"]
