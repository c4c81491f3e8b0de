"""Reads the second public sources, by host and name: LiteLLM's price map, and model-prices, which reads makers' own pages.

Both give standard prices in dollars by the classes of `source.CLASSES`.
"""

import importlib.metadata
import json
import re
from datetime import UTC, datetime
from decimal import Decimal

LITELLM = f"litellm {importlib.metadata.version('litellm')}"
PAGES = f"model-prices {importlib.metadata.version('model-prices')}"

# LiteLLM's name of a host, the source's id of it, and the beginnings that LiteLLM adds to its names.
LITELLM_HOSTS = {
    "openai": ("openai", ["openai/"]),
    "text-completion-openai": ("openai", []),
    "anthropic": ("anthropic", ["anthropic/"]),
    "gemini": ("google", ["gemini/"]),
    "bedrock": ("aws", ["bedrock/converse/", "bedrock/"]),
    "bedrock_converse": ("aws", ["bedrock/converse/", "bedrock/"]),
    "amazon_nova": ("aws", ["amazon-nova/"]),
    "azure": ("azure", ["azure/"]),
    "azure_text": ("azure", ["azure/"]),
    "azure_ai": ("azure", ["azure_ai/"]),
    "xai": ("x-ai", ["xai/"]),
    "mistral": ("mistral", ["mistral/"]),
    "groq": ("groq", ["groq/"]),
    "deepseek": ("deepseek", ["deepseek/"]),
    "cohere": ("cohere", ["cohere/"]),
    "cohere_chat": ("cohere", ["cohere/", "cohere_chat/"]),
    "perplexity": ("perplexity", ["perplexity/"]),
    "together_ai": ("together", ["together_ai/"]),
    "fireworks_ai": ("fireworks", ["fireworks_ai/accounts/fireworks/models/", "fireworks_ai/"]),
    "fireworks_ai-embedding-models": ("fireworks", ["fireworks_ai/"]),
    "openrouter": ("openrouter", ["openrouter/"]),
    "voyage": ("voyageai", ["voyage/"]),
    "moonshot": ("moonshotai", ["moonshot/"]),
    "zai": ("zai", ["zai/"]),
    "minimax": ("minimax", ["minimax/"]),
    "meta": ("meta", ["meta/"]),
    "cerebras": ("cerebras", ["cerebras/"]),
    "novita": ("novita", ["novita/"]),
    "baseten": ("baseten", ["baseten/"]),
    "ovhcloud": ("ovhcloud", ["ovhcloud/"]),
    "cloudflare": ("cloudflare", ["cloudflare/"]),
    "databricks": ("databricks", ["databricks/"]),
    "elevenlabs": ("elevenlabs", ["elevenlabs/"]),
    "github_copilot": ("github-copilot", ["github_copilot/"]),
    "typesafe": ("typesafe", ["typesafe/"]),
}
PAGES_HOSTS = {
    "anthropic": "anthropic", "openai": "openai", "google": "google", "deepseek": "deepseek", "mistral": "mistral",
    "xai": "x-ai", "cohere": "cohere", "moonshotai": "moonshotai", "minimax": "minimax", "meta": "meta", "zai": "zai",
    "amazon-bedrock": "aws", "perplexity": "perplexity", "arcee": "arcee", "cursor": "cursor",
}  # fmt: skip
MILLION = 1_000_000
PER_TOKEN = {
    "input_tokens": "input_cost_per_token",
    "cached_input_tokens": "cache_read_input_token_cost",
    "cache_write_tokens": "cache_creation_input_token_cost",
    "cache_write_1h_tokens": "cache_creation_input_token_cost_above_1hr",
    "output_tokens": "output_cost_per_token",
    "reasoning_tokens": "output_cost_per_reasoning_token",
    "input_audio_tokens": "input_cost_per_audio_token",
    "cached_input_audio_tokens": "cache_read_input_audio_token_cost",
    "output_audio_tokens": "output_cost_per_audio_token",
    "input_image_tokens": "input_cost_per_image_token",
    "cached_input_image_tokens": "cache_read_input_image_token_cost",
    "output_image_tokens": "output_cost_per_image_token",
    "input_video_tokens": "input_cost_per_video_token",
    "output_video_tokens": "output_cost_per_video_token",
}
TIERS = {"standard": "", "batch": "_batches", "flex": "_flex", "priority": "_priority"}
TIER_OF = {"": "standard", "_batches": "batch", "_flex": "flex", "_priority": "priority"}
LONG = re.compile(r"^(.+?)(?:_above_(\d+)k_tokens)?(_batches|_flex|_priority)?$")
CLASS_OF = {field: name for name, field in PER_TOKEN.items()}
# Other units in which a modality may be billed: a sign that its tokens are not billed at the price of text.
OTHER_UNITS = {
    "output_image_tokens": ["output_cost_per_image"],
    "output_video_tokens": ["output_cost_per_second", "output_cost_per_video_per_second"],
    "output_audio_tokens": ["output_cost_per_character"],
}


def read(package: str, path: str) -> str:
    """Returns a file of an installed package, without running the package."""
    return importlib.metadata.distribution(package).locate_file(path).read_text()


def host_of(litellm_provider: str | None) -> tuple[str, list[str]] | None:
    if litellm_provider and litellm_provider.startswith("vertex_ai"):
        return "google", ["vertex_ai/"]
    return LITELLM_HOSTS.get(litellm_provider or "")


def plain(number: Decimal) -> Decimal:
    """Returns a price without the digits that a binary fraction left behind."""
    short = round(Decimal(number), 12)
    return short.quantize(Decimal(1)) if short == short.to_integral_value() else short.normalize()


def litellm() -> dict[tuple[str, str], dict]:
    """Returns LiteLLM's prices: tier and class by host and name."""
    text = read("litellm", "litellm/model_prices_and_context_window_backup.json")
    found: dict[tuple[str, str], dict] = {}
    for key, entry in json.loads(text, parse_float=Decimal).items():
        host = host_of(entry.get("litellm_provider"))
        if not host:
            continue
        name = next((key[len(start) :] for start in host[1] if key.startswith(start)), key).lower()
        prices: dict = {"mode": entry.get("mode"), "key": key, "other": set()}
        for tier, ending in TIERS.items():
            each = {
                c: plain(entry[f + ending] * MILLION) for c, f in PER_TOKEN.items() if entry.get(f + ending) is not None
            }
            if each and (tier == "standard" or "input_tokens" in each):
                prices[tier] = each
        standard = prices.setdefault("standard", {})
        for unit, keys in OTHER_UNITS.items():
            if unit not in standard and any(entry.get(k) for k in keys):
                prices["other"].add(unit)
        prices["long"] = long(entry)
        seconds = entry.get("input_cost_per_second")
        if seconds is not None and prices["mode"] == "audio_transcription":
            standard["audio_seconds"] = plain(seconds * 3600)
        if (pages := entry.get("ocr_cost_per_page")) is not None:
            standard["pages"] = plain(pages * 1000)
        if (characters := entry.get("input_cost_per_character")) is not None and "input_tokens" not in standard:
            standard["characters"] = plain(characters * MILLION)
        # Gemini's and Vertex's names are alike: the Gemini API counts, which is the source's.
        if (host[0], name) not in found or entry.get("litellm_provider") in ("gemini", "bedrock_converse"):
            found[host[0], name] = prices
    return found


def long(entry: dict) -> dict[tuple[str, int], dict[str, Decimal]]:
    """Returns the prices of tiers and of long requests, by tier and the tokens to exceed."""
    found: dict[tuple[str, int], dict[str, Decimal]] = {}
    for key, price in entry.items():
        name, above, ending = LONG.match(key).groups()
        if name in CLASS_OF and price and (above or ending):
            condition = TIER_OF[ending or ""], int(above or 0) * 1000
            found.setdefault(condition, {})[CLASS_OF[name]] = plain(price * MILLION)
    return found


def pages(moment: datetime) -> dict[tuple[str, str], dict]:
    """Returns the prices of makers' own pages as model-prices read them: standard classes by host and name."""
    snapshot = json.loads(read("model-prices", "model_prices/snapshot.json"), parse_float=Decimal)
    found = {}
    for host, models in snapshot["prices"].items():
        for name, modes in models.items() if host in PAGES_HOSTS else []:
            rates = None
            for entry in modes["standard"]:
                if entry["start"] is None or datetime.fromisoformat(entry["start"]).astimezone(UTC) <= moment:
                    rates = entry["rates"]
            if not rates or snapshot["status"].get(host, {}).get(name) == "removed":
                continue
            classes = {"input": "input_tokens", "output": "output_tokens", "cache_read": "cached_input_tokens"}
            classes["cache_write"] = "cache_write_tokens"
            each = {ours: Decimal(rates[theirs]) for theirs, ours in classes.items() if rates.get(theirs) is not None}
            if rates.get("cache_write_1h_multiple") and host == "anthropic":
                each["cache_write_1h_tokens"] = Decimal(rates["input"]) * Decimal(rates["cache_write_1h_multiple"])
            found[PAGES_HOSTS[host], name.lower()] = {"standard": each, "since": rates.get("valid_from", "")[:10]}
    return found


def status() -> dict[str, dict[str, str]]:
    return json.loads(read("model-prices", "model_prices/snapshot.json"))["status"]


def holidays() -> dict:
    """Returns China's public holidays, on which DeepSeek has no peak hours."""
    return json.loads(read("model-prices", "model_prices/snapshot.json"))["schedules"]["holidays"]["cn"]
