//! Changes of a program and what they must change in the answer: a bound silences, taking it away brings the finding back;
//! other names, another order and another division into modules change nothing.

mod judge;

use std::path::Path;

use heaplint::config::Level;
use judge::{Program, Seen, look};

fn program(files: &[(&str, &str)]) -> Program {
    Program {
        files: files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect(),
        target: None,
        is_library: false,
    }
}

fn seen(files: &[(&str, &str)]) -> Vec<Seen> {
    look(&program(files), Level::Warning).expect("the program can be analysed")
}

fn rules(files: &[(&str, &str)]) -> Vec<String> {
    let mut rules: Vec<_> = seen(files).into_iter().map(|it| it.rule).collect();
    rules.sort();
    rules
}

/// A web application that remembers too much, in two modules.
const STORE: &str = "\
import time

LOG = []
CACHE = {}
SEEN = set()


def remember(key, value):
    LOG.append((time.time(), value))
    CACHE[key] = value
    SEEN.add(key)
";
const APP: &str = "\
from flask import Flask, request

from store import remember

app = Flask(__name__)


@app.route('/item')
def item():
    remember(request.args['key'], request.args['value'])
    return 'ok'
";

fn with_store(store: &str) -> Vec<String> {
    rules(&[("store.py", store), ("app.py", APP)])
}

#[test]
fn the_program_has_three_leaks() {
    let found = with_store(STORE);
    assert_eq!(found, ["unbounded-global-container"; 3]);
}

#[test]
fn a_bound_silences() {
    let edits: &[(&str, &str, &str)] = &[
        (
            "a clear that a route calls",
            "    SEEN.add(key)\n",
            "    SEEN.add(key)\n    if key == 'reset':\n        SEEN.clear()\n",
        ),
        (
            "a maximum length",
            "LOG = []",
            "from collections import deque\nLOG = deque(maxlen=10)",
        ),
        (
            "a length guard",
            "    CACHE[key] = value\n",
            "    if len(CACHE) < 100:\n        CACHE[key] = value\n",
        ),
        (
            "a length guard that evicts",
            "    CACHE[key] = value\n",
            "    CACHE[key] = value\n    while len(CACHE) > 100:\n        CACHE.popitem()\n",
        ),
        (
            "a weak container",
            "SEEN = set()",
            "import weakref\nSEEN = weakref.WeakSet()",
        ),
        (
            "a weak mapping",
            "CACHE = {}",
            "import weakref\nCACHE = weakref.WeakValueDictionary()",
        ),
        ("a constant key", "CACHE[key]", "CACHE['last']"),
        ("a constant element", "SEEN.add(key)", "SEEN.add('one')"),
        (
            "a slice that is cut off",
            "    SEEN.add(key)\n",
            "    SEEN.add(key)\n    del LOG[:-10]\n",
        ),
        (
            "a removal elsewhere",
            "def remember",
            "def forget(key):\n    CACHE.pop(key, None)\n\n\ndef remember",
        ),
        (
            "a new list now and then",
            "def remember",
            "def flush():\n    global LOG\n    rows, LOG = LOG, []\n    return rows\n\n\ndef remember",
        ),
        (
            "growth at import",
            "    SEEN.add(key)\n",
            "\n\nfor _it in ('a', 'b'):\n    SEEN.add(_it)\n",
        ),
    ];
    let mut wrong = Vec::new();
    for (what, from, to) in edits {
        assert!(STORE.contains(from), "{from}");
        let found = with_store(&STORE.replacen(from, to, 1));
        if found.len() != 2 {
            wrong.push(format!("{what}: {} findings", found.len()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An object that serves, with a line in the method that takes work, and a method more.
fn service(line: &str, method: &str) -> Vec<String> {
    let text = format!(
        "class Link:\n    def __init__(self, wire):\n        self.wire = wire\n        self.calls = {{}}\n\n    def send(self, request_id, body):\n        {line}\n        return self.wire.write(body)\n\n    def close(self):\n        self.calls.clear()\n\n{method}"
    );
    rules(&[("link.py", &text)])
}

#[test]
fn a_bound_silences_an_object_that_serves() {
    let grows = "self.calls[request_id] = body";
    assert_eq!(service(grows, ""), ["unbounded-singleton-container"]);
    // What is done when it ends bounds nothing before.
    assert_eq!(
        service(grows, "    def stop(self):\n        self.calls = {}\n"),
        ["unbounded-singleton-container"]
    );
    let pop = "    def receive(self, request_id):\n        return self.calls.pop(request_id)\n";
    assert!(service(grows, pop).is_empty());
    let reset = "    def reset(self):\n        self.calls = {}\n";
    assert!(service(grows, reset).is_empty());
    assert!(service("self.calls['last'] = body", "").is_empty());
    let limited = "if len(self.calls) < 100: self.calls[request_id] = body";
    assert!(service(limited, "").is_empty());
}

#[test]
fn other_names_change_nothing() {
    let store = STORE
        .replace("LOG", "rows_of_today")
        .replace("CACHE", "by_key")
        .replace("SEEN", "keys_so_far")
        .replace("remember", "take_in");
    let app = APP.replace("remember", "take_in").replace("item", "thing");
    let found = rules(&[("store.py", &store), ("app.py", &app)]);
    assert_eq!(found, with_store(STORE));
}

#[test]
fn order_changes_nothing() {
    let (head, tail) = STORE.split_once("\n\n\n").expect("two parts");
    let store = format!(
        "{tail}\n\n{}\n",
        head.replace("import time\n\n", "import time\n")
    );
    assert_eq!(with_store(&store), with_store(STORE));
    let found = rules(&[("app.py", APP), ("store.py", STORE)]);
    assert_eq!(found, with_store(STORE));
}

#[test]
fn division_into_modules_changes_nothing() {
    let places = "LOG = []\nCACHE = {}\nSEEN = set()\n";
    let split = STORE.replace(places, "from places import CACHE, LOG, SEEN\n");
    let found = rules(&[("places.py", places), ("store.py", &split), ("app.py", APP)]);
    assert_eq!(found, with_store(STORE));
    let by_module = STORE
        .replace(places, "import places\n")
        .replace("LOG.", "places.LOG.")
        .replace("CACHE[", "places.CACHE[")
        .replace("SEEN.", "places.SEEN.");
    let found = rules(&[
        ("places.py", places),
        ("store.py", &by_module),
        ("app.py", APP),
    ]);
    assert_eq!(found, with_store(STORE));
    let one = format!(
        "{STORE}\n\n{}",
        APP.replace("from store import remember\n", "")
    );
    assert_eq!(rules(&[("main.py", &one)]), with_store(STORE));
}

#[test]
fn code_that_nothing_runs_changes_nothing() {
    let dead = format!("{STORE}\n\ndef unused(rows):\n    return [it for it in rows if it]\n");
    assert_eq!(with_store(&dead), with_store(STORE));
    let tests = "from store import LOG, CACHE, SEEN\n\n\ndef test_store():\n    LOG.clear()\n    CACHE.clear()\n    SEEN.clear()\n";
    let found = rules(&[
        ("store.py", STORE),
        ("app.py", APP),
        ("test_store.py", tests),
    ]);
    assert_eq!(found, with_store(STORE));
}

/// Operations of one container in two files: what stands in the one has no meaning in the other.
#[test]
fn a_long_file_and_a_short_one() {
    let mut long = String::from("from store import CACHE\n");
    for at in 0..50 {
        long.push_str(&format!("\n\ndef show_{at}(key):\n    print(key)\n"));
    }
    long.push_str("\n\ndef drop(key):\n    CACHE.pop(key, None)\n");
    let short = "CACHE = {}\n\n\ndef put(key):\n    CACHE[key] = 1\n";
    assert!(rules(&[("store.py", short), ("long.py", &long)]).is_empty());
}

/// Bounds that are not needed today: without them nothing is said either.
const KNOWN: &[&str] = &[];

#[test]
fn every_bound_of_the_design_bounds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bounds");
    let mut paths: Vec<_> = std::fs::read_dir(&folder)
        .expect("a folder of fixtures")
        .map(|it| it.expect("listed").path())
        .filter(|it| it.extension().is_some_and(|it| it == "py"))
        .collect();
    paths.sort();
    let mut wrong = Vec::new();
    for path in &paths {
        let name = path
            .file_stem()
            .expect("a file")
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(path).expect("a fixture is text");
        for it in seen(&[("main.py", &text)]) {
            wrong.push(format!("{name}: bounded, and yet {it}"));
        }
        let free = without_bound(&text);
        assert_ne!(free, text, "{name} has no bound");
        let found = seen(&[("main.py", &free)]);
        let (line, rule) = (1..)
            .zip(free.lines())
            .find_map(|(at, line)| Some((at, line.split_once("# grows: ")?.1.to_owned())))
            .unwrap_or_else(|| panic!("{name} says not where it grows"));
        let is_found = found.iter().any(|it| it.line == line && it.rule == rule);
        if is_found == KNOWN.contains(&name.as_str()) {
            let all: Vec<_> = found.iter().map(ToString::to_string).collect();
            wrong.push(format!("{name}: without its bound, line {line}: {all:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(paths.len() >= 20, "{} programs", paths.len());
}

/// The program without the lines that bound it.
fn without_bound(text: &str) -> String {
    let mut free = String::new();
    for line in text.lines() {
        match line.split_once("  # bound") {
            None => free.push_str(line),
            Some((code, instead)) => match instead.strip_prefix(": ") {
                None => continue,
                Some(instead) => {
                    let indent = code.len() - code.trim_start().len();
                    free.push_str(&code[..indent]);
                    free.push_str(instead);
                }
            },
        }
        free.push('\n');
    }
    free
}
