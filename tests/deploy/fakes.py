"""The fakes of Stripe and Langfuse, and the operator's command that works with them."""

import json
from contextlib import ExitStack

from client import call, expect
from processes import Process, run, wait_until

# The last variable that `sparks-local --fakes` prints.
LAST = "STRIPE_SECRET_KEY"


class Fakes:
    """Both fakes, on free ports."""

    def __init__(self, programs: str, folder: str, running: ExitStack):
        self.programs = programs
        ports = {"SPARKS_STRIPE_PORT": "0", "SPARKS_LANGFUSE_PORT": "0"}
        self.process = Process([f"{programs}/sparks-local", "--fakes"], ports, f"{folder}/fakes.log", running)
        lines = wait_until("the fakes", lambda: self.process.alive() and self._printed())
        self.environment = dict(line.split("=", 1) for line in lines)
        self.stripe = self.environment["STRIPE_API_BASE"]
        self.langfuse = self.environment["LANGFUSE_HOST"]

    def _printed(self) -> list[str]:
        lines = self.process.output().splitlines()
        return lines if lines and lines[-1].startswith(f"{LAST}=") else []

    def sparks(self, arguments: list[str], environment: dict[str, str]) -> str:
        """Runs the operator's command; returns its output."""
        return run([f"{self.programs}/sparks", *arguments], {**self.environment, **environment})

    def set_up(self, stage: str, webhooks: str | None = None) -> dict:
        """Creates at Stripe what a deployment needs, as an operator does."""
        arguments = ["stripe-setup", "--json"]
        if webhooks:
            arguments += ["--webhook-url", webhooks]
        return json.loads(self.sparks(arguments, {"STAGE": stage}))

    def meter_events(self, identifier: str) -> list[dict]:
        events = call("GET", f"{self.stripe}/_local/state").body["meter_events"]
        return [event for event in events if event["identifier"] == identifier]

    def traced(self, trace: str) -> bool:
        spans = call("GET", f"{self.langfuse}/_local/state").body["spans"]
        return any(span["trace_id"] == trace for span in spans)

    def pay(self, session: str) -> str:
        """Pays for a Checkout Session as a customer does; returns the address that it redirects to."""
        card = {"card": "4242424242424242"}
        paid = call("POST", f"{self.stripe}/_local/checkout/{session}/pay", card)
        expect("a card that is accepted (200)", paid.status == 200, paid)
        return paid.body["redirect"]

    def webhooks(self, kind: str) -> list[dict]:
        deliveries = call("GET", f"{self.stripe}/_local/state").body["deliveries"]
        return [one for one in deliveries if one["type"] == kind]

    def delivered(self, kind: str, count: int = 1) -> list[dict]:
        """Waits until `count` webhooks of a kind are delivered, and returns them."""
        def taken():
            done = [one for one in self.webhooks(kind) if one["state"] == "delivered"]
            return done if len(done) >= count else None
        try:
            return wait_until(f"webhook {kind}", taken)
        except TimeoutError as late:
            raise TimeoutError(f"{late}; seen: {self.webhooks(kind)}") from late

    def redeliver(self, event: str) -> None:
        call("POST", f"{self.stripe}/_local/webhooks/{event}/redeliver")

    def refuse_meter_events(self) -> None:
        """Makes Stripe fail for meter events until `recover`."""
        fault = {"path": "/v1/billing/meter_events", "fault": "status:503", "times": 1000}
        expect("a fault", call("POST", f"{self.stripe}/_local/faults", fault).status < 300, fault)

    def recover(self) -> None:
        call("DELETE", f"{self.stripe}/_local/faults")
