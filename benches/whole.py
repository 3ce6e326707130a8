"""Whole runs, side by side with ruff and as ratios; and programs that are bad for analyzers.

    python3 benches/whole.py corpus FOLDER [--sizes 1,10,100] [--repeat 3]
    python3 benches/whole.py peers PACKAGE… [--repeat 3]
    python3 benches/whole.py worst

`corpus` takes any folder of Python code (a site-packages folder will do), measures parts of it of so many MB and the
whole, and fits the exponent of time over bytes. CPU time is user and system time of all threads; runs are paired, and
the middle of the ratios is told. It needs `ruff` (`pip install ruff`) beside heaplint. `edited` is a run for which one
file has changed since the run before.

`peers` measures whole packages, also with pylint and with flake8 and flake8-bugbear, as multiples of heaplint's CPU time,
each pair in turn; a program that is not installed is left out.

`worst` generates programs of two sizes each and compares times per byte: it exits with 1 when twice the program takes
far more than twice the time. No seconds are judged, only ratios. All print tables for a README.
"""

import argparse
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEAPLINT = os.environ.get("HEAPLINT", str(ROOT / "target/release/heaplint"))
RUFF = ["ruff", "check", "--isolated", "--no-cache", "-q", "--exit-zero", "--no-respect-gitignore"]
RUFF += ["--select", "SIM115,B019,B006,B023,F401"]
# Twice the bytes may take this much more of the time per byte: caches and tables grow, noise is noise.
ALLOWED = 1.7


def measure(command, ended_well=(0, 1)):
    """CPU seconds, wall seconds and peak MB (of a million bytes) of a command, which must end well.

    Processes that it starts are counted in the CPU time.
    """
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in ended_well:
        sys.exit(f"{command[0]}: exit code {process.returncode}\n{error.decode()[-2000:]}")
    wall = time.monotonic() - start
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024 / 1e6


def heaplint(folder, *more):
    return [HEAPLINT, "check", str(folder), "--isolated", "-q", "--exit-zero", "-o", "concise", *more]


def part(source, megabytes, into):
    """Whole packages (or files) of a folder, in the order of their names, until there are so many MB."""
    limit, size = megabytes * 1_000_000, 0
    for path in sorted(source.rglob("*.py")):
        if not path.is_file() or path.is_symlink():
            continue
        to = into / path.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to)
        size += path.stat().st_size
        if size >= limit:
            break
    return size


def total(folder):
    return sum(it.stat().st_size for it in folder.rglob("*.py") if it.is_file())


def slope(points):
    """The exponent of a power law through points, by least squares of the logarithms."""
    xs = [math.log(x) for x, _ in points]
    ys = [math.log(y) for _, y in points]
    mx, my = statistics.fmean(xs), statistics.fmean(ys)
    return sum((x - mx) * (y - my) for x, y in zip(xs, ys)) / sum((x - mx) ** 2 for x in xs)


def middle(rows, at):
    return statistics.median(row[at] for row in rows)


def need_ruff():
    if shutil.which("ruff") is None:
        sys.exit("ruff is missing: pip install ruff")
    return subprocess.run(["ruff", "--version"], capture_output=True, text=True).stdout.strip()


def said(version, repeat):
    """What a reader of figures has to know of the machine, which may have been busy."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0
    print(f"{version}; medians of {repeat} pairs; CPU is user + system; {os.cpu_count()} cores, load {load:.1f}\n")


def edited(folder, size, cache, scratch, repeat):
    """Wall seconds of runs for which one file has changed, of middle length."""
    copy = scratch / "edited"
    part(folder, size / 1e6 + 1, copy)
    measure(heaplint(copy, "--cache-dir", str(cache)))
    files = sorted(copy.rglob("*.py"), key=lambda it: it.stat().st_size)
    file = files[len(files) // 2]
    rows = []
    for at in range(repeat):
        with file.open("a") as out:
            out.write(f"\n_edited_{at} = []\n")
        rows.append(measure(heaplint(copy, "--cache-dir", str(cache))))
    shutil.rmtree(copy)
    return rows


def corpus(source, sizes, repeat):
    said(need_ruff(), repeat)
    print("| source | cold CPU | wall | peak | unchanged, wall | edited, wall | ruff CPU | wall | peak | cold / ruff CPU | peak / source |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    points, peers = [], []
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        whole = total(source)
        wanted = [it for it in sizes if it * 1_000_000 < whole * 0.9]
        for megabytes in [*wanted, None]:
            if megabytes is None:
                folder, size = source, whole
            else:
                folder = scratch / str(megabytes)
                size = part(source, megabytes, folder)
            cold, ruff, kept = [], [], []
            cache = scratch / "cache"
            for _ in range(repeat):
                cold.append(measure(heaplint(folder, "--no-cache")))
                ruff.append(measure([*RUFF, str(folder)]))
            measure(heaplint(folder, "--cache-dir", str(cache)))
            for _ in range(repeat):
                kept.append(measure(heaplint(folder, "--cache-dir", str(cache))))
            changed = edited(folder, size, cache, scratch, repeat)
            ratio = statistics.median(a[0] / b[0] for a, b in zip(cold, ruff))
            points.append((size, middle(cold, 0)))
            peers.append((size, middle(ruff, 0)))
            mb = size / 1e6
            print(
                f"| {mb:.1f} MB | {middle(cold, 0):.2f} s | {middle(cold, 1):.2f} s | {middle(cold, 2):.0f} MB "
                f"| {middle(kept, 1):.2f} s | {middle(changed, 1):.2f} s "
                f"| {middle(ruff, 0):.2f} s | {middle(ruff, 1):.2f} s | {middle(ruff, 2):.0f} MB "
                f"| {ratio:.2f} | {middle(cold, 2) / mb:.1f} |",
                flush=True,
            )
    if len(points) > 1:
        print(f"\nCPU time grows as bytes to the power of {slope(points):.2f}; ruff's, of {slope(peers):.2f}")


# Other programs, how they are called, and how they end when they have found something. No settings of the package count.
PEERS = [
    ("ruff", RUFF, (0,)),
    ("flake8-bugbear", ["flake8", "--isolated", "--exit-zero", "-j1", "--select=B,F401"], (0,)),
    ("pylint", ["pylint", "--rcfile=/dev/null", "-j1", "--exit-zero", "--recursive=y"], (0,)),
]


def peers(packages, repeat):
    there = [it for it in PEERS if shutil.which(it[1][0])]
    said(", ".join(["heaplint", *(it[0] for it in there)]), repeat)
    print("| package | source | heaplint CPU | peak | unchanged, wall |" + "".join(f" {it[0]} CPU / heaplint | peak |" for it in there))
    print("|---|---|---|---|---|" + "---|---|" * len(there))
    for package in packages:
        ours, theirs = [], [[] for _ in there]
        ratios = [[] for _ in there]
        with tempfile.TemporaryDirectory() as cache:
            for _ in range(repeat):
                for at, (_, command, ends) in enumerate(there):
                    ours.append(measure(heaplint(package, "--no-cache")))
                    theirs[at].append(measure([*command, str(package)], ends))
                    ratios[at].append(theirs[at][-1][0] / ours[-1][0])
            measure(heaplint(package, "--cache-dir", cache))
            kept = [measure(heaplint(package, "--cache-dir", cache)) for _ in range(repeat)]
        row = f"| {package.resolve().name} | {total(package) / 1e6:.1f} MB | {middle(ours, 0):.2f} s | {middle(ours, 2):.0f} MB "
        row += f"| {middle(kept, 1) * 1000:.0f} ms |"
        for them, ratio in zip(theirs, ratios):
            row += f" {statistics.median(ratio):.1f} | {middle(them, 2):.0f} MB |"
        print(row, flush=True)


def functions(n):
    yield "app.py", "CACHE = {}\n" + "".join(f"def f{i}(x):\n    CACHE[x] = f{i - 1 if i else 0}(x)\n" for i in range(n))


def hierarchy(n):
    text = "class C0:\n    items = []\n    def add(self, x):\n        self.items.append(x)\n"
    yield "app.py", text + "".join(f"class C{i}(C{i - 1}):\n    def m{i}(self, x):\n        self.add(x)\n" for i in range(1, n))


def fan(n):
    text = "class Base:\n    def run(self):\n        self.step()\n    def step(self):\n        pass\n"
    yield "app.py", text + "".join(f"class C{i}(Base):\n    def step(self):\n        self.run()\n" for i in range(n))


def tree(n):
    text = "class C0:\n    items = []\n    def add(self, x):\n        self.items.append(x)\n"
    yield "app.py", text + "".join(f"class C{i}(C{i // 2}):\n    def m{i}(self, x):\n        self.add(x)\n" for i in range(1, n))


def long_function(n):
    yield "app.py", "import os\ndef f(a):\n" + "".join(
        f"    h{i % 50} = open(a)\n    if a:\n        h{i % 50}.close()\n    else:\n        h{i % 50}.close()\n" for i in range(n)
    )


def stars(n):
    for i in range(n):
        others = "".join(f"from m{(i * 7 + k) % n} import *\n" for k in range(1, 4))
        yield f"m{i}.py", f"{others}X{i} = []\ndef f{i}(x):\n    X{i}.append(x)\n    return X{(i + 1) % n}\n"


def table(n):
    yield "app.py", "TABLE = {\n" + "".join(f"    'k{i}': [{i}, 'v{i}', None],\n" for i in range(n)) + "}\n"


def ring(n):
    yield "app.py", "SEEN = []\n" + "".join(
        f"def f{i}(x, into):\n    into.append(x)\n    return f{(i + 1) % n}(x, into)\n" for i in range(n)
    ) + "f0(1, SEEN)\n"


def branches(n):
    yield "app.py", "def f(x):\n    if x == 0:\n        return 0\n" + "".join(
        f"    elif x == {i}:\n        return {i}\n" for i in range(1, n)
    )


def attributes(n):
    body = "".join(f"        self.a{i} = []\n" for i in range(n))
    more = "".join(f"    def m{i}(self, x):\n        self.a{i}.append(x)\n" for i in range(n))
    yield "app.py", f"class Big:\n    def __init__(self):\n{body}{more}\nBIG = Big()\n"


def writers(n):
    yield "store.py", "CACHE = {}\n"
    for i in range(n):
        yield f"w{i}.py", f"from store import CACHE\ndef f(x):\n    CACHE[x] = {i}\n"


WORST = [
    (functions, 10_000),
    (hierarchy, 1_000),
    (tree, 10_000),
    (fan, 10_000),
    (long_function, 30_000),
    (stars, 1_000),
    (table, 50_000),
    (ring, 10_000),
    (branches, 5_000),
    (attributes, 5_000),
    (writers, 3_000),
]


def worst():
    print("| program | bytes | CPU | twice that | CPU | times the time per byte |")
    print("|---|---|---|---|---|---|")
    bad = []
    for make, n in WORST:
        rows = []
        for factor in (1, 2):
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                size = 0
                for name, text in make(n * factor):
                    (folder / name).write_text(text)
                    size += len(text)
                cpu = min(measure(heaplint(folder, "--no-cache"))[0] for _ in range(3))
                rows.append((size, cpu))
        (size, cpu), (size2, cpu2) = rows
        growth = (cpu2 / size2) / (cpu / size)
        print(f"| {make.__name__} {n} | {size} | {cpu:.2f} s | {size2} | {cpu2:.2f} s | {growth:.2f} |", flush=True)
        if growth > ALLOWED and cpu2 > 0.2:
            bad.append(make.__name__)
    if bad:
        sys.exit(f"more than linear: {', '.join(bad)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    it = commands.add_parser("corpus")
    it.add_argument("folder", type=pathlib.Path)
    it.add_argument("--sizes", default="1,10,100")
    it.add_argument("--repeat", type=int, default=3)
    it = commands.add_parser("peers")
    it.add_argument("packages", type=pathlib.Path, nargs="+")
    it.add_argument("--repeat", type=int, default=3)
    commands.add_parser("worst")
    args = parser.parse_args()
    if not os.access(HEAPLINT, os.X_OK):
        sys.exit(f"{HEAPLINT} is missing: cargo build --release, or name another one by HEAPLINT=")
    if args.command == "corpus":
        corpus(args.folder, [int(it) for it in args.sizes.split(",")], args.repeat)
    elif args.command == "peers":
        peers(args.packages, args.repeat)
    else:
        worst()


if __name__ == "__main__":
    main()
