"""What exceptions of client libraries mean, and how they are told."""

from __future__ import annotations

import asyncio
import errno
import http.client
import socket
from types import SimpleNamespace

import pytest

from tests.conftest import requires_obstore
from unienv_data.store.objects.failures import Failure, failure_of, sentence_of

PASSING, REFUSED, ANSWER = Failure.PASSING, Failure.REFUSED, Failure.ANSWER


def raised_from(outer: BaseException, inner: BaseException) -> BaseException:
    outer.__cause__ = inner
    return outer


BUILTINS = [
    (ConnectionResetError(errno.ECONNRESET, "reset"), PASSING),
    (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), PASSING),
    (TimeoutError("slow"), PASSING),
    (TimeoutError(), PASSING),
    (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), PASSING),
    (http.client.IncompleteRead(b"x", 5), PASSING),
    (http.client.RemoteDisconnected("gone"), PASSING),
    (asyncio.IncompleteReadError(b"x", 5), PASSING),
    (OSError(errno.EBUSY, "Please reduce your request rate."), PASSING),
    (OSError(errno.ENETUNREACH, "no network"), PASSING),
    (raised_from(OSError(errno.EIO, "wrapped"), ConnectionResetError("reset")), PASSING),
    (PermissionError(errno.EACCES, "no"), REFUSED),
    (FileNotFoundError(errno.ENOENT, "gone"), ANSWER),
    (raised_from(FileNotFoundError("gone"), TimeoutError("unrelated")), ANSWER),
    (FileExistsError(errno.EEXIST, "there"), ANSWER),
    (OSError(errno.EINVAL, "invalid"), ANSWER),
    (OSError(errno.ENOSPC, "full"), ANSWER),
    (TypeError("a bug"), ANSWER),
    (ValueError("a bug"), ANSWER),
]


@pytest.mark.parametrize(("exc", "expected"), BUILTINS, ids=lambda value: repr(value)[:40])
def test_builtins(exc: BaseException, expected: Failure) -> None:
    assert failure_of(exc) is expected


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("SlowDown", 503, PASSING),
        ("InternalError", 500, PASSING),
        ("ServiceUnavailable", 503, PASSING),
        ("TooManyRequests", 429, PASSING),
        ("RequestTimeout", 400, PASSING),
        ("ConditionalRequestConflict", 409, PASSING),
        ("InvalidAccessKeyId", 403, REFUSED),
        ("SignatureDoesNotMatch", 403, REFUSED),
        ("AccessDenied", 403, REFUSED),
        ("ExpiredToken", 400, REFUSED),
        ("403", 403, REFUSED),
        ("500", 500, PASSING),
        ("PreconditionFailed", 412, ANSWER),
        ("InvalidRange", 416, ANSWER),
        ("NotImplemented", 501, ANSWER),
        ("NoSuchKey", 404, ANSWER),
    ],
)
def test_botocore_by_itself_and_as_s3fs_tells_it(code: str, status: int, expected: Failure) -> None:
    exceptions = pytest.importorskip("botocore.exceptions")
    translate = pytest.importorskip("s3fs.errors").translate_boto_error
    response = {"Error": {"Code": code, "Message": "said"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error = exceptions.ClientError(response, "GetObject")
    assert failure_of(error) is expected
    assert failure_of(translate(error)) is expected


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("EndpointConnectionError", {"endpoint_url": "u", "error": "e"}, PASSING),
        ("ConnectTimeoutError", {"endpoint_url": "u", "error": "e"}, PASSING),
        ("ReadTimeoutError", {"endpoint_url": "u", "error": "e"}, PASSING),
        ("ConnectionClosedError", {"endpoint_url": "u"}, PASSING),
        ("HTTPClientError", {"error": "e"}, PASSING),
        ("ResponseStreamingError", {"error": "e"}, PASSING),
        ("IncompleteReadError", {"actual_bytes": 1, "expected_bytes": 2}, PASSING),
        ("NoCredentialsError", {}, REFUSED),
        ("PartialCredentialsError", {"provider": "env", "cred_var": "secret"}, REFUSED),
        ("ProfileNotFound", {"profile": "p"}, REFUSED),
        ("ParamValidationError", {"report": "r"}, ANSWER),
    ],
)
def test_what_botocore_raises_before_there_is_an_answer(
    name: str, arguments: dict[str, object], expected: Failure
) -> None:
    exceptions = pytest.importorskip("botocore.exceptions")
    assert failure_of(getattr(exceptions, name)(**arguments)) is expected


def test_aiohttp() -> None:
    aiohttp = pytest.importorskip("aiohttp")
    request = SimpleNamespace(real_url="http://host/x", url="http://host/x", headers={}, method="GET")
    for status, expected in ((503, PASSING), (429, PASSING), (500, PASSING), (403, REFUSED), (401, REFUSED)):
        assert failure_of(aiohttp.ClientResponseError(request, (), status=status)) is expected
    assert failure_of(aiohttp.ClientResponseError(request, (), status=416)) is ANSWER
    assert failure_of(aiohttp.ServerDisconnectedError()) is PASSING
    assert failure_of(aiohttp.ClientPayloadError("short")) is PASSING
    assert failure_of(aiohttp.ServerTimeoutError()) is PASSING
    assert failure_of(aiohttp.InvalidURL("x")) is ANSWER


def test_requests() -> None:
    requests = pytest.importorskip("requests")
    for status, expected in ((503, PASSING), (403, REFUSED), (404, ANSWER)):
        response = requests.Response()
        response.status_code = status
        assert failure_of(requests.HTTPError("said", response=response)) is expected
    assert failure_of(requests.ConnectionError("lost")) is PASSING
    assert failure_of(requests.Timeout("slow")) is PASSING
    assert failure_of(requests.exceptions.ChunkedEncodingError("short")) is PASSING


@requires_obstore
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Error performing GET http://h/x in 1ms - HTTP error: error sending request", PASSING),
        ("Generic S3 error: HTTP error: error decoding response body", PASSING),
        ("Server returned non-2xx status code: 503 Service Unavailable: <Code>SlowDown</Code>", PASSING),
        ("Server returned non-2xx status code: 500 Internal Server Error: ", PASSING),
        ("Server returned non-2xx status code: 403 Forbidden: <Code>SignatureDoesNotMatch</Code>", REFUSED),
        ("the server answered with status code: 400 Bad Request (ExpiredToken)", REFUSED),
        ("the server answered with status code: 409 Conflict (OperationAborted)", PASSING),
        ("Server returned non-2xx status code: 400 Bad Request: <Code>ExpiredToken</Code>", REFUSED),
        ("Server returned non-2xx status code: 416 Range Not Satisfiable: <Code>InvalidRange</Code>", ANSWER),
    ],
)
def test_obstore(text: str, expected: Failure) -> None:
    import obstore

    assert failure_of(obstore.exceptions.GenericError(text)) is expected
    assert failure_of(OSError(errno.EIO, text)) is expected
    assert failure_of(obstore.exceptions.PermissionDeniedError("no")) is REFUSED


def test_sentences_are_one_line_and_say_what_is_known() -> None:
    assert sentence_of(OSError(errno.EBUSY, "slow\n  down")) == "slow down"
    assert sentence_of(TimeoutError()) == "TimeoutError"
    assert sentence_of(ConnectionResetError(errno.ECONNRESET, "reset")) == "ConnectionResetError: reset"
    assert sentence_of(OSError(errno.EIO, "first\n\nDebug source:\nlong")) == "first"
