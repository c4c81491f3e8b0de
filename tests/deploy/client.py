"""Plain HTTP calls, and checks of their answers."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from decimal import Decimal

# The longest time that an answer may take: API Gateway's own limit.
ANSWER_LIMIT_S = 30


class Unexpected(Exception):
    """An answer that differs from what its step expects."""


@dataclass(frozen=True)
class Answer:
    """An answer, with its body parsed if it is JSON."""

    status: int
    headers: dict[str, str]
    body: object


class Direct(urllib.request.HTTPRedirectHandler):
    """Returns redirects instead of following them."""

    def redirect_request(self, *_):
        return None


# Everything is on this machine, so no proxy is used.
OPENER = urllib.request.build_opener(Direct, urllib.request.ProxyHandler({}))


def call(method: str, url: str, body: object = None, headers: dict[str, str] | None = None) -> Answer:
    """Sends a request; a body that is not a string is sent as JSON."""
    headers = dict(headers or {})
    content = None
    if body is not None:
        headers.setdefault("Content-Type", "application/json")
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
    request = urllib.request.Request(url, data=content, headers=headers, method=method)
    try:
        response = OPENER.open(request, timeout=ANSWER_LIMIT_S)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        said = response.read().decode("utf-8", "replace")
        lower = {name.lower(): value for name, value in response.headers.items()}
        try:
            said = json.loads(said)
        except ValueError:
            pass
        return Answer(response.status, lower, said)


def expect(what: str, truth: object, seen: object) -> None:
    """Raises `Unexpected` with what was seen, unless it is true."""
    if not truth:
        raise Unexpected(f"{what}: {seen}")


def sparks(text: str) -> Decimal:
    """Sparks as the API writes them."""
    return Decimal(text)
