//! Small programs and what the analyzer says of them: shared by the suites that compare the two.
//!
//! A program is written to a folder of its own and analysed there without settings, so that nothing around it matters.

#![allow(dead_code, reason = "each suite uses its part")]

pub mod page;

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use heaplint::config::{self, Config, Source, Sourced};
use heaplint::pipeline::{Request, analyze};
use libtest_mimic::{Arguments, Failed, Trial};

/// The files of a program, and how to look at it.
#[derive(Clone, Debug)]
pub struct Program {
    /// Path inside the program, and text.
    pub files: Vec<(String, String)>,
    /// As `--target-version` reads it.
    pub target: Option<String>,
    /// Whether callers are unknown.
    pub is_library: bool,
}

impl Program {
    /// Writes its files into a folder.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        for (path, text) in &self.files {
            let at = folder.join(path);
            std::fs::create_dir_all(at.parent().expect("a file lies in a folder"))?;
            std::fs::write(at, text)?;
        }
        Ok(())
    }
}

/// A finding, reduced to what is compared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Seen {
    pub file: String,
    pub line: u32,
    pub rule: String,
    pub code: String,
    pub severity: String,
    pub message: String,
    /// Lines that it names besides, with their files.
    pub labels: Vec<(String, u32)>,
}

impl Seen {
    pub fn place(&self) -> (String, u32) {
        (self.file.clone(), self.line)
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}:{}: {} {} [{}]: {}",
            self.file, self.line, self.code, self.rule, self.severity, self.message
        )
    }
}

/// What is said of a program from this severity on, of what is sure enough to be shown by default.
pub fn look(program: &Program, level: config::Level) -> Result<Vec<Seen>, Failed> {
    look_from(program, level, config::Confidence::Medium)
}

/// Whether something that is missing is there, only not shown by default.
pub fn hidden(program: &Program, file: &str, line: u32) -> Result<String, Failed> {
    let all = look_from(program, config::Level::Info, config::Confidence::Low)?;
    let at = all.iter().find(|it| it.file == file && it.line == line);
    Ok(at.map_or(String::new(), |it| {
        format!(" (below the default: {} [{}])", it.rule, it.severity)
    }))
}

fn look_from(
    program: &Program,
    level: config::Level,
    confidence: config::Confidence,
) -> Result<Vec<Seen>, Failed> {
    let folder = tempfile::Builder::new().prefix("program").tempdir()?;
    program.write(folder.path())?;
    let settings = folder.path().join("heaplint.toml");
    let mut config = if settings.is_file() {
        Config::from_file(&settings)?
    } else {
        Config::from_str("", &settings)?
    };
    config.level = by_flag(level);
    config.confidence = by_flag(confidence);
    config.threads = by_flag(1);
    config.program = by_flag(if program.is_library {
        config::Program::Library
    } else {
        config::Program::Application
    });
    if let Some(target) = &program.target {
        let target = target
            .parse()
            .map_err(|()| format!("`{target}` is not a version"))?;
        config.target_version = by_flag(target);
    }
    let request = Request {
        roots: vec![folder.path().to_owned()],
        config,
        overlay: heaplint::source::Overlay::default(),
        cache: heaplint::pipeline::CacheChoice::Off,
    };
    let analysis = analyze(&request, &|_, _| ())?;
    if let Some(it) = analysis.notices.first() {
        return Err(format!("{:?}: {}", it.path, it.message).into());
    }
    let place = |it: heaplint::finding::Place| {
        let source = analysis.sources.file(it.file);
        let line = source.lines.line(it.span.start);
        let file = program
            .files
            .iter()
            .map(|file| &file.0)
            .filter(|file| source.path == **file || source.path.ends_with(&format!("/{file}")))
            .max_by_key(|file| file.len())
            .unwrap_or_else(|| panic!("{} is not of the program", source.path));
        (file.clone(), line)
    };
    let mut seen: Vec<_> = analysis
        .findings
        .iter()
        .map(|it| {
            let (file, line) = place(it.primary);
            Seen {
                file,
                line,
                rule: it.rule.name.clone(),
                code: it.rule.code.clone(),
                severity: it.severity.name().to_owned(),
                message: it.message.clone(),
                labels: it.labels.iter().map(|it| place(it.place)).collect(),
            }
        })
        .collect();
    seen.sort();
    Ok(seen)
}

fn by_flag<T>(value: T) -> Sourced<T> {
    Sourced {
        value,
        from: Source::CommandLine,
    }
}

/// What was asked for and what was said, when they differ.
#[derive(Default)]
pub struct Differences(String);

impl Differences {
    pub fn add(&mut self, what: &str, it: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{what}: {it}");
    }

    pub fn verdict(self) -> Result<(), Failed> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(self.0.into())
        }
    }
}

/// Answers known to be wrong, by cause.
pub type Known = [(&'static str, &'static [&'static str])];

/// One question.
pub type Case = (
    String,
    Box<dyn Fn() -> Result<(), Failed> + Send + Sync + 'static>,
);

/// Runs the cases. One that is known to be wrong must be wrong still, so that it leaves the list when it is right;
/// with `HEAPLINT_KNOWN=show` it fails instead and tells the difference.
pub fn run(cases: Vec<Case>, known: &'static Known, note: &str) -> ExitCode {
    let mut trials = Vec::new();
    let names: Vec<&str> = known.iter().flat_map(|it| it.1).copied().collect();
    let stale: Vec<&str> = names
        .iter()
        .enumerate()
        .filter(|(at, name)| names[..*at].contains(name) || !cases.iter().any(|it| it.0 == **name))
        .map(|it| *it.1)
        .collect();
    trials.push(Trial::test("known answers", move || {
        if stale.is_empty() {
            Ok(())
        } else {
            Err(format!("in KNOWN twice, or of no program: {}", stale.join("; ")).into())
        }
    }));
    let shows_known = std::env::var_os("HEAPLINT_KNOWN").is_some_and(|it| it == "show");
    for (name, ask) in cases {
        let cause = known
            .iter()
            .find(|it| it.1.contains(&name.as_str()))
            .map(|it| it.0);
        let trial = Trial::test(name, move || match (ask(), cause) {
            (outcome, None) => outcome,
            (Err(it), Some(_)) if shows_known => Err(it),
            (Err(_), Some(_)) => Ok(()),
            (Ok(()), Some(cause)) => {
                Err(format!("right now; take it out of KNOWN ({cause})").into())
            }
        });
        trials.push(if cause.is_some() {
            trial.with_kind("known wrong")
        } else {
            trial
        });
    }
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    println!("{note}{} answers known to be wrong", names.len());
    conclusion.exit_code()
}
