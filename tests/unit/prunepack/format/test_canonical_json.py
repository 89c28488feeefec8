"""One way to write each value. The errors are in tests/hostile."""

import pytest

from prunepack.errors import CorruptArtifactError
from prunepack.format.canonical_json import MAX_INTEGER, dumps, loads


def test_the_form():
    value = {"b": [1, '\u00e9\n"\x01'], "a": {"y": MAX_INTEGER, "x": 0}}
    text = '{"a":{"x":0,"y":9007199254740991},"b":[1,"\u00e9\\n\\"\\u0001"]}'
    assert dumps(value) == text.encode()
    assert loads(dumps(value)) == value


@pytest.mark.parametrize(
    "text", ['{"a": 1}', "{ }", "[1 ]", '"\\u00e9"', '"\\/"', "01", '"\\u000A"', "\u00a0{}", ""]
)
def test_any_other_form_is_refused(text):
    with pytest.raises(CorruptArtifactError, match=r"the header is not (canonical )?JSON"):
        loads(text.encode())


def test_the_place_of_the_difference():
    with pytest.raises(CorruptArtifactError) as caught:
        loads(b'{"a":1} ')
    message = "the header is not canonical JSON at byte 7: expected its end, found b' '"
    assert str(caught.value) == message


def test_a_number_that_json_does_not_have_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        dumps(float("nan"))
