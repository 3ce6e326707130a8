//! Objects that serve.
//!
//! A library makes none of its servers, clients and schedulers itself, so nothing shows how long one lives. What its class
//! does tells: an object that takes work again and again until somebody ends it lives as long as its user's work does, and
//! what it collects stays for as long.
//!
//! ```python
//! class Executor:
//!     def submit(self, job): ...      # takes work
//!     def shutdown(self): ...         # until somebody ends it
//! ```

use crate::facts::model::{DefKind, ValueId, ValueKind};
use crate::link::classes::Member;
use crate::link::program::{ValueRef, last_name};
use crate::link::{ClassRef, Entity, FuncRef, Program};
use crate::models::Runs;

/// Classes above and below that are asked.
const RELATED: usize = 32;

impl Program<'_> {
    /// Whether objects of a class serve: they go on until somebody ends them.
    #[must_use]
    pub fn serves(&self, class: ClassRef) -> bool {
        if self.is_short_lived(class) {
            return false;
        }
        let mut takes = false;
        let mut begins = false;
        let mut ends = false;
        for owner in self.related(class) {
            for &id in &self.class(owner).methods {
                let func = FuncRef {
                    file: owner.file,
                    id,
                };
                if self.goes_on(func) {
                    return true;
                }
                let name = self.func_name(func);
                takes |= self.models.takes_work(name);
                begins |= self.models.is_beginning(name);
                ends |= self.models.is_ending(name);
            }
        }
        ends && (takes || begins) || self.runs_thread(class)
    }

    /// Whether a function is a part of what such an object does: it takes work, handles an event or goes on itself, or
    /// one that calls it does.
    #[must_use]
    pub fn is_in_work(&self, func: FuncRef, depth: u32) -> bool {
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        self.runs(func).often == Runs::PerEvent
            || self.models.takes_work(self.func_name(func))
            || self.goes_on(func)
            || self.callers(func).iter().take(RELATED).any(|&it| {
                let by = FuncRef {
                    file: it.file,
                    id: self.call(it).func,
                };
                !self.files[it.file as usize].is_test && self.is_in_work(by, depth)
            })
    }

    /// Whether a key names one piece of work: `request_id`, `job.id`, `(channel, msg.seq)`, or a name for such a thing.
    #[must_use]
    pub fn is_work_key(&self, func: FuncRef, key: Option<ValueId>, depth: u32) -> bool {
        let (Some(key), Some(depth)) = (key, depth.checked_sub(1)) else {
            return false;
        };
        let file = func.file;
        let facts = self.facts(file);
        match facts.values[key].kind {
            ValueKind::Var(var) => {
                let fact = &facts.vars[var];
                self.models.is_work_key(&facts.names[fact.name.0 as usize])
                    || match &facts.defs[fact.defs.range()] {
                        [def] if def.kind == DefKind::Assign => {
                            self.is_work_key(func, def.value, depth)
                        }
                        _ => false,
                    }
            }
            ValueKind::Attr { base, name } => {
                let name = self.name(file, name);
                let of = last_name(facts, base).unwrap_or("");
                self.models.is_work_key(name)
                    || matches!(name, "id" | "uuid" | "key" | "number" | "seq")
                        && self.models.is_work_item(of)
            }
            ValueKind::Tuple(rows) => self
                .list(file, rows)
                .iter()
                .any(|&it| self.is_work_key(func, Some(it), depth)),
            _ => false,
        }
    }

    /// The class, those above it, and those below.
    fn related(&self, class: ClassRef) -> Vec<ClassRef> {
        let mut all: Vec<ClassRef> = self.mro(class).to_vec();
        let mut next = 0;
        let mut below = vec![class];
        while let Some(&it) = below.get(next)
            && all.len() < RELATED
        {
            next += 1;
            if let Some(info) = self.class_info(it) {
                below.extend(&info.subclasses);
                all.extend(&info.subclasses);
            }
        }
        all
    }

    /// Whether an object keeps a thread, a process, a pool or a task of its own.
    fn runs_thread(&self, class: ClassRef) -> bool {
        self.mro(class).iter().any(|&owner| {
            self.class_info(owner).is_some_and(|info| {
                info.libraries.iter().any(|&it| self.models.is_worker(it))
                    || info.attrs.keys().any(|&name| {
                        matches!(self.member_of(class, name), Some(Member::Attr(_)))
                            && self.attr_stores(class, name).any(|store| {
                                let value = self.facts(store.file).stores[store.id].value;
                                value.is_some_and(|id| {
                                    let value = ValueRef {
                                        file: store.file,
                                        id,
                                    };
                                    self.entities(value).iter().any(|it| {
                                        matches!(it, Entity::ExternalInstance(node) if self.models.is_worker(*node))
                                    })
                                })
                            })
                    })
            })
        })
    }
}
