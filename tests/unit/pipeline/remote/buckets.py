"""A bucket in a real server that speaks the protocol of S3, by moto."""

from contextlib import contextmanager

import pytest


@contextmanager
def serve_bucket(monkeypatch, name="models"):
    """Start a server with one bucket, and name it in the environment."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    boto3 = pytest.importorskip("boto3")
    boto3.client("s3").create_bucket(Bucket=name)
    try:
        yield f"s3://{name}/team/store"
    finally:
        server.stop()
