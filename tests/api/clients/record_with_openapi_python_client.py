"""Records a usage with the client that openapi-python-client makes; see ../clients.py."""

import json
import sys

from sparks_client import AuthenticatedClient
from sparks_client.api.usage import record_usage
from sparks_client.models import AiTokensLine, ComputeLine, Message, StorageLine, Trace, TraceMetadataType0, UsageRequest

metadata = TraceMetadataType0()
metadata["feature"] = "assistant"
usage = UsageRequest(
    member_id="u_7",
    usage=[
        AiTokensLine(
            meter="ai_tokens",
            model="claude-sonnet-4-5",
            input_tokens=1009,
            cached_input_tokens=2003,
            cache_write_tokens=307,
            output_tokens=401,
            reasoning_tokens=53,
        ),
        ComputeLine(meter="compute", milliseconds=1500),
        StorageLine(meter="storage", gigabyte_hours="0.25"),
    ],
    trace=Trace(
        name="chat",
        session_id="s_1",
        tags=["proof"],
        metadata=metadata,
        input_="What is a Spark?",
        output="A credit.",
    ),
)

task = json.load(sys.stdin)


def record(base):
    client = AuthenticatedClient(base_url=base, token=task["token"])
    return record_usage.sync_detailed(client=client, body=usage, idempotency_key=task["key"])


def said(failure):
    if isinstance(failure, Message):
        return {"message": failure.message}
    return {"code": str(getattr(failure.code, "value", failure.code))}


receipts, replayed = [], []
for _ in range(2):
    answer = record(task["api"])
    receipt = answer.parsed
    receipts.append(
        {"usage_id": receipt.usage_id, "sparks": receipt.sparks, "available": receipt.balance.available}
    )
    replayed.append(answer.headers.get("Idempotent-Replayed"))
failures = []
for base in task["failing"]:
    answer = record(base)
    failures.append({"status": int(answer.status_code)} | said(answer.parsed))
print(json.dumps({"receipts": receipts, "replayed": replayed, "failures": failures}))
