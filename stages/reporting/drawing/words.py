"""Numbers of a report as short texts: sizes, ratios, percentages."""

from __future__ import annotations

import math

__all__ = ["format_bytes", "format_percent", "format_short", "format_times"]

UNITS = ("kB", "MB", "GB", "TB")


def format_bytes(size: float) -> str:
    """Return a size in decimal units with three or four digits, such as ``23.5 kB``."""
    if not math.isfinite(size) or abs(size) < 1000:
        return f"{size:,.0f} bytes"
    power = min(int(math.log10(abs(size) * 1.00005) / 3), len(UNITS))
    return f"{size / 1000**power:,.1f} {UNITS[power - 1]}"


def format_percent(value: float) -> str:
    """Return a percentage; one that is not 100 never reads so."""
    text = f"{value:.1f}" if value < 99 or value > 99.95 else f"{value:.2f}"
    return "99.99 %" if text.startswith("100") and value < 100 else f"{text} %"


def format_times(ratio: float) -> str:
    """Return a ratio, such as ``10.3×``."""
    return f"{ratio:.2f}×" if ratio < 9.995 else f"{ratio:,.1f}×"


def format_short(value: float) -> str:
    """Return a number with at most three digits, without trailing zeros."""
    if value == 0:
        return "0"
    return f"{value:.3g}" if 1e-3 <= abs(value) < 1e4 else f"{value:.0e}".replace("e-0", "e-")
