"""Export of live modules to ONNX."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from prunepack.arguments import PATH, SWITCH, check_arguments
from prunepack.errors import UsageError
from prunepack.scripting.live import log_remarks
from prunepack.training.settings import read_settings, require_build, unwrap_module

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from torch import nn

    from prunepack.scripting.live_models import Inputs

__all__ = ["export"]


@check_arguments(path=PATH, force=SWITCH)
def export(
    model: nn.Module,
    inputs: Inputs,
    path: str | os.PathLike[str],
    *,
    force: bool = False,
    **settings: Any,
) -> Path:
    """Write a module as an ONNX file, as the stage ``export`` does.

    The exporter is ``torch.onnx.export``. The file has the names of the state dict and the same
    bytes on every machine; onnx's checker has accepted it.

    Args:
        model: The module, which stays as it is: a copy on the CPU is exported in evaluation mode.
        inputs: Samples, as in :func:`prunepack.prune`. Only the batch axis is dynamic in the file.
        path: The ``.onnx`` file; weights of more than 1.5 GB go to ``model.onnx.data`` beside it.
        force: Replace a file that exists.
        **settings: Settings of an ``[export]`` table: ``opset``, ``output_names``, ….

    Returns:
        The path of the file. Assumptions are logged as warnings of the logger ``prunepack``.

    Raises:
        UsageError: If the model has masks, a setting is wrong, or the file exists.
        RefusedError: If the model cannot be expressed in ONNX.
    """
    with require_build("prunepack.export cannot be called"):
        from prunepack.scripting.live_models import hold_module
        from prunepack.stages.export import ExportConfig
        from prunepack.stages.export import export as stage
    config = read_settings(ExportConfig, settings, "prunepack.export", "export")
    target = _check_target(Path(path), force=force)
    with (
        log_remarks(),
        _write_whole(target) as folder,
        hold_module(unwrap_module(model), inputs) as live,
    ):
        stage.body(config, folder, live)
    return target


@contextmanager
def _write_whole(target: Path) -> Iterator[Path]:
    """Provide a folder for a model, which comes to ``target`` if the block succeeds."""
    with TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as name:
        yield Path(name)
        for file in Path(name).glob("model.onnx.data"):
            shutil.move(file, target.parent / file.name)
        Path(name, "model.onnx").replace(target)


def _check_target(target: Path, *, force: bool) -> Path:
    """Return the path if a file can be written there.

    Raises:
        UsageError: If not.
    """
    if target.suffix != ".onnx":
        raise UsageError(
            f"`{target}` is not the name of an ONNX file", expected="a name that ends in .onnx"
        )
    if not target.parent.is_dir():
        raise UsageError(
            f"`{target}` cannot be written",
            expected="an existing folder",
            found=f"no folder `{target.parent}`",
            hint="Make the folder first",
        )
    if target.exists() and not force:
        raise UsageError(
            f"`{target}` exists", hint="Choose another path, or replace it with force=True"
        )
    return target
