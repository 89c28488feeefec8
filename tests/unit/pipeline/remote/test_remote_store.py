"""A remote store gives what it holds only if every byte is right."""

import json
import sys

import pytest

from prunepack.errors import UsageError
from prunepack.pipeline.remote.store import open_store
from prunepack.pipeline.runner import Runner
from prunepack.stages.contract.outputs import PackedArtifact
from prunepack.stages.contract.progress import reporting_to
from prunepack.stages.contract.stage import Config, stage
from tests.unit.pipeline.remote.buckets import serve_bucket

fsspec_registry = pytest.importorskip("fsspec.registry")


class WriteConfig(Config):
    seed: int = 0


@stage(produces=PackedArtifact)
def write(config: WriteConfig, out):
    (out / "deep").mkdir()
    (out / "deep" / "a.txt").write_text(f"{config.seed} " * 1000)
    (out / "model.prunepack").write_bytes(b"x" * 5000)
    return {"seed": config.seed}


class Listener:
    def __init__(self):
        self.remarks = []

    def track(self, items, *_):
        yield from items

    def note(self, text):
        pass

    def remark(self, text):
        self.remarks.append(text)


def work(root, remote, seed=0):
    """Run the stage on one machine and push; return its event and the remarks."""
    events, listener = [], Listener()
    with reporting_to(listener), open_store(root, remote) as store:
        Runner(store, on_event=events.append)(write, WriteConfig(seed=seed))
        store.share(events)
    return events[0], listener.remarks


@pytest.fixture
def bucket(monkeypatch):
    """The address of a bucket in a real server of moto's."""
    s3fs = pytest.importorskip("s3fs")
    s3fs.S3FileSystem.clear_instance_cache()
    with serve_bucket(monkeypatch) as address:
        yield address
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture(params=["folder", "file", "bucket"])
def remote(request, tmp_path):
    if request.param == "bucket":
        return request.getfixturevalue("bucket")
    place = tmp_path / "shared" / "store"
    return str(place) if request.param == "folder" else place.as_uri()


def open_files(remote):
    import fsspec

    system, root = fsspec.url_to_fs(remote)
    return system, root.rstrip("/")


def find_copy(remote, ending):
    system, root = open_files(remote)
    system.invalidate_cache()
    (path,) = [path for path in system.find(root) if path.endswith(ending)]
    return system, path


def test_another_machine_builds_nothing_again(tmp_path, remote):
    first, _ = work(tmp_path / "a", remote)
    second, remarks = work(tmp_path / "b", remote)
    assert (first.reused, second.reused) == (False, True)
    assert first.digest == second.digest
    assert remarks == []
    content = (second.path / "deep" / "a.txt").read_text()
    assert content == "0 " * 1000


def cut(content):
    return content[: len(content) // 2]


def flip(content):
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize("damage", [cut, flip, lambda _: b"", None])
@pytest.mark.parametrize("ending", ["a.txt", "model.prunepack", ".json"])
def test_a_damaged_copy_is_refused_and_rebuilt(tmp_path, remote, damage, ending):
    first, _ = work(tmp_path / "a", remote)
    system, path = find_copy(remote, ending)
    if damage is None:
        system.rm_file(path)
    else:
        system.pipe_file(path, damage(system.cat_file(path)))
    second, remarks = work(tmp_path / "b", remote)
    assert not second.reused
    assert second.digest == first.digest
    is_missing = damage is None and ending == ".json"
    assert bool(remarks) != is_missing
    assert all("the stage runs again, and replaces it" in text for text in remarks)
    third, remarks = work(tmp_path / "c", remote)
    assert third.reused
    assert remarks == []


@pytest.mark.parametrize("name", ["../escaped.txt", "/tmp/escaped.txt", "deep/../../escaped.txt"])
def test_a_record_cannot_write_outside_of_its_folder(tmp_path, name):
    remote = str(tmp_path / "shared")
    work(tmp_path / "a", remote)
    system, path = find_copy(remote, ".json")
    record = json.loads(system.cat_file(path))
    record["files"] = {name: record["files"].pop("deep/a.txt")}
    from prunepack.pipeline.cache.objects import StoredFile, hash_listing

    files = {key: StoredFile.model_validate(value) for key, value in record["files"].items()}
    record["digest"] = hash_listing(files)
    system.pipe_file(path, json.dumps(record).encode())
    second, remarks = work(tmp_path / "b", remote)
    assert not second.reused
    assert "names a file outside of its folder" in remarks[0]
    assert not list(tmp_path.rglob("escaped.txt"))


def test_a_record_of_another_key_is_refused(tmp_path):
    remote = str(tmp_path / "shared")
    work(tmp_path / "a", remote)
    one, _ = work(tmp_path / "b", remote, seed=1)
    system, root = open_files(remote)
    zero, _ = work(tmp_path / "a", remote)
    system.copy(f"{root}/actions/{zero.key}.json", f"{root}/actions/{one.key}.json")
    again, remarks = work(tmp_path / "c", remote, seed=1)
    assert not again.reused
    assert "is of another result" in remarks[0]


def refuse(tmp_path, remote):
    with pytest.raises(UsageError) as caught:
        work(tmp_path / "a", remote)
    return caught.value


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path):
    (tmp_path / "file").touch()
    error = refuse(tmp_path, str(tmp_path / "file" / "store"))
    assert error.what == f"the remote store `{tmp_path}/file/store` cannot be used"
    assert error.expected == "a folder or a bucket that can be written to"
    assert error.hint == "Check the address, the credentials and the rights"


def test_a_bucket_that_does_not_exist_is_refused(tmp_path, bucket):
    error = refuse(tmp_path, "s3://other/store")
    assert error.what == "the remote store `s3://other/store` cannot be used"
    assert "bucket" in error.found.lower()


def test_a_server_that_does_not_answer_is_refused(tmp_path, bucket, monkeypatch):
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    error = refuse(tmp_path, "s3://models/store")
    assert error.what == "the remote store `s3://models/store` cannot be used"


def test_an_unknown_scheme_is_refused(tmp_path):
    error = refuse(tmp_path, "gopher://host/store")
    assert error.what == "the remote store `gopher://host/store` cannot be used"


@pytest.mark.parametrize("package", ["fsspec", "s3fs"])
def test_a_package_that_is_not_installed_is_named_with_its_extra(tmp_path, monkeypatch, package):
    monkeypatch.delitem(fsspec_registry._registry, "s3", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    error = refuse(tmp_path, "s3://models/store")
    assert error.what == "--remote needs a package that is not installed"
    assert package in error.found
    assert error.hint == "Run `pip install 'prunepack[distributed]'`"


def test_a_push_that_fails_is_tried_again(tmp_path, monkeypatch):
    remote, listener, events = str(tmp_path / "shared"), Listener(), []
    with reporting_to(listener), open_store(tmp_path / "a", remote) as store:
        Runner(store, on_event=events.append)(write, WriteConfig())
        (tmp_path / "shared" / "objects").touch()
        store.share(events)
        assert (
            "the results were not pushed, and will be after the next trial" in listener.remarks[0]
        )
        (tmp_path / "shared" / "objects").unlink()
        store.share(events)
    assert work(tmp_path / "b", remote)[0].reused
