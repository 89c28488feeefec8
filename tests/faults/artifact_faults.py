"""Faults of the packed file."""

from __future__ import annotations

import shutil
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

from prunepack.coding.codecs import CODECS
from tests.faults.fault import Fault
from tests.faults.graphs import change
from tests.faults.lab import copy_of
from tests.faults.planting import edit_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.faults.fault import Command
    from tests.faults.lab import Release

__all__ = ["FAULTS", "forged"]


def _check(release: Release) -> Command:
    return ["verify-file", str(release.packed), "--against", str(release.model)]


def _bit_flipped(folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    data = bytearray(release.packed.read_bytes())
    data[len(data) // 2] ^= 1
    release.packed.write_bytes(data)
    return [_check(release)]


def _header_damaged(folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    data = bytearray(release.packed.read_bytes())
    data[40] ^= 1
    release.packed.write_bytes(data)
    return release.checks()


def _cut_short(folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    release.packed.write_bytes(release.packed.read_bytes()[:-40])
    return release.checks()


def _of_another_export(folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    exported = release.model.read_bytes()
    shutil.copy(release / "dense_onnx/model.onnx", release.model)
    release.pack()
    release.model.write_bytes(exported)
    return release.checks()


def forged(release: Release) -> None:
    """Change one weight in the artifact; every checksum in it is right."""

    def nudge(array: Any) -> Any:
        array[0, 0] += 0.25
        return array

    exported = release.model.read_bytes()
    edit_file(release.model, lambda model: change(model, "fc3.weight", nudge))
    release.pack()
    release.model.write_bytes(exported)


def _forged(folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    forged(release)
    return release.checks()


def _forged_alone(folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    forged(release)
    return [_check(release)]


def _nothing(folder: Path) -> Sequence[Command]:
    return copy_of("lenet", folder).checks()


@contextmanager
def _wrong_decoder() -> Iterator[None]:
    """Let every codec decode its first element to something else."""

    def wrong(right: Callable[..., None]) -> Callable[..., None]:
        def decode(streams: Any, block: Any) -> None:
            right(streams, block)
            block.elements[:1] += 1

        return decode

    with ExitStack() as stack:
        for codec in CODECS.values():
            stack.enter_context(mock.patch.object(codec, "decode", wrong(codec.decode)))
        yield


FAULTS = (
    Fault("a bit of the artifact flipped", "artifact", _bit_flipped, 4, "CRC-32|SHA-256"),
    Fault("a bit of its header flipped", "artifact", _header_damaged, 4, "CRC-32"),
    Fault("an artifact cut short", "artifact", _cut_short, 4, "model.prunepack|SHA-256"),
    Fault(
        "an artifact of another export",
        "artifact",
        _of_another_export,
        1,
        r"parity\.weights\.differing_bytes <= 0, measured [\d,]+ bytes",
    ),
    Fault(
        "a forged artifact: one weight, all checksums right",
        "artifact",
        _forged,
        1,
        r"parity\.session\.differing_values <= 0, measured \d+ values \(output",
    ),
    Fault(
        "the same, without the models",
        "artifact",
        _forged_alone,
        1,
        r"fc3\.weight",
    ),
    Fault(
        "a decoder that returns a wrong tensor",
        "artifact",
        _nothing,
        4,
        "SHA-256",
        during=_wrong_decoder,
    ),
)
