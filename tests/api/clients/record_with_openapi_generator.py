"""Records a usage with the Python client that openapi-generator makes; see ../clients.py."""

import json
import sys

from sparks_client import (
    AiTokensLine,
    ApiClient,
    ComputeLine,
    Configuration,
    Message,
    StorageLine,
    Trace,
    UsageApi,
    UsageLinesInner,
    UsageRequest,
)
from sparks_client.exceptions import ApiException

usage = UsageRequest(
    member_id="u_7",
    usage=[
        UsageLinesInner(
            AiTokensLine(
                meter="ai_tokens",
                model="claude-sonnet-4-5",
                input_tokens=1009,
                cached_input_tokens=2003,
                cache_write_tokens=307,
                output_tokens=401,
                reasoning_tokens=53,
            )
        ),
        UsageLinesInner(ComputeLine(meter="compute", milliseconds=1500)),
        UsageLinesInner(StorageLine(meter="storage", gigabyte_hours="0.25")),
    ],
    trace=Trace(
        name="chat",
        session_id="s_1",
        tags=["proof"],
        metadata={"feature": "assistant"},
        input="What is a Spark?",
        output="A credit.",
    ),
)

task = json.load(sys.stdin)


def record(base):
    configuration = Configuration(host=base, access_token=task["token"])
    configuration.retries = False
    with ApiClient(configuration) as client:
        return UsageApi(client).record_usage_with_http_info(task["key"], usage)


def said(failure):
    failure = getattr(failure, "actual_instance", failure)
    if isinstance(failure, Message):
        return {"message": failure.message}
    return {"code": str(getattr(failure.code, "value", failure.code))}


receipts, replayed = [], []
for _ in range(2):
    answer = record(task["api"])
    receipt = answer.data
    receipts.append(
        {"usage_id": receipt.usage_id, "sparks": receipt.sparks, "available": receipt.balance.available}
    )
    # The client keeps headers in a plain dictionary, by the names that came over the wire.
    headers = {name.lower(): value for name, value in answer.headers.items()}
    replayed.append(headers.get("idempotent-replayed"))
failures = []
for base in task["failing"]:
    try:
        record(base)
        failures.append(None)
    except ApiException as error:
        failures.append({"status": error.status} | said(error.data))
print(json.dumps({"receipts": receipts, "replayed": replayed, "failures": failures}))
