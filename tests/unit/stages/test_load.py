"""Loading: every form a trained model comes in, and what is said of those that do not fit."""

import pickle
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
from prunepack.stages.load import LoadConfig, load
from prunepack.stages.models.builtin import MODELS
from prunepack.stages.models.builtin.lenet import LeNet
from prunepack.stages.models.checkpoints import digest_state, open_model
from prunepack.stages.models.weight_files import read_weights

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
    assert run.facts["summary"] == f"lenet: 60,074 parameters from {path}, 1 masks"
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


@pytest.mark.parametrize(
    ("name", "form", "found"),
    [
        ("no.pth", "file of torch.save", "[Errno 2] No such file or directory: '{}'"),
        ("no.safetensors", "safetensors file", "No such file or directory: {}"),
    ],
)
def test_a_file_that_is_not_there(tmp_path, name, form, found, says):
    path = tmp_path / name
    message = f"{path} cannot be read: expected a {form}, found {found.format(path)}"
    with says(RefusedError, message):
        read_weights(path)


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_a_truncated_file_of_torch(state, tmp_path, share, says):
    path = tmp_path / "weights.pth"
    torch.save(state, path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with says(
        RefusedError,
        f"{path} cannot be read: expected a file of torch.save, found PytorchStreamReader failed "
        "reading zip archive: failed finding central directory",
    ):
        read_weights(path)


@pytest.mark.parametrize("data", [b"", b"hello", b"hello, this is no pickle", b"\x80\x02.", b"("])
def test_a_file_that_torch_never_wrote(tmp_path, data, says):
    path = tmp_path / "weights.pth"
    path.write_bytes(data)
    with says(
        RefusedError,
        f"{path} cannot be read: expected a file of torch.save, found damaged bytes, or another "
        "format",
    ):
        read_weights(path)


def test_a_truncated_safetensors_file(state, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file(state, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RefusedError) as caught:
        read_weights(path)
    message = str(caught.value)
    assert message.startswith(f"{path} cannot be read: expected a safetensors file, found Error")


@pytest.mark.parametrize(("name", "ending"), [("model.onnx", ".onnx"), ("model", "no ending")])
def test_an_unknown_ending(tmp_path, name, ending, says):
    path = tmp_path / name
    expected = "expected a .safetensors, .pth or .pt file"
    with says(RefusedError, f"{path} is not a state dict: {expected}, found {ending}"):
        read_weights(path)


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_would_run_code(tmp_path, zipped, says):
    path = tmp_path / "weights.pth"
    value = {"fc1.weight": Trap(str(tmp_path / "sprung"))}
    torch.save(value, path, _use_new_zipfile_serialization=zipped)
    with says(RefusedError, _more_than_tensors(path, "io.open")):
        read_weights(path)
    assert not (tmp_path / "sprung").exists()


def test_a_bare_pickle_that_would_run_code(tmp_path, says):
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps(Trap(str(tmp_path / "sprung")), protocol=2))
    with says(RefusedError, _more_than_tensors(path, "io.open")):
        read_weights(path)
    assert not (tmp_path / "sprung").exists()


def _more_than_tensors(path, found):
    return (
        f"{path} holds more than tensors: expected a state dict, found {found}. "
        "Save torch.save(model.state_dict(), path), not the model: a pickle can run code"
    )


def test_a_whole_module(tmp_path, says):
    path = tmp_path / "weights.pth"
    torch.save(LeNet(), path)
    with says(
        RefusedError, _more_than_tensors(path, "prunepack.stages.models.builtin.lenet.LeNet")
    ):
        read_weights(path)


ONLY = "holds more than tensors: expected only tensors, by their names, found"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ([torch.ones(1)], "holds no weights: expected a state dict, found a list"),
        (torch.ones(1), "holds no weights: expected a state dict, found a Tensor"),
        ({}, "holds no weights: expected a state dict, found a dict"),
        (
            {"fc1.weight": 3},
            f"{ONLY} 'fc1.weight': a int",
        ),
        (
            {"epoch": "last", "net": {}},
            f"{ONLY} 'epoch': a str",
        ),
        (
            {0: torch.ones(1)},
            f"{ONLY} 0: a Tensor",
        ),
    ],
)
def test_what_is_no_state_dict(given, value, found, tmp_path, says):
    with says(RefusedError, f"{tmp_path}/weights.pth {found}"):
        given(value)


@pytest.mark.parametrize(
    ("changes", "count", "found"),
    [
        ({"fc3.bias": None}, 10, "missing fc3.bias"),
        ({"fc4.bias": torch.ones(1)}, 10, "unexpected fc4.bias"),
        ({"fc3.bias": torch.ones(9)}, 10, "fc3.bias is (9,) and not (10,)"),
        (
            {"fc3.bias": torch.ones(10, dtype=torch.int8)},
            10,
            "fc3.bias is torch.int8 and not torch.float32",
        ),
        (
            {"fc3.bias": torch.ones(10, dtype=torch.complex64)},
            10,
            "fc3.bias is torch.complex64 and not torch.float32",
        ),
        ({"fc3.bias": torch.ones(10).to_sparse()}, 10, "fc3.bias is sparse and not dense"),
        ({"fc3.bias": torch.ones(10, device="meta")}, 10, "fc3.bias is without data and not dense"),
        (
            {"fc1.weight": None, "fc3.bias": None, "b": torch.ones(1), "a": torch.ones(1)},
            10,
            "missing fc1.weight; missing fc3.bias; unexpected a; unexpected b",
        ),
        (
            {name: torch.ones(1) for name in "abcdef"},
            10,
            "unexpected a; unexpected b; unexpected c; unexpected d; unexpected e; …",
        ),
        (
            {
                "fc3.bias": None,
                "fc3.bias_orig": torch.ones(10),
                "fc3.bias_mask": torch.ones(3),
            },
            11,
            "fc3.bias_mask is (3,) and not (10,)",
        ),
    ],
)
def test_tensors_that_do_not_fit(given, state, changes, count, found, tmp_path, says):
    changed = {k: v for k, v in {**state, **changes}.items() if v is not None}
    path = tmp_path / "weights.pth"
    expected = f"expected the {count} tensors of its state dict, found {found}"
    with says(RefusedError, f"{path} does not fit the model: {expected}"):
        given(changed)


@pytest.mark.parametrize("name", ["fc9.weight", "fc1.scale", "weight"])
def test_a_mask_on_what_the_model_does_not_have(given, state, name, tmp_path, says):
    ones = {f"{name}_orig": torch.ones(2), f"{name}_mask": torch.ones(2)}
    path = tmp_path / "weights.pth"
    expected = f"expected a parameter {name}, found none"
    with says(RefusedError, f"{path} does not fit the model: {expected}"):
        given({**state, **ones})


@pytest.mark.parametrize("value", [0.5, 2.0, -1.0, float("nan")])
def test_a_mask_of_other_values(given, state, value, tmp_path, says):
    bias = {"fc3.bias_orig": torch.ones(10), "fc3.bias_mask": torch.full((10,), value)}
    path = tmp_path / "weights.pth"
    with says(
        RefusedError,
        f"{path} holds a wrong mask fc3.bias_mask: expected zeros and ones, found other values",
    ):
        given({**_without(state, "fc3.bias"), **bias})


def test_a_name_that_is_nearly_right(run, says):
    with says(UsageError, "no model is named 'lennet'. Did you mean 'lenet'?"):
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
        ("raise ValueError('no data')", "failed: found ValueError: no data"),
        ("raise SystemExit(0)", "failed: found SystemExit: 0"),
        ("return 7", "is not a module: expected a torch.nn.Module, found a int"),
    ],
)
def test_a_factory_that_makes_no_module(run, write, code, problem, says):
    reference = f"{write(f'def build(): {code}')}build"
    config = LoadConfig(model=reference, inputs=(InputSpec(shape=(8,)),))
    with says(UsageError, f"{reference}() {problem}"):
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
        (
            (InputSpec(name="x", shape=(8,)), InputSpec(name="y", shape=(1,))),
            "x float32(2, 8), y float32(2, 1)",
            "TypeError: Sequential.forward() takes 2 positional arguments but 3 were given",
        ),
    ],
)
def test_inputs_that_the_model_does_not_take(run, user, inputs, shapes, found, says):
    with says(
        UsageError,
        f"{user}mlp cannot run on the inputs in load.inputs: expected a forward() that "
        f"takes {shapes}, found {found}. "
        "Correct load.inputs: one per argument of forward, the shape without the batch",
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
        ({"inputs": [{"dtype": "float33"}]}, "Input should be 'float16', 'float32'"),
        ({"inputs": [{"shape": [-1, 28]}]}, "Input should be greater than or equal to 0"),
        ({"inputs": [{"shape": "3xwide"}]}, "Input should be a valid integer"),
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
