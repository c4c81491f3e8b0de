"""Reads genai-prices and returns every price it has, as rows that do not depend on their order.

The rows are not read from the data but asked of the package's own engine: at each date, hour and tier at which the data
can change, the engine says which prices hold. So a row is what genai-prices would charge.
"""

import importlib.metadata
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from genai_prices import types
from genai_prices.data import providers as PROVIDERS

VERSION = importlib.metadata.version("genai-prices")

# Field of a usage line, the source's price keys (the same price under each), units that one price is for.
CLASSES = {
    "input_tokens": (["input_mtok"], 1_000_000),
    "cached_input_tokens": (["cache_read_mtok"], 1_000_000),
    "cache_write_tokens": (["cache_write_mtok"], 1_000_000),
    "cache_write_1h_tokens": (["cache_write_1h_mtok"], 1_000_000),
    "output_tokens": (["output_mtok"], 1_000_000),
    "reasoning_tokens": (["output_reasoning_mtok"], 1_000_000),
    "citation_tokens": (["output_citation_mtok"], 1_000_000),
    "input_audio_tokens": (["input_audio_mtok"], 1_000_000),
    "cached_input_audio_tokens": (["cache_audio_read_mtok"], 1_000_000),
    "output_audio_tokens": (["output_audio_mtok"], 1_000_000),
    "input_image_tokens": (["input_image_mtok"], 1_000_000),
    "cached_input_image_tokens": (["cache_image_read_mtok"], 1_000_000),
    "output_image_tokens": (["output_image_mtok"], 1_000_000),
    "input_video_tokens": (["input_video_mtok"], 1_000_000),
    "output_video_tokens": (["output_video_mtok"], 1_000_000),
    "audio_seconds": (["audio_hours", "input_audio_hours"], 3_600),
    "characters": (["input_mchars"], 1_000_000),
    "pages": (["input_document_kpages"], 1_000),
    "annotated_pages": (["input_annotated_document_kpages"], 1_000),
    "messages": (["input_text_messages_kcount"], 1_000),
    "web_searches": (["web_searches_kcount"], 1_000),
    "storage_searches": (["storage_searches_kcount"], 1_000),
    "requests": (["requests_kcount"], 1_000),
}
CLASS_OF = {key: name for name, (keys, _) in CLASSES.items() for key in keys}
TIERS = ["standard", "batch", "flex", "priority", "fast"]
# Contexts of the source that are the standard price under another name.
STANDARD = [{"service_tier": "default"}, {"search_type": "web"}]
# What the engine has in code, not in data: the least that is billed for a request.
LEAST_AUDIO_SECONDS = {"groq/whisper-large-v3": 10, "groq/whisper-large-v3-turbo": 10}
DAY = 24 * 60 * 60
EVERY_DAY = 0b111_1111


@dataclass(frozen=True)
class Row:
    """Prices of one model and the conditions under which they hold. Of a model's rows, the first that fits counts."""

    tier: str
    prices: tuple[tuple[str, Decimal], ...]  # class and dollars, as the source says them
    start: datetime | None = None
    end: datetime | None = None  # exclusive
    days: int = EVERY_DAY  # bits 0 to 6 are Monday to Sunday, bit 7: never on a public holiday in China
    seconds: tuple[int, int] = (0, DAY)
    above: int = 0  # input tokens that must be exceeded; 0: none need be
    source: str = f"genai-prices {VERSION}"


@dataclass
class Model:
    """A model at a provider."""

    provider: str
    id: str
    rows: list[Row]
    names: list[str] = field(default_factory=list)
    origin: types.ModelInfo | None = None
    origin_provider: types.Provider | None = None

    @property
    def key(self) -> str:
        return f"{self.provider}/{self.id}"

    def at(self, moment: datetime, tier: str = "standard", above: int = 0) -> dict[str, Decimal]:
        """Returns the prices in force; empty without any."""
        row = self.row_at(moment, tier, above)
        return dict(row.prices) if row else {}

    def row_at(self, moment: datetime, tier: str, above: int) -> Row | None:
        """Returns the first row that fits."""
        second = moment.hour * 3600 + moment.minute * 60 + moment.second
        for row in self.rows:
            if (
                row.tier == tier
                and (row.above == 0 or above > row.above)
                and (row.start is None or row.start <= moment)
                and (row.end is None or moment < row.end)
                and row.days >> moment.weekday() & 1
                and row.seconds[0] <= second < row.seconds[1]
            ):
                return row
        return None


def tier_of(when: dict[str, str]) -> str | None:
    """Returns the tier of a context: ours, or `@value` of a kind of request that no tier names. None: standard."""
    if when in STANDARD:
        return None
    (kind, value), *others = when.items()
    assert not others, when
    return value if value in TIERS else f"@{value}"


def clauses(rule) -> list[tuple[str, str]]:
    """Returns a rule's kinds and texts."""
    if isinstance(rule, types.ClauseOr | types.ClauseAnd):
        parts = rule.or_ if isinstance(rule, types.ClauseOr) else rule.and_
        return [pair for part in parts for pair in clauses(part)]
    ((kind, text),) = vars(rule).items()
    return [(kind, text)]


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), UTC)


def dates(model) -> list[datetime]:
    conditions = [price.constraint for price in model.prices] if isinstance(model.prices, list) else []
    conditions += [variant.constraint for variant in model.price_variants or []]
    days = {c.start_date for c in conditions if isinstance(c, types.StartDateConstraint)}
    return sorted(midnight(day) for day in days)


def hours(model) -> list[tuple[int, int]]:
    """Returns the pieces of a day in which no condition changes."""
    edges = {0, DAY}
    for price in model.prices if isinstance(model.prices, list) else []:
        if isinstance(price.constraint, types.TimeOfDateConstraint):
            for edge in (price.constraint.start_time, price.constraint.end_time):
                assert edge.microsecond == 0 and (edge.tzinfo in (None, UTC) or not edge.utcoffset())
                edges.add(edge.hour * 3600 + edge.minute * 60 + edge.second)
    ordered = sorted(edges)
    return list(zip(ordered, ordered[1:]))


def thresholds(prices: types.ModelPrice) -> list[int]:
    tiered = [value for value in prices.__dict__.values() if isinstance(value, types.TieredPrices)]
    return sorted({tier.start for value in tiered for tier in value.tiers}, reverse=True) + [0]


def at_threshold(prices: types.ModelPrice, above: int) -> tuple[tuple[str, Decimal], ...]:
    found: dict[str, Decimal] = {}
    for key, value in prices.__dict__.items():
        if value is None or key.startswith("_"):
            continue
        if isinstance(value, types.TieredPrices):
            steps = [tier.price for tier in value.tiers if tier.start <= above]
            value = steps[-1] if steps else value.base
        name = CLASS_OF[key]  # a key that is not known here stops the generator
        assert found.setdefault(name, value) == value, (key, "the same class has two prices")
    return tuple((name, found[name]) for name in CLASSES if name in found)


def rows_of(model, context: dict[str, str] | None, tier: str) -> list[Row]:
    """Returns the rows of one tier, hours before whole days, high thresholds before low ones."""
    starts = [None, *dates(model)]
    periods = []
    for start, end in zip(starts, [*starts[1:], None]):
        first = start or (end - timedelta(days=3650) if end else midnight(date(2026, 1, 1)))
        variants = [v for v in model.price_variants or [] if v.when == context]
        active = context is None or any(v.constraint is None or v.constraint.active(first) for v in variants)
        pieces = []
        for seconds in hours(model) if active else []:
            prices = model.get_prices(first + timedelta(seconds=seconds[0]), context)
            pieces.append((seconds, [(above, at_threshold(prices, above)) for above in thresholds(prices)]))
        if periods and periods[-1][2] == pieces:
            periods[-1] = (periods[-1][0], end, pieces)
        else:
            periods.append((start, end, pieces))
    rows = []
    for start, end, pieces in reversed(periods):
        if not pieces:
            continue
        longest = max(
            {str(p): p for _, p in pieces}.values(), key=lambda p: sum(s[1] - s[0] for s, q in pieces if q == p)
        )
        for seconds, priced in [*((s, p) for s, p in pieces if p != longest), ((0, DAY), longest)]:
            rows += [Row(tier, p, start, end, seconds=seconds, above=above) for above, p in priced if p]
    return rows


def read() -> list[Model]:
    """Returns every model of every provider, in the source's order."""
    models = []
    for provider in PROVIDERS:
        for model in provider.models:
            names = [text for kind, text in clauses(model.match) if kind != "regex"]
            tiers: dict[str, dict | None] = {"standard": None}
            for variant in model.price_variants or []:
                tier = tier_of(variant.when)
                if tier is None:
                    assert not variant.prices._comparable_values(), (provider.id, model.id)
                else:
                    tiers[tier] = variant.when
            rows = [
                row for tier, when in tiers.items() if not tier.startswith("@") for row in rows_of(model, when, tier)
            ]
            models.append(Model(provider.id, model.id, rows, names, model, provider))
            for tier, when in tiers.items():
                if tier.startswith("@"):  # a route with its own price is a model of its own
                    routed = rows_of(model, when, "standard")
                    models.append(Model(provider.id, model.id + tier, routed, [model.id + tier], model, provider))
    return models
