"""Builds the table: every model with its corrected rows, every exact name, what was disputed and what is left out."""

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256

from genai_prices.data_snapshot import DataSnapshot

import decide
import extend
import names
import second
import source
from source import Model, Row

FREE = (("input_tokens", Decimal(0)), ("output_tokens", Decimal(0)))
SNAPSHOT = DataSnapshot(source.PROVIDERS, from_auto_update=False)
BY_ID = {provider.id: provider for provider in source.PROVIDERS}


# Makers and hosts whose models the second sources add where the source does not know them.
ADDED = {
    "anthropic",
    "cohere",
    "deepseek",
    "google",
    "groq",
    "meta",
    "minimax",
    "mistral",
    "moonshotai",
    "openai",
    "x-ai",
}


@dataclass
class Table:
    """Everything that is generated."""

    index: names.Index
    disputes: list[decide.Dispute]
    left_out: list[tuple[str, str, str]]
    confirmed: dict[str, str]  # key of a model: the second source that states its prices, too
    now: datetime


def added(entry: dict | None, page: dict | None) -> tuple[tuple[str, Decimal], ...]:
    """Returns the prices of a model that only second sources state, class by class the dearer; none if any is in doubt."""
    if (entry and entry["other"]) or (page and not entry):
        return ()  # billed in units that are not here, or of one reading alone
    stated = [e["standard"] for e in (entry, page) if e]
    prices = [
        (kind, max(s[kind] for s in stated if s.get(kind)))
        for kind in source.CLASSES
        if any(s.get(kind) for s in stated)
    ]
    usable = {"input_tokens", "audio_seconds", "pages", "characters"} & {kind for kind, _ in prices}
    return tuple(prices) if usable else ()


def stable_id(model: Model) -> str:
    """Returns the name under which a model is stored: its id where that alone means it, else with the host before it."""
    try:
        provider, found = SNAPSHOT.find_provider_model(model.id, None, None, None)
        alone = found is model.origin and (provider.id, found.id) == (model.provider, model.id)
    except LookupError:
        alone = False
    id = model.id if alone else model.key
    if len(id) > 64:
        id = f"{id[:55]}~{sha256(id.encode()).hexdigest()[:8]}"
    assert id.isascii() and id.isprintable() and not {" ", "#"} & set(id), id
    return id


def matches(host: str, name: str) -> list:
    """Returns the source's model for a name at a host, and whether it is the host's own."""
    provider = BY_ID[host]
    if own := provider.find_model(name):
        return [own, True]
    return [provider.find_model(name, all_providers=source.PROVIDERS), False]


def means(model: Model, name: str, stated: bool) -> bool:
    """Returns whether a name surely means a model: its rule holds the name, or a second source has it at that host."""
    if stated or names.known(model, name):
        return True
    region = re.match(r"(us-gov|us|eu|apac|jp|au|ca|in|global)\.", name)
    texts = [text.lower() for kind, text in source.clauses(model.origin.match) if kind != "regex"]
    if region and model.id.startswith(("regional.", "global.")) and region[1] != "us-gov":
        return (region[1] == "global") == model.id.startswith("global.")
    if region:
        return any(text.startswith(region[0]) and name.startswith(text) for text in texts)
    return model.provider == "aws"


class Builder:
    """The table while it is built, as of a moment at which the sources are compared."""

    def __init__(self, now: datetime):
        self.now = now
        self.models = {model.key: model for model in source.read()}
        self.by_origin = {id(m.origin): m for m in self.models.values() if m.id == m.origin.id}
        self.map, self.page = second.litellm(), second.pages(now)
        self.rules = decide.corrections()
        self.moved = {name: rule["model"] for rule in self.rules["alias"] for name in rule["names"]}
        self.dearer = {key for rule in self.rules["dearer"] for key in rule["models"]}
        self.dropped = {key: rule["reason"] for rule in self.rules["drop"] for key in rule["models"]}
        self.disputes: list[decide.Dispute] = []
        self.index: dict[tuple[str, str], tuple[str, str]] = {}
        self.agreed: dict[str, str] = {}
        self.verdicts = defaultdict(dict)  # model: name: what changes, and by which source

    def wanted(self) -> list[tuple[str, str]]:
        """Returns every host and name to look at."""
        found = {(model.provider, name) for model in self.models.values() for name in names.candidates(model)}
        found |= {(host, name) for host, name in [*self.map, *self.page] if host in BY_ID}
        found |= {("aws", name) for name in names.bedrock(list(self.models.values()))}
        return sorted(found)

    def place(self, host: str, name: str) -> None:
        """Finds the model of a name, and compares its prices."""
        at, routed = (host, name), f"{host}/{name}"
        if routed in self.models and self.models[routed].id != self.models[routed].origin.id:
            self.index[at] = (routed, "standard")
            return
        origin, own = matches(host, name)
        model = origin and self.by_origin[id(origin)]
        stated = at in self.map or at in self.page
        if not model and host in ADDED and (prices := added(self.map.get(at), self.page.get(at))):
            self.models[routed] = Model(host, name, [Row("standard", prices, source=second.LITELLM)])
            self.index[at] = (routed, "standard")
            why = "the source does not know it"
            self.disputes.append(decide.Dispute(routed, "model", "none", "the price stated", "added", why))
        if not model or not means(model, name, stated) or (not own and not stated):
            return
        self.index[at] = (self.moved.get(routed, model.key), "standard")
        if stated and routed not in self.moved and model.key not in self.dropped:
            self.compare(model, host, name, own)

    def compare(self, model: Model, host: str, name: str, own: bool) -> None:
        entry, page = self.map.get((host, name), {}), self.page.get((host, name), {})
        changes, told = decide.decide(host, name, model, self.now, entry, page, model.key in self.dearer)
        self.disputes += told
        by_page = any(each.reason.startswith("the provider's page") for each in told)
        self.verdicts[model.key][host, name] = changes, second.PAGES if by_page else second.LITELLM
        if not told and own:
            self.agreed[model.key] = second.PAGES if page else second.LITELLM

    def tell_aliases(self) -> None:
        for rule in self.rules["alias"]:
            for name in rule["names"]:
                at = tuple(name.split("/", 1))
                assert at in self.index, f"{name} of corrections.toml is unknown"
                old, new = self.by_origin[id(matches(*at)[0])], self.models[rule["model"]]
                shown = [" ".join(f"{k} {decide.show(p)}" for k, p in m.at(self.now).items()) for m in (old, new)]
                ours, choice = f"{old.id}: {shown[0]}", f"{rule['model']}: {shown[1]}"
                self.disputes.append(decide.Dispute(name, "alias", ours, "see the reason", choice, rule["reason"]))

    def finish_names(self) -> None:
        """Adds names that state a tier, and OpenRouter's with dashes; takes those without any price."""
        for (host, name), (key, _) in list(self.index.items()):
            if host == "anthropic" and any(row.tier == "fast" for row in self.models[key].rows):
                self.index.setdefault((host, name + names.TIER_SUFFIX), (key, "fast"))
        for (host, name), (key, _) in list(self.index.items()):
            if host == "openrouter" and name.startswith("anthropic/claude"):
                self.index.setdefault((host, re.sub(r"(\d)\.(\d)", r"\1-\2", name)), (key, "standard"))
            if not self.models[key].rows:
                del self.index[host, name]


def build(now: datetime) -> Table:
    """Builds the table as of a moment."""
    b = Builder(now)
    left_out = [(key, "every price", reason) for key, reason in b.dropped.items()]
    for key in b.dropped:
        b.models[key].rows.clear()
    decide.peaks(b.models, b.disputes)
    for host, name in b.wanted():
        b.place(host, name)
    b.tell_aliases()
    apply(b.models, b.index, b.verdicts, b.map, now)
    b.disputes += extend.extend(b.models, b.index, b.map, now)
    b.disputes += extend.pass_on(b.models, b.index, now) + extend.mute(b.models)
    decide.end_promotions(b.models, b.disputes)
    free(b.models, b.index, b.map, left_out)
    b.finish_names()
    fallbacks = {provider.id: provider.fallback_model_providers or [] for provider in source.PROVIDERS}
    ids = [stable_id(model) for model in b.models.values() if model.rows]
    assert len(ids) == len(set(ids)), "two models have one id"
    index = names.Index(b.index, b.models, names.hosts(), fallbacks, now)
    return Table(index, b.disputes, left_out, b.agreed, now)


def apply(models: dict[str, Model], index: dict, verdicts: dict, map_: dict, now: datetime) -> None:
    """Changes a model's rows where its names agree, and makes a model of its own for names that do not."""
    for key, by_name in verdicts.items():
        model = models[key]
        groups = defaultdict(list)
        for (host, name), (changes, by) in by_name.items():
            groups[host, tuple(changes.items()), by if changes else ""].append(name)
        own = [group for group in groups if group[0] == model.provider]
        # The model itself changes where every name that the sources state changes alike, its own names among them.
        is_own = own and any(names.own(model, name) for name in groups[own[0]])
        whole = own[0] if len(own) == 1 and own[0][1] and is_own else None
        originals = replace(model, rows=list(model.rows))
        for (host, changes, by), members in groups.items():
            if not changes:
                continue
            tiers = map_.get((host, members[0]), {})
            if (host, changes, by) == whole:
                model.rows = decide.split(originals, model.id, dict(changes), now, by, tiers).rows
                continue
            first = min(members, key=lambda name: (len(name), name))
            new = decide.split(replace(originals, provider=host), first, dict(changes), now, by, tiers)
            if not (host == model.provider):
                new.rows = [row for row in new.rows if row.tier == "standard"]
            taken = f"{host}/{first}"
            if taken in models:  # the name is the model's own id
                new.id = first + "@stated"
            models[new.key] = new
            for name in members:
                index[host, name] = (new.key, "standard")


def free(models: dict[str, Model], index: dict, map_: dict, left_out: list) -> None:
    """Gives models that are free their price of 0, and lists those without any price."""
    dropped = {key for key, _, _ in left_out}
    for model in models.values():
        if model.rows or model.key in dropped:
            continue
        zero = [n for n, (key, _) in index.items() if key == model.key and (entry := map_.get(n)) and free_by(entry)]
        if (model.provider == "openrouter" and model.id.endswith(":free")) or zero:
            model.rows = [Row("standard", FREE, source=second.LITELLM if zero else f"genai-prices {source.VERSION}")]
        else:
            why = (
                "OpenRouter's name"
                if model.id.endswith(":free")
                else "the source does not say whether it is free or unknown"
            )
            left_out.append((model.key, "no price", f"{why}; refused"))


def free_by(entry: dict) -> bool:
    standard = entry.get("standard", {})
    return standard.get("input_tokens") == 0 and not any(standard.values()) and not entry["other"]
