#!/usr/bin/env python3
"""A function for the tests of `local::lambda`, which follows the instruction in the event.

It implements the Runtime API by hand, as any binary could.
"""

import json
import os
import signal
import sys
import urllib.error
import urllib.request

API = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/"


def call(path, body=None):
    """Calls the Runtime API; returns the response's body and headers, or prints its refusal."""
    try:
        with urllib.request.urlopen(API + path, data=body) as answer:
            return answer.read(), answer.headers
    except urllib.error.HTTPError as refusal:
        print("refused", refusal.code, flush=True)
        return b"", refusal.headers


def failure(kind, message):
    return json.dumps({"errorType": kind, "errorMessage": message, "stackTrace": []}).encode()


def handle(event, headers, count):
    """Returns the path and the body of the response to an event."""
    match event.get("do"):
        case "fail":
            return "error", failure("Unhandled", "as it was told")
        case "exit":
            sys.exit(7)
        case "hang":
            print("hanging", flush=True)
            signal.pause()
        case "print":
            line = "x" * 1000
            for number in range(event["lines"]):
                print(number, line, flush=False)
            sys.stdout.flush()
            print("an error", file=sys.stderr, flush=True)
            return "response", b"null"
        case "garble":
            return "response", b"{"
        case "large":
            return "response", b'"' + b"x" * (6 * 1024 * 1024) + b'"'
        case "wrong id":
            call("invocation/another/response", b"null")
            return "response", b"null"
        case "http":
            body = json.dumps({"process": os.getpid(), "path": event["rawPath"]})
            return "response", json.dumps({"statusCode": 200, "body": body}).encode()
    answer = {
        "event": event,
        "count": count,
        "process": os.getpid(),
        "environment": dict(os.environ),
        "headers": {name.lower(): value for name, value in headers.items()},
    }
    return "response", json.dumps(answer).encode()


def main():
    match os.environ.get("INIT"):
        case "error":
            call("init/error", failure("Runtime.InitError", "no configuration"))
            sys.exit(1)
        case "exit":
            print("cannot begin", file=sys.stderr)
            sys.exit(3)
        case "hang":
            signal.pause()
    count = 0
    while True:
        body, headers = call("invocation/next")
        count += 1
        request = headers["lambda-runtime-aws-request-id"]
        event = json.loads(body)
        if "rawPath" in event:
            event["do"] = "http"
        to, answer = handle(event, headers, count)
        call("invocation/%s/%s" % (request, to), answer)
        if event.get("do") == "leave":
            sys.exit(0)


main()
