"""Counts how many known leaks are found before their fix, and still after it.

    python tests/tools/leaks.py HEAPLINT TABLE FOLDER [--family NAME ...]

TABLE has tabs between its columns: `id`, `path`, `bad_lines`, `good_lines`, `family`
and `static_visibility` are read. FOLDER holds `<id>/bad` and `<id>/good`, the package
before and after the fix. A leak is found when a finding names a listed line of the
file, or the one beside it.
"""

import argparse
import collections
import concurrent.futures
import csv
import json
import pathlib
import subprocess


def findings(heaplint, folder):
    command = [heaplint, "check", "--isolated", "--quiet", "--exit-zero"]
    command += ["--threads", "1", "--output", "json", "."]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"{folder}: {run.stderr.strip()}")
    return json.loads(run.stdout)["findings"]


def numbers(text):
    return [int(it) for it in text.replace("-", "").split(",") if it.strip().isdigit()]


def hits(found, path, lines):
    codes = set()
    tail = "/".join(pathlib.PurePosixPath(path).parts[-2:])
    for it in found:
        places = [it["location"]] + [label["location"] for label in it["labels"]]
        for place in places:
            near = any(abs(place["start"]["line"] - line) <= 1 for line in lines)
            if near and place["path"].endswith(tail):
                codes.add(it["code"])
    return sorted(codes)


def judge(heaplint, folder, row):
    bad = findings(heaplint, folder / row["id"] / "bad")
    good = findings(heaplint, folder / row["id"] / "good")
    before = numbers(row["bad_lines"])
    after = numbers(row["good_lines"]) or before
    return row, hits(bad, row["path"], before), hits(good, row["path"], after)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("heaplint")
    parser.add_argument("table", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--family", action="append")
    args = parser.parse_args()
    with args.table.open(newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    if args.family:
        rows = [row for row in rows if row["family"] in args.family]
    counts = collections.defaultdict(collections.Counter)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for row, before, after in pool.map(lambda it: judge(args.heaplint, args.folder, it), rows):
            sight = row["static_visibility"]
            print(f"{row['family']:20} {sight:7} {row['id']:34} {before} -> {after}")
            if sight in ("easy", "module"):
                of = counts[row["family"]]
                of["leaks"] += 1
                of["found"] += bool(before)
                of["still"] += bool(before and after)
    for family, of in sorted(counts.items()):
        print(f"{family:20} {of['found']}/{of['leaks']} found, {of['still']} still after the fix")


if __name__ == "__main__":
    main()
