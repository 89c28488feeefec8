"""Fine-tuning: the kept weights learn, the pruned ones stay pruned, whoever trains."""

import pytest
import torch

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.contract.outputs import MaskedCheckpoint
from prunepack.stages.data.datasets import open_data
from prunepack.stages.finalize import FinalizeConfig, finalize
from prunepack.stages.finetune import FinetuneConfig, finetune
from prunepack.stages.load import LoadConfig, load
from prunepack.stages.models.checkpoints import digest_state, open_model
from prunepack.stages.prune import PruneConfig, prune
from prunepack.stages.pruning.masks import pruned_parameters
from prunepack.stages.training.scoring import measure_accuracy

NOTHING = (
    "the model cannot be fine-tuned without samples: "
    "expected load.dataset with train and validation splits"
)


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
    assert set(run.facts) == {"summary"}
    words = run.facts["summary"].split()
    assert words[1] == "→"
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


def test_no_dataset(run, without_data, says):
    dense, masked = without_data
    do = "Name a dataset, your own finetune.hook, or set finetune.epochs to 0"
    with says(UsageError, f"{NOTHING}, found none. {do}"):
        run(finetune, FinetuneConfig(), masked, dense)


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
    with pytest.raises(UsageError) as caught:
        run(finetune, FinetuneConfig(), run(prune, PruneConfig(), dense), dense)
    assert str(caught.value).startswith(NOTHING)


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
    with says(UsageError, f"the hook {reference} failed: found {found}"):
        tune()


def test_a_hook_that_returns_another_module(hooked, says):
    reference, tune = hooked("return nn.Linear(8, 3)")
    with says(
        UsageError,
        f"the hook {reference} returned a Linear: expected None, or the module it was given. "
        "Train the module in place, so that its masks stay",
    ):
        tune()


KEEP = "Leave the pruning hooks on: finalize removes them"
GONE = f"expected its pruning mask, found none (it was removed or the layer was replaced). {KEEP}"
OTHER = "Change the parameter in place: an earlier optimizer would train the old one"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "model[0].weight_mask.fill_(1)",
            f"expected the mask it had, found another one, 77 weights revived. {KEEP}",
        ),
        (
            "model[0].weight_mask.fill_(0)",
            f"expected the mask it had, found another one, 0 weights revived. {KEEP}",
        ),
        (
            "prune.random_unstructured(model[0], 'weight', 0.5)",
            f"expected the mask it had, found another one, 0 weights revived. {KEEP}",
        ),
        (
            "model[0].weight_orig = nn.Parameter(torch.ones(16, 8))",
            f"expected the parameter it had, found another one. {OTHER}",
        ),
        ("prune.remove(model[0], 'weight')", GONE),
        ("model[0] = nn.Linear(8, 16)", GONE),
        (
            "model[0].weight_orig.data[0, :3] = float('nan')",
            "expected finite weights, found 3 NaN or Inf. Lower the learning rate",
        ),
        (
            "model[0].weight_orig.data[1, 1] = float('-inf')",
            "expected finite weights, found 1 NaN or Inf. Lower the learning rate",
        ),
    ],
    ids=["revive", "prune more", "prune anew", "parameter", "remove", "layer", "nan", "inf"],
)
def test_a_hook_that_does_not_leave_the_masks_alone(hooked, line, problem, says):
    reference, tune = hooked(line)
    with says(RefusedError, f"{reference} changed weight of layer 0: {problem}"):
        tune()


def test_a_hook_that_adds_a_mask(hooked, says):
    reference, tune = hooked("prune.random_unstructured(model[0], 'bias', 0.5)")
    with says(
        RefusedError,
        f"{reference} pruned 0.bias: expected no mask, as before, found a mask. "
        "Prune in the prune stage: hooks only train",
    ):
        tune()


def test_our_training_is_held_to_the_same(run, tiny, masked, says):
    config = FinetuneConfig(epochs=1, optimizer="sgd", lr=1e30)
    with pytest.raises(RefusedError) as caught:
        run(finetune, config, masked, tiny)
    message = str(caught.value)
    assert message.startswith(
        "our training changed weight of layer 0: expected finite weights, found"
    )
    assert message.endswith("NaN or Inf. Lower the learning rate")


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
        f"{where}hook changed weight of layer (root): expected the mask it had, "
        f"found another one, 4 weights revived. {KEEP}",
    ):
        run(finetune, FinetuneConfig(hook=f"{where}hook"), masked, dense)
