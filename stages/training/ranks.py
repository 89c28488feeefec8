"""Processes of one training under torchrun: rank 0 leads, the others follow.

Rank 0 runs the command and writes all files. Before it trains, it sends each follower the job, and
all train together: each on its share of every batch, with gradients averaged by
``DistributedDataParallel``.
"""

from __future__ import annotations

import gc
import hashlib
import os
import warnings
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from prunepack.errors import RefusedError

if TYPE_CHECKING:
    from torch import nn

    from prunepack.stages.data.samples import Samples

__all__ = ["ALONE", "Ranks", "connect", "disconnect", "is_follower"]

T = TypeVar("T")

PATIENCE = timedelta(days=7)
"""Longest time that followers wait for the next job; torchrun ends them if rank 0 dies."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """The number of this process and the number of processes.

    Attributes:
        rank: The number of this process, from 0.
        count: The number of processes.
        local: The number of this process on its machine, which is that of its GPU.
    """

    rank: int = 0
    count: int = 1
    local: int = 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """Return ``model`` so that its gradients are averaged over the processes."""
        if self.count == 1:
            return model
        from torch.nn.parallel import DistributedDataParallel

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of the option's successor
            return DistributedDataParallel(
                model, find_unused_parameters=True, broadcast_buffers=False
            )

    def share(self, batch: Samples) -> Samples:
        """Return this process's share of a batch.

        All shares have the same number of samples: the first samples fill up the last share.
        """
        if self.count == 1:
            return batch
        import numpy as np

        size = -(-len(batch) // self.count)
        return batch.take(np.arange(self.rank * size, (self.rank + 1) * size) % len(batch))

    def broadcast(self, value: T) -> T:
        """Return the value of rank 0 in every process."""
        if self.count == 1:
            return value
        from torch import distributed

        values = [value]
        distributed.broadcast_object_list(values, src=0)
        return values[0]

    def receive(self) -> Any:
        """Return the value that rank 0 broadcasts next."""
        return self.broadcast(None)

    def share_buffers(self, model: nn.Module) -> None:
        """Copy the buffers of rank 0, such as running means, to all processes."""
        if self.count == 1:
            return
        from torch import distributed

        for buffer in model.buffers():
            distributed.broadcast(buffer, src=0)

    def check_equal(self, model: nn.Module) -> None:
        """Compare masks, weights and buffers of all processes, bit for bit.

        Raises:
            RefusedError: If a tensor differs; the error names it.
        """
        if self.count == 1:
            return
        from torch import distributed

        every: list[dict[str, str]] = [{} for _ in range(self.count)]
        distributed.all_gather_object(every, _digest_tensors(model))
        for rank, digests in enumerate(every):
            for name, digest in digests.items():
                if digest != every[0].get(name):
                    raise RefusedError(
                        f"the processes of the training differ in `{name}`",
                        expected="the same bits in every process",
                        found=f"other bits in process {rank} than in process 0",
                        hint="Wrap the model of your hook in DistributedDataParallel",
                    )


ALONE = Ranks()
"""The ranks of a training in one process."""


def is_follower() -> bool:
    """Return whether torchrun has started this process to follow rank 0."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("RANK", "0")) > 0


def connect() -> Ranks:
    """Return the ranks of this process, connected with the others under torchrun."""
    count = int(os.environ.get("WORLD_SIZE", "1")) if "TORCHELASTIC_RUN_ID" in os.environ else 1
    if count == 1:
        return ALONE
    import torch
    from torch import distributed

    if not distributed.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        distributed.init_process_group(backend, timeout=PATIENCE)
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if torch.cuda.is_available():
        torch.cuda.set_device(local)
    return Ranks(int(os.environ["RANK"]), count, local)


def disconnect() -> None:
    """End the connection with the other processes, when all are ready for it."""
    from torch import distributed

    if distributed.is_initialized():
        gc.collect()  # a DistributedDataParallel that still holds the group aborts the process
        distributed.barrier()
        distributed.destroy_process_group()


def _digest_tensors(model: nn.Module) -> dict[str, str]:
    """Return the SHA-256 of each tensor in the state dict of ``model``."""
    import torch

    digests = {}
    for name, tensor in model.state_dict().items():
        if isinstance(tensor, torch.Tensor):
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            digests[name] = hashlib.sha256(flat.view(torch.uint8).numpy().tobytes()).hexdigest()
    return digests
