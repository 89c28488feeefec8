"""JSON with exactly one way to write each value (RFC 8785, and integers for the only numbers)."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from prunepack.errors import CorruptArtifactError

__all__ = ["LARGEST", "dumps", "loads"]

LARGEST = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 7493)."""

DIGITS = len(str(LARGEST))


def dumps(value: Any) -> bytes:
    """Write ``value``: sorted keys, no spaces, UTF-8."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8")


def loads(data: bytes) -> Any:
    """Read what :func:`dumps` wrote, and nothing else.

    Raises:
        CorruptArtifactError: If ``data`` is not UTF-8, not JSON, repeats a key, holds a number
            that is not an integer, nests too deeply or is not in canonical form.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_integer,
            parse_float=_no_number,
            parse_constant=_no_number,
        )
        again = dumps(value)
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise CorruptArtifactError(f"the header is not UTF-8 ({error.reason})") from error
    except RecursionError as error:
        raise CorruptArtifactError("the header nests too deeply") from error
    except ValueError as error:
        raise CorruptArtifactError(f"the header is not JSON ({error})") from error
    if again != data:
        raise _not_canonical(data, again)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise CorruptArtifactError(f"the header repeats the key {key[:40]!r}")
        found[key] = value
    return found


def _integer(text: str) -> int:
    if len(text) > DIGITS or int(text) not in range(LARGEST + 1):
        raise CorruptArtifactError(
            "wrong number in the header",
            expected=f"an integer from 0 to {LARGEST}",
            found=text[:40],
        )
    return int(text)


def _no_number(text: str) -> NoReturn:
    raise CorruptArtifactError(
        "wrong number in the header", expected=f"an integer from 0 to {LARGEST}", found=text[:40]
    )


def _not_canonical(data: bytes, again: bytes) -> CorruptArtifactError:
    pairs = enumerate(zip(data, again, strict=False))
    at = next((i for i, (a, b) in pairs if a != b), min(len(data), len(again)))
    return CorruptArtifactError(
        f"the header is not canonical JSON at byte {at}",
        expected=again[at : at + 20] or "its end",
        found=data[at : at + 20] or "its end",
    )
