"""Makes the price table from the installed packages of requirements.txt. Review the diff of its files.

`--check` writes nothing and fails if a file is stale. `--rust FILE` writes the table as Rust data, too."""

import sys
import tomllib
from datetime import UTC, datetime, time
from pathlib import Path

import names
import rust
import table

HERE = Path(__file__).parent
WEEK = "Mo Tu We Th Fr Sa Su".split()


def sources() -> dict[str, str]:
    pinned = tomllib.loads((HERE / "sources.toml").read_text())["source"]
    return {f"{each['name']} {each['version']}": str(each["released"]) for each in pinned}


def compared_at() -> datetime:
    """Returns the noon of the day that sources.toml says, so that the same sources always make the same table."""
    return datetime.combine(tomllib.loads((HERE / "sources.toml").read_text())["compared"], time(12), UTC)


def days(mask: int) -> str:
    if mask & 0x7F == 0x7F:
        return ""
    named = " ".join(day for at, day in enumerate(WEEK) if mask >> at & 1)
    return named + (" not CN holidays" if mask & 0x80 else "")


def clock(second: int) -> str:
    return f"{second // 3600:02}:{second // 60 % 60:02}"


def table_tsv(built: table.Table) -> str:
    lines = [
        "model\tprovider\ttier\tfrom\tuntil\tdays\thours\tabove\tdollars per million, thousand or hour\tsource\tconfirmed by"
    ]
    for key, model in built.index.models.items():
        for row in model.rows:
            hours = "" if row.seconds == (0, 86400) else "-".join(map(clock, row.seconds))
            prices = " ".join(f"{kind}={price:f}" for kind, price in row.prices)
            span = [at.strftime("%Y-%m-%dT%H:%MZ") if at else "" for at in (row.start, row.end)]
            cells = [table.stable_id(model), model.provider, row.tier, *span, days(row.days), hours, str(row.above or ""), prices, row.source, built.confirmed.get(key, "")]  # fmt: skip
            lines.append("\t".join(cells))
    return "\n".join(lines) + "\n"


def index_tsv(built: table.Table) -> str:
    found = sorted((name, host, *at) for (host, name), at in built.index.names.items())
    lines = [f"{name}\t{host}\t{table.stable_id(built.index.models[key])}\t{tier}" for name, host, key, tier in found]
    return "\n".join(["name\tprovider\tmodel\ttier", *lines]) + "\n"


def left_out(built: table.Table) -> str:
    head = "# What the table leaves out of its source. Made by `make.py`, not by hand.\n# model | what | why\n"
    return head + "".join(f"{' | '.join(each)}\n" for each in sorted(built.left_out))


def disputed(built: table.Table) -> str:
    head = "# Where the sources differ, and what was chosen. Made by `make.py`; prices in dollars per million, thousand or hour.\n"
    parts = {"By corrections.toml": [], "Changed": [], "Added: genai-prices states none": [], "Kept": []}
    for each in built.disputes:
        hand = each.what in ("alias", "promotion", "peak hours") or "corrections.toml" in each.reason
        part = (
            "By corrections.toml"
            if hand
            else "Added: genai-prices states none"
            if each.ours == "none" and each.choice != "none"
            else "Kept"
            if each.choice == each.ours
            else "Changed"
        )
        parts[part].append(each)
    text = head + "# name | class | genai-prices | others | choice | reason\n"
    for part, each in parts.items():
        text += f"\n# {part}: {len(each)}\n" + "".join(
            f"{d.line()}\n" for d in sorted(each, key=lambda d: (d.name, d.what))
        )
    return text


def names_tsv(built: table.Table) -> str:
    """Returns names.tsv with what each name leads to. Its names are collected by hand, the rest is made."""
    lines = []
    for line in (HERE / "names.tsv").read_text().splitlines():
        if line.startswith("#") or not line:
            lines.append(line)
            continue
        block, provider, name = line.split("\t")[:3]
        found = names.find(built.index, name, provider or None)
        if isinstance(found, names.Refused):
            cells = ["refused", f"{found.why}: {' '.join(found.hosts)}" if found.hosts else found.why, "", ""]
        else:
            model = built.index.models[found[0]]
            prices = model.at(built.now, found[1])
            each = [f"{prices[kind]:f}" if kind in prices else "" for kind in ("input_tokens", "output_tokens")]
            cells = [table.stable_id(model), found[1], *each]
        lines.append("\t".join([block, provider, name, *cells]))
    return "\n".join(lines) + "\n"


def files() -> dict[Path, str]:
    built = table.build(compared_at())
    made = {
        HERE / "table.tsv": table_tsv(built),
        HERE / "index.tsv": index_tsv(built),
        HERE / "names.tsv": names_tsv(built),
        HERE / "left-out.new.txt": left_out(built),
        HERE / "disputed.txt": disputed(built),
    }
    if "--rust" in sys.argv:
        made[Path(sys.argv[sys.argv.index("--rust") + 1]).absolute()] = rust.write(built, sources())
    return made


def main() -> int:
    stale = []
    for path, text in files().items():
        if path.exists() and path.read_text() == text:
            continue
        stale.append(path)
        if "--check" not in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            print(f"wrote {path}, review its diff")
    return int("--check" in sys.argv and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
