"""A run of the command line in this process, and the files that it leaves behind."""

import contextlib
import io
import json
import os
import resource
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["Release", "Run", "restored_process", "run_command"]

SECONDS = 240
ROOT = Path(__file__).resolve().parents[2]
"""The folder of the project, whose `pipeline/` and `stages/` users do not have on their path."""
MEMORY = 6 << 30
"""Bytes of address space that a run may add to those of this process."""


class OutOfTimeError(BaseException):
    """A run took too long; not an `Exception`, so that no handler takes it for a user's error."""


@dataclass(frozen=True)
class Run:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str

    @property
    def document(self):
        """The one JSON document on stdout; None where stdout holds anything else."""
        try:
            return json.loads(self.out)
        except ValueError:
            return None

    @property
    def error(self):
        document = self.document
        return document.get("error") if isinstance(document, dict) else None


@dataclass(frozen=True)
class Release:
    """`artifacts/recipe/` of one run."""

    folder: Path

    @property
    def report(self):
        return json.loads((self.folder / "report.json").read_text())

    @property
    def notes(self):
        """Every note of the report and of its metrics, as one text."""
        report = self.report
        notes = [note["text"] for note in report.get("notes", [])]
        notes += [metric.get("note") or "" for metric in report["metrics"].values()]
        return "\n".join(notes)

    @property
    def graph(self):
        import onnx

        return onnx.load(self.folder / "model.onnx").graph

    @property
    def inputs(self):
        """Names and shapes of the inputs; a text is a dynamic axis."""
        return {value.name: _shape(value) for value in self.graph.input}

    @property
    def outputs(self):
        return [value.name for value in self.graph.output]

    def weight(self, name):
        """Return the initializer that holds the state dict's `name`, as torch has it."""
        import onnx

        arrays = {tensor.name: tensor for tensor in self.graph.initializer}
        if name in arrays:
            return onnx.numpy_helper.to_array(arrays[name])
        return onnx.numpy_helper.to_array(arrays[f"{name}.T"]).T

    def masked_state(self):
        import torch

        return torch.load(self.folder / "pruned_model.pth", weights_only=True)

    def call(self, **feeds):
        """Run the ONNX model on arrays by name."""
        import onnxruntime

        session = onnxruntime.InferenceSession(
            self.folder / "model.onnx", providers=["CPUExecutionProvider"]
        )
        return session.run(None, {name: np.asarray(array) for name, array in feeds.items()})


def _shape(value):
    dims = value.type.tensor_type.shape.dim
    return [dim.dim_param or dim.dim_value for dim in dims]


def run_command(arguments, folder):
    """Run `prunepack ARGUMENTS` in `folder` and return its exit code and what it printed."""
    from prunepack.pipeline.cli import main

    out, err = io.StringIO(), io.StringIO()
    with (
        restored_process(),
        _bounded(),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        os.chdir(folder)
        sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != ROOT]
        sys.argv = ["prunepack", *map(str, arguments)]
        try:
            main()
        except SystemExit as stopped:
            code = int(stopped.code or 0)
    return Run(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def restored_process():
    """Give back what user code may change in this process, so that no kind sees another one."""
    import torch

    modules, path, argv, folder = set(sys.modules), [*sys.path], sys.argv, Path.cwd()
    dtype, state = torch.get_default_dtype(), torch.random.get_rng_state()
    gradients = torch.is_grad_enabled()
    try:
        yield
    finally:
        os.chdir(folder)
        sys.path[:], sys.argv = path, argv
        for name in set(sys.modules) - modules:
            origin = getattr(sys.modules[name], "__file__", None) or ""
            if "site-packages" not in origin and "/tmp" in origin:
                del sys.modules[name]
        torch.set_default_dtype(dtype)
        torch.set_default_device(None)
        torch.set_grad_enabled(gradients)
        torch.random.set_rng_state(state)


@contextlib.contextmanager
def _bounded():
    """Stop a run that takes too long or too much memory; `dataset_endless` would take all."""

    def stop(_signal, _frame):
        raise OutOfTimeError(f"longer than {SECONDS} s")

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
