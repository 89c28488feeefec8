"""Fine-tuning: the kept weights learn, the pruned ones stay pruned, whoever trains."""

import pytest
import torch

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.contract.outputs import MaskedCheckpoint
from prunepack.stages.contract.progress import Silent, collect_remarks, reporting_to
from prunepack.stages.data.datasets import open_data
from prunepack.stages.finalize import FinalizeConfig, finalize
from prunepack.stages.finetune import FinetuneConfig, finetune
from prunepack.stages.load import LoadConfig, load
from prunepack.stages.models.checkpoints import digest_state, open_model
from prunepack.stages.prune import PruneConfig, prune
from prunepack.stages.pruning.masks import pruned_parameters
from prunepack.stages.training.scoring import measure_accuracy


@pytest.fixture
def masked(run, tiny):
    return run(prune, PruneConfig(scope="local", amount=0.6), tiny)


@pytest.fixture
def hooked(run, tiny, masked, write):
    """Fine-tunes by a hook made of these lines; returns its reference and what to run."""

    def hooked(*lines, rest=""):
        body = "".join(f"    {line}\n" for line in lines)
        code = f"import torch\nfrom torch import nn\nfrom torch.nn.utils import prune\n{rest}\n"
        reference = f"{write(f'{code}def hook(model, data):{chr(10)}{body}', 'hook.py')}hook"
        config = FinetuneConfig(hook=reference)
        return reference, lambda: run(finetune, config, masked, tiny)

    return hooked


def masks_of(checkpoint):
    return {one.name: one.mask for one in pruned_parameters(open_model(checkpoint)[0])}


def assert_same_masks(one, other):
    ones, others = masks_of(one), masks_of(other)
    assert ones.keys() == others.keys()
    for name, mask in ones.items():
        assert torch.equal(mask, others[name])


def digest_of(checkpoint):
    return digest_state(open_model(checkpoint)[0].state_dict())


def test_lenet_recovers_on_real_digits(run, some_digits):
    dense = run(load, LoadConfig(dataset=some_digits))
    masked = run(prune, PruneConfig(scope="global", amount=0.9), dense)
    tuned = run(finetune, FinetuneConfig(epochs=2, lr=4e-3, batch_size=32), masked, dense)
    assert isinstance(tuned, MaskedCheckpoint)
    assert_same_masks(masked, tuned)
    test = open_data(some_digits).test
    before, after = (measure_accuracy(open_model(model)[0], test) for model in (masked, tuned))
    assert before < 0.6
    assert after > 0.9


def test_what_it_says(run, tiny, masked):
    run(finetune, FinetuneConfig(epochs=2, lr=0.01), masked, tiny)
    assert set(run.facts) == {"summary", "before", "after", "unit"}
    words = run.facts["summary"].split()
    assert words[1] == "→"
    scores = [f"{run.facts[name]:.2f}" for name in ("before", "after")]
    assert (scores, run.facts["unit"]) == ([words[0], words[2]], "%")
    assert float(words[2]) > float(words[0])
    assert " ".join(words[3:]) in {
        "% on validation, epoch 1 of 2 kept",
        "% on validation, epoch 2 of 2 kept",
    }


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_pruned_weights_stay_pruned_with_momentum_and_weight_decay(run, tiny, masked, optimizer):
    config = FinetuneConfig(optimizer=optimizer, momentum=0.9, weight_decay=0.1, lr=0.05)
    tuned = run(finetune, config, masked, tiny)
    assert_same_masks(masked, tuned)
    final = open_model(run(finalize, FinalizeConfig(), tuned))[0].state_dict()
    for name, mask in masks_of(masked).items():
        assert not final[name][mask == 0].any()


def test_no_epochs_change_nothing(run, tiny, masked):
    tuned = run(finetune, FinetuneConfig(epochs=0), masked, tiny)
    assert run.facts == {"summary": "skipped (0 epochs)"}
    for name in MaskedCheckpoint.files:
        assert (tuned.path / name).read_bytes() == (masked.path / name).read_bytes()


def test_the_same_seed_gives_the_same_bits(run, tiny, masked):
    config = FinetuneConfig(epochs=2, seed=3)
    one, same = (run(finetune, config, masked, tiny) for _ in range(2))
    other = run(finetune, config.model_copy(update={"seed": 4}), masked, tiny)
    assert digest_of(one) == digest_of(same) != digest_of(other)
    for name in MaskedCheckpoint.files:
        assert (one.path / name).read_bytes() == (same.path / name).read_bytes()


def test_distillation_learns_from_the_dense_model(run, tiny, masked, user):
    """An untrained teacher knows nothing, so what it teaches differs from the labels."""
    alone = run(finetune, FinetuneConfig(epochs=3, lr=0.02), masked, tiny)
    taught = run(finetune, FinetuneConfig(epochs=3, lr=0.02, distill=1.0), masked, tiny)
    test = torch.from_numpy(open_data(f"{user}blobs").test.inputs)
    with torch.no_grad():
        teacher = open_model(tiny)[0](test).argmax(1)
        agree = [
            float((open_model(model)[0](test).argmax(1) == teacher).float().mean())
            for model in (alone, taught)
        ]
    assert agree[1] > agree[0] + 0.1


@pytest.fixture
def without_data(run, user):
    config = LoadConfig(model=f"{user}mlp", inputs=(InputSpec(shape=(8,)),))
    dense = run(load, config)
    return dense, run(prune, PruneConfig(), dense)


def tune_with_remarks(run, masked, dense):
    with collect_remarks() as remarks:
        tuned = run(finetune, FinetuneConfig(), masked, dense)
    assert digest_of(tuned) == digest_of(masked)
    return remarks


def test_without_a_dataset_training_is_skipped_with_a_remark(run, without_data):
    dense, masked = without_data
    assert tune_with_remarks(run, masked, dense) == ["fine-tuning skipped: no dataset"]
    assert run.facts == {"summary": "skipped (no dataset)"}


def test_a_teacher_that_is_not_known(run, masked):
    with pytest.raises(UsageError) as caught:
        run(finetune, FinetuneConfig(distill=0.5), masked, None)
    error = caught.value
    assert error.what == "finetune.distill has no dense model as its teacher"
    assert error.expected == "the dense weights in load.dense"
    assert error.found == "no dense reference"
    assert error.hint == (
        "Name the weights before pruning in load.dense, or set finetune.distill to 0"
    )


@pytest.mark.parametrize(
    "splits",
    [
        "{'test': full}",
        "{'test': full, 'train': full}",
        "{'test': full, 'train': full, 'validation': ([], [])}",
    ],
)
def test_a_dataset_without_samples_to_train_on(run, write, splits):
    code = f"from torch import nn\nfull = ([[0.0] * 4], [0])\ndef data(): return {splits}\n"
    where = write(f"{code}def build(): return nn.Linear(4, 2)\n")
    config = LoadConfig(
        model=f"{where}build", dataset=f"{where}data", inputs=(InputSpec(shape=(4,)),)
    )
    dense = run(load, config)
    remarks = tune_with_remarks(run, run(prune, PruneConfig(), dense), dense)
    assert remarks == ["fine-tuning skipped: no train and validation splits"]


def test_labels_that_no_answer_can_equal(run, write, says):
    code = (
        "from torch import nn\nfull = ([[0.0] * 4] * 3, [0, 1, 5])\n"
        "def data(): return {'test': full, 'train': full, 'validation': full}\n"
        "def build(): return nn.Linear(4, 2)\n"
    )
    where = write(code)
    inputs = (InputSpec(shape=(4,)),)
    dense = run(load, LoadConfig(model=f"{where}build", dataset=f"{where}data", inputs=inputs))
    with says(
        RefusedError,
        f"the labels of split `validation` of `{where}data` do not fit the model: expected whole "
        "numbers from 0 to 1, found 0 to 5. Count classes from 0, or name a loss of your own in "
        "finetune.loss",
    ):
        run(finetune, FinetuneConfig(), run(prune, PruneConfig(), dense), dense)


TRAINING = (
    "model.train()",
    "optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=0.01)",
    "x, y = torch.from_numpy(data.train.inputs), torch.from_numpy(data.train.labels)",
    "for _ in range(40):",
    "    optimizer.zero_grad()",
    "    nn.functional.cross_entropy(model(x), y).backward()",
    "    optimizer.step()",
)


@pytest.mark.parametrize("returned", ["None", "model"])
def test_a_hook_of_the_users(run, hooked, masked, user, returned):
    reference, tune = hooked(*TRAINING, f"return {returned}")
    tuned = tune()
    assert run.facts == {"summary": f"by {reference}"}
    assert_same_masks(masked, tuned)
    assert measure_accuracy(open_model(tuned)[0], open_data(f"{user}blobs").test) > 0.9


def test_a_hook_gets_no_data_where_there_is_none(run, without_data, write):
    dense, masked = without_data
    hook = f"{write('def hook(model, data): assert data is None', 'hook.py')}hook"
    run(finetune, FinetuneConfig(hook=hook), masked, dense)
    assert run.facts == {"summary": f"by {hook}"}


def test_a_hook_goes_before_our_training(run, hooked, masked):
    _, tune = hooked("pass")
    assert digest_of(tune()) == digest_of(masked)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("raise ValueError('no luck')", "ValueError: no luck"),
        ("raise SystemExit(0)", "SystemExit: 0"),
    ],
)
def test_a_hook_that_fails(hooked, line, found, says):
    reference, tune = hooked(line)
    with says(
        UsageError,
        f"the hook `{reference}` failed: found {found}. Correct the hook; -v shows the line",
    ):
        tune()


def test_a_hook_that_returns_another_module(hooked, says):
    reference, tune = hooked("return nn.Linear(8, 3)")
    with says(
        UsageError,
        f"the hook `{reference}` returned a Linear: expected None, or the module it was given. "
        "Train the module in place, so that its masks stay",
    ):
        tune()


MASKS = "Leave the pruning hooks on: finalize removes them"
LAYERS = "Change layers in the factory: a hook only trains"
STATE = "Change values in place: the factory decides names, shapes and dtypes"
OTHER = "Change the parameter in place: an earlier optimizer would train the old one"
RATE = "Lower the learning rate"
CHANGED = "changed the mask of `0.weight`: expected the mask that it had, found another one"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("model[0].weight_mask.fill_(1)", f"{CHANGED}, 77 weights revived. {MASKS}"),
        ("model[0].weight_mask.fill_(0)", f"{CHANGED}, 0 weights revived. {MASKS}"),
        (
            "prune.random_unstructured(model[0], 'weight', 0.5)",
            f"{CHANGED}, 0 weights revived. {MASKS}",
        ),
        (
            "model[0].weight_orig = nn.Parameter(torch.ones(16, 8))",
            "replaced the parameter `0.weight`: expected the parameter that it had, "
            f"found another one. {OTHER}",
        ),
        (
            "prune.remove(model[0], 'weight')",
            "removed the mask of `0.weight`: expected the mask that it had, found none. " + MASKS,
        ),
        (
            "prune.random_unstructured(model[0], 'bias', 0.5)",
            "pruned `0.bias`: expected no mask, as before, found a mask. "
            "Prune in the prune stage: hooks only train",
        ),
        (
            "model[0] = nn.Linear(8, 16)",
            f"replaced layer `0`: expected Linear, found another Linear. {LAYERS}",
        ),
        ("model[1] = nn.GELU()", f"replaced layer `1`: expected ReLU, found GELU. {LAYERS}"),
        ("del model[1]", f"replaced layer `1`: expected ReLU, found Linear. {LAYERS}"),
        ("del model[2]", f"removed layer `2`: expected Linear, found none. {LAYERS}"),
        ("model.append(nn.Tanh())", f"added layer `3`: expected none, found Tanh. {LAYERS}"),
        (
            "nn.utils.parametrizations.weight_norm(model[0], 'bias', dim=None)",
            f"replaced layer `0`: expected Linear, found ParametrizedLinear. {LAYERS}",
        ),
        (
            "model[0].bias.data = model[0].bias.data.half()",
            f"changed `0.bias`: expected float32 (16,), found float16 (16,). {STATE}",
        ),
        (
            "model[2].bias = nn.Parameter(torch.zeros(1))",
            f"changed `2.bias`: expected float32 (3,), found float32 (1,). {STATE}",
        ),
        ("model[2].bias = None", f"removed `2.bias`: expected float32 (3,), found none. {STATE}"),
        (
            "model[1].register_buffer('steps', torch.tensor(3))",
            f"added `1.steps`: expected none, found int64 (). {STATE}",
        ),
        (
            "model[0].weight_orig.data[0, :3] = float('nan')",
            "left wrong values in `0.weight_orig`: expected finite numbers, "
            f"found 3 of 128 are NaN or Inf. {RATE}",
        ),
        (
            "model[2].bias.data[1] = float('-inf')",
            "left wrong values in `2.bias`: expected finite numbers, "
            f"found 1 of 3 are NaN or Inf. {RATE}",
        ),
    ],
)
def test_a_hook_that_changes_more_than_weights(hooked, line, problem, says):
    reference, tune = hooked(line)
    with says(RefusedError, f"the hook `{reference}` {problem}"):
        tune()


def test_a_hook_that_changes_more_than_the_state_dict(hooked, says):
    reference, tune = hooked("model[1].register_forward_hook(lambda layer, args, out: out + 1)")
    with says(
        RefusedError,
        f"the hook `{reference}` changed the model outside of its state dict: expected the same "
        "outputs from the saved weights, found other outputs. "
        "Keep buffers that the hook changes persistent, and leave no hooks on layers",
    ):
        tune()


def test_a_mask_on_the_module_itself(run, write, says):
    code = (
        "from torch import nn\ndef build(): return nn.Linear(4, 2)\n"
        "def hook(model, data): model.weight_mask.fill_(1)\n"
    )
    where = write(code)
    dense = run(load, LoadConfig(model=f"{where}build", inputs=(InputSpec(shape=(4,)),)))
    masked = run(prune, PruneConfig(amount=4), dense)
    with says(
        RefusedError,
        f"the hook `{where}hook` changed the mask of `weight`: expected the mask that it had, "
        f"found another one, 4 weights revived. {MASKS}",
    ):
        run(finetune, FinetuneConfig(hook=f"{where}hook"), masked, dense)


CONTEXT = """
import numpy as np
import random
import torch
from torch import nn


def hook(context, lr, *, power=1):
    assert set(context.masks) == {"0.weight", "2.weight"}
    assert context.masks["0.weight"] is context.model[0].weight_mask
    assert context.folder.is_dir()
    assert (context.rank, context.ranks, context.seed) == (0, 1, 5)
    assert (len(context.train), len(context.validation)) == (3, 2)
    assert context.data.train is not None
    first, again = ([y for _, y in context.train] for _ in range(2))
    assert not all(map(torch.equal, first, again))
    assert all(map(torch.equal, *([y for _, y in context.validation] for _ in range(2))))
    optimizer = torch.optim.Adam(context.model.parameters(), lr**power)
    for epoch in range(context.epochs):
        for inputs, labels in context.train:
            optimizer.zero_grad()
            nn.functional.cross_entropy(context.model(inputs), labels).backward()
            optimizer.step()
    context.log(f"{np.random.rand():.3f} {random.random():.3f} {torch.rand(1).item():.3f}")
"""


def test_a_hook_of_one_context(run, tiny, masked, write, user):
    hook = f"{write(CONTEXT, 'hook.py')}hook"
    config = FinetuneConfig(hook=hook, epochs=20, seed=5, arguments={"lr": 0.1, "power": 2})
    notes = []
    for _ in range(2):
        listener = Silent()
        listener.note = notes.append
        with reporting_to(listener):
            tuned = run(finetune, config, masked, tiny)
    assert measure_accuracy(open_model(tuned)[0], open_data(f"{user}blobs").test) > 0.9
    assert notes[0] == notes[1]  # the seed covers all three libraries


def test_an_argument_that_the_hook_does_not_take(hooked, run, tiny, masked, says):
    reference, _ = hooked("pass")
    with says(
        UsageError,
        f"the hook `{reference}` failed: found TypeError: hook() got an unexpected keyword "
        "argument 'rate'. Correct the hook; -v shows the line",
    ):
        run(finetune, FinetuneConfig(hook=reference, arguments={"rate": 1}), masked, tiny)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_precision(run, tiny, masked, user, precision):
    config = FinetuneConfig(epochs=15, lr=0.02, precision=precision)
    tuned = run(finetune, config, masked, tiny)
    model = open_model(tuned)[0]
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}
    assert measure_accuracy(model, open_data(f"{user}blobs").test) > 0.9
    assert_same_masks(masked, tuned)


def test_precisions_differ(run, tiny, masked):
    full, mixed = (
        run(finetune, FinetuneConfig(epochs=1, precision=precision), masked, tiny)
        for precision in ("fp32", "bf16")
    )
    assert digest_of(full) != digest_of(mixed)
