"""Checks that the programs in `fixtures/` are what their names say they are.

    python check_fixtures.py [--jobs N] [--quick] [--verbose]

Every file is compiled. In `lookalikes/` each topic is a pair `<topic>_bad` and
`<topic>_good`, a file or a folder of modules; a bad one has `# FLAG rule-name`
markers, a good one none; and one that defines `exercise` is run under oracle.py,
where a bad one must leak and a good one must not. A first line `# needs Python 3.11`
leaves a program out on older interpreters. With --quick none is run.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import sys

import oracle
from check_pages import EXERCISE, ROOT

MARKER = re.compile(r"#\s*FLAG [a-z]+(-[a-z]+)+$", re.MULTILINE)
NEEDS = re.compile(r"# needs Python (\d+)\.(\d+)")


def sources(entry):
    return sorted(entry.rglob("*.py")) if entry.is_dir() else [entry]


def module(entry):
    """Folder and name of the module that defines `exercise`, if any."""
    root = entry if entry.is_dir() else entry.parent
    for path in sources(entry):
        if EXERCISE.search(path.read_text(encoding="utf-8")):
            parts = path.relative_to(root).with_suffix("").parts
            return str(root), ".".join(parts)
    return None


def too_new(entry):
    for path in sources(entry):
        needs = NEEDS.match(path.read_text(encoding="utf-8"))
        if needs and tuple(map(int, needs.groups())) > sys.version_info[:2]:
            return True
    return False


def prove(entry):
    try:
        return oracle.prove(*module(entry))
    except oracle.OracleError as error:
        return {"error": str(error)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()

    errors = []
    for folder in ("articles", "needs", "lookalikes"):
        for path in sorted((ROOT / "fixtures" / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            try:
                if not too_new(path):
                    compile(text, str(path), "exec")
            except SyntaxError as error:
                errors.append(f"{path}: {error}")

    entries = [
        entry
        for entry in sorted((ROOT / "fixtures" / "lookalikes").iterdir())
        if entry.is_dir() or entry.suffix == ".py"
    ]
    names = {entry.stem for entry in entries}
    for entry in entries:
        topic, _, kind = entry.stem.rpartition("_")
        if kind not in ("bad", "good"):
            errors.append(f"{entry.name}: neither bad nor good")
        if not {f"{topic}_bad", f"{topic}_good"} <= names:
            errors.append(f"{entry.name}: not a pair")
        text = "".join(path.read_text(encoding="utf-8") for path in sources(entry))
        if bool(MARKER.search(text)) != (kind == "bad") or (
            kind == "good" and "# FLAG" in text
        ):
            errors.append(f"{entry.name}: markers do not fit")

    runnable = [it for it in entries if module(it) and not too_new(it)]
    if arguments.quick:
        runnable = []
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        verdicts = list(pool.map(prove, runnable))
    proven = unavailable = 0
    for entry, verdict in zip(runnable, verdicts):
        if arguments.verbose:
            print(f"{entry.name}: {verdict}")
        bad = entry.stem.endswith("_bad")
        if "unavailable" in verdict:
            unavailable += 1
        elif "error" in verdict:
            errors.append(f"{entry.name}: {verdict['error']}")
        elif verdict["leaks"] != bad:
            wanted = "does not leak" if bad else "leaks"
            errors.append(f"{entry.name}: {wanted}: {verdict}")
        else:
            proven += 1
    for error in errors:
        print(error, file=sys.stderr)
    version = ".".join(map(str, sys.version_info[:3]))
    print(
        f"Python {version}: {len(entries)} lookalikes, {proven} proven, "
        f"{unavailable} not available here, {len(errors)} errors"
    )
    return bool(errors)


if __name__ == "__main__":
    sys.exit(main())
