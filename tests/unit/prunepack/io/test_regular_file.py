"""Reading ranges of a file that must stay the same file."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from prunepack.errors import RefusedError, UsageError
from prunepack.io.regular_file import RegularFile


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(bytes(range(200)))
    return path


def test_ranges(path):
    file = RegularFile(str(path))
    assert file.size == 200
    assert bytes(file.read(0, 200)) == bytes(range(200))
    assert bytes(file.read(150, 153)) == bytes([150, 151, 152])
    assert bytes(file.read(200, 200)) == b""
    with file.map_memory() as view:
        assert bytes(view) == bytes(range(200))


def test_an_empty_file(path):
    path.write_bytes(b"")
    file = RegularFile(str(path))
    assert (file.size, bytes(file.read(0, 0))) == (0, b"")
    with file.map_memory() as view:
        assert bytes(view) == b""


def test_threads_read_at_the_same_time(path):
    content = bytes(i * 7 % 256 for i in range(100_000))
    path.write_bytes(content)
    file = RegularFile(str(path))
    ranges = [(at, at + 997) for at in range(0, 99_000, 97)]
    with ThreadPoolExecutor(4) as pool:
        for (start, stop), found in zip(
            ranges, pool.map(lambda r: bytes(file.read(*r)), ranges), strict=True
        ):
            assert found == content[start:stop]


def look(file):
    with file.map_memory() as view:
        return bytes(view)


@pytest.mark.parametrize("use", [look, lambda file: file.read(0, 200)])
def test_a_file_that_is_another_or_shorter_now(use, path):
    file = RegularFile(str(path))
    path.write_bytes(bytes(100))
    with pytest.raises(RefusedError) as caught:
        use(file)
    assert str(caught.value) == (
        f"`{path}` has become shorter while it was read: expected 200 bytes, found 100. "
        "Let no other program write to the model meanwhile"
    )
    new = path.with_name("new")
    new.write_bytes(bytes(200))
    new.replace(path)
    with pytest.raises(RefusedError) as caught:
        use(file)
    assert str(caught.value) == (
        f"`{path}` has been replaced while it was read: expected the file that was there, "
        "found another. Let no other program write to the model meanwhile"
    )
    path.unlink()
    with pytest.raises(UsageError, match="cannot open"):
        use(file)
