"""A bucket that the environment names, as users have it, so that tests that know of no options run in it."""

from __future__ import annotations

import uuid

import pytest

from tests.servers import S3Server


def name_server(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the environment say where the server is and who asks."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.options["key"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.options["secret"])
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.options["endpoint_url"])
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)


def choose_client(client: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the client that is chosen by itself be this one."""
    monkeypatch.setattr("unienv_data.store.objects.opening._has_obstore", lambda: client == "obstore")


@pytest.fixture
def bucket(request: pytest.FixtureRequest, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """A URL of the test's own, for the client that the test's class names."""
    name_server(s3, monkeypatch)
    choose_client(request.cls.client, monkeypatch)
    return s3.url(uuid.uuid4().hex)
