"""Asks CPython itself whether a program leaks.

    python oracle.py DIR [MODULE] [--small 200] [--large 600]

DIR holds the files of one program, MODULE (default `main`) is the one that defines

    def exercise(n): ...

which does the suspicious thing `n` times, offline and without side effects outside
its temporary directory. Things that are large or slow may be done `n // 50` times.

The oracle calls `exercise` once in each of two fresh processes, with a small and a
large `n`, and prints one line of JSON: the measurements of both, and `leaks`.

How it measures, in this order:
  1. the module is imported, a full collection is run, the base values are taken;
  2. the cyclic collector is switched off, `exercise(n)` runs, its return value is
     kept (a program whose objects belong to the caller, such as closures, returns them);
  3. still without a collection: open descriptors, child processes, threads, entries
     left in the temporary directory, finalizers (`__del__` of classes at the top
     level of the program's modules) that have run so far;
  4. after `gc.collect()`: traced memory, live objects that the collector knows,
     ResourceWarnings seen in all, finalizers that only the collector made run,
     asyncio tasks that were collected before they were done.

The criterion: a program leaks if between the small and the large run at least one of
these grows, so that whatever is reached once (a full cache, a singleton) cancels out:
  memory            by 24 bytes or more per unit of `n` (free lists and tables at their
                    high-water mark stay below that)
  objects           by 1 or more per two units of `n`
  fds, children, threads, temp_entries, resource_warnings, late_finalizers,
  lost_tasks        by 3 or more in all
Growth in memory and objects alone, below 1 KiB per unit, must go on in a third run, as
much larger again: a table that happened to be enlarged once does not count.
`because` names those that did. A finalizer is late when reference counting alone did
not run it: that is what "`__del__` in a cycle" means since Python 3.4.

Bounds that a good program keeps must be reached within the small run (200).
Exit status: 0 measured, 2 could not be run; `unavailable` is set when the interpreter
lacks a module or name that the program imports. Needs Python 3.8, nothing else.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

SMALL, LARGE, TIMEOUT = 200, 600, 120
BEYOND_DOUBT = 1024  # bytes per unit
PER_UNIT = {"memory": 24, "objects": 0.5}
IN_ALL = {
    "fds": 3,
    "children": 3,
    "threads": 3,
    "temp_entries": 3,
    "resource_warnings": 3,
    "late_finalizers": 3,
    "lost_tasks": 3,
}


class OracleError(Exception):
    """The program could not be run."""


def prove(directory, module="main", small=SMALL, large=LARGE):
    """Runs both sizes and judges them."""
    first = run(directory, module, small)
    second = run(directory, module, large)
    for one in (first, second):
        if "unavailable" in one:
            return {"module": module, "unavailable": one["unavailable"]}
    because = judge(first, second)
    slope = (second["memory"] - first["memory"]) / (large - small)
    if because and set(because) <= set(PER_UNIT) and slope < BEYOND_DOUBT:
        third = run(directory, module, large + (large - small))
        because = [name for name in judge(second, third) if name in because]
    return {
        "module": module,
        "small": first,
        "large": second,
        "because": because,
        "leaks": bool(because),
    }


def judge(first, second):
    """The names of the measurements that grow."""
    units = second["n"] - first["n"]
    because = [
        name
        for name, least in PER_UNIT.items()
        if second[name] - first[name] >= least * units
    ]
    because += [
        name
        for name, least in IN_ALL.items()
        if first[name] is not None and second[name] - first[name] >= least
    ]
    return because


def run(directory, module, n):
    """One size in a fresh process."""
    with tempfile.TemporaryDirectory() as scratch:
        answer = os.path.join(scratch, "answer.json")
        temp = os.path.join(scratch, "tmp")
        work = os.path.join(scratch, "work")
        os.mkdir(temp)
        os.mkdir(work)
        environment = dict(os.environ, TMPDIR=temp, PYTHONDONTWRITEBYTECODE="1")
        environment.pop("PYTHONWARNINGS", None)
        command = [sys.executable, os.path.abspath(__file__), "--child", answer]
        command += [os.path.abspath(directory), module, str(n)]
        try:
            done = subprocess.run(
                command,
                cwd=work,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise OracleError(f"exercise({n}) took more than {TIMEOUT} s") from None
        try:
            with open(answer, encoding="utf-8") as file:
                return json.load(file)
        except (OSError, ValueError):
            tail = done.stderr.decode(errors="replace").strip()
            raise OracleError(tail or "no answer") from None


def child(answer, directory, module, n):
    """Measures in this process, writes the answer, and leaves without clean-up."""
    import gc
    import importlib
    import threading
    import time
    import tracemalloc
    import warnings

    counts = {"resource_warnings": 0, "finalizers": 0, "lost_tasks": 0}

    def show(message, category, *_rest):
        if issubclass(category, ResourceWarning):
            counts["resource_warnings"] += 1

    def count_finalizers():
        for loaded in list(sys.modules.values()):
            source = getattr(loaded, "__file__", None) or ""
            if not source.startswith(directory + os.sep):
                continue
            for value in list(vars(loaded).values()):
                if isinstance(value, type) and value.__module__ == loaded.__name__:
                    if "__del__" in vars(value):
                        wrap(value)

    def count_lost_tasks():
        loops = sys.modules.get("asyncio.base_events")
        if loops is None:
            return
        inner = loops.BaseEventLoop.call_exception_handler

        def call_exception_handler(self, context):
            if context.get("message") == "Task was destroyed but it is pending!":
                counts["lost_tasks"] += 1
            else:
                inner(self, context)

        loops.BaseEventLoop.call_exception_handler = call_exception_handler

    def wrap(cls):
        inner = cls.__del__

        def __del__(self):
            counts["finalizers"] += 1
            inner(self)

        cls.__del__ = __del__

    def fds():
        try:
            return len(os.listdir("/proc/self/fd"))
        except OSError:
            return None

    def children():
        try:
            with open(f"/proc/self/task/{os.getpid()}/children") as file:
                return len(file.read().split())
        except OSError:
            return None

    def temp_entries():
        left = os.walk(os.environ["TMPDIR"])
        return sum(len(folders) + len(files) for _path, folders, files in left)

    def save(values):
        with open(answer, "w", encoding="utf-8") as file:
            json.dump(values, file)
        sys.stderr.flush()
        os._exit(0)

    sys.path.insert(0, directory)
    tracemalloc.start()
    try:
        program = importlib.import_module(module)
    except (ImportError, AttributeError) as error:
        save({"unavailable": str(error)})
    count_finalizers()
    count_lost_tasks()
    warnings.simplefilter("ignore")
    warnings.simplefilter("always", ResourceWarning)
    warnings.showwarning = show

    gc.collect()
    counts.update(resource_warnings=0, finalizers=0)
    base = {
        "memory": tracemalloc.get_traced_memory()[0],
        "objects": len(gc.get_objects()),
        "fds": fds(),
        "children": children(),
        "threads": threading.active_count(),
        "temp_entries": temp_entries(),
    }

    gc.disable()
    kept = program.exercise(n)
    time.sleep(0.05)  # threads that were told to end need a moment
    seen = {
        "fds": fds(),
        "children": children(),
        "threads": threading.active_count(),
        "temp_entries": temp_entries(),
    }
    in_time = counts["finalizers"]
    gc.collect()
    seen["memory"] = tracemalloc.get_traced_memory()[0]
    seen["objects"] = len(gc.get_objects())

    growth = {"n": n}
    for name, value in sorted(seen.items()):
        growth[name] = None if value is None else value - base[name]
    growth["resource_warnings"] = counts["resource_warnings"]
    growth["lost_tasks"] = counts["lost_tasks"]
    growth["finalizers"] = in_time
    growth["late_finalizers"] = counts["finalizers"] - in_time
    save(growth)
    del kept


def main():
    if sys.argv[1:2] == ["--child"]:
        _flag, answer, directory, module, n = sys.argv[1:]
        child(answer, directory, module, int(n))
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("directory")
    parser.add_argument("module", nargs="?", default="main")
    parser.add_argument("--small", type=int, default=SMALL)
    parser.add_argument("--large", type=int, default=LARGE)
    arguments = parser.parse_args()
    try:
        verdict = prove(
            arguments.directory, arguments.module, arguments.small, arguments.large
        )
    except OracleError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(verdict))
    return 0


if __name__ == "__main__":
    sys.exit(main())
