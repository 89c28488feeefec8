"""Contents of an artifact and the use of its bytes, for people and for machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from prunepack.coding.near_zeros import NearZeros, describe_near_zeros, sum_near_zeros
from prunepack.pipeline.cli.console import format_table
from prunepack.reading.inspection import PartRow, describe_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prunepack.reading.artifact import Artifact
    from prunepack.reading.inspection import TensorRow

__all__ = ["artifact_to_json", "format_artifact", "format_shape"]


def artifact_to_json(artifact: Artifact, rows: Iterable[TensorRow]) -> dict[str, Any]:
    """Return the description of an artifact as JSON values; ``rows`` are those of its tensors."""
    return {
        "files": {name: file.size for name, file in artifact.files.items()},
        "bytes": artifact.size,
        "digest": artifact.digest,
        "tensors": [asdict(row) for row in rows],
        "parts": [asdict(part) for part in describe_parts(artifact)],
    }


def format_artifact(artifact: Artifact, rows: Sequence[TensorRow]) -> str:
    """Return tables of the tensors and of the parts, a summary, and a word on near zeros."""
    size = artifact.size
    head = ("tensor", "dtype", "shape", "zeros", "codec", "chunks", "bytes", "share")
    cells = [_tensor_cells(row, size) for row in rows]
    tensors = format_table(head, cells, right="zeros chunks bytes share")
    counts = (NearZeros(row.negative_zeros or 0, row.denormals or 0) for row in rows)
    near_zeros = describe_near_zeros(sum_near_zeros(counts), sum(row.elements for row in rows))
    parts = _parts(describe_parts(artifact), size)
    return "\n\n".join(filter(None, (tensors, parts, _summary(artifact), near_zeros)))


def format_shape(shape: Sequence[int]) -> str:
    """Return a shape as text, such as ``3×224×224``."""
    return "×".join(map(str, shape)) or "scalar"


def _tensor_cells(row: TensorRow, size: int) -> tuple[str, ...]:
    return (
        row.name,
        row.dtype,
        format_shape(row.shape),
        "?" if row.zero_fraction is None else f"{100 * row.zero_fraction:.1f} %",
        "+".join(row.codecs),
        f"{row.chunks:,}",
        f"{row.stored_bytes:,}",
        _share(row.stored_bytes, size),
    )


def _parts(parts: Sequence[PartRow], size: int) -> str:
    total = PartRow(
        "total",
        sum(part.chunks for part in parts),
        sum(part.decoded_bytes for part in parts),
        sum(part.stored_bytes for part in parts),
    )
    cells = [
        (
            part.part,
            f"{part.chunks:,}",
            f"{part.decoded_bytes:,}",
            f"{part.stored_bytes:,}",
            _share(part.stored_bytes, size),
        )
        for part in (*parts, total)
    ]
    return format_table(
        ("part", "chunks", "decoded", "bytes", "share"), cells, "chunks decoded bytes share"
    )


def _summary(artifact: Artifact) -> str:
    unpacked = sum(file.size for file in artifact.files.values())
    files = ", ".join(f"{name} ({file.size:,} bytes)" for name, file in artifact.files.items())
    ratio = unpacked / artifact.size
    return f"{artifact.size:,} bytes for {unpacked:,} ({ratio:.2f}×): {files}\n{artifact.digest}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"
