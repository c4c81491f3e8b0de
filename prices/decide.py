"""Compares the source with the second sources, name by name, and decides where they differ.

The rules, in order, for a class of which both state a price, more than 2 % apart:

1. `corrections.toml` names it: what is said there.
2. A maker's own page (model-prices reads them) states it, and the source's price is not younger: the page.
3. Else the dearer.

A class of which only the second source states a price is added where it is dearer than what the source would charge, or
the page states it, or the source would charge cached input as fresh. A price of 0 is no statement.
"""

import re
import tomllib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import second
import source
from source import Model, Row

CLOSE = Decimal("0.02")
PAGES_READ = datetime(2026, 10, 26, tzinfo=UTC)
# What the source charges a class at that has no price of its own.
INSTEAD = {
    "cached_input_tokens": "input_tokens",
    "cache_write_tokens": "input_tokens",
    "cache_write_1h_tokens": "cache_write_tokens",
    "reasoning_tokens": "output_tokens",
    "input_audio_tokens": "input_tokens",
    "input_image_tokens": "input_tokens",
    "input_video_tokens": "input_tokens",
    "cached_input_audio_tokens": "cached_input_tokens",
    "cached_input_image_tokens": "cached_input_tokens",
}
# Models whose page gives one price per direction, that of the medium they make.
MEDIA = re.compile(r"image|omni|banana|tts|audio|live|lyria|veo|realtime|sonic")


@dataclass
class Dispute:
    """A difference, and what was decided."""

    name: str
    what: str
    ours: str
    others: str
    choice: str
    reason: str

    def line(self) -> str:
        return " | ".join([self.name, self.what, self.ours, self.others, self.choice, self.reason])


def corrections() -> dict:
    return tomllib.loads((Path(__file__).parent / "corrections.toml").read_text())


def show(price: Decimal | None) -> str:
    return "none" if price is None else f"{price:f}"


def charged(prices: dict[str, Decimal], kind: str) -> Decimal | None:
    """Returns what the source charges a class at."""
    while kind not in prices:
        if kind not in INSTEAD:
            return None
        kind = INSTEAD[kind]
    return prices[kind]


def differ(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) > max(one, other) * CLOSE


def decide(
    host: str, name: str, model: Model, now: datetime, map_: dict, page: dict, dearer: bool
) -> tuple[dict, list[Dispute]]:
    """Returns the classes that change, with their prices."""
    ours = model.at(now)
    changes: dict[str, Decimal] = {}
    disputes = []
    young = any(
        row.start and row.start > PAGES_READ for row in model.rows if row.end is None and row.tier == "standard"
    )
    for kind in source.CLASSES:
        stated = {}
        if page and not (host in ("google", "openai") and MEDIA.search(name)):
            stated[second.PAGES] = page["standard"].get(kind)
        if map_:
            stated[second.LITELLM] = map_["standard"].get(kind)
        stated = {by: price for by, price in stated.items() if price}
        if not stated:
            continue
        mine, mine_or_instead = ours.get(kind), charged(ours, kind)
        if mine_or_instead is not None and not any(differ(mine_or_instead, price) for price in stated.values()):
            continue
        by_page = stated.get(second.PAGES)
        others = ", ".join(f"{by} {show(price)}" for by, price in stated.items())
        if mine is None and (
            mine_or_instead is None or "cached" in kind or max(stated.values()) > mine_or_instead or by_page
        ):
            if mine_or_instead is None and kind in ("input_tokens", "output_tokens") and ours:
                continue  # an embedding has no output
            if not ours and not map_.get("mode"):
                continue
            choice, reason = by_page or max(stated.values()), "added: the source states none"
        elif mine is None:
            continue
        elif dearer:
            choice, reason = max([mine, *stated.values()]), "the dearer: corrections.toml"
        elif by_page and young and differ(mine, by_page):
            choice, reason = (
                max([mine, *(p for b, p in stated.items() if b != second.PAGES)]),
                "the source is younger than the reading of the page",
            )
        elif by_page:
            choice, reason = by_page, "the provider's page, as model-prices read it"
        else:
            choice, reason = max([mine, *stated.values()]), "the dearer: no reading of the provider's page"
        if mine is not None and not differ(mine, choice):
            choice = mine
        elif choice != mine:
            changes[kind] = choice
        disputes.append(Dispute(f"{host}/{name}", kind, show(mine), others, show(choice), reason))
    return changes, disputes


def changed(row: Row, changes: dict[str, Decimal], base: dict[str, Decimal], by: str, tiers: dict) -> Row:
    """Returns a row with changes applied: in proportion, where the row is of a tier or a long request."""
    prices = dict(row.prices)
    for kind, price in changes.items():
        if kind in prices and base.get(kind):
            prices[kind] = (prices[kind] * price / base[kind]).normalize()
        elif kind not in prices and row.tier == "standard":
            prices[kind] = price
        elif kind not in prices and kind in tiers.get(row.tier, {}):
            prices[kind] = tiers[row.tier][kind]
    ordered = tuple((kind, prices[kind]) for kind in source.CLASSES if kind in prices)
    return replace(row, prices=ordered, source=by)


def split(model: Model, id: str, changes: dict, now: datetime, by: str, tiers: dict) -> Model:
    base = model.at(now)
    rows = [changed(row, changes, base, by, tiers) if row.end is None or row.end > now else row for row in model.rows]
    if not model.rows:
        rows = [Row("standard", tuple(changes.items()), source=by)]
    return replace(model, id=id, rows=rows, names=[])


def end_promotions(models: dict[str, Model], told: list[Dispute]) -> None:
    for rule in corrections()["promotion"]:
        end = source.midnight(rule["last_day"] + timedelta(days=1))
        for key in rule["models"]:
            model = models[key]
            ended, after = [], []
            standard = {row.above: dict(row.prices) for row in model.rows if row.tier == "standard" and row.end is None}
            before = {}
            for row in models[rule.get("like", key)].rows:
                if row.tier == "standard" and row.end is not None:
                    before.setdefault(row.above, dict(row.prices))
            for row in model.rows:
                if row.end is not None:
                    ended.append(row)
                    continue
                ended.append(replace(row, end=end))
                if rule.get("then") == "refuse":
                    continue
                assert before, f"{key} has no price before its promotion"
                step = row.above if row.above in standard and row.above in before else 0
                prices = tuple(
                    (
                        kind,
                        (price * before[step][kind] / standard[step][kind]).normalize()
                        if kind in before[step] and standard[step].get(kind)
                        else price,
                    )
                    for kind, price in row.prices
                )
                after.append(
                    replace(row, prices=prices, start=end, end=None, source=f"unconfirmed since {rule['last_day']}")
                )
            model.rows = after + ended
            plain = [row for row in after if row.tier == "standard" and not row.above]
            then = " ".join(f"{kind} {show(price)}" for kind, price in plain[0].prices) if plain else "refused"
            told.append(Dispute(key, "promotion", "no end", f"last day {rule['last_day']}", then, rule["reason"]))


def peaks(models: dict[str, Model], told: list[Dispute]) -> None:
    for rule in corrections()["peak"]:
        for key in rule["models"]:
            rows = []
            for row in models[key].rows:
                if row.seconds == (0, source.DAY):
                    rows.append(row)
                elif row.end is None or row.end > rule["start"] + timedelta(days=1):
                    start = (
                        max(row.start, rule["start"])
                        if row.start and row.start.date() != date(2026, 8, 17)
                        else rule["start"]
                    )
                    rows.append(replace(row, days=0b1001_1111, start=start, source="corrections.toml"))
            starts = [
                replace(row, start=rule["start"]) if row.start == source.midnight(date(2026, 8, 17)) else row
                for row in rows
            ]
            rows = [
                replace(row, end=rule["start"]) if row.end == source.midnight(date(2026, 8, 17)) else row
                for row in starts
            ]
            rows.sort(key=lambda row: row.seconds == (0, source.DAY))  # hours come first
            models[key].rows = rows
            told.append(Dispute(key, "peak hours", "every day", rule["days"], rule["days"], rule["reason"]))
