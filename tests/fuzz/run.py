"""Fuzzing of one target with atheris (libFuzzer): ``python tests/fuzz/run.py TARGET --seconds N``.

Findings are written to ``findings/TARGET``, and from then on the tests replay them. The corpus
grows in ``build/fuzz/TARGET``.
"""

import argparse
import random
import resource
import shutil
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["prunepack"]):
    from mutations import Mutator
    from targets import HERE, TARGETS, seeds

GROWTH = 512 * 2**20
"""Bytes that the address space may grow by: many times what the limits of a target allow."""


def main():
    """Parse the command line and fuzz; ends the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    chosen = parser.parse_args()
    corpus, findings = Path("build/fuzz") / chosen.target, HERE / "findings" / chosen.target
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    for seed in seeds(chosen.target):
        shutil.copyfile(seed, corpus / seed.name)
    options = {
        "max_total_time": chosen.seconds,
        "max_len": 2**16,
        "timeout": 20,
        "rss_limit_mb": 2048,
        "artifact_prefix": f"{findings}/",
        "print_final_stats": 1,
    }
    words = [sys.argv[0], str(corpus), *(f"-{key}={value}" for key, value in options.items())]
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        fuzz(words, chosen.target, Path(folder))


def fuzz(words, target, folder):
    """Run libFuzzer with these words as its command line."""

    def one_input(data):
        TARGETS[target](data, folder)

    def mutate(data, most, seed):
        return getattr(Mutator(random.Random(seed), atheris.Mutate), target)(data, most)

    atheris.Setup(words, one_input, custom_mutator=mutate)
    _limit_memory()
    atheris.Fuzz()


def _limit_memory():
    """Let an allocation far beyond the limits of a target raise MemoryError, which is a finding."""
    with Path("/proc/self/statm").open() as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + GROWTH, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
