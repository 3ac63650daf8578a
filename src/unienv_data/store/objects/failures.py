"""What an exception of a client library means: try again, not allowed, or an answer. Nothing is imported.

Clients report the same refusal in a dozen ways: a status, a code of the server's, a class of their own, an
`errno`, or a sentence. What a server said goes before what a class is called.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from enum import Enum

__all__ = ["Failure", "chain_of", "failure_of", "sentence_of"]


class Failure(Enum):
    """What a failure means for whoever asked."""

    PASSING = "passing"
    """The network, or a server with too much to do: the same request may succeed."""
    REFUSED = "refused"
    """The credentials are missing, wrong, or not enough."""
    ANSWER = "answer"
    """Anything else: asking again changes nothing."""


_PASSING_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "ConditionalRequestConflict",
        "InternalError",
        "InternalServerError",
        "OperationAborted",
        "OperationTimedOut",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServerBusy",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "TooManyRequestsException",
    }
)
_REFUSED_CODES = frozenset(
    {
        "AccessDenied",
        "AccountProblem",
        "AllAccessDisabled",
        "AuthenticationFailed",
        "AuthorizationFailure",
        "AuthorizationPermissionMismatch",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidAuthenticationInfo",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "InvalidToken",
        "NotSignedUp",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)
_PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 509, 520, 522, 524, 529})
_REFUSED_STATUSES = frozenset({401, 403, 407})

_PASSING_CLASSES = frozenset(
    {
        "ChunkedEncodingError",
        "ClientConnectionError",
        "ClientPayloadError",
        "ConnectTimeoutError",
        "ConnectionClosedError",
        "EndpointConnectionError",
        "HTTPClientError",
        "IncompleteRead",
        "IncompleteReadError",
        "ProtocolError",
        "ReadTimeoutError",
        "ResponseParserError",
        "ResponseStreamingError",
        "ServerDisconnectedError",
        "ServerTimeoutError",
        "gaierror",
    }
)
_REFUSED_CLASSES = frozenset(
    {
        "ClientAuthenticationError",
        "CredentialRetrievalError",
        "DefaultCredentialsError",
        "NoAuthTokenError",
        "NoCredentialsError",
        "PartialCredentialsError",
        "PermissionDeniedError",
        "ProfileNotFound",
        "RefreshError",
        "TokenRetrievalError",
        "UnauthenticatedError",
        "UnauthorizedSSOTokenError",
    }
)
_ANSWER_CLASSES = frozenset({"SSLCertVerificationError", "InvalidURL", "UnsupportedProtocol"})
_PASSING_NUMBERS = frozenset(
    {
        errno.EBUSY,
        errno.ECONNABORTED,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.ENETUNREACH,
        errno.EPIPE,
        errno.ETIMEDOUT,
    }
)

_STATUS_IN_TEXT = re.compile(r"status code: (\d{3})\b")
_CODE_IN_TEXT = re.compile(r"<Code>(\w+)</Code>")
_CODE_BESIDE_STATUS = re.compile(r"status code: \d{3}[\w ]* \((\w+)\)")
_PASSING_TEXT = re.compile(
    r"HTTP error:|error sending request|error decoding response body|connection closed"
)
_NO_KEYS_IN_TEXT = re.compile(r"(?i)error getting credentials|no credentials|instance metadata")


def failure_of(exc: BaseException) -> Failure:
    """What `exc` means, by itself or what it was raised from.

    >>> failure_of(ConnectionResetError("gone"))
    <Failure.PASSING: 'passing'>
    >>> failure_of(FileNotFoundError("no such key"))
    <Failure.ANSWER: 'answer'>
    """
    if isinstance(exc, FileNotFoundError | FileExistsError | IsADirectoryError | NotADirectoryError):
        return Failure.ANSWER
    chain = list(chain_of(exc))
    for look in (_by_answer, _by_kind):
        for link in chain:
            found = look(link)
            if found is not None:
                return found
    return Failure.ANSWER


def sentence_of(exc: BaseException) -> str:
    """What `exc` says, as one line, its kind before it where that says more than OSError does."""
    number = getattr(exc, "errno", None)
    said = getattr(exc, "strerror", None) if isinstance(number, int) else None
    text = str(said or exc) or ", ".join(str(link) for link in chain_of(exc) if str(link)) or ""
    line = " ".join(text.split("\n\n", 1)[0].split())[:_LONGEST]
    kind = type(exc).__name__
    if not line:
        return kind
    return line if kind in {"OSError", "PermissionError"} or line.startswith(kind) else f"{kind}: {line}"


_LONGEST = 300


def chain_of(exc: BaseException) -> Iterator[BaseException]:
    """An exception, what it was raised from, and so on."""
    seen: set[int] = set()
    link: BaseException | None = exc
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _by_answer(exc: BaseException) -> Failure | None:
    """By what the server said; None where it said nothing."""
    for code in _codes(exc):
        if code in _PASSING_CODES:
            return Failure.PASSING
        if code in _REFUSED_CODES:
            return Failure.REFUSED
    for status in _statuses(exc):
        if status in _PASSING_STATUSES:
            return Failure.PASSING
        if status in _REFUSED_STATUSES:
            return Failure.REFUSED
        if 200 <= status < 600:
            return Failure.ANSWER
    return None


def _codes(exc: BaseException) -> Iterator[str]:
    response = getattr(exc, "response", None)  # botocore's is a dictionary
    if isinstance(response, dict):
        yield str(response.get("Error", {}).get("Code", ""))
    for name in ("error_code", "code"):  # Azure's, and others'
        code = vars(exc).get(name)  # not what is computed when asked for, which may warn
        if isinstance(code, str):
            yield code
    text = str(exc)
    yield from _CODE_IN_TEXT.findall(text)
    yield from _CODE_BESIDE_STATUS.findall(text)


def _statuses(exc: BaseException) -> Iterator[int]:
    response = getattr(exc, "response", None)
    if isinstance(response, dict):
        yield from _numbers(response.get("ResponseMetadata", {}).get("HTTPStatusCode"))
        yield from _numbers(response.get("Error", {}).get("Code"))
    else:
        yield from _numbers(getattr(response, "status_code", None))  # requests'
    for name in ("status", "status_code", "code"):  # aiohttp's, Azure's, gcsfs's and urllib's
        yield from _numbers(vars(exc).get(name))
    yield from map(int, _STATUS_IN_TEXT.findall(str(exc)))  # obstore's


def _numbers(value: object) -> Iterator[int]:
    if isinstance(value, int) or (isinstance(value, str) and value.isdigit()):
        yield int(value)


def _by_kind(exc: BaseException) -> Failure | None:
    """By the classes that it is of, its number, or its words."""
    classes = {cls.__name__ for cls in type(exc).__mro__}
    if classes & _ANSWER_CLASSES:
        return Failure.ANSWER
    if classes & _REFUSED_CLASSES:
        return Failure.REFUSED
    if isinstance(exc, TimeoutError | ConnectionError | EOFError) or classes & _PASSING_CLASSES:
        return Failure.PASSING
    if isinstance(exc, PermissionError):
        return Failure.REFUSED
    module = type(exc).__module__.partition(".")[0]
    if module in {"requests", "urllib3"} and classes & {"ConnectionError", "Timeout", "HTTPError"}:
        return Failure.PASSING
    if isinstance(exc, OSError) and exc.errno in _PASSING_NUMBERS:
        return Failure.PASSING
    if isinstance(exc, OSError) or module == "obstore":
        text = str(exc)
        if _NO_KEYS_IN_TEXT.search(text):
            return Failure.REFUSED
        if _PASSING_TEXT.search(text):
            return Failure.PASSING
    return None
