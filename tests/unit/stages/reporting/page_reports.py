"""Reports for tests of the page: of any size, passed or failed, with any names."""

from prunepack.stages.details.records import Details, Histogram, Layer, PruningRound
from prunepack.stages.metrics.files import MetricSet
from prunepack.stages.metrics.limits import Limit
from prunepack.stages.metrics.metric import Metric
from prunepack.stages.reporting.checks import evaluate_limits
from prunepack.stages.reporting.report import make_report
from prunepack.stages.reporting.settings import GateSettings

LIMITS = (
    "accuracy.drop <= 0.5",
    "size.ratio >= 8.5",
    "latency.batch_1.ratio <= 1.25",
    "sparsity.weights >= 89.9",
    "parity.torch_onnx.beyond_tolerance <= 0",
)

METRICS = {
    "forms.pruned": Metric(1),
    "forms.onnx": Metric(1),
    "forms.artifact": Metric(1),
    "accuracy.dense": Metric(99.21, "%", 99.02, 99.37),
    "accuracy.artifact": Metric(98.99, "%", 98.77, 99.17),
    "accuracy.drop": Metric(0.22, "points", 0.04, 0.4, "dense against pruned"),
    "accuracy.lost": Metric(52, "samples"),
    "accuracy.gained": Metric(30, "samples"),
    "accuracy.mcnemar": Metric(0.0198),
    "size.state_dict": Metric(241_024, "bytes"),
    "size.dense_onnx": Metric(242_727, "bytes"),
    "size.dense_onnx_zstd19": Metric(225_152, "bytes"),
    "size.onnx": Metric(242_727, "bytes"),
    "size.onnx_zstd19": Metric(30_180, "bytes"),
    "size.artifact": Metric(23_494, "bytes"),
    "size.ratio": Metric(10.33, "×"),
    "sparsity.weights": Metric(90.0, "%"),
    "latency.session.ratio": Metric(9.5, "×", 4.1, 18.2),
    "latency.session.dense": Metric(3.7, "ms"),
    "latency.session.pruned": Metric(25.0, "ms"),
    "latency.batch_1.ratio": Metric(0.999, "×", 0.989, 1.01),
    "latency.batch_1.dense": Metric(0.0186, "ms"),
    "latency.batch_1.pruned": Metric(0.0186, "ms"),
    "latency.batch_32.ratio": Metric(0.5, "×", 0.45, 0.55),
    "memory.ratio": Metric(1.11, "×"),
    "memory.dense": Metric(67e6, "bytes"),
    "memory.pruned": Metric(74e6, "bytes"),
    "parity.torch_onnx.samples": Metric(10_249, "samples"),
    "parity.torch_onnx.beyond_tolerance": Metric(0, "values"),
}


def output_metrics(name, factor=1.0):
    """Return the metrics of the errors of one output."""
    values = {
        "mean_absolute": 8e-7,
        "p99_absolute": 3.8e-6,
        "max_absolute": 7.6e-6,
        "tolerance": 2.4e-6,
        "beyond_tolerance": 0,
    }
    note = "atol 0.0001, rtol 0.0001"
    return {
        f"parity.torch_onnx.outputs.{name}.{key}": Metric(factor * value, note=note)
        for key, value in values.items()
    }


def make_layer(number, name=None):
    """Return a layer; the first 12 have a histogram, and the first 3 a map."""
    bars = tuple((7 * number + 3 * i * (40 - i)) % 997 for i in range(40))
    kept = tuple(bar // 9 for bar in bars)
    rows = tuple("".join(str((x * y + number) % 10) for x in range(96)) for y in range(32))
    return Layer(
        name=f"encoder.layers.{number}.attention.output" if name is None else name,
        shape=(256, 64 + number, 3, 3),
        weights=256 * (64 + number) * 9,
        zeros=200 * (64 + number) * 9,
        bytes=40_000 + number,
        histogram=Histogram(reach=1.25, dense=bars, pruned=kept) if number < 12 else None,
        mask=rows if number < 3 else (),
    )


def make_details(layers=5, recipe="lenet", name=None):
    rounds = [
        PruningRound(sparsity=63.33, before=98.88, after=99.27, unit="%"),
        PruningRound(sparsity=90.0, before=94.59, after=98.73, unit="%"),
    ]
    return Details(
        recipe=recipe,
        date="2026-11-26T15:31:00Z",
        versions={"prunepack": "0.1.0", "torch": "2.13.0", "python": "3.11.7"},
        rounds=rounds,
        layers=tuple(make_layer(number, name) for number in range(layers)),
    )


def make_page_report(changes=None, limits=LIMITS, details=None, outputs=("logits",), **settings):
    """Return a report on :data:`METRICS` with ``changes``; None takes a metric away."""
    metrics = METRICS | (changes or {})
    for number, name in enumerate(outputs):
        metrics |= output_metrics(name, 1 + number / 4)
    metrics = {name: metric for name, metric in metrics.items() if metric is not None}
    found = MetricSet(metrics, {"model.prunepack": "ab" * 32}, "a machine, 2 cores")
    known = [limit for limit in map(Limit.parse, limits) if limit.name in metrics]
    return make_report(
        evaluate_limits(known, found, None),
        metrics,
        found.digests,
        found.host,
        GateSettings(limits=known, **settings),
        details=make_details() if details is None else details,
    )


PASSED = make_page_report()
FAILED = make_page_report({"accuracy.drop": Metric(56.2, "points", 55.1, 57.4)})
UNDECIDED = make_page_report({"accuracy.drop": Metric(0.4, "points", 0.1, 0.7)})
EMPTY = make_page_report(limits=())
BIG = make_page_report(
    details=make_details(200, "resnet"), outputs=[f"hidden.{i}" for i in range(24)]
)
DEEP = make_page_report(details=make_details(60, "encoder"))
COMPACT = make_page_report(
    {"compact.channels_before": Metric(64, "channels"), "compact.channels": Metric(48, "channels")}
)
BARE = make_report((), {"size.onnx": Metric(10, "bytes")}, {}, "", GateSettings())
ALL = {
    "passed": PASSED,
    "failed": FAILED,
    "undecided": UNDECIDED,
    "empty": EMPTY,
    "big": BIG,
    "deep": DEEP,
    "compact": COMPACT,
    "bare": BARE,
}
