"""A looser limit needs a word, and a default does not."""

import pytest

from prunepack.errors import UsageError
from prunepack.stages.metrics.limits import Limit
from prunepack.stages.metrics.replacements import Replacements


def limits(*texts):
    return tuple(Limit.parse(text) for text in texts)


DEFAULTS = limits("accuracy.drop <= 1")


def find(*texts, relax=False, baseline=10.0):
    given = limits(*texts)

    def evaluate(limit):
        if limit.reference and baseline is None:
            raise UsageError("no baseline")
        return limit.factor * baseline + limit.constant if limit.reference else limit.constant

    replacements = Replacements((*DEFAULTS, *given), DEFAULTS, relax)
    return replacements.find_stricter(given[-1], evaluate(given[-1]), evaluate)


@pytest.mark.parametrize(
    "texts",
    [
        ("size.ratio >= 8", "size.ratio >= 2"),
        ("accuracy.drop <= 0.5", "accuracy.drop <= 0.7"),
        ("accuracy.drop <= 0.5", "accuracy.drop <= 5"),
        ("parity.x <= 0", "parity.x <= 1"),
        ("size.artifact <= baseline", "size.artifact <= 1.5 x baseline"),
        ("size.artifact <= baseline", "size.artifact <= 50"),
    ],
)
def test_a_looser_limit_needs_a_word(texts):
    message = f"the limit `{texts[1]}` is looser than `{texts[0]}`, which it replaces"
    with pytest.raises(UsageError) as caught:
        find(*texts)
    assert caught.value.what == message
    assert caught.value.hint == (
        "Write relax = true beside the limits, or give --relax, to allow it"
    )
    assert find(*texts, relax=True) == Limit.parse(texts[0])


@pytest.mark.parametrize("glob", ["sparsity.layer.*", "sparsity.*", "*"])
def test_a_looser_glob_needs_a_word(glob):
    given = limits("sparsity.layer.* >= 50", f"{glob} >= 10")
    expanded = Limit.parse("sparsity.layer.fc1 >= 10")
    with pytest.raises(UsageError, match="which it replaces"):
        Replacements(given).find_stricter(expanded, 10, lambda limit: limit.constant)


def test_a_limit_that_cannot_be_compared_needs_a_word():
    with pytest.raises(UsageError, match="which it replaces"):
        find("size.artifact <= baseline", "size.artifact <= 50", baseline=None)


@pytest.mark.parametrize(
    "texts",
    [
        ("size.ratio >= 8",),
        ("size.ratio >= 8", "size.ratio >= 9"),
        ("size.ratio >= 8", "size.ratio >= 8"),
        ("size.ratio >= 2", "size.ratio <= 20"),
        ("sparsity.layer.* >= 50", "sparsity.layer.fc1 >= 10"),
        ("accuracy.drop <= 0.5",),
    ],
)
def test_other_limits_need_none(texts):
    assert find(*texts) is None


def test_a_default_is_replaced_without_a_word_and_shown():
    assert find("accuracy.drop <= 5") == DEFAULTS[0]
    with pytest.raises(UsageError, match="which it replaces"):
        find("accuracy.drop <= 1.2", "accuracy.drop <= 1.5")
