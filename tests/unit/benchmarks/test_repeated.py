"""The benchmark of repeated measurements: variances and failed intervals of known rounds."""

import numpy as np
import pytest

from benchmarks.tables import repeated


@pytest.mark.parametrize(("spread", "share"), [(0.0, 0.0), (0.01, 1.0), (0.03, 9.0)])
def test_the_share_of_processes(monkeypatch, spread, share):
    generator = np.random.default_rng(0)
    rounds = generator.normal(0, 0.01, (200, 6)) + generator.normal(0, spread, (200, 1))
    kinds = {"run": rounds.tolist(), "opening": rounds[:8].tolist()}
    result = {"host": "Abacus", "models": dict.fromkeys(repeated.MODELS, kinds)}
    monkeypatch.setattr(repeated, "read_result", {"repeated": result}.__getitem__)
    lines = repeated.repeated_table().splitlines()
    cells = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert cells[:2] == ["LeNet", "a run, batch 1"]
    assert float(cells[2].removesuffix("×")) == pytest.approx(1, abs=0.005)
    assert float(cells[5]) == pytest.approx(share, rel=0.3, abs=0.03)
    missing, _, count = cells[6].partition(" of ")
    assert count == "200"
    assert (int(missing) > 50) == (spread > 0.005), "a larger share than assumed is visible"
    assert cells[7].endswith(" of 19900")
    assert lines[-1] == "Measured on Abacus."
