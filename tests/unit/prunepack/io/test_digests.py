"""SHA-256 of files."""

import hashlib

from prunepack.io.digests import hash_file


def test_the_digest_is_that_of_sha256sum(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"content" * 10**6)
    assert hash_file(path) == hashlib.sha256(b"content" * 10**6).hexdigest()
