"""``prunepack inspect``: the contents of a checkpoint, a model, a state dict or an artifact."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from prunepack.coding.near_zeros import (
    NearZeros,
    count_near_zeros,
    describe_near_zeros,
    sum_near_zeros,
)
from prunepack.errors import RefusedError, UsageError
from prunepack.io.regular_file import open_regular
from prunepack.packing import find_model_files
from prunepack.pipeline.cli.command import command, input_argument, json_option
from prunepack.pipeline.cli.console import format_table, print_result
from prunepack.pipeline.cli.limits_options import limits_options
from prunepack.pipeline.cli.views.artifact import artifact_to_json, format_artifact, format_shape
from prunepack.pipeline.cli.views.sparse_layers import describe_sparse_layers
from prunepack.reading.artifact import Artifact, is_artifact

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from prunepack.format.limits import Limits
    from prunepack.pipeline.cli.console import Console
    from prunepack.stages.models.inspection import LayerView, ModelView, TensorView

__all__ = ["inspect_command"]

Row = tuple[str, str, str, str, int, int, int]
"""Name, dtype, shape, % of zeros; numbers of negative zeros, of denormals, of all elements."""


@command(example="prunepack inspect work/masked --layer conv1")
@input_argument("path")
@click.option(
    "--layer", help="Show one layer of a checkpoint: its parameters, buffers, hooks and values."
)
@click.option(
    "--quick",
    is_flag=True,
    help="Do not decode an artifact; show zeros only where its codecs record them.",
)
@click.option(
    "--sparse",
    is_flag=True,
    help="Show which layers of an ONNX model or an artifact run on sparse kernels.",
)
@limits_options
@json_option
@click.pass_obj
def inspect_command(
    console: Console,
    path: Path,
    *,
    layer: str | None,
    quick: bool,
    sparse: bool,
    limits: Limits,
    as_json: bool,
) -> None:
    """Show the contents of a checkpoint, a model or an artifact.

    PATH is the folder of a checkpoint (with or without masks), an artifact, an ONNX model, or a
    .safetensors, .pth or .pt state dict. The form of a file is told by its content.
    """
    source = _file_in(path)
    if layer is not None and not (source.is_dir() and (source / "model.json").exists()):
        raise UsageError(
            f"`{path}` has no layers to show", expected="the folder of a checkpoint with --layer"
        )
    if sparse:
        value, text = _sparse_layers(source, limits)
    elif source.is_dir():
        value, text = _checkpoint(source, layer)
    elif is_artifact(str(source)):
        value, text = _artifact(source, console, limits, quick=quick)
    elif _is_onnx(source):
        value, text = _listing(source, _onnx_tensors(source, limits))
    else:
        value, text = _listing(source, _state_dict(source))
    print_result(text, value, as_json=as_json)


def _file_in(path: Path) -> Path:
    """Return the model or artifact in ``path`` if it is the folder of an export, a pack or a run.

    Raises:
        UsageError: If there is no such path.
    """
    if not path.exists():
        raise UsageError(f"`{path}` does not exist", expected="a file or the folder of a stage")
    if path.is_dir() and not (path / "model.json").exists():
        for name in ("model.prunepack", "model.onnx"):
            if (path / name).is_file():
                return path / name
    return path


def _is_onnx(path: Path) -> bool:
    """Return whether a file is named like an ONNX model, or begins with a version of the IR."""
    if path.suffix == ".onnx":
        return True
    with open_regular(str(path)) as file:
        head = file.read(9)
    return head[:1] == b"\x08" and head[8:] != b"{"  # not the header of safetensors


def _sparse_layers(path: Path, limits: Limits) -> tuple[Any, str]:
    if path.is_dir() or not (is_artifact(str(path)) or _is_onnx(path)):
        raise UsageError(f"`{path}` has no sparse layers", expected="an ONNX model or an artifact")
    return describe_sparse_layers(path, limits)


def _artifact(path: Path, console: Console, limits: Limits, *, quick: bool) -> tuple[Any, str]:
    from prunepack.reading.inspection import describe_tensors

    with Artifact.open(path, limits) as artifact:
        described = describe_tensors(artifact, decode=not quick)
        rows = list(console.track(described, "counting zeros", len(artifact.tensors)))
        return artifact_to_json(artifact, rows), format_artifact(artifact, rows)


def _checkpoint(path: Path, layer: str | None) -> tuple[Any, str]:
    from prunepack.pipeline.cache.objects import hash_tree
    from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint, find_kind
    from prunepack.stages.models.inspection import inspect_model

    masked = find_kind(path, (Checkpoint, MaskedCheckpoint)) is MaskedCheckpoint
    kind = MaskedCheckpoint if masked else Checkpoint
    view = inspect_model(kind(path, hash_tree(path)), layer)
    text = _parameters(view) if view.layer is None else _layer(view.layer)
    return asdict(view), text


def _parameters(view: ModelView) -> str:
    cells = [
        (
            f"{row.layer}.{row.parameter}".lstrip("."),
            row.dtype,
            format_shape(row.shape),
            f"{row.zeros:,} of {row.elements:,}",
            f"{100 * row.sparsity:.1f} %",
            f"tied to {row.tied_to}" if row.tied_to else " → ".join(row.methods),
        )
        for row in view.rows
    ]
    head = ("parameter", "dtype", "shape", "zeros", "sparsity", "pruned by")
    total = f"{view.zeros:,} of {view.elements:,} are zero, {view.pruned:,} under a mask"
    total += f", {view.denormals:,} are denormal" if view.denormals else ""
    return f"{format_table(head, cells, right='zeros sparsity')}\n\n{view.model}: {total}"


def _layer(view: LayerView) -> str:
    """Return the attributes of a layer, as Python shows them."""
    parts = [
        f"{view.layer}: {view.kind}",
        _section("named_parameters", view.named_parameters),
        _section("named_buffers", view.named_buffers),
        f"_forward_pre_hooks\n  {', '.join(view.forward_pre_hooks) or '(none)'}",
        _section("before", view.before),
        _section("after", view.after),
    ]
    return "\n\n".join(parts)


def _section(title: str, tensors: Iterable[TensorView]) -> str:
    lines = [
        f"{tensor.name} {format_shape(tensor.shape)} {tensor.dtype}\n{tensor.text}"
        for tensor in tensors
    ]
    body = "\n".join(lines) or "(none)"
    return f"{title}\n" + "\n".join(f"  {line}" for line in body.splitlines())


def _listing(path: Path, rows: list[Row]) -> tuple[Any, str]:
    head = ("tensor", "dtype", "shape", "zeros")
    names = (*head, *NearZeros._fields)
    value = {"tensors": [dict(zip(names, row[:-1], strict=True)) for row in rows]}
    total = f"{path.stat().st_size:,} bytes in {path.name}"
    near_zeros = sum_near_zeros(NearZeros(*row[4:6]) for row in rows)
    denormals = near_zeros.denormals
    total += f", {denormals:,} elements are denormal" if denormals else ""
    table = format_table(head, [row[:4] for row in rows], right="zeros")
    said = describe_near_zeros(near_zeros, sum(row[-1] for row in rows))
    return value, "\n\n".join(filter(None, (table, total, said)))


def _onnx_tensors(path: Path, limits: Limits) -> list[Row]:
    import onnx
    from google.protobuf.message import DecodeError

    find_model_files(path, limits)  # refuses external data that is missing, cut off or elsewhere
    try:
        return [
            _row(proto.name, onnx.numpy_helper.to_array(proto))
            for proto in onnx.load(path).graph.initializer
        ]
    except (
        DecodeError,
        onnx.checker.ValidationError,
        KeyError,
        OSError,
        TypeError,
        ValueError,
    ) as e:
        raise RefusedError(
            f"`{path}` cannot be read", expected="an ONNX model", found=str(e)
        ) from None


def _state_dict(path: Path) -> list[Row]:
    from prunepack.stages.sources.state_files import read_state

    return [_row(name, tensor) for name, tensor in read_state(path).items()]


def _row(name: str, tensor: Any) -> Row:
    size = int(tensor.size if isinstance(tensor.size, int) else tensor.numel())
    share = float((tensor == 0).sum()) / size if size else 0.0
    dtype = str(tensor.dtype).removeprefix("torch.")
    shape = format_shape(tuple(tensor.shape))
    near_zeros = count_near_zeros(_view_bits(tensor, dtype), dtype)
    return name, dtype, shape, f"{100 * share:.1f} %", *near_zeros, size


def _view_bits(tensor: Any, dtype: str) -> Any:
    """Return an array, or the bits of a torch tensor of floats, since numpy lacks bfloat16."""
    if isinstance(tensor.size, int) or "float" not in dtype:
        return tensor
    import torch

    words = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[tensor.itemsize]
    return tensor.detach().contiguous().view(words).numpy()
