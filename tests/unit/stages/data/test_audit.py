"""Test samples that are repeated, trained on, or others at each call."""

import numpy as np
import pytest

from prunepack.stages.contract.model_spec import InputSpec, ModelSpec
from prunepack.stages.data.audit import audit_samples
from prunepack.stages.data.distinct import SampleDigests
from prunepack.stages.data.user_samples import collect_samples

INPUTS = (InputSpec(name="x", shape=(4,), dtype="float32"),)
HEAD = (
    "import numpy as np\nimport torch\nfrom torch.utils.data import DataLoader, TensorDataset\n\n"
)
DRAWN = """
def draw(count, seed):
    x = np.random.default_rng(seed).standard_normal((count, 4)).astype(np.float32)
    return x, (x[:, 0] > 0).astype(np.int64)
"""


@pytest.fixture
def audit(tmp_path):
    """Return the metrics of a data set of this code, read once."""

    def audit(code, samples=0, own=""):
        path = tmp_path / "data.py"
        path.write_text(f"{HEAD}{DRAWN}\n{code}")
        spec = ModelSpec(model="m", inputs=INPUTS, dataset=f"{path}:data" if not own else "")
        sources = collect_samples(f"{path}:{own}" if own else "", spec, samples)
        for source in sources:
            for batch in source.batches(100, samples):
                source.digests.add(batch.arrays)
        return {name: metric.value for name, metric in audit_samples(sources, samples).items()}

    return audit


@pytest.mark.parametrize(
    ("code", "share"),
    [
        ("def data():\n    return {'test': draw(300, 0), 'train': draw(300, 0)}", 100),
        ("def data():\n    return {'test': draw(300, 0), 'train': draw(900, 0)}", 100),
        ("def data():\n    return {'test': draw(300, 0), 'train': draw(150, 0)}", 50),
        (
            "def data():\n    whole = TensorDataset(*map(torch.from_numpy, draw(3000, 0)))\n"
            "    return {'test': whole, 'train': DataLoader(whole, 10, shuffle=True)}",
            66.7,
        ),
        ("def data():\n    return {'test': draw(300, 0), 'train': draw(900, 1)}", 0),
        ("def data():\n    return {'test': draw(300, 0)}", None),
    ],
)
def test_samples_that_are_trained_on(audit, code, share):
    found = audit(code)
    assert found.get("data.test_in_train") == (share and pytest.approx(share, abs=1))


def test_samples_of_few_categories_repeat_one_another(audit):
    code = (
        "def table(seed):\n"
        "    x = np.random.default_rng(seed).integers(0, 3, (900, 4)).astype(np.float32)\n"
        "    return x, x[:, 0].astype(np.int64)\n\n"
        "def data():\n    return {'test': table(0), 'train': table(1)}"
    )
    assert audit(code)["data.test_in_train"] < 10


@pytest.mark.parametrize(
    "code",
    [
        "def data():\n    return {'test': draw(300, None)}",
        "def data():\n    x, y = draw(900, 0)\n"
        "    chosen = np.random.default_rng().permutation(900)[:300]\n"
        "    return {'test': (x[chosen], y[chosen])}",
        "def rows():\n    for _ in range(40):\n        x, y = draw(5, None)\n        yield x, y\n\n"
        "def data():\n    return {'test': rows}",
    ],
)
def test_another_subset_at_each_call(audit, code):
    assert audit(code, samples=200 * ("yield" in code))["data.changed_samples"] > 10


@pytest.mark.parametrize(
    "code",
    [
        "def data():\n    return {'test': draw(300, 0)}",
        "def data():\n    x = np.random.standard_normal((30, 4)).astype('f4')\n"
        "    return {'test': (x, np.zeros(30))}",
        "rng = np.random.default_rng(0)\n\ndef data():\n"
        "    return {'test': (rng.standard_normal((30, 4)).astype('f4'), np.zeros(30))}",
        "def data():\n    whole = TensorDataset(*map(torch.from_numpy, draw(300, 0)))\n"
        "    return {'test': DataLoader(whole, 7, shuffle=True)}",
        "def rows():\n    for seed in range(40):\n        yield draw(5, seed)\n\n"
        "def data():\n    return {'test': rows()}",
    ],
)
def test_the_same_samples_at_each_call(audit, code):
    assert audit(code, samples=200 * ("yield" in code))["data.changed_samples"] == 0


def test_samples_functions_are_called_again(audit):
    fixed = "def samples():\n    return {'x': draw(30, 0)[0]}"
    assert audit(fixed, own="samples") == {"data.changed_samples": 0}
    other = "def samples():\n    return {'x': draw(30, None)[0]}"
    assert audit(other, own="samples") == {"data.changed_samples": 100}


def test_digests_tell_samples_apart():
    digests = SampleDigests()
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    assert digests.add({"x": x}).tolist() == [True] * 3
    assert digests.add({"x": np.concatenate([x[:1], -x])}).tolist() == [False, True, True, True]
    assert len(digests.find({"x": x})) == 3
    assert digests.find({"x": x.astype(np.float64)}) == []
    words = np.array([["a", "b"], ["ab", ""]], object)
    assert digests.add({"x": words}).tolist() == [True, True]
    assert digests.add({"x": words[::-1]}).tolist() == [False, False]
