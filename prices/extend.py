"""Adds what only LiteLLM states: tiers that the source does not have for a model, and dearer prices of long requests.

A tier of the source itself is kept: its comments say on which page it was read. A long request costs the dearer of the two.
"""

from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import decide
import second
import source
from source import Model

MEDIA = [kind for kind in source.CLASSES if {"audio", "image", "video"} & set(kind.split("_"))]


def stated(models: dict[str, Model], index: dict, map_: dict) -> dict[str, dict]:
    """Returns what LiteLLM states for the names of each model: by tier and threshold, class by class the dearest."""
    found: dict[str, dict] = defaultdict(lambda: defaultdict(dict))
    for (host, name), (key, tier) in index.items():
        if host != models[key].provider or tier != "standard":
            continue
        for condition, prices in map_.get((host, name), {}).get("long", {}).items():
            known = found[key][condition]
            for kind, price in prices.items():
                known[kind] = max(price, known.get(kind, Decimal(0)))
    return found


def extend(models: dict[str, Model], index: dict, map_: dict, now: datetime) -> list[decide.Dispute]:
    told = []
    for key, conditions in stated(models, index, map_).items():
        model = models[key]
        if not model.at(now):
            continue
        for (tier, above), prices in sorted(conditions.items()):
            if not above and not any(row.tier == tier for row in model.rows) and "input_tokens" in prices:
                told.append(add_tier(model, tier, prices, now))
        for (tier, above), prices in sorted(conditions.items()):
            if above and any(row.tier == tier for row in model.rows):
                told += lengthen(model, tier, above, prices, now)
    return told


def add_tier(model: Model, tier: str, prices: dict[str, Decimal], now: datetime) -> decide.Dispute:
    """Adds a tier. Classes of which it states no price keep the standard one; long requests cost more in proportion."""
    base = model.at(now)
    rows = []
    for row in model.rows:
        if row.tier != "standard" or (row.end and row.end <= now):
            continue
        of_row = dict(row.prices)
        each = {kind: scaled(prices.get(kind), of_row[kind], base.get(kind)) for kind in of_row}
        rows.append(replace(row, tier=tier, prices=tuple(each.items()), source=second.LITELLM))
    model.rows += rows
    shown = " ".join(f"{kind} {decide.show(price)}" for kind, price in prices.items())
    return decide.Dispute(
        model.key, f"tier {tier}", "none", f"{second.LITELLM} {shown}", "added", "added: the source states none"
    )


def scaled(price: Decimal | None, of_row: Decimal, base: Decimal | None) -> Decimal:
    if price is None:
        return of_row
    return price if not base or of_row == base else second.plain(price * of_row / base)


def lengthen(model: Model, tier: str, above: int, prices: dict[str, Decimal], now: datetime) -> list[decide.Dispute]:
    """Makes requests of more than so many tokens cost the dearer of both, class by class."""
    ours = model.at(now, tier, above + 1)
    dearer = {
        kind: p
        for kind, p in prices.items()
        if (c := decide.charged(ours, kind)) is not None and c < p and decide.differ(c, p)
    }
    if not dearer:
        return []
    rows, done = [], set()
    for row in model.rows:
        group = (row.tier, row.start, row.end, row.days, row.seconds)
        fits = row.tier == tier and row.above <= above and not (row.end and row.end <= now) and group not in done
        if not fits:
            rows.append(row)
            continue
        done.add(group)
        each = dict(row.prices)
        each |= {kind: max(price, each.get(kind, Decimal(0))) for kind, price in dearer.items()}
        for kind in each:  # what costs as much as input goes on to do so
            if (
                kind.startswith("input_")
                and kind not in dearer
                and dict(row.prices)[kind] == dict(row.prices).get("input_tokens")
            ):
                each[kind] = each["input_tokens"]
        ordered = tuple((kind, each[kind]) for kind in source.CLASSES if kind in each)
        rows.append(replace(row, prices=ordered, above=above, source=second.LITELLM))
        if row.above < above:
            rows.append(row)
    model.rows = rows
    shown = f"above {above}" + (f", {tier}" if tier != "standard" else "")
    why = "the dearer: no reading of the provider's page"
    return [
        decide.Dispute(
            model.key,
            f"{kind} {shown}",
            decide.show(decide.charged(ours, kind)),
            f"{second.LITELLM} {decide.show(p)}",
            decide.show(p),
            why,
        )
        for kind, p in dearer.items()
    ]


def pass_on(models: dict[str, Model], index: dict, now: datetime) -> list[decide.Dispute]:
    """Gives models at OpenRouter the maker's prices of audio, images and video, where the maker's others are the same."""
    told = []
    for model in list(models.values()):
        maker, _, name = model.id.lower().partition("/")
        host = {"x-ai": "x-ai", "mistralai": "mistral"}.get(maker, maker)
        found = index.get((host, name))
        if model.provider != "openrouter" or not found:
            continue
        ours, makers = model.at(now), models[found[0]].at(now)
        missing = {kind: makers[kind] for kind in MEDIA if kind in makers and kind not in ours}
        same = all(ours.get(kind) == makers.get(kind) for kind in ("input_tokens", "output_tokens"))
        if not missing or not same:
            continue
        base = model.at(now)
        model.rows = [
            row if row.end else decide.changed(row, missing, base, "the price of the maker", {}) for row in model.rows
        ]
        for kind, price in missing.items():
            why = "added: the maker's price, as OpenRouter passes prices on"
            told.append(
                decide.Dispute(model.key, kind, "none", f"{found[0]} {decide.show(price)}", decide.show(price), why)
            )
    return told


def mute(models: dict[str, Model]) -> list[decide.Dispute]:
    """Takes the price of plain output from models that make a medium of which no price is known."""
    told = []
    for rule in decide.corrections()["medium"]:
        for key in rule["models"]:
            model = models[key]
            ours = {price for row in model.rows for kind, price in row.prices if kind == "output_tokens"}
            rows = [replace(row, prices=tuple(p for p in row.prices if p[0] != "output_tokens")) for row in model.rows]
            model.rows = [replace(row, source="corrections.toml") for row in rows]
            shown = " ".join(sorted(map(decide.show, ours)))
            told.append(
                decide.Dispute(key, "output_tokens", shown, "none", "refused", f"corrections.toml: {rule['reason']}")
            )
    return told
