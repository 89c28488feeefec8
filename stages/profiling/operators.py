"""Requirements of an ONNX model on a runtime: opset, operators and their domains."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prunepack.io.regular_file import RegularFile
from prunepack.stages.metrics.limits import matches
from prunepack.stages.metrics.metric import Metric, Metrics
from prunepack.stages.profiling.model_proto import (
    STANDARD,
    Operator,
    count_operators,
    count_random,
    parse_model,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["count_refused", "graph_metrics", "graph_metrics_of"]


def graph_metrics(model: Path) -> Metrics:
    """Return :func:`graph_metrics_of` of an ONNX file, without reading its external data.

    Raises:
        RefusedError: If it is not an ONNX model.
        UsageError: If it cannot be read.
    """
    with RegularFile(str(model)).map_memory() as data:
        return graph_metrics_of(bytes(data))


def graph_metrics_of(model: bytes) -> Metrics:
    """Return the requirements of a serialized ``ModelProto``, with its subgraphs and functions.

    ``graph.opset`` is the version of the standard operators, ``graph.nodes`` counts all nodes,
    ``graph.operator.NAME`` those of one operator and ``graph.domain.NAME`` those of a domain that
    ONNX does not define, ``graph.random_operator.NAME`` those that draw random numbers. A call of a
    function in the model does not count; its body does.

    Raises:
        RefusedError: If it is not a ``ModelProto`` with a graph.
    """
    proto = parse_model(model)
    operators, domains = count_operators(proto), Counter[str]()
    for (domain, _), count in operators.items():
        domains[domain] += count if domain not in STANDARD else 0
    opsets = {opset.domain or STANDARD[0]: opset.version for opset in proto.opset_import}
    return {
        "graph.opset": Metric(opsets.get(STANDARD[0], 0)),
        "graph.nodes": Metric(operators.total(), "nodes"),
        **_list_counts("operator", {_qualify(key): operators[key] for key in sorted(operators)}),
        **_list_counts("domain", {name: domains[name] for name in sorted(domains)}),
        **_list_counts("random_operator", count_random(proto)),
    }


def _list_counts(kind: str, counts: Mapping[str, int]) -> Metrics:
    return {
        f"graph.{kind}.{name}": Metric(count, "nodes") for name, count in counts.items() if count
    }


def count_refused(
    metrics: Metrics,
    operators: Iterable[str],
    domains: Iterable[str],
    random_operators: Iterable[str] = (),
) -> Metrics:
    """Count the operators and domains in ``metrics`` that are not allowed.

    Args:
        metrics: The result of :func:`graph_metrics`; without it nothing is counted.
        operators: Globs over the allowed operators; none allows all.
        domains: Globs over the allowed domains beside those of ONNX.
        random_operators: Globs over the operators that may draw random numbers.
    """
    if "graph.nodes" not in metrics:
        return {}
    allowed = {
        "operator": tuple(operators) or ("*",),
        "domain": tuple(domains),
        "random_operator": tuple(random_operators),
    }
    counts: Metrics = {}
    for kind, globs in allowed.items():
        prefix = f"graph.{kind}."
        names = [name.removeprefix(prefix) for name in metrics if name.startswith(prefix)]
        refused = sorted(name for name in names if not matches(name, globs))
        unit = f"{kind.rpartition('_')[2]}s"
        counts[f"graph.refused_{kind}s"] = Metric(len(refused), unit, note=", ".join(refused))
    return counts


def _qualify(operator: Operator) -> str:
    domain, name = operator
    return name if domain == STANDARD[0] else f"{domain}.{name}"
