//! Replays the seeds of the fuzz targets, and what once made one fail, without the fuzzer.

#[path = "fuzz/targets.rs"]
mod targets;

use std::fs;
use std::path::PathBuf;

/// Runs targets on all files of a folder of the corpus.
fn replay(folder: &str, targets: &[fn(&[u8])]) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/corpus")
        .join(folder);
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("a folder of the corpus") {
        let path = entry.expect("listed").path();
        let data = fs::read(&path).expect("a seed");
        // Shown when a target fails.
        println!("{}", path.display());
        for target in targets {
            target(&data);
        }
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn python() {
    let targets = [
        targets::lower_ruff,
        targets::lower_rustpython,
        targets::differential,
        targets::link,
    ];
    replay("python", &targets);
}

#[test]
fn link() {
    replay("link", &[targets::link]);
}

#[test]
fn settings() {
    replay("settings", &[targets::settings]);
}

#[test]
fn comments() {
    replay("comments", &[targets::comments]);
}

#[test]
fn notebook() {
    replay("notebook", &[targets::notebook]);
}
