//! What objects weigh: our estimates beside what `tracemalloc` counts, for each line of `fixtures/sizes.py`.
//!
//! The errors allowed stand on the lines. Without an interpreter only the estimates are made; `HEAPLINT_REQUIRE_PYTHON=1`
//! asks for one. The formulas are those of CPython 3.11 to 3.13 on 64-bit machines: others are not asked.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Allowed errors in per cent, by name; `None` where the estimator is known to say nothing.
fn allowed(text: &str) -> BTreeMap<&str, Option<f64>> {
    text.lines()
        .filter_map(|line| {
            let (code, comment) = line.rsplit_once("  # ")?;
            let name = code.split_once(" = ")?.0;
            if comment == "unknown" {
                return Some((name, None));
            }
            let percent = comment.strip_prefix("within ")?.strip_suffix(" %")?;
            Some((name, Some(percent.parse().expect("a number"))))
        })
        .collect()
}

/// The bytes of each module variable, as `large-global` tells them.
fn estimates(text: &str) -> BTreeMap<String, u64> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("sizes.py"), text).expect("written");
    std::fs::write(
        folder.path().join("heaplint.toml"),
        "large-object = \"1B\"\n",
    )
    .expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_heaplint"))
        .args(["check", "--select", "large-global", "--level", "info"])
        .args(["--no-cache", "-q", "--exit-zero", "-o", "json"])
        .arg(folder.path())
        .output()
        .expect("our own program starts");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("findings");
    let bytes = |it: &Value| {
        let symbol = it["symbol"].as_str()?.rsplit('.').next()?.to_owned();
        Some((symbol, find(it, "retained_bytes")?))
    };
    findings.iter().filter_map(bytes).collect()
}

/// The number under a key, however deep.
fn find(value: &Value, key: &str) -> Option<u64> {
    match value {
        Value::Object(map) => map
            .get(key)
            .and_then(Value::as_u64)
            .or_else(|| map.values().find_map(|it| find(it, key))),
        Value::Array(list) => list.iter().find_map(|it| find(it, key)),
        _ => None,
    }
}

/// The minor version of an interpreter and what it measures; `None` when there is none.
fn measures(path: &Path) -> Option<(u64, BTreeMap<String, u64>)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/sizes.py");
    ["python3", "python"].iter().find_map(|python| {
        let output = Command::new(python)
            .arg("-B")
            .arg(&script)
            .arg(path)
            .output()
            .ok()
            .filter(|it| it.status.success())?;
        let answer: Value = serde_json::from_slice(&output.stdout).ok()?;
        let minor = answer["version"][1].as_u64()?;
        let sizes = answer["sizes"].as_object()?;
        let sizes = sizes.iter().map(|(k, v)| Some((k.clone(), v.as_u64()?)));
        Some((minor, sizes.collect::<Option<_>>()?))
    })
}

#[test]
fn estimates_are_as_near_as_they_claim() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sizes.py");
    let text = std::fs::read_to_string(&path).expect("a fixture is text");
    let allowed = allowed(&text);
    assert!(allowed.len() >= 40, "{} lines", allowed.len());
    let estimates = estimates(&text);
    for (name, percent) in &allowed {
        assert_eq!(estimates.contains_key(*name), percent.is_some(), "{name}");
    }
    let Some((minor, measures)) = measures(&path) else {
        let is_required = std::env::var_os("HEAPLINT_REQUIRE_PYTHON").is_some_and(|it| it == "1");
        assert!(!is_required, "no Python interpreter");
        println!("skipped: no Python interpreter");
        return;
    };
    if !(11..=13).contains(&minor) {
        println!("skipped: the formulas are for Python 3.11 to 3.13, not 3.{minor}");
        return;
    }
    let mut wrong = Vec::new();
    for (name, percent) in allowed {
        let Some(percent) = percent else { continue };
        let (ours, theirs) = (estimates[name] as f64, measures[name] as f64);
        let error = 100.0 * (ours - theirs) / theirs;
        println!("{name:16} {theirs:>9} {ours:>9} {error:+.1} %");
        if error.abs() > percent {
            wrong.push(format!("{name}: {ours} for {theirs}, {error:+.1} %"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
