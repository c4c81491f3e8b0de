"""The flows of an app and its customers against the deployed API, step by step."""

import time
from decimal import Decimal
from typing import NamedTuple

from client import Answer, call, expect, sparks
from deployment import Deployment
from fakes import Fakes
from issuer import Issuer, key_pair
from processes import wait_until

ACCOUNT = "acct_demo"
ORIGIN = "https://app.example.com"
# 1,000 tokens, which cost 100 Sparks.
USAGE = {"usage": [{"meter": "ai_tokens", "input_tokens": 800, "output_tokens": 200}]}
CHARGE = Decimal(100)
PACK, PACK_HOLDS = "pack_500k", Decimal(500_000)
PLAN = "plus"


def narrate(step: str, told: str) -> None:
    print(f"  {step:<12}{told}", flush=True)


class Flows(NamedTuple):
    """The flows, and the systems that they use."""

    deployment: Deployment
    fakes: Fakes
    issuer: Issuer
    api: str

    def run(self) -> None:
        self.doors()
        self.grant()
        self.usage()
        self.payment()
        self.subscription()
        self.outbox()

    def ask(self, method: str, path: str, body: object = None, key: str | None = None) -> Answer:
        headers = {"Authorization": f"Bearer {self.issuer.token(ACCOUNT)}"}
        if key:
            headers["Idempotency-Key"] = key
        return call(method, f"{self.api}{path}", body, headers)

    def available(self) -> Decimal:
        answer = self.ask("GET", "/v1/balance")
        expect("a balance (200)", answer.status == 200, answer)
        return sparks(answer.body["available"])

    def doors(self) -> None:
        """Checks that the API refuses invalid tokens, and webhooks without a signature."""
        url = f"{self.api}/v1/balance"
        forged = self.issuer.token(ACCOUNT, key=key_pair())
        other = self.issuer.token(ACCOUNT, aud="another-app")
        old = self.issuer.token(ACCOUNT, exp=int(time.time()) - 60)
        expect("a request without a token refused (401)", call("GET", url).status == 401, url)
        for what, token in (("forged", forged), ("for another app", other), ("expired", old)):
            answer = call("GET", url, headers={"Authorization": f"Bearer {token}"})
            expect(f"a token that is {what} refused (401)", answer.status == 401, answer)
        unsigned = call("POST", f"{self.api}/v1/webhooks/stripe", {"id": "evt_forged"})
        expect("a webhook without a signature refused (400)", unsigned.status == 400, unsigned)
        narrate("closed", "no token, forged, for another app, expired: 401; an unsigned webhook: 400")

    def grant(self) -> None:
        """Checks that the operator's command works on the deployed table."""
        before = self.available()
        table = {**self.deployment.emulator.environment, "STAGE": "dev",
                 "TABLE_NAME": self.deployment.outputs()["TableName"]}
        self.fakes.sparks(["grant", ACCOUNT, "10000", "--reason", "deploy check"], table)
        after = self.available()
        expect("10,000 Sparks granted", after == before + 10_000, (before, after))
        narrate("granted", f"10000 Sparks to {ACCOUNT} with `sparks grant`, {after} in all")

    def usage(self) -> None:
        before = self.available()
        first = self.ask("POST", "/v1/usage", USAGE, "deploy-usage-1")
        expect("a usage recorded (201)", first.status == 201, first)
        receipt = first.body
        expect("100 Sparks charged", sparks(receipt["sparks"]) == CHARGE, receipt)
        after = self.available()
        expect("the charge gone from the balance", after == before - CHARGE, (before, after))
        for provider, delivery in receipt["delivery"].items():
            expect(f"{provider} has confirmed", delivery["status"] == "confirmed", receipt)
        trace = receipt["delivery"]["langfuse"]["trace_id"]
        expect("the trace at Langfuse", self.fakes.traced(trace), trace)
        self.expect_metered(receipt["delivery"]["stripe"]["identifier"])
        narrate("recorded", f"{receipt['usage_id']}: {receipt['sparks']} Sparks, traced and metered once")

        again = self.ask("POST", "/v1/usage", USAGE, "deploy-usage-1")
        expect("the same receipt", again.body["usage_id"] == receipt["usage_id"], again)
        expect("the header of a replay", again.headers.get("idempotent-replayed") == "true", again)
        expect("nothing charged by a replay", self.available() == after, again)
        self.expect_metered(receipt["delivery"]["stripe"]["identifier"])
        narrate("replayed", f"the same receipt, and still {after} Sparks")

    def expect_metered(self, identifier: str) -> None:
        events = self.fakes.meter_events(identifier)
        values = [event["payload"]["value"] for event in events]
        expect("one meter event, of 100,000 milli-Sparks", values == ["100000"], events)

    def checkout(self, item: str) -> str:
        """Creates a Checkout Session for an item, and pays for it."""
        wanted = {"item": item, "success_url": f"{ORIGIN}/paid", "cancel_url": f"{ORIGIN}/"}
        page = self.ask("POST", "/v1/checkout", wanted, f"deploy-{item}")
        expect("a Checkout Session (201)", page.status == 201, page)
        again = self.ask("POST", "/v1/checkout", wanted, f"deploy-{item}")
        session = page.body["session_id"]
        expect("the same session for the same key", again.body["session_id"] == session, again)
        back = self.fakes.pay(session)
        expect("a redirect with the session's id", back.startswith(ORIGIN) and session in back, back)
        return session

    def verify(self, session: str) -> dict:
        answer = self.ask("POST", f"/v1/checkout/{session}/verify")
        expect("a payment verified (200)", answer.status == 200, answer)
        expect("a payment that is paid", answer.body["status"] == "paid", answer)
        return answer.body

    def payment(self) -> None:
        before = self.available()
        session = self.checkout(PACK)
        verified = self.verify(session)
        expect("the pack credited", sparks(verified["sparks_credited"]) == PACK_HOLDS, verified)
        webhooks = self.fakes.delivered("checkout.session.completed")
        expect("one webhook for one payment", len(webhooks) == 1, webhooks)
        self.fakes.redeliver(webhooks[0]["event"])
        self.fakes.delivered("checkout.session.completed", 2)
        again = self.verify(session)
        after = self.available()
        once = again == verified and after == before + PACK_HOLDS
        expect("the pack credited once", once, (before, after, again))
        narrate("paid", f"{PACK} in {session}: {PACK_HOLDS} Sparks, once, "
                        "by verification and by Stripe's webhook, sent twice")

    def subscription(self) -> None:
        before = self.available()
        taken = len(self.fakes.webhooks("checkout.session.completed"))
        session = self.checkout(PLAN)
        # The app does not verify the payment here: the webhook alone credits it.
        self.fakes.delivered("checkout.session.completed", taken + 1)
        self.fakes.delivered("invoice.paid")
        credited = wait_until("the plan's Sparks", lambda: self.available() - before)
        verified = self.verify(session)
        expect("what the webhook credited", sparks(verified["sparks_credited"]) == credited, verified)
        expect("the plan credited once", self.available() == before + credited, verified)
        narrate("subscribed", f"{PLAN}: {credited} Sparks by Stripe's webhook, and none more by verification")

        portal = self.ask("POST", "/v1/portal",
                          {"return_url": f"{ORIGIN}/account", "flow": "subscription_cancel"})
        expect("a portal session (201)", portal.status == 201, portal)
        standing = self.ask("GET", "/v1/subscription").body
        subscription = standing["subscriptions"][0]["id"]
        left = call("POST", f"{portal.body['url']}/cancel", f"subscription={subscription}",
                    {"Content-Type": "application/x-www-form-urlencoded"})
        expect("a redirect from the portal", left.headers.get("location", "").startswith(ORIGIN), left)
        standing = self.ask("GET", "/v1/subscription").body
        expect("the cancellation at the period's end", standing["cancel_at_period_end"] is True, standing)
        narrate("cancelled", f"at the portal; {standing['status']} until {standing['cancel_at']}")

    def outbox(self) -> None:
        """Checks that the scheduled function delivers what Stripe refused at first."""
        self.fakes.refuse_meter_events()
        receipt = self.ask("POST", "/v1/usage", USAGE, "deploy-usage-2").body
        self.fakes.recover()
        delivery = receipt["delivery"]["stripe"]
        expect("a pending meter event", delivery["status"] == "pending", receipt)
        identifier = delivery["identifier"]

        def arrived() -> bool:
            report = self.deployment.invoke("DeliverOutbox", {})
            expect("a run without failures", report["failures"] == 0, report)
            return bool(self.fakes.meter_events(identifier))

        wait_until("the pending meter event", arrived, limit_s=120, pace_s=5)
        self.expect_metered(identifier)
        narrate("delivered", f"{identifier}, refused by Stripe at first, by the outbox")
