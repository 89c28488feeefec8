"""Picture of the pipeline, ``docs/pipeline.svg``, drawn from a dry run of ``pipeline/build.py``.

Usage: ``python docs/scripts/picture.py`` writes it, ``--check`` reports a stale picture.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from prunepack.pipeline.build import build
from prunepack.pipeline.plan import Plan

TARGET = Path(__file__).resolve().parents[1] / "pipeline.svg"

WIDTH, HEIGHT = 122, 46
"""Size of a box in pixels."""

GAP = 26
"""Pixels between two columns."""

LANE = 84
"""Pixels between two lanes."""

TOP = 62
"""Pixels above the first lane."""

STYLE = """
text{font:13px system-ui,sans-serif;fill:#1c2733}.file{font-size:10.5px;fill:#56657a}
rect{fill:#fff;stroke:#3b5b8c;stroke-width:1.4}.edge{fill:none;stroke:#3b5b8c;stroke-width:1.4}
.extra{stroke:#9aa9bd}.dot{fill:#9aa9bd}.page{fill:#f7f9fc;stroke:none}
"""


@dataclass
class DryRun:
    """A runner that records the stages and the outputs that each one reads.

    Attributes:
        files: The first file of the output of each stage, in the order of a run.
        inputs: The stages whose outputs each stage reads.
    """

    files: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, list[str]] = field(default_factory=dict)

    def __call__(self, stage: Any, _config: Any, *inputs: Any) -> Any:
        """Record a stage, and return an empty output of its first kind."""
        kind = stage.produces[0]
        self.files[stage.name] = next(name for name in kind.files if name != "model.json")
        self.inputs[stage.name] = [each.digest for each in inputs if each is not None]
        return kind(Path(), stage.name)

    def remark(self, _text: str) -> None:
        """Do nothing."""


def record_stages() -> DryRun:
    """Return the stages of a run of a torch model, whose output is known by its stage."""
    run = DryRun()
    runner: Any = run
    build(Plan(), runner)
    return run


def draw_picture(run: DryRun) -> str:
    """Return the picture as SVG."""
    lanes, columns = arrange_stages(run)
    width = (max(columns.values()) + 1) * (WIDTH + GAP) + GAP
    height = TOP + max(lanes.values()) * LANE + HEIGHT + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'aria-labelledby="title desc">',
        '<title id="title">Stages of a run</title>',
        f'<desc id="desc">{escape(describe_edges(run))}</desc>',
        f"<style>{STYLE}</style>",
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#3b5b8c"/></marker></defs>',
        f'<rect class="page" width="{width}" height="{height}"/>',
        *draw_edges(run, lanes, columns),
        *(draw_box(name, run.files[name], columns[name], lanes[name]) for name in run.files),
    ]
    return "\n".join([*parts, "</svg>", ""])


def arrange_stages(run: DryRun) -> tuple[dict[str, int], dict[str, int]]:
    """Return the lane and the column of each stage.

    The chain of stages that each read the one before is the first lane; a stage that reads several
    has a lane of its own, to the right of all that it reads.
    """
    lanes: dict[str, int] = {}
    columns: dict[str, int] = {}
    last = ""
    for name, inputs in run.inputs.items():
        columns[name] = 1 + max((columns[each] for each in inputs), default=-1)
        follows = not last or inputs[:1] == [last]
        lanes[name] = 0 if follows else max(lanes.values()) + 1
        last = name if follows else last
    final = [*run.inputs][-1]
    lanes[final] = lanes[run.inputs[final][0]]
    return lanes, columns


def place(name: str, lanes: dict[str, int], columns: dict[str, int]) -> tuple[int, int]:
    """Return the left and the upper edge of the box of a stage."""
    return GAP + columns[name] * (WIDTH + GAP), TOP + lanes[name] * LANE


def draw_box(name: str, file: str, column: int, lane: int) -> str:
    """Return the box of a stage with its output below its name."""
    x, y = GAP + column * (WIDTH + GAP), TOP + lane * LANE
    middle = x + WIDTH // 2
    return (
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="7"/>'
        f'<text x="{middle}" y="{y + 20}" text-anchor="middle">{escape(name)}</text>'
        f'<text class="file" x="{middle}" y="{y + 36}" text-anchor="middle">{escape(file)}</text>'
    )


def draw_edges(run: DryRun, lanes: dict[str, int], columns: dict[str, int]) -> list[str]:
    """Return a line from each stage to each stage that reads it."""
    lines = []
    order = list(run.inputs)
    for name, inputs in run.inputs.items():
        for source in inputs:
            (x, y), (to_x, to_y) = (place(each, lanes, columns) for each in (source, name))
            middle = y + HEIGHT // 2, to_y + HEIGHT // 2
            shift = x + 20 + 9 * (order.index(name) - len(order) // 2) % (WIDTH - 30)
            follows = lanes[source] == lanes[name] and columns[name] == columns[source] + 1
            if follows:
                path = f"M{x + WIDTH} {middle[0]}H{to_x - 1}"
            elif lanes[name] == 0:  # over the boxes of the chain
                path = f"M{shift} {y}V{y - 26}H{to_x + 22}V{to_y - 1}"
            elif lanes[source] > lanes[name]:
                path = f"M{x + WIDTH} {middle[0]}H{to_x + WIDTH // 2}V{to_y + HEIGHT + 1}"
            else:
                path = f"M{shift} {y + HEIGHT}V{middle[1]}H{to_x - 1}"
            extra = "" if follows else " extra"
            lines.append(f'<path class="edge{extra}" marker-end="url(#arrow)" d="{path}"/>')
    return sorted(lines, key=lambda line: " extra" not in line)


def describe_edges(run: DryRun) -> str:
    """Return the picture in words."""
    return " ".join(
        f"{name} reads {', '.join(inputs)}." if inputs else f"{name} begins."
        for name, inputs in run.inputs.items()
    )


def main(arguments: list[str], target: Path = TARGET) -> int:
    """Write the picture, or with ``--check`` return 1 if it is stale."""
    text = draw_picture(record_stages())
    if arguments != ["--check"]:
        target.write_text(text, encoding="utf-8")
        return 0
    if target.exists() and target.read_text(encoding="utf-8") == text:
        return 0
    print(f"error: `{target.name}` is stale", file=sys.stderr)
    print("hint: Run `python docs/scripts/picture.py`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
