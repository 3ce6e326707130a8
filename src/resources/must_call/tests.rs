//! Snippets with their verdicts. A comment `#! outcome` stands on the line that a finding is about; everything else is quiet.
//! `normal`: lost on a path without exceptions; `dropped`: never had a name; `rebound`; `raise`: lost only on an exception.

use std::borrow::Cow;

use rustc_hash::FxHashSet;

use crate::facts::collect::collect_with;
use crate::facts::model::{ArgKindF, CallId, DefKind, FileFacts, FuncId, ValueId, ValueKind};
use crate::flow::build::build;
use crate::lower::{Door, lower};
use crate::models::resources::{Effect, Resources};
use crate::resources::models::{ModelOracle, Resolve};
use crate::resources::must_call::{Outcome, check};

/// Resolution inside one file, by names alone.
struct ByName<'a> {
    facts: &'a FileFacts,
    resources: &'a Resources,
}

impl ByName<'_> {
    fn text(&self, name: crate::base::Name) -> &str {
        &self.facts.names[name.0 as usize]
    }

    fn dotted(&self, value: ValueId, depth: u32) -> Option<String> {
        if depth > 6 {
            return None;
        }
        match self.facts.values[value].kind {
            ValueKind::Var(var) => {
                let fact = &self.facts.vars[var];
                let defs = &self.facts.defs[fact.defs.range()];
                if defs.is_empty() {
                    return Some(format!("builtins.{}", self.text(fact.name)));
                }
                defs.iter().find_map(|def| match (def.kind, def.value) {
                    (DefKind::Import(id), _) => {
                        let import = &self.facts.imports[id];
                        let module = import.module.map(|it| self.text(it))?;
                        Some(match import.item {
                            Some(item) => format!("{module}.{}", self.text(item)),
                            None if import.binds_last => module.to_owned(),
                            None => module.split('.').next()?.to_owned(),
                        })
                    }
                    (DefKind::Assign | DefKind::With, Some(value)) => {
                        match self.facts.values[value].kind {
                            ValueKind::Call(call) => self.result_type(call, depth),
                            ValueKind::Await(_) => self.dotted(value, depth + 1),
                            _ => None,
                        }
                    }
                    _ => None,
                })
            }
            ValueKind::Attr { base, name } => Some(format!(
                "{}.{}",
                self.dotted(base, depth + 1)?,
                self.text(name)
            )),
            ValueKind::Call(call) => self.result_type(call, depth),
            ValueKind::Await(inner) => self.dotted(inner, depth + 1),
            _ => None,
        }
    }

    fn result_type(&self, call: CallId, depth: u32) -> Option<String> {
        let name = self.dotted(self.facts.calls[call].callee, depth + 1)?;
        match self
            .resources
            .get(&name)
            .and_then(|it| it.returns.as_deref())
        {
            Some(typ) => Some(typ.to_owned()),
            None => Some(name),
        }
    }

    fn function(&self, call: CallId) -> Option<FuncId> {
        let ValueKind::Var(var) = self.facts.values[self.facts.calls[call].callee].kind else {
            return None;
        };
        self.facts.defs[self.facts.vars[var].defs.range()]
            .iter()
            .find_map(|def| match def.kind {
                DefKind::Function(func) => Some(func),
                _ => None,
            })
    }
}

impl Resolve for ByName<'_> {
    fn library(&self, call: CallId) -> Option<(Cow<'_, str>, bool)> {
        if let Some(func) = self.function(call) {
            let fact = &self.facts.funcs[func];
            let results = &self.facts.results[fact.results.range()];
            let value = results.first()?.value?;
            let ValueKind::Call(inner) = self.facts.values[value].kind else {
                return None;
            };
            let name = self.dotted(self.facts.calls[inner].callee, 0)?;
            return self
                .resources
                .get(&name)?
                .opens
                .is_some()
                .then_some((name.into(), true));
        }
        self.dotted(self.facts.calls[call].callee, 0)
            .map(|it| (it.into(), false))
    }

    fn argument(&self, call: CallId, index: usize) -> Option<Effect> {
        let func = &self.facts.funcs[self.function(call)?];
        let args = &self.facts.args[self.facts.calls[call].args.range()];
        let ArgKindF::Positional = args[index].kind else {
            return None;
        };
        let param = self
            .facts
            .params
            .get(func.params.start as usize + index)?
            .var;
        let calls = func.calls.ids::<crate::facts::model::CallF>();
        let is_closed =
            calls.into_iter().any(
                |it| match self.facts.values[self.facts.calls[it].callee].kind {
                    ValueKind::Attr { base, name } => {
                        self.text(name) == "close"
                            && self.facts.values[base].kind == ValueKind::Var(param)
                    }
                    _ => false,
                },
            );
        let name = self.text(func.name);
        if is_closed {
            Some(Effect::Close)
        } else {
            name.starts_with("read").then_some(Effect::Borrow)
        }
    }

    fn is_ours(&self, call: CallId) -> bool {
        self.function(call).is_some()
    }

    fn never_returns(&self, _call: CallId) -> bool {
        false
    }
}

/// Findings of a program as `line outcome`.
fn findings(text: &str) -> Vec<String> {
    let lowered = lower(text, Door::Rustpython);
    assert!(lowered.errors.is_empty(), "{:?}", lowered.errors);
    let (facts, sites) = collect_with(text, &lowered, &FxHashSet::default());
    let resources = Resources::shipped().unwrap();
    let oracle = ModelOracle {
        facts: &facts,
        resources: &resources,
        resolve: ByName {
            facts: &facts,
            resources: &resources,
        },
        version: (3, 11),
    };
    let mut out = Vec::new();
    for func in lowered.module.funcs.ids() {
        let body = build(&lowered.module, &sites, &facts, func);
        assert!(!body.is_cut);
        for escape in check(&body, &facts, &oracle).expect("small") {
            let at = facts.calls[escape.call].at.start as usize;
            let line = text[..at].matches('\n').count() + 1;
            let outcome = match escape.outcome {
                Outcome::Dropped => "dropped",
                Outcome::NeverOnNormalPath { .. } => "normal",
                Outcome::Rebound { .. } => "rebound",
                Outcome::OnlyOnException { .. } => "raise",
            };
            out.push(format!("{line} {outcome}"));
        }
    }
    out.sort();
    out
}

#[test]
fn snippets() {
    let mut wrong = String::new();
    for (name, text) in SNIPPETS
        .split("\n### ")
        .skip(1)
        .map(|it| it.split_once('\n').unwrap())
    {
        let mut expected: Vec<_> = text
            .lines()
            .enumerate()
            .filter_map(|(i, line)| {
                let (_, outcome) = line.split_once("#! ")?;
                Some(
                    outcome
                        .split(' ')
                        .map(move |it| format!("{} {it}", i + 1))
                        .collect::<Vec<_>>(),
                )
            })
            .flatten()
            .collect();
        expected.sort();
        let found = findings(text);
        if found != expected {
            wrong.push_str(&format!("{name}: found {found:?}, expected {expected:?}\n"));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

const SNIPPETS: &str = include_str!("../../../fixtures/must_call.txt");
