"""Checks the README's recipes, the hooks and the action with the schemas of the services that read them."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HOME = pathlib.Path(sys.argv[1])
BIN = HOME / "venv/bin"
GROOVY = HOME / "node_modules/.bin/npm-groovy-lint"
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def run(*command):
    done = subprocess.run([str(it) for it in command], capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"clients: {command[0].name}: {' '.join(map(str, command[1:]))}\n{done.stdout}{done.stderr}")


def pipeline(text, scratch):
    """Jenkins itself alone knows all steps; its language is Groovy, which a linter reads with the compiler."""
    if not GROOVY.exists() or not shutil.which("java"):
        print("clients: without npm and Java nothing reads the recipe for Jenkins", file=sys.stderr)
        return
    file = scratch / "Jenkinsfile"
    file.write_text(text)
    run(GROOVY, "--noserver", "--failon", "warning", file)
    file.write_text(text.rstrip().removesuffix("}"))
    done = subprocess.run([GROOVY, "--noserver", "--failon", "warning", file], capture_output=True)
    assert done.returncode, "the linter takes a recipe without its last bracket"


def main():
    recipes = re.findall(r"<!-- recipe: ([\w.-]+) -->\n```\w+\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert len(recipes) == 6, [name for name, _ in recipes]
    with tempfile.TemporaryDirectory() as scratch:
        for name, text in recipes:
            file = pathlib.Path(scratch, f"{name}.yml")
            file.write_text(text)
            if name == "jenkins":
                pipeline(text, pathlib.Path(scratch))
            elif name == "pre-commit":
                run(BIN / "pre-commit", "validate-config", file)
            else:
                run(BIN / "check-jsonschema", "--builtin-schema", name, file)
    run(BIN / "pre-commit", "validate-manifest", ".pre-commit-hooks.yaml")
    run(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml")
    run(BIN / "zizmor", "--offline", "--quiet", "action.yml")
    print("clients: hooks, action and recipes are well-formed")


main()
