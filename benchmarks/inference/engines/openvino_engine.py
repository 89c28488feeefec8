"""OpenVINO on the CPU in fp32, with its own rate of zeros from which weights go sparse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openvino

from benchmarks.inference.engines.server import serve

if TYPE_CHECKING:
    from collections.abc import Callable

SETTINGS = {
    "PERFORMANCE_HINT": "LATENCY",
    "INFERENCE_PRECISION_HINT": "f32",
    "CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE": "0.5",
}


def start(model: str, feed: dict[str, Any], threads: int) -> Callable[[], Any]:
    """Compile the model for the shapes of the feed."""
    core = openvino.Core()
    graph = core.read_model(model)
    graph.reshape({name: list(value.shape) for name, value in feed.items()})
    settings = SETTINGS | {"INFERENCE_NUM_THREADS": threads}
    request = core.compile_model(graph, "CPU", settings).create_infer_request()
    return lambda: request.infer(feed)[0]


serve(start)
