"""Installed packages: versions, and which files belong to the libraries that prunepack needs."""

import sys
import sysconfig

import click
import numpy as np
import pydantic_core
import pytest
import safetensors

from prunepack import errors
from prunepack.pipeline.keys.digests import installed_version
from prunepack.pipeline.reads import packages
from prunepack.pipeline.reads.packages import (
    find_changed_packages,
    is_own_file,
    list_imported_packages,
)


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed packages with one that is not prunepack's: ``tidy`` 1.0."""
    folder = tmp_path / "lib/site-packages"
    (folder / "tidy").mkdir(parents=True)
    (folder / "tidy/__init__.py").write_text("SCALE = 1\n")
    install(folder, "1.0")
    monkeypatch.syspath_prepend(folder)
    forget()
    yield folder
    sys.modules.pop("tidy", None)
    forget()


def install(folder, version):
    for old in folder.glob("*.dist-info/METADATA"):
        old.unlink()
        old.with_name("top_level.txt").unlink()
        old.parent.rmdir()
    info = folder / f"tidy-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tidy\nVersion: {version}\n")
    (info / "top_level.txt").write_text("tidy\n")


def forget():
    installed_version.cache_clear()
    packages._list_providers.cache_clear()


def test_an_imported_package_is_listed_with_its_version(site):
    assert "tidy" not in list_imported_packages()
    __import__("tidy")
    found = list_imported_packages()
    assert found["tidy"] == "1.0"
    assert found["numpy"] == np.__version__
    assert "prunepack" not in found


@pytest.mark.parametrize(("version", "shown"), [("1.1", "1.1"), (None, "(none)")])
def test_another_version_is_a_change(site, version, shown):
    assert find_changed_packages({"tidy": "1.0"}) == []
    if version:
        install(site, version)
    else:
        (site / "tidy-1.0.dist-info/METADATA").unlink()
        (site / "tidy-1.0.dist-info").rename(site / "gone")
    forget()
    assert find_changed_packages({"tidy": "1.0"}) == [f"package tidy 1.0 → {shown}"]


def test_only_python_prunepack_and_its_libraries_are_its_own(site):
    own = [
        np.__file__,
        click.__file__,
        safetensors.__file__,
        pydantic_core.__file__,
        errors.__file__,
        sys.modules["os"].__file__,
    ]
    assert all(is_own_file(path) for path in own)
    assert is_own_file(str(site / "tidy-1.0.dist-info/METADATA"))
    assert is_own_file(str(site / "tidy.pth"))
    assert is_own_file(str(site.parent / "checkout/tidy.egg-info/top_level.txt"))
    others = [
        site / "tidy/__init__.py",
        site / "loose.py",
        site.parent / "mine.py",
        site.parent / "w.pth",
    ]
    assert not any(is_own_file(str(path)) for path in others)


def test_the_libraries_of_libraries_count():
    found = packages._list_libraries()
    assert {"torch", "numpy", "sympy", "onnx"} <= found
    assert found.isdisjoint({"pytest", "optuna", "transformers"})


@pytest.mark.parametrize(
    "name", ["onnxruntime", "pydantic", "pydantic-core", "safetensors", "scipy", "ml-dtypes"]
)
def test_the_libraries_of_nested_extras_count(name):
    """`build` needs `prunepack[onnx]`, which needs `prunepack[runtime]`."""
    assert name in packages._list_libraries()


def test_a_package_that_torch_imports_where_it_is_installed_is_a_library():
    """tqdm copies all variables when it is imported, and the user's code did not ask for that."""
    tqdm = pytest.importorskip("tqdm")
    assert is_own_file(tqdm.__file__)


def test_the_command_is_prunepacks_own_and_no_other_one_beside_it_is():
    """torch formats stacks, for which Python reads the file of the command."""
    folder = sysconfig.get_path("scripts")
    assert is_own_file(f"{folder}/prunepack")
    assert not is_own_file(f"{folder}/prunepack-other")
