"""Shell completion of names: recipes, stages, methods, models, datasets, metrics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    import click

    Completer: TypeAlias = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

__all__ = [
    "COMPLETERS",
    "complete_built_in_recipe",
    "complete_dataset",
    "complete_model",
    "complete_recipe",
    "complete_stage",
]


def complete_recipe(
    _ctx: click.Context, _option: click.Parameter, text: str
) -> list[CompletionItem]:
    """Complete built-in recipes and ``.toml`` files."""
    items = complete_built_in_recipe(_ctx, _option, text)
    files = [CompletionItem(path) for path in _toml_files(text)]
    return [*items, *files] or [_files(text)]


def complete_built_in_recipe(
    _ctx: click.Context, _option: click.Parameter, text: str
) -> list[CompletionItem]:
    """Complete built-in recipes."""
    from prunepack.pipeline.recipe import list_built_in_recipes

    items = [CompletionItem(name, help=line) for name, line in list_built_in_recipes().items()]
    return [item for item in items if item.value.startswith(text)]


def complete_stage(
    _ctx: click.Context, _option: click.Parameter, text: str
) -> list[CompletionItem]:
    """Complete the names of stages."""
    from prunepack.pipeline.build import STAGES

    return _matching(STAGES, text)


def complete_model(
    _ctx: click.Context, _option: click.Parameter, text: str
) -> list[CompletionItem]:
    """Complete built-in models, or the file of the user's own."""
    from prunepack.stages.models.builtin import MODELS

    return _matching(MODELS.names(), text) or [_files(text)]


def complete_dataset(
    _ctx: click.Context, _option: click.Parameter, text: str
) -> list[CompletionItem]:
    """Complete built-in datasets, or the file of the user's own."""
    from prunepack.stages.data.datasets import DATASETS

    return _matching(DATASETS.names(), text) or [_files(text)]


def complete_method(
    _ctx: click.Context, _option: click.Parameter, text: str
) -> list[CompletionItem]:
    """Complete built-in pruning methods, or the file of the user's own."""
    from prunepack.stages.pruning.methods import METHODS

    return _matching(METHODS.names(), text) or [_files(text)]


def complete_metric(
    ctx: click.Context, _option: click.Parameter, text: str
) -> list[CompletionItem]:
    """Complete the names of the metrics in the files that the command line names."""
    return _matching(sorted(_metric_names(ctx)), text)


COMPLETERS: dict[str, Completer] = {
    "dataset": complete_dataset,
    "limits": complete_metric,
    "method": complete_method,
    "methods": complete_method,
    "model": complete_model,
    "skip": complete_metric,
}
"""How an option that is made from the field of a config is completed, by the field's name."""


def _matching(names: Iterable[str], text: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(text)]


def _files(text: str) -> CompletionItem:
    """Return the item at which the shell completes files by itself."""
    return CompletionItem(text, type="file")


def _toml_files(text: str) -> list[str]:
    """Return the ``.toml`` files in the folder that ``text`` has reached, and the folders there."""
    folder = Path(text).parent if not text.endswith("/") else Path(text)
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    shown = [f"{path}/" if path.is_dir() else str(path) for path in paths if path.name[0] != "."]
    return [name for name in shown if name.startswith(text) and name.endswith((".toml", "/"))]


def _metric_names(ctx: click.Context) -> set[str]:
    """Return the metrics in the reports and folders given so far, as far as they can be read.

    click leaves them in ``args`` where the line ends with an option that has no value yet.
    """
    from prunepack.errors import PrunepackError
    from prunepack.stages.metrics.files import collect_metrics, find_metrics_file

    try:
        files = [find_metrics_file(Path(path)) for path in ctx.params.get("metrics") or ctx.args]
        return set(collect_metrics(files).metrics) if files else set()
    except PrunepackError:
        return set()
