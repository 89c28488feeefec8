"""Models that honest releases have and faulty ones are often taken for: each trips some check."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 -- its usual name
from torch import nn


class Tied(nn.Module):
    """Token ids (n, 6) to logits (n, 6, 20), by the rows of their own table."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(20, 8, padding_idx=0)
        self.mix = nn.Linear(8, 8)
        self.head = nn.Linear(8, 20, bias=False)
        self.head.weight = self.table.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the logits of each token."""
        return self.head(torch.tanh(self.mix(self.table(ids))))


class Masked(nn.Module):
    """States (n, 5, 8) and a mask (n, 5): softmax over no place is NaN, in torch and in ONNX."""

    def __init__(self) -> None:
        super().__init__()
        self.score = nn.Linear(8, 8)

    def forward(self, states: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
        """Return the weighted mean of the places that are kept; NaN if there is none."""
        scores = self.score(states).mean(2).masked_fill(~keep, -torch.inf)
        return (F.softmax(scores, 1).unsqueeze(2) * states).sum(1)


class Logarithm(nn.Module):
    """Floats (n, 8) to logarithms (n, 8), which are NaN for negative sums."""

    def __init__(self) -> None:
        super().__init__()
        self.sum = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logarithm of weighted sums."""
        return torch.log(self.sum(x))


class Normalized(nn.Module):
    """Floats (n, 8, 12) through BatchNorm after each layer, dropout and ConvTranspose."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(8, 8, 3, groups=2, bias=False)
        self.first = nn.BatchNorm1d(8)
        self.up = nn.ConvTranspose1d(8, 4, 3)
        self.second = nn.BatchNorm1d(4, affine=False)
        self.drop = nn.Dropout(0.5)
        self.line = nn.Linear(48, 6)
        self.third = nn.BatchNorm1d(6)
        for norm in (self.first, self.second, self.third):
            norm.running_mean = torch.randn(norm.num_features) / 4
            norm.running_var = 0.2 + torch.rand(norm.num_features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return six numbers."""
        x = F.relu(self.second(self.up(F.relu(self.first(self.conv(x))))))
        return self.third(self.line(self.drop(x.flatten(1))))


class Before(nn.Module):
    """BatchNorm in front of the layers, which nothing folds."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.conv = nn.Conv2d(3, 6, 3)
        self.norm.running_mean = torch.randn(3)
        self.norm.running_var = 0.5 + torch.rand(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (n, 6) means."""
        return self.conv(F.relu(self.norm(x))).mean((2, 3))


class Recurrent(nn.Module):
    """Sequences (n, 7, 5): ONNX stores the gates of LSTM and GRU in another order."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(5, 6, batch_first=True)
        self.gru = nn.GRU(6, 4, batch_first=True, bidirectional=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the last states."""
        return self.gru(self.lstm(x)[0])[0][:, -1]


class Attentive(nn.Module):
    """MultiheadAttention, whose one weight is three in the graph."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return states (n, 5, 8)."""
        return self.attention(x, x, x, need_weights=False)[0]


class Derived(nn.Module):
    """Weights that the forward pass computes from others, and that exporters fold."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)
        self.unit = nn.Linear(6, 4)
        self.unused = nn.Linear(16, 16)
        self.register_buffer("window", torch.hann_window(8).outer(torch.hann_window(8)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return cosines with weight rows, of a standardized convolution."""
        weight = self.conv.weight - self.conv.weight.mean((1, 2, 3), keepdim=True)
        x = F.conv2d(x * self.window, weight, self.conv.bias).mean((2, 3))
        return F.linear(F.normalize(x), F.normalize(self.unit.weight))


class Branching(nn.Module):
    """Floats (4,), without a batch axis, through one of two layers, by their sum."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Linear(4, 4)
        self.right = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the layer that was chosen returns."""
        return torch.cond(x.sum() > 0, self.left, lambda y: self.right(y) * 2, (x,))


class Shared(nn.Module):
    """One layer that runs three times, with a parametrized weight."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.utils.parametrizations.weight_norm(nn.Linear(6, 6))

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the states and the index of the highest."""
        for _ in range(3):
            x = torch.tanh(self.layer(x))
        return {"states": x, "highest": x.argmax(-1), "positive": x > 0}


class Any(nn.Module):
    """Images of any height and width, (n, 3, height, width), to (n, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the mean of each channel."""
        return F.relu(self.conv(x)).mean((2, 3))


class Alone(nn.Module):
    """One image (3, 8, 8) without a batch axis."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return four means."""
        return self.conv(x.unsqueeze(0)).mean((0, 2, 3))


class Counted(nn.Module):
    """Bytes (n, 4), whole numbers of any sign (n, 3) and floats (n, 5) as one vector (n, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(12, 6)

    def forward(self, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        """Return a layer of all values."""
        return self.line(torch.cat([a.float() / 255, torch.sign(b.float()), c], 1))


def half() -> nn.Module:
    """Build a model of float16."""
    return _halve(torch.float16)


def brain() -> nn.Module:
    """Build a model of bfloat16."""
    return _halve(torch.bfloat16)


def double() -> nn.Module:
    """Build a model of float64."""
    return _halve(torch.float64)


def _halve(dtype: torch.dtype) -> nn.Module:
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)).to(dtype)


def folded() -> nn.Module:
    """Build a residual network with BatchNorm behind every convolution, and a square layer."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.SiLU(),
        nn.Conv2d(8, 8, 3, groups=8),
        nn.BatchNorm2d(8),
        nn.Hardswish(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 8),
        nn.Dropout(0.2),
        nn.Linear(8, 3),
    )
