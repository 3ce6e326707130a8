//! What is fuzzed: any bytes go in, a panic or a broken promise is a bug. `cargo test` replays the seeds and old crashes.
#![allow(dead_code, reason = "each fuzz target uses one of these")]

use std::path::Path;
use std::sync::LazyLock;

use heaplint::base::{FileId, LineIndex, SourceMap, Span};
use heaplint::config::{Config, TargetVersion};
use heaplint::decode::decode;
use heaplint::discover::ProgramKind;
use heaplint::facts::collect::collect;
use heaplint::finding::finish;
use heaplint::finding::suppress::{Pragma, Suppressions};
use heaplint::limits::STACK_SIZE;
use heaplint::link::{self, FileInput};
use heaplint::lower::{Door, Lowered, lower, lower_cells};
use heaplint::models::Models;
use heaplint::notebook;
use heaplint::report::{self, Format, Report, Stats, Style};
use heaplint::rules;
use heaplint::syntax::pretty;
use time::macros::date;

/// One worker like the pipeline's.
static WORKER: LazyLock<rayon::ThreadPool> = LazyLock::new(|| {
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .stack_size(STACK_SIZE)
        .build()
        .expect("a thread can be started")
});

fn text_of(data: &[u8]) -> Option<String> {
    decode(data.to_vec()).ok()
}

/// Parse, lower and collect through ruff's door.
pub fn lower_ruff(data: &[u8]) {
    lower_by(data, Door::Ruff);
}

/// Parse, lower and collect through rustpython's door.
pub fn lower_rustpython(data: &[u8]) {
    lower_by(data, Door::Rustpython);
}

fn lower_by(data: &[u8], door: Door) {
    let Some(text) = text_of(data) else { return };
    WORKER.install(|| {
        let lowered = lower(&text, door);
        check_places(&text, &lowered);
        let _print = pretty::print_with_spans(&lowered.module);
        let _facts = collect(&text, &lowered);
    });
}

/// Every place lies in the text and cuts no character.
fn check_places(text: &str, lowered: &Lowered) {
    let tree = &lowered.module;
    let exprs = tree.exprs.iter().map(|it| it.span);
    let stmts = tree.stmts.iter().map(|it| it.span);
    let funcs = tree.funcs.iter().flat_map(|it| [it.span, it.name_span]);
    let classes = tree.classes.iter().flat_map(|it| [it.span, it.name_span]);
    let pats = tree.pats.iter().map(|it| it.span);
    let pragmas = tree.pragmas.iter().map(|it| it.span);
    let errors = lowered.errors.iter().map(|it| it.span);
    let of_tree = exprs.chain(stmts).chain(funcs).chain(classes).chain(pats);
    for Span { start, end } in of_tree.chain(pragmas).chain(errors) {
        let range = start as usize..end as usize;
        assert!(text.get(range).is_some(), "{start}..{end} is no place");
    }
}

/// Both doors give the same tree for what both read.
pub fn differential(data: &[u8]) {
    let Some(text) = text_of(data) else { return };
    WORKER.install(|| {
        let by_ruff = lower(&text, Door::Ruff);
        let by_rustpython = lower(&text, Door::Rustpython);
        if by_ruff.errors.is_empty() && by_rustpython.errors.is_empty() {
            let left = pretty::print_with_spans(&by_ruff.module);
            let right = pretty::print_with_spans(&by_rustpython.module);
            assert_eq!(left, right);
        }
    });
}

/// A whole run over several files, each after a line `#### path`; every format writes what is found.
pub fn link(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut files: Vec<(String, String)> = Vec::new();
    for line in text.split_inclusive('\n') {
        match line.strip_prefix("#### ") {
            Some(path) => files.push((path.trim().to_owned(), String::new())),
            None => match files.last_mut() {
                Some(file) => file.1.push_str(line),
                None => files.push(("a.py".to_owned(), line.to_owned())),
            },
        }
    }
    files.sort();
    files.dedup_by(|a, b| a.0 == b.0);
    let kind = match data.len() % 2 {
        0 => ProgramKind::Application,
        _ => ProgramKind::Library,
    };
    WORKER.install(|| run(files, kind));
}

fn run(files: Vec<(String, String)>, kind: ProgramKind) {
    static MODELS: LazyLock<Models> = LazyLock::new(|| Models::shipped().expect("our tables"));
    let mut sources = SourceMap::new(files.iter().map(|it| it.0.clone()).collect());
    let mut inputs = Vec::new();
    for (at, (path, text)) in files.into_iter().enumerate() {
        let stem = path.strip_suffix(".py").unwrap_or(&path);
        let is_package = stem == "__init__" || stem.ends_with("/__init__");
        let module = stem.strip_suffix("__init__").unwrap_or(stem);
        let module = module.trim_end_matches('/').replace('/', ".");
        inputs.push(FileInput {
            facts: collect(&text, &lower(&text, Door::Ruff)),
            module,
            long_module: None,
            is_package,
            is_apart: false,
            is_stub: false,
            root: 0,
            is_test: path.starts_with("test"),
            is_vendored: false,
            path,
        });
        sources.set_text(FileId::new(at as u32), text);
    }
    let program = link::link(inputs, &MODELS);
    let target = TargetVersion::default();
    let cx = rules::Context::new(&program, kind, target, 1 << 20);
    let findings = finish(rules::run(&cx, |_| true), &sources);
    let report = Report {
        version: "0",
        findings: &findings,
        sources: &sources,
        notices: &[],
        rules: rules::metas(),
        stats: Stats::default(),
        prefix: "",
    };
    for &format in Format::ALL {
        let mut out = Vec::new();
        report::write(format, &report, &Style::default(), &mut out).expect("written to memory");
        let out = String::from_utf8(out).expect("reports are text");
        if matches!(format, Format::Full | Format::Concise | Format::Github) {
            let raw = |c: char| c.is_control() && c != '\n';
            assert!(!out.contains(raw), "{format} lets a control character out");
        }
    }
}

/// Settings in both kinds of file.
pub fn settings(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for path in ["heaplint.toml", "pyproject.toml"] {
        if let Err(error) = Config::from_str(&text, Path::new(path)) {
            assert!(!error.to_string().is_empty());
        }
    }
}

/// Suppression comments, one a line.
pub fn comments(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let lines = LineIndex::new(&text);
    let mut at = 0;
    let pragmas: Vec<Pragma<'_>> = text
        .split_inclusive('\n')
        .map(|comment| {
            let span = Span::new(at, at + comment.len() as u32);
            at = span.end;
            let line = lines.line(span.start);
            Pragma {
                text: comment,
                at: span,
                lines: line..=line + comment.len() as u32 % 3,
            }
        })
        .collect();
    let mut suppressions = Suppressions::parse(pragmas, date!(2026 - 01 - 01));
    for line in 1..=lines.len().min(50) as u32 {
        suppressions.silences("HL201", "unclosed-file", &(line..=line + 1));
    }
    let _ = (suppressions.unused(&text, |_| true), suppressions.blanket());
    let _ = suppressions.expired();
    let _ = (suppressions.without_reason(), suppressions.malformed());
}

/// A notebook through both doors.
pub fn notebook(data: &[u8]) {
    let Some(text) = text_of(data) else { return };
    let Ok(notebook) = notebook::read(text) else {
        return;
    };
    let code = &notebook.text;
    let lines = LineIndex::new(code);
    let len = code.len() as u32;
    WORKER.install(|| {
        for door in [Door::Ruff, Door::Rustpython] {
            let lowered = lower_cells(code, notebook.cells.ranges(len), door);
            check_places(code, &lowered);
            for expr in lowered.module.exprs.iter() {
                let on_disk = notebook.cells.on_disk(expr.span);
                let range = on_disk.start as usize..on_disk.end as usize;
                let disk = notebook.cells.disk().get(range).expect("a place on disk");
                assert!(disk.is_empty() == expr.span.is_empty());
                let spot = notebook.cells.spot(code, &lines, expr.span.start);
                assert!(spot.is_some_and(|it| it.cell > 0 && it.at.line > 0));
            }
            let _facts = collect(code, &lowered);
        }
    });
}
