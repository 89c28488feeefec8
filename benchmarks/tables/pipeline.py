"""Tables of the LeNet pipeline."""

from __future__ import annotations

from benchmarks.results import read_result
from benchmarks.tables.markdown import table

__all__ = ["pipeline_table", "stages_table"]


def pipeline_table() -> str:
    """Return times, sizes and accuracy of a LeNet run, and the gain by sparse kernels."""
    result = read_result("pipeline")
    metrics, sizes = result["figures"], result["bytes"]
    sparse = read_result("inference")["rows"]["resnet18/90/1/1"]["speedup"]["sparse"]

    def seconds(name: str) -> str:
        one = result[name]
        return f"{one['median']:.2f} s ({one['least']:.2f}–{one['most']:.2f}, {one['runs']} runs)"

    rows = [
        ("first `prunepack run lenet` after set-up", seconds("first_run_seconds"), "≤ 45 s"),
        ("`prunepack run lenet` with nothing to do", seconds("idle_run_seconds"), "≤ 0.8 s"),
        ("`prunepack --help`", seconds("help_seconds"), "≤ 0.15 s"),
        ("artifact", f"{sizes['artifact']:,} bytes", ""),
        ("dense ONNX / artifact", f"{metrics['size.ratio']:.2f}×", "≥ 8.5×"),
        ("dense ONNX after `zstd -19` / artifact", f"{metrics['size.ratio_zstd19']:.2f}×", ""),
        ("sparsity of the weights", f"{metrics['sparsity.weights']:.1f} %", "90 %"),
        ("accuracy lost on 10,000 images", f"{metrics['accuracy.drop']:.2f} points", "≤ 0.5"),
        (
            "ResNet-18 with 90 % zeros, one thread: dense latency / latency on sparse kernels",
            f"{sparse['ratio']:.2f}× ({sparse['low']:.2f}–{sparse['high']:.2f})",
            "≥ 3.5×",
        ),
    ]
    return table(("", "measured", "target"), rows, f"Measured on {result['host']}.")


def stages_table() -> str:
    """Return the time of each stage of a first run."""
    stages = read_result("pipeline")["stage_seconds"]
    rows = [(f"`{name}`", f"{seconds:.2f}") for name, seconds in stages.items()]
    return table(("stage", "seconds"), rows)
