"""Loading: every form a trained model comes in, and what is said of those that do not fit."""

import sys

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file, save_model
from torch import nn
from torch.nn.utils import prune as torch_prune

import prunepack.stages.models.builtin
from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.model_spec import InputSpec, read_spec
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.load import LoadConfig, load
from prunepack.stages.models.builtin import MODELS
from prunepack.stages.models.builtin.lenet import LeNet
from prunepack.stages.models.checkpoints import digest_state, open_model

PIXELS = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def state():
    return load_file(MODELS["lenet"].weights)


@pytest.fixture
def given(run, tmp_path):
    """Loads LeNet with what ``torch.save`` makes of a value."""

    def given(value, name="weights.pth"):
        torch.save(value, tmp_path / name)
        return run(load, LoadConfig(weights=tmp_path / name))

    return given


def assert_holds(checkpoint, state):
    assert isinstance(checkpoint, Checkpoint)
    assert digest_state(open_model(checkpoint)[0].state_dict()) == digest_state(state)


def test_the_built_in_model(run, state):
    dense = run(load, LoadConfig())
    assert_holds(dense, state)
    spec = read_spec(dense.path)
    assert (spec.model, spec.dataset) == ("lenet", "mnist")
    assert spec.inputs == (InputSpec(name="input", shape=(1, 28, 28), dtype="float32"),)
    assert run.facts == {
        "summary": "lenet: 60,074 parameters from lenet.safetensors",
        "parameters": 60_074,
        "masks": 0,
    }


def test_the_same_input_gives_the_same_bytes(run):
    one, other = run(load, LoadConfig()), run(load, LoadConfig())
    for name in Checkpoint.files:
        assert (one.path / name).read_bytes() == (other.path / name).read_bytes()


@pytest.mark.parametrize("name", ["weights.pth", "weights.pt"])
def test_a_state_dict_of_torch(given, state, name):
    assert_holds(given(state, name), state)


def test_a_state_dict_of_torch_in_its_old_form(run, state, tmp_path):
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert_holds(run(load, LoadConfig(weights=tmp_path / "old.pth")), state)


def test_a_state_dict_in_safetensors(run, state, tmp_path):
    save_file(state, tmp_path / "weights.safetensors")
    assert_holds(run(load, LoadConfig(weights=tmp_path / "weights.safetensors")), state)


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_a_state_dict_in_a_training_checkpoint(given, state, key):
    assert_holds(given({"epoch": 3, key: state, "optimizer": {"lr": 0.1}}), state)


def test_a_state_dict_of_data_parallel(given, state, run, tmp_path):
    parallel = {f"module.{name}": tensor for name, tensor in state.items()}
    assert_holds(given(parallel), state)
    assert_holds(given({"state_dict": parallel}), state)
    save_file(parallel, tmp_path / "parallel.safetensors")
    assert_holds(run(load, LoadConfig(weights=tmp_path / "parallel.safetensors")), state)


def test_a_state_dict_in_half_precision_becomes_the_models(given, state):
    half = {name: tensor.half() for name, tensor in state.items()}
    assert_holds(given(half), {name: tensor.float() for name, tensor in half.items()})


def test_a_model_saved_while_pruned(given, state):
    model = LeNet()
    model.load_state_dict(state)
    torch_prune.l1_unstructured(model.fc1, "weight", 0.8)
    torch_prune.ln_structured(model.conv2, "weight", 4, n=2, dim=0)
    expected = model.eval()(PIXELS)

    masked = given(model.state_dict())
    assert isinstance(masked, MaskedCheckpoint)
    found, spec = open_model(masked)
    assert torch.equal(found(PIXELS), expected)
    assert torch.equal(found.fc1.weight_mask, model.fc1.weight_mask)
    assert torch.equal(found.fc1.weight_orig, model.fc1.weight_orig)
    assert {(one.layer, one.methods) for one in spec.pruned} == {
        ("fc1", ("loaded",)),
        ("conv2", ("loaded",)),
    }
    assert spec.before_pruning == ""  # it may have been trained since


def test_what_it_says_of_a_pruned_model(given, run, state, tmp_path):
    mask = torch.ones(10, 84)
    mask[:, ::2] = 0
    given({**_without(state, "fc3.weight"), "fc3.weight_orig": mask, "fc3.weight_mask": mask})
    path = tmp_path / "weights.pth"
    assert run.facts["summary"] == f"lenet: 60,074 parameters from {path}, 1 mask"
    assert run.facts["masks"] == 1


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.float64])
def test_a_mask_of_another_dtype(given, state, dtype):
    bias = {"fc3.bias_orig": state["fc3.bias"], "fc3.bias_mask": (torch.arange(10) % 2).to(dtype)}
    model, _ = open_model(given({**_without(state, "fc3.bias"), **bias}))
    assert model.fc3.bias_mask.dtype == torch.float32
    assert model.fc3.bias_mask.tolist() == [0, 1] * 5


def _without(state, name):
    return {key: tensor for key, tensor in state.items() if key != name}


def test_a_factory_in_a_file(tiny, user):
    model, spec = open_model(tiny)
    assert [type(layer) for layer in model] == [nn.Linear, nn.ReLU, nn.Linear]
    assert (spec.model, spec.dataset) == (f"{user}mlp", f"{user}blobs")


def test_a_factory_in_a_module(run, state):
    config = LoadConfig(
        model="prunepack.stages.models.builtin.lenet:LeNet", inputs=(InputSpec(shape=(1, 28, 28)),)
    )
    dense = run(load, config.model_copy(update={"weights": MODELS["lenet"].weights}))
    assert_holds(dense, state)
    assert read_spec(dense.path).dataset == ""


def test_fresh_weights_come_from_the_seed(run, user):
    def weights(seed):
        config = LoadConfig(model=f"{user}mlp", inputs=(InputSpec(shape=(8,)),), seed=seed)
        return (run(load, config).path / "weights.safetensors").read_bytes()

    torch.manual_seed(5)
    first = weights(1)
    assert weights(1) == first
    assert weights(2) != first
    after = torch.rand(2)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(2), after)


def test_a_built_in_model_without_weights_is_trained(run, user, tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "little.py").write_text(
        "from torch import nn\n"
        "from prunepack.stages.models.builtin import Model\n"
        "from prunepack.stages.training.config import TrainConfig\n"
        "def build(): return nn.Sequential(nn.Linear(8, 3))\n"
        f"MODEL = Model(build, (8,), {user + 'blobs'!r}, TrainConfig(epochs=2, lr=0.05))\n"
    )
    monkeypatch.setattr(prunepack.stages.models.builtin, "__path__", [str(tmp_path / "models")])
    one, same = (run(load, LoadConfig(model="little", seed=4)) for _ in range(2))
    other = run(load, LoadConfig(model="little", seed=5))
    del sys.modules["prunepack.stages.models.builtin.little"]
    assert run.facts["summary"] == "little: 27 parameters from training from seed 5"
    files = [(each.path / "weights.safetensors").read_bytes() for each in (one, same, other)]
    assert files[0] == files[1]
    assert files[0] != files[2]


TIED = """
from torch import nn


def build():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    model[2].weight = model[0].weight
    return model
"""


@pytest.mark.parametrize("form", ["pth", "safetensors"])
def test_tied_weights_stay_tied(run, write, tmp_path, form):
    reference = f"{write(TIED)}build"
    namespace = {}
    exec(TIED, namespace)
    model = namespace["build"]()
    path = tmp_path / f"tied.{form}"
    if form == "pth":
        torch.save(model.state_dict(), path)
    else:
        save_model(model, str(path))  # drops one of the two names
    inputs = (InputSpec(shape=(4,)),)
    dense = run(load, LoadConfig(model=reference, weights=path, inputs=inputs))
    found, spec = open_model(dense)
    assert spec.tied == {"2.weight": "0.weight"}
    assert found[2].weight is found[0].weight
    assert torch.equal(found[2].weight, model[2].weight)
    assert set(load_file(dense.path / "weights.safetensors")) == {"0.bias", "0.weight", "2.bias"}


def test_a_name_that_is_nearly_right(run, says):
    with says(UsageError, "no model is named `lennet`. Did you mean `lenet`?"):
        run(load, LoadConfig(model="lennet"))


def test_a_model_of_the_users_without_inputs(run, user, says):
    with says(
        UsageError,
        f"the inputs of {user}mlp are unknown: expected load.inputs, one per argument of forward. "
        "Add --inputs name=input,shape=3x224x224, or load.inputs in the recipe",
    ):
        run(load, LoadConfig(model=f"{user}mlp"))


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        (
            "raise ValueError('no data')",
            "failed: found ValueError: no data. Correct the factory; -v shows the line",
        ),
        (
            "raise SystemExit(0)",
            "failed: found SystemExit: 0. Correct the factory; -v shows the line",
        ),
        (
            "return 7",
            "returned no model: expected a torch.nn.Module, found an int. "
            "Return the model itself, and nothing beside it",
        ),
    ],
)
def test_a_factory_that_makes_no_module(run, write, code, problem, says):
    reference = f"{write(f'def build(): {code}')}build"
    config = LoadConfig(model=reference, inputs=(InputSpec(shape=(8,)),))
    with says(UsageError, f"`{reference}()` {problem}"):
        run(load, config)


@pytest.mark.parametrize(
    ("inputs", "shapes", "found"),
    [
        (
            (InputSpec(name="x", shape=(9,)),),
            "x float32(2, 9)",
            "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x9 and 8x16)",
        ),
        (
            (InputSpec(name="x", shape=(8,), dtype="int64"),),
            "x int64(2, 8)",
            "RuntimeError: mat1 and mat2 must have the same dtype, but got Long and Float",
        ),
    ],
)
def test_inputs_that_the_model_does_not_take(run, user, inputs, shapes, found, says):
    with says(
        UsageError,
        f"{user}mlp cannot run on the inputs in load.inputs: expected a forward() that "
        f"takes {shapes}, found {found}. "
        "Correct load.inputs: one per argument of forward, with the shape of one sample, "
        "and batch_axis where the batch is not the first axis",
    ):
        run(load, LoadConfig(model=f"{user}mlp", inputs=inputs))


def test_trying_the_model_leaves_its_buffers_alone(run, write):
    code = "from torch import nn\ndef build(): return nn.Sequential(nn.BatchNorm1d(3))"
    config = LoadConfig(model=f"{write(code)}build", inputs=(InputSpec(shape=(3,)),))
    model, _ = open_model(run(load, config))
    assert model[0].num_batches_tracked == 0


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            {"inputs": [{"name": "x"}, {"name": "x"}]},
            "two inputs of the same name: expected different ones, found ['x', 'x']",
        ),
        ({"inputs": [{"dtype": "float33"}]}, "Input should be 'float16', 'bfloat16', 'float32'"),
        ({"inputs": [{"shape": [-1, 28]}]}, "Input should be greater than or equal to 0"),
        ({"inputs": [{"shape": ["no name"]}]}, "expected letters, found 'no name'"),
        ({"model": "file.py:"}, "does not name user code"),
        ({"seed": -1}, "Input should be greater than or equal to 0"),
    ],
)
def test_settings_that_say_nothing_sensible(given, problem):
    with pytest.raises(ValidationError) as caught:
        LoadConfig.model_validate(given)
    assert problem in str(caught.value)


def test_a_shape_in_one_word():
    assert InputSpec.model_validate({"shape": "3x224x224"}).shape == (3, 224, 224)
    assert InputSpec.model_validate({"shape": "8"}).shape == (8,)
    assert InputSpec.model_validate({"shape": ""}).shape == ()


def test_where_the_weights_were_is_not_written(run, state, tmp_path):
    save_file(state, tmp_path / "weights.safetensors")
    dense = run(load, LoadConfig(weights=tmp_path / "weights.safetensors"))
    for file in dense.path.iterdir():
        assert tmp_path.name.encode() not in file.read_bytes()


@pytest.fixture
def pruned(run, user, tmp_path):
    """Loads the user's model from a pruned state dict; returns the checkpoint and the remarks."""

    def pruned(state, **settings):
        torch.save(state, tmp_path / "pruned.pth")
        config = LoadConfig(
            model=f"{user}mlp",
            inputs=(InputSpec(shape=(8,)),),
            weights=tmp_path / "pruned.pth",
            **settings,
        )
        with collect_remarks() as remarks:
            loaded = run(load, config)
        return loaded, [text.replace(f"{tmp_path}/", "") for text in remarks]

    return pruned


@pytest.fixture
def mlp(run, user):
    """The user's model, pruned by half without its masks removed."""
    config = LoadConfig(model=f"{user}mlp", inputs=(InputSpec(shape=(8,)),))
    model, _ = open_model(run(load, config))
    for index in (0, 2):
        torch_prune.l1_unstructured(model[index], "weight", 0.5)
    return model


def test_three_ways_to_save_the_same_pruned_model(pruned, mlp):
    kept, remarks = pruned(mlp.state_dict())
    assert remarks == [
        "2 masks found in `pruned.pth`",
        "the dense model is the one without its masks",
    ]
    assert read_spec(kept.path).is_dense_known
    for index in (0, 2):
        torch_prune.remove(mlp[index], "weight")
    removed, remarks = pruned(mlp.state_dict())
    assert remarks == [
        "zeros taken as masks in `0.weight` (50.0 %), `2.weight` (50.0 %)",
        "no dense reference: the weights before pruning are not in the file; name them in "
        "load.dense to compare with them",
    ]
    assert not read_spec(removed.path).is_dense_known
    models = [open_model(each)[0] for each in (kept, removed)]
    for index in (0, 2):
        assert torch.equal(models[0][index].weight, models[1][index].weight)
        assert torch.equal(models[0][index].weight_mask, models[1][index].weight_mask)
    with pytest.raises(RefusedError, match="holds a whole model"):
        pruned(mlp)


def test_a_dense_reference_needs_no_remark(pruned, mlp, tmp_path):
    torch.save(mlp.state_dict(), tmp_path / "dense.pth")
    _, remarks = pruned(mlp.state_dict(), dense=tmp_path / "dense.pth")
    assert remarks == ["2 masks found in `pruned.pth`"]


def test_masks_over_zeros_are_no_dense_reference(pruned, mlp):
    state = mlp.state_dict()
    for index in (0, 2):
        state[f"{index}.weight_orig"] = mlp[index].weight
    loaded, remarks = pruned(state)
    assert remarks[-1].startswith("no dense reference")
    assert not read_spec(loaded.path).is_dense_known


EXTRA = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, extra=None):
        super().__init__()
        self.fc, self.extra = nn.Linear(4, 4), extra

    def get_extra_state(self): return self.extra

    def set_extra_state(self, state): self.extra = state

    def forward(self, x): return self.fc(x)
"""


def test_extra_state_comes_back(run, write, tmp_path):
    reference = f"{write(EXTRA)}Net"
    inputs = (InputSpec(shape=(4,)),)
    arguments = {"extra": {"scale": 3, "names": ["a"]}}
    first = run(load, LoadConfig(model=reference, inputs=inputs, arguments=arguments))
    model, spec = open_model(first)
    assert model.extra == arguments["extra"]
    assert spec.extra_state == {"_extra_state": arguments["extra"]}
    state = {**model.state_dict(), "_extra_state": {"scale": 4}}
    torch.save(state, tmp_path / "w.pth")
    config = LoadConfig(model=reference, inputs=inputs, weights=tmp_path / "w.pth")
    model, _ = open_model(run(load, config))
    assert model.extra == {"scale": 4}


def test_extra_state_that_json_cannot_hold(run, write):
    reference = f"{write(EXTRA.replace('return self.extra', 'return (1, object)'))}Net"
    with pytest.raises(RefusedError) as caught:
        run(load, LoadConfig(model=reference, inputs=(InputSpec(shape=(4,)),)))
    error = caught.value
    assert error.what == "the extra state `_extra_state` cannot be stored"
    assert error.expected == "numbers, texts, lists and dictionaries with texts as keys"
    assert error.found == "(1, <class 'object'>)"
    assert error.hint == "Return plain values from get_extra_state(), or a tensor"


META = """
import torch
from torch import nn


def build(buffer=False):
    with torch.device("meta"):
        net = nn.Sequential(nn.Linear(4, 4))
        if buffer:
            net.register_buffer("rope", torch.ones(4), persistent=False)
    return net
"""


@pytest.mark.parametrize(
    ("buffer", "names", "hint"),
    [
        (False, "`0.weight`, `0.bias`", "Name a checkpoint in load.weights"),
        (True, "`rope`", "Build these buffers outside of the meta device"),
    ],
)
def test_a_model_without_values(run, write, tmp_path, buffer, names, hint):
    reference = f"{write(META)}build"
    torch.save(nn.Sequential(nn.Linear(4, 4)).state_dict(), tmp_path / "w.pth")
    config = LoadConfig(
        model=reference,
        arguments={"buffer": buffer},
        inputs=(InputSpec(shape=(4,)),),
        weights=tmp_path / "w.pth" if buffer else None,
    )
    with pytest.raises(RefusedError) as caught:
        run(load, config)
    error = caught.value
    assert error.what == (
        f"parameters of `{reference}()` are on the meta device: they have no values"
    )
    assert error.expected == "values from the factory, or load.weights"
    assert (error.found, error.hint) == (names, hint)
