"""Engines of other makers beside our sessions: same file, same core, in turns."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmarks.inference.sessions import find_error
from benchmarks.peer_environments import make_environment
from prunepack.errors import PrunepackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["PEERS", "Peer", "start_ours", "start_peers"]

ROOT = Path(__file__).parents[2]
ENGINES = "benchmarks.inference.engines.{}"


class Peer(NamedTuple):
    """An engine.

    Attributes:
        title: Its name in tables.
        module: Its module in ``engines``.
        environment: Its file of ``peer_requirements``; empty for our own environment.
        networks: The networks that it can run; empty for all.
        arguments: Arguments of its own.
    """

    title: str
    module: str
    environment: str
    networks: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


PEERS = {
    "deepsparse": Peer("DeepSparse 1.8", "deepsparse_engine", "deepsparse"),
    "openvino": Peer("OpenVINO 2026.4", "openvino_engine", "openvino"),
    "torch_csr": Peer(
        "torch CSR", "torch_csr_engine", "", ("bert", "bert_base", "vit_s", "minilm", "mlp")
    ),
}

OURS = {
    title: Peer(title, "session_engine", "", arguments=(kind,))
    for title, kind in (("dense", "off"), ("sparse", "auto"))
}
"""Our own sessions, each with a pool of threads that no other one disturbs."""


class Engine:
    """A running process of an engine.

    Attributes:
        output: Its first output for the batch.
    """

    def __init__(self, peer: Peer, model: Path, feed: Path, output: Path, threads: int = 1) -> None:
        python = make_environment(peer.environment) / "python" if peer.environment else None
        module = [str(python or sys.executable), "-m", ENGINES.format(peer.module)]
        self._messages = output.with_suffix(".log")
        with self._messages.open("w") as messages:
            self._process = subprocess.Popen(
                [*module, str(model), str(feed), str(threads), str(output), *peer.arguments],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=messages,
                text=True,
            )
        self._wait_until_ready(peer)
        self.output = np.load(output)

    def _wait_until_ready(self, peer: Peer) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            if line.strip() == "ready":
                return
        reasons = self._messages.read_text().strip().splitlines() or ["no reason"]
        raise PrunepackError(
            f"{peer.title} cannot run the model ({reasons[-1]})",
            hint="Run its module in `benchmarks/inference/engines` by hand",
        )

    def run(self, repeats: int) -> None:
        """Run the batch as often as told."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{repeats}\n")
        self._process.stdin.flush()
        while (line := self._process.stdout.readline()).strip() != "done":
            if not line:
                raise PrunepackError("an engine has ended", hint="Run its module by hand")

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        with suppress(OSError):
            self._process.stdin.close()
        self._process.wait()


@contextmanager
def _open_engines(
    model: Path, feed: Mapping[str, Any], threads: int
) -> Iterator[Callable[[str, Peer], Engine]]:
    """Yield a function that starts an engine on a batch; all end with the block."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        np.savez(folder / "feed.npz", **feed)

        def start(key: str, peer: Peer) -> Engine:
            engine = Engine(peer, model, folder / "feed.npz", folder / f"{key}.npy", threads)
            stack.callback(engine.close)
            return engine

        yield start


@contextmanager
def start_peers(
    name: str, model: Path, feed: Mapping[str, Any], expected: np.ndarray[Any, Any]
) -> Iterator[tuple[dict[str, Callable[[int], object]], dict[str, Any]]]:
    """Start all engines that can run a network, on one thread.

    Yields:
        The functions that run the batch, by engine; and by engine either the error of its
        output in times of the largest, or the reason why it does not run.
    """
    with _open_engines(model, feed, 1) as start:
        ways: dict[str, Callable[[int], object]] = {}
        notes: dict[str, Any] = {}
        for key, peer in PEERS.items():
            if peer.networks and name not in peer.networks:
                notes[key] = "no sparse convolution"
                continue
            try:
                engine = start(key, peer)
            except PrunepackError as error:
                notes[key] = str(error)
                continue
            ways[key] = engine.run
            notes[key] = find_error(expected, engine.output)
        yield ways, notes


@contextmanager
def start_ours(model: Path, feed: Mapping[str, Any], threads: int) -> Iterator[dict[str, Engine]]:
    """Start our sessions in processes of their own, and yield them by ``dense`` and ``sparse``."""
    with _open_engines(model, feed, threads) as start:
        yield {kind: start(kind, peer) for kind, peer in OURS.items()}
