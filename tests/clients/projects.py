"""The projects that reports and drawings are made of: ordinary ones, a clean one, a large one, a hostile one."""

import os
import pathlib
import shutil

import hostile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def many(folder):
    """2,006 findings."""
    for number in range(17):
        body = "".join(f"def add_{i}(x, to=[]):\n    to.append(x)\n    return to\n\n\n" for i in range(118))
        (folder / f"part_{number}.py").write_text(body)


def write(case, folder):
    """Makes the project of a case in an empty folder."""
    if case == "ordinary":
        for inside in ("projects/shop", "fix"):
            shutil.copytree(ROOT / "fixtures" / inside, folder / pathlib.Path(inside).name)
    elif case == "articles":
        shutil.copytree(ROOT / "fixtures/articles", folder, dirs_exist_ok=True)
    elif case == "empty":
        (folder / "clean.py").write_text("X = 1\n")
    elif case == "many":
        many(folder)
    else:
        hostile.write(os.fsencode(folder))
