"""Sessions opened by many threads and forked processes at once: no error, and nothing is kept."""

import contextlib
import ctypes
import gc
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import psutil
import pytest
from onnx import helper, numpy_helper

import prunepack

THREADS, PROCESSES = 8, 4
MODES = ("optimised", "instant")
WIDTH = 256
GROWTH_BYTES = 24 * 1024**2
"""Memory that allocators keep for threads; leaked weights would be ten times that."""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """An artifact with a table, a matrix and an unused weight, its input and its output."""
    folder = tmp_path_factory.mktemp("sessions")
    random = np.random.default_rng(0)
    weights = {name: random.standard_normal((WIDTH, WIDTH)) for name in ("table", "w", "unused")}
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "x"], ["t"]),
         helper.make_node("MatMul", ["t", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", 7, [3])],
        [helper.make_tensor_value_info("y", 1, [3, WIDTH])],
        [numpy_helper.from_array(each.astype(np.float32), name) for name, each in weights.items()],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 17)]
    onnx.save_model(helper.make_model(graph, ir_version=8, opset_imports=opsets), folder / "m.onnx")
    prunepack.pack(folder / "m.onnx", folder / "m.prunepack", level="fast")
    return folder / "m.prunepack"


def open_once(path, number):
    """Open a session and run it; return the sum of its output."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = prunepack.open_session(
        path, providers=["CPUExecutionProvider"], session_options=options, start=MODES[number % 2]
    )
    return round(float(session.run(None, {"x": np.array([1, 2, 3])})[0].sum()), 3)


def open_in_threads(path, count):
    """Open sessions in threads; return the sums, and the descriptors and bytes in use."""
    with ThreadPoolExecutor(THREADS) as pool:
        sums = set(pool.map(open_once, [path] * count, range(count)))
    gc.collect()
    return_free_memory()
    process = psutil.Process()
    return sums, process.num_fds(), process.memory_info().rss


def return_free_memory():
    """Let glibc return the free memory that its arenas, one per thread, keep for later."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def open_many(path, count, queue):
    """Warm up, then open ``count`` sessions; report sums and the growth of the process."""
    try:
        expected, files, size = open_in_threads(path, max(count // 4, 2 * THREADS))
        sums, files_after, size_after = open_in_threads(path, count)
        queue.put((len(expected | sums), files_after - files, size_after - size))
    except BaseException as error:
        queue.put(repr(error))
        raise


def check(path, opens):
    fork = multiprocessing.get_context("fork")
    queue = fork.SimpleQueue()
    count = opens // PROCESSES
    with prunepack.Artifact.open(path):  # forked processes inherit an open artifact
        children = [
            fork.Process(target=open_many, args=(path, count, queue)) for _ in range(PROCESSES)
        ]
        for child in children:
            child.start()
        results = [queue.get() for _ in children]
        for child in children:
            child.join()
    for result in results:
        assert isinstance(result, tuple), result
        sums, files, size = result
        assert (sums, files) == (1, 0)
        assert size < GROWTH_BYTES, f"{size:,} bytes more after {count} sessions"
    assert [child.exitcode for child in children] == [0] * PROCESSES
    assert sorted(entry.name for entry in Path(path).parent.iterdir()) == ["m.onnx", "m.prunepack"]


def test_some_sessions_at_once(packed):
    check(packed, 64)


@pytest.mark.slow
def test_two_thousand_sessions_at_once(packed):
    check(packed, 2000)
