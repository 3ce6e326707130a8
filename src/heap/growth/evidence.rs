//! What speaks for a leak (E1 to E9), what speaks against it, and how sure that makes us.

use super::Judge;
use crate::discover::ProgramKind;
use crate::facts::model::{ContextKind, ValueId, ValueKind};
use crate::finding::Confidence;
use crate::heap::origin::Origins;
use crate::link::effects::{Effect, EffectKind};
use crate::link::program::{ValueRef, last_name};
use crate::link::runs::{Run, Why};
use crate::link::{Entity, PlaceKey};
use crate::models::{Mutation, Runs};

/// Points from which on growth is shown by default: names alone were right in 18 of 51 cases that were read.
const SHOWN: u32 = 3;

/// What evidence weighs: how often growth with it was a leak, in code that was read.
fn points(evidence: &[&str]) -> u32 {
    let weight = |it: &&str| match *it {
        "E5" | "E6" => 5,
        "E1" | "E2" => 4,
        "E7" | "its own instances" => 3,
        "E8" => 2,
        "E9" => 1,
        _ => 0,
    };
    evidence.iter().map(weight).sum()
}

impl Judge<'_, '_> {
    /// Whether two effects stand in different branches of one `if`.
    pub(super) fn excludes(&self, one: &Effect, other: &Effect) -> bool {
        let file = one.func.file;
        self.program.under(file, one.context, |it| match it {
            ContextKind::If { test, outcome } => {
                self.program.under(file, other.context, |it| {
                    matches!(it, ContextKind::If { test: there, outcome: other } if there == test && other != outcome)
                })
            }
            _ => false,
        })
    }

    pub(super) fn confidence(
        &self,
        effect: &Effect,
        run: Run,
        origins: Origins,
        import_bytes: Option<u64>,
    ) -> (Confidence, Vec<&'static str>) {
        let mut evidence = Vec::new();
        if import_bytes.is_some() {
            return (Confidence::High, vec!["large at import"]);
        }
        let is_append = matches!(
            effect.kind,
            EffectKind::Grow(Mutation::Append | Mutation::Extend | Mutation::Put)
                | EffectKind::Augment
        );
        if origins.has(Origins::THREAD_OBJECT) {
            evidence.push("E1");
        }
        if self.is_lock_per_key(effect) && origins.is_open() {
            evidence.push("E2");
        }
        let is_event = run.often == Runs::PerEvent;
        let is_loop = matches!(run.why, Why::Loop(_));
        let is_of_event = origins.has(Origins::EVENT)
            || origins.has(Origins::FRESH_ID)
            || is_loop && (origins.has(Origins::CALL) || origins.has(Origins::ELEMENT));
        if is_event && is_of_event {
            evidence.push("E5");
        }
        if is_event && is_append && origins.is_open() && self.program.is_never_read(self.key) {
            evidence.push("E6");
        }
        if origins.has(Origins::IDENTITY) {
            evidence.push("E7");
        }
        // Where some callers give constants, the others give what is told apart as coarsely.
        let is_named = origins.has(Origins::CONST) && !origins.has(Origins::EVENT);
        if origins.has(Origins::TEXT) && !is_named || origins.has(Origins::FRESH_ID) {
            evidence.push("E8");
        }
        if self.has_open_name(effect) && !is_named {
            evidence.push("E9");
        }
        if self.keeps_made(effect) {
            evidence.push("its own instances");
        }
        let is_strong = evidence
            .iter()
            .any(|it| matches!(*it, "E1" | "E5" | "E6") || *it == "E2" && is_event);
        let is_shown = points(&evidence) >= SHOWN;
        let confidence = match self.kind {
            _ if is_strong => Confidence::High,
            _ if is_shown && origins.is_open() => Confidence::Medium,
            // Most keys of which nothing more is known are names of what a program has a few of: parts, plugins, options. A
            // list takes whatever is appended, however often.
            ProgramKind::Application
                if origins.is_surely_open()
                    || self.is_default() && origins.is_open()
                    || origins.is_followed() && evidence.contains(&"E9")
                    || is_event
                        && origins.is_open()
                        && (!evidence.is_empty()
                            || run.why == Why::EntryPoint && origins.is_of_work())
                    || is_append && origins.is_open() && !self.is_under_membership_test(effect) =>
            {
                Confidence::Medium
            }
            ProgramKind::Application => Confidence::Low,
            ProgramKind::Library if self.is_default() && !evidence.is_empty() => Confidence::Medium,
            ProgramKind::Library => Confidence::Low,
        };
        (self.demoted(effect, confidence), evidence)
    }

    /// Whether it is the default of a parameter: that it grows at all is an accident.
    fn is_default(&self) -> bool {
        matches!(self.key, PlaceKey::Var(var) if self.program.var(var).param.is_some())
    }

    /// Whether a class keeps each of its instances: `__new__` stores what it returns, or an object adds itself.
    fn keeps_made(&self, effect: &Effect) -> bool {
        let file = effect.func.file;
        let facts = self.program.facts(file);
        let fact = self.program.func(effect.func);
        let is_self = |it: ValueId| match facts.values[it].kind {
            ValueKind::Var(var) => self.program.files[file as usize]
                .selfs
                .get(&var)
                .is_some_and(|&(_, is_class)| !is_class),
            _ => false,
        };
        let is_returned = |it: ValueId| {
            let mut returned = facts.results[fact.results.range()]
                .iter()
                .filter_map(|it| it.value);
            returned.any(|other| self.is_same(file, it, other, 2))
        };
        let mut kept = [effect.key, effect.value].into_iter().flatten();
        match self.program.func_name(effect.func) {
            _ if fact.class.is_none() => false,
            "__new__" => kept.any(is_returned),
            _ => kept.any(is_self),
        }
    }

    /// S12, S14 and the like take one level away.
    pub(super) fn demoted(&self, effect: &Effect, confidence: Confidence) -> Confidence {
        let down = |it| {
            if it == Confidence::High {
                Confidence::Medium
            } else {
                Confidence::Low
            }
        };
        let is_finite = self.has_finite_name(effect.func.file, effect.key, 3)
            && (self.kind == ProgramKind::Library || confidence == Confidence::High);
        // What is below a key is taken out again; only the keys may pile up.
        let is_emptied_inside = self.kind == ProgramKind::Library
            && !effect.is_inner
            && self
                .effects
                .iter()
                .any(|it| it.is_inner && it.kind == EffectKind::Remove);
        if is_finite && self.kind == ProgramKind::Library {
            return Confidence::Low;
        }
        let is_of_tests = self.program.files[self.program.place_file(self.key) as usize].is_test;
        if is_finite
            || is_of_tests
            || is_emptied_inside
            || self.is_per_configuration(effect)
            || self.uncalled.is_some() && self.kind == ProgramKind::Library
        {
            down(confidence)
        } else {
            confidence
        }
    }

    /// S14: one engine, client, pool or module for each configured name.
    pub(super) fn is_per_configuration(&self, effect: &Effect) -> bool {
        let Some(value) = effect.value else {
            return false;
        };
        let facts = self.program.facts(effect.func.file);
        let mut name = last_name(facts, value).unwrap_or("").to_ascii_lowercase();
        if let ValueKind::Var(var) = facts.values[value].kind
            && let [def] = &facts.defs[facts.vars[var].defs.range()]
            && let Some(of) = def.value.and_then(|it| last_name(facts, it))
        {
            name.push(' ');
            name.push_str(&of.to_ascii_lowercase());
        }
        [
            "engine",
            "client",
            "pool",
            "backend",
            "import_module",
            "driver",
            "dialect",
            "compile",
            "template",
        ]
        .iter()
        .any(|it| name.contains(it))
    }

    pub(super) fn is_lock_per_key(&self, effect: &Effect) -> bool {
        let Some(value) = effect.value else {
            return false;
        };
        let names = [
            "threading.Lock",
            "threading.RLock",
            "threading.Semaphore",
            "threading.Event",
            "threading.Condition",
            "asyncio.Lock",
            "asyncio.Semaphore",
            "asyncio.Event",
        ];
        self.program
            .entities(ValueRef {
                file: effect.func.file,
                id: value,
            })
            .iter()
            .any(|it| match it {
                Entity::ExternalInstance(node) => names.contains(&self.program.api_text(*node)),
                _ => false,
            })
    }

    /// S6: the key is named like something of which a program has a few.
    pub(super) fn has_finite_name(&self, file: u32, key: Option<ValueId>, depth: u32) -> bool {
        let (Some(key), Some(depth)) = (key, depth.checked_sub(1)) else {
            return false;
        };
        let facts = self.program.facts(file);
        match facts.values[key].kind {
            ValueKind::Var(var) => self
                .program
                .models
                .is_finite_name(&facts.names[facts.vars[var].name.0 as usize]),
            ValueKind::Attr { name, .. } => self
                .program
                .models
                .is_finite_name(self.program.name(file, name)),
            ValueKind::Tuple(rows) => {
                let rows = self.program.list(file, rows);
                !rows.is_empty()
                    && rows
                        .iter()
                        .all(|&it| self.has_finite_name(file, Some(it), depth))
            }
            _ => false,
        }
    }

    pub(super) fn has_open_name(&self, effect: &Effect) -> bool {
        let facts = self.program.facts(effect.func.file);
        let mut id = effect.key.or(effect.value);
        for _ in 0..3 {
            let Some(value) = id else { return false };
            match facts.values[value].kind {
                ValueKind::Var(var) => {
                    let name = &facts.names[facts.vars[var].name.0 as usize];
                    return self.program.models.is_open_name(name)
                        && facts.vars[var].param.is_some();
                }
                ValueKind::Tuple(rows) => {
                    return self
                        .program
                        .list(effect.func.file, rows)
                        .iter()
                        .any(|&it| match facts.values[it].kind {
                            ValueKind::Var(var) => {
                                facts.vars[var].param.is_some()
                                    && self
                                        .program
                                        .models
                                        .is_open_name(&facts.names[facts.vars[var].name.0 as usize])
                            }
                            _ => false,
                        });
                }
                ValueKind::Item { base, .. } | ValueKind::Attr { base, .. } => id = Some(base),
                _ => return false,
            }
        }
        false
    }
}
