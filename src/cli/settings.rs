//! `heaplint settings`: what is in force and where each value came from, and the JSON Schema of a settings file.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::args::{RuleFormat, SettingsArgs};
use super::check;
use crate::config::{self, Config, Pattern, Source, Sourced};
use crate::pipeline;
use crate::report::escape;

/// A value in force.
struct Line {
    key: String,
    value: Value,
    from: Source,
}

pub(super) fn run(args: &SettingsArgs) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    if args.schema {
        writeln!(out, "{}", serde_json::to_string_pretty(&config::schema())?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = check::config(&args.analysis, &check::roots(&args.paths))?;
    pipeline::check_settings(&config)?;
    let lines = lines(&config);
    match args.output {
        RuleFormat::Json => {
            let values: serde_json::Map<String, Value> = lines
                .into_iter()
                .map(|it| {
                    let from = shown(&it.from);
                    (it.key, json!({ "value": it.value, "from": from }))
                })
                .collect();
            let files: Vec<String> = config.files.iter().map(|it| name(it)).collect();
            let all = json!({ "files": files, "settings": values });
            writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
        }
        RuleFormat::Text => {
            if config.files.is_empty() {
                writeln!(out, "# no settings file")?;
            }
            for file in &config.files {
                writeln!(out, "# {}", escape::line(&name(file)))?;
            }
            let others = config
                .by_root
                .iter()
                .filter(|it| it.1.files != config.files);
            for (root, its) in others {
                let files: Vec<String> = its.files.iter().map(|it| name(it)).collect();
                let files = if files.is_empty() {
                    "none".to_owned()
                } else {
                    files.join(", ")
                };
                let text = format!(
                    "{}: {files}, for what is selected, shown and left out",
                    name(root)
                );
                writeln!(out, "# {}", escape::line(&text))?;
            }
            for line in lines {
                let text = format!("{} = {}", line.key, line.value);
                let text = escape::line(&text).into_owned();
                writeln!(out, "{text:<50}  # {}", escape::line(&shown(&line.from)))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn lines(config: &Config) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut add = |key: String, value: Value, from: &Source| {
        lines.push(Line {
            key,
            value,
            from: from.clone(),
        });
    };
    for (at, row) in config.api.iter().enumerate() {
        add(format!("api[{at}]"), json!(row.value), &row.from);
    }
    let baseline = config.baseline.value.as_ref().map(|it| name(it));
    add(
        "baseline".to_owned(),
        json!(baseline),
        &config.baseline.from,
    );
    word("confidence", &config.confidence, &mut add);
    globs(
        "exclude",
        &config.exclude.value,
        &config.exclude.from,
        &mut add,
    );
    for it in &config.extend_exclude {
        globs(
            "extend-exclude",
            std::slice::from_ref(&it.value),
            &it.from,
            &mut add,
        );
    }
    word("fail-level", &config.fail_level, &mut add);
    flag("forbid-blanket", &config.forbid_blanket, &mut add);
    add(
        "ignore".to_owned(),
        json!(config.ignore.value),
        &config.ignore.from,
    );
    add(
        "large-object".to_owned(),
        json!(config.large_object.value),
        &config.large_object.from,
    );
    word("level", &config.level, &mut add);
    for (at, it) in config.overrides.iter().enumerate() {
        let it_is = &it.value;
        let files: Vec<&str> = it_is.files.iter().map(|it| &*it.glob).collect();
        let severity: serde_json::Map<String, Value> = it_is
            .severity
            .iter()
            .map(|(rule, level)| (rule.clone(), json!(level.to_string())))
            .collect();
        let value = json!({
            "files": files,
            "select": it_is.select,
            "ignore": it_is.ignore,
            "level": it_is.level.map(|it| it.to_string()),
            "confidence": it_is.confidence.map(|it| it.to_string()),
            "severity": severity,
        });
        add(format!("overrides[{at}]"), value, &it.from);
    }
    word("parser", &config.parser, &mut add);
    for it in &config.per_file_ignores {
        let key = format!("per-file-ignores.{:?}", it.value.files.glob);
        add(key, json!(it.value.rules), &it.from);
    }
    word("program", &config.program, &mut add);
    flag("report-generated", &config.report_generated, &mut add);
    flag("report-tests", &config.report_tests, &mut add);
    flag("report-vendored", &config.report_vendored, &mut add);
    flag("require-reason", &config.require_reason, &mut add);
    flag("respect-gitignore", &config.respect_gitignore, &mut add);
    add(
        "select".to_owned(),
        json!(config.select.value),
        &config.select.from,
    );
    for (rule, level) in &config.severity {
        word(&format!("severity.{rule}"), level, &mut add);
    }
    word("target-version", &config.target_version, &mut add);
    for (at, (form, row)) in config.taught.iter().enumerate() {
        add(format!("{form}[{at}]"), json!(row.value), &row.from);
    }
    add(
        "threads".to_owned(),
        json!(config.threads.value),
        &config.threads.from,
    );
    lines
}

fn word<T: std::fmt::Display>(
    key: &str,
    it: &Sourced<T>,
    add: &mut impl FnMut(String, Value, &Source),
) {
    add(key.to_owned(), json!(it.value.to_string()), &it.from);
}

fn flag(key: &str, it: &Sourced<bool>, add: &mut impl FnMut(String, Value, &Source)) {
    add(key.to_owned(), json!(it.value), &it.from);
}

fn globs(
    key: &str,
    patterns: &[Pattern],
    from: &Source,
    add: &mut impl FnMut(String, Value, &Source),
) {
    let globs: Vec<&str> = patterns.iter().map(|it| &*it.glob).collect();
    add(key.to_owned(), json!(globs), from);
}

fn shown(from: &Source) -> String {
    match from {
        Source::File { path, line } => format!("{}:{line}", name(path)),
        other => other.to_string(),
    }
}

/// A path below the current folder by what is below it.
pub(super) fn name(path: &Path) -> String {
    let here = std::env::current_dir().and_then(|it| it.canonicalize());
    let inside = here.ok().and_then(|it| path.strip_prefix(it).ok());
    inside.unwrap_or(path).to_string_lossy().replace('\\', "/")
}
