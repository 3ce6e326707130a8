//! What is taken out again on some paths only, and what is added by looking.

use super::Judge;
use crate::discover::ProgramKind;
use crate::facts::model::{CallId, ContextKind, DefKind, ValueId, ValueKind};
use crate::finding::Confidence;
use crate::heap::origin::Origins;
use crate::link::effects::{Effect, EffectKind};
use crate::models::{Holds, Mutation};

impl Judge<'_, '_> {
    /// Whether a removal takes out what the same function added before, and is left out when something between them raises.
    pub(super) fn is_left_out(&self, removal: &Effect) -> bool {
        removal.kind == EffectKind::Remove
            && self.effects.iter().any(|it| self.is_undone_by(it, removal))
    }

    /// The removal that undoes a growth unless something raises.
    pub(super) fn removal_after(&self, growth: &Effect) -> Option<Effect> {
        self.unless_raised
            .iter()
            .find(|it| self.is_undone_by(growth, it))
            .copied()
    }

    fn is_undone_by(&self, growth: &Effect, removal: &Effect) -> bool {
        // Ids of values and calls mean something in their own file only.
        if growth.func != removal.func {
            return false;
        }
        let file = growth.func.file;
        let facts = self.program.facts(file);
        let is_keyed = matches!(
            growth.kind,
            EffectKind::Grow(Mutation::Setitem | Mutation::Add | Mutation::Append)
        );
        let removed = removal.key.or(removal.value).or_else(|| {
            let call = facts.funcs[removal.func.id]
                .calls
                .ids()
                .find(|&id: &CallId| facts.calls[id].at == removal.at)?;
            Some(facts.args[facts.calls[call].args.range()].first()?.value)
        });
        let (Some(added), Some(removed)) = (growth.key.or(growth.value), removed) else {
            return false;
        };
        // Both stand in the same block, so that nothing but an exception or a return leads around the removal.
        let is_straight = growth.context == removal.context && growth.at.end <= removal.at.start;
        if !is_keyed
            || !is_straight
            || growth.is_inner
            || removal.via.is_some()
            || !self.is_same(file, added, removed, 3)
        {
            return false;
        }
        let is_safe = self.program.under(file, growth.context, |it| {
            matches!(
                it,
                ContextKind::Try | ContextKind::Finally | ContextKind::Handler { .. }
            )
        });
        // Something between them waits for others, who may fail or never answer.
        !is_safe
            && facts.funcs[growth.func.id].values.ids().any(|id: ValueId| {
                let value = facts.values[id];
                matches!(value.kind, ValueKind::Await(_))
                    && growth.at.end <= value.at
                    && value.at < removal.at.start
            })
    }

    pub(super) fn when_raised(&self, growth: &Effect) -> Confidence {
        let is_entry = self.program.runs(growth.func).often == crate::models::Runs::PerEvent;
        if self.kind == ProgramKind::Application || is_entry {
            Confidence::Medium
        } else {
            Confidence::Low
        }
    }

    /// C14: a missing key of a `defaultdict` is added although the code only looks at what is there.
    pub(super) fn is_accident(&self, effect: &Effect) -> bool {
        if effect.kind != EffectKind::ReadInserts
            || effect.value.is_some()
            || effect.is_inner
            || self.container.holds != Some(Holds::Defaultdict)
        {
            return false;
        }
        let Some(read) = effect.key else { return false };
        let file = effect.func.file;
        let facts = self.program.facts(file);
        let fact = &facts.funcs[effect.func.id];
        let is_item = |it: ValueId| matches!(facts.values[it].kind, ValueKind::Item { key, .. } if key == read);
        let is_asked =
            fact.calls.ids().any(
                |id: CallId| match facts.values[facts.calls[id].callee].kind {
                    ValueKind::Attr { base, name } => {
                        is_item(base)
                            && matches!(
                                self.program.name(file, name),
                                "items" | "values" | "keys" | "get" | "copy" | "count" | "index"
                            )
                    }
                    _ => false,
                },
            );
        let is_iterated = || {
            facts.defs.iter().any(|it| {
                it.func == effect.func.id
                    && matches!(it.kind, DefKind::Element(_))
                    && it.value.is_some_and(is_item)
            })
        };
        let origins = self.origins(effect);
        if origins.has(Origins::SELF) || !origins.is_open() {
            return false;
        }
        // Where something is put under the key too, the entry is wanted.
        let is_put = self.effects.iter().any(|it| {
            it.func == effect.func && matches!(it.kind, EffectKind::Grow(_) | EffectKind::Augment)
        });
        (is_asked || is_iterated()) && !is_put
    }
}
