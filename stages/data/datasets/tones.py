"""Synthesised tones with harmonics, vibrato and hiss, and their pitch in cents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.stages.data.datasets import ComputedDataset, Data, Split

if TYPE_CHECKING:
    import numpy.typing as npt

    from prunepack.stages.contract.arrays import ArrayMapping

__all__ = ["DATASET", "decode_cents", "synthesize", "within_20_cents"]

RATE = 16_000
FRAME = 1024
LOWEST, HIGHEST = 65.0, 1000.0
"""Pitches in Hz, from a bass voice to a soprano."""
HARMONICS = 8
TEST, TRAIN = 400, 256

BINS = 360
CENTS_PER_BIN = 20.0
FIRST_BIN = 1997.3794084376191
"""Pitch of the first bin above 10 Hz, in cents."""
NEIGHBOURS = 4


def synthesize(count: int, seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Return frames (count, 1024) of mean 0 and deviation 1, and their pitch in cents above 10 Hz.

    Each frame is a harmonic tone with random phases and a falling spectrum, as a voice or an
    instrument has, and hiss 30 dB below it.
    """
    generator = np.random.default_rng(seed)
    hertz = np.exp(generator.uniform(np.log(LOWEST), np.log(HIGHEST), count))
    time = np.arange(FRAME) / RATE
    frames = np.zeros((count, FRAME))
    slope = generator.uniform(0.5, 1.5, count)
    for harmonic in range(1, HARMONICS + 1):
        phase = generator.uniform(0, 2 * np.pi, count)
        level = harmonic**-slope * (harmonic * hertz < RATE / 2)
        angle = 2 * np.pi * harmonic * hertz[:, None] * time + phase[:, None]
        frames += level[:, None] * np.sin(angle)
    frames /= frames.std(1, keepdims=True)
    frames += generator.normal(0, 10 ** (-30 / 20), frames.shape)
    frames = (frames - frames.mean(1, keepdims=True)) / frames.std(1, keepdims=True)
    return frames.astype(np.float32), 1200 * np.log2(hertz / 10)


def decode_cents(probabilities: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the pitch in cents above 10 Hz: the mean of the bins around the most probable one."""
    best = probabilities.argmax(1)[:, None]
    at = np.arange(BINS)
    weights = np.where(np.abs(at - best) <= NEIGHBOURS, probabilities.astype(np.float64), 0.0)
    cents = FIRST_BIN + CENTS_PER_BIN * at
    total = np.maximum(weights.sum(1), np.finfo(np.float64).tiny)
    return np.asarray((weights * cents).sum(1) / total)


def within_20_cents(outputs: ArrayMapping, labels: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return 1 for each frame whose pitch is right within 20 cents, a fifth of a semitone."""
    (probabilities,) = outputs.values()
    errors: npt.NDArray[np.float64] = np.abs(decode_cents(probabilities) - labels)
    return (errors <= CENTS_PER_BIN).astype(np.float64)


def open_tones() -> Data:
    """Return 400 frames to test on and 256 to calibrate on, with their pitch in cents."""
    return Data(test=Split(*synthesize(TEST, 1)), train=Split(*synthesize(TRAIN, 2)))


DATASET = ComputedDataset(open=open_tones)
