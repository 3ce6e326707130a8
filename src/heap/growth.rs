//! When does a container only grow?
//!
//! A container leaks when it stands in a place that lives as long as the process, grows after import with keys or elements
//! from an open domain, and nothing that can run bounds it. Most of the work is in the last clause: each bounding idiom is
//! one function below that names itself (`S1` … `S14` of the design), and what separates true from false among the rest is
//! evidence.
//!
//! ```python
//! CACHE = {}                       # candidate: a module's dict
//! def get(key):                    # nothing shows that it runs only once
//!     if key not in CACHE:
//!         CACHE[key] = load(key)   # grows: the key is a parameter whose callers are not all known
//!     return CACHE[key]            # no removal, no rebinding, no bound: a finding
//! ```

mod bounds;
mod container;
mod domain;
mod evidence;
mod pairs;
mod paths;
mod queries;
mod site;

pub use crate::discover::ProgramKind;

use super::origin::Origins;
use crate::facts::model::{ContextKind, Home, ValueId, ValueKind};
use crate::finding::Confidence;
use crate::link::effects::{Effect, EffectKind};
use crate::link::program::ValueRef;
use crate::link::runs::{Run, Why};
use crate::link::{ClassRef, FuncRef, PlaceKey, Program};
use crate::models::{BaseKind, Holds, Runs};

/// A container in a place.
#[derive(Clone, Debug)]
pub struct Container {
    /// The place.
    pub key: PlaceKey,
    /// How it holds; `None` when only the operations tell that it is a container.
    pub holds: Option<Holds>,
    /// The values that are bound to the place.
    pub values: Vec<ValueRef>,
}

/// A container that only grows.
#[derive(Clone, Debug)]
pub struct Growth {
    /// The container.
    pub container: Container,
    /// The operation to point at.
    pub site: Effect,
    /// Other growing operations.
    pub others: Vec<Effect>,
    /// How often it runs.
    pub run: Run,
    /// Where its key comes from (of a list, the element).
    pub origins: Origins,
    /// How sure we are.
    pub confidence: Confidence,
    /// Evidence, as codes of the design.
    pub evidence: Vec<&'static str>,
    /// Bytes added at import, when that is what makes it large.
    pub import_bytes: Option<u64>,
    /// A bulk removal that nothing calls.
    pub uncalled_removal: Option<Effect>,
    /// Where keys are taken out of the container beside it that gets the same ones (E3).
    pub sibling: Option<Effect>,
    /// Where the class beside takes keys out of its container of the same name (E4).
    pub twin: Option<Effect>,
    /// Where what it counts is counted down, and the key stays.
    pub counted_down: Option<Effect>,
    /// What beside it holds the same keys weakly, and forgets them.
    pub weak_beside: Option<Effect>,
    /// Where what was added is taken out again, unless something raises before.
    pub unless_raised: Option<Effect>,
    /// Whether it grows by accident: a missing key of a `defaultdict` is only looked at.
    pub is_read: bool,
}

impl Growth {
    /// Whether what is added to a local of a function stays when its call is done: the operation serves events, in a loop
    /// that never ends or in a function inside, or the function hands that one out while the program starts.
    #[must_use]
    pub fn outlives_calls(&self, program: &Program<'_>) -> bool {
        let PlaceKey::Var(var) = self.container.key else {
            return true;
        };
        let fact = program.var(var);
        if fact.home == Home::Module {
            return true;
        }
        let owner = FuncRef {
            file: var.file,
            id: fact.func,
        };
        let is_inside = self.site.func != owner;
        let is_handed_out = program
            .effects(self.container.key)
            .iter()
            .any(|it| matches!(it.kind, EffectKind::Escape(_)));
        self.run.often == Runs::PerEvent && (is_inside || !is_handed_out)
            || is_inside
                && (program.runs(owner).often == Runs::Import || program.decorates_at_import(owner))
                && program.returned_funcs(owner).contains(&self.site.func)
    }

    /// Whether the program itself shows that what is added was meant to go, however long the owner lives.
    #[must_use]
    pub fn shows_a_life(&self) -> bool {
        self.sibling.is_some()
            || self.twin.is_some()
            || self.counted_down.is_some()
            || self.weak_beside.is_some()
            || self.unless_raised.is_some()
            || self.is_read
    }

    /// How sure it is that it grows with the work of an object that serves, when it does: each piece of work adds a key.
    #[must_use]
    pub fn grows_in_service(&self, program: &Program<'_>) -> Option<Confidence> {
        let PlaceKey::Instance(class, _) = self.container.key else {
            return None;
        };
        let has = |codes: &[&str]| self.evidence.iter().any(|it| codes.contains(it));
        let is_keyed = self.site.key.is_some()
            && !matches!(
                self.container.holds,
                Some(Holds::List | Holds::Deque | Holds::Queue)
            );
        let is_data = has(&["E1", "E2", "E5", "E7", "E8", "E9"]);
        let is_of_work = program.is_work_key(self.site.func, self.site.key, 4);
        if !is_keyed || !is_data && !is_of_work || !program.serves(class) {
            return None;
        }
        let is_new = has(&["E1", "E7"]) || self.origins.has(Origins::FRESH_ID) || is_of_work;
        Some(if is_new && program.is_in_work(self.site.func, 5) {
            Confidence::Medium
        } else {
            Confidence::Low
        })
    }

    /// Whether what is added is an exception with its traceback, and so all frames that it passed: a story of its own.
    #[must_use]
    pub fn keeps_frames(&self, program: &Program<'_>) -> bool {
        let file = self.site.func.file;
        self.site
            .value
            .is_some_and(|id| program.holds_traceback(self.site.func, ValueRef { file, id }))
    }
}

impl Program<'_> {
    /// Whether a place only grows, and how sure that is.
    #[must_use]
    pub fn growth(&self, key: PlaceKey, kind: ProgramKind) -> Option<Growth> {
        self.judge_growth(key, kind).ok()
    }

    /// Whether a place only grows, and how sure that is; or what bounds it.
    ///
    /// # Errors
    ///
    /// What bounds it.
    pub fn judge_growth(&self, key: PlaceKey, kind: ProgramKind) -> Result<Growth, Bound> {
        // What tests do to a container says nothing about the program.
        let is_test = |file: u32| self.files[file as usize].is_test;
        let in_test = is_test(self.place_file(key));
        let effects: Vec<Effect> = self
            .effects(key)
            .iter()
            .filter(|it| in_test || !is_test(it.func.file))
            .filter(|it| !self.is_never_defined(it.func))
            .copied()
            .collect();
        let effects = effects.as_slice();
        if !effects.iter().any(|it| it.kind.grows()) {
            return Err(Bound::NoGrowth);
        }
        let container = self.container(key).ok_or(Bound::Kind)?;
        let mut judge = Judge {
            program: self,
            kind,
            key,
            effects,
            container: &container,
            uncalled: None,
            unless_raised: Vec::new(),
            is_only_cleared: false,
        };
        judge.bounded()?;
        let mut sites = Vec::new();
        let mut why = Bound::NoGrowth;
        for effect in effects.iter().filter(|it| it.kind.grows()) {
            match judge.candidate(effect) {
                Ok(site) => sites.push(site),
                Err(bound) => why = why.max(bound),
            }
        }
        sites.sort_by_key(|it| {
            (
                std::cmp::Reverse(it.confidence),
                it.counted_down.is_none() && it.weak_beside.is_none() && it.twin.is_none(),
                std::cmp::Reverse(it.run.often),
                it.effect.func,
                it.effect.at,
            )
        });
        let uncalled_removal = judge.uncalled;
        let best = sites.first().ok_or(why)?.clone();
        Ok(Growth {
            site: best.effect,
            others: sites[1..].iter().map(|it| it.effect).collect(),
            run: best.run,
            origins: best.origins,
            confidence: best.confidence,
            evidence: best.evidence,
            import_bytes: best.import_bytes,
            uncalled_removal,
            sibling: best.sibling,
            twin: best.twin,
            counted_down: best.counted_down,
            weak_beside: best.weak_beside,
            unless_raised: best.unless_raised,
            is_read: best.is_read,
            container,
        })
    }
}

/// What keeps a container from growing without end, or us from saying that it does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Bound {
    /// Nothing adds to it.
    NoGrowth,
    /// It is no container, or one that evicts by itself (S2, S11).
    Kind,
    /// Something is taken out (S1).
    Removal,
    /// Something is taken out of an attribute of this name, of an object of unknown type (S1).
    GuessedRemoval,
    /// It is replaced by a new one (S3).
    Rebinding,
    /// Its length is looked at where it grows (S10).
    Length,
    /// It is a registry (S9).
    Registry,
    /// It remembers what was warned about (S8).
    WarnOnce,
    /// It stands in generated code (S12).
    Foreign,
    /// The operation replaces an element, or works on numbers.
    Replaces,
    /// The operation runs at import, or once (S4).
    RunsOnce,
    /// The operation runs only while the container is empty, or a flag is not set (S4).
    Guard,
    /// The operation runs only when debugging (S13).
    Debug,
    /// What is added is taken out on the way out of the same function (S1).
    Finally,
    /// Keys come from a closed domain (S5 to S7, S15).
    Domain,
    /// An object adds once, while it is made or finalized.
    OfObject,
}

#[derive(Clone)]
struct Candidate {
    effect: Effect,
    run: Run,
    origins: Origins,
    confidence: Confidence,
    evidence: Vec<&'static str>,
    import_bytes: Option<u64>,
    sibling: Option<Effect>,
    twin: Option<Effect>,
    counted_down: Option<Effect>,
    weak_beside: Option<Effect>,
    unless_raised: Option<Effect>,
    is_read: bool,
}

struct Judge<'a, 'm> {
    program: &'a Program<'m>,
    kind: ProgramKind,
    key: PlaceKey,
    effects: &'a [Effect],
    container: &'a Container,
    uncalled: Option<Effect>,
    /// Removals that are left out when something raises between the growth and them.
    unless_raised: Vec<Effect>,
    /// Whether it is emptied as a whole at times, and never key by key.
    is_only_cleared: bool,
}

fn unless(is_so: bool, bound: Bound) -> Result<(), Bound> {
    if is_so { Err(bound) } else { Ok(()) }
}

impl Judge<'_, '_> {
    /// What in the program bounds the container as a whole.
    fn bounded(&mut self) -> Result<(), Bound> {
        unless(
            self.is_shrunk() && !self.is_forgotten_beside(),
            Bound::Removal,
        )?;
        unless(self.is_removal_guessed(), Bound::GuessedRemoval)?;
        if self.is_rebound() {
            // What is added by accident between two new containers is still added by accident.
            self.is_only_cleared |= self.effects.iter().any(|it| self.is_accident(it));
            unless(!self.is_only_cleared, Bound::Rebinding)?;
        }
        unless(self.is_length_checked(), Bound::Length)?;
        unless(self.is_registry(), Bound::Registry)?;
        unless(self.is_warn_once(), Bound::WarnOnce)?;
        unless(self.is_foreign_code(), Bound::Foreign)
    }

    /// Judges one growing operation: what keeps it from growing the container without end.
    fn candidate(&self, effect: &Effect) -> Result<Candidate, Bound> {
        let program = self.program;
        unless(!self.adds(effect), Bound::Replaces)?;
        // An object that stores itself while it is finalized is brought back to life; that is another story.
        unless(is_of_finalizer(program, effect.func), Bound::OfObject)?;
        let unless_raised = self.removal_after(effect);
        unless(
            !self.unless_raised.is_empty() && unless_raised.is_none(),
            Bound::Removal,
        )?;
        let is_read = self.is_accident(effect);
        unless(self.is_only_cleared && !is_read, Bound::Removal)?;
        let run = program.runs_at(effect.func, effect.context);
        let import_bytes = self.import_bytes(effect, run.often);
        let is_rare = run.often < Runs::PerInstance;
        unless(import_bytes.is_none() && is_rare, Bound::RunsOnce)?;
        unless(
            run.why == Why::Name && run.often == Runs::Once,
            Bound::RunsOnce,
        )?;
        unless(self.is_once_guarded(effect), Bound::Guard)?;
        unless(self.is_debug(effect), Bound::Debug)?;
        unless(self.is_removed_in_finally(effect), Bound::Finally)?;
        let origins = self.origins(effect);
        let is_closed = import_bytes.is_none() && self.is_closed_domain(effect, origins);
        unless(is_closed, Bound::Domain)?;
        // What an object gives itself as it is made is there once for each object.
        let is_own = matches!(self.key, PlaceKey::Instance(..))
            && matches!(
                program.func_name(effect.func),
                "__init__" | "__new__" | "__post_init__" | "__setstate__" | "__attrs_post_init__"
            );
        unless(is_own, Bound::OfObject)?;
        // So is what a function gives to one that it makes: `wrapper.__dict__.update(…)`.
        let is_of_made = matches!(self.key, PlaceKey::Func(made, _) if program.parent(made) == Some(effect.func) && effect.func.id.index() != 0);
        unless(is_of_made, Bound::OfObject)?;
        let weak_beside = self.weak_beside(effect);
        // What is weak is cleaned up by itself.
        let sibling = self.sibling(effect).filter(|_| weak_beside.is_none());
        let (mut confidence, mut evidence) = self.confidence(effect, run, origins, import_bytes);
        if sibling.is_some() {
            evidence.push("E3");
            confidence = confidence.max(Confidence::Medium);
        }
        let twin = self.twin(effect);
        if twin.is_some() {
            evidence.push("E4");
            confidence = confidence.max(Confidence::Medium);
        }
        let counted_down = self.counted_down(effect);
        if counted_down.is_some() || weak_beside.is_some() {
            confidence = confidence.max(Confidence::Medium);
        }
        if unless_raised.is_some() {
            evidence.push("C27");
            confidence = self.when_raised(effect);
        }
        if is_read {
            evidence.push("C14");
            // Whoever serves is asked for anything; elsewhere most keys are the program's own.
            // What the program takes out at times is put back by a look.
            let is_tended = self.effects.iter().any(|it| it.kind.shrinks());
            let is_asked = is_tended || run.often == Runs::PerEvent || self.has_open_name(effect);
            confidence = if is_asked {
                Confidence::Medium
            } else {
                Confidence::Low
            };
        }
        Ok(Candidate {
            effect: *effect,
            run,
            origins,
            confidence,
            evidence,
            import_bytes,
            sibling,
            twin,
            counted_down,
            weak_beside,
            unless_raised,
            is_read,
        })
    }

    /// Whether a value stands in the judged place.
    fn is_here(&self, file: u32, value: ValueId) -> bool {
        self.program
            .places(ValueRef { file, id: value })
            .iter()
            .any(|it| it.key == self.key && !it.is_inner)
    }

    fn is_under_membership_test(&self, effect: &Effect) -> bool {
        let file = effect.func.file;
        let facts = self.program.facts(file);
        self.program.under(file, effect.context, |it| match it {
            ContextKind::If { test, .. } => self.mentions_membership(file, facts, test, 4),
            _ => false,
        })
    }

    fn mentions_membership(
        &self,
        file: u32,
        facts: &crate::facts::model::FileFacts,
        test: ValueId,
        depth: u32,
    ) -> bool {
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        match facts.values[test].kind {
            ValueKind::Compare {
                op: crate::syntax::tree::CompareOp::In | crate::syntax::tree::CompareOp::NotIn,
                right,
                ..
            } => self.is_here(file, right),
            ValueKind::Not(inner) => self.mentions_membership(file, facts, inner, depth),
            ValueKind::And(rows) | ValueKind::Or(rows) => self
                .program
                .list(file, rows)
                .iter()
                .any(|&it| self.mentions_membership(file, facts, it, depth)),
            _ => false,
        }
    }
}

/// Whether a class's members are declarations rather than shared state.
#[must_use]
pub fn is_declarative(program: &Program<'_>, class: ClassRef) -> bool {
    [BaseKind::Declarative, BaseKind::Enum, BaseKind::Metaclass]
        .iter()
        .any(|&it| program.is_kind(class, it))
}

/// Whether only finalizers run a function: what they do to their object is another rule's business.
fn is_of_finalizer(program: &Program<'_>, func: FuncRef) -> bool {
    let is_finalizer = |it: FuncRef| program.func_name(it) == "__del__";
    let callers = program.callers(func);
    is_finalizer(func)
        || !callers.is_empty()
            && callers.iter().all(|&it| {
                is_finalizer(FuncRef {
                    file: it.file,
                    id: program.call(it).func,
                })
            })
}
