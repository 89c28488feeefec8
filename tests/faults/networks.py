"""The models and data sets of the faults: a user's file, copied beside ``digits.npz``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 -- its usual name
from torch import nn

Split = tuple[Any, Any]


class Heads(nn.Module):
    """Images float32 (n, 3, 8, 8) to probabilities (n, 8) and levels (n, 8)."""

    mean: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1))
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.square = nn.Linear(8, 8)
        self.steady = nn.LayerNorm(8)
        self.left = nn.Linear(8, 8)
        self.right = nn.Linear(8, 8)
        _settle(self)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return softmax over classes, and levels."""
        x = F.relu(self.norm(self.conv(image - self.mean)))
        x = F.gelu(self.square(x.mean((2, 3))))
        x = self.steady(self.dropped(x))
        return F.softmax(self.left(x), 1), self.right(x)

    def dropped(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``x``; the faulty subclasses apply Dropout here."""
        return x


class Forgetful(Heads):
    """Dropout that also runs in evaluation mode."""

    def dropped(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``x`` with some of it zero."""
        return F.dropout(x, 0.1)


class Untamed(Heads):
    """BatchNorm that ``eval()`` does not reach."""

    def train(self, mode: bool = True) -> Untamed:
        """Set the mode of everything but BatchNorm."""
        super().train(mode)
        self.norm.train()
        return self


class Mixed(nn.Module):
    """Whole numbers, flags and floats, of any length, to scores (n, 3) and choices (n,)."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(16, 8)
        self.project = nn.Linear(4, 8)
        self.score = nn.Linear(8, 3)
        _settle(self)

    def forward(
        self, ids: torch.Tensor, keep: torch.Tensor, x: torch.Tensor, y: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the scores and which is the highest."""
        each = torch.tanh(self.table(ids) + self.project(x - 2 * y))
        scores = self.score(torch.where(keep.unsqueeze(2), each, 0.0).mean(1))
        return scores, scores.argmax(1)


class Words(nn.Module):
    """Token ids (n, tokens) of any length up to 64 to logits (n, tokens, 12): a causal block."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(300, 16)
        self.places = nn.Embedding(64, 16)
        self.before = nn.LayerNorm(16)
        self.query, self.key, self.value = (nn.Linear(16, 16) for _ in range(3))
        self.mix = nn.Linear(16, 16)
        self.after = nn.LayerNorm(16)
        self.wide = nn.Linear(16, 32)
        self.narrow = nn.Linear(32, 16)
        self.head = nn.Linear(16, 12)
        _settle(self, spread=0.4)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the logits of each token, which depend on the tokens before it."""
        places = torch.arange(ids.shape[1], device=ids.device)
        x = self.words(ids) + self.places(places)
        x = x + self.attend(self.before(x), places)
        x = x + self.narrow(F.gelu(self.wide(self.after(x))))
        return self.head(x)

    def attend(self, x: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Return attention with two heads to the tokens up to each place."""
        q, k, v = (layer(x).unflatten(2, (2, 8)).transpose(1, 2) for layer in self.layers())
        scores = q @ k.transpose(2, 3) / 8**0.5
        later = places.unsqueeze(0) > places.unsqueeze(1)
        weights = F.softmax(scores.masked_fill(later, -torch.inf), 3)
        return self.mix((weights @ v).transpose(1, 2).flatten(2))

    def layers(self) -> tuple[nn.Module, ...]:
        """Return the layers that make queries, keys and values."""
        return self.query, self.key, self.value


def _settle(module: nn.Module, spread: float = 1.0) -> None:
    """Give statistics and scales the spread of a trained model's, not a fresh one's."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean = torch.randn(part.num_features) / 4
            part.running_var = 0.2 + torch.rand(part.num_features)
        if isinstance(part, nn.BatchNorm2d | nn.LayerNorm):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.uniform_(part.bias, -0.5, 0.5)
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=spread)


def _digits() -> Split:
    found = np.load(Path(__file__).with_name("digits.npz"))
    return found["images"], found["labels"]


def digits() -> dict[str, Split]:
    """Return the first digits of MNIST's test split."""
    return {"test": _digits()}


def no_digits() -> dict[str, Split]:
    """Return a split without samples."""
    images, labels = _digits()
    return {"test": (images[:0], labels[:0])}


def few_digits() -> dict[str, Split]:
    """Return eight samples, which can tell nothing."""
    images, labels = _digits()
    return {"test": (images[:8], labels[:8])}


def other_order() -> dict[str, Split]:
    """Return labels as if classes were listed in another order."""
    images, labels = _digits()
    return {"test": (images, 9 - labels)}


def shuffled() -> dict[str, Split]:
    """Return labels that belong to other samples."""
    images, labels = _digits()
    return {"test": (images, np.random.default_rng(0).permutation(labels))}


def from_one() -> dict[str, Split]:
    """Return labels that count from 1."""
    images, labels = _digits()
    return {"test": (images, labels + 1)}


def unscaled() -> dict[str, Split]:
    """Return images as bytes from 0 to 255, which the model was not trained on."""
    images, labels = _digits()
    return {"test": (images * 256, labels)}


def upside_down() -> dict[str, Split]:
    """Return images with their rows in the wrong order."""
    images, labels = _digits()
    return {"test": (images[:, :, ::-1].copy(), labels)}
