//! Programs that are too deep, too long or too wide: read, analysed and freed, by both doors, or told about once.

#[path = "hostile/shapes.rs"]
mod shapes;

use std::fs;
use std::path::Path;
use std::time::Instant;

use heaplint::config::{Config, Parser, Source, Sourced};
use heaplint::pipeline::{Analysis, Request, analyze};
use heaplint::report::NoticeKind;
use shapes::{LEAK, Shape, shapes};

/// Steps of a shape; `HEAPLINT_STEPS` sets another number.
const STEPS: usize = 150;

fn run(root: &Path, parser: Parser) -> Analysis {
    let mut config = Config::from_str("", Path::new("heaplint.toml")).expect("no settings");
    config.parser = Sourced {
        value: parser,
        from: Source::CommandLine,
    };
    let roots = vec![root.to_owned()];
    analyze(&request(roots, config), &|_, _| ()).expect("a file is there")
}

fn steps() -> usize {
    let steps = std::env::var("HEAPLINT_STEPS").ok();
    steps.and_then(|it| it.parse().ok()).unwrap_or(STEPS)
}

/// What is wrong with a run over a shape.
fn judge(shape: &Shape, parser: Parser) -> Vec<String> {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("odd.py");
    fs::write(&file, &shape.code).expect("written");
    let started = Instant::now();
    let analysis = run(&file, parser);
    let took = started.elapsed();
    println!("{parser:?} {}: {:.3} s", shape.name, took.as_secs_f64());
    let mut wrong = Vec::new();
    let mut say = |what: String| wrong.push(format!("{} by {parser:?}: {what}", shape.name));
    if analysis.has_internal_error {
        say(format!("{:?}", analysis.notices));
    }
    let mut kinds: Vec<&str> = analysis
        .notices
        .iter()
        .map(|it| it.message.as_str())
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    let is_told = analysis
        .notices
        .iter()
        .any(|it| it.kind == NoticeKind::SyntaxError);
    let leak = shape.code.len() - LEAK.len() + LEAK.find("open").expect("it opens");
    let is_found = analysis
        .findings
        .iter()
        .any(|it| it.primary.span.start as usize == leak);
    if !is_found && !is_told {
        say("the leak behind it is lost, and nothing is said".to_owned());
    }
    if kinds.len() > 10 {
        say(format!("{} different notices", kinds.len()));
    }
    wrong
}

/// Judges the shapes whose names hold `HEAPLINT_SHAPE`, and of these `wanted`.
fn shapes_by(parser: Parser, steps: usize, wanted: impl Fn(&str) -> bool) {
    let only = std::env::var("HEAPLINT_SHAPE").unwrap_or_default();
    let wrong: Vec<String> = shapes(steps)
        .iter()
        .filter(|it| it.name.contains(&only) && wanted(it.name))
        .flat_map(|it| judge(it, parser))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Steps of these.
const DEEP_STEPS: usize = 20_000;

/// Shapes that recur where the others only repeat.
const DEEP: &[&str] = &[
    "parentheses",
    "lists",
    "calls",
    "patterns",
    "not",
    "lambda",
    "sum",
    "and",
    "elif",
    "ifs",
    "tries",
];

#[test]
fn deep_shapes_are_read_at_twenty_thousand_steps() {
    for parser in [Parser::Ruff, Parser::Rustpython] {
        shapes_by(parser, DEEP_STEPS, |it| DEEP.contains(&it));
    }
}

/// What is long and flat in the source, and deep in a tree.
const LONG: &[&str] = &["sum", "and"];

/// Terms of these.
const LONG_STEPS: usize = 50_000;

#[test]
fn long_chains_are_read_at_fifty_thousand_terms() {
    for parser in [Parser::Ruff, Parser::Rustpython] {
        shapes_by(parser, LONG_STEPS, |it| LONG.contains(&it));
    }
}

#[test]
fn a_function_too_large_to_follow_is_named() {
    let mut code = "def f(p):\n".to_owned() + &" open(p).read()\n".repeat(5_000);
    code += LEAK;
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("odd.py");
    fs::write(&file, code).expect("written");
    let analysis = run(&file, Parser::Auto);
    let messages: Vec<&str> = analysis.notices.iter().map(|it| &*it.message).collect();
    let expected = "`f` is too large to follow: what it opens is not checked";
    assert_eq!(messages, [expected]);
    assert_eq!(analysis.findings.len(), 1);
}

#[test]
fn every_shape_is_read_by_ruff() {
    shapes_by(Parser::Ruff, steps(), |_| true);
}

#[test]
fn every_shape_is_read_by_rustpython() {
    shapes_by(Parser::Rustpython, steps(), |_| true);
}

fn request(roots: Vec<std::path::PathBuf>, config: Config) -> Request {
    Request {
        roots,
        config,
        overlay: heaplint::source::Overlay::default(),
        cache: heaplint::pipeline::CacheChoice::Off,
    }
}
