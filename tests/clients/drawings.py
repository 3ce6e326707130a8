"""Gives drawings of the heap to what shows them: a browser, Mermaid, Graphviz, DevTools' snapshot reader and memlab.

Called by `run`, with the binary, the clients' folder, and a browser. Cases may follow.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from lxml import etree

import projects

HEAPLINT, HOME, BROWSER = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
HERE = pathlib.Path(__file__).resolve().parent
CASES = sys.argv[4:] or ["ordinary", "articles", "empty", "many", "hostile"]
problems = []


def run(*command, cwd=None):
    return subprocess.run([os.fspath(it) for it in command], cwd=cwd, capture_output=True)


def heaplint(folder, *args):
    done = run(HEAPLINT, *args, "--isolated", "--no-cache", "--quiet", cwd=folder)
    if done.returncode not in (0, 1):
        raise SystemExit(f"clients: heaplint {args}: {done.returncode}: {done.stderr.decode(errors='replace')}")


def draw(case, to):
    with tempfile.TemporaryDirectory() as project:
        projects.write(case, pathlib.Path(project))
        files = {"html": "report.html", "svg": "heap.svg", "dot": "dot", "mermaid": "mermaid", "heapsnapshot": "heapsnapshot"}
        outputs = [it for form, file in files.items() for it in ("--output", f"{form}:{to / file}")]
        heaplint(project, "heap", ".", "--level", "info", "--confidence", "low", *outputs)


def check_dot(case, to):
    """Graphviz takes the file without a word, and draws every object and edge."""
    if not shutil.which("dot"):
        print("clients: without Graphviz nothing tries the DOT files", file=sys.stderr)
        return
    done = run("dot", "-Tsvg", to / "dot")
    if done.returncode or done.stderr:
        problems.append(f"{case}: dot: {done.returncode} {done.stderr.decode()}")
        return
    drawn = etree.fromstring(done.stdout)
    for kind, line in (("node", r"^  n\d+ \[label="), ("edge", r"^  n\d+ -> n\d+ \[")):
        ours = len(re.findall(line, (to / "dot").read_text(), re.M))
        theirs = len(drawn.findall(f".//{{*}}g[@class='{kind}']"))
        if ours != theirs:
            problems.append(f"{case}: dot: {theirs} of {ours} {kind}s")


def check_svg(case, to):
    """Well-formed XML, and nothing in it that runs or refers to the outside."""
    drawn = etree.parse(str(to / "heap.svg"), etree.XMLParser(resolve_entities=False)).getroot()
    for element in drawn.iter():
        name = etree.QName(element).localname
        outside = [it for it in element.attrib if "href" in it or it.startswith("on")]
        if name in ("script", "image", "foreignObject", "a") or outside:
            problems.append(f"{case}: svg: {name} {outside}")


def two_commits(to):
    """A program before and after: blank lines above, and one more global."""
    with tempfile.TemporaryDirectory() as project:
        folder = pathlib.Path(project)
        projects.write("ordinary", folder)
        heaplint(project, "heap", ".", "--output", f"heapsnapshot:{to / 'before.heapsnapshot'}")
        state = folder / "shop/shop/state.py"
        state.write_text('"""Moved."""\n\n\n' + state.read_text() + "\nADDED = {}\n")
        heaplint(project, "heap", ".", "--output", f"heapsnapshot:{to / 'after.heapsnapshot'}")


def main():
    with tempfile.TemporaryDirectory() as scratch:
        to = pathlib.Path(scratch)
        folders = [to / case for case in CASES]
        for case, folder in zip(CASES, folders):
            folder.mkdir()
            draw(case, folder)
            check_dot(case, folder)
            check_svg(case, folder)
        two_commits(to)
        for text in problems:
            print(f"clients: {text}", file=sys.stderr)
        failed = bool(problems)
        for script in ("snapshots.mjs", "pictures.mjs", "page.mjs"):
            failed |= subprocess.run(["node", HERE / "drawings" / script, HOME, BROWSER, *folders]).returncode != 0
        if failed:
            raise SystemExit("clients: drawings have problems")


main()
