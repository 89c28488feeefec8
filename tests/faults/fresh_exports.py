"""Fresh exports that faults and mutants share: those of one checkpoint are made once."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

from prunepack.io.digests import hash_file
from prunepack.stages.contract.outputs import OnnxModel
from prunepack.stages.structure.fresh_export import export_again

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from prunepack.stages.contract.outputs import Checkpoint

__all__ = ["share_fresh_exports"]


@contextmanager
def share_fresh_exports(folder: Path) -> Iterator[None]:
    """Export each checkpoint again once, by its content and the config of its export.

    Args:
        folder: Where the exports are kept.
    """

    def export_once(
        final: Checkpoint, interface: Mapping[str, Any], target: Path
    ) -> OnnxModel | str:
        files = [hash_file(file) for file in sorted(final.path.iterdir())]
        compacted = "compact" in interface
        key = json.dumps([files, interface.get("export"), compacted], sort_keys=True)
        kept = folder / hashlib.sha256(key.encode()).hexdigest()
        if not kept.exists():
            made = export_again(final, interface, target)
            if isinstance(made, str):
                return made
            shutil.copytree(made.path, kept)
        return OnnxModel(kept, "")

    with mock.patch("prunepack.stages.structure.origin.export_again", export_once):
        yield
