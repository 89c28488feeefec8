"""Datasets that are computed: what they hold, and the metric of pitch."""

import numpy as np
import pytest

from prunepack.stages.data.datasets import DATASETS, ComputedDataset, cached_file, fetch, open_data
from prunepack.stages.data.datasets.sentences import choose_splits
from prunepack.stages.data.datasets.tones import decode_cents, synthesize, within_20_cents
from prunepack.stages.models.builtin import MODELS


def test_tones_are_reproducible_and_have_their_pitch():
    frames, cents = synthesize(5, 3)
    assert np.array_equal(frames, synthesize(5, 3)[0])
    assert frames.dtype == np.float32
    assert np.allclose(frames.mean(1), 0, atol=1e-5)
    assert np.allclose(frames.std(1), 1, atol=1e-5)
    hertz = 10 * 2 ** (cents / 1200)
    for frame, pitch in zip(frames, hertz, strict=True):
        spectrum = np.abs(np.fft.rfft(frame * np.hanning(1024), 1 << 16))
        near = np.fft.rfftfreq(1 << 16, 1 / 16_000)
        peak = near[spectrum.argmax()] / pitch
        assert abs(peak - max(1, round(peak))) < 0.05


def test_pitch_is_the_mean_of_the_bins_around_the_best_one():
    probabilities = np.zeros((2, 360), np.float32)
    probabilities[0, 100] = 0.5
    probabilities[1, 200:202] = 0.5
    cents = decode_cents(probabilities)
    assert np.allclose(cents, 1997.3794084376191 + 20 * np.array([100, 200.5]))
    outputs = {"output": probabilities}
    assert within_20_cents(outputs, cents + np.array([19.9, -20.1])).tolist() == [1, 0]
    assert within_20_cents({"output": np.zeros((1, 360))}, cents[:1]).tolist() == [0]


def test_a_dataset_without_files_is_never_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv("PRUNEPACK_CACHE", str(tmp_path))
    assert fetch("tones") == (cached_file("tones"), False)
    data = open_data("tones", MODELS["crepe"].input_specs)
    assert len(data.test) == len(data.test.labels) == 400
    assert len(data.train) == 256


@pytest.mark.slow
@pytest.mark.parametrize(("model", "count"), [("minilm", 200), ("efficientnet_lite0", 200)])
def test_a_dataset_fits_its_model(model, count):
    name = MODELS[model].dataset
    assert isinstance(DATASETS[name], ComputedDataset)
    fetch(name)
    assert fetch(name) == (cached_file(name), False)
    data = open_data(name, MODELS[model].input_specs)
    assert len(data.test) == count
    assert data.test.labels is None
    (first, *_) = data.test.read(3)
    assert [array.shape[0] for array in first.arrays.values()] == [3] * len(first.arrays)


@pytest.mark.slow
def test_no_sentence_is_in_both_splits():
    test, train = choose_splits()
    assert len(test) == 200
    assert len(train) == 1000
    assert not set(test) & set(train)
    assert test[0] == "In the beginning God created the heaven and the earth."
