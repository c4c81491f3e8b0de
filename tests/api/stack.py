"""Runs the whole stack on free ports for the duration of a `with` block."""

import contextlib
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
# A file of its own: another stack may be running.
ENVIRONMENT = ROOT / ".local" / "test-api.env"
# The functions start one after another, and the first one may have to be linked.
READY_LIMIT = 300
STOP_LIMIT = 30


class Stack:
    """A running stack: its API's address, and the variables with which the operator's command reaches it."""

    def __init__(self, programs, api):
        self.api = api
        self.operator = programs / "sparks"
        self.variables = dict(re.findall(r"^export (\w+)='(.*)'$", ENVIRONMENT.read_text(), re.MULTILINE))

    def grant(self, account, sparks):
        granting = [self.operator, "grant", account, sparks, "--reason", "test-api"]
        subprocess.run(granting, env=os.environ | self.variables, check=True)

    def token(self, account, scope=None):
        return post(f"{self.api}/_local/token", {"account": account, "scope": scope})["token"]


@contextlib.contextmanager
def running(programs):
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("w") as log:
        environment = os.environ | ports() | {"SPARKS_LOCAL_ENV": str(ENVIRONMENT)}
        stack = subprocess.Popen([programs / "sparks-local"], cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            yield Stack(programs, address(stack))
        finally:
            stack.terminate()
            try:
                stack.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                stack.kill()
                stack.wait()


def ports():
    """Returns the ports: those set in the environment, else 0 for a free one."""
    names = [f"SPARKS_{name}_PORT" for name in ("GATEWAY", "FUNCTIONS", "DYNAMODB", "STRIPE", "LANGFUSE")]
    return {name: os.environ.get(name, "0") for name in names}


def address(stack):
    """Waits until the stack prints the API's address, and returns it."""
    until = time.monotonic() + READY_LIMIT
    while stack.poll() is None and time.monotonic() < until:
        found = re.search(r"^API +(http\S+)/_local/health$", LOG.read_text(), re.MULTILINE)
        if found:
            return found[1]
        time.sleep(0.5)
    sys.exit(f"test-api: the stack did not start; see {LOG}")


def post(url, body, headers=()):
    request = urllib.request.Request(url, json.dumps(body).encode(), dict(headers), method="POST")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)
