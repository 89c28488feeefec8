"""docs/how-to/finetune.md: its recipes, hook and training loops run as they stand there."""

import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

from prunepack.stages.finetune import FinetuneConfig, finetune
from prunepack.stages.models.checkpoints import open_model
from prunepack.stages.prune import PruneConfig, prune

PAGE = Path(__file__).parents[4] / "docs" / "how-to" / "finetune.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
RECIPES = [tomllib.loads(text)["finetune"] for kind, text in BLOCKS if kind == "toml"]
HOOK, LOOP, LIGHTNING, TRANSFORMERS = (text for kind, text in BLOCKS if kind == "python")


def split(count, seed):
    x = np.random.default_rng(seed).standard_normal((count, 8)).astype(np.float32)
    return x, x[:, :4].argmax(1)


def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))


def batches():
    x, y = map(torch.from_numpy, split(3200, 0))
    return list(zip(x.split(32), y.split(32), strict=True))


def define(source):
    names = {}
    exec(compile(source, PAGE, "exec"), names)
    return names


def measure_zeros(model):
    weights = [tensor for tensor in model.parameters() if tensor.ndim > 1]
    return sum((w == 0).sum().item() for w in weights) / sum(w.numel() for w in weights)


@pytest.mark.parametrize("settings", RECIPES, ids=["ours", "hook"])
def test_recipes(run, tiny, write, settings, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    write(HOOK, "training.py")
    masked = run(prune, PruneConfig(amount=0.5), tiny)
    tuned = run(finetune, FinetuneConfig(**settings), masked, tiny)
    assert measure_zeros_of(tuned) == measure_zeros_of(masked)


def measure_zeros_of(checkpoint):
    state = open_model(checkpoint)[0].state_dict()
    return sum((mask == 0).sum() for name, mask in state.items() if name.endswith("_mask"))


def test_plain_loop(tmp_path, monkeypatch, capsys):
    project = ModuleType("project")
    project.batches, project.build, project.loss = batches, build, nn.functional.cross_entropy
    monkeypatch.setitem(sys.modules, "project", project)
    monkeypatch.chdir(tmp_path)
    define(LOOP)
    assert re.fullmatch(r"(79.9|80.0) % pruned\n", capsys.readouterr().out)
    model = build()
    model.load_state_dict(torch.load("pruned.pth", weights_only=True))
    assert measure_zeros(model) == pytest.approx(0.8, abs=0.01)
    x, y = map(torch.from_numpy, split(500, 1))
    assert (model(x).argmax(1) == y).float().mean() > 0.8


def test_lightning():
    lightning = pytest.importorskip("lightning")

    class Net(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = build()

        def training_step(self, batch, _index):
            inputs, labels = batch
            return nn.functional.cross_entropy(self.net(inputs), labels)

        def configure_optimizers(self):
            return torch.optim.AdamW(self.parameters(), 1e-2, weight_decay=0.1)

    module = Net()
    samples = torch.utils.data.TensorDataset(*map(torch.from_numpy, split(3200, 0)))
    define(LIGHTNING)["fit"](module, torch.utils.data.DataLoader(samples, batch_size=32))
    assert set(module.state_dict()) == set(Net().state_dict())
    assert measure_zeros(module) == pytest.approx(0.8, abs=0.01)


def test_trainer_of_transformers(tmp_path):
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    config = transformers.BertConfig(
        vocab_size=64, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, num_labels=2,
    )  # fmt: skip
    model = transformers.BertForSequenceClassification(config)
    ids = torch.randint(0, 64, (40, 6))
    dataset = [{"input_ids": row, "labels": int(row[0] > 31)} for row in ids]
    define(TRANSFORMERS)["fit"](model, dataset, str(tmp_path))
    loaded = transformers.BertForSequenceClassification.from_pretrained(tmp_path)
    weight = loaded.bert.encoder.layer[0].intermediate.dense.weight
    assert (weight == 0).float().mean() > 0.5
    assert not (loaded.bert.embeddings.word_embeddings.weight[1:] == 0).any()
