"""Adapts generated requests that match the schema to rules that a schema cannot express.

Requests that break the schema are sent unchanged. The hooks change only what depends on the deployment, the clock, the
account or earlier requests, so that generated requests get past the first refusal. `filter_failure` accepts the
refusals that remain for such reasons. `tests/api/run.py` describes the variables.
"""

import copy
import datetime
import hashlib
import hmac
import json
import os
import time

import requests
import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.core.jsonschema import make_validator
from schemathesis.core.parameters import ParameterLocation
from schemathesis.openapi.checks import RejectedPositiveData, UnsupportedMethodResponse

API = os.environ["SPARKS_API"]
ACCOUNT = os.environ["SPARKS_ACCOUNT"]
SESSION = os.environ["SPARKS_SESSION"]
SECRET = os.environ["SPARKS_WEBHOOK_SECRET"]
SERVICE = os.environ["SPARKS_CALLER"] == "service"

# A model with a price for every class of tokens.
MODEL = "gpt-5"
CLASSES = ["input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens"]
EXAMPLE_SESSION = "cs_test_a1OKELRoaBk38lFGPgMSdRS8"
ZONES = ["UTC", "Europe/Paris", "Asia/Kathmandu"]
SERVICES_MAY = {
    "recordUsage",
    "recordUsageBatch",
    "estimateUsage",
    "readUsage",
    "readSubscription",
    "readBalance",
    "readLedger",
}

# The refusals that no schema can predict, by code and field.
NOT_OF_THE_SCHEMA = {
    # The cost, and whether the balance covers it, is known only after pricing.
    ("insufficient_sparks", None),
    # The lines together cost more than one event of Stripe's meter can carry.
    ("invalid_quantity", "usage"),
}

# The `next_cursor` of each page, with the times that its request had.
cursors = {}


@schemathesis.hook
def before_call(context, case, kwargs):
    of_schema = {
        location
        for location in (ParameterLocation.BODY, ParameterLocation.QUERY, ParameterLocation.HEADER)
        if case.meta is None or not case.meta.is_negative_at(location)
    }
    operation = case.operation.definition.raw.get("operationId")
    if ParameterLocation.BODY in of_schema and isinstance(case.body, dict):
        case.body = fitting_body(operation, copy.deepcopy(case.body))
    if ParameterLocation.QUERY in of_schema:
        query = fitting_query(operation, dict(case.query or {}))
        if query != dict(case.query or {}):
            case.query = query
    if (case.path_parameters or {}).get("session_id") == EXAMPLE_SESSION:
        case.path_parameters["session_id"] = SESSION
    if ParameterLocation.HEADER in of_schema:
        key = (case.headers or {}).get("Idempotency-Key")
        if key is not None:
            body = json.dumps(case.body, sort_keys=True, default=str)
            case.headers["Idempotency-Key"] = own_key(key, body)
        if operation == "receiveStripeWebhook":
            kwargs["auth"] = Signature()


@schemathesis.hook
def after_call(context, case, response):
    if case.operation.definition.raw.get("operationId") == "readLedger" and response.status_code == 200:
        query = case.query or {}
        asked = {name: query[name] for name in ("from", "to") if name in query}
        cursors[response.json()["next_cursor"]] = asked


@schemathesis.hook
def filter_failure(context, failure, case, response):
    answer = body_of(response)
    if isinstance(failure, UnsupportedMethodResponse):
        # An HTTP API of API Gateway matches whole routes: an unknown method of a path is a 404.
        return (response.status_code, answer) != (404, {"message": "Not Found"})
    if isinstance(failure, RejectedPositiveData):
        return (answer.get("code"), answer.get("field")) not in NOT_OF_THE_SCHEMA
    if isinstance(failure, AcceptedNegativeData) and "results" in answer:
        return not refused_one_by_one(case, answer["results"])
    return True


def refused_one_by_one(case, results):
    """Returns whether only items of a batch break the schema, and each of those is refused within the 200."""
    schema = case.operation.get_body_for_media_type(case.media_type).validation_schema
    validator = make_validator(schema, case.operation.schema.adapter.jsonschema_validator_cls)
    items = case.body["items"]
    good = {"idempotency_key": "k", "usage": [{"meter": "compute", "milliseconds": 1}]}
    return (
        len(items) == len(results)
        and validator.is_valid(case.body | {"items": [good]})
        and all(
            result["status"] == 422 or validator.is_valid({"items": [item]})
            for item, result in zip(items, results)
        )
    )


class Signature(requests.auth.AuthBase):
    """Signs the request as Stripe does."""

    def __call__(self, request):
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        at = int(time.time())
        digest = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        request.headers["Stripe-Signature"] = f"t={at},v1={digest}"
        return request


def fitting_body(operation, body):
    if operation == "receiveStripeWebhook":
        # An event of this deployment must be about an object that Stripe has.
        about = body.get("data", {}).get("object")
        if isinstance(about, dict) and "id" in about:
            about["id"] = SESSION
        return body
    if body.get("account_id") is not None or (SERVICE and operation in SERVICES_MAY):
        body["account_id"] = ACCOUNT
    for name in ("success_url", "cancel_url", "return_url"):
        if name in body:
            body[name] = own_address(body[name])
    if body.get("item") == "plus" and "quantity" in body:
        # A plan has a quantity of 1.
        body["quantity"] = 1
    for usage in body.get("items", [body]):
        fit_usage(usage)
    return body


def fit_usage(usage):
    if usage.get("occurred_at") is not None:
        # Keeps the time of day as written, on a day that is not too long ago.
        usage["occurred_at"] = day(-2) + usage["occurred_at"][10:]
    for line in usage.get("usage", []):
        if line.get("model") is not None:
            line["model"] = MODEL
        if line["meter"] == "ai_tokens" and not any(line.get(name) is not None for name in CLASSES):
            # At least one class is required, but only in words: as a schema, this breaks many generated clients.
            line["input_tokens"] = 1
    trace = usage.get("trace")
    if trace:
        # The limits count bytes.
        for name in ("name", "session_id"):
            if trace.get(name) is not None:
                trace[name] = cut(trace[name], 200)
        if trace.get("tags") is not None:
            trace["tags"] = [cut(tag, 50) for tag in trace["tags"]]
        if trace.get("metadata") is not None:
            trace["metadata"] = {cut(key, 40): cut(text, 200) for key, text in trace["metadata"].items()}


def fitting_query(operation, query):
    if "account_id" in query or (SERVICE and operation in SERVICES_MAY):
        query["account_id"] = ACCOUNT
    if operation == "readUsage":
        for name, days in (("from", -9), ("to", 1)):
            if name in query:
                # Times must fall on a quarter of an hour.
                query[name] = day(days) + ("T06:15:00Z" if len(query[name]) > 10 else "")
        if "tz" in query:
            query["tz"] = ZONES[len(query["tz"]) % len(ZONES)]
        if query.get("group_by") == "model":
            query.pop("member_id", None)
        if query.get("group_by") == "member" or "member_id" in query:
            query.pop("tz", None)
            query.update({name: query[name][:10] for name in ("from", "to") if name in query})
            if query.get("granularity") == "hour":
                query["granularity"] = "day"
    if operation == "readLedger":
        for name, days in (("from", -9), ("to", 1)):
            if name in query:
                query[name] = day(days) + query[name][10:]
        if "cursor" in query:
            # A cursor is valid only if the API returned it, and only for the times of that request.
            asked = cursors.get(query["cursor"]) if query["cursor"] else None
            left_out = ("cursor",) if asked is None else ("from", "to")
            query = {name: query[name] for name in query if name not in left_out} | (asked or {})
    return query


def own_address(text):
    if text.startswith(API):
        return text
    place = "{CHECKOUT_SESSION_ID}" if "{CHECKOUT_SESSION_ID}" in text else ""
    address = f"{API}/{place}{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return address.ljust(len(text), "x")


def own_key(key, body):
    """Returns a key of this request alone: another one may have had the same key."""
    mark = hashlib.sha256(f"{SERVICE} {key} {body}".encode()).hexdigest()[:16]
    return key[:-16] + mark if len(key) > 16 else key + mark


def body_of(response):
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def day(days):
    today = datetime.datetime.now(datetime.timezone.utc).date()
    return (today + datetime.timedelta(days=days)).isoformat()


def cut(text, size):
    return text.encode()[:size].decode(errors="ignore")
