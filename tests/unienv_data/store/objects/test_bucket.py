"""Storage options in obstore's words, or why there are none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import requires_obstore
from tests.unienv_data.store.objects.layers import client_of
from unienv_data.errors import DatasetError
from unienv_data.store.objects import ObstoreObjects, open_objects
from unienv_data.store.objects.bucket import InexpressibleError, bucket_of
from unienv_data.store.objects.remote import FsspecObjects

KEYS = {"key": "k-id", "secret": "s-ecret"}
HERE = {"endpoint_url": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    ("options", "environment", "config", "client"),
    [
        (
            {**KEYS, **HERE},
            {},
            {
                "access_key_id": "k-id",
                "secret_access_key": "s-ecret",
                "endpoint": "http://127.0.0.1:9",
                "region": "us-east-1",
            },
            {"allow_http": True},
        ),
        (
            {**KEYS, "token": "t", "client_kwargs": {"region_name": "eu-west-1"}},
            {"AWS_SESSION_TOKEN": "another"},
            {
                "access_key_id": "k-id",
                "secret_access_key": "s-ecret",
                "session_token": "t",
                "region": "eu-west-1",
            },
            {},
        ),
        (
            {"anon": True, "client_kwargs": {"endpoint_url": "https://host/", "verify": False}},
            {},
            {"skip_signature": True, "endpoint": "https://host", "region": "us-east-1"},
            {"allow_invalid_certificates": True},
        ),
        (
            {"config_kwargs": {"s3": {"addressing_style": "virtual"}, "read_timeout": 5}},
            {
                "AWS_ACCESS_KEY_ID": "a",
                "AWS_SECRET_ACCESS_KEY": "b",
                "AWS_DEFAULT_REGION": "eu-north-1",
                "AWS_ENDPOINT_URL": "https://other",
            },
            {
                "region": "eu-north-1",
                "endpoint": "https://other",
                "virtual_hosted_style_request": True,
            },
            {},
        ),
        (
            {**KEYS, **HERE, "default_block_size": 5, "token": None, "use_listings_cache": False},
            {},
            None,
            None,
        ),
    ],
)
def test_s3_options_that_can_be_expressed(
    options: dict[str, Any], environment: dict[str, str], config: Any, client: Any
) -> None:
    bucket = bucket_of("s3://b/some/path/", options, environment)
    assert (bucket.kind, bucket.name, bucket.path) == ("S3", "b", "some/path")
    if config is not None:
        assert (bucket.config, bucket.client) == (config, client)
    assert "s-ecret" not in repr(bucket)


@pytest.mark.parametrize(
    ("url", "options", "environment"),
    [
        ("s3://b/x", KEYS, {}),  # no region, and no endpoint that would not need one
        ("s3://b/x", {**KEYS, **HERE, "profile": "p"}, {}),
        ("s3://b/x", {**KEYS, **HERE, "s3_additional_kwargs": {"ServerSideEncryption": "aws:kms"}}, {}),
        ("s3://b/x", {**KEYS, **HERE, "client_kwargs": {"api_version": "x"}}, {}),
        ("s3://b/x", {**KEYS, **HERE, "config_kwargs": {"signature_version": "s3"}}, {}),
        ("s3://b/x", {**KEYS, **HERE, "requester_pays": True}, {}),
        ("s3://b/x", {**KEYS, **HERE, "key": 5}, {}),
        ("s3://b/x", {**HERE, "key": "k"}, {}),
        ("s3://b/x", HERE, {}),  # credentials may stand in files
        ("s3://b/x", HERE, {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_PROFILE": "p"}),
        ("s3://b/x", {**KEYS, **HERE}, {"AWS_SESSION_TOKEN": "another"}),
        ("s3://b/a//b", {**KEYS, **HERE}, {}),
        ("s3://b/a%20b", {**KEYS, **HERE}, {}),
        ("simplecache::s3://b/x", {**KEYS, **HERE}, {}),
        ("https://host/x", {}, {}),
        ("gs://b/x", {}, {}),
        ("gs://b/x", {"token": "google_default"}, {}),
        ("abfs://c/x", {"connection_string": "..."}, {}),
        ("abfs://c/x", {"account_name": "a"}, {}),
        ("abfs://c/x", {"account_key": "a"}, {}),
    ],
)
def test_what_cannot_be_expressed_is_told(url: str, options: Any, environment: Any) -> None:
    with pytest.raises(InexpressibleError):
        bucket_of(url, options, environment)


def test_other_clouds() -> None:
    google = bucket_of("gs://b/x", {"token": "anon"}, {})
    assert (google.kind, google.name, google.config) == ("GCS", "b", {"skip_signature": True})
    google = bucket_of("gcs://b/x", {}, {"GOOGLE_APPLICATION_CREDENTIALS": "/f.json"})
    assert google.config == {"application_credentials": "/f.json"}
    azure = bucket_of("abfs://c/x", {"account_name": "a", "account_key": "aGVsbG8="}, {})
    assert (azure.kind, azure.name, azure.path) == ("Azure", "c", "x")
    assert azure.config == {"account_name": "a", "account_key": "aGVsbG8="}
    azure = bucket_of("abfss://c@acc.dfs.core.windows.net/x/y", {"sas_token": "sig"}, {})
    assert (azure.name, azure.path, azure.config) == ("c", "x/y", {"account_name": "acc", "sas_key": "sig"})


@requires_obstore
@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("gs://b/x", {"token": "anon"}),
        ("abfs://c/x", {"account_name": "a", "account_key": "aGVsbG8="}),
        ("s3://b/x", {**KEYS, **HERE}),
    ],
)
def test_the_client_by_itself_and_by_option(url: str, options: dict[str, Any]) -> None:
    for client in ("obstore", None):
        objects = open_objects(url, options, client=client)  # type: ignore[arg-type]
        assert isinstance(client_of(objects), ObstoreObjects)
        assert objects.exclusive_create


@requires_obstore
def test_obstore_asked_for_where_it_has_no_words_is_told_in_a_sentence() -> None:
    options = {**KEYS, **HERE, "s3_additional_kwargs": {"ACL": "private"}}
    with pytest.raises(
        DatasetError, match=r"s3://b/x: obstore cannot express the option s3_additional_kwargs"
    ):
        open_objects("s3://b/x", options, client="obstore")
    found = open_objects("s3://b/x", options)
    assert isinstance(client_of(found), FsspecObjects)
    with pytest.raises(DatasetError, match="client: expected"):
        open_objects("s3://b/x", options, client="boto")  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="retry_seconds: expected"):
        open_objects("s3://b/x", options, retry_seconds=-1)
