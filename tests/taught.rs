//! Facts of APIs that settings teach: they count before the shipped ones, for libraries and for the program itself.

#[path = "tools/binary.rs"]
mod binary;

use std::fs;

use binary::{folder, found, heaplint};

const BORROW: &str = "[[api]]\nname = 'acme.pool.borrow'\nopens = 'connection'\nclass = 'A'\nclosers = 'give_back'\nwith_closes = false\n";

#[test]
fn an_opener_of_theirs_is_to_be_closed() {
    let lost = "from acme import pool\n\n\ndef job():\n    lease = pool.borrow('x')\n    print(lease.ask())\n";
    let closed = lost.to_owned() + "    lease.give_back()\n";
    let with = "from acme import pool\n\n\ndef job():\n    with pool.borrow('x') as lease:\n        print(lease.ask())\n";
    assert_eq!(found(&[("app.py", lost)]), [""; 0]);
    assert_eq!(
        found(&[("app.py", lost), ("heaplint.toml", BORROW)]),
        ["app.py:5 HL203"]
    );
    let closed = found(&[("app.py", &closed), ("heaplint.toml", BORROW)]);
    assert!(!closed.iter().any(|it| it.ends_with("HL203")), "{closed:?}");
    assert_eq!(
        found(&[("app.py", with), ("heaplint.toml", BORROW)]),
        ["app.py:5 HL203"]
    );
    // A class, of a name that says nothing, on an attribute of something unknown to the shipped tables.
    let class =
        "import acme\n\n\ndef job():\n    lease = acme.Lease('x')\n    print(lease.ask())\n";
    let row = BORROW.replace("acme.pool.borrow", "acme.Lease");
    assert_eq!(found(&[("app.py", class)]), [""; 0]);
    assert_eq!(
        found(&[("app.py", class), ("heaplint.toml", &row)]),
        ["app.py:5 HL203"]
    );
}

#[test]
fn an_opener_of_the_program_itself_is_to_be_closed() {
    let pool = "import _native\n\n\ndef borrow(name):\n    return _native.take(name)\n\n\nclass Pool:\n    def lend(self):\n        return _native.take('')\n";
    let app = "from acme import pool\n\n\ndef job():\n    lease = pool.borrow('x')\n    print(lease.ask())\n\n\ndef other():\n    lease = pool.Pool().lend()\n    print(lease.ask())\n";
    let files = [
        ("acme/__init__.py", ""),
        ("acme/pool.py", pool),
        ("app.py", app),
    ];
    assert_eq!(found(&files), [""; 0]);
    let rows = BORROW.replace(
        "'acme.pool.borrow'",
        "['acme.pool.borrow', 'acme.pool.Pool.lend']",
    );
    let all = [&files[..], &[("heaplint.toml", &rows)]].concat();
    assert_eq!(
        found(&all),
        ["app.py:10 HL203", "app.py:5 HL203"]
            .map(str::to_owned)
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_shipped_row_gives_way() {
    let app = "def job(p):\n    f = open(p)\n    print(f.read())\n";
    assert_eq!(found(&[("app.py", app)]), ["app.py:2 HL201"]);
    let row = "[[api]]\nname = 'builtins.open'\narguments = 'borrow'\n";
    assert_eq!(found(&[("app.py", app), ("heaplint.toml", row)]), [""; 0]);
}

#[test]
fn a_registry_of_theirs_keeps_callbacks() {
    let app = "from acme import bus\n\n\nclass View:\n    def __init__(self):\n        bus.hear(self.on)\n\n    def on(self, event):\n        print(event)\n\n\ndef handle(n):\n    for _ in range(n):\n        View()\n";
    assert_eq!(found(&[("app.py", app)]), [""; 0]);
    let row = "[[registry]]\nnames = ['acme.bus.hear']\nremovers = ['unhear']\n";
    assert_eq!(
        found(&[("app.py", app), ("heaplint.toml", row)]),
        ["app.py:6 HL501"]
    );
    let leaves = app.replace(
        "    def on(",
        "    def close(self):\n        bus.unhear(self.on)\n\n    def on(",
    );
    assert_eq!(
        found(&[("app.py", &leaves), ("heaplint.toml", row)]),
        [""; 0]
    );
}

#[test]
fn a_container_of_theirs_holds_and_is_bounded() {
    let app = |args: &str| {
        format!(
            "import acme\n\nSEEN = acme.Store({args})\n\n\ndef handle(key):\n    SEEN[key] = object()\n"
        )
    };
    let plain = app("");
    let bounded = app("limit=100");
    let holds = "[[type]]\nnames = ['acme.Store']\nholds = 'dict'\nbound = { keyword = 'limit', position = 0 }\n";
    assert_eq!(
        found(&[("app.py", &plain), ("heaplint.toml", holds)]),
        ["app.py:7 HL101"]
    );
    assert_eq!(
        found(&[("app.py", &bounded), ("heaplint.toml", holds)]),
        [""; 0]
    );
    let evicts = "[[type]]\nnames = ['acme.Store']\nholds = 'bounded'\n";
    assert_eq!(
        found(&[("app.py", &plain), ("heaplint.toml", evicts)]),
        [""; 0]
    );
}

#[test]
fn a_container_of_the_program_is_bounded_when_they_say_so() {
    let store = "class Small(dict):\n    def __setitem__(self, key, value):\n        super().__setitem__(key, value)\n        _native.trim(self)\n";
    let app = "from store import Small\n\nSEEN = Small()\n\n\ndef handle(key):\n    SEEN[key] = object()\n";
    let files = [("store.py", store), ("app.py", app)];
    let evicts = "[[type]]\nnames = ['store.Small']\nholds = 'bounded'\n";
    let all = [&files[..], &[("heaplint.toml", evicts)]].concat();
    assert_eq!(found(&all), [""; 0]);
}

#[test]
fn who_is_given_a_resource_uses_it_closes_it_or_takes_it() {
    let app = "import acme\n\n\ndef job(p):\n    f = open(p)\n    acme.peek(f)\n";
    assert_eq!(found(&[("app.py", app)]), [""; 0]);
    for (says, wanted) in [
        ("arguments = 'borrow'", &["app.py:5 HL201"][..]),
        ("closes = [0]", &[]),
        ("takes = [0]", &[]),
    ] {
        let row = format!("[[api]]\nname = 'acme.peek'\n{says}\n");
        let found = found(&[("app.py", app), ("heaplint.toml", &row)]);
        assert_eq!(found, wanted, "{says}");
    }
}

#[test]
fn a_method_of_theirs_is_one_of_all_subclasses() {
    let app = "import acme\n\n\nclass Mine(acme.Base):\n    pass\n\n\nclass Yours(Mine):\n    pass\n\n\ndef job():\n    lease = Yours().lend()\n    print(lease.ask())\n";
    assert_eq!(found(&[("app.py", app)]), [""; 0]);
    let row = BORROW.replace("acme.pool.borrow", "acme.Base.lend");
    assert_eq!(
        found(&[("app.py", app), ("heaplint.toml", &row)]),
        ["app.py:13 HL203"]
    );
}

#[test]
fn a_registry_of_theirs_may_hold_weakly() {
    let app = |more: &str| {
        format!(
            "from acme import bus\n\n\nclass View:\n    def __init__(self):\n        bus.hear(self.on{more})\n\n    def on(self, event):\n        print(event)\n\n\ndef handle(n):\n    for _ in range(n):\n        View()\n"
        )
    };
    let row = "[[registry]]\nnames = ['acme.bus.hear']\nremovers = ['unhear']\nweak = 'weak'\n";
    let found = |more: &str| found(&[("app.py", &app(more)), ("heaplint.toml", row)]);
    assert_eq!(found(""), [""; 0]);
    assert_eq!(found(", weak=False"), ["app.py:6 HL501"]);
}

#[test]
fn a_cache_of_theirs_keeps_and_is_bounded() {
    let app = "import acme\n\n\nclass View:\n    @acme.memo\n    def total(self, n):\n        return n * 2\n\n\nclass Small:\n    @acme.memo(size=3)\n    def total(self, n):\n        return n * 2\n";
    assert_eq!(found(&[("app.py", app)]), [""; 0]);
    let row = "[[cache]]\nnames = ['acme.memo']\nbound = { keyword = 'size', position = 0 }\n";
    let at = folder(&[("app.py", app), ("heaplint.toml", row)]);
    let run = heaplint(at.path(), &["check", "-o", "concise", "--quiet", "."]);
    let lines: Vec<&str> = run.out.lines().collect();
    assert_eq!(lines.len(), 2, "{}", run.out);
    assert!(
        lines[0].starts_with("app.py:5:6: HL106 [error]"),
        "{}",
        run.out
    );
    assert!(
        lines[1].starts_with("app.py:11:6: HL106 [warning]"),
        "{}",
        run.out
    );
}

#[test]
fn a_decorator_of_theirs_makes_a_handler() {
    let app =
        "import acme\n\nSEEN = []\n\n\n@acme.on_request\ndef handle(key):\n    SEEN.append(key)\n";
    let said = |settings: &str| {
        let at = folder(&[("app.py", app), ("heaplint.toml", settings)]);
        heaplint(at.path(), &["check", "-o", "concise", "--quiet", "."]).out
    };
    assert!(said("").contains("grows with calls of `handle`"));
    let row = "[[decorator]]\nnames = ['acme.on_request']\nruns = 'per-event'\n";
    assert!(said(row).contains("grows with events that `handle` handles"));
}

#[test]
fn what_is_kept_of_a_run_serves_no_run_that_was_taught_otherwise() {
    let lost = "import acme\n\n\ndef job():\n    lease = acme.Lease('x')\n    print(lease.ask())\n";
    let row = BORROW.replace("acme.pool.borrow", "acme.Lease");
    let at = folder(&[("app.py", lost), ("heaplint.toml", "")]);
    let check = || heaplint(at.path(), &["check", "-o", "concise", "--quiet", "."]).out;
    for _ in 0..2 {
        fs::write(at.path().join("heaplint.toml"), "").expect("settings");
        assert_eq!(check(), "");
        fs::write(at.path().join("heaplint.toml"), &row).expect("settings");
        assert!(check().contains("HL203"));
        assert!(check().contains("HL203"));
    }
    // What a baseline knows is taken out of a kept result too.
    let written = heaplint(at.path(), &["baseline", "write", "--quiet"]);
    assert_eq!(written.code, 0, "{}", written.err);
    let args = ["check", "--baseline", "heaplint-baseline.json", "."];
    for _ in 0..2 {
        let run = heaplint(at.path(), &args);
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    }
    // And so it is when facts were collected apart.
    let facts = heaplint(at.path(), &["facts", "-o", "app.facts", "."]);
    assert_eq!(facts.code, 0, "{}", facts.err);
    assert!(
        heaplint(at.path(), &["link", "app.facts"])
            .out
            .contains("HL203")
    );
    let args = ["link", "--baseline", "heaplint-baseline.json", "app.facts"];
    let run = heaplint(at.path(), &args);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let run = heaplint(at.path(), &["link", "--diff", "--", "app.facts"]);
    assert_eq!(run.code, 2, "{}", run.err);
}
