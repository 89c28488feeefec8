"""The wheel, installed: one name in site-packages, and extras that do what they promise."""

import shutil
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from tests.e2e.conftest import call

ROOT = Path(__file__).parents[2]
SOURCES = ("prunepack", "stages", "pipeline")
FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "constraints.txt")
NAME = "prunepack"

pytestmark = pytest.mark.slow

NET = """
from torch import nn

def build():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 10))
"""
RECIPE = """
[load]
model = "pipeline.net:build"
inputs = [{ name = "image", shape = [1, 28, 28] }]
[prune]
amount = 0.5
[finetune]
epochs = 0
"""
OWN = "raise RuntimeError('this file is the user\\'s own, not prunepack\\'s')\n"
GRAPH = """
import numpy as np
import onnxruntime
import prunepack

session = prunepack.open_session("small.prunepack", providers=["CPUExecutionProvider"])
assert session.run(None, {session.get_inputs()[0].name: np.zeros((1, 1, 28, 28), "f4")})
"""


REQUIREMENTS = """
from importlib.metadata import requires, version
from packaging.requirements import Requirement

for each in map(Requirement, requires("prunepack")):
    wanted = each.marker is None or each.marker.evaluate({"extra": "EXTRA"})
    if wanted and each.name != "prunepack":
        assert each.specifier.contains(version(each.name)), each
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment."""

    folder: Path

    @property
    def python(self):
        scripts = "Scripts" if sys.platform == "win32" else "bin"
        return self.folder / scripts / "python"

    @property
    def command(self):
        return self.python.with_name(NAME)

    @property
    def packages(self):
        (folder,) = self.folder.glob("[lL]ib/**/site-packages")
        return folder

    def pip(self, *arguments):
        tool = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
        subprocess.run([*tool, "--python", self.python, *arguments], check=True)

    def names(self):
        """Return the top-level names of site-packages, save those of distributions."""
        entries = (path.name for path in self.packages.iterdir())
        return {name for name in entries if not name.endswith((".dist-info", "__pycache__"))}

    def missing(self, *modules):
        """Return the modules that are not installed here."""
        code = (
            "import sys; from importlib.util import find_spec;"
            "print(*[name for name in sys.argv[1:] if not find_spec(name)])"
        )
        done = subprocess.run(
            [self.python, "-c", code, *modules], capture_output=True, text=True, check=True
        )
        return set(done.stdout.split())


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The wheel of this tree."""
    tree = tmp_path_factory.mktemp("tree")
    for name in SOURCES:
        ignored = shutil.ignore_patterns("__pycache__", "*.so")
        shutil.copytree(ROOT / name, tree / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, tree)
    tool = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "-q"]
    subprocess.run([*tool, "--no-deps", "-w", tree / "dist", tree], check=True)
    (built,) = (tree / "dist").iterdir()
    return built


@pytest.fixture
def environment(tmp_path):
    """An empty virtual environment."""
    venv.create(tmp_path / "env", symlinks=True)
    return Environment(tmp_path / "env")


@pytest.fixture
def borrowing(environment):
    """A virtual environment that borrows the packages of this one, save prunepack."""
    others = [path for path in sys.path if path.endswith("site-packages")]
    (environment.packages / "borrowed.pth").write_text("\n".join(others) + "\n")
    return environment


@pytest.fixture
def project(tmp_path):
    """A project with files whose names prunepack's own folders have too."""
    folder = tmp_path / "project"
    (folder / "pipeline").mkdir(parents=True)
    (folder / "pipeline/__init__.py").write_text("")
    (folder / "pipeline/net.py").write_text(NET)
    for name in ("stages.py", "pack.py"):
        (folder / name).write_text(OWN)
    (folder / "mine.toml").write_text(RECIPE)
    return folder


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and "artifacts" not in path.parts
    }


def test_the_wheel_holds_one_package(wheel):
    names = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert names == {NAME, f"{NAME}-{wheel.name.split('-')[1]}.dist-info"}


def test_the_wheel_holds_the_template_of_the_page(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    page = f"{NAME}/stages/reporting/page"
    assert {f"{page}/page.html.jinja", f"{page}/style.css"} <= set(names)


def test_the_metadata_names_licence_and_authors(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
        assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())
        assert f"{NAME}/py.typed" in archive.namelist()
    (info,) = tmp_path.glob("*.dist-info")
    metadata = PathDistribution(info).metadata
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Author"] == "prunepack contributors"
    assert metadata["Keywords"]
    assert metadata.get_all("Classifier")
    assert metadata.get_all("Project-URL") is None
    assert set(metadata.get_all("Provides-Extra")) >= {
        "build",
        "gate",
        "runtime",
        "runtime-cpu",
        "sign",
    }


@pytest.mark.parametrize("env", [{}, {"PYTHONPATH": "."}])
def test_a_project_with_the_same_names_keeps_its_own(wheel, borrowing, project, env):
    own = contents(project)
    theirs = borrowing.packages / "pipeline"
    theirs.mkdir()
    (theirs / "__init__.py").write_text(OWN)
    before = borrowing.names()
    borrowing.pip("install", "--no-deps", str(wheel))
    assert borrowing.names() - before == {NAME}
    done = call(
        *("run", "mine.toml", "--until", "pack"),
        cwd=project,
        command=(borrowing.command,),
        env={"HOME": str(Path.home()), **env},
    )
    assert done.code == 0, done.err
    assert (project / "artifacts/mine/model.prunepack").is_file()
    borrowing.pip("uninstall", "-y", NAME)
    assert borrowing.names() == before
    assert (theirs / "__init__.py").read_text() == OWN
    assert contents(project) == own


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A folder with the release of a small recipe, and a packed model of it."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "small.toml").write_text(
        "[finetune]\nepochs = 0\n[prune]\namount = 0.3\n[verify]\nsamples = 50\n"
        "[measure]\nrepeats = 10\nrounds = 5\nseconds = 0.1\nbatch_sizes = [1]\n"
    )
    done = call("run", "small.toml", cwd=folder)
    assert done.code == 0, done.err + done.out
    shutil.copy(folder / "artifacts/small/model.prunepack", folder / "small.prunepack")
    return folder


def install(environment, wheel, extra=""):
    environment.pip("install", "-c", ROOT / "constraints.txt", f"{wheel}{extra}")


def test_a_plain_install_reads_artifacts(wheel, environment, small, tmp_path):
    install(environment, wheel)
    heavy = {"torch", "onnx", "onnxruntime", "pydantic", "filelock"}
    assert environment.missing(*heavy) == heavy
    file = small / "small.prunepack"
    for words in (
        ("unpack", file, "-o", "out"),
        ("inspect", file),
        ("verify-file", file, "--against", "out/model.onnx"),
        ("diff", file, "out/model.onnx"),
        ("--version",),
    ):
        assert call(*words, cwd=tmp_path, command=(environment.command,)).code == 0
    done = call("run", "lenet", cwd=tmp_path, command=(environment.command,))
    assert done.code == 2
    assert "pip install 'prunepack[build]'" in done.error


def test_the_extra_gate_judges_reports(wheel, environment, small):
    install(environment, wheel, "[gate]")
    heavy = {"torch", "onnx", "onnxruntime"}
    assert environment.missing(*heavy) == heavy
    words = ("gate", "artifacts/small", "--artifact", "small.prunepack")
    assert call(*words, cwd=small, command=(environment.command,)).code == 0
    words = ("gate", "artifacts/small", "--limits", "size.ratio >= 1000")
    done = call(*words, cwd=small, command=(environment.command,))
    assert done.code == 1
    assert "size.ratio >= 1000" in done.out


def test_the_extra_runtime_cpu_runs_artifacts(wheel, environment, small):
    install(environment, wheel, "[runtime-cpu]")
    assert environment.missing("torch", "onnx") == {"torch", "onnx"}
    assert call("-c", GRAPH, cwd=small, command=(environment.python,)).code == 0


def test_the_extra_sign_signs(wheel, environment, small, tmp_path):
    install(environment, wheel, "[sign]")
    key = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / "key.pem"]
    subprocess.run(key, check=True)
    public = [
        "openssl",
        "pkey",
        "-in",
        tmp_path / "key.pem",
        "-pubout",
        "-out",
        tmp_path / "key.pub",
    ]
    subprocess.run(public, check=True)
    release = shutil.copytree(small / "artifacts/small", tmp_path / "release")
    statement, envelope = release / "provenance.json", release / "provenance.dsse.json"
    for words in (
        ("attest", release, "-o", statement),
        ("sign", statement, "--key", tmp_path / "key.pem", "-o", envelope),
        ("verify-signature", envelope, "--key", tmp_path / "key.pub"),
    ):
        done = call(*words, cwd=tmp_path, command=(environment.command,))
        assert done.code == 0, done.err


@pytest.mark.parametrize("extra", ["runtime", "build"])
def test_the_heavy_extras_are_satisfied_by_the_borrowed_packages(wheel, borrowing, small, extra):
    """Their packages are hundreds of megabytes, so pip checks them where they are borrowed."""
    borrowing.pip("install", "--no-deps", str(wheel))
    code = REQUIREMENTS.replace("EXTRA", extra)
    assert call("-c", code, cwd=small, command=(borrowing.python,)).code == 0
    if extra == "runtime":
        assert call("-c", GRAPH, cwd=small, command=(borrowing.python,)).code == 0
    else:
        assert call("run", "small.toml", cwd=small, command=(borrowing.command,)).code == 0
