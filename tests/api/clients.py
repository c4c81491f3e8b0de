"""Generates clients from openapi.yaml and checks that each loses no field and reads every failure.

Each client records one usage twice, as its program under `clients/` does, and then receives every kind of failure. The
same usage is recorded by hand, as plain JSON: receipt, balance and trace must be equal.
"""

import contextlib
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import threading
import urllib.request

from stack import ROOT, post

DOCUMENT = ROOT / "openapi.yaml"
PROGRAMS = pathlib.Path(__file__).parent / "clients"
MADE = ROOT / ".local" / "clients"
TOOLS = ROOT / ".tools" / "clients" / "bin"
MODULES = ROOT / "web" / "node_modules"
SPARKS = "10000"
LIMIT_S = 300

USAGE = {
    "member_id": "u_7",
    "usage": [
        {
            "meter": "ai_tokens",
            "model": "claude-sonnet-4-5",
            "input_tokens": 1009,
            "cached_input_tokens": 2003,
            "cache_write_tokens": 307,
            "output_tokens": 401,
            "reasoning_tokens": 53,
        },
        {"meter": "compute", "milliseconds": 1500},
        {"meter": "storage", "gigabyte_hours": "0.25"},
    ],
    "trace": {
        "name": "chat",
        "session_id": "s_1",
        "tags": ["proof"],
        "metadata": {"feature": "assistant"},
        "input": "What is a Spark?",
        "output": "A credit.",
    },
}

# The messages of API Gateway's own errors, and the codes of the functions' problems.
MESSAGES = {
    401: "Unauthorized",
    404: "Not Found",
    413: "Request Entity Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
CODES = {
    400: "invalid_json",
    401: "unauthenticated",
    402: "insufficient_sparks",
    403: "account_forbidden",
    404: "account_not_found",
    413: "body_too_large",
    422: "unknown_model",
    500: "internal",
    503: "unavailable",
}


def typescript(folder):
    """Compiles the program with types of openapi-typescript; the page's lock file pins both tools."""
    run([MODULES / ".bin/openapi-typescript", DOCUMENT, "--output", folder / "openapi.d.ts"])
    shutil.copy(PROGRAMS / "record.ts", folder)
    (folder / "package.json").write_text('{"type":"module"}')
    (folder / "node_modules").symlink_to(MODULES)
    options = ["--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler"]
    run([MODULES / ".bin/tsc", *options, "--types", "node", "record.ts"], folder=folder)
    return ["node", folder / "record.js"]


def python_client(folder):
    settings = folder / "settings.json"
    settings.write_text('{"post_hooks": []}')
    options = ["--output-path", folder / "sparks_client", "--meta", "none", "--fail-on-warning", "--config", settings]
    run([TOOLS / "openapi-python-client", "generate", "--path", DOCUMENT, *options])
    return [TOOLS / "python", PROGRAMS / "record_with_openapi_python_client.py"]


def generator(folder):
    options = ["--package-name", "sparks_client", "--global-property", "apiTests=false,modelTests=false"]
    run([TOOLS / "openapi-generator-cli", "generate", "-g", "python", "-i", DOCUMENT, "-o", folder, *options])
    return [TOOLS / "python", PROGRAMS / "record_with_openapi_generator.py"]


GENERATORS = {
    "openapi-typescript": typescript,
    "openapi-python-client": python_client,
    "openapi-generator": generator,
}


def test(stack, names):
    """Tests the client of each named generator; returns the number of clients with faults."""
    expected = recorded_by_hand(stack)
    failed = 0
    with failing() as (failures, bases):
        expected["failures"] = failures
        for name in names:
            faults = faults_of(name, stack, bases, expected)
            print(f"test-api: the client of {name} {'HAS FAULTS' if faults else 'is correct'}", flush=True)
            for fault in faults:
                print(f"  {fault}", flush=True)
            failed += bool(faults)
    return failed


def faults_of(name, stack, bases, expected):
    folder = MADE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    account = f"proof_{name}"
    stack.grant(account, SPARKS)
    task = {"api": stack.api, "token": stack.token(account), "key": "proof", "failing": bases}
    try:
        command = GENERATORS[name](folder)
        outcome = json.loads(run(command, json.dumps(task), os.environ | {"PYTHONPATH": str(folder)}))
    except subprocess.CalledProcessError as error:
        return [f"{error}\n{error.stdout}"]
    outcome["trace"] = trace(stack, outcome["receipts"][0]["usage_id"])
    for receipt in outcome["receipts"]:
        receipt.pop("usage_id")
    return [
        f"{member}: {outcome[member]} != {value}" for member, value in expected.items() if outcome[member] != value
    ]


def recorded_by_hand(stack):
    """Returns the results that every client must produce."""
    stack.grant("proof_by_hand", SPARKS)
    headers = {
        "Authorization": f"Bearer {stack.token('proof_by_hand')}",
        "Content-Type": "application/json",
        "Idempotency-Key": "proof",
    }
    receipt = post(f"{stack.api}/v1/usage", USAGE, headers)
    shown = {"sparks": receipt["sparks"], "available": receipt["balance"]["available"]}
    return {"receipts": [shown, shown], "replayed": [None, "true"], "trace": trace(stack, receipt["usage_id"])}


def trace(stack, usage_id):
    """Returns Langfuse's spans of a usage, without the fields that differ between usages."""
    with urllib.request.urlopen(f"{stack.variables['LANGFUSE_HOST']}/_local/state") as answer:
        spans = json.load(answer)["spans"]
    own = [span for span in spans if usage_id in json.dumps(span)]
    kept = ("name", "trace_name", "user_id", "session_id", "tags", "input", "output", "model", "usage", "cost")
    return [{name: span[name] for name in kept} | {"feature": span["metadata"].get("feature")} for span in own]


@contextlib.contextmanager
def failing():
    """Serves each failure at an address of its own; yields what clients must read, and the addresses."""
    answers = [(status, {"message": message}) for status, message in MESSAGES.items()]
    answers += [(status, problem(status, code)) for status, code in CODES.items()]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):  # the name that the library calls
            self.rfile.read(int(self.headers["Content-Length"]))
            status, body = answers[int(self.path.split("/")[1])]
            media = "application/problem+json" if "code" in body else "application/json"
            self.send_response(status)
            self.send_header("Content-Type", media)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        bases = [f"http://127.0.0.1:{server.server_port}/{number}" for number in range(len(answers))]
        said = [
            {"status": status} | {name: body[name] for name in ("code", "message") if name in body}
            for status, body in answers
        ]
        yield said, bases
        server.shutdown()


def problem(status, code):
    body = {"type": "about:blank", "title": "A title", "status": status, "detail": "A detail."}
    body |= {"code": code, "request_id": "r-1"}
    if code == "insufficient_sparks":
        body |= {"required": "2.000", "available": "1.000", "top_up_items": ["pack_125k"]}
    return body


def run(command, given="", environment=None, folder=None):
    """Runs a program to its end; returns its standard output."""
    done = subprocess.run(
        command,
        cwd=folder,
        input=given,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if not given else None,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    return done.stdout
