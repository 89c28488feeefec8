"""A signature stands for files: the ones that were signed, all of them, and no others."""

import hashlib
import json
import subprocess

import pytest
from click.testing import CliRunner

from prunepack.errors import RefusedError
from prunepack.format.container import MAGIC
from prunepack.pipeline.cli.commands.verify_signature import verify_signature_command
from prunepack.pipeline.release.signatures import (
    ENVELOPE,
    check_files,
    check_signature,
    read_signed_report,
)
from prunepack.stages.metrics.files import MetricSet
from prunepack.stages.provenance.signing import sign_statement
from prunepack.stages.provenance.statement import make_statement

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

    def release(number=None, contents=(), **names):
        folder = tmp_path / "release"
        folder.mkdir(exist_ok=True)
        digests = {}
        for name, content in {**CONTENTS, **dict(contents)}.items():
            (folder / name).write_bytes(content)
            digests[names.get(name.partition(".")[0], name)] = sha(content)
        provenance = {"recipe": {"name": "mine", "sha256": "7" * 64}, "stages": []}
        payload = make_statement({"provenance": provenance}, digests, "urn:ci", "0.1.0", number)
        (folder / ENVELOPE).write_bytes(sign_statement(payload, key.with_suffix(".pem")))
        return folder

    return release


def measured(content=CONTENTS["model.prunepack"], report=CONTENTS["report.json"], **files):
    return MetricSet({}, {"model.prunepack": sha(content)}, files=files, sha256=sha(report))


def test_a_release_as_it_was_signed(release, key):
    folder = release()
    statement = check_files(folder / ENVELOPE, key, folder)
    assert statement.subjects == {name: sha(content) for name, content in CONTENTS.items()}
    assert read_signed_report(folder, statement) == {}
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
    with pytest.raises(RefusedError, match=r"report\.json` differs from the file that .* signs"):
        check_signature(
            measured(report=b'{"better": true}'), folder / "report.json", folder / ENVELOPE, key
        )


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


@pytest.mark.parametrize("name", ["b.prunepack", "B.ONNX", "model.bin"])
def test_a_model_that_was_not_signed(name, release, key):
    """Neither a second model in the folder, nor an artifact with the name of something else."""
    folder = release()
    (folder / name).write_bytes(MAGIC + b"other")
    message = (
        f"`{folder / ENVELOPE}` says nothing about `{folder / name}`: expected only the models "
        f"model.prunepack, report.json, found {sha(MAGIC + b'other')[:12]}…. "
        "Move the file elsewhere, or verify and measure it"
    )
    with pytest.raises(RefusedError) as caught:
        check_files(folder / ENVELOPE, key, folder)
    assert str(caught.value) == message
    with pytest.raises(RefusedError) as caught:
        check_signature(measured(), folder / "report.json", folder / ENVELOPE, key)
    assert str(caught.value) == message


def test_a_signed_model_may_have_a_second_name(release, key):
    folder = release()
    (folder / "lenet.prunepack").write_bytes(CONTENTS["model.prunepack"])
    check_files(folder / ENVELOPE, key, folder)


@pytest.mark.parametrize("published", [{"pruned_model.pth": sha(b"x")}, {"report.md": sha(b"x")}])
def test_a_published_file_that_was_not_signed(published, release, key):
    folder = release()
    with pytest.raises(RefusedError, match="expected nothing of that name, found"):
        check_signature(measured(**published), folder / "report.json", folder / ENVELOPE, key)


def test_the_models_may_be_elsewhere_but_not_replaced(release, key):
    folder = release()
    (folder / "model.prunepack").unlink()
    check_signature(measured(), folder / "report.json", folder / ENVELOPE, key)
    (folder / "model.prunepack").symlink_to(folder / "report.json")
    with pytest.raises(RefusedError, match="expected a file beside it"):
        check_signature(measured(), folder / "report.json", folder / ENVELOPE, key)


@pytest.mark.parametrize(
    ("number", "least", "found"), [(6, 7, "release 6"), (None, 0, "no number"), (0, 1, "release 0")]
)
def test_an_older_release(number, least, found, release, key):
    folder = release(number)
    with pytest.raises(RefusedError) as caught:
        check_files(folder / ENVELOPE, key, folder, least)
    assert str(caught.value) == (
        f"`{folder / ENVELOPE}` is of an older release: expected release {least} or later, found "
        f"{found}. Take the newest release; `prunepack attest --release N` gives it a number"
    )
    with pytest.raises(RefusedError, match="is of an older release"):
        check_signature(measured(), folder / "report.json", folder / ENVELOPE, key, least)


@pytest.mark.parametrize("least", [None, 0, 7])
def test_a_release_that_is_new_enough(least, release, key):
    folder = release(7)
    assert check_files(folder / ENVELOPE, key, folder, least).release == 7


def test_a_report_that_changed_after_its_check(release, key):
    folder = release()
    statement = check_files(folder / ENVELOPE, key, folder)
    (folder / "report.json").write_bytes(b'{"verdict": "passed"}')
    with pytest.raises(RefusedError, match=r"report\.json` differs"):
        read_signed_report(folder, statement)


@pytest.mark.parametrize("verdict", ["passed", "failed", "undecided", "nothing was checked"])
def test_the_verdict_of_a_signed_release_counts(verdict, release, key):
    report = json.dumps({"verdict": verdict, "summary": f"{verdict}: 3 of 3"}).encode()
    folder = release(42, {"report.json": report})
    arguments = [str(folder / ENVELOPE), "--key", str(key)]

    def verify(*options):
        return CliRunner().invoke(
            verify_signature_command, [*arguments, *options], standalone_mode=False
        )

    done = verify()
    assert done.return_value == (0 if verdict == "passed" else 1)
    assert done.output.splitlines()[-2:] == ["Release: 42", f"Verdict: {verdict}: 3 of 3"]
    assert verify("--any-verdict").return_value == 0
    assert json.loads(verify("--json").output)["verdict"] == verdict
