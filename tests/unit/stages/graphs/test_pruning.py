"""Pruning rules on an ONNX model, through the stage."""

import json

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from safetensors.numpy import save_file

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.load_onnx import LoadOnnxConfig, load_onnx
from prunepack.stages.prune import PruneConfig, prune_onnx
from prunepack.stages.pruning.rules import Rule
from tests.unit.stages.graphs.models import make_model, normal, two_layers


@pytest.fixture
def source(run, tmp_path):
    """Loads an ONNX model as the stage does."""

    def source(model, **fields):
        onnx.save(model, tmp_path / "net.onnx")
        return run(load_onnx, LoadOnnxConfig(model=str(tmp_path / "net.onnx"), **fields))

    return source


def arrays(model):
    loaded = onnx.load(model.model)
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in loaded.graph.initializer}


def zeros(model):
    return {name: int((array == 0).sum()) for name, array in arrays(model).items()}


def test_global_l1_ranks_all_weights_together(source, run):
    dense = source(two_layers())
    pruned = run(prune_onnx, PruneConfig(amount=0.5), dense)
    assert run.facts["summary"] == "50.0 % of 192 weights pruned in the ONNX model"
    both = [arrays(dense)[name] for name in ("first.weight", "second.weight.T")]
    threshold = np.sort(np.abs(np.concatenate([array.ravel() for array in both])))[96]
    for name, array in arrays(pruned).items():
        before = arrays(dense)[name]
        kept = (
            np.abs(before) >= threshold if name.startswith(("first.w", "second")) else before != 0
        )
        np.testing.assert_array_equal(array, np.where(kept, before, np.float32(0)))
        assert not np.signbit(array[array == 0]).any()


def test_rules_by_layer_along_output_channels(source, run):
    rules = (
        Rule(layers="first", method="ln_structured", amount=0.25),
        Rule(layers="second", method="ln_structured", amount=1),
    )
    pruned = arrays(run(prune_onnx, PruneConfig(rules=rules), source(two_layers())))
    assert (~pruned["first.weight"].any(1)).sum() == 4
    assert (~pruned["second.weight.T"].any(0)).sum() == 1
    assert pruned["second.weight.T"].any(1).all()


def test_two_of_four_along_inputs(source, run):
    pruned = arrays(run(prune_onnx, PruneConfig(method="n_m"), source(two_layers())))
    assert (np.count_nonzero(pruned["first.weight"].reshape(16, 2, 4), axis=2) == 2).all()
    groups = pruned["second.weight.T"].T.reshape(4, 4, 4)
    assert (np.count_nonzero(groups, axis=2) == 2).all()


def test_a_bias_is_pruned_by_its_name(source, run):
    config = PruneConfig(parameter="bias", scope="local", amount=4)
    assert zeros(run(prune_onnx, config, source(two_layers()))) == {
        "first.weight": 0,
        "first.bias": 4,
        "second.weight.T": 0,
    }


@pytest.mark.parametrize("method", ["random_unstructured", "random_structured"])
def test_random_methods_have_a_seed(source, run, method):
    dense = source(two_layers())

    def prune(seed):
        return run(prune_onnx, PruneConfig(method=method, amount=0.5, seed=seed), dense)

    assert prune(1).model.read_bytes() == prune(1).model.read_bytes()
    assert prune(1).model.read_bytes() != prune(2).model.read_bytes()
    assert zeros(prune(1))["first.weight"] == 64


def test_all_rounds_end_at_the_amount(source, run):
    config = PruneConfig(amount=0.8, schedule="cubic", steps=4)
    counts = zeros(run(prune_onnx, config, source(two_layers())))
    assert counts["first.weight"] + counts["second.weight.T"] == round(0.8 * 192)


def test_zeros_are_masks_and_stay(source, run):
    dense = source(two_layers(zeros=0.5))
    pruned = run(prune_onnx, PruneConfig(method="identity"), dense)
    assert zeros(pruned)["first.weight"] == 64
    assert not any(np.signbit(array[array == 0]).any() for array in arrays(pruned).values())
    further = run(prune_onnx, PruneConfig(amount=0.5), dense)
    assert zeros(further)["first.weight"] + zeros(further)["second.weight.T"] == 96 + 48


def test_few_zeros_are_values(source):
    assert (
        json.loads((source(two_layers(zeros=0.2)).path / "interface.json").read_text())["masked"]
        == []
    )


def test_masks_of_a_file_in_either_order_of_axes(source, run, tmp_path):
    first, second = normal(16, 8, seed=5) > 0, normal(4, 16, seed=6) > 0
    masks = {"first.weight": first, "second.weight_mask": second}
    save_file({name: mask.astype(np.float32) for name, mask in masks.items()}, tmp_path / "m")
    config = PruneConfig(method="custom_from_mask", mask_file=tmp_path / "m")
    pruned = arrays(run(prune_onnx, config, source(two_layers())))
    np.testing.assert_array_equal(pruned["first.weight"] != 0, first)
    np.testing.assert_array_equal(pruned["second.weight.T"].T != 0, second)


@pytest.mark.parametrize(
    ("masks", "what", "expected", "found"),
    [
        (
            {"other": np.ones(3)},
            "has no mask of `first.weight`",
            "zeros and ones as first.weight or first.weight_mask",
            "other",
        ),
        (
            {"first.weight": np.full((16, 8), 2.0)},
            "has no mask of `first.weight`",
            "zeros and ones as first.weight or first.weight_mask",
            "other values",
        ),
        (
            {"first.weight": np.ones((8, 8))},
            "holds a mask of the wrong shape for `first.weight`",
            "the shape (16, 8)",
            "(8, 8)",
        ),
    ],
)
def test_masks_that_do_not_fit(source, run, tmp_path, masks, what, expected, found):
    save_file(masks, tmp_path / "m")
    config = PruneConfig(method="custom_from_mask", mask_file=tmp_path / "m")
    with pytest.raises(RefusedError) as refused:
        run(prune_onnx, config, source(two_layers()))
    assert refused.value.what == f"{tmp_path / 'm'} {what}"
    assert (refused.value.expected, refused.value.found) == (expected, found)


def test_a_file_that_holds_no_masks(source, run, tmp_path):
    (tmp_path / "m").write_text("no masks")
    config = PruneConfig(method="custom_from_mask", mask_file=tmp_path / "m")
    with pytest.raises(RefusedError) as refused:
        run(prune_onnx, config, source(two_layers()))
    assert refused.value.what == f"{tmp_path / 'm'} cannot be read"
    assert refused.value.expected == "a safetensors file"


@pytest.mark.parametrize(
    ("fields", "what", "expected", "found", "hint"),
    [
        (
            {"layers": "third"},
            "the rule for layers `third` prunes nothing",
            "the name of an initializer with a weight",
            "none that matches, or only those of earlier rules",
            "Choose among: first, first, second",
        ),
        (
            {"exclude": ("first", "last")},
            "the rule for layers `*` prunes nothing",
            "the name of an initializer with a weight",
            "all excluded",
            "Shorten prune.exclude",
        ),
        (
            {"method": "n_m", "scope": "global"},
            "`n_m` cannot prune several tensors together",
            "scope local, or a method that ranks single weights",
            "scope global",
            None,
        ),
        (
            {"amount": 500},
            "`l1_unstructured` cannot prune that much of the layers `*`",
            "an amount of at most 192",
            "500",
            "Write a fraction with a point: 0.9 is a fraction, 100 is a count",
        ),
        (
            {"method": "n_m", "pattern": "2:3"},
            "`n_m` cannot prune `first.weight`",
            None,
            "the size of dim 1 must be a multiple of 3: 8 of (16, 8)",
            "Change the method's options, or leave the layer out with the rule's layers",
        ),
        (
            {"method": "own.py:Class", "scope": "local"},
            "`own.py:Class` cannot prune an ONNX model",
            "a built-in method, which needs no torch",
            "a method of your own",
            "Choose a built-in method, or give masks with custom_from_mask",
        ),
        (
            {"method": "lamp"},
            "`lamp` cannot prune an ONNX model",
            "a built-in method, which needs no torch",
            "a method that needs torch",
            "Choose a built-in method, or give masks with custom_from_mask",
        ),
    ],
)
def test_rules_that_do_not_fit(source, run, fields, what, expected, found, hint):
    with pytest.raises(UsageError) as refused:
        run(prune_onnx, PruneConfig(**fields), source(two_layers()))
    error = refused.value
    assert (error.what, error.expected, error.found, error.hint) == (what, expected, found, hint)


def test_a_model_without_weights(source, run):
    node = helper.make_node("Relu", ["x"], ["y"])
    model = make_model([node], {"x": ["batch", 3]}, {"y": ["batch", 3]}, {})
    with pytest.raises(UsageError) as refused:
        run(prune_onnx, PruneConfig(), source(model))
    assert refused.value.what == "the ONNX model has nothing to prune"
    assert refused.value.found == "none"
    assert refused.value.hint == "Pack the model as it is with prunepack pack"


def test_half_precision_keeps_its_bits(source, run):
    model = two_layers()
    for tensor in model.graph.initializer:
        half = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(half, tensor.name))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    dense = source(model)
    pruned = arrays(run(prune_onnx, PruneConfig(amount=0.5), dense))
    for name, array in arrays(dense).items():
        kept = pruned[name] != 0
        assert pruned[name].dtype == np.float16
        np.testing.assert_array_equal(pruned[name][kept], array[kept])


def test_external_data(source, run, tmp_path):
    onnx.save(
        two_layers(),
        tmp_path / "big.onnx",
        save_as_external_data=True,
        size_threshold=0,
        location="weights.bin",
    )
    dense = run(load_onnx, LoadOnnxConfig(model=str(tmp_path / "big.onnx")))
    assert sorted(dense.parts) == ["model.onnx", "weights.bin"]
    pruned = run(prune_onnx, PruneConfig(amount=0.5), dense)
    assert sorted(pruned.parts) == ["model.onnx"]
    assert sum(zeros(pruned).values()) == 96


@pytest.mark.parametrize(
    ("exclude", "dense"),
    [
        (["first"], "first.weight"),
        (["last"], "second.weight.T"),
        (["sec*"], "second.weight.T"),
        (["first.weight"], "first.weight"),
    ],
)
def test_excluded_layers_stay_dense(source, run, exclude, dense):
    with collect_remarks() as remarks:
        counts = zeros(
            run(prune_onnx, PruneConfig(amount=0.5, exclude=exclude), source(two_layers()))
        )
    assert counts.pop(dense) == counts.pop("first.bias") == 0
    (pruned,) = counts.values()
    assert pruned in {32, 64}
    assert f"no rule reaches `{dense}`: left dense" in remarks


def test_an_exclusion_that_names_nothing(source, run):
    with pytest.raises(UsageError) as refused:
        run(prune_onnx, PruneConfig(exclude=["third"]), source(two_layers()))
    error = refused.value
    assert error.what == "prune.exclude names no layer: `third`"
    assert (error.expected, error.found) == (
        "first, last or the name of a layer",
        "`first`, `second`",
    )
    assert error.hint == "Name a layer as prunepack inspect lists it"
