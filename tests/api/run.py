#!/usr/bin/env python3
"""Tests the whole running stack against openapi.yaml, with generated requests and with generated clients.

`make test-api` and `make proof-clients` run it with the folder of the built programs. The requests are sent once as an
account, and once as a service that acts for it; `schemathesis.toml` beside this file configures the tests.
"""

import argparse
import os
import pathlib
import subprocess
import sys

import clients
from stack import LOG, ROOT, post, running

# The account that the examples of openapi.yaml name.
ACCOUNT = "acct_1"
# Enough that a usage seldom costs more than the balance.
SPARKS = "900000000"

# Services may not pay or manage for others; webhooks and the catalogue have no account.
NOT_FOR_SERVICES = ["createCheckout", "verifyPayment", "createPortal", "receiveStripeWebhook", "readCatalog"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("programs", type=pathlib.Path, help="the folder of the built programs")
    arguments.add_argument("--requests", action="store_true", help="send generated requests, valid and invalid")
    arguments.add_argument("--clients", nargs="*", default=[], choices=clients.GENERATORS, help="clients to test")
    wanted = arguments.parse_args()
    with running(wanted.programs.absolute()) as stack:
        failed = clients.test(stack, wanted.clients) if wanted.clients else 0
        failed |= test(stack) if wanted.requests else 0
    if failed:
        print(f"test-api: the stack's log is {LOG}")
    return 1 if failed else 0


def test(stack):
    stack.grant(ACCOUNT, SPARKS)
    environment = {
        # The default is the project's own folder.
        "HYPOTHESIS_STORAGE_DIRECTORY": str(ROOT / ".local/hypothesis"),
        "SPARKS_API": stack.api,
        "SPARKS_ACCOUNT": ACCOUNT,
        # A Checkout Session of the account: verifications and webhooks need one that exists.
        "SPARKS_SESSION": open_page(stack),
        "SPARKS_WEBHOOK_SECRET": stack.variables["STRIPE_WEBHOOK_SECRETS"].split(",")[0],
    }
    runs = [
        ("account", stack.token(ACCOUNT), []),
        ("service", stack.token("svc_1", "sparks:act_for_accounts"), NOT_FOR_SERVICES),
    ]
    failed = 0
    for caller, bearer, left_out in runs:
        print(f"test-api: as {caller}", flush=True)
        schemathesis = ROOT / ".tools/api/bin/schemathesis"
        command = [schemathesis, "--config-file", ROOT / "tests/api/schemathesis.toml", "run", ROOT / "openapi.yaml", "--url", stack.api, "--checks", "all"]
        for operation in left_out:
            command += ["--exclude-operation-id", operation]
        run = environment | {"SPARKS_CALLER": caller, "SPARKS_TOKEN": bearer}
        failed |= subprocess.run(command, cwd=ROOT, env=os.environ | run).returncode
    return failed


def open_page(stack):
    headers = {
        "Authorization": f"Bearer {stack.token(ACCOUNT)}",
        "Content-Type": "application/json",
        "Idempotency-Key": "test-api",
    }
    order = {"item": "pack_500k", "success_url": f"{stack.api}/paid", "cancel_url": f"{stack.api}/"}
    return post(f"{stack.api}/v1/checkout", order, headers)["session_id"]


if __name__ == "__main__":
    sys.exit(main())
