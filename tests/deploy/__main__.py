"""Rehearses a deployment on this machine: builds, deploys to an emulator of AWS, and runs the flows.

`make deploy-check` runs it. It ends whatever it starts; the build stays in the given folder.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress

from deployment import Deployment, build
from emulator import Emulator
from fakes import Fakes
from flows import ORIGIN, Flows, narrate
from issuer import AUDIENCE, Issuer

STAGE = "dev"


@contextmanager
def timed(what: str):
    print(f"{what} …", flush=True)
    began = time.monotonic()
    yield
    print(f"  {time.monotonic() - began:.1f} s", flush=True)


def parameters(fakes: Fakes, issuer: Issuer, made: dict) -> dict[str, str]:
    """Returns the parameters that an operator gives, with the fakes in place of Stripe and Langfuse."""
    prices = ",".join(f"{item}={price}" for item, price in made["price_ids"].items())
    return {
        "Stage": STAGE,
        "TokenIssuer": issuer.url,
        "TokenAudience": AUDIENCE,
        "AllowedOrigins": ORIGIN,
        "StripeApiBase": fakes.stripe,
        "StripePriceIds": prices,
        "StripePortalConfiguration": made["portal_configuration"],
        "LangfuseHost": fakes.langfuse,
        "LangfusePublicKey": fakes.environment["LANGFUSE_PUBLIC_KEY"],
    }


def secrets(fakes: Fakes, webhooks: list[str]) -> dict[str, str]:
    return {
        "stripe-secret-key": fakes.environment["STRIPE_SECRET_KEY"],
        "stripe-webhook-secrets": ",".join(webhooks),
        "langfuse-secret-key": fakes.environment["LANGFUSE_SECRET_KEY"],
    }


def rehearse(template: str, programs: str, folder: str, running: ExitStack) -> None:
    began = time.monotonic()
    with timed("start an emulator of AWS, and fakes of Stripe, Langfuse and the identity provider"):
        emulator = Emulator(folder, running)
        fakes = Fakes(programs, folder, running)
        issuer = Issuer(running)
    deployment = Deployment(emulator, template, folder)
    try:
        made = fakes.set_up(STAGE)
        given = parameters(fakes, issuer, made)
        with timed("deploy the stack"):
            # The endpoint's secret exists only once the API has an address.
            deployment.store_secrets(secrets(fakes, ["whsec_not_known_yet"]))
            deployment.deploy(given)
            routes = deployment.connect_routes(issuer.url, AUDIENCE)
            left_out = ", ".join(deployment.left_out) or "nothing"
            narrate("made", f"{len(deployment.resources())} resources, {routes} routes; left out: {left_out}")
        api = deployment.url()
        with timed("store the webhook endpoint's secret, and deploy again"):
            made = fakes.set_up(STAGE, f"{api}/v1/webhooks/stripe")
            known = [made[name] for name in ("webhook_secret", "event_destination_secret") if made[name]]
            deployment.store_secrets(secrets(fakes, known))
            deployment.deploy(given)
        with timed("run the flows"):
            Flows(deployment, fakes, issuer, api).run()
    except Exception:
        explain(emulator, deployment)
        raise
    print(f"deployed and tested in {time.monotonic() - began:.1f} s")


def explain(emulator: Emulator, deployment: Deployment) -> None:
    """Prints what may explain the failure; the caller prints the failure itself."""
    print(f"--- the emulator's last output ---\n{emulator.output()[-4000:]}", file=sys.stderr)
    with suppress(Exception):  # a stopped emulator has no logs
        print(f"--- the functions' last logs ---\n{deployment.logs()}", file=sys.stderr)


def interrupted(*_):
    raise KeyboardInterrupt


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--template", default="template.yaml", help="the template to deploy")
    arguments.add_argument("--programs", default="target/debug", help="the folder of `sparks` and `sparks-local`")
    arguments.add_argument("--folder", default="target/deploy", help="the folder for the build and SAM's state")
    told = arguments.parse_args()
    os.makedirs(told.folder, exist_ok=True)
    signal.signal(signal.SIGTERM, interrupted)
    scratch = tempfile.mkdtemp(prefix="sparks-deploy-")
    try:
        with ExitStack() as running:
            with timed("build the functions as they are deployed"):
                template = build(told.template, os.path.abspath(told.folder))
            rehearse(template, os.path.abspath(told.programs), scratch, running)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except Exception as error:  # any error fails the rehearsal
        print(f"FAILED: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
