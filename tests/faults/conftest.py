"""Fresh exports that planted faults share: those of one checkpoint are made once."""

import json
import shutil

import pytest

from prunepack.io.digests import hash_file
from prunepack.stages.contract.outputs import OnnxModel
from prunepack.stages.structure import origin


@pytest.fixture(autouse=True, scope="session")
def share_fresh_exports(tmp_path_factory):
    """Export each checkpoint again once, by its content and the config of its export."""
    folder, export_again = tmp_path_factory.mktemp("fresh"), origin.export_again

    def export_once(final, interface, target):
        files = [hash_file(file) for file in sorted(final.path.iterdir())]
        key = json.dumps([files, interface.get("export")], sort_keys=True)
        kept = folder / f"{hash(key):x}"
        if not kept.exists():
            made = export_again(final, interface, target)
            if isinstance(made, str):
                return made
            shutil.copytree(made.path, kept)
        return OnnxModel(kept, "")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(origin, "export_again", export_once)
        yield
