"""Rates of the cost model: nanoseconds per unit of work, measured once per machine."""

from __future__ import annotations

import json
import os
import platform
import sys
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.io.atomic import replace_file
from prunepack.sparse.native import native
from prunepack.sparse.probes import measure_dense, measure_sparse

if TYPE_CHECKING:
    from prunepack.runtime.ort_types import OrtModule

__all__ = ["Rates", "encode_rates", "find_cache_file", "load_rates"]


UNREADABLE = OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError
"""Errors of a file that is missing or damaged."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Nanoseconds of one thread; the order of the fields is that of the native code.

    Attributes:
        dense_conv: Per multiplication of a convolution in onnxruntime.
        dense_many: Per multiplication of a matrix product with 32 or more input vectors.
        dense_few: Per weight and 4 input vectors, if they are fewer than 32.
        dense_one: Per weight with one input vector.
        sparse_many: Per nonzero weight and vector of output positions.
        sparse_one: Per nonzero weight with one input vector.
        pack: Per vector of packed inputs.
        finish: Per vector of sums and block of columns.
        call: Per layer.
    """

    dense_conv: float
    dense_many: float
    dense_few: float
    dense_one: float
    sparse_many: float
    sparse_one: float
    pack: float
    finish: float
    call: float = 3000.0


def load_rates(ort: OrtModule) -> Rates | None:
    """Return the rates of this machine, from the cache or measured now, in about a second.

    Returns:
        None if they cannot be kept: then the native code's own cautious rates apply, because
        measuring them for every process would cost more than they gain.
    """
    try:
        path = find_cache_file(ort)
        with suppress(*UNREADABLE):
            return _read(path)
        path.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # without a home, or a folder in it
        return None
    if not os.access(path.parent, os.W_OK):
        return None
    rates = Rates(*measure_dense(ort), *measure_sparse())
    with suppress(OSError), replace_file(path, durable=False) as scratch:
        scratch.write_text(json.dumps(asdict(rates)), encoding="utf-8")
    return rates


def _read(path: Path) -> Rates:
    values = json.loads(path.read_bytes())
    rates = Rates(**{field.name: float(values[field.name]) for field in fields(Rates)})
    if not all(0 <= value < 1e6 for value in astuple(rates)):
        raise ValueError(path)
    return rates


def find_cache_file(ort: OrtModule) -> Path:
    """Return where the rates of this processor and onnxruntime are kept.

    Raises:
        RuntimeError: If the user has no home.
    """
    assert native is not None
    name = f"{_read_processor()}-{native.architecture()}-onnxruntime-{ort.__version__}"
    safe = "".join(c if c.isalnum() or c in ".-" else "_" for c in name)
    return _find_cache_folder() / "prunepack" / "rates" / f"{safe}.json"


def _find_cache_folder() -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if folder.is_absolute():  # the standard ignores others
        return folder
    home = Path("~").expanduser()
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache")


def _read_processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def encode_rates(rates: Rates) -> str:
    """Return the rates as an option of the provider."""
    return " ".join(f"{value:.6g}" for value in astuple(rates))
