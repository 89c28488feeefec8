"""Options of sparse sessions that were used before, changed afterwards, or are used at once."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
import pytest

from prunepack import list_sparse_layers, open_session, pack, sparse_session_options
from prunepack.errors import RefusedError, UsageError
from prunepack.sparse.library import PROVIDER
from prunepack.sparse.native import native
from prunepack.sparse.options import KEY, RECORD, read_session_number
from tests.unit.prunepack.sparse.numpy_twin import sparse
from tests.unit.prunepack.sparse.test_provider import claimed, node, save

pytestmark = pytest.mark.skipif(native is None, reason="installed without a compiler")

CPU = ["CPUExecutionProvider"]


@pytest.fixture
def path(tmp_path):
    weights = {"w": sparse(np.random.default_rng(0), (64, 64), 0.1)}
    return save(tmp_path / "m.onnx", [node("MatMul", "x", "w", out="y")], weights, ["n", 64])


def runs_sparse(session):
    return [layer.is_sparse for layer in list_sparse_layers(session)] == [True]


def test_options_of_open_session_serve_one_session(path):
    options = onnxruntime.SessionOptions()
    assert runs_sparse(open_session(path, session_options=options, sparse="all"))
    for sparse_choice in ("all", "auto", "off"):
        with pytest.raises(UsageError, match="the session options belong to another session"):
            open_session(path, session_options=options, sparse=sparse_choice)
    with pytest.raises(UsageError, match="the session options belong to another session"):
        sparse_session_options(options)


def test_options_that_are_copied(path):
    session = open_session(path, sparse="all")
    with pytest.raises(UsageError, match="the session options belong to another session"):
        open_session(path, session_options=session.get_session_options(), sparse="all")
    own = onnxruntime.InferenceSession(path, sparse_session_options(layers="all"))
    copied = own.get_session_options()
    plain = onnxruntime.InferenceSession(path, copied)  # the copy has no provider
    assert list_sparse_layers(plain) == []
    again = onnxruntime.InferenceSession(path, sparse_session_options(copied, layers="all"))
    assert runs_sparse(again)
    assert runs_sparse(own)


def test_options_of_dense_sessions(path):
    options = onnxruntime.SessionOptions()
    for _ in range(2):
        assert open_session(path, session_options=options, providers=CPU).get_providers() == CPU
    onnxruntime.InferenceSession(path, options)
    assert runs_sparse(open_session(path, session_options=options, sparse="all"))


def test_options_with_kernels_get_new_settings(path):
    options = sparse_session_options(layers="auto")
    first = read_session_number(options)
    options.intra_op_num_threads = 1
    assert sparse_session_options(options, layers="all") is options
    assert read_session_number(options) != first
    assert runs_sparse(onnxruntime.InferenceSession(path, options))
    session = open_session(path, session_options=options, sparse="all")
    assert runs_sparse(session)
    assert session.get_session_options().get_session_config_entry(f"{KEY}threads") == "1"


def test_one_object_in_two_threads(path):
    options = onnxruntime.SessionOptions()

    def start(_):
        try:
            return open_session(path, session_options=options, sparse="all")
        except UsageError as error:
            return error.what

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(start, range(2)))
    refused = [item for item in results if isinstance(item, str)]
    assert refused == ["the session options belong to another session"]
    assert [PROVIDER in item.get_providers() for item in results if item not in refused] == [True]


def test_only_sessions_with_passes_describe_their_graph(path):
    options = sparse_session_options(layers="all")
    session = onnxruntime.InferenceSession(path, options)
    assert runs_sparse(session)
    assert native.take_graph(read_session_number(options)) == b""


def test_dense_sessions_after_sparse_ones_stay_dense(path, tmp_path):
    pack(path, tmp_path / "m.prunepack")
    assert runs_sparse(open_session(path, sparse="all"))
    assert PROVIDER not in open_session(path).get_providers()
    assert PROVIDER not in open_session(tmp_path / "m.prunepack").get_providers()
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry(RECORD, "1")
    named = onnxruntime.InferenceSession(path, options, providers=[PROVIDER, *CPU])
    assert claimed(named) == []
    with pytest.raises(UsageError, match=f"onnxruntime has no provider {PROVIDER}"):
        open_session(path, providers=[PROVIDER])


def test_a_start_that_fails_tells_its_own_reason(path, tmp_path):
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "o.onnx")
    with pytest.raises(RefusedError, match="contains compiled nodes"):
        open_session(path, session_options=options, sparse="all")
