//! The marked programs leak, and the others do not: CPython itself is asked, where there is one.
//!
//! By default one bad and one good program of each rule are run, with `HEAPLINT_ORACLE=all` every one. Without an
//! interpreter this is skipped, unless `HEAPLINT_REQUIRE_PYTHON=1`.

use std::path::Path;
use std::process::Command;

/// A Python 3.8 or newer.
fn python() -> Option<&'static str> {
    let is_new = "import sys; sys.exit(sys.version_info < (3, 8))";
    ["python3", "python"].into_iter().find(|name| {
        Command::new(name)
            .args(["-c", is_new])
            .output()
            .is_ok_and(|it| it.status.success())
    })
}

fn run(script: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/oracle")
        .join(script);
    let Some(python) = python() else {
        let is_required = std::env::var_os("HEAPLINT_REQUIRE_PYTHON").is_some_and(|it| it == "1");
        assert!(!is_required, "no Python interpreter");
        println!("skipped: no Python interpreter");
        return;
    };
    let is_all = std::env::var_os("HEAPLINT_ORACLE").is_some_and(|it| it == "all");
    let output = Command::new(python)
        .arg("-B")
        .arg(path)
        .args((!is_all).then_some("--quick"))
        .output()
        .expect("the interpreter runs");
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    print!("{out}");
    assert!(output.status.success(), "{out}{err}");
}

// One test, since both scripts use all cores.
#[test]
fn cpython_agrees() {
    run("check_pages.py");
    run("check_fixtures.py");
}
