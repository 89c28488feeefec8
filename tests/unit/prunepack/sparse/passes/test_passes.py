"""Sessions whose batches run in passes of few samples."""

import numpy as np
import onnx
import onnxruntime
import pytest
from passes_twin import parse

from prunepack import open_session
from prunepack.sparse.native import native
from prunepack.sparse.options import add_sparse_provider
from prunepack.sparse.passes.dims import Dim
from prunepack.sparse.passes.size import Load, count_samples, read_cache_bytes

pytestmark = pytest.mark.skipif(native is None, reason="installed without a compiler")

RNG = np.random.default_rng(0)
WEIGHTS = ", ".join("0" if i % 4 else str(i / 7) for i in range(36))
LAYER = f"w = Constant<value = float[6, 6] {{{WEIGHTS}}}> () y = MatMul(x, w)"


@pytest.fixture
def samples(monkeypatch):
    """Set the samples per pass to two."""
    monkeypatch.setattr("prunepack.sparse.passes.splitting.count_samples", lambda *_: 2)


def start(path, body=LAYER, **options):
    onnx.save(parse(body, **options), path / "m.onnx")
    return open_session(path / "m.onnx", sparse="all")


def run_whole(session, *arguments):
    return onnxruntime.InferenceSession.run(session, *arguments)


def draw(*shape):
    return RNG.standard_normal(shape, np.float32)


@pytest.fixture
def passes(monkeypatch):
    """The numbers of samples of all passes through a session."""
    sizes = []
    run = onnxruntime.InferenceSession.run

    def record(self, names, feed, options=None):
        sizes.append(len(next(iter(feed.values()))))
        return run(self, names, feed, options)

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", record)
    return sizes


@pytest.mark.usefixtures("samples")
@pytest.mark.parametrize(
    ("size", "expected"),
    [(0, [0]), (1, [1]), (2, [2]), (3, [1, 2]), (4, [2, 2]), (7, [1, 2, 2, 2])],
)
def test_a_batch_runs_in_even_passes(size, expected, tmp_path, passes):
    session = start(tmp_path)
    x = draw(size, 6)
    (found,) = session.run(None, {"x": x})
    assert passes == expected
    np.testing.assert_allclose(found, run_whole(session, None, {"x": x})[0], rtol=1e-5)


def test_a_session_stays_one_of_onnxruntime(tmp_path):
    session = start(tmp_path)
    assert isinstance(session, onnxruntime.InferenceSession)
    binding = session.io_binding()
    binding.bind_cpu_input("x", x := draw(3, 6))
    binding.bind_output("y")
    session.run_with_iobinding(binding)
    np.testing.assert_array_equal(
        binding.copy_outputs_to_cpu()[0], run_whole(session, None, {"x": x})[0]
    )


@pytest.mark.usefixtures("samples")
def test_inputs_of_passes_are_views_and_outputs_can_be_chosen(tmp_path, passes):
    session = start(tmp_path, f"{LAYER} z = Relu(y)", output="float[batch, 6] y, float[batch, 6] z")
    x = draw(4, 6)
    (z,) = session.run(["z"], {"x": x}, onnxruntime.RunOptions())
    assert passes == [2, 2]
    np.testing.assert_allclose(z, run_whole(session, ["z"], {"x": x})[0], rtol=1e-5)
    assert all(np.shares_memory(x, feed["x"]) for feed in session._passes.split({"x": x}))


@pytest.mark.usefixtures("samples")
def test_inputs_without_a_batch_go_to_every_pass(tmp_path, passes):
    session = start(
        tmp_path,
        "w = Constant<value = float[6, 6] {" + WEIGHTS + "}> () p = MatMul(x, w) y = Mul(p, b)",
        inputs="float[6] b, float[batch, 6] x",
    )
    feed = {"b": draw(6), "x": draw(5, 6)}
    (found,) = session.run(None, feed)
    assert len(passes) == 3
    np.testing.assert_allclose(found, run_whole(session, None, feed)[0], rtol=1e-5)


@pytest.mark.usefixtures("samples")
def test_named_sizes_must_agree(tmp_path, passes):
    session = start(
        tmp_path,
        "w = Constant<value = float[6, 6] {" + WEIGHTS + "}> () a = MatMul(x, w) b = MatMul(v, w)",
        inputs="float[batch, seq, 6] x, float[batch, seq, 6] v",
        output="float[batch, seq, 6] a, float[batch, seq, 6] b",
    )
    session.run(None, {"x": draw(4, 3, 6), "v": draw(4, 2, 6)})
    session.run(None, {"x": draw(4, 3, 6), "v": draw(4, 3, 6)})
    assert passes == [4, 2, 2]


@pytest.mark.usefixtures("samples")
@pytest.mark.parametrize(
    ("inputs", "feed"),
    [
        ("float[batch, 6] x", {"x": draw(4, 6).tolist()}),
        ("float[batch, 6] x", {"x": onnxruntime.OrtValue.ortvalue_from_numpy(draw(4, 6))}),
        ("float[4, 6] x", {"x": draw(4, 6)}),
    ],
    ids=["a list", "a value of onnxruntime", "a fixed batch"],
)
def test_other_inputs_run_as_a_whole(inputs, feed, tmp_path, monkeypatch):
    session = start(tmp_path, inputs=inputs)
    sizes = []
    run = onnxruntime.InferenceSession.run
    monkeypatch.setattr(
        onnxruntime.InferenceSession, "run", lambda *a: sizes.append(a[2]) or run(*a)
    )
    assert session.run(None, feed)[0].shape == (4, 6)
    assert sizes == [feed]


@pytest.mark.usefixtures("samples")
@pytest.mark.parametrize(
    "feed",
    [{}, {"x": draw(4, 5)}, {"x": draw(4)}, {"x": draw(4, 6), "z": draw(4, 6)}],
    ids=["missing", "another size", "another rank", "one too many"],
)
def test_wrong_inputs_get_the_error_of_onnxruntime(feed, tmp_path):
    session = start(tmp_path)
    with pytest.raises(Exception) as expected:  # noqa: PT011 -- its message is compared
        run_whole(session, None, feed)
    with pytest.raises(type(expected.value)) as found:
        session.run(None, feed)
    assert str(found.value) == str(expected.value)


@pytest.mark.usefixtures("samples")
def test_a_pass_that_fails_leaves_the_error_to_the_whole_batch(tmp_path, passes):
    session = start(tmp_path)
    with pytest.raises(TypeError) as expected:
        run_whole(session, "y", {"x": (x := draw(4, 6))})
    with pytest.raises(TypeError) as found:
        session.run("y", {"x": x})
    assert str(found.value) == str(expected.value)
    assert passes == [4, 2, 4]


@pytest.mark.usefixtures("samples")
def test_batches_of_unequal_length_run_as_a_whole(tmp_path):
    session = start(
        tmp_path,
        "w = Constant<value = float[6, 6] {" + WEIGHTS + "}> () p = MatMul(x, w) y = Add(p, z)",
        inputs="float[batch, 6] x, float[batch, 6] z",
    )
    with pytest.raises(Exception, match="INVALID_ARGUMENT"):
        session.run(None, {"x": draw(4, 6), "z": draw(3, 6)})


@pytest.mark.usefixtures("samples")
def test_dependent_samples_run_as_a_whole(tmp_path, passes):
    session = start(tmp_path, LAYER.replace("y =", "p =") + " y = Softmax<axis=0>(p)")
    (y,) = session.run(None, {"x": draw(4, 6)})
    assert passes == [4]
    np.testing.assert_allclose(y.sum(0), np.ones(6), rtol=1e-5)


@pytest.mark.usefixtures("samples")
def test_a_session_without_sparse_layers_runs_as_a_whole(tmp_path, passes):
    onnx.save(parse(LAYER), tmp_path / "m.onnx")
    session = open_session(tmp_path / "m.onnx", sparse="auto")
    session.run(None, {"x": draw(4, 6)})
    assert passes == [4]
    assert session.samples_per_pass is None


@pytest.mark.usefixtures("samples")
def test_a_wrong_number_of_rows_is_noticed(tmp_path, passes, monkeypatch):
    session = start(tmp_path)
    monkeypatch.setattr(session._passes, "join", lambda *_: None)
    assert session.run(None, {"x": draw(4, 6)})[0].shape == (4, 6)
    assert session.run(None, {"x": draw(4, 6)})[0].shape == (4, 6)
    assert passes == [2, 2, 4, 4]


def test_a_description_that_nobody_takes_is_kept_until_the_session_ends(tmp_path):
    onnx.save(parse(LAYER), tmp_path / "m.onnx")
    options = onnxruntime.SessionOptions()
    add_sparse_provider(onnxruntime, options, "all", describes=True)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", options)
    number = int(options.get_session_config_entry("ep.prunepacksparse.session"))
    del session
    assert native.take_graph(number) == b""


KB = 1024


@pytest.mark.parametrize(
    ("loads", "weights", "expected"),
    [
        ([100 * KB, 50 * KB], 0, 20),
        ([4096 * KB], 0, 1),
        ([10 * KB], 2050 * KB, 205),
        ([], 10 * KB, 2**31),
    ],
)
def test_samples_follow_caches_and_weights(loads, weights, expected):
    loads = [Load((Dim(size // 2), Dim(size // 2))) for size in loads]
    assert count_samples(loads, {}, weights, 1000 * KB) == expected


def test_sizes_of_inputs_count(tmp_path):
    load = Load((Dim(KB, ("height", "width")),))
    assert count_samples([load], {"height": 2, "width": 5}, 0, 100 * KB) == 20
    session = start(tmp_path, inputs="float[batch, seq, 6] x", output="float[batch, seq, 6] y")
    assert session.samples_per_pass is None
    assert session.run(None, {"x": draw(2, 3, 6)})[0].shape == (2, 3, 6)
    assert start(tmp_path).samples_per_pass > 1000


def test_the_cache_is_read_or_assumed(monkeypatch, tmp_path):
    for text, size in (("512K\n", 512 * KB), ("65536", 65536), ("", 1024 * KB)):
        (tmp_path / "size").write_text(text)
        monkeypatch.setattr("prunepack.sparse.passes.size.CACHE_FILE", tmp_path / "size")
        assert read_cache_bytes() == size
