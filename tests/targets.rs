//! What is said of cycles, finalizers, frames and annotations for the Python that a program is for.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

const OLD: &[&str] = &["3.3"];
const NEW: &[&str] = &["3.4", "3.11", "3.13", "3.14"];

/// What a program gets for a target version, a finding in a line.
fn findings(program: &str, target: &str) -> String {
    let folder = TempDir::with_prefix("targets").expect("a temporary folder");
    fs::write(folder.path().join("main.py"), program).expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_heaplint"))
        .args(["--isolated", "-q", "-o", "concise", "--level", "info"])
        .args(["--target-version", target, "main.py"])
        .current_dir(folder.path())
        .output()
        .expect("the binary runs");
    assert!(output.status.code().is_some_and(|it| it < 2), "{output:?}");
    String::from_utf8(output.stdout).expect("output is text")
}

/// For each target the one finding holds the first words and none of the others.
fn says(program: &str, targets: &[&str], said: &[&str], unsaid: &[&str]) {
    for target in targets {
        let out = findings(program, target);
        assert_eq!(out.lines().count(), 1, "{target}: {out}");
        for it in said {
            assert!(out.contains(it), "{target}: {it:?} is missing: {out}");
        }
        for it in unsaid {
            assert!(!out.contains(it), "{target}: {it:?} is said: {out}");
        }
    }
}

const FINALIZERS: &str = "\
class Peer:
    def __init__(self):
        self.other = None

    def __del__(self):
        self.other = None


def pair():
    a = Peer()
    b = Peer()
    a.other = b
    b.other = a
";

#[test]
fn finalizers_in_a_cycle_run_late_or_before_3_4_never() {
    says(FINALIZERS, OLD, &["HL301 [error]", "never"], &["late"]);
    says(FINALIZERS, NEW, &["HL301 [warning]", "late"], &["never"]);
}

const RETURNING: &str = "\
class Worker:
    last = None

    def __del__(self):
        Worker.last = self
";

#[test]
fn what_comes_back_to_life_is_finalized_once_or_before_3_4_again() {
    says(RETURNING, OLD, &["HL302 [warning]"], &["not run again"]);
    says(RETURNING, NEW, &["HL302 [warning]", "not run again"], &[]);
}

const PLAIN: &str = "\
class Node:
    def __init__(self):
        self.other = None


def pair():
    a = Node()
    b = Node()
    a.other = b
    b.other = a
";

const CLOSURE: &str = "\
def outer():
    large = [i for i in range(10**6)]
    print(len(large))

    def inner():
        print('called')

    return inner


KEPT = outer()
";

/// Articles say that these leak; they do so in no version.
#[test]
fn plain_cycles_and_what_a_closure_does_not_name_are_no_leaks() {
    for program in [PLAIN, CLOSURE] {
        for target in OLD.iter().chain(NEW) {
            assert_eq!(findings(program, target), "", "{target}");
        }
    }
}

const LARGE_IN_CYCLE: &str = "\
class Image:
    def __init__(self):
        self.pixels = bytearray(4 * 1024 * 1024)
        self.step = self.width

    def width(self):
        return len(self.pixels)
";

/// Cycles without finalizers were collected in all versions; the collector is late in all of them.
#[test]
fn what_a_cycle_holds_waits_in_all_versions() {
    let all = [OLD, NEW].concat();
    says(
        LARGE_IN_CYCLE,
        &all,
        &["HL306 [warning]", "waits for the cyclic gc"],
        &["never"],
    );
}

const FRAMES: &str = "\
class Job:
    last = None

    def run(self, text):
        try:
            return int(text)
        except ValueError as error:
            Job.last = error
            return None
";

#[test]
fn a_stored_exception_keeps_frames_in_all_versions() {
    let all = [OLD, NEW].concat();
    says(FRAMES, &all, &["HL403 [warning]", "frames"], &[]);
}

const REGISTRY: &str = "\
import weakref


class Store:
    def __init__(self, path):
        self.path = path
        weakref.finalize(self, self.close)

    def close(self):
        self.path = None
";

const VIEWS: &str = "\
import weakref

VIEWS = weakref.WeakKeyDictionary()


class View:
    def __init__(self, of):
        self.of = of


def add(session):
    VIEWS[session] = View(session)
";

const KEEPS: &str = "\
def outer():
    large = [i for i in range(10**6)]

    def inner():
        return large[0]

    return inner


KEPT = outer()
";

const SUSPENDED: &str = "\
def pages():
    rows = list(range(200_000))
    yield len(rows)
    yield 0


PAGES = pages()
FIRST = next(PAGES)
";

const VIEW_OF: &str = "\
HEADS = []


def head():
    data = bytearray(4 * 1024 * 1024)
    HEADS.append(memoryview(data)[:16])
";

/// What holds what by plain references is the same in all versions, and so is what is said.
#[test]
fn what_is_held_is_held_in_all_versions() {
    let all = [OLD, NEW].concat();
    for (program, said) in [
        (REGISTRY, "HL303 [error]"),
        (VIEWS, "HL304 [error]"),
        (KEEPS, "HL401 [warning]"),
        (SUSPENDED, "HL402 [warning]"),
        (VIEW_OF, "HL405 [error]"),
    ] {
        let first = findings(program, all[0]);
        assert!(first.contains(said), "{first}");
        for target in &all {
            assert_eq!(findings(program, target), first, "{target}");
        }
    }
}

const STREAM: &str = "\
import asyncio


async def watch(host):
    reader, writer = await asyncio.open_connection(host, 80)
    try:
        await reader.readline()
    finally:
        writer.close()


async def start(host):
    asyncio.create_task(watch(host))
";

/// Since 3.8 a connection refers to its reader weakly.
#[test]
fn a_task_that_reads_from_its_own_connection_is_lost_since_3_8() {
    says(STREAM, &["3.7"], &["HL503 [info]"], &[]);
    says(STREAM, &["3.8", "3.14"], &["HL503 [warning]"], &[]);
}

const EAGER: &[&str] = &["3.3", "3.11", "3.13", "pypy3.11"];
const LAZY: &[&str] = &["3.14", "3.15", "pypy3.14"];

/// A program that runs for ever, in whose functions this statement stands.
fn annotated(head: &str, statement: &str) -> String {
    format!(
        "{head}\
SEEN = []


def handle(event):
{statement}


while True:
    handle(input())
"
    )
}

const NESTED: &str =
    "    def show(what: SEEN.append(event)):\n        return what\n\n    return show";
const RETURNS: &str =
    "    def show() -> list[SEEN.append(event)]:\n        return []\n\n    return show";
const OF_CLASS: &str = "    class Show:\n        what: SEEN.append(event) = 1\n\n    return Show";
const OF_LOCAL: &str = "    what: SEEN.append(event) = 1\n    return what";
const ALIAS: &str = "    type What = SEEN.append(event)\n    return What";
const DEFAULT: &str =
    "    def show(what=SEEN.append(event)):\n        return what\n\n    return show";
const FUTURE: &str = "from __future__ import annotations\n\n";

#[test]
fn annotations_are_evaluated_before_3_14() {
    for statement in [NESTED, RETURNS, OF_CLASS] {
        let program = annotated("", statement);
        says(&program, EAGER, &["HL101 [error]", "`SEEN`"], &[]);
        for target in LAZY {
            assert_eq!(findings(&program, target), "", "{target}: {program}");
        }
    }
}

#[test]
fn annotations_are_texts_after_the_future_import() {
    for statement in [NESTED, RETURNS, OF_CLASS] {
        let program = annotated(FUTURE, statement);
        for target in EAGER.iter().chain(LAZY) {
            assert_eq!(findings(&program, target), "", "{target}: {program}");
        }
    }
}

#[test]
fn annotations_of_locals_and_types_are_evaluated_by_no_version() {
    for statement in [OF_LOCAL, ALIAS] {
        let program = annotated("", statement);
        for target in EAGER.iter().chain(LAZY) {
            assert_eq!(findings(&program, target), "", "{target}: {program}");
        }
    }
}

#[test]
fn defaults_beside_annotations_are_evaluated_by_all_versions() {
    for head in ["", FUTURE] {
        let program = annotated(head, DEFAULT);
        says(&program, EAGER, &["HL101 [error]", "`SEEN`"], &[]);
        says(&program, LAZY, &["HL101 [error]", "`SEEN`"], &[]);
    }
}
