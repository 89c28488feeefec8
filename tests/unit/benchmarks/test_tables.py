"""Tables of results; a result that is not there is told."""

import json

import pytest

from benchmarks import results
from benchmarks.render import TABLES, render_text
from benchmarks.tables.install import install_table
from benchmarks.tables.markdown import table
from benchmarks.tables.memory import decode_memory_table, large_model_table
from benchmarks.tables.session import session_table
from benchmarks.tables.size import size_table, smaller_table, tools_table
from benchmarks.tables.speed import speed_table


@pytest.fixture(autouse=True)
def write(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    return lambda name, value: (tmp_path / f"{name}.json").write_text(json.dumps(value))


def test_markdown():
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n|---|---|\n| 1 | 2 |"
    assert table(("a",), [], "Below.") == "| a |\n|---|\n\nBelow."


@pytest.mark.parametrize("name", TABLES)
def test_a_result_that_is_missing(name):
    page = render_text(f"<!-- {name} -->\n<!-- /{name} -->\n")
    _, line, _ = page.split("\n", 2)
    assert line.startswith("Not measured yet: `benchmarks/results/")
    assert line.endswith(".json` is missing.")


def size_case(precision="fp32"):
    found = {"model": "minilm", "sparsity": 0.9, "precision": precision, "onnx": 1000}
    return {**found, "sizes": {"fast": 110, "small": 100, "max": 80, "xz": 125}, "entropy": 90}


def test_sizes(write):
    write(
        "size",
        {
            "tools": {"xz": {"tool": "liblzma 5", "takes": "file"}},
            "cases": [size_case(), size_case("int8")],
        },
    )
    assert smaller_table().splitlines() == [
        "|  | **small** | **max** | xz |",
        "|---|---|---|---|",
        "| MiniLM-L6 | 10.00× | **12.50×** | 8.00× |",
    ]
    *_, last = size_table().splitlines()
    ours = "9.09× | 10.00× | **12.50×**"
    assert last == f"| MiniLM-L6 | 90 % int8 | 1,000 | {ours} | 8.00× | 11.11× |"
    assert tools_table().endswith("| `xz` | liblzma 5 | file |")


def test_speeds(write):
    ratio = {"ratio": 3.456, "low": 3.2, "high": 3.71}
    speeds = {name: {"speeds": {"fast": 3210.4}} for name in ("decode_file", "encode")}
    case = {
        "model": "crepe_full",
        "sparsity": 0.9,
        "decode": {"speeds": {"fast": 4000, "new pages": 9000}, "times_pcodec": {"fast": ratio}},
        **speeds,
        "encode_file": {"speeds": {"fast": 200}},
        "threads": {"fast": ratio},
    }
    write("speed", {"host": "a host", "rounds": 15, "cases": [case]})
    assert speed_table().splitlines()[2:] == [
        "| 90 % | decode, chunks to arrays | fast | 4,000 | ≥ 3,000 |",
        "| 90 % | decode, chunks to arrays | new pages | 9,000 |  |",
        "| 90 % | … in times of pcodec dense | fast | 3.46 (3.20–3.71) | ≥ 3 |",
        "| 90 % | decode, whole file with SHA-256 | fast | 3,210 |  |",
        "| 90 % | encode, arrays to chunks | fast | 3,210 | ≥ 400 |",
        "| 90 % | pack, whole file and proof | fast | 200 |  |",
        "| 90 % | two threads in times of one | fast | 3.46 (3.20–3.71) | ≥ 1.5 |",
        "",
        "Measured on a host, 15 rounds.",
    ]


def test_memory(write):
    task = {"before": 40_000_000, "peak": 140_000_000, "seconds": 2.4}
    decoded = {"model": "minilm", **task, "dense": 90_000_000, "extra": 0.1111}
    tasks = {"pack": task, "unpack": task, "start": task}
    large = {"bytes": 6_000_000_000, "artifact": 600_000_000, **tasks}
    write("memory", {"host": "a host", "decode": [decoded], "large": large})
    assert decode_memory_table().splitlines()[2] == (
        "| MiniLM-L6 | 90.0 MB | 100.0 MB | 11.1 % | ≤ 15 % |"
    )
    lines = large_model_table().splitlines()
    assert lines[2] == "| `pack` | 140 MB | 2 s | < 1,000 MB |"
    assert lines[-1].startswith("6,000,000,000 bytes of weights, an artifact of 600,000,000 bytes.")


def test_sessions(write):
    start = {"starts": 21, "first_result_seconds": 0.5, "peak_bytes": 150_000_000}
    ratio = {"ratio": 0.973, "ratio_interval": [0.95, 1.004]}
    ways = {
        "plain": {**start, "ratio": 1, "ratio_interval": [1, 1], "same_outputs": True},
        "optimised": {**start, **ratio, "same_outputs": True},
        "instant": {**start, **ratio, "same_outputs": False},
    }
    write("session", {"host": "a host", "models": {"lenet": ways}})
    assert session_table().splitlines()[2:] == [
        "| LeNet | `.onnx` in onnxruntime | 0.500 |  | 150 MB |  |  |",
        "| LeNet | optimised | 0.500 | 0.97 (0.95–1.00) | 150 MB | the same bits | ≤ 1.25 |",
        "| LeNet | instant | 0.500 | 0.97 (0.95–1.00) | 150 MB | differ |  |",
        "",
        "Medians of 21 processes each on a host.",
    ]


def test_install(write):
    seconds = {"median": 0.0304, "least": 0.02, "most": 0.05, "runs": 25}
    sizes = {
        "numpy 2.4": {"files": 57_400_000, "bytecode": 14_000_000},
        "pcodec 1.1": {"files": 1_500_000, "bytecode": 0},
    }
    write(
        "install",
        {
            "host": "a host",
            "bytes": sizes,
            "import_seconds": seconds,
            "import_reader_seconds": {**seconds, "median": 0.1},
        },
    )
    lines = install_table().splitlines()
    assert lines[2] == "| numpy 2.4 | 57.4 MB | 14.0 MB |"
    assert lines[4] == "| **together** | **58.9 MB** | **14.0 MB** |"
    assert "`import prunepack`: 0.030 s (0.020–0.050); with its reader: 0.100 s" in lines[-1]
