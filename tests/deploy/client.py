"""Plain HTTP calls, and the expectations that answers are held against."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from decimal import Decimal

# How long any answer may take: API Gateway's own limit.
ANSWER_LIMIT_S = 30


class Unexpected(Exception):
    """An answer that is not what its step is about."""


@dataclass(frozen=True)
class Answer:
    """An answer, with its body read as JSON where it is some."""

    status: int
    headers: dict[str, str]
    body: object


class Direct(urllib.request.HTTPRedirectHandler):
    """Redirects are looked at, not followed."""

    def redirect_request(self, *_):
        return None


# Everything is on this machine: no proxy is asked.
OPENER = urllib.request.build_opener(Direct, urllib.request.ProxyHandler({}))


def call(method: str, url: str, body: object = None, headers: dict[str, str] | None = None) -> Answer:
    """Calls; a body that is no text is sent as JSON."""
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
    """Fails, with what was seen, unless it is true."""
    if not truth:
        raise Unexpected(f"{what}: {seen}")


def sparks(text: str) -> Decimal:
    """Sparks as the API writes them."""
    return Decimal(text)
