"""A process that has imported what commands import, and forks a process for each command.

Imports are one to four seconds of a command. A forked process has the arguments, folder,
environment, streams and exit code of a process of its own; tests of starts and of imports use a
new one. The server reads a line of JSON per command, and answers with a line: the exit code.
"""

import gc
import json
import os
import sys
import traceback
from importlib import import_module

__all__ = ["serve"]

LIBRARIES = (
    *("torch", "torch._dynamo", "torch._export", "torch._functorch.aot_autograd"),
    *("torch.onnx._internal.exporter._core", "onnxscript.rewriter", "onnxruntime"),
    *("safetensors.torch", "scipy.stats", "prunepack.pipeline.build", "prunepack.pipeline.cli"),
)


def serve():
    """Run commands until the input ends."""
    for name in LIBRARIES:
        import_module(name)
    gc.freeze()  # a collection in a child would copy every page
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            perform(**json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def perform(words, cwd, env, streams):
    """Become the command, which ends this process."""
    for number, path in enumerate(streams):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.argv[:] = words
    sys.path[0] = words[0].rpartition("/")[0]
    code = 1
    try:
        import_module("prunepack.__main__").main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # handlers of libraries would wait for threads that are not forked


if __name__ == "__main__":
    serve()
