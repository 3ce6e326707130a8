//! `heaplint rule`: the pages.

use std::io::Write;
use std::process::ExitCode;

use anyhow::bail;
use serde::Serialize;

use super::args::{RuleArgs, RuleFormat};
use crate::catalog::RuleMeta;
use crate::rules;

#[derive(Serialize)]
struct Entry<'a> {
    code: &'a str,
    name: &'a str,
    summary: &'a str,
    severity: &'a str,
    confidence: &'a str,
    since: &'a str,
    url: String,
}

pub(super) fn run(args: &RuleArgs) -> anyhow::Result<ExitCode> {
    let metas: Vec<&RuleMeta> = match &args.rule {
        None => rules::metas().iter().collect(),
        Some(name) => {
            let found: Vec<_> = rules::metas()
                .iter()
                .filter(|it| it.name == *name || it.code.eq_ignore_ascii_case(name))
                .collect();
            if found.is_empty() {
                bail!("unknown rule `{name}`: `heaplint rule` lists them");
            }
            found
        }
    };
    let mut out = std::io::stdout().lock();
    match args.output {
        RuleFormat::Json => {
            let entries: Vec<_> = metas
                .iter()
                .map(|it| Entry {
                    code: &it.code,
                    name: &it.name,
                    summary: &it.summary,
                    severity: it.severity.name(),
                    confidence: it.confidence.name(),
                    since: &it.since,
                    url: it.url(),
                })
                .collect();
            serde_json::to_writer_pretty(&mut out, &entries)?;
            writeln!(out)?;
        }
        RuleFormat::Text if args.rule.is_some() => {
            for meta in metas {
                writeln!(out, "{} {}", meta.code, meta.manual().trim_start())?;
            }
        }
        RuleFormat::Text => {
            for meta in metas {
                writeln!(
                    out,
                    "{}  {:<30} {:<8} {}",
                    meta.code,
                    meta.name,
                    meta.severity.name(),
                    meta.summary
                )?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
