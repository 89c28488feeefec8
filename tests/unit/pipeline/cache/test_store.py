"""The store holds what was made, whole or not at all, and says so when it cannot."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
import subprocess
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from prunepack.errors import RefusedError, UsageError
from prunepack.pipeline.cache import objects
from prunepack.pipeline.cache.disk_errors import explain_full_disk
from prunepack.pipeline.cache.objects import SEALED, SMALL, hash_tree
from prunepack.pipeline.cache.store import Freed, Record, Store
from prunepack.pipeline.keys.material import Material
from prunepack.stages.contract.progress import Silent, reporting_to

NOBODY = 65534


def material(name: str = "pack") -> Material:
    return Material(
        stage=name, config={}, inputs={}, code={}, user={}, tools={}, python="3.11", host=""
    )


def put(store: Store, name: str = "pack", **files: str) -> Record:
    """Keep ``files`` under the key of a stage called ``name``."""
    with store.scratch(name) as scratch:
        for file, content in files.items():
            path = scratch / file.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        digest, stored = store.adopt(scratch)
    record = Record(digest=digest, files=stored, facts={}, material=material(name), seconds=1.0)
    store.record(record)
    return record


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def scratch_of(store: Store) -> list[str]:
    return names_in(store.folder / "scratch")


class Notes:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    track = Silent.track

    note = Silent.note

    def remark(self, text: str) -> None:
        self.lines.append(text)


def test_what_was_put_is_found_and_its_files_are_read_only(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        record = put(store, a="1", deep__b="22")
        found = store.find(record.material.key)
        files = [store.path(record.digest) / name for name in ("a", "deep/b")]
    assert found == record
    assert {name: file.size for name, file in found.files.items()} == {"a": 1, "deep/b": 2}
    assert found.files["deep/b"].sha256 == hashlib.sha256(b"22").hexdigest()
    assert [file.read_text() for file in files] == ["1", "22"]
    assert [stat.S_IMODE(file.stat().st_mode) & 0o222 for file in files] == [0, 0]


def test_facts_come_back_with_their_types(tmp_path: Path) -> None:
    facts = {"b": True, "f": 1.0, "i": 1, "s": "1", "zero": 0}
    with Store(tmp_path) as store:
        store.record(put(store, a="1").model_copy(update={"facts": facts}))
        found = store.find(material().key)
    assert found is not None
    assert repr(found.facts) == repr(facts)


def test_an_unknown_key_is_not_found(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        put(store, a="1")
        assert store.find(material("other").key) is None


def test_an_object_is_named_by_the_digest_of_its_tree(tmp_path: Path) -> None:
    with Store(tmp_path / "store") as store:
        record = put(store, a="1", deep__b="22")
        assert store.path(record.digest).name == hash_tree(store.path(record.digest))


@pytest.mark.parametrize(
    "other",
    [{"a": "1", "b": "3"}, {"a": "1", "c": "2"}, {"a": "12"}, {"a": "1", "d__b": "2"}, {"a": "1"}],
)
def test_the_digest_tells_names_and_contents_apart(tmp_path: Path, other: dict[str, str]) -> None:
    with Store(tmp_path) as store:
        assert put(store, a="1", b="2").digest != put(store, "other", **other).digest


def test_the_same_tree_is_kept_once(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        first, second = put(store, "one", a="1"), put(store, "two", a="1")
        assert first.digest == second.digest
        assert names_in(store.folder / "objects") == [first.digest]
        assert scratch_of(store) == []


def truncate(file: Path) -> None:
    os.truncate(file, 1)


def delete_folder(file: Path) -> None:
    shutil.rmtree(file.parent)


def flip_bit(file: Path) -> None:
    """Change one bit in place; the size and the time stay."""
    state, content = file.stat(), file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))


def link_elsewhere(file: Path) -> None:
    copy = file.parent.parent / "elsewhere"
    file.rename(copy)
    file.symlink_to(copy)


def add_file(file: Path) -> None:
    file.with_name("model.onnx.data").write_text("x")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (truncate, "weights has 1 bytes instead of 5"),
        (Path.unlink, "weights is missing"),
        (delete_folder, "its folder is missing"),
        (flip_bit, "weights has other contents"),
        (link_elsewhere, "weights is not a regular file"),
        (add_file, "model.onnx.data was added"),
    ],
)
def test_a_damaged_object_is_absent_and_can_be_rebuilt(tmp_path: Path, damage, said: str) -> None:
    notes = Notes()
    with Store(tmp_path) as store, reporting_to(notes):
        record = put(store, weights="12345", other="x")
        damage(store.path(record.digest) / "weights")
        assert store.find(record.material.key) is None
        assert notes.lines == [f"{store.path(record.digest)}: {said}; pack runs again"]
        assert set(names_in(store.folder / "objects")) <= {"elsewhere"}
        assert put(store, weights="12345", other="x") == record
        assert store.find(record.material.key) == record
        assert scratch_of(store) == []


def put_large(store: Store) -> tuple[Record, Path]:
    record = put(store, weights="1" * (SMALL + 1))
    return record, store.path(record.digest) / "weights"


def test_a_large_file_is_read_again_only_if_it_was_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path) as store:
        record, weights = put_large(store)
        with monkeypatch.context() as patch:
            patch.setattr(objects, "hash_file", lambda _: pytest.fail("it was read"))
            assert store.find(record.material.key) == record
        os.utime(weights)  # as a copy of the whole store does
        assert store.find(record.material.key) == record
        assert weights.stat().st_mtime == SEALED
        weights.chmod(0o644)
        with weights.open("r+b") as file:
            file.write(b"2")
        assert store.find(record.material.key) is None


def test_a_file_that_cannot_be_read_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path) as store:
        record = put(store, weights="12345")
        monkeypatch.setattr(objects, "hash_file", fail_with(errno.EIO))
        assert objects.describe_damage(store.path(record.digest), record.files) == (
            f"weights cannot be read ({os.strerror(errno.EIO)})"
        )


@pytest.mark.parametrize("change", ["key", "file"])
def test_a_record_that_does_not_describe_its_object_is_absent(tmp_path: Path, change: str) -> None:
    """A record copied to another key, or with the digest of another file."""
    with Store(tmp_path) as store:
        record, other = put(store, a="1"), material("other")
        action = store.folder / "actions" / f"{record.material.key}.json"
        content = json.loads(action.read_text())
        if change == "file":
            content["files"]["a"]["sha256"] = "0" * 64
        key = {"key": other.key, "file": record.material.key}[change]
        action.with_name(f"{key}.json").write_text(json.dumps(content))
        assert store.find(key) is None


def test_a_damaged_object_does_not_stop_the_whole_one_from_taking_its_place(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        record = put(store, weights="12345")
        truncate(store.path(record.digest) / "weights")
        put(store, "other", weights="12345")
        assert store.find(record.material.key) == record


def test_an_object_that_another_run_rebuilt_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path) as store, Store(tmp_path) as other:
        record = put(store, weights="12345")
        truncate(store.path(record.digest) / "weights")
        hold_objects = store._locks.hold_objects

        def hold_after_the_other():
            put(other, weights="12345")
            return hold_objects()

        monkeypatch.setattr(store._locks, "hold_objects", hold_after_the_other)
        assert store.find(record.material.key) == record
        assert store.path(record.digest).is_dir()


def test_objects_change_one_run_at_a_time(tmp_path: Path) -> None:
    with Store(tmp_path) as store, Store(tmp_path) as other:
        thread = threading.Thread(target=put, args=(other,), kwargs={"a": "1"})
        with store._locks.hold_objects():
            thread.start()
            thread.join(0.2)
            assert names_in(store.folder / "objects") == []
        thread.join()
        assert len(names_in(store.folder / "objects")) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"digest": "../../x"}', b"\xff\x00"])
def test_a_damaged_record_is_absent(tmp_path: Path, content: bytes) -> None:
    with Store(tmp_path) as store:
        key = put(store, a="1").material.key
        (store.folder / "actions" / f"{key}.json").write_bytes(content)
        assert store.find(key) is None


def test_a_record_whose_digest_leads_out_of_the_store_is_absent(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        key = put(store, a="1").material.key
        action = store.folder / "actions" / f"{key}.json"
        action.write_text(json.dumps(json.loads(action.read_text()) | {"digest": "../../.."}))
        assert store.find(key) is None


def interrupted_after(write) -> None:
    write("x")
    raise KeyboardInterrupt


def test_scratch_is_gone_after_an_exception(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        with pytest.raises(KeyboardInterrupt), store.scratch("prune") as scratch:
            interrupted_after((scratch / "half").write_text)
        assert scratch_of(store) == []


def test_the_next_run_clears_what_a_killed_one_left(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        left = store.folder / "scratch" / "prune-1-aa"
        left.mkdir()
        (left / "half").write_text("x")
        (store.folder / "scratch" / "draft.json-1-bb").write_text("{")
    with Store(tmp_path) as store:
        assert scratch_of(store) == []


def test_a_run_leaves_the_scratch_of_a_live_one_alone(tmp_path: Path) -> None:
    with Store(tmp_path) as live, live.scratch("prune") as scratch:
        with Store(tmp_path):
            assert scratch.is_dir()
        with Store(tmp_path):
            assert scratch.is_dir()


def test_gc_deletes_what_is_not_kept(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        kept, old, older = put(store, "a", a="1"), put(store, "b", b="22"), put(store, "c", c="333")
        (store.folder / "actions" / "broken.json").write_text("{")
        freed = store.gc({kept.digest})
        assert freed == Freed(actions=3, objects=2, bytes=5)
        assert store.find(kept.material.key) == kept
        assert store.find(old.material.key) is None
        assert names_in(store.folder / "objects") == [kept.digest]
        assert len(names_in(store.folder / "actions")) == 1
        assert scratch_of(store) == []
        assert not store.path(older.digest).exists()


def test_gc_refuses_while_a_run_is_at_work(tmp_path: Path) -> None:
    with Store(tmp_path) as run, Store(tmp_path) as store:
        record = put(run, a="1")
        with pytest.raises(UsageError) as error:
            store.gc(set())
        assert str(error.value) == (
            f"`{tmp_path}/.store` is in use: expected no run at work, found at least one. "
            "Try again when it is done"
        )
        assert run.find(record.material.key) == record


def test_after_a_refused_gc_the_store_still_holds_its_place_among_the_runs(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        with Store(tmp_path), pytest.raises(UsageError):
            store.gc(set())
        with store.scratch("prune") as scratch, Store(tmp_path):
            assert scratch.is_dir()


def test_below_a_file_there_is_no_store(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(UsageError) as error:
        Store(file / "artifacts")
    assert str(error.value) == (
        f"`{file}/artifacts` cannot be used: expected a folder that can be written to, "
        f"found Not a directory ({file}/artifacts/.store/actions). "
        "Remove the file that is in the place of a folder, or name another folder with --artifacts"
    )
    assert error.value.exit_code == 2
    assert file.read_text() == "mine"


def test_a_file_is_no_store(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(UsageError, match=r"Remove the file that is in the place of a folder"):
        Store(file)
    assert file.read_text() == "mine"


@contextmanager
def tiny_disk(folder: Path):
    """Mount 256 KiB at ``folder``; skip the test where that is not allowed."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full_is_named(tmp_path: Path) -> None:
    with tiny_disk(tmp_path) as disk, Store(disk) as store:
        record = put(store, a="1")
        with (
            pytest.raises(UsageError) as error,
            explain_full_disk(disk),
            store.scratch("pack") as scratch,
        ):
            (scratch / "big").write_bytes(bytes(1 << 20))
        assert "No space left on device" in str(error.value)
        assert str(error.value).startswith(f"`{disk}` cannot be used: ")
        assert scratch_of(store) == []
        assert store.find(record.material.key) == record


def fail_with(number: int):
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(number, os.strerror(number), "there")

    return fail


@pytest.mark.parametrize("call", ["fsync", "chmod"])
def test_a_disk_that_fills_up_while_keeping_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    with Store(tmp_path) as store:
        with monkeypatch.context() as patch:
            patch.setattr(os, call, fail_with(errno.ENOSPC))
            with pytest.raises(UsageError) as error:
                put(store, a="1")
        assert str(error.value) == (
            f"`{tmp_path}` cannot be used: expected a folder that can be written to, "
            "found No space left on device (there). Make room there (prunepack gc), "
            "or name another folder with --artifacts"
        )
        assert scratch_of(store) == names_in(store.folder / "objects") == []


def test_a_disk_that_fills_up_while_recording_leaves_the_old_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path) as store:
        record = put(store, a="1")
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail_with(errno.EDQUOT))
            with pytest.raises(UsageError, match="Make room there"):
                store.record(record.model_copy(update={"seconds": 2.0}))
        assert store.find(record.material.key) == record
        assert scratch_of(store) == []


def test_a_full_disk_is_seen_behind_the_error_of_a_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type(shutil.disk_usage(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 10, 0))
    with pytest.raises(UsageError) as error, explain_full_disk(tmp_path, "--output"):
        raise RuntimeError("PytorchStreamWriter failed")
    assert "No space left on device (PytorchStreamWriter failed)" in str(error.value)
    assert str(error.value).endswith("or name another folder with --output")
    with pytest.raises(RefusedError, match="bad model"), explain_full_disk(tmp_path):
        raise RefusedError("bad model")


def test_where_there_is_room_errors_pass_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"^mine$"), explain_full_disk(tmp_path):
        raise RuntimeError("mine")


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EROFS, "Allow yourself to write there, or name another folder with --artifacts"),
        (errno.EIO, "Name another folder with --artifacts"),
    ],
)
def test_every_refusal_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    monkeypatch.setattr(Path, "mkdir", fail_with(number))
    with pytest.raises(UsageError) as error:
        Store(tmp_path)
    assert f"found {os.strerror(number)} (there)" in str(error.value)
    assert str(error.value).endswith(advice)


def as_nobody(folder: Path) -> str:
    """Return the error of opening a store in ``folder`` without the right to write there."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setuid(NOBODY)
            Store(folder)
            os.write(writing, b"no error")
        except UsageError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        return pipe.read()


def test_a_folder_that_may_only_be_read_is_refused() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "locked"
        Path(name).chmod(0o755)
        folder.mkdir(mode=0o555)
        assert as_nobody(folder) == (
            f"`{folder}` cannot be used: expected a folder that can be written to, "
            f"found Permission denied ({folder}/.store). "
            "Allow yourself to write there, or name another folder with --artifacts"
        )
        assert names_in(folder) == []


def test_a_store_that_may_only_be_read_is_refused() -> None:
    with tempfile.TemporaryDirectory() as name:
        Store(Path(name)).close()
        for folder, _, files in os.walk(name):
            Path(folder).chmod(0o555)
            for file in files:
                Path(folder, file).chmod(0o444)
        try:
            said = as_nobody(Path(name))
        finally:
            for folder, _, _ in os.walk(name):
                Path(folder).chmod(0o755)
    assert f"found Permission denied ({name}/.store/lock)" in said
