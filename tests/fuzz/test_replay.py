"""Every seed and every past finding, once more; and some mutants, without the fuzzer."""

import random
import tracemalloc

import pytest
from mutations import Mutator, put_together, take_apart
from targets import HERE, LIMITS, MIB, TARGETS, seeds

from prunepack import Artifact
from prunepack.coding.codecs import CODECS
from prunepack.errors import RefusedError

MUTANTS = 10
CASES = [pytest.param(t, path, id=f"{t}-{path.name}") for t in TARGETS for path in seeds(t)]


@pytest.mark.parametrize(("target", "path"), CASES)
def test_a_seed_or_a_finding(target, path, tmp_path):
    data = path.read_bytes()
    tracemalloc.start()
    TARGETS[target](data, tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * MIB


def changed(rng):
    """Return a stand-in for libFuzzer's own way to change bytes."""

    def mutate(data, most):
        made = bytearray(data)
        for _ in range(rng.choice((1, 1, 3))):
            at = rng.randrange(len(made) + 1)
            made[at : at + rng.choice((0, 1))] = rng.randbytes(rng.choice((0, 1, 1)))
        return bytes(made[:most])

    return mutate


def mutants(target, path):
    for number in range(MUTANTS):
        rng = random.Random(f"{path.name} {number}")
        yield getattr(Mutator(rng, changed(rng)), target)(path.read_bytes(), 2**16)


@pytest.mark.parametrize(("target", "path"), CASES)
def test_mutants(target, path, tmp_path):
    for data in mutants(target, path):
        TARGETS[target](data, tmp_path)


def test_any_other_exception_comes_out(tmp_path, monkeypatch):
    def spoilt(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(type(CODECS["gaps"]), "decode", spoilt)
    data = (HERE / "corpus/artifact/gaps-float32").read_bytes()
    with pytest.raises(ZeroDivisionError):
        TARGETS["artifact"](data, tmp_path)


GOLDEN = [path for path in seeds("artifact") if path.suffix == ".prunepack"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_what_is_taken_apart_can_be_put_together(path, tmp_path):
    again = tmp_path / "again"
    again.write_bytes(put_together(take_apart(path.read_bytes())))
    with Artifact.open(path) as one, Artifact.open(again) as other:
        assert one.files == other.files
        other.verify()


def test_mutants_get_past_the_checksums(tmp_path):
    """Or fuzzing would see the same two lines of the reader again and again."""
    opened, told = 0, set()
    data = [mutant for path in GOLDEN for mutant in mutants("artifact", path)]
    for mutant in data:
        (tmp_path / "x").write_bytes(mutant)
        try:
            with Artifact.open(tmp_path / "x", LIMITS) as artifact:
                opened += 1
                for name in artifact.tensors:
                    list(artifact.iter_tensor(name))
        except RefusedError as error:
            told |= {
                word
                for word in ("CRC-32", "unknown", "zstd", "pcodec", "chunk")
                if word in str(error)
            }
    assert opened > len(data) / 4
    assert told >= {"unknown", "zstd", "pcodec", "chunk"}
