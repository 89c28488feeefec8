"""Signatures: made offline, read by openssl as well, and good for one key and one statement."""

import base64
import json
import os
import subprocess
import sys

import pytest

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.provenance.keys import PASSWORD
from prunepack.stages.provenance.signing import PAYLOAD_TYPE, sign_statement, verify_envelope

PAYLOAD = b'{"a":1}'
KINDS = {
    "ed25519": ("-algorithm", "ed25519"),
    "ecdsa": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "rsa": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
}


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
    return done.stdout


@pytest.fixture
def keys(tmp_path):
    """Makes a pair of keys with openssl, as the how-to says; returns their files."""

    def keys(kind="ed25519", name="release", *more, password=("-passin", "pass:secret")):
        private, public = tmp_path / f"{name}.pem", tmp_path / f"{name}.pub"
        openssl("genpkey", *KINDS[kind], *more, "-out", private)
        given = password if more else ()
        openssl("pkey", "-in", private, *given, "-pubout", "-out", public)
        return private, public

    return keys


@pytest.fixture
def put(tmp_path):
    def put(content):
        path = tmp_path / "provenance.dsse.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return put


@pytest.mark.parametrize("kind", KINDS)
def test_a_signed_statement_comes_back(kind, keys, put):
    private, public = keys(kind)
    assert verify_envelope(put(sign_statement(PAYLOAD, private)), public) == PAYLOAD


def test_openssl_reads_the_signature_too(keys, tmp_path):
    private, public = keys()
    envelope = json.loads(sign_statement(PAYLOAD, private))
    assert envelope["payloadType"] == PAYLOAD_TYPE == "application/vnd.in-toto+json"
    assert base64.b64decode(envelope["payload"]) == PAYLOAD
    message = f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(PAYLOAD)} ".encode() + PAYLOAD
    (tmp_path / "message").write_bytes(message)
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    places = ("-in", tmp_path / "message", "-sigfile", tmp_path / "sig")
    said = openssl("pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", *places)
    assert b"Signature Verified Successfully" in said


def test_ed25519_signs_with_the_same_bytes_every_time(keys):
    private, _ = keys()
    assert sign_statement(PAYLOAD, private) == sign_statement(PAYLOAD, private)


def test_a_key_id_is_only_a_hint(keys, put):
    private, public = keys()
    envelope = json.loads(sign_statement(PAYLOAD, private))
    envelope["signatures"][0]["keyid"] = "what another tool calls it"
    assert verify_envelope(put(envelope), public) == PAYLOAD


def test_an_encrypted_key_and_its_password(keys, put, monkeypatch):
    private, public = keys("ed25519", "release", "-aes256", "-pass", "pass:secret")
    monkeypatch.setenv(PASSWORD, "secret")
    assert verify_envelope(put(sign_statement(PAYLOAD, private)), public) == PAYLOAD
    monkeypatch.setenv(PASSWORD, "wrong")
    with pytest.raises(UsageError, match=f"Set `{PASSWORD}` to the password of an encrypted key"):
        sign_statement(PAYLOAD, private)
    monkeypatch.delenv(PASSWORD)
    with pytest.raises(UsageError, match="found Password was not given but private key is encr"):
        sign_statement(PAYLOAD, private)


def test_a_password_that_is_not_needed_is_not_used(keys, monkeypatch):
    monkeypatch.setenv(PASSWORD, "secret")
    sign_statement(PAYLOAD, keys()[0])


def test_the_wrong_key(keys, put):
    private, _ = keys()
    _, other = keys(name="other")
    path = put(sign_statement(PAYLOAD, private))
    with pytest.raises(RefusedError) as caught:
        verify_envelope(path, other)
    said = str(caught.value)
    assert said.startswith(
        f"`{path}` is not signed with `{other}`: expected a signature of the key "
    )
    assert said.endswith("…. Do not deploy this release")


@pytest.mark.parametrize("part", ["payload", "sig"])
def test_a_statement_or_a_signature_that_was_changed(keys, put, part):
    private, public = keys()
    envelope = json.loads(sign_statement(PAYLOAD, private))
    holder = envelope if part == "payload" else envelope["signatures"][0]
    content = bytearray(base64.b64decode(holder[part]))
    content[3] ^= 1
    holder[part] = base64.b64encode(content).decode()
    with pytest.raises(
        RefusedError, match=r"the statement or the signature was changed\. Do not deploy"
    ):
        verify_envelope(put(envelope), public)


def test_an_envelope_that_nobody_signed(keys, put):
    private, public = keys()
    envelope = json.loads(sign_statement(PAYLOAD, private)) | {"signatures": []}
    with pytest.raises(RefusedError, match=r"found none\. Do not deploy"):
        verify_envelope(put(envelope), public)


def test_a_signature_over_something_else(keys, put):
    private, public = keys()
    path = put(json.loads(sign_statement(PAYLOAD, private)) | {"payloadType": "text/plain"})
    with pytest.raises(
        RefusedError,
        match=f"signs another kind of payload: expected {PAYLOAD_TYPE}".replace("+", r"\+"),
    ):
        verify_envelope(path, public)


def test_no_signature(keys, tmp_path, says):
    path = tmp_path / "none.json"
    with says(
        RefusedError,
        f"the signature `{path}` is missing: expected a signature, found no such file. "
        "Sign the release: run `prunepack attest`, then `prunepack sign`",
    ):
        verify_envelope(path, keys()[1])


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "JSONDecodeError"),
        (b"\xff", "UnicodeDecodeError"),
        (b"[]", "TypeError"),
        (b"7", "TypeError"),
        ({}, "KeyError: 'payload'"),
        ({"payload": "YQ==", "payloadType": PAYLOAD_TYPE}, "KeyError: 'signatures'"),
        ({"payload": "YQ==", "payloadType": PAYLOAD_TYPE, "signatures": [7]}, "TypeError"),
        ({"payload": 7, "payloadType": PAYLOAD_TYPE, "signatures": []}, ""),
    ],
)
def test_what_is_no_signature(content, found, keys, put):
    path = put(content)
    with pytest.raises(RefusedError) as caught:
        verify_envelope(path, keys()[1])
    said = f"`{path}` is not a signature: expected a DSSE envelope, found {found}"
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("half", "call"), [("private", sign_statement), ("public", verify_envelope)]
)
def test_a_key_that_is_none(half, call, put, tmp_path):
    key = tmp_path / "key"
    key.write_text("no key")
    with pytest.raises(UsageError) as caught:
        call(PAYLOAD if half == "private" else put(b"{}"), key)
    start = f"`{key}` cannot be used as a {half} key: expected an Ed25519, ECDSA or RSA key in PEM"
    assert str(caught.value).startswith(start)


@pytest.mark.parametrize("call", [sign_statement, verify_envelope])
def test_a_key_that_is_not_there(call, put, tmp_path, says):
    first = PAYLOAD if call is sign_statement else put(b"{}")
    key = tmp_path / "none.pem"
    with says(UsageError, f"the key `{key}` cannot be read: found No such file or directory"):
        call(first, key)


def test_one_half_is_not_taken_for_the_other(keys, put):
    private, public = keys()
    with pytest.raises(UsageError, match="cannot be used as a private key"):
        sign_statement(PAYLOAD, public)
    with pytest.raises(UsageError, match="cannot be used as a public key"):
        verify_envelope(put(b"{}"), private)


def test_a_kind_of_key_that_does_not_sign(tmp_path):
    key = tmp_path / "x25519.pem"
    openssl("genpkey", "-algorithm", "x25519", "-out", key)
    with pytest.raises(UsageError, match="cannot be used as a private key"):
        sign_statement(PAYLOAD, key)


@pytest.mark.parametrize("bits", [512, 1024])
def test_a_short_rsa_key(bits, keys, put):
    private, public = keys("rsa", "short", "-pkeyopt", f"rsa_keygen_bits:{bits}", password=())
    found = f"found an RSA key of {bits} bits; the least is 2048"
    with pytest.raises(UsageError, match=f"cannot be used as a private key.*{found}"):
        sign_statement(PAYLOAD, private)
    with pytest.raises(UsageError, match=f"cannot be used as a public key.*{found}"):
        verify_envelope(put(b"{}"), public)


@pytest.mark.parametrize(
    ("algorithm", "options"),
    [
        ("ed448", ()),
        ("EC", ("-pkeyopt", "ec_paramgen_curve:secp256k1")),
        ("EC", ("-pkeyopt", "ec_paramgen_curve:P-224")),
    ],
)
def test_a_key_of_an_unsupported_kind(algorithm, options, tmp_path):
    key = tmp_path / "key.pem"
    openssl("genpkey", "-algorithm", algorithm, *options, "-out", key)
    with pytest.raises(UsageError) as caught:
        sign_statement(PAYLOAD, key)
    assert str(caught.value).startswith(f"`{key}` cannot be used as a private key")
    assert str(caught.value).endswith(
        "Run `openssl genpkey -algorithm ed25519 -out KEY` to create a key"
    )


def test_a_pipe_in_the_place_of_a_signature(keys, tmp_path):
    path = tmp_path / "provenance.dsse.json"
    os.mkfifo(path)
    with pytest.raises(RefusedError, match="found it is not a regular file"):
        verify_envelope(path, keys()[1])


def test_a_key_twice_in_a_signature(keys, put):
    private, public = keys()
    text = sign_statement(PAYLOAD, private).decode()
    with pytest.raises(RefusedError, match="the key `payload` twice in one object"):
        verify_envelope(put(text.replace("{", '{"payload": "", ', 1).encode()), public)


def test_without_the_library_it_says_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['securesystemslib'] = None\n"
        "from pathlib import Path; from prunepack.stages.provenance.signing import sign_statement\n"
        "sign_statement(b'', Path('key'))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (
        "signatures need `securesystemslib`: found it is not installed. Run `pip install "
        "'prunepack[sign]'`" in done.stderr
    )
