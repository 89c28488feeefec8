"""Dockerfiles and hooks of pre-commit, as far as they can be checked without either tool."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file

from prunepack import pack
from prunepack.pipeline import cli
from prunepack.stages.data.downloads import cache_folder

ROOT = Path(__file__).parents[3]
DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))

each_file = pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
each_hook = pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])


def read_steps(path):
    """Return the instructions, each with its words."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], line.split()[1:]) for line in lines]


def test_there_is_one_for_each_side():
    assert [path.stem for path in DOCKERFILES] == ["build", "runtime"]


@each_file
def test_copied_files_exist_and_are_sent_to_docker(path):
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert ignored[0] == "*"
    sources = [
        source
        for name, words in read_steps(path)
        if name == "COPY" and not words[0].startswith("--from")
        for source in words[:-1]
    ]
    assert {"pyproject.toml", "setup.py", "prunepack", "stages", "pipeline"} <= set(sources)
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored, source


@each_file
def test_copies_between_stages_name_a_stage(path):
    steps = read_steps(path)
    stages = {
        words[words.index("AS") + 1] for name, words in steps if name == "FROM" and "AS" in words
    }
    used = {words[0].partition("=")[2] for name, words in steps if words[0].startswith("--from")}
    assert used == stages == {"wheel"}


@each_file
def test_extras_exist(path):
    (extra,) = re.findall(r"^ARG EXTRA=(.+)$", path.read_text(), re.MULTILINE)
    assert set(extra.split(",")) <= set(PROJECT["optional-dependencies"])
    heavy = {"build", "groups", "zoo", "dev"} & set(extra.split(","))
    assert bool(heavy) == (path.stem == "build")


@each_file
def test_python_is_one_that_the_package_takes(path):
    (version,) = re.findall(r"^ARG PYTHON=(.+)$", path.read_text(), re.MULTILINE)
    assert f">={version}" == PROJECT["requires-python"]


@each_file
def test_containers_run_the_command_without_root(path):
    steps = read_steps(path)
    assert ("ENTRYPOINT", ['["prunepack"]']) in steps
    names = [name for name, _ in steps]
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert "prunepack" in PROJECT["scripts"]


def test_the_cache_is_where_the_variable_says(monkeypatch):
    text = (ROOT / "docker" / "build.Dockerfile").read_text()
    (folder,) = re.findall(r"^ENV PRUNEPACK_CACHE=(.+)$", text, re.MULTILINE)
    monkeypatch.setenv("PRUNEPACK_CACHE", folder)
    assert cache_folder() == Path(folder)
    assert f"install -d -o prunepack {folder}" in text


@each_file
def test_commands_of_the_comments_exist(path):
    (line,) = re.findall(r"docker run .*", path.read_text())
    words = shlex.split(line)
    words = words[words.index(f"prunepack-{path.stem}") + 1 :]
    cli.prunepack.get_command(None, words[0]).make_context(words[0], words[1:])


@each_hook
def test_hooks_call_commands_that_exist(hook):
    assert {"id", "name", "description", "language", "files"} <= hook.keys()
    re.compile(hook["files"])
    (call,) = re.findall(r"prunepack ([a-z-]+(?: -q \"\$file\")?)", hook["entry"])
    command, *rest = shlex.split(call) + hook.get("args", [])
    cli.prunepack.get_command(None, command).make_context(command, rest)


def test_the_loop_over_artifacts_ends_at_a_damaged_one(tmp_path):
    (hook,) = [hook for hook in HOOKS if hook["id"] == "prunepack-verify-file"]
    model = {"w": np.ones((64, 64), np.float32)}
    save_file(model, tmp_path / "m.safetensors")
    pack(tmp_path / "m.safetensors", tmp_path / "good.prunepack")
    content = bytearray((tmp_path / "good.prunepack").read_bytes())
    content[-40] ^= 1
    (tmp_path / "bad.prunepack").write_bytes(content)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for names, code in ((["good", "good"], 0), (["bad", "good"], 1), (["good", "bad"], 1)):
        words = [*shlex.split(hook["entry"]), *(f"{name}.prunepack" for name in names)]
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, check=False
        )
        assert done.returncode == code, done


@each_hook
def test_hooks_install_dependencies_of_the_gate(hook):
    assert set(hook["additional_dependencies"]) <= set(PROJECT["optional-dependencies"]["gate"])


def test_hooks_are_those_of_the_howto():
    page = (ROOT / "docs" / "how-to" / "ci.md").read_text(encoding="utf-8")
    for hook in HOOKS:
        assert f"`{hook['id']}`" in page or f"id: {hook['id']}" in page
