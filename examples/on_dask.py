"""heaplint over a program in parts, on the workers of a Dask cluster.

    python3 examples/on_dask.py services/api services/jobs libs
    python3 examples/on_dask.py --scheduler tcp://10.0.0.1:8786 services/* -- --level info -o sarif:heaplint.sarif

Each worker reads a part down to its facts, which depend on the part's files alone; one run links them all, and finds what
one run over all of the parts would. Without `--scheduler` the cluster is this machine. Workers need heaplint and the
source tree at the same place (a shared file system, or a checkout of the same commit); what they hand back is one
compressed file each, so the machine that links needs no source tree.

It needs `pip install distributed`. The exit code is that of `heaplint link`: 0 without findings, 1 with.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

from distributed import Client

HEAPLINT = os.environ.get("HEAPLINT", "heaplint")


def facts(part, folder, heaplint):
    """The facts of a part of the program that lies in a folder: runs on a worker."""
    with tempfile.TemporaryDirectory() as scratch:
        file = pathlib.Path(scratch, "part.facts")
        subprocess.run([heaplint, "facts", "-q", part, "-o", file], cwd=folder, check=True)
        return file.read_bytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scheduler", help="address of the cluster; without it, this machine is one")
    parser.add_argument("parts", nargs="+", metavar="PART", help="packages, folders or files of the program")
    parser.add_argument("flags", nargs="*", metavar="-- FLAG", help="flags of `heaplint link`")
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args = parser.parse_args(sys.argv[1:at])
    flags = sys.argv[at + 1 :]
    cluster = {"address": args.scheduler} if args.scheduler else {"processes": False, "dashboard_address": None}
    with Client(**cluster) as client, tempfile.TemporaryDirectory() as scratch:
        # A worker that is lost loses nothing: Dask gives its parts to another.
        futures = client.map(facts, args.parts, folder=os.getcwd(), heaplint=HEAPLINT, pure=False)
        files = []
        for number, future in enumerate(futures):
            file = pathlib.Path(scratch, f"{number}.facts")
            file.write_bytes(future.result())
            files.append(file)
        return subprocess.run([HEAPLINT, "link", *flags, *files]).returncode


if __name__ == "__main__":
    sys.exit(main())
