"""Storage options as fsspec's filesystems take them, in obstore's words, as far as it has words for them.

What cannot be said in them is told, so that nothing that somebody asked for is passed over in silence.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Bucket", "InexpressibleError", "bucket_of"]


class InexpressibleError(Exception):
    """A URL or option that obstore has no words for; the message says which."""


@dataclass(frozen=True)
class Bucket:
    """A bucket, as obstore opens it.

    Attributes:
        kind: "S3", "GCS" or "Azure".
        name: the bucket, or container.
        path: what the URL names within it.
        config: the store's configuration.
        client: the HTTP client's.
    """

    kind: str
    name: str
    path: str
    config: Mapping[str, Any] = field(repr=False)
    client: Mapping[str, Any] = field(repr=False)


_KINDS = {
    "s3": "S3",
    "s3a": "S3",
    "gs": "GCS",
    "gcs": "GCS",
    "abfs": "Azure",
    "abfss": "Azure",
    "az": "Azure",
}

# How fsspec's filesystems read and list, which says nothing of what is read.
_IDLE = frozenset(
    {
        "asynchronous",
        "batch_size",
        "block_size",
        "blocksize",
        "cache_regions",
        "cache_timeout",
        "consistency",
        "default_block_size",
        "default_cache_type",
        "default_fill_cache",
        "fixed_upload_size",
        "listings_expiry_time",
        "max_concurrency",
        "max_paths",
        "max_retries",
        "project",
        "retries",
        "session_kwargs",
        "skip_instance_cache",
        "timeout",
        "use_listings_cache",
    }
)


def bucket_of(url: str, options: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Bucket:
    """The bucket that a URL names, with what storage options say of it.

    Args:
        url: a URL.
        options: storage options.
        environment: the process's variables; None for those that there are.

    Raises:
        InexpressibleError: it is no bucket that obstore opens, or an option cannot be expressed.

    >>> bucket_of("s3://b/x/y", {"key": "k", "secret": "s", "endpoint_url": "http://host:1"}, {}).path
    'x/y'
    """
    environment = os.environ if environment is None else environment
    scheme, separator, rest = url.partition("://")
    if "::" in url or not separator or scheme not in _KINDS:
        raise InexpressibleError(f"obstore opens no {scheme if separator else 'chains of'} URLs")
    name, _, path = rest.partition("/")
    path = path.rstrip("/")
    if (
        not name
        or any(part in {"", ".", ".."} for part in path.split("/") if path)
        or set(path) & set("?#*%\\")
    ):
        raise InexpressibleError("obstore has no name for this place")
    given = {key: value for key, value in options.items() if value is not None}
    kind = _KINDS[scheme]
    config, client = {"S3": _s3, "GCS": _gcs, "Azure": _azure}[kind](_Options(given), environment, name)
    return Bucket(kind, name.partition("@")[0], path, config, client)


class _Options:
    """Options that are taken one by one, so that what is left can be told."""

    def __init__(self, given: Mapping[str, Any], place: str = "") -> None:
        self._left = dict(given)
        self._place = place

    def take(self, *names: str, kind: type | tuple[type, ...] = str) -> Any:
        """The value of the first name that is given; None where none is."""
        found = None
        for name in names:
            value = self._left.pop(name, None)
            if value is None:
                continue
            if not isinstance(value, kind):
                raise InexpressibleError(f"obstore cannot express the option {self._place}{name} as it is")
            found = value if found is None else found
        return found

    def inner(self, name: str) -> _Options:
        """The options below a name."""
        return _Options(self.take(name, kind=Mapping) or {}, f"{self._place}{name}.")

    def finish(self) -> None:
        """See that none is left but those that say nothing of what is read."""
        for name in self._left:
            if self._place or name not in _IDLE:
                raise InexpressibleError(f"obstore cannot express the option {self._place}{name}")


_Found = tuple[dict[str, Any], dict[str, Any]]


def _s3(options: _Options, environment: Mapping[str, str], name: str) -> _Found:
    client_kwargs, config_kwargs = options.inner("client_kwargs"), options.inner("config_kwargs")
    style = config_kwargs.inner("s3")
    key = options.take("key", "username") or client_kwargs.take("aws_access_key_id")
    secret = options.take("secret", "password") or client_kwargs.take("aws_secret_access_key")
    token = options.take("token") or client_kwargs.take("aws_session_token")
    anonymous = options.take("anon", kind=bool)
    endpoint = options.take("endpoint_url") or client_kwargs.take("endpoint_url")
    if endpoint is None:
        endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    region = client_kwargs.take("region_name") or config_kwargs.take("region_name")
    region = region or environment.get("AWS_DEFAULT_REGION") or environment.get("AWS_REGION")
    if endpoint is None and options.take("use_ssl", kind=bool) is False:
        raise InexpressibleError("obstore cannot express the option use_ssl without an endpoint_url")
    options.take("use_ssl", kind=bool)
    verified = client_kwargs.take("verify", kind=bool)
    addressing = style.take("addressing_style")
    for idle in ("max_pool_connections", "connect_timeout", "read_timeout"):
        config_kwargs.take(idle, kind=(int, float))
    for idle in ("version_aware", "requester_pays"):
        if options.take(idle, kind=bool):
            raise InexpressibleError(f"obstore cannot express the option {idle}")
    for left in (style, config_kwargs, client_kwargs, options):
        left.finish()
    if region is None and endpoint is None:
        raise InexpressibleError("obstore needs the region of a bucket (client_kwargs.region_name)")
    config: dict[str, Any] = {"region": region or "us-east-1"}
    if anonymous:
        config["skip_signature"] = True
    elif key and secret:
        config.update(access_key_id=key, secret_access_key=secret)
        if token:
            config["session_token"] = token
        elif environment.get("AWS_SESSION_TOKEN"):
            raise InexpressibleError("obstore would add AWS_SESSION_TOKEN to the key that is given")
    elif key or secret or token or not _has_aws_environment(environment):
        raise InexpressibleError("obstore needs a key and a secret, anon=True, or the AWS variables")
    if endpoint is not None:
        config["endpoint"] = endpoint.rstrip("/")
    if addressing == "virtual":
        config["virtual_hosted_style_request"] = True
    client = {"allow_http": True} if (endpoint or "").startswith("http://") else {}
    if verified is False:
        client["allow_invalid_certificates"] = True
    return config, client


def _has_aws_environment(environment: Mapping[str, str]) -> bool:
    """Whether the variables alone say who asks; profiles in files are for botocore to read."""
    if environment.get("AWS_PROFILE"):
        return False
    if environment.get("AWS_ACCESS_KEY_ID") and environment.get("AWS_SECRET_ACCESS_KEY"):
        return True
    return any(
        environment.get(name)
        for name in ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    )


def _gcs(options: _Options, environment: Mapping[str, str], name: str) -> _Found:
    token = options.take("token")
    access = options.take("access")
    pays = options.take("requester_pays", kind=bool)
    options.finish()
    if pays or access not in {None, "full_control", "read_write", "read_only"}:
        raise InexpressibleError("obstore cannot express the options requester_pays and access")
    if token == "anon":
        return {"skip_signature": True}, {}
    if token is None and environment.get("GOOGLE_APPLICATION_CREDENTIALS"):
        return {"application_credentials": environment["GOOGLE_APPLICATION_CREDENTIALS"]}, {}
    if token is not None and token.endswith(".json") and os.path.isfile(token):
        return {"application_credentials": token}, {}
    raise InexpressibleError(
        "obstore needs a token that is the path of a JSON file or 'anon', or GOOGLE_APPLICATION_CREDENTIALS"
    )


def _azure(options: _Options, environment: Mapping[str, str], name: str) -> _Found:
    account = options.take("account_name") or environment.get("AZURE_STORAGE_ACCOUNT_NAME")
    _, _, host = name.partition("@")
    account = account or host.partition(".")[0]
    key, signature = options.take("account_key"), options.take("sas_token")
    tenant, user = options.take("tenant_id"), options.take("client_id")
    secret = options.take("client_secret")
    anonymous = options.take("anon", kind=bool)
    options.finish()
    if not account:
        raise InexpressibleError("obstore needs an account_name")
    config: dict[str, Any] = {"account_name": account}
    if key:
        config["account_key"] = key
    elif signature:
        config["sas_key"] = signature
    elif tenant and user and secret:
        config.update(tenant_id=tenant, client_id=user, client_secret=secret)
    elif anonymous:
        config["skip_signature"] = True
    elif not (environment.get("AZURE_STORAGE_ACCOUNT_KEY") or environment.get("AZURE_STORAGE_SAS_TOKEN")):
        raise InexpressibleError("obstore needs an account_key, a sas_token, a client_secret or anon=True")
    return config, {}
