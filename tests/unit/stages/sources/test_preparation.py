"""Preparation of a module: wrappers, masks, lazy and shared memory, unsupported parameters."""

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from prunepack.errors import RefusedError
from prunepack.stages.pruning.masks import pruned_parameters
from prunepack.stages.sources.builds import check_builds
from prunepack.stages.sources.preparation import prepare_module


def prepare(module):
    return prepare_module(module, lambda net: net(torch.ones(2, 3)))


def make_net():
    return nn.Sequential(nn.Linear(3, 2), nn.ReLU())


@pytest.mark.parametrize(
    ("wrap", "names"),
    [
        (nn.DataParallel, ["DataParallel"]),
        (lambda net: torch.compile(net, backend="eager"), ["OptimizedModule"]),
        (torch.optim.swa_utils.AveragedModel, ["AveragedModel"]),
        (
            lambda net: torch.compile(nn.DataParallel(net), backend="eager"),
            ["OptimizedModule", "DataParallel"],
        ),
    ],
)
def test_wrappers_are_taken_off(wrap, names):
    prepared = prepare(wrap(make_net()))
    assert type(prepared.module) is nn.Sequential
    assert prepared.state.keys() == {"0.weight", "0.bias"}
    assert list(prepared.notes) == [f"{name} taken off" for name in names]


def test_a_wrapper_inside_the_model_is_taken_off():
    net = nn.Sequential(nn.DataParallel(nn.Linear(3, 2)))
    prepared = prepare(net)
    assert type(prepared.module[0]) is nn.Linear
    assert prepared.state.keys() == {"0.weight", "0.bias"}


def test_a_model_compiled_in_place_runs_without_a_compiler():
    net = make_net()
    net.compile(backend="eager")
    assert prepare(net).module._compiled_call_impl is None


def test_masks_of_the_factory_are_in_the_state_only():
    net = make_net()
    prune.l1_unstructured(net[0], "weight", 0.5)
    prepared = prepare(net)
    assert {"0.weight_orig", "0.weight_mask"} < prepared.state.keys()
    assert list(pruned_parameters(prepared.module)) == []
    assert torch.equal(prepared.module[0].weight, prepared.state["0.weight_orig"])


def test_lazy_parameters_can_be_trained_after_the_dry_run():
    def dry_run(net):
        with torch.inference_mode():
            net(torch.ones(2, 3))

    prepared = prepare_module(nn.Sequential(nn.LazyLinear(4), nn.LazyBatchNorm1d()), dry_run)
    assert prepared.module[0].weight.shape == (4, 3)
    prepared.module(torch.ones(2, 3)).sum().backward()
    assert prepared.module[0].weight.grad is not None
    assert prepared.notes == ("lazy parameters got their shapes from a dry run on load.inputs",)


def test_memory_of_its_own():
    net = make_net()
    net[0].weight = nn.Parameter(torch.randn(1, 3).expand(2, 3))
    expected = net[0].weight.clone()
    prepared = prepare(net)
    weight = prepared.module[0].weight
    assert torch.equal(weight, expected)
    assert weight.is_contiguous()
    assert weight.untyped_storage().nbytes() == weight.nbytes
    assert prepared.notes == (
        "`0.weight` is an expanded view: each element gets memory of its own",
    )


def test_channels_last_and_transposed_parameters_become_contiguous():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(3, 4)).to(memory_format=torch.channels_last)
    net[1].weight = nn.Parameter(torch.randn(3, 4).t())
    values = [parameter.clone() for parameter in net.parameters()]
    prepared = prepare(net)
    for parameter, value in zip(prepared.module.parameters(), values, strict=True):
        assert parameter.is_contiguous()
        assert torch.equal(parameter, value)
    assert prepared.notes == ()


def test_a_transposed_tie_stays():
    net = nn.Sequential(nn.Linear(3, 2, bias=False), nn.Linear(2, 3, bias=False))
    net[1].weight = nn.Parameter(net[0].weight.data.t())
    prepared = prepare(net)
    assert prepared.module[1].weight.data_ptr() == prepared.module[0].weight.data_ptr()
    assert prepared.notes == ("`1.weight` is `0.weight` transposed: both share their memory",)


def test_the_meta_device():
    with torch.device("meta"):
        net = make_net()
    prepared = prepare(net)
    assert prepared.without_values == ("0.weight", "0.bias")
    assert not prepared.module[0].weight.is_meta


def test_ties_survive_the_meta_device():
    with torch.device("meta"):
        net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
        net[1].weight = net[0].weight
    module = prepare(net).module
    assert module[1].weight is module[0].weight


def test_a_quantised_layer():
    net = torch.ao.quantization.quantize_dynamic(make_net(), {nn.Linear}, dtype=torch.qint8)
    with pytest.raises(RefusedError) as caught:
        prepare(net)
    error = caught.value
    assert error.what == "layer `0` is quantised: there are no float weights to prune"
    assert (error.expected, error.found) == ("a float model", "DynamicQuantizedLinear")
    assert error.hint == "Prune the float model and quantise what comes out"


def test_a_sparse_parameter():
    net = make_net()
    net[0].weight = nn.Parameter(torch.eye(2, 3).to_sparse_csr())
    with pytest.raises(RefusedError) as caught:
        prepare(net)
    error = caught.value
    assert error.what == "parameter `0.weight` is sparse (sparse_csr)"
    assert error.expected == "a dense layout"
    assert error.hint == (
        "Return the model with parameter.to_dense(): prunepack stores zeros sparsely itself"
    )


def test_a_complex_parameter():
    net = make_net()
    net[0].weight = nn.Parameter(torch.randn(2, 3, dtype=torch.complex128))
    with pytest.raises(RefusedError) as caught:
        prepare(net)
    error = caught.value
    assert error.what == "parameter `0.weight` is complex, which onnxruntime cannot run"
    assert (error.expected, error.found) == ("real numbers", "complex128")
    assert error.hint == "Hold its real and imaginary parts as two parameters"


def with_buffer(value, *, persistent=False):
    net = make_net()
    net.register_buffer("noise", value, persistent=persistent)
    return net


def test_builds_that_differ():
    with pytest.raises(RefusedError) as caught:
        check_builds(
            with_buffer(torch.zeros(2)), "net.py:build", lambda: with_buffer(torch.ones(2))
        )
    error = caught.value
    assert error.what == (
        "two builds of `net.py:build` differ in tensors that the state dict leaves out"
    )
    assert error.expected == "the same values from every call of the factory"
    assert error.found == "`noise`"
    assert error.hint == (
        "Register these tensors as persistent buffers, or draw them from the global generator of "
        "torch, numpy or random"
    )


def test_a_plain_tensor_counts_and_a_saved_one_does_not():
    first, second = make_net(), make_net()
    first[0].scale, second[0].scale = torch.zeros(1), torch.ones(1)
    with pytest.raises(RefusedError, match="differ"):
        check_builds(first, "net.py:build", lambda: second)
    saved = (with_buffer(torch.full((2,), value), persistent=True) for value in (1.0, 2.0))
    check_builds(next(saved), "net.py:build", lambda: next(saved))
    nan = torch.tensor([float("nan"), -0.0], dtype=torch.bfloat16)
    check_builds(with_buffer(nan), "net.py:build", lambda: with_buffer(nan.clone()))
