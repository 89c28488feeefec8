"""Built-in checks: one row each with its remedy, and their replacement by the user's limits."""

from prunepack.stages.metrics.limits import Limit
from prunepack.stages.metrics.metric import Metric
from prunepack.stages.reporting.built_in_checks import (
    BUILT_IN_CHECKS,
    BUILT_IN_LIMITS,
    find_hint,
    merge_limits,
)


def test_what_always_holds_holds_without_being_asked():
    assert tuple(merge_limits([])) == BUILT_IN_LIMITS


def test_a_limit_of_ones_own_replaces_the_usual_one():
    limits = merge_limits(map(Limit.parse, ["parity.torch_onnx.nonfinite <= 3", "size.ratio >= 2"]))
    found = [limit for limit in limits if limit.name == "parity.torch_onnx.nonfinite"]
    assert found == [Limit("parity.torch_onnx.nonfinite", "<=", 3)]
    assert len(limits) == len(BUILT_IN_LIMITS) + 1


def test_a_figure_can_have_a_limit_on_either_side():
    limits = merge_limits(map(Limit.parse, ["x <= 2", "x >= 1", "x <= 3"]))
    assert limits[len(BUILT_IN_LIMITS) :] == [Limit("x", "<=", 3), Limit("x", ">=", 1)]


def test_every_row_says_what_why_and_what_to_do():
    for check in BUILT_IN_CHECKS:
        assert check.why.endswith(".")
        assert not check.compares.endswith(".")
        assert check.hint[0].isupper()
        assert not check.hint.endswith(".")
        assert find_hint(check.name) == check.hint
    assert len({check.name for check in BUILT_IN_CHECKS}) == len(BUILT_IN_CHECKS)
    assert find_hint("size.ratio") is None


def test_sparse_kernels_are_checked_where_they_took_part():
    """A report without a word of them is of a release before them, or of a model without."""

    def asked(metrics):
        return {limit.name for limit in merge_limits((), metrics) if "sparse." in limit.name}

    assert asked({"forms.pruned": Metric(1)}) == set()
    assert asked({"forms.sparse": Metric(0)}) == set()
    names = ("samples", "values", "unmatched_outputs", "nonfinite", "beyond_tolerance")
    assert asked({"forms.sparse": Metric(1)}) == {f"parity.sparse.{name}" for name in names}
