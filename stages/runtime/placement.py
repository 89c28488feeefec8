"""Placement of nodes on execution providers, from onnxruntime's profile."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunepack.stages.metrics.metric import Metric
from prunepack.stages.runtime.session_options import CUDA
from prunepack.stages.runtime.sessions import run_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from prunepack.stages.contract.arrays import ArrayMapping
    from prunepack.stages.metrics.metric import Metrics
    from prunepack.stages.runtime.sessions import Session

__all__ = ["count_nodes_by_provider", "count_providers", "placement_metrics", "tf32_metric"]


def count_nodes_by_provider(
    open_profiled: Callable[[Path], Session], inputs: ArrayMapping
) -> Counter[str]:
    """Run a model once and count its nodes per execution provider.

    Args:
        open_profiled: Opens a session that writes its profile to files with this prefix.
        inputs: Inputs of the run.

    Raises:
        RefusedError: If the model does not take the inputs.
    """
    with tempfile.TemporaryDirectory() as folder:
        session = open_profiled(Path(folder) / "profile")
        run_session(session, inputs)
        return count_providers(json.loads(Path(session.end_profiling()).read_bytes()))


def count_providers(events: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Count the nodes by provider among the events of a profile (Chrome's trace format).

    A node that ran several times, as in a loop, is one node.
    """
    placed = {
        (event["name"], event["args"].get("node_index"), event["args"]["provider"])
        for event in events
        if event.get("cat") == "Node" and event.get("args", {}).get("provider")
    }
    return Counter(provider for _, _, provider in placed)


def placement_metrics(wanted: str, placed: Mapping[str, Counter[str]]) -> Metrics:
    """Return the number of nodes that ran, and of those on another provider than ``wanted``.

    Args:
        wanted: The requested execution provider.
        placed: Nodes by provider, for each model by its name.
    """
    total = sum(nodes.total() for nodes in placed.values())
    elsewhere = total - sum(nodes[wanted] for nodes in placed.values())
    note = "; ".join(f"{name}: {_list_nodes(nodes)}" for name, nodes in placed.items())
    wrong = float(elsewhere) if all(placed.values()) else float("nan")
    return {
        "runtime.nodes": Metric(total, "nodes", note=note),
        "runtime.nodes_elsewhere": Metric(wrong, "nodes", note=f"wanted {wanted}; {note}"),
    }


def _list_nodes(nodes: Counter[str]) -> str:
    return ", ".join(f"{count} on {name}" for name, count in sorted(nodes.items())) or "none seen"


def tf32_metric(options: Mapping[str, Mapping[str, str]]) -> Metric:
    """Return whether float32 products may be rounded to TF32, as 1 or 0.

    Args:
        options: Result of a session's ``get_provider_options()``. The CUDA provider allows TF32
            unless ``use_tf32`` is 0.
    """
    if CUDA not in options:
        return Metric(0, note=f"no {CUDA} in the session")
    value = options[CUDA].get("use_tf32", "1")
    return Metric(float(value != "0"), note=f"{CUDA} with use_tf32={value}")
