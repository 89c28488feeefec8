"""A signature stands for files: the ones that were signed, all of them, and no others."""

import hashlib
import json
import subprocess

import pytest

from prunepack.errors import RefusedError
from prunepack.pipeline.release.signatures import ENVELOPE, check_files, check_signature
from prunepack.stages.metrics.files import MetricSet
from prunepack.stages.provenance.signing import sign_statement
from prunepack.stages.provenance.statement import STATEMENT_TYPE

CONTENTS = {"model.prunepack": b"packed", "report.json": b"{}"}


def sha(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def key(tmp_path):
    private, public = tmp_path / "key.pem", tmp_path / "key.pub"
    for call in (
        ["openssl", "genpkey", "-algorithm", "ed25519", "-out", private],
        ["openssl", "pkey", "-in", private, "-pubout", "-out", public],
    ):
        subprocess.run(call, check=True, capture_output=True)
    return public


@pytest.fixture
def release(tmp_path, key):
    """A signed release, and a way to sign it over other names."""

    def release(**names):
        folder = tmp_path / "release"
        folder.mkdir(exist_ok=True)
        digests = {}
        for name, content in CONTENTS.items():
            (folder / name).write_bytes(content)
            digests[names.get(name.partition(".")[0], name)] = sha(content)
        subject = [{"name": name, "digest": {"sha256": one}} for name, one in digests.items()]
        payload = json.dumps({"_type": STATEMENT_TYPE, "subject": subject}).encode()
        (folder / ENVELOPE).write_bytes(sign_statement(payload, key.with_suffix(".pem")))
        return folder

    return release


def measured(content=CONTENTS["model.prunepack"]):
    return MetricSet({}, {"model.prunepack": sha(content)})


def test_a_release_as_it_was_signed(release, key):
    folder = release()
    assert check_files(folder / ENVELOPE, key, folder) == {
        name: sha(content) for name, content in CONTENTS.items()
    }
    check_signature(measured(), folder / "report.json", folder / ENVELOPE, key)


@pytest.mark.parametrize("name", CONTENTS)
def test_a_changed_file(name, release, key):
    folder = release()
    (folder / name).write_bytes(b"other")
    with pytest.raises(RefusedError) as caught:
        check_files(folder / ENVELOPE, key, folder)
    assert str(caught.value) == (
        f"`{name}` differs from the file that `{folder / ENVELOPE}` signs: "
        f"expected {sha(CONTENTS[name])[:12]}…, found {sha(b'other')[:12]}…. "
        "Take the files that were signed, or attest and sign these"
    )


def test_a_missing_file(release, key):
    folder = release()
    (folder / "model.prunepack").unlink()
    with pytest.raises(RefusedError, match="found no such file"):
        check_files(folder / ENVELOPE, key, folder)


@pytest.mark.parametrize("name", ["../key.pub", "/etc/hostname", "a/b", "..", ""])
def test_a_name_that_leads_elsewhere(name, release, key):
    folder = release(model=name)
    with pytest.raises(RefusedError) as caught:
        check_files(folder / ENVELOPE, key, folder)
    assert str(caught.value) == f"the statement names `{name}`: expected a file beside it"


def test_a_link_that_leads_elsewhere(release, key, tmp_path):
    folder = release()
    (folder / "model.prunepack").rename(tmp_path / "elsewhere")
    (folder / "model.prunepack").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RefusedError, match=r"names `model\.prunepack`: expected a file beside it"):
        check_files(folder / ENVELOPE, key, folder)


def test_a_report_that_was_changed(release, key):
    folder = release()
    (folder / "report.json").write_bytes(b'{"better": true}')
    with pytest.raises(RefusedError, match=r"report\.json` differs from the file that .* signs"):
        check_signature(measured(), folder / "report.json", folder / ENVELOPE, key)


def test_a_report_of_another_artifact(release, key):
    folder = release()
    with pytest.raises(
        RefusedError, match=r"model\.prunepack` differs from the file that .* signs"
    ):
        check_signature(measured(b"newer"), folder / "report.json", folder / ENVELOPE, key)


def test_a_statement_that_does_not_speak_of_the_report(release, key):
    folder = release(report="other.json")
    with pytest.raises(RefusedError, match="expected nothing of that name, found"):
        check_signature(measured(), folder / "report.json", folder / ENVELOPE, key)
