#!/usr/bin/env python3
"""Changes the core in one place at a time, and runs the tests that should notice: `make mutants`.

`cargo mutants` lists the possible changes: all of those in the modules without I/O, and a fixed sample of a hundred
where money is moved. All changes are built at once in a copy of the project, each behind a number, so that one change
costs only the time of its tests. These are the tests that reach its function, the core's own and the quickest first,
until one fails. survivors.json must explain every change that no test notices.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys

PROJECT = pathlib.Path(__file__).resolve().parents[2]
PLACE = PROJECT / "target/mutants"
COPY, TARGET, REACHED = PLACE / "project", PLACE / "target", PLACE / "reached"
EXPLAINED = pathlib.Path(__file__).with_name("survivors.json")

# The modules without I/O.
PURE = """
    words/*.rs pricing/catalog.rs pricing/catalog/*.rs pricing/price_book.rs pricing/price_book/exact.rs
    pricing/price_book/models.rs pricing/price_book/pattern.rs reports/history/period.rs reports/parameter.rs
    ledger/grants.rs process/deadline.rs process/telemetry/trace_context.rs payments/invoice/verdict.rs
    payments/payment/verdict.rs payments/reversal/review.rs payments/subscription/standing.rs providers/stripe/webhook.rs usage/body.rs
    usage/body/line.rs
""".split()
# The modules that move money.
MOVING = """
    table/*.rs ledger.rs ledger/*.rs ledger/charge/*.rs ledger/holdings/*.rs usage.rs usage/*.rs delivery.rs delivery/*.rs
    payments/checkout.rs payments/checkout/*.rs payments/orders/*.rs payments/webhook.rs outbox.rs outbox/*.rs
""".split()
CHOSEN, SEED = 100, 20261126
# The share of changes that tests must notice, in percent.
GOAL = 95

SWITCH = '''
/// Deliberate changes.
#[doc(hidden)]
pub mod mutant {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicBool, Ordering};

    static NUMBER: LazyLock<u32> = LazyLock::new(|| std::env::var("MUTANT").map_or(0, |it| it.parse().expect("a number")));
    static REACHED: LazyLock<Option<(std::path::PathBuf, Vec<AtomicBool>)>> = LazyLock::new(|| {
        let test = format!("{} {}", std::env::var("NEXTEST_BINARY_ID").ok()?, std::env::var("NEXTEST_TEST_NAME").ok()?);
        let folder = std::path::PathBuf::from(std::env::var_os("MUTANTS_REACHED")?);
        Some((folder.join(test), (0..SITES).map(|_| AtomicBool::new(false)).collect()))
    });

    /// Returns the number of this run's change, and records that the test reaches this function.
    pub fn number(site: usize) -> u32 {
        if let Some((file, reached)) = &*REACHED && !reached[site].swap(true, Ordering::Relaxed) {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(file);
            std::io::Write::write_all(&mut file.expect("opens"), format!("{site}\\n").as_bytes()).expect("writes");
        }
        *NUMBER
    }

    const SITES: usize = '''


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("--only", default="", help="try only changes with this text in their names")
    arguments.add_argument("--again", action="store_true", help="try only the survivors of the last run")
    arguments.add_argument("--seconds", type=float, default=float("inf"), help="the most seconds of tests for one change")
    arguments = arguments.parse_args()
    mutants, unviable = chosen(*viable(numbered()))
    copy_project(mutants)
    build()
    seconds, binaries = timed()
    reached = reaching()
    before = PLACE / "survivors.txt"
    survived = before.read_text().split("\n") if arguments.again else None
    wanted = [it for it in mutants if arguments.only in it["name"] and (survived is None or it["name"] in survived)]
    surviving = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        tried = {workers.submit(noticing, it, worthwhile(reached[it["site"]], seconds, arguments.seconds), seconds, binaries): it
                 for it in wanted}
        for count, future in enumerate(concurrent.futures.as_completed(tried), 1):
            mutant, noticed = tried[future], future.result()
            print(f"{count}/{len(wanted)} {'noticed ' if noticed else 'SURVIVES'} {mutant['name']}: {noticed or 'by no test of '}"
                  f"{'' if noticed else len(reached[mutant['site']])}", flush=True)
            if not noticed:
                surviving.append(mutant["name"])
    before.write_text("\n".join(sorted(surviving)))
    return report(wanted, unviable, surviving)


def report(tried, unviable, surviving):
    """Prints the results; returns the exit status."""
    explained = json.loads(EXPLAINED.read_text())
    print()
    for name in sorted(surviving):
        print(f"{name}\n    {explained.get(name, 'NOT EXPLAINED')}")
    gone = [name for name in explained if name in {it["name"] for it in tried} and name not in surviving]
    for name in gone:
        print(f"explained, but noticed by a test: {name}")
    share = 100 * (len(tried) - len(surviving)) / max(len(tried), 1)
    print(f"{len(tried)} changes, {len(tried) - len(surviving)} noticed ({share:.1f} %), {len(surviving)} not; "
          f"{len(unviable)} more do not compile")
    return 0 if share >= GOAL and not gone and all(name in explained for name in surviving) else 1


def listed(files):
    """Returns the changes that cargo-mutants lists for files of the core."""
    command = ["cargo", "mutants", "--list", "--json", "--package", "shared"]
    for file in files:
        command += ["--file", f"shared/src/{file}"]
    found = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)
    return [it for it in json.loads(found.stdout) if it["function"]]


def numbered():
    """Returns all changes to try, each with a number, and with a name that does not depend on line numbers."""
    pure = listed(PURE)
    files = {mutant["file"] for mutant in pure}
    moving = [mutant for mutant in listed(MOVING) if mutant["file"] not in files]
    # Twice as many, because about every second one compiles.
    moving = random.Random(SEED).sample(moving, min(2 * CHOSEN, len(moving)))
    named = collections.Counter()
    for number, mutant in enumerate(pure + moving, 1):
        name = re.sub(r":\d+:\d+: ", ": ", mutant["name"], count=1)
        named[name] += 1
        mutant["number"], mutant["name"] = number, name + (f" ({named[name]})" if named[name] > 1 else "")
        mutant["pure"] = mutant["file"] in files
    return pure + moving


def chosen(mutants, unviable):
    """Selects from those that compile: all in the modules without I/O, and a sample of the rest."""
    pure = [mutant for mutant in mutants if mutant["pure"]]
    return pure + [mutant for mutant in mutants if not mutant["pure"]][:CHOSEN], unviable


class Text:
    """A file's text, with positions by line and column."""

    def __init__(self, text):
        self.text = text
        self.starts = [0]
        for line in text.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def at(self, place):
        return self.starts[place["line"] - 1] + place["column"] - 1

    def span(self, span):
        return self.at(span["start"]), self.at(span["end"])


def body(text, span):
    """Returns the span of a function's body, after its parameters and its return type."""
    start, end = text.span(span)
    depth = 0
    for place in range(text.text.index("fn ", start), end):
        depth += {"(": 1, ")": -1, "[": 1, "]": -1}.get(text.text[place], 0)
        if text.text[place] == "{" and depth == 0:
            return place, end
    raise ValueError(text.text[start:end])


def bodies(text, mutants):
    """Groups mutants by the outermost function body around them."""
    found = {}
    for mutant in mutants:
        found.setdefault(body(text, mutant["function"]["span"]), []).append(mutant)
    outer = {}
    for (start, end), inside in sorted(found.items(), key=lambda it: it[0][0] - it[0][1]):
        around = next((it for it in outer if it[0] <= start and end <= it[1]), (start, end))
        outer.setdefault(around, []).extend(inside)
    return dict(sorted(outer.items()))


def planted(text, mutants, sites):
    """Returns the text with every mutant in it, and the lines of each one. Numbers the functions on the way."""
    pieces, copied, line, lines = [], 0, 1, {}

    def add(piece):
        nonlocal line
        pieces.append(piece)
        line += piece.count("\n")

    for (start, end), inside in bodies(text, mutants).items():
        # A const function is evaluated by the compiler, which cannot ask for a number.
        add(re.sub(r"\bconst (fn \w+[^{}]*)$", r"\1", text.text[copied:start]))
        began = line
        add("{ match crate::mutant::number(" + str(len(sites)) + ") {\n")
        for mutant in inside:
            mutant["site"] = len(sites)
            first, last = text.span(mutant["span"])
            changed = text.text[start:first] + mutant["replacement"] + text.text[last:end]
            before = line
            add(f"{mutant['number']} => {changed},\n")
            lines[mutant["number"]] = (before, line - 1)
        add(f"_ => {text.text[start:end]},\n}} }}")
        sites.append((began, line, [mutant["number"] for mutant in inside]))
        copied = end
    add(text.text[copied:])
    return "".join(pieces), lines


def copy_project(mutants):
    """Writes the copy; returns the file and lines of each mutant, and each function with mutants."""
    tracked = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    tracked = subprocess.run(tracked, cwd=PROJECT, check=True, capture_output=True, text=True).stdout.split("\n")
    places, functions, sites, copied = {}, [], [], {}
    for file in filter(lambda file: file and (PROJECT / file).is_file(), tracked):
        contents = (PROJECT / file).read_bytes()
        here = [mutant for mutant in mutants if mutant["file"] == file]
        if here:
            before = len(sites)
            text, lines = planted(Text(contents.decode()), here, sites)
            contents = text.encode()
            places |= {number: (file, *span) for number, span in lines.items()}
            functions += [(file, *site) for site in sites[before:]]
        copied[file] = contents
    copied["shared/src/lib.rs"] += f"{SWITCH}{len(sites)};\n}}\n".encode()
    for gone in [file for file in COPY.rglob("*") if file.is_file() and str(file.relative_to(COPY)) not in copied]:
        gone.unlink()
    for file, contents in copied.items():
        into = COPY / file
        if not into.is_file() or into.read_bytes() != contents:
            into.parent.mkdir(parents=True, exist_ok=True)
            into.write_bytes(contents)
            into.chmod((PROJECT / file).stat().st_mode)
    return places, functions


def cargo(*arguments, **options):
    return subprocess.run(["cargo", *arguments, "--target-dir", str(TARGET)], cwd=COPY, **options)


def viable(mutants):
    """Checks the copy, and drops mutants until the rest compiles; the same changes are checked once."""
    kept, unviable = PLACE / "viable.json", []
    names = [mutant["name"] for mutant in mutants]
    sources = b"".join(file.read_bytes() for file in sorted((PROJECT / "shared").rglob("*.rs")))
    same = hashlib.sha256(json.dumps(names).encode() + sources).hexdigest()
    before = json.loads(kept.read_text()) if kept.is_file() else {}
    if before.get("same") == same:
        compiling = set(before["compile"])
        return [it for it in mutants if it["number"] in compiling], [it for it in mutants if it["number"] not in compiling]
    while True:
        places, functions = copy_project(mutants)
        checked = cargo("check", "--locked", "--package", "shared", "--message-format=json", capture_output=True, text=True)
        if checked.returncode == 0:
            kept.write_text(json.dumps({"same": same, "compile": [mutant["number"] for mutant in mutants]}))
            return mutants, unviable
        wrong, whole, constant, said = set(), set(), set(), []
        for message in map(json.loads, filter(lambda it: it.startswith("{"), checked.stdout.split("\n"))):
            message = message.get("message", {})
            if not isinstance(message, dict) or message.get("level") != "error":
                continue
            said.append(message["rendered"])
            if called := re.search(r"cannot call non-const .*`(?:\w+::)*(\w+)(?:::<.*>)?` in ", message["message"]):
                constant |= {it["number"] for it in mutants if it["function"]["function_name"].split("::")[-1] == called[1]}
            for span in filter(lambda it: it["is_primary"], message["spans"]):
                at = {number for number, (file, first, last) in places.items()
                      if span["file_name"] == file and first <= span["line_start"] <= last}
                wrong |= at
                if not at:
                    # The error is in the function around a change, not in the change itself.
                    whole |= {number for file, first, last, inside in functions for number in inside
                              if span["file_name"] == file and first <= span["line_start"] <= last}
        wrong = wrong or constant or whole
        if not wrong:
            sys.exit("\n".join([*said, checked.stderr]))
        print(f"{len(wrong)} changes do not compile", flush=True)
        unviable += [mutant for mutant in mutants if mutant["number"] in wrong]
        mutants = [mutant for mutant in mutants if mutant["number"] not in wrong]


def build():
    for command in (["build", "--bins"], ["test", "--no-run"]):
        if cargo(*command, "--locked", "--workspace").returncode:
            sys.exit("the copy does not build")


def timed():
    """Runs all tests without a change; returns the seconds of each test, and the path and folder of each binary."""
    shutil.rmtree(REACHED, ignore_errors=True)
    REACHED.mkdir(parents=True)
    print("running all tests once, to record the functions that they reach", flush=True)
    ran = cargo("nextest", "run", "--locked", "--workspace", "--no-fail-fast", "--status-level", "all", "--color", "never",
                env=os.environ | {"MUTANTS_REACHED": str(REACHED)}, capture_output=True, text=True)
    seconds = {}
    for status, took, binary, test in re.findall(r"^ +(\w+) \[ *([\d.]+)s\] (?:\([^)]*\) )?(\S+) (\S+)$", ran.stderr, re.MULTILINE):
        if status == "PASS":
            seconds[binary, test] = float(took)
        elif status != "SLOW":
            print(f"left out, because it fails without a change: {binary} {test}")
    found = cargo("nextest", "list", "--locked", "--workspace", "--message-format", "json", capture_output=True, text=True, check=True)
    suites = json.loads(found.stdout)["rust-suites"]
    print(f"{len(seconds)} tests", flush=True)
    return seconds, {name: (suite["binary-path"], suite["cwd"]) for name, suite in suites.items()}


def reaching():
    """Returns the tests that reach each function."""
    tests = collections.defaultdict(list)
    for file in REACHED.iterdir():
        for site in set(file.read_text().split()):
            tests[int(site)].append(tuple(file.name.split(" ", 1)))
    return tests


def worthwhile(tests, seconds, limit):
    """Returns as many tests as fit into the limit: the core's own first, and then the quickest."""
    worth = []
    for test in sorted((test for test in tests if test in seconds), key=lambda it: (it[0] != "shared", seconds[it])):
        if seconds[test] <= limit:
            limit -= seconds[test]
            worth.append(test)
    return worth


def noticing(mutant, tests, seconds, binaries):
    """Runs tests in growing groups; returns the first one that fails or does not end with a mutant."""
    limit = 1
    while tests:
        several = []
        while tests and (not several or sum(map(seconds.get, several)) < limit):
            several.append(tests.pop(0))
        limit *= 3
        by_binary = collections.defaultdict(list)
        for binary, test in several:
            by_binary[binary].append(test)
        for binary, names in by_binary.items():
            patience = 30 + 5 * sum(seconds[binary, name] for name in names)
            failed = failing(binaries[binary], names, mutant["number"], patience)
            if failed:
                return failed
    return None


def failing(binary, names, number, patience):
    """Returns a test of a program that fails with a mutant, or how the program ended; None if all pass."""
    program, folder = binary
    ran = subprocess.Popen(
        [program, "--exact", *names, "--test-threads", "2"], cwd=folder, start_new_session=True, text=True,
        env=os.environ | {"MUTANT": str(number), "CARGO_MANIFEST_DIR": folder, "INSTA_UPDATE": "no"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    try:
        said, _ = ran.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        os.killpg(ran.pid, signal.SIGKILL)
        ran.communicate()
        return "does not end"
    if ran.returncode == 0:
        return None
    failed = re.findall(r"^test (\S+) .*\.\.\. FAILED$|^test (\S+) - should panic \.\.\. FAILED$", said, re.MULTILINE)
    return failed[0][0] if failed else f"exits with {ran.returncode}"


if __name__ == "__main__":
    sys.exit(main())
