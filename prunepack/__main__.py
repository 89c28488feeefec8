"""The command ``prunepack``, also as ``python -m prunepack``."""

from __future__ import annotations

from prunepack.pipeline.signals import exit_at_signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command line, which can be interrupted while it is imported too."""
    exit_at_signals()
    from prunepack.pipeline.cli import main

    main()


if __name__ == "__main__":
    main()
