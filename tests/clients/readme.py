"""Checks the README's recipes, the hooks and the action with the schemas of the services that read them."""

import pathlib
import re
import subprocess
import sys
import tempfile

BIN = pathlib.Path(sys.argv[1]) / "venv/bin"
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def run(*command):
    done = subprocess.run([str(it) for it in command], capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"clients: {command[0].name}: {' '.join(map(str, command[1:]))}\n{done.stdout}{done.stderr}")


def main():
    recipes = re.findall(r"<!-- recipe: ([\w.-]+) -->\n```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert len(recipes) == 5, [name for name, _ in recipes]
    with tempfile.TemporaryDirectory() as scratch:
        for name, text in recipes:
            file = pathlib.Path(scratch, f"{name}.yml")
            file.write_text(text)
            if name == "pre-commit":
                run(BIN / "pre-commit", "validate-config", file)
            else:
                run(BIN / "check-jsonschema", "--builtin-schema", name, file)
    run(BIN / "pre-commit", "validate-manifest", ".pre-commit-hooks.yaml")
    run(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml")
    run(BIN / "zizmor", "--offline", "--quiet", "action.yml")
    print("clients: hooks, action and recipes are well-formed")


main()
