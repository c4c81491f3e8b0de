"""Makes random usages with what genai-prices itself charges for them: `python prices/cases.py COUNT SEED > cases.jsonl`.

A case has exclusive counts. `by` is `genai-prices` where its engine computed the cost, with decimals; `table` where the table
corrects the source, and the cost is that of table.tsv. A case with `refused` has no cost: the class or tier has no price.
"""

import json
import random
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal, Inexact, localcontext

from genai_prices import types
from genai_prices.decompose import is_descendant_or_self
from genai_prices.units import _get_registry

import decide
import make
import source
import table

UNITS = {unit.price_key: unit for unit in _get_registry().units.values()}
SMALL = {"web_searches": 12, "storage_searches": 12, "messages": 40, "pages": 300, "annotated_pages": 300}
# Classes that are charged as another where they have no price of their own.
AS_OTHERS = ["cached_input_tokens", "cache_write_tokens", "reasoning_tokens"]


def usage(counts: dict[str, int]) -> types.Usage:
    """Returns the source's usage, in which a count holds those of its parts."""
    given = {}
    for name, count in counts.items():
        for key in source.CLASSES[name][0] if name != "requests" else []:
            given[key] = count
    values = {}
    for unit in UNITS.values():
        if unit.usage_key == "audio_seconds":
            value = given.get("audio_hours", 0)
        else:
            value = sum(
                count
                for key, count in given.items()
                if key != "audio_hours" and is_descendant_or_self(unit, UNITS[key])
            )
        if unit.usage_key != "requests":
            values[unit.usage_key] = value
    return types.Usage(**values)


def context(model: source.Model, tier: str) -> dict[str, str] | None:
    found = [v.when for v in model.origin.price_variants or [] if source.tier_of(v.when) == tier]
    return found[0] if found else None


def cost(prices: dict[str, Decimal], counts: dict[str, int]) -> Decimal:
    total = Decimal(0)
    for name, count in counts.items():
        total += decide.charged(prices, name) * count / source.CLASSES[name][1]
    return total


def count_of(rng: random.Random, name: str) -> int:
    if name == "requests":
        return 1
    if name == "audio_seconds":
        return 18 * rng.randint(1, 400)  # a sum in hours that ends
    if name in SMALL:
        return rng.randint(1, SMALL[name])
    return int(10 ** rng.uniform(0, 5.7))


def case(rng: random.Random, built: table.Table, names: dict, key: str) -> dict | None:
    model = built.index.models[key]
    moment = datetime(2026, 9, 1, tzinfo=UTC) + timedelta(seconds=rng.randrange(200 * source.DAY))
    tier = rng.choice(sorted({row.tier for row in model.rows}))
    prices = model.at(moment, tier, 0)
    wanted = {name: count_of(rng, name) for name in prices if rng.random() < 0.6 or name == "requests"}
    for name in AS_OTHERS:
        if name not in prices and decide.INSTEAD[name] in prices and rng.random() < 0.15:
            wanted[name] = count_of(rng, name)
    total_input = sum(
        count
        for name, count in wanted.items()
        if "tokens" in name and not name.startswith(("output", "reasoning", "citation"))
    )
    prices = model.at(moment, tier, total_input)
    found = {
        "provider": model.provider,
        "name": names[key],
        "tier": tier,
        "at": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "usage": wanted,
    }
    if rng.random() < 0.05:
        name = rng.choice(
            ["output_audio_tokens", "output_video_tokens", "pages", "web_searches", "audio_seconds", "characters"]
        )
        return found | {"usage": wanted | {name: 7}, "refused": name} if name not in prices else None
    if not wanted or any(decide.charged(prices, name) is None for name in wanted):
        return None
    if any(-price.as_tuple().exponent > 12 for price in prices.values()):
        return None  # the table rounds these
    in_china = (moment + timedelta(hours=8)).date().isoformat()
    holiday = in_china in table.second.holidays()["dates"] and any(row.days & 0x80 for row in model.rows)
    row = model.row_at(moment, tier, total_input)
    by_days = any(row.days != source.EVERY_DAY for row in model.rows)
    if model.origin is None or "@" in model.id or by_days or row.source != f"genai-prices {source.VERSION}":
        return None if holiday else found | {"cost": f"{cost(prices, wanted):f}", "by": "table"}
    priced = model.origin.calc_price(
        usage(wanted), model.origin_provider, genai_request_timestamp=moment, price_context=context(model, tier)
    )
    assert priced.total_price == cost(prices, wanted), (found, priced.total_price)
    return found | {"cost": f"{priced.total_price:f}", "by": "genai-prices"}


def main() -> None:
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    built = table.build(make.compared_at())
    names = {}
    for (host, name), (key, tier) in sorted(built.index.names.items()):
        if tier == "standard" and host == built.index.models[key].provider:
            names.setdefault(key, name)
    usual = {"input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens"}
    rows = {key: built.index.models[key].rows for key in names}
    pools = [
        list(names),
        [key for key, each in rows.items() if len({row.tier for row in each}) > 1],
        [key for key, each in rows.items() if any(set(dict(row.prices)) - usual for row in each)],
        [
            key
            for key, each in rows.items()
            if any(row.above or row.start or row.days != source.EVERY_DAY for row in each)
        ],
    ]
    rng = random.Random(seed)
    made = 0
    with localcontext() as exact:
        exact.prec, exact.traps[Inexact] = 60, True
        while made < count:
            if found := case(rng, built, names, rng.choice(rng.choice(pools))):
                print(json.dumps(found))
                made += 1


if __name__ == "__main__":
    main()
