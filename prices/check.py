"""Fails if a source of the price table has a newer release, or if the first one is older than 30 days.

It asks the package index, so it is not part of CI. `--renew` writes the newest releases to sources.toml and
requirements.txt. Install those before the next `make.py`.
"""

import re
import subprocess
import sys
import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
OLDEST = timedelta(days=30)
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def newest(name: str, before: date | None = None) -> str | None:
    """Returns the newest release, of those uploaded before a day."""
    limit = [f"--uploaded-prior-to={before}"] if before else []
    done = subprocess.run([*PIP, "index", "versions", name, *limit], capture_output=True, text=True)
    found = re.match(rf"{re.escape(name)} \((.+)\)", done.stdout)
    return found[1] if found else None


def released(name: str, version: str, today: date) -> date:
    """Returns the day on which a release that is the newest was uploaded."""
    first, last = today - timedelta(days=365), today
    while (last - first).days > 1:
        middle = first + (last - first) // 2
        if newest(name, middle + timedelta(days=1)) == version:
            last = middle
        else:
            first = middle
    return last


def requirements(sources: list[dict]) -> str:
    """Returns the releases and what the first one needs, with the hashes of their files for every platform."""
    first, *others = [f"{each['name']}=={each['version']}" for each in sources]
    compile_ = [
        "uv",
        "pip",
        "compile",
        "--quiet",
        "--generate-hashes",
        "--no-header",
        "--no-annotate",
        "--universal",
        "-",
    ]
    parts = [
        subprocess.run(
            [*compile_, *options], input="\n".join(wanted), capture_output=True, text=True, check=True
        ).stdout
        for options, wanted in (([], [first]), (["--no-deps"], others))
    ]
    return (
        "# The packages that `make.py` needs. Made by `check.py --renew`, which needs uv.\n\n"
        + "".join(parts)
    )


def main() -> int:
    today = datetime.now(UTC).date()
    sources = tomllib.loads((HERE / "sources.toml").read_text())["source"]
    behind = 0
    for each in sources:
        version = newest(each["name"])
        if version is None:
            print(f"{each['name']}: the package index did not answer")
            return 2
        day = each["released"] if version == each["version"] else released(each["name"], version, today)
        age = (today - day).days
        told = "is the newest release" if version == each["version"] else f"is used, {version} is newer"
        old = f"; it is older than {OLDEST.days} days" if today - day > OLDEST and each is sources[0] else ""
        print(f"{each['name']} {each['version']} {told}, of {day}, {age} days ago{old}")
        behind += version != each["version"] or bool(old)
        each |= {"version": version, "released": day}
    if "--renew" in sys.argv:
        head = "# The releases that the table is made from. `check.py` says if there are newer ones; `check.py --renew` writes this file.\n"
        parts = [
            f'\n[[source]]\nname = "{e["name"]}"\nversion = "{e["version"]}"\nreleased = {e["released"]}\n'
            for e in sources
        ]
        (HERE / "sources.toml").write_text(f"{head}compared = {today}\n" + "".join(parts))
        (HERE / "requirements.txt").write_text(requirements(sources))
        print("wrote prices/sources.toml and prices/requirements.txt")
        return 0
    return int(bool(behind))


if __name__ == "__main__":
    sys.exit(main())
