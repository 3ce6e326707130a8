"""Measures the lines of a file that end in `# within N %`, and prints their bytes by name as one line of JSON.

    python sizes.py FILE

Each line is run twice, so that what is made once (caches, shared keys) is there before `tracemalloc` counts.
"""

import gc
import json
import re
import sys
import tracemalloc

LINE = re.compile(r"^(\w+) = .*  # (within \d+ %|unknown)$")


def main(path):
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    names = {}
    exec(compile("\n".join(it for it in lines if not LINE.match(it)), path, "exec"), names)
    sizes = {}
    for line in lines:
        match = LINE.match(line)
        if match is None:
            continue
        name = match.group(1)
        exec(compile(line, path, "exec"), names)
        del names[name]
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        exec(compile(line, path, "exec"), names)
        gc.collect()
        sizes[name] = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        del names[name]
    print(json.dumps({"version": list(sys.version_info[:2]), "sizes": sizes}))


if __name__ == "__main__":
    main(sys.argv[1])
