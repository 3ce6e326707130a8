//! Every program of every page of `rules/` gets the findings that its comments ask for, and no others.
//!
//! What the markers mean stands in `rules/README.md`. One test per program, named `page / section`.

mod judge;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use heaplint::config::Level;
use heaplint::finding::Severity;
use heaplint::rules;
use judge::page::{Section, sections};
use judge::{Case, Differences, Known, Seen};
use libtest_mimic::Failed;

/// Pages whose rules are being written: their good programs are judged, their bad ones are not yet.
/// Temporary: this list is empty when they are.
const LANDING: &[&str] = &[];

/// Answers that are wrong today, by cause.
const KNOWN: &Known = &[];

fn main() -> ExitCode {
    let mut cases = Vec::new();
    for page in pages() {
        cases.extend(cases_of(&page));
    }
    judge::run(cases, KNOWN, "")
}

fn pages() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let mut pages: Vec<_> = std::fs::read_dir(folder)
        .expect("rules/ is there")
        .map(|it| it.expect("rules/ can be listed").path())
        .filter(|it| it.extension().is_some_and(|it| it == "md"))
        .filter(|it| it.file_name().is_some_and(|it| it != "README.md"))
        .collect();
    pages.sort();
    pages
}

fn cases_of(page: &Path) -> Vec<Case> {
    let stem = page
        .file_stem()
        .expect("a page has a name")
        .to_string_lossy()
        .into_owned();
    let text = std::fs::read_to_string(page).expect("a page is text");
    let has_rule = rules::metas().iter().any(|it| it.name == stem);
    let is_landing = !has_rule && LANDING.contains(&stem.as_str());
    let mut cases: Vec<Case> = Vec::new();
    let name = stem.clone();
    cases.push((
        format!("{stem} / has a rule"),
        Box::new(move || {
            if has_rule == LANDING.contains(&name.as_str()) {
                let what = if has_rule {
                    "is written: take it out of LANDING"
                } else {
                    "is not written"
                };
                return Err(format!("the rule {what}").into());
            }
            Ok(())
        }),
    ));
    for section in sections(&text) {
        if is_landing && section.is_bad {
            continue;
        }
        let rule = stem.clone();
        let kind = if section.is_bad { "Bad" } else { "Good" };
        cases.push((
            format!("{stem} / {kind}: {}", section.title),
            Box::new(move || judge_section(&rule, &section)),
        ));
    }
    cases
}

/// The rule that a line's marker asks for.
fn marker<'a>(line: &'a str, own: &'a str) -> Option<&'a str> {
    let (_, comment) = line.rsplit_once('#')?;
    let rest = comment.trim().strip_prefix("error")?;
    if rest.is_empty() {
        return Some(own);
    }
    rest.strip_prefix(':')?
        .trim_start()
        .strip_prefix('[')?
        .strip_suffix(']')
}

fn judge_section(rule: &str, section: &Section) -> Result<(), Failed> {
    if let Some(error) = section.errors.first() {
        return Err(error.clone().into());
    }
    if section.program.files.is_empty() {
        return Err("no program".into());
    }
    let mut wanted = Vec::new();
    for (path, text) in &section.program.files {
        // Of a notebook, the code of its cells.
        let text = match path.ends_with(".ipynb") {
            true => {
                heaplint::notebook::read(text.clone())
                    .map_err(|it| it.to_string())?
                    .text
            }
            false => text.clone(),
        };
        for (at, line) in (1..).zip(text.lines()) {
            if let Some(name) = marker(line, rule) {
                if !rules::metas().iter().any(|it| it.name == name) {
                    return Err(format!("{path}:{at}: unknown rule `{name}`").into());
                }
                wanted.push((path.clone(), at, name.to_owned()));
            }
        }
    }
    if section.is_bad == wanted.is_empty() {
        return Err("bad programs have markers, good ones have none".into());
    }
    // What is only told is looked for where it is told, and nothing else that is.
    let is_info = |name: &str| {
        rules::metas()
            .iter()
            .any(|it| it.name == name && it.severity == Severity::Info)
    };
    let mut seen: Vec<Seen> = judge::look(&section.program, Level::Info)?;
    seen.retain(|it| it.severity != "info" || is_info(&it.rule) && it.rule == rule);
    let mut differences = Differences::default();
    for (path, line, name) in wanted {
        match seen
            .iter()
            .position(|it| it.file == path && it.line == line && it.rule == name)
        {
            Some(at) => {
                seen.remove(at);
            }
            None => differences.add("missing", {
                let hint = judge::hidden(&section.program, &path, line)?;
                format!("{path}:{line}: {name}{hint}")
            }),
        }
    }
    for it in seen {
        differences.add("too much", it);
    }
    differences.verdict()
}
