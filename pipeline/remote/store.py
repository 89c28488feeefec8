"""Store with a remote copy: results of stages are pulled before they are built, and pushed."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from prunepack.errors import PrunepackError
from prunepack.format import canonical_json
from prunepack.io.digests import hash_file
from prunepack.pipeline.cache.objects import hash_listing
from prunepack.pipeline.cache.store import Record, Store
from prunepack.pipeline.remote.folder import RemoteFolder
from prunepack.stages.contract.progress import note, remark

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from prunepack.pipeline.runs.event import Event

__all__ = ["SharedStore", "open_store"]


def open_store(root: Path, remote: str | None) -> SharedStore:
    """Open the store under ``root``, with a remote copy if there is an address of one.

    Raises:
        UsageError: If one of them cannot be used.
    """
    folder = None if remote is None else RemoteFolder(remote)
    return SharedStore(root, folder)


class SharedStore(Store):
    """A store that looks in a remote folder for what it lacks.

    The remote folder holds ``actions/KEY.json`` and ``objects/DIGEST/FILE``. A record is written
    after its files, and every file is hashed when it is pulled, so a partial or changed copy is
    never used: the stage runs, and its result replaces the copy.

    Args:
        root: The artifacts folder.
        remote: The remote folder; None for a store without one.
    """

    def __init__(self, root: Path, remote: RemoteFolder | None = None) -> None:
        super().__init__(root)
        self._remote = remote
        self._shared: set[str] = set()
        self._refused: set[str] = set()

    def find(self, key: str) -> Record | None:
        """Return the record of ``key`` if its object is whole, here or in the remote folder."""
        record = super().find(key)
        if record is not None or self._remote is None or key in self._refused:
            return record
        return super().find(key) if self._pull(self._remote, key) else None

    def share(self, events: Sequence[Event]) -> None:
        """Push the results of stages; a remote folder that fails is tried again next time."""
        if self._remote is None:
            return
        for event in events:
            if not event.recorded or event.key in self._shared:
                continue
            record = super().find(event.key)
            try:
                if record is not None:
                    self._push(self._remote, record)
            except PrunepackError as error:
                remark(f"the results were not pushed, and will be after the next trial: {error}")
                return
            self._shared.add(event.key)

    def _push(self, remote: RemoteFolder, record: Record) -> None:
        key, replaces = record.material.key, record.material.key in self._refused
        if not replaces and remote.read(f"actions/{key}.json") is not None:
            return
        folder = self.path(record.digest)
        for name in record.files:
            remote.upload(folder / name, f"objects/{record.digest}/{name}")
        remote.write(f"actions/{key}.json", canonical_json.dumps(record.model_dump()))
        self._refused.discard(key)

    def _pull(self, remote: RemoteFolder, key: str) -> bool:
        """Fetch a result; return whether there was a sound one."""
        content = remote.read(f"actions/{key}.json")
        if content is None:
            return False
        fault = self._fetch(remote, key, content)
        if fault:
            self._refused.add(key)
            remark(f"{remote.address}: {fault}; the stage runs again, and replaces it")
        else:
            self._shared.add(key)
        return not fault

    def _fetch(self, remote: RemoteFolder, key: str, content: bytes) -> str:
        """Copy an object and its record into this store; return the fault of the copy."""
        try:
            record = Record.model_validate_json(content)
        except ValueError:
            return f"the record {key[:12]}… is damaged"
        if record.material.key != key or hash_listing(record.files) != record.digest:
            return f"the record {key[:12]}… is of another result"
        if not all(map(_is_plain, record.files)):
            return f"the record {key[:12]}… names a file outside of its folder"
        note(f"{record.material.stage}: from {remote.address}")
        with self.scratch(record.material.stage) as scratch:
            for name, file in record.files.items():
                target = scratch / name
                target.parent.mkdir(parents=True, exist_ok=True)
                if not remote.download(f"objects/{record.digest}/{name}", target):
                    return f"{name} of {record.digest[:12]}… is missing"
                if target.stat().st_size != file.size or hash_file(target) != file.sha256:
                    return f"{name} of {record.digest[:12]}… has other contents"
            self.adopt(scratch)
        self.record(record)
        return ""


def _is_plain(name: str) -> bool:
    """Return whether a name leads to a file below its folder."""
    path = PurePosixPath(name)
    return (
        bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\\" not in name
    )
