"""Processes that torchrun starts: the first one runs the command, the others help it to train."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["run_with_followers"]


def run_with_followers(lead: Callable[[], int], assist: Callable[[Callable[[], int]], int]) -> int:
    """Call ``lead`` in the first process of torchrun, or in the only one; return the exit code.

    Args:
        lead: Runs the command.
        assist: Calls the given function as a command, with its failures reported.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ or os.environ.get("WORLD_SIZE", "1") == "1":
        return lead()
    # DistributedDataParallel warns that it looks for unused parameters where there are none
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    from prunepack.stages.finetune import dismiss_followers, follow
    from prunepack.stages.training.ranks import is_follower

    if is_follower():
        return assist(follow)
    code = lead()
    if code == 0:  # otherwise torchrun ends the others, which may be in the middle of a training
        dismiss_followers()
    return code
