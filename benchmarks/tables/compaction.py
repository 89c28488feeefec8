"""Table of the speed of compacted models."""

from __future__ import annotations

from typing import Any

from benchmarks.results import read_result
from benchmarks.tables.markdown import table

__all__ = ["compaction_table"]

NAMES = {
    "lenet": "LeNet",
    "resnet18": "ResNet-18",
    "mobilenet_v2": "MobileNetV2",
    "vit_small": "ViT-S, 12 layers",
}
FORMS = {"masked": "not compacted", "layers": "layer by layer", "groups": "by groups"}


def compaction_table() -> str:
    """Return sizes and speed-ups of networks without half of their channels."""
    result = read_result("compaction")
    rows = [
        (NAMES[model], form, _count(row, key), _show_bytes(one, row), _show_speed(row["speed"]))
        for model, one in result["models"].items()
        for key, form in FORMS.items()
        if (row := one[key])
    ]
    heads = ("", "pruned", "multiplications", "ONNX file", "speed-up")
    below = f"Batch size 1, one thread, medians of {result['rounds']} rounds. {result['host']}."
    return table(heads, rows, below)


def _count(row: dict[str, Any], key: str) -> str:
    if key == "masked":
        return "100 %"
    return f"{100 * row['after']['macs'] / row['before']['macs']:.0f} %"


def _show_bytes(one: dict[str, Any], row: dict[str, Any]) -> str:
    return f"{100 * row.get('bytes', one['bytes']) / one['bytes']:.0f} %"


def _show_speed(speed: dict[str, float]) -> str:
    return f"{speed['ratio']:.2f}× ({speed['low']:.2f}–{speed['high']:.2f})"
