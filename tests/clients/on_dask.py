"""The example for Dask finds on a cluster of this machine what one run finds. Called by `run`, with the binary."""

import os
import pathlib
import subprocess
import sys

HEAPLINT = sys.argv[1]
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SHOP = ROOT / "fixtures/projects/shop"
FLAGS = ["--level", "info", "--confidence", "low", "-o", "concise"]

parts = sorted(str(it.relative_to(SHOP)) for it in SHOP.rglob("*.py"))


def run(*command):
    done = subprocess.run(command, cwd=SHOP, capture_output=True, text=True, env={**os.environ, "HEAPLINT": HEAPLINT})
    return done.returncode, done.stdout, done.stderr


whole = run(HEAPLINT, "check", "--no-cache", *FLAGS, *parts)
linked = run(sys.executable, ROOT / "examples/on_dask.py", *parts, "--", *FLAGS)
if whole[:2] != linked[:2] or whole[0] != 1:
    sys.exit(f"on_dask.py: one run gives {whole}\n{len(parts)} parts on a cluster give {linked}")
print(f"on_dask.py: {len(parts)} parts on a cluster give the same {len(whole[1].splitlines())} lines as one run")
