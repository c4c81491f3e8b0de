"""Writes the table as Rust: plain numbers without pointers, so nothing is parsed or relocated when a function starts."""

from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256

import second
import source
import table
from table import Table

ATTO = Decimal(10) ** 18
HEAD = """//! The prices of AI models. Made by `prices/make.py`, not by hand; review `prices/table.tsv` instead.
//!
//! From the data of genai-prices, Copyright (c) 2025 to present Pydantic Services Inc., of LiteLLM, Copyright (c) 2023
//! Berri AI, and of model-prices with models.dev, all under the MIT licence.

use super::Class::*;
use super::Tier::*;
use super::{Model, Name, Price, Provider, Row, Source, model, name, price, row};

"""


def words(snake: str) -> str:
    return "".join(word.capitalize() for word in snake.split("_"))


def grouped(number: int) -> str:
    return f"{number:_}"


def atto(kind: str, dollars: Decimal) -> int:
    """Returns a price in atto-dollars for one unit, of `audio_seconds` for 3,600. The last digit is rounded, halves up."""
    per = 1 if kind == "audio_seconds" else source.CLASSES[kind][1]
    number = int((dollars * ATTO / per).to_integral_value(ROUND_HALF_UP))
    assert 0 <= number < 2**64, (kind, dollars)
    return number


def moment(at, otherwise: int) -> int:
    return int(at.timestamp()) if at else otherwise


class Pool:
    """Texts in one string, and lists in one list, each once."""

    def __init__(self):
        self.texts, self.length, self.at = [], 0, {}
        self.prices, self.lists = [], {}

    def text(self, text: str) -> str:
        if text not in self.at:
            self.at[text] = self.length
            self.texts.append(text)
            self.length += len(text)
        return f"{self.at[text]}, {len(text)}"

    def price_list(self, prices) -> tuple[int, int]:
        if prices not in self.lists:
            self.lists[prices] = len(self.prices)
            self.prices += [f"price({words(kind)}, {grouped(atto(kind, price))})" for kind, price in prices]
        return self.lists[prices], len(prices)


def write(built: Table, dates: dict[str, str]) -> str:
    pool = Pool()
    index = built.index
    providers = sorted({model.provider for model in index.models.values()} | set(index.hosts.values()))
    number = {provider: at for at, provider in enumerate(providers)}
    models = {key: at for at, key in enumerate(key for key, model in index.models.items() if model.rows)}
    sources = sorted({row.source for key in models for row in index.models[key].rows} | set(built.confirmed.values()))
    rows, model_lines = [], []
    for key in models:
        model = index.models[key]
        first = len(rows)
        for row in model.rows:
            start, count = pool.price_list(row.prices)
            rows.append(
                f"row({words(row.tier)}, {row.days}, {sources.index(row.source)}, {start}, {count}, {row.above}, "
                f"{moment(row.start, 0)}, {moment(row.end, 2**32 - 1)}, {row.seconds[0]}, {row.seconds[1]}),"
            )
        seen = built.confirmed.get(key)
        model_lines.append(
            f"model({pool.text(table.stable_id(model))}, {number[model.provider]}, {first}, {len(rows) - first}, "
            f"{255 if seen is None else sources.index(seen)}),"
        )
    name_lines = [
        f"name({pool.text(name)}, {number[host]}, {models[key]}, {words(tier)}),"
        for (name, host), (key, tier) in sorted(((n, h), at) for (h, n), at in index.names.items())
    ]
    hosts = [f"({name!r}, {number[host]}),".replace("'", '"') for name, host in sorted(index.hosts.items())]
    fallbacks = [
        f'Provider {{ id: "{p}", fallbacks: &[{", ".join(str(number[f]) for f in index.fallbacks.get(p, []))}] }},'
        for p in providers
    ]
    holidays = second.holidays()
    body = "".join(
        [
            f"/// The sources, and the day of each one's release.\npub static SOURCES: [Source; {len(sources)}] = [\n",
            *(f'    Source {{ name: "{each}", released: "{dates.get(each, "")}" }},\n' for each in sources),
            "];\n",
            f"/// Public holidays in China, in its time.\npub static HOLIDAYS_IN_CHINA: [&str; {len(holidays['dates'])}] = [\n",
            *(f'    "{day}",\n' for day in holidays["dates"]),
            f'];\n/// The last day for which the holidays are known.\npub const HOLIDAYS_KNOWN_UNTIL: &str = "{holidays["covers_through"]}";\n',
            listing(
                "The least number of seconds of audio that is billed for one request, by model.",
                "LEAST_AUDIO_SECONDS",
                "(u16, u32)",
                [f"({models[key]}, {seconds})," for key, seconds in source.LEAST_AUDIO_SECONDS.items()],
            ),
            listing("The hosts.", "PROVIDERS", "Provider", fallbacks),
            listing("What a host may be called, in order.", "HOSTS", "(&str, u8)", hosts),
            listing("Every exact name at a host, in the order of names and hosts.", "NAMES", "Name", name_lines),
            listing("The models.", "MODELS", "Model", model_lines),
            listing("The rows of the models, one model's after another's.", "ROWS", "Row", rows),
            listing("The prices of the rows.", "PRICES", "Price", [f"{price}," for price in pool.prices]),
            "/// All names and ids.\npub static TEXT: &str = concat!(\n",
            *(f"    {chunk},\n" for chunk in chunks(pool.texts)),
            ");\n",
        ]
    )
    digest = sha256(body.encode()).hexdigest()[:8]
    return (
        HEAD
        + f'/// The start of the SHA-256 of the rest, in hexadecimal. Other content is another price version.\npub const DIGEST: &str = "{digest}";\n\n'
        + body
    )


def listing(what: str, name: str, kind: str, lines: list[str]) -> str:
    body, line = "", "   "
    for each in lines:
        if len(line) + len(each) > 118:
            body, line = f"{body}{line}\n", "   "
        line += f" {each}"
    body += f"{line}\n"
    return f"/// {what}\n#[rustfmt::skip]\npub static {name}: [{kind}; {len(lines)}] = [\n{body}];\n"


def chunks(texts: list[str]):
    """Yields the texts as literals, some to a line."""
    line = ""
    for text in texts:
        if line and len(line) + len(text) > 100:
            yield f'"{line}"'
            line = ""
        line += text.replace("\\", "\\\\").replace('"', '\\"')
    if line:
        yield f'"{line}"'
