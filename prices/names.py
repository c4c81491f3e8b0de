"""The names of models: which exact names lead to which row, and how a name is looked up.

`find` is the reference of the lookup; the Rust program does the same on the generated table.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import source
from source import Model

# Makers, whose own price counts for a bare name that others sell too.
MAKERS = [
    "openai", "anthropic", "google", "mistral", "x-ai", "deepseek", "cohere", "perplexity", "voyageai", "minimax",
    "moonshotai", "meta", "elevenlabs", "typesafe", "aws",
]  # fmt: skip
TIER_SUFFIX = "-fast"
REGIONS = ["us", "eu", "apac", "jp", "au", "ca", "in", "us-gov", "global"]
# Beginnings that change no price, by host.
EMPTY = ["models/", "publishers/google/models/", "publishers/anthropic/models/", "accounts/fireworks/models/", "converse/", "invoke/", "responses/", "chat/", "global/", "global-standard/"]  # fmt: skip
DATE = re.compile(
    r"^(.+?)(?:[-@](20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])|-(20\d\d)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]))$"
)
VERSION = re.compile(r"^(.+?)-v\d+(?::\d+)?(?::\d+k)?$")
STABLE = re.compile(r"^(gemini-.+)-00\d$")
AT = re.compile(r"^(.+)@(?:default|latest)$")
ARN = re.compile(r"^arn:aws[a-z-]*:bedrock:[a-z0-9-]*:\d*:(?:foundation-model|inference-profile)/(.+)$")
VERTEX = re.compile(r"^projects/[^/]+/locations/[^/]+/publishers/[^/]+/models/(.+)$")
FINE_TUNED = re.compile(r"^(ft:[^:]+):[^:]*(?::[^:]*){0,2}$")


@dataclass
class Refused:
    """A name without a price, and why."""

    why: str
    hosts: list[str] = field(default_factory=list)


@dataclass
class Index:
    """Exact names, per host, in lower case."""

    names: dict[tuple[str, str], tuple[str, str]]  # host and name: key of the model and tier
    models: dict[str, Model]
    hosts: dict[str, str]  # what a caller or a prefix may call a host: the id of the host
    fallbacks: dict[str, list[str]]
    now: datetime

    def exact(self, host: str, name: str) -> tuple[str, str] | None:
        for each in [host, *self.fallbacks.get(host, [])]:
            if found := self.names.get((each, name)):
                return found
        return None


def hosts() -> dict[str, str]:
    lines = (Path(__file__).parent / "hosts.tsv").read_text().splitlines()
    return dict(line.split("\t")[:2] for line in lines if line and not line.startswith("#"))


def spellings(host: str, name: str):
    """Yields the name, then without what the host adds to it that changes no price."""
    yield name
    for pattern in (ARN, VERTEX) if "/" in name else ():
        if match := pattern.match(name):
            name = match[1]
            yield name
    for start in EMPTY:
        if name.startswith(start):
            name = name[len(start) :]
            yield name
    if match := AT.match(name):
        name = match[1]
        yield name
    if match := FINE_TUNED.match(name):
        name = match[1]
        yield name
    if host == "google" and (match := STABLE.match(name)):
        yield match[1]
    undated = name
    if host == "aws" and (match := VERSION.match(name)):
        undated = match[1]
        yield undated
    if match := DATE.match(undated):
        yield match[1]


def at_host(index: Index, host: str, name: str) -> tuple[str, str] | None:
    for spelling in spellings(host, name):
        if found := index.exact(host, spelling):
            return found
        if compact := dashed(spelling):
            if found := index.exact(host, compact):
                return found
    return None


def dashed(name: str) -> str | None:
    """Returns a name with its date in dashes, `-20251211` as `-2025-12-11`; None if it has none."""
    match = DATE.match(name)
    return (
        f"{match[1]}-{match[2]}-{match[3]}-{match[4]}"
        if match and match[2] and "@" not in name[len(match[1]) :]
        else None
    )


def find(index: Index, name: str, provider: str | None = None) -> tuple[str, str] | Refused:
    """Returns the model's key and tier, or why there is none. Aliases and own models of a catalog come before."""
    name = name.lower()
    if not name or not all(" " < letter <= "~" for letter in name):
        return Refused("not a name")
    if provider is not None:
        host = index.hosts.get(provider.lower())
        if host is None:
            return Refused("unknown provider")
        return named(index, host, name) or Refused("unknown at this host")
    prefix, _, rest = name.partition("/")
    if rest and prefix in index.hosts:
        if found := named(index, index.hosts[prefix], name):
            return found
        if prefix not in OWNERS:
            return Refused("unknown at this host")
    return bare(index, name)


def named(index: Index, host: str, name: str) -> tuple[str, str] | None:
    """Looks a name up at one host: as it is, then without the host's own name before it."""
    if found := at_host(index, host, name):
        return found
    while True:
        prefix, _, rest = name.partition("/")
        if not rest or index.hosts.get(prefix) != host:
            return None
        name = rest
        if found := at_host(index, host, name):
            return found


# Prefixes that name a maker in gateways' `maker/model`, so a name may go on to be looked up at every host.
OWNERS = {"openai", "anthropic", "google", "mistralai", "mistral", "x-ai", "xai", "deepseek", "cohere", "perplexity", "minimax", "moonshotai", "meta", "nvidia", "z-ai", "arcee", "amazon", "baseten", "typesafe"}  # fmt: skip


def bare(index: Index, name: str) -> tuple[str, str] | Refused:
    """Looks a name up at every host."""
    found = {}
    for host in sorted({host for host in index.hosts.values()}):
        at = index.names.get((host, name)) or (at_host(index, host, name) if host in MAKERS else None)
        if at and index.models[at[0]].rows:
            found[host] = at
    if not found:
        return Refused("unknown")
    for maker in MAKERS:
        if maker in found and "/" not in name:
            return found[maker]
    prices = [price_of(index, at) for at in found.values()]
    for kind in ("input_tokens", "output_tokens", "audio_seconds", "pages"):
        each = [price[kind] for price in prices if kind in price]
        if each and (max(each) > min(each) * Decimal("1.5") or len(each) < len(prices)):
            return Refused("provider required", sorted(found))
    dearest = max(found, key=lambda host: (sum(price_of(index, found[host]).values()), host))
    return found[dearest]


def price_of(index: Index, at: tuple[str, str]) -> dict[str, Decimal]:
    return index.models[at[0]].at(index.now, at[1])


def candidates(model: Model) -> set[str]:
    """Returns the exact names that a model's rule holds."""
    return {text.lower() for text in [model.id, *model.names] if not text.endswith(("-", "@", ":", "."))}


def own(model: Model, name: str) -> bool:
    """Returns whether a name is one of the rule's, with or without a date."""
    match = DATE.match(name)
    return bool({name, match[1] if match else name} & candidates(model))


def bedrock(models: list[Model]) -> set[str]:
    """Returns the names of Bedrock's models with every region and version."""
    found = set()
    for model in models:
        if model.provider == "aws" and model.rows:
            plain = re.sub(r"^(regional|global)\.", "", model.id.lower())
            stem = re.sub(r"(-v\d+)?(:\d+)?$", "", plain)
            for start in ["", *(f"{region}." for region in REGIONS)]:
                found |= {f"{start}{end}" for end in (plain, stem, f"{stem}-v1", f"{stem}-v1:0")}
    return found


def known(model: Model, name: str) -> bool:
    """Returns whether the source's rule means exactly this name, not only names that begin or end like it."""
    if name in candidates(model):
        return True
    return any(kind == "regex" and re.search(text, name) for kind, text in source.clauses(model.origin.match))
