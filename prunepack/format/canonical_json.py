"""Canonical JSON (RFC 8785): exactly one form of each value, with integers as the only numbers."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from prunepack.errors import CorruptArtifactError, quote

__all__ = ["MAX_INTEGER", "dumps", "loads"]

MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 7493)."""

DIGITS = len(str(MAX_INTEGER))


def dumps(value: Any) -> bytes:
    """Return ``value`` in canonical form: sorted keys, no spaces, UTF-8.

    Raises:
        ValueError: If ``value`` holds NaN or an infinity.
    """
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8")


def loads(data: bytes) -> Any:
    """Parse JSON in exactly the form of :func:`dumps`.

    Raises:
        CorruptArtifactError: If ``data`` is not UTF-8, not JSON, repeats a key, holds a number
            that is not an integer, nests too deeply, or has another form.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_check_keys,
            parse_int=_parse_integer,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
        again = dumps(value)
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise CorruptArtifactError(f"the header is not UTF-8 ({error.reason})") from error
    except RecursionError as error:
        raise CorruptArtifactError("the header nests too deeply") from error
    except ValueError as error:
        raise CorruptArtifactError(f"the header is not JSON ({error})") from error
    if again != data:
        raise _describe_difference(data, again)
    return value


def _check_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for key, value in pairs:
        if key in entries:
            raise CorruptArtifactError(f"the header repeats the key {quote(key[:40])}")
        entries[key] = value
    return entries


def _parse_integer(text: str) -> int:
    if len(text) > DIGITS or int(text) not in range(MAX_INTEGER + 1):
        raise CorruptArtifactError(
            "wrong number in the header",
            expected=f"an integer from 0 to {MAX_INTEGER}",
            found=text[:40],
        )
    return int(text)


def _refuse_number(text: str) -> NoReturn:
    raise CorruptArtifactError(
        "wrong number in the header",
        expected=f"an integer from 0 to {MAX_INTEGER}",
        found=text[:40],
    )


def _describe_difference(data: bytes, again: bytes) -> CorruptArtifactError:
    pairs = enumerate(zip(data, again, strict=False))
    at = next((i for i, (a, b) in pairs if a != b), min(len(data), len(again)))
    return CorruptArtifactError(
        f"the header is not canonical JSON at byte {at}",
        expected=again[at : at + 20] or "its end",
        found=data[at : at + 20] or "its end",
    )
