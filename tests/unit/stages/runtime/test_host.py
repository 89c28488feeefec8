"""The machine: its processor and the cores that this process may use."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from prunepack.stages.runtime.host import host_name


def test_processor_and_cores():
    name, _, cores = host_name().rpartition(", ")
    assert name
    assert "\n" not in name
    count, word = cores.split()
    assert word == "cores"
    assert 1 <= int(count) <= os.cpu_count()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_cores_that_this_process_may_not_use_do_not_count():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from prunepack.stages.runtime.host import host_name; print(host_name())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith(", 1 cores")


@pytest.mark.parametrize("text", ["processor : 0\nflags : x\n", None])
def test_a_machine_that_does_not_say_its_processor(monkeypatch, text):
    def read(path, *_, **__):
        if text is None:
            raise OSError
        return text

    monkeypatch.setattr(Path, "read_text", read)
    machine = platform.machine() if text else platform.processor() or platform.machine()
    assert host_name().startswith(f"{machine}, ")
