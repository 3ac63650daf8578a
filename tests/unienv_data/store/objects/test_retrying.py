"""Failures that pass are waited out for a stated time, refusals are one sentence, and no secret is shown."""

from __future__ import annotations

import traceback
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import requires_obstore, requires_s3
from tests.servers import S3Server
from tests.unienv_data.store.objects.layers import client_of
from unienv_data.errors import AccessRefusedError, ReadOnlyError, UnreachableError
from unienv_data.store.objects import ObjectStore, Range, RetryingObjects, open_objects
from unienv_data.store.objects.patience import Patience
from unienv_data.store.objects.remote import FsspecObjects
from unienv_data.store.objects.secrets import Secrets

SECRET = "vErY-sEcret-0123456789"


class Time:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def patience(self, seconds: float = 60.0, secrets: Secrets | None = None) -> Patience:
        return Patience(seconds, secrets or Secrets(), self.sleep, lambda: self.now)


class Failing(FsspecObjects):
    """A place in memory, each request of which first raises the next of `failures`."""

    def __init__(self, failures: list[Exception | None]) -> None:
        import fsspec

        super().__init__(fsspec.filesystem("memory"), f"/{uuid.uuid4().hex}", "far://x")
        self.failures = failures
        self.after: list[Exception | None] = []

    def fail(self, failures: list[Exception | None]) -> None:
        failure = failures.pop(0) if failures else None
        if failure is not None:
            raise failure

    def read(self, name: str) -> bytes:
        self.fail(self.failures)
        return super().read(name)

    def attempt_ranges(self, ranges: Any) -> list[bytes | Exception]:
        found = super().attempt_ranges(ranges)
        return [(self.failures.pop(0) if self.failures else None) or data for data in found]

    def create(self, name: str, data: bytes, *, durable: bool = True) -> None:
        self.fail(self.failures)
        super().create(name, data, durable=durable)
        self.fail(self.after)  # it has been made, and the answer is lost


def test_what_passes_is_waited_out_with_growing_pauses() -> None:
    time = Time()
    client = Failing([])
    client.write("a", [b"data"])
    client.failures = [ConnectionResetError("reset"), TimeoutError(), OSError(16, "SlowDown"), None]
    assert RetryingObjects(client, time.patience()).read("a") == b"data"
    assert len(time.pauses) == 3
    for pause, most in zip(time.pauses, (0.1, 0.2, 0.4), strict=True):
        assert most / 2 <= pause <= most


@pytest.mark.parametrize("seconds", [0.0, 5.0, 60.0])
def test_a_lost_network_is_an_error_that_says_how_long_was_tried(seconds: float) -> None:
    time = Time()
    client = Failing([ConnectionResetError("no route")] * 1000)
    with pytest.raises(
        UnreachableError, match=r"far://x/a: no answer in .* s and .* attempts .*no route"
    ) as c:
        RetryingObjects(client, time.patience(seconds)).read("a")
    assert isinstance(c.value, OSError)
    assert time.now <= seconds
    assert time.now >= seconds - 8.0
    assert f"in {time.now:.1f} s and {len(time.pauses) + 1} attempts" in str(c.value)


@pytest.mark.parametrize("exc", [PermissionError(13, "denied"), PermissionError("SignatureDoesNotMatch")])
def test_refused_credentials_are_one_sentence_and_asked_once(exc: Exception) -> None:
    time = Time()
    with pytest.raises(
        AccessRefusedError, match=r"far://x/a: access was refused .*check the credentials"
    ) as c:
        RetryingObjects(Failing([exc]), time.patience()).read("a")
    assert isinstance(c.value, PermissionError)
    assert time.pauses == []
    assert "\n" not in str(c.value)


def test_of_many_ranges_only_those_that_failed_are_asked_for_again() -> None:
    time = Time()
    client = Failing([])
    client.write("a", [b"0123456789"])
    client.failures = [None, TimeoutError(), None, ConnectionResetError(), None, None]
    before = client.traffic.snapshot()
    ranges = [Range("a", place, place + 2) for place in range(4)]
    assert RetryingObjects(client, time.patience()).read_ranges(ranges) == [b"01", b"12", b"23", b"34"]
    assert (client.traffic.snapshot() - before).requests == 4 + 2


def test_a_missing_object_is_no_reason_to_ask_again() -> None:
    time = Time()
    with pytest.raises(FileNotFoundError):
        RetryingObjects(Failing([]), time.patience()).read("gone")
    assert time.pauses == []


def test_a_creation_whose_answer_was_lost_has_been_made() -> None:
    time = Time()
    client = Failing([])
    client.after = [ConnectionResetError("after the fact")]
    RetryingObjects(client, time.patience()).create("a", b"mine")
    assert client.read("a") == b"mine"
    assert len(time.pauses) == 1
    with pytest.raises(FileExistsError):  # what is there without an attempt of ours is another's
        RetryingObjects(client, time.patience()).create("a", b"mine")
    client.failures = [ConnectionResetError("before")]
    with pytest.raises(FileExistsError):
        RetryingObjects(client, time.patience()).create("a", b"another's")
    assert client.read("a") == b"mine"


def test_bugs_and_refusals_to_write_pass_through() -> None:
    for exc in (TypeError("a bug"), ReadOnlyError("read-only")):
        with pytest.raises(type(exc)) as caught:
            RetryingObjects(Failing([exc]), Time().patience()).read("a")
        assert caught.value is exc


@pytest.mark.parametrize(
    "exc",
    [
        OSError(22, f"signed {SECRET} wrongly"),
        PermissionError(13, f"key {SECRET}"),
        ConnectionResetError(104, f"while sending {SECRET}"),
        ValueError(f"cannot parse {SECRET}"),
        FileNotFoundError(2, "gone", f"http://u:{SECRET}@host/a"),
    ],
)
def test_no_message_shows_a_secret(exc: Exception) -> None:
    secrets = Secrets.of("s3://b/x", {"client_kwargs": {"aws_secret_access_key": SECRET}})
    with pytest.raises((OSError, ValueError)) as caught:
        RetryingObjects(Failing([exc] * 100), Time().patience(1.0, secrets)).read("a")
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert "***" in str(caught.value)
    assert SECRET not in repr(secrets)


# Against a server

USES: dict[str, Callable[[ObjectStore], object]] = {
    "read": lambda objects: objects.read("a"),
    "read_ranges": lambda objects: objects.read_ranges([Range("a", 0, 1)]),
    "exists": lambda objects: objects.exists("a"),
    "list": lambda objects: objects.list(""),
    "write": lambda objects: objects.write("a", [b"x"]),
    "create": lambda objects: objects.create("a", b"x"),
}
CLIENTS = ["fsspec", pytest.param("obstore", marks=requires_obstore)]


@requires_s3
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("wrong", ["key", "secret"])
def test_wrong_credentials(s3: S3Server, client: Any, wrong: str) -> None:
    if s3.kind != "radosgw":
        pytest.skip("not every server checks signatures")
    options = {**s3.options, wrong: SECRET}
    objects = open_objects(s3.url("x"), options, client=client)
    assert SECRET not in repr(objects)
    for use in USES.values():
        with pytest.raises(AccessRefusedError, match="access was refused") as caught:
            use(objects)
        shown = "".join(traceback.format_exception(caught.value))
        for text in (SECRET, s3.options["secret"], s3.options["key"]):
            assert text not in shown


@pytest.mark.parametrize("client", CLIENTS)
def test_nobody_listens(client: Any) -> None:
    options = {"key": "some-key", "secret": SECRET, "endpoint_url": "http://127.0.0.1:9"}
    objects = open_objects("s3://bucket/x", options, client=client, retry_seconds=0.5)
    for use in USES.values():
        with pytest.raises(UnreachableError, match=r"no answer in \d.\d s and \d+ attempts") as caught:
            use(objects)
        assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_place_is_a_client_and_its_retries() -> None:
    objects = open_objects("s3://bucket/x", {"key": "k", "secret": "s", "endpoint_url": "http://127.0.0.1:9"})
    assert client_of(objects).traffic is objects.traffic
    assert objects.below("a").traffic is objects.traffic
