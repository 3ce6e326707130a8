//! What the analysis of one function asks of the rest of the program.

use crate::facts::model::{CallId, FuncId};
use crate::models::resources::{Class, Effect, Kind};

/// A resource that a call opens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acquire<'a> {
    /// What it is.
    pub kind: Kind,
    /// When CPython gives it back by itself.
    pub class: Class,
    /// Methods that release it.
    pub closers: &'a [Box<str>],
    /// Methods that use it up, so that it releases itself.
    pub ended_by: &'a [Box<str>],
    /// Methods that fail in the ordinary course of things.
    pub fails: &'a [Box<str>],
    /// Those that do once it has a time limit.
    pub fails_timed: &'a [Box<str>],
    /// Whether it has one from the start.
    pub is_timed: bool,
    /// Methods that only its owner calls.
    pub owned_by: &'a [Box<str>],
    /// Methods that release it, or raise and leave it when the time that they are given is over.
    pub gives_up: &'a [Box<str>],
    /// Methods that release it only when they are awaited.
    pub awaited: &'a [Box<str>],
    /// Attributes and methods whose value stands for it.
    pub handles: &'a [Box<str>],
    /// Attributes that are it: closing the part closes the whole.
    pub parts: &'a [Box<str>],
    /// Methods that open what the call only makes.
    pub opened_by: &'a [Box<str>],
    /// Whether the call only makes it.
    pub is_late: bool,
    /// The position of the returned tuple where it is; `None` when the result itself is it.
    pub field: Option<u8>,
    /// Whether `with` releases it.
    pub with_closes: bool,
    /// Whether iterating it to its end closes it.
    pub exhaustible: bool,
    /// Whether dropping it costs nothing that lasts.
    pub harmless: bool,
}

/// Answers about calls. What is not known is answered so that no finding can rest on it.
pub trait Oracle {
    /// What a call opens.
    fn acquires(&self, call: CallId) -> Vec<Acquire<'_>>;

    /// What a call does to its argument at this place of the facts' list.
    fn effect_of_argument(&self, call: CallId, index: usize) -> Effect;

    /// Whether a call calls a library API that has a model.
    fn is_modeled(&self, call: CallId) -> bool;

    /// What a method call does to the object it is called on, closers of the object itself aside.
    fn method_effect(&self, call: CallId) -> Effect;

    /// Whether resources have a method of this name.
    fn is_method(&self, name: &str) -> bool;

    /// Whether control never comes back.
    fn never_returns(&self, call: CallId) -> bool;

    /// Whether the call can be relied on not to raise.
    fn cannot_raise(&self, call: CallId) -> bool;

    /// Whether a method call on the instance itself leaves alone what this attribute of it holds.
    fn spares(&self, _call: CallId, _attribute: &str) -> bool {
        false
    }

    /// Whether what the function yields is closed by the function itself later (`contextmanager`, a fixture).
    fn lends_what_it_yields(&self, func: FuncId) -> bool;

    /// Whether whoever drives the function never throws into it (a fixture).
    fn yields_in_peace(&self, func: FuncId) -> bool;
}
