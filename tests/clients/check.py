"""Validates every report format with programs that read it. Called by `run`, with the binary and the clients' folder."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import junitparser
from lxml import etree
from markdown_it import MarkdownIt

import projects

HEAPLINT, HOME = sys.argv[1], pathlib.Path(sys.argv[2])
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BIN = HOME / "venv/bin"
NODE = HOME / "node_modules"
FILES = [
    "json", "jsonl", "sarif", "github", "gitlab", "junit", "markdown", "rdjson", "rdjsonl", "azure", "checkstyle",
    "pylint", "sonar", "full", "concise",
]
# What a terminal or a log must never see: C0 but tab and line ends, DEL, C1, line and paragraph separators, bidi controls.
UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
SGR = re.compile("\x1b\\[[0-9;]*m")
CASES = sys.argv[3:] or ["ordinary", "empty", "many", "hostile"]
OWN = "a reader of our own"
problems = []
# What happened to each client's reports, by client and case; what is not there was not asked.
verdicts = {}


def complain(case, client, text):
    problems.append(f"{case}: {client}: {text}")
    verdicts[client if client in CLIENTS else OWN, case] = "refused"


def run(*command, cwd=None, env=None):
    return subprocess.run(
        [os.fspath(it) for it in command], cwd=cwd, capture_output=True, env={**os.environ, **(env or {})}
    )


def heaplint(folder, *args, env=None):
    done = run(HEAPLINT, "check", ".", "--isolated", "--level", "info", "--confidence", "low", *args, cwd=folder, env=env)
    if done.returncode not in (0, 1) and b"[internal]" not in done.stderr:
        raise SystemExit(f"heaplint {args}: {done.returncode}: {done.stderr.decode(errors='replace')}")
    return done


def reports(folder, to):
    heaplint(folder, "--quiet", *[it for name in FILES for it in ("--output", f"{name}:{to / name}")])


def from_pip(package):
    done = run(BIN / "pip", "show", package)
    return re.search(r"^Version: (.*)$", done.stdout.decode(), re.M).group(1)


def from_npm(package):
    manifest = NODE / package / "package.json"
    return json.loads(manifest.read_text())["version"] if manifest.exists() else "missing"


# Client, formats, version. `OWN` reads what has no program that could be had: as the services document their commands.
CLIENTS = {
    "check-jsonschema": ("json, jsonl, gitlab", lambda: from_pip("check-jsonschema")),
    "Sarif.Multitool": ("sarif, with GitHub's rules", lambda: from_npm("@microsoft/sarif-multitool-linux")),
    "sarif-tools": ("sarif", lambda: from_pip("sarif-tools")),
    "junitparser": ("junit", lambda: from_pip("junitparser")),
    "libxml2": ("junit, checkstyle", lambda: ".".join(map(str, etree.LIBXML_VERSION))),
    "rdformat-validator": ("rdjson, rdjsonl", lambda: from_npm("@umbrelladocs/rdformat-validator")),
    "markdown-it-py": ("markdown", lambda: from_pip("markdown-it-py")),
    OWN: ("github, azure, gitlab, checkstyle, sonar, full, concise, pylint", lambda: ""),
}


def asked(case, *clients):
    """These clients were given the reports of a case."""
    for client in clients:
        verdicts.setdefault((client, case), "accepted")


# One function for each client. `findings` is what the JSON report says.


def check_schema(case, to, findings, scratch):
    """check-jsonschema: JSON, JSON lines and GitLab."""
    asked(case, "check-jsonschema", OWN)
    ours = ROOT / "src/report/heaplint.schema.json"
    document = json.loads(ours.read_text())
    lines = {**document, "type": "array", "items": {"$ref": "#/$defs/finding"}}
    for key in ("properties", "required", "$id"):
        lines.pop(key)
    (scratch / "lines.schema.json").write_text(json.dumps(lines))
    (scratch / "lines.json").write_text(json.dumps([json.loads(it) for it in (to / "jsonl").read_text().split("\n") if it]))
    for schema, file in [
        (ours, to / "json"),
        (scratch / "lines.schema.json", scratch / "lines.json"),
        (HERE / "gitlab.schema.json", to / "gitlab"),
    ]:
        done = run(BIN / "check-jsonschema", "--force-filetype", "json", "--schemafile", schema, file)
        if done.returncode:
            complain(case, "check-jsonschema", f"{file.name}: {done.stdout.decode()[:2000]}")
    prints = [it["fingerprint"] for it in json.loads((to / "gitlab").read_text())]
    if len(prints) != len(set(prints)) or len(prints) != len(findings):
        complain(case, "gitlab", "fingerprints are not distinct, or findings are missing")


def check_sarif(case, to, findings, _scratch):
    """sarif-tools, and Sarif.Multitool with the rules of GitHub's code scanning."""
    sarif = to / "report.sarif"
    sarif.write_bytes((to / "sarif").read_bytes())
    tool = NODE / "@microsoft/sarif-multitool-linux/Sarif.Multitool"
    if tool.exists():
        asked(case, "Sarif.Multitool")
        done = run(
            tool, "validate", sarif, "--rule-kind", "Sarif;Ghas", "--level", "Error;Warning",
            env={"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"},
        )
        text = (done.stdout + done.stderr).decode(errors="replace")
        wrong = [it for it in text.splitlines() if re.search(r": (error|warning) ", it)]
        if wrong or "completed successfully" not in text:
            complain(case, "Sarif.Multitool", "\n".join(wrong) or text)
    asked(case, "sarif-tools")
    for check in ("summary", "csv", "codeclimate"):
        out = [] if check == "summary" else ["--output", to / f"tools.{check}"]
        done = run(BIN / "sarif", check, *out, sarif)
        if done.returncode:
            complain(case, "sarif-tools", f"{check}: {done.stderr.decode()}")
    theirs = json.loads((to / "tools.codeclimate").read_text())
    places = sorted((it["location"]["path"], it["location"]["lines"]["begin"]) for it in theirs)
    results = json.loads(sarif.read_text())["runs"][0]["results"]
    where = [it["locations"][0]["physicalLocation"] for it in results]
    ours = sorted((it["artifactLocation"]["uri"], it["region"]["startLine"]) for it in where)
    if places != ours or len(ours) != len(findings):
        complain(case, "sarif-tools", "its code climate report has other places")


def check_xml(case, to, findings, _scratch):
    """libxml2 for both, junitparser for counts, and what Jenkins reads of Checkstyle's."""
    asked(case, "libxml2", "junitparser", OWN)
    for name in ("junit", "checkstyle"):
        try:
            etree.parse(str(to / name), etree.XMLParser(resolve_entities=False))
        except etree.XMLSyntaxError as error:
            complain(case, "libxml2", f"{name}: {error}")
            return
    suites = junitparser.JUnitXml.fromfile(str(to / "junit"))
    tests = [test for suite in suites for test in suite]
    failures = [it for it in tests if any(isinstance(r, junitparser.Failure) for r in it.result)]
    failing = [it for it in findings if it["severity"] != "info"]
    if len(failures) != len(failing) or suites.failures != len(failing) or len(tests) != max(len(findings), 1):
        complain(case, "junitparser", f"{len(failures)} failures of {len(tests)} tests, {len(failing)} of {len(findings)} wanted")
    for test in tests:
        if findings and not (test.name and test.classname is not None):
            complain(case, "junitparser", "a case without a name")
    # The type is what stands after the last dot of the source.
    read = sorted(
        (file.get("name"), int(it.get("line")), int(it.get("column")), it.get("severity"), it.get("source").rpartition(".")[2])
        for file in etree.parse(str(to / "checkstyle")).findall("file")
        for it in file.findall("error")
        if it.get("message")
    )
    wanted = [(it["location"]["path"], it["location"]["start"], it["severity"], it["code"]) for it in findings]
    wanted = sorted((path, at["line"], at["column"], level, code) for path, at, level, code in wanted)
    # Names of files on disk may be no text; XML has none of what it cannot say.
    if [it[1:] for it in read] != [it[1:] for it in wanted] if case == "hostile" else read != wanted:
        complain(case, "checkstyle", "other findings")


def unescaped(text, pairs):
    for code, char in pairs:
        text = text.replace(code, char)
    return text


def check_commands(case, to, findings, _scratch):
    """GitHub and Azure commands, read as their runners do; every line is one."""
    lines = (to / "github").read_bytes().decode().split("\n")[:-1]
    shown = 0
    for line in lines:
        found = re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", line)
        if not found:
            complain(case, "github", f"no command: {line!r}")
            continue
        fields = dict(it.split("=", 1) for it in found[2].split(","))
        if "file" in fields:
            shown += 1
            if not fields["line"].isdigit() or set(fields) - {"title", "file", "line", "col", "endLine", "endColumn"}:
                complain(case, "github", f"fields {fields}")
        elif "more finding" not in found[3]:
            complain(case, "github", f"an annotation without a place: {line!r}")
    for level, ours in (("error", "error"), ("warning", "warning"), ("notice", "info")):
        count = sum(it.startswith(f"::{level} ") and ",file=" in it for it in lines)
        # The line that says how many are hidden is a notice, too.
        most = 10 - (level == "notice" and any("more finding" in it for it in lines))
        if count != min(most, sum(it["severity"] == ours for it in findings)):
            complain(case, "github", f"{count} of {level}")
    for line in (to / "azure").read_bytes().decode().split("\n")[:-1]:
        found = re.fullmatch(r"##vso\[task\.logissue ([^\]]*)\](.*)", line)
        fields = dict(it.split("=", 1) for it in found[1].rstrip(";").split(";")) if found else {}
        if not {"type", "sourcepath", "linenumber", "columnnumber", "code"} <= set(fields):
            complain(case, "azure", repr(line))
    azure = (to / "azure").read_bytes().decode().count("\n")
    if azure != sum(it["severity"] != "info" for it in findings):
        complain(case, "azure", f"{azure} lines")


def check_markdown(case, to, findings, _scratch):
    """markdown-it with GitHub's tables: no HTML but ours, no link but to rule pages, one row a finding."""
    asked(case, "markdown-it-py")
    text = (to / "markdown").read_text()
    if len(text.encode()) > 900 * 1024:
        complain(case, "markdown-it-py", "longer than GitHub takes")
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    rows = sum(it.type == "tr_open" for it in tokens) - sum(it.type == "thead_open" for it in tokens)
    if rows != min(50, len(findings)):
        complain(case, "markdown-it-py", f"{rows} rows")
    for block in tokens:
        for token in [block, *(block.children or [])]:
            if token.type in ("html_inline", "html_block"):
                tags = set(re.findall(r"<[^>]*>", token.content))
                if tags - {"<br>", "<details>", "</details>", "<summary>", "</summary>"}:
                    complain(case, "markdown-it-py", f"HTML {token.content!r}")
            if token.type == "link_open" and not token.attrs["href"].startswith("https://heaplint.dev/rules/"):
                complain(case, "markdown-it-py", f"link {token.attrs['href']!r}")
            if token.type == "image":
                complain(case, "markdown-it-py", "an image")


def check_reviewdog(case, to, findings, scratch):
    """rdformat-validator, both forms."""
    tool = NODE / "@umbrelladocs/rdformat-validator/bin/rdformat-validator.js"
    lines = [json.loads(it) for it in (to / "rdjsonl").read_text().split("\n") if it]
    if len(lines) != len(findings):
        complain(case, "rdjsonl", "findings are missing")
    whole = json.loads((to / "rdjson").read_text())
    # The validator is older than this field of reviewdog's own definition.
    for it in lines + whole["diagnostics"]:
        for related in it.pop("relatedLocations", []):
            if set(related) != {"message", "location"}:
                complain(case, "rdjson", f"related {related}")
    wanted = [scratch / "rd.json", scratch / "rdl.json"]
    wanted[0].write_text(json.dumps(whole))
    wanted[1].write_text(json.dumps({"diagnostics": lines}))
    if tool.exists():
        asked(case, "rdformat-validator")
    for file in wanted if tool.exists() else []:
        done = run("node", tool, "--strict", "--format", "json", file)
        if done.returncode:
            complain(case, "rdformat-validator", (done.stdout + done.stderr).decode()[:2000])


def check_sonar(case, to, findings, _scratch):
    """What the importer refuses: empty or reversed ranges, rules that are not declared, absolute paths."""
    report = json.loads((to / "sonar").read_text())
    rules = {it["id"] for it in report["rules"]}
    for issue in report["issues"]:
        at = issue["primaryLocation"]["textRange"]
        start, end = (at["startLine"], at.get("startColumn", 0)), (at["endLine"], at.get("endColumn", 1))
        if issue["ruleId"] not in rules or start >= end or issue["primaryLocation"]["filePath"].startswith("/"):
            complain(case, "sonar", str(issue))
    if len(report["issues"]) != len(findings):
        complain(case, "sonar", "findings are missing")


def check_text(case, to, findings, scratch):
    """Text for people: nothing that steers a terminal, no line that is a command."""
    texts = {name: (to / name).read_bytes() for name in ("full", "concise", "pylint")}
    project = scratch / "project"
    for args in (
        ["--show-files"], ["--statistics"], ["--output", "full"], ["--output", "full", "--ascii"],
        ["--output", "full", "--color", "always"], ["--output", "concise", "--color", "always"],
        ["--output", "markdown"], ["--output", "github"], ["--output", "azure"],
    ):
        done = heaplint(project, *args)
        texts[" ".join(args)] = done.stdout
        texts[" ".join(args) + " (stderr)"] = done.stderr
    texts["--fix of a file that is not there"] = run(HEAPLINT, "--fix", "no\x1b[31m\u202e.py", cwd=project).stderr
    texts["an unknown rule"] = run(HEAPLINT, "--select", "\x1b[31m\u202e", cwd=project).stderr
    texts["an unknown format"] = run(HEAPLINT, "-o", "\x1b[31m\u202e", cwd=project).stderr
    texts["an unknown flag"] = run(HEAPLINT, "--\x1b[31m\u202e", cwd=project).stderr
    for name, text in texts.items():
        text = raw = text.decode()
        if "always" in name:
            text = SGR.sub("", text)
        bad = UNSAFE.search(text.replace("\r\n", "\n")) if name not in ("--output github", "--output azure") else UNSAFE.search(text)
        if bad:
            complain(case, "terminal", f"{name}: {bad[0]!r} in {text[max(0, bad.start() - 60):bad.end() + 20]!r}")
        own = "::" if name == "--output github" else "##vso[task.logissue " if name == "--output azure" else None
        # A summary is a file, not a log.
        for line in raw.split("\n") if name != "--output markdown" else []:
            # GitHub looks after blanks, Azure anywhere in the line.
            is_command = line.lstrip().startswith("::") or re.search(r"##(vso)?\[", line, re.I)
            if is_command and not (own and line.startswith(own)):
                complain(case, "log", f"{name}: {line!r}")
    for line in texts["concise"].decode().splitlines():
        if not re.search(r":\d+:\d+: HL\d{3} \[(error|warning|info)\] ", line):
            complain(case, "concise", repr(line))


CHECKS = [
    check_schema, check_sarif, check_xml, check_commands, check_markdown, check_reviewdog, check_sonar, check_text,
]


def table():
    """What each client said of each project's reports."""
    print("| client | version | reads | " + " | ".join(CASES) + " |")
    print("|---|---|---|" + "---|" * len(CASES))
    for client, (formats, version) in CLIENTS.items():
        said = [verdicts.get((client, case), "not asked") for case in CASES]
        print(f"| {client} | {version()} | {formats} | {' | '.join(said)} |", flush=True)


def main():
    for case in CASES:
        with tempfile.TemporaryDirectory() as scratch:
            scratch = pathlib.Path(scratch)
            to, project = scratch / "reports", scratch / "project"
            to.mkdir()
            project.mkdir()
            projects.write(case, project)
            reports(project, to)
            findings = json.loads((to / "json").read_text())["findings"]
            wanted = {"ordinary": len(findings) > 5, "empty": not findings, "many": len(findings) == 2006}
            if not wanted.get(case, len(findings) > 100):
                complain(case, "heaplint", f"{len(findings)} findings")
            for check in CHECKS:
                check(case, to, findings, scratch)
            print(f"clients: {case}: {len(findings)} findings", flush=True)
    table()
    for text in problems:
        print(f"clients: {text}", file=sys.stderr)
    if problems:
        raise SystemExit(f"clients: {len(problems)} problems")
    print("clients: all formats are accepted")


main()
