#!/usr/bin/env python3
"""Holds the whole running stack against openapi.yaml: once as an account, and once as a service that acts for it.

`make test-api` calls it, with the folder of the built programs. What is tested and how is in schemathesis.toml.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOG = ROOT / ".local" / "test-api.log"
# Its own: another stack may be running.
ENVIRONMENT = ROOT / ".local" / "test-api.env"
# What the examples of openapi.yaml name.
ACCOUNT = "acct_1"
# So that seldom a usage costs more than there is.
SPARKS = "900000000"
# The functions start one after another, and the first of them may have to be linked.
READY_LIMIT = 300
STOP_LIMIT = 30

# A service may neither pay nor manage for others, and the rest knows no accounts.
NOT_FOR_SERVICES = ["createCheckout", "verifyPayment", "createPortal", "receiveStripeWebhook", "readCatalog"]


def main():
    programs = pathlib.Path(sys.argv[1]).absolute()
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("w") as log:
        environment = os.environ | ports() | {"SPARKS_LOCAL_ENV": str(ENVIRONMENT)}
        stack = subprocess.Popen([programs / "sparks-local"], cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            api = address(stack)
            return test(api, programs / "sparks")
        finally:
            stack.terminate()
            try:
                stack.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                stack.kill()
                stack.wait()


def ports():
    """Free ones, unless there are others to be used."""
    names = [f"SPARKS_{name}_PORT" for name in ("GATEWAY", "FUNCTIONS", "DYNAMODB", "STRIPE", "LANGFUSE")]
    return {name: os.environ.get(name, "0") for name in names}


def address(stack):
    """Waits until the stack says where the API is."""
    until = time.monotonic() + READY_LIMIT
    while stack.poll() is None and time.monotonic() < until:
        found = re.search(r"^API +(http\S+)/_local/health$", LOG.read_text(), re.MULTILINE)
        if found:
            return found[1]
        time.sleep(0.5)
    sys.exit(f"test-api: the stack did not start; {LOG} says why")


def test(api, sparks):
    variables = dict(re.findall(r"^export (\w+)='(.*)'$", ENVIRONMENT.read_text(), re.MULTILINE))
    granting = [sparks, "grant", ACCOUNT, SPARKS, "--reason", "test-api"]
    subprocess.run(granting, env=os.environ | variables, check=True)
    environment = {
        # Else it would be in the project's own folder.
        "HYPOTHESIS_STORAGE_DIRECTORY": str(ROOT / ".local/hypothesis"),
        "SPARKS_API": api,
        "SPARKS_ACCOUNT": ACCOUNT,
        # A page of the account: verifications and webhooks have to be of one that there is.
        "SPARKS_SESSION": open_page(api),
        "SPARKS_WEBHOOK_SECRET": variables["STRIPE_WEBHOOK_SECRETS"].split(",")[0],
    }
    runs = [
        ("account", token(api, ACCOUNT), []),
        ("service", token(api, "svc_1", "sparks:act_for_accounts"), NOT_FOR_SERVICES),
    ]
    failed = 0
    for caller, bearer, left_out in runs:
        print(f"test-api: as {caller}", flush=True)
        command = [ROOT / ".tools/api/bin/schemathesis", "run", ROOT / "openapi.yaml", "--url", api, "--checks", "all"]
        for operation in left_out:
            command += ["--exclude-operation-id", operation]
        run = environment | {"SPARKS_CALLER": caller, "SPARKS_TOKEN": bearer}
        failed |= subprocess.run(command, cwd=ROOT, env=os.environ | run).returncode
    if failed:
        print(f"test-api: what the stack said is in {LOG}")
    return failed


def post(url, body, headers=()):
    request = urllib.request.Request(url, json.dumps(body).encode(), dict(headers), method="POST")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def token(api, account, scope=None):
    return post(f"{api}/_local/token", {"account": account, "scope": scope})["token"]


def open_page(api):
    headers = {
        "Authorization": f"Bearer {token(api, ACCOUNT)}",
        "Content-Type": "application/json",
        "Idempotency-Key": "test-api",
    }
    order = {"item": "pack_500k", "success_url": f"{api}/paid", "cancel_url": f"{api}/"}
    return post(f"{api}/v1/checkout", order, headers)["session_id"]


if __name__ == "__main__":
    sys.exit(main())
