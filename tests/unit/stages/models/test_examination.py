"""Examination at load: refused models, and remarks about the others."""

import numpy as np
import pytest
import torch
from torch import nn

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.models.examination import (
    are_equal,
    check_determinism,
    examine_model,
)
from prunepack.stages.sources.preparation import convert_bfloat16

X = (InputSpec(name="x", shape=(4,)),)
INPUT = (InputSpec(name="input", shape=(4,)),)


@pytest.mark.parametrize("keeps", [False, True])
def test_a_batchnorm_without_running_statistics_is_named(keeps):
    norm = nn.BatchNorm1d(4, track_running_stats=keeps)
    with collect_remarks() as remarks:
        examine_model(nn.Sequential(nn.Linear(4, 4), norm).eval(), INPUT, "net", converted=False)
    told = [text for text in remarks if "statistics of its batch" in text]
    assert told == [] if keeps else told[0].startswith("layer `1` normalises by the statistics")


class Net(nn.Module):
    """A linear layer with any function of its output."""

    def __init__(self, function=lambda y: y):
        super().__init__()
        self.fc, self.function = nn.Linear(4, 4), function

    def forward(self, x):
        return self.function(self.fc(x))


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x):
        self.calls += 1
        return self.fc(x) + self.calls


class Normalised(nn.Module):
    def forward(self, x):
        return x.sub_(0.5)


def examine(module, inputs=X, **options):
    with collect_remarks() as remarks:
        return examine_model(module.eval(), inputs, "net.py:build", **options), remarks


def test_an_ordinary_model_has_no_remark():
    assert examine(Net()) == (X, [])


DRAWS = (
    "the model answers differently each time: its forward() draws random numbers: expected equal "
    "outputs for equal inputs. Pass training=self.training to dropout, or take the random numbers "
    "out of forward()"
)


@pytest.mark.parametrize(
    "function", [lambda y: nn.functional.dropout(y, 0.5), lambda y: y + torch.randn_like(y)]
)
def test_random_numbers_in_forward(function, says):
    module = Net(function)
    state = torch.random.get_rng_state()
    with says(RefusedError, DRAWS):
        examine(module)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_state_that_is_kept_between_calls(says):
    with says(
        RefusedError,
        "the model answers differently each time: its forward() depends on earlier calls: expected "
        "equal outputs for equal inputs. Pass the state as an input, and return the new one as an "
        "output",
    ):
        check_determinism(Counter(), {"x": np.zeros((2, 4), np.float32)})


def test_nan_equals_nan_and_not_a_number():
    nan = torch.tensor([float("nan"), 1.0])
    assert are_equal([nan], [nan.clone()])
    assert not are_equal([nan], [torch.ones(2)])
    assert not are_equal([nan], [])
    assert not are_equal([torch.ones(2)], [torch.ones(1, 2)])


def test_a_layer_in_training_mode(says):
    module = Net().eval()
    module.fc.training = True
    with says(
        RefusedError,
        "layer `fc` stays in training mode after eval(): expected no layer in training mode, "
        "found Linear. Let train(mode) pass its mode on to every layer",
    ):
        examine_model(module, X, "net.py:build")


def test_parameters_that_are_not_finite(says):
    module = Net()
    nn.init.constant_(module.fc.bias, float("inf"))
    with says(
        RefusedError,
        "parameter `fc.bias` is not finite: expected finite numbers, found 4 NaN or Inf. Load "
        "weights that are finite: training diverged, or float16 overflowed beyond 65504",
    ):
        examine(module)


@pytest.mark.parametrize(("result", "found"), [(None, "None"), ({"n": 3}, "a dict")])
def test_a_model_without_a_tensor_in_its_result(result, found, says):
    with says(
        RefusedError,
        "the model returns no tensor: expected a tensor, or tensors in a tuple, a dictionary or a "
        f"dataclass, found {found}. Return the outputs from forward()",
    ):
        examine(Net(lambda _: result))


def test_bfloat16_becomes_float32():
    module = nn.Sequential(nn.Linear(4, 4).bfloat16(), nn.Linear(4, 4).half())
    before = module[0].weight.detach().clone()
    assert convert_bfloat16(module)
    assert torch.equal(module[0].weight, before.float())
    assert module[1].weight.dtype == torch.float16
    assert not convert_bfloat16(module)
    inputs = (InputSpec(name="x", shape=(4,), dtype="bfloat16"),)
    found, remarks = examine(Net(), inputs, converted=True)
    assert found == X
    assert remarks == [
        "input `x` is float32 in place of bfloat16",
    ]


def test_bfloat16_in_forward(says):
    class Mixed(Net):
        def forward(self, x):
            return self.fc(x.bfloat16())

    with pytest.raises(RefusedError) as caught:
        examine(Mixed(), converted=True)
    assert caught.value.what == (
        "the model computes in bfloat16, which onnxruntime cannot run on the CPU"
    )
    assert caught.value.expected == "a forward() that also runs with float32 parameters"
    assert "must have the same dtype" in caught.value.found
    assert caught.value.hint == (
        "Return model.float() from the factory and remove .bfloat16() from forward()"
    )


def test_an_input_that_is_changed_in_place():
    _, remarks = examine(Normalised())
    assert remarks == ["forward() changes its input `x` in place: each run gets a copy"]


def test_an_input_under_another_name():
    _, remarks = examine(Net(), (InputSpec(name="pixels", shape=(4,)),))
    assert remarks == ["input `pixels` is the argument `x` of forward()"]
    assert examine(Net(), (InputSpec(shape=(4,)),))[1] == []


class Attend(nn.Module):
    """Takes two lengths from ``least`` on."""

    def __init__(self, least):
        super().__init__()
        self.least = least

    def forward(self, query, memory):
        if min(query.shape[1], memory.shape[1]) < self.least:
            raise ValueError("too short")
        return query @ memory.mT


AXES = (
    InputSpec(name="query", shape=("queries", 4)),
    InputSpec(name="memory", shape=("keys", 4)),
)


@pytest.mark.parametrize(("least", "sizes"), [(1, (8, 16)), (20, (32, 64)), (130, (512, 1024))])
def test_dynamic_axes_get_the_first_sizes_that_the_model_takes(least, sizes):
    found, _ = examine(Attend(least), AXES)
    assert tuple(spec.sample_shape[0] for spec in found) == sizes


def test_a_given_size_of_a_dynamic_axis_stays():
    given = (AXES[0].model_copy(update={"example": (5, 4)}), AXES[1])
    assert [spec.sample_shape for spec in examine(Attend(1), given)[0]] == [(5, 4), (8, 4)]


def test_an_axis_that_is_not_dynamic(says):
    class Mixer(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Linear(8, 8)

        def forward(self, x):
            return self.tokens(x.mT).mT

    with says(
        UsageError,
        "the model cannot be run with a dynamic axis `tokens`: expected a forward() that takes any "
        "size of it, found size 8, and none of 16, 9, 7, 4. Give the size in load.inputs, such as "
        "shape = [8, 4]",
    ):
        examine(Mixer(), (InputSpec(name="x", shape=("tokens", 4)),))


def test_samples_of_a_file(tmp_path, says):
    file = tmp_path / "x.npy"
    np.save(file, np.zeros((3, 4), np.float32))
    inputs = (InputSpec(name="x", shape=(4,), file=file),)
    assert examine(Net(), inputs)[1] == [f"input `x` from `{file}`: 3 samples"]
    np.save(file, np.zeros((3, 5), np.float32))
    with says(
        UsageError,
        f"`{file}` does not fit the input `x`: expected float32[batch, 4], found float32[3, 5]",
    ):
        examine(Net(), inputs)
    file.write_text("text")
    with pytest.raises(UsageError) as caught:
        examine(Net(), inputs)
    assert caught.value.what == f"`load.inputs` cannot read `{file}`, the samples of `x`"
    assert caught.value.expected == "an .npy file with one array"
    assert caught.value.hint == "Write the samples with numpy.save, along the batch axis"
