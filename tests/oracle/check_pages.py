"""Checks that the programs in `rules/*.md` are what the pages say they are.

    python check_pages.py [--jobs N] [--quick] [--verbose] [--library NAME]... [PAGE.md ...]

Every program is compiled; markers stand only in bad programs and at least once in
each; every program that defines `exercise` is run under oracle.py, where a bad one
must leak and a good one must not. A rule needs at least one proven pair; with --quick
only the first of each kind is run.
A fence with `target=X.Y` newer than this interpreter is left out, and so is a
program that imports what this interpreter does not have (both are counted).
With --library only programs that import one of these are run, and each must be: of a
rule that is about a library alone, a pair has to be proven then.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import sys
import tempfile

import oracle

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
KEYS = ["code", "name", "summary", "severity", "confidence", "since", "truth", "tags"]
PARTS = [
    "What it finds",
    "Why it leaks",
    "When it stays silent",
    "What to do",
    "See also",
]
MARKER = re.compile(r"#\s*error(:\s*\[[a-z-]+\])?\s*$")
EXERCISE = re.compile(r"^def exercise\(", re.MULTILINE)


class Program:
    """One `## Bad:` or `## Good:` section."""

    def __init__(self, page, title, bad, line):
        self.page, self.title, self.bad, self.line = page, title, bad, line
        self.files = {}
        self.options = {}

    def __str__(self):
        kind = "bad" if self.bad else "good"
        return f"{self.page.name}:{self.line}: {kind}: {self.title}"

    def module(self):
        """The module that defines `exercise`, if any."""
        for path, text in self.files.items():
            if EXERCISE.search(text):
                return path[:-3].replace("/", ".").replace(".__init__", "")
        return None

    def too_new(self):
        target = self.options.get("target", "3.0")
        return tuple(map(int, target.split("."))) > sys.version_info[:2]


# Rules whose programs cannot be proven here, and why.
UNPROVEN = {
    "accumulated-graph": "needs torch",
    "blanket-suppression": "judges comments",
    "copied-by-workers": "needs torch",
    "expired-suppression": "judges comments",
    "large-global": "large from import on, does not grow",
    "malformed-suppression": "judges comments",
    "notebook-output": "needs IPython",
    "suppression-without-reason": "judges comments",
    "unclosed-client": "needs the client libraries",
    "unclosed-figure": "needs matplotlib",
    "unused-suppression": "judges comments",
}


def read(page):
    """The programs of one page, and what is wrong with its form."""
    errors, programs, titles = [], [], []
    lines = page.read_text(encoding="utf-8").split("\n")
    head, program, name, at = [], None, None, 0
    if lines[0] != "```toml":
        errors.append(f"{page.name}:1: a page opens with a toml fence")
    while at < len(lines):
        line = lines[at]
        if line.startswith("```"):
            info = line[3:].split()
            body, start = [], at
            at += 1
            while at < len(lines) and not lines[at].startswith("```"):
                body.append(lines[at])
                at += 1
            if start == 0:
                head = body
            elif program is not None and info[:1] == ["python"]:
                path = name or "main.py"
                if path in program.files:
                    errors.append(f"{page.name}:{start + 1}: {path} appears twice")
                program.files[path] = "\n".join(body) + "\n"
                program.options.update(option.split("=", 1) for option in info[1:])
            name = None
        elif line.startswith("## "):
            kind, _, title = line[3:].partition(": ")
            program = None
            if kind in ("Bad", "Good"):
                program = Program(page, title, kind == "Bad", at + 1)
                programs.append(program)
                if not title:
                    errors.append(f"{page.name}:{at + 1}: the section needs a title")
            else:
                titles.append(line[3:])
        elif re.fullmatch(r"`[\w/]+\.(py|ipynb)`:", line):
            name = line[1:-2]
        elif line.strip():
            name = None
        at += 1
    keys = [line.partition("=")[0].strip() for line in head]
    if keys != KEYS:
        errors.append(f"{page.name}: keys are {keys}, not {KEYS}")
    if f'name = "{page.stem}"' not in head:
        errors.append(f"{page.name}: name and file name differ")
    # What is said of comments leaks nothing.
    if [it.replace("matters", "leaks") for it in titles] != PARTS:
        errors.append(f"{page.name}: sections are {titles}, not {PARTS}")
    seen = set()
    for program in programs:
        if (program.bad, program.title) in seen:
            errors.append(f"{program}: title used twice")
        seen.add((program.bad, program.title))
        errors += form(program)
    return programs, errors


def form(program):
    """What is wrong with one program, without running it."""
    errors = []
    if not program.files:
        errors.append(f"{program}: no program")
    markers = 0
    for path, text in program.files.items():
        if path.endswith(".ipynb"):
            cells = json.loads(text)["cells"]
            lines = "\n".join("".join(cell["source"]) for cell in cells).split("\n")
            # Magics are IPython's.
            text = "\n".join("pass" if it.startswith(("%", "!")) else it for it in lines)
        markers += sum(bool(MARKER.search(line)) for line in text.split("\n"))
        if program.too_new():
            continue
        try:
            compile(text, path, "exec")
        except SyntaxError as error:
            errors.append(f"{program}: {path}: {error}")
    if program.bad and not markers:
        errors.append(f"{program}: nothing is marked")
    if not program.bad and markers:
        errors.append(f"{program}: a good program has a marker")
    return errors


def prove(program):
    """Runs one program; returns the verdict."""
    with tempfile.TemporaryDirectory() as directory:
        for path, text in program.files.items():
            target = pathlib.Path(directory, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        try:
            return oracle.prove(os.path.realpath(directory), program.module())
        except oracle.OracleError as error:
            return {"error": str(error)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pages", nargs="*", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--library", action="append", default=[])
    arguments = parser.parse_args()
    libraries = re.compile(
        rf"^(import|from) ({'|'.join(arguments.library)})\b", re.MULTILINE
    )
    pages = arguments.pages or sorted((ROOT / "rules").glob("*.md"))
    pages = [page for page in pages if page.name != "README.md"]

    errors, programs = [], []
    for page in pages:
        found, wrong = read(page)
        programs += found
        errors += wrong

    runnable = [it for it in programs if it.module() and not it.too_new()]
    if arguments.library:
        runnable = [
            it for it in runnable if any(map(libraries.search, it.files.values()))
        ]
        pages = sorted({it.page for it in runnable})
    if arguments.quick:
        runnable = list({(it.page, it.bad): it for it in reversed(runnable)}.values())
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        verdicts = list(pool.map(prove, runnable))

    proven, unavailable = {}, 0
    for program, verdict in zip(runnable, verdicts):
        if arguments.verbose:
            print(f"{program}: {verdict}")
        if "unavailable" in verdict:
            unavailable += 1
            if arguments.library:
                errors.append(f"{program}: {verdict['unavailable']}")
        elif "error" in verdict:
            errors.append(f"{program}: {verdict['error']}")
        elif verdict["leaks"] != program.bad:
            wanted = "does not leak" if program.bad else "leaks"
            errors.append(f"{program}: {wanted}: {verdict}")
        else:
            pair = proven.setdefault(program.page.stem, {True: 0, False: 0})
            pair[program.bad] += 1
    for page in pages:
        pair = proven.get(page.stem, {True: 0, False: 0})
        here = [it for it in programs if it.page == page]
        bad = sum(it.bad for it in here)
        print(
            f"{page.stem}: {bad} bad ({pair[True]} proven), "
            f"{len(here) - bad} good ({pair[False]} proven)"
        )
        is_unproven = page.stem in UNPROVEN and not arguments.library
        if not all(pair.values()) and not is_unproven:
            errors.append(f"{page.name}: no proven pair")
    for error in errors:
        print(error, file=sys.stderr)
    done = sum(sum(pair.values()) for pair in proven.values())
    version = ".".join(map(str, sys.version_info[:3]))
    print(
        f"Python {version}: {len(programs)} programs, {done} proven, "
        f"{unavailable} not available here, {len(errors)} errors"
    )
    return bool(errors)


if __name__ == "__main__":
    sys.exit(main())
