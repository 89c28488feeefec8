"""Placement of nodes: parsing of onnxruntime's profile and the metrics from it."""

import math
from collections import Counter

import numpy as np
import pytest

from prunepack.stages.runtime.placement import (
    count_nodes_by_provider,
    count_providers,
    placement_metrics,
    tf32_metric,
)
from prunepack.stages.runtime.sessions import open_artifact_session, open_onnx_session

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
PIXELS = {"input": np.zeros((2, 1, 28, 28), np.float32)}


def node(name, index, provider, **more):
    return {"cat": "Node", "name": name, "args": {"node_index": index, "provider": provider}} | more


def test_the_nodes_of_a_real_model(chain, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dense = count_nodes_by_provider(
        lambda profile: open_onnx_session(chain.dense_onnx.model, [CPU], profile=profile), PIXELS
    )
    packed = count_nodes_by_provider(
        lambda profile: open_artifact_session(chain.artifact.file, [CPU], profile=profile), PIXELS
    )
    assert dense == packed
    assert set(dense) == {CPU}
    assert 7 <= dense[CPU] <= 12, "two convolutions, three products, two poolings, no more than 12"
    assert list(tmp_path.iterdir()) == [], "the profile is not left behind"


def test_a_node_in_a_loop_is_one_node():
    events = [node("a", "0", CPU), node("a", "0", CPU), node("b", "0", CPU), node("c", "1", CUDA)]
    assert count_providers(events) == Counter({CPU: 2, CUDA: 1})


@pytest.mark.parametrize(
    "event",
    [
        {"cat": "Session", "name": "model_run", "args": {}},
        {"cat": "Session", "name": "model_run"},
        {"cat": "Node", "name": "fence_before"},
        {"cat": "Node", "name": "fence_before", "args": {"op_name": "Conv"}},
        node("x", "0", ""),
        {"name": "process_name", "ph": "M", "args": {"provider": CPU}},
    ],
)
def test_events_that_are_of_no_node(event):
    assert count_providers([event, node("a", "0", CUDA)]) == Counter({CUDA: 1})


def test_nodes_elsewhere_are_counted_and_named():
    found = placement_metrics(
        CUDA, {"dense": Counter({CUDA: 5}), "pruned": Counter({CUDA: 3, CPU: 2})}
    )
    text = f"dense: 5 on {CUDA}; pruned: 2 on {CPU}, 3 on {CUDA}"
    assert found["runtime.nodes"].value == 10
    assert found["runtime.nodes"].note == text
    assert found["runtime.nodes_elsewhere"].value == 2
    assert found["runtime.nodes_elsewhere"].note == f"wanted {CUDA}; {text}"


def test_a_silent_fall_to_the_cpu_is_every_node():
    found = placement_metrics(CUDA, {"pruned": Counter({CPU: 7})})
    assert found["runtime.nodes_elsewhere"].value == 7


def test_all_where_they_should_be():
    found = placement_metrics(CPU, {"dense": Counter({CPU: 7}), "pruned": Counter({CPU: 7})})
    assert found["runtime.nodes_elsewhere"].value == 0


def test_a_model_of_which_no_node_was_seen_passes_no_limit():
    found = placement_metrics(CPU, {"dense": Counter({CPU: 7}), "pruned": Counter()})
    assert math.isnan(found["runtime.nodes_elsewhere"].value)
    assert found["runtime.nodes_elsewhere"].note.endswith("pruned: none seen")


@pytest.mark.parametrize(
    ("options", "value", "note"),
    [
        ({CPU: {}}, 0, f"no {CUDA} in the session"),
        ({CUDA: {"use_tf32": "1"}, CPU: {}}, 1, f"{CUDA} with use_tf32=1"),
        ({CUDA: {"use_tf32": "0"}, CPU: {}}, 0, f"{CUDA} with use_tf32=0"),
        ({CUDA: {}}, 1, f"{CUDA} with use_tf32=1"),
    ],
)
def test_tf32(options, value, note):
    found = tf32_metric(options)
    assert (found.value, found.note) == (value, note)


def test_tf32_of_a_real_session(chain):
    session = open_onnx_session(chain.onnx.model, [CPU])
    assert tf32_metric(session.get_provider_options()).value == 0
