//! What functions of the program hand out: what they have just opened, alone or in a tuple, and instances of classes that
//! open something.
//!
//! ```python
//! def pipe():
//!     reader, writer = os.pipe()
//!     os.set_inheritable(writer, True)
//!     return reader, writer               # calling `pipe` opens both
//! ```

use super::classes::{OwnClasses, Wrapper, matters};
use super::fresh::{self, End};
use super::models::{ModelOracle, Part, Resolve};
use super::oracle::Oracle;
use super::program::InProgram;
use crate::facts::model::{CallId, DefKind, FuncF, ResultKind, ValueId, ValueKind, VarId};
use crate::limits;
use crate::link::program::{Sym, last_name};
use crate::link::{ClassRef, Entity, FuncRef};
use crate::models::resources::{Api, Class, Kind};

/// An instance of a class of the program that a call gives, and the resource that it holds.
#[derive(Clone, Debug)]
pub(super) struct Made<'a> {
    /// The class.
    pub(super) class: ClassRef,
    /// What ends it.
    pub(super) api: &'a Api,
    /// What it holds.
    pub(super) kind: Kind,
    /// When CPython gives that back by itself.
    pub(super) release: Class,
    /// The library API that really opens it.
    pub(super) opener: String,
    /// The attribute that keeps it.
    pub(super) attribute: Sym,
    /// Whether its constructor is given it.
    pub(super) is_given: bool,
}

/// Whether what two APIs open is closed in the same way.
fn are_alike(one: &Api, other: &Api) -> bool {
    one.opens == other.opens
        && one.closers == other.closers
        && one.with_closes == other.with_closes
        && one.fields == other.fields
}

impl<'a> InProgram<'a> {
    /// The API whose fresh result a function returns, on every way out.
    pub(super) fn handed_out(&self, func: FuncRef) -> Option<String> {
        let (inside, fact) = self.plain(func)?;
        let resources = &self.program.models.resources;
        let oracle = inside.oracle();
        let mut opener: Option<String> = None;
        for value in inside.returned(fact) {
            for call in inside.fresh_calls(&oracle, value, End::Returned, 0)? {
                let (name, _) = inside.library(call)?;
                if oracle.acquires(call).is_empty() {
                    return None;
                }
                match &opener {
                    None => opener = Some(name.into_owned()),
                    Some(known) if **known == *name => {}
                    // Of two that are closed alike, the one that harms less when it is dropped.
                    Some(known) => {
                        let (one, other) = (resources.get(known)?, resources.get(&name)?);
                        if !are_alike(one, other) {
                            return None;
                        }
                        if one.class < other.class {
                            opener = Some(name.into_owned());
                        }
                    }
                }
            }
        }
        opener
    }

    /// A function that is called for what it returns: no generator, and nothing wraps it.
    fn plain(&self, func: FuncRef) -> Option<(Self, &'a FuncF)> {
        let inside = self.deeper(func.file)?;
        let fact = self.program.func(func);
        (!fact.is_generator && inside.is_undecorated(fact)).then_some((inside, fact))
    }

    /// What a function returns. A way that gives nothing opens nothing.
    fn returned(&self, fact: &FuncF) -> impl Iterator<Item = ValueId> + use<'a> {
        let facts = self.facts();
        facts.results[fact.results.range()]
            .iter()
            .filter(|it| it.kind == ResultKind::Return)
            .filter_map(|it| it.value)
            .filter(|&it| facts.values[it].kind != ValueKind::None)
    }

    /// The calls that a returned value is the result of.
    fn fresh_calls(
        &self,
        oracle: &dyn Oracle,
        value: ValueId,
        end: End,
        depth: u32,
    ) -> Option<Vec<CallId>> {
        if depth > limits::VALUE_DEPTH {
            return None;
        }
        let facts = self.facts();
        match facts.values[value].kind {
            ValueKind::Call(call) => Some(vec![call]),
            ValueKind::Await(inner) => self.fresh_calls(oracle, inner, end, depth + 1),
            ValueKind::Var(var) if self.is_kept(oracle, var, end) => {
                let mut out = Vec::new();
                for def in &facts.defs[facts.vars[var].defs.range()] {
                    let value = def.value.filter(|_| def.kind == DefKind::Assign)?;
                    match facts.values[value].kind {
                        ValueKind::None => {}
                        ValueKind::Call(_) | ValueKind::Await(_) | ValueKind::Choice(_) => {
                            out.extend(self.fresh_calls(oracle, value, end, depth + 1)?);
                        }
                        _ => return None,
                    }
                }
                (!out.is_empty()).then_some(out)
            }
            ValueKind::Choice(rows) => {
                let mut out = Vec::new();
                for &branch in self.program.list(self.file, rows).iter().skip(1) {
                    if facts.values[branch].kind != ValueKind::None {
                        out.extend(self.fresh_calls(oracle, branch, end, depth + 1)?);
                    }
                }
                (!out.is_empty()).then_some(out)
            }
            _ => None,
        }
    }

    /// What of a returned tuple is fresh, on every way out.
    pub(super) fn handed_parts(&self, func: FuncRef) -> Option<Vec<Part>> {
        let (inside, fact) = self.plain(func)?;
        let facts = inside.facts();
        let oracle = inside.oracle();
        let mut known: Option<Vec<Part>> = None;
        for value in inside.returned(fact) {
            let ValueKind::Tuple(rows) = facts.values[value].kind else {
                return None;
            };
            let elements = self.program.list(func.file, rows);
            if elements
                .iter()
                .all(|&it| facts.values[it].kind == ValueKind::None)
            {
                continue;
            }
            let mut parts = Vec::new();
            for (index, &element) in elements.iter().enumerate() {
                if let Some((api, field)) = inside.fresh_element(&oracle, element) {
                    parts.push(Part {
                        index: u8::try_from(index).ok()?,
                        api,
                        field,
                    });
                }
            }
            if known.get_or_insert_with(|| parts.clone()) != &parts {
                return None;
            }
        }
        known.filter(|it| !it.is_empty())
    }

    /// The API, and the part of what it gives, that an element of a returned tuple is fresh from.
    fn fresh_element(&self, oracle: &dyn Oracle, value: ValueId) -> Option<(String, Option<u8>)> {
        let facts = self.facts();
        let ValueKind::Var(var) = facts.values[value].kind else {
            return self.fresh_part(oracle, value, None);
        };
        if !self.is_kept(oracle, var, End::Returned) {
            return None;
        }
        let [def] = &facts.defs[facts.vars[var].defs.range()] else {
            return None;
        };
        match def.kind {
            DefKind::Assign => self.fresh_part(oracle, def.value?, None),
            DefKind::Unpack(index) => {
                self.fresh_part(oracle, def.value?, Some(u8::try_from(index).ok()?))
            }
            _ => None,
        }
    }

    fn fresh_part(
        &self,
        oracle: &dyn Oracle,
        value: ValueId,
        index: Option<u8>,
    ) -> Option<(String, Option<u8>)> {
        let facts = self.facts();
        let value = match facts.values[value].kind {
            ValueKind::Await(inner) => inner,
            _ => value,
        };
        let ValueKind::Call(call) = facts.values[value].kind else {
            return None;
        };
        let opened = oracle.acquires(call);
        // What stays on disk besides is not followed through tuples.
        let one = opened.iter().find(|it| it.field == index)?;
        if index.is_none() && opened.len() > 1 {
            return None;
        }
        if let Some((name, _)) = self.library(call) {
            let api = self.program.models.resources.get(&name)?;
            return (api.opens == Some(one.kind)).then(|| (name.into_owned(), index));
        }
        let parts = self.parts(call);
        let part = parts.into_iter().find(|it| Some(it.index) == index)?;
        Some((part.api, part.field))
    }

    /// The instance of a class of the program that a call gives, and with it a resource: of the class itself, or of a
    /// function that makes one and returns it.
    pub(super) fn made(&self, own: &'a OwnClasses, call: CallId) -> Option<Made<'a>> {
        let callee = crate::link::program::ValueRef {
            file: self.file,
            id: self.facts().calls[call].callee,
        };
        match self.program.entities(callee)[..] {
            [Entity::Class(class)] => match own.get(class) {
                Some(it) => Some(Made {
                    class,
                    api: &it.api,
                    kind: it.api.opens?,
                    release: it.api.class?,
                    opener: it.opener.clone(),
                    attribute: it.attribute,
                    is_given: false,
                }),
                None => own
                    .wrappers(class)
                    .iter()
                    .find_map(|it| self.given(own, class, it, call)),
            },
            [Entity::Func(func) | Entity::Bound(func)] => self.handed_instance(own, func),
            _ => None,
        }
    }

    /// What a constructor keeps that is given something fresh, which nobody else has.
    fn given(
        &self,
        own: &'a OwnClasses,
        class: ClassRef,
        wrapper: &'a Wrapper,
        call: CallId,
    ) -> Option<Made<'a>> {
        let inside = self.deeper(self.file)?;
        let oracle = inside.oracle();
        let fact = &self.facts().calls[call];
        let position = wrapper.param.checked_sub(1);
        let value = self
            .program
            .argument(self.file, fact, position, &wrapper.name)?;
        let mut made: Option<Made<'a>> = None;
        for opening in inside.fresh_calls(&oracle, value, End::Given(call), 0)? {
            let one = match inside.made(own, opening) {
                Some(it) => it,
                None => {
                    let acquires = oracle.acquires(opening);
                    let [one] = acquires.as_slice() else {
                        return None;
                    };
                    if one.field.is_some() || one.is_late || one.harmless || !matters(one.class) {
                        return None;
                    }
                    Made {
                        class,
                        api: &wrapper.api,
                        kind: one.kind,
                        release: one.class,
                        opener: oracle.opener(opening),
                        attribute: wrapper.attribute,
                        is_given: true,
                    }
                }
            };
            match &made {
                Some(known) if known.kind != one.kind => return None,
                Some(known) if known.release <= one.release => {}
                _ => {
                    made = Some(Made {
                        class,
                        api: &wrapper.api,
                        attribute: wrapper.attribute,
                        is_given: true,
                        ..one
                    });
                }
            }
        }
        made
    }

    fn handed_instance(&self, own: &'a OwnClasses, func: FuncRef) -> Option<Made<'a>> {
        let (inside, fact) = self.plain(func)?;
        let facts = inside.facts();
        let oracle = inside.oracle();
        let mut made: Option<Made<'a>> = None;
        for value in inside.returned(fact) {
            for call in inside.fresh_calls(&oracle, value, End::Returned, 0)? {
                let one = inside.made(own, call)?;
                let known = made.get_or_insert_with(|| one.clone());
                if (known.class, known.kind) != (one.class, one.kind) {
                    return None;
                }
            }
            // An instance that has been ended, or handed on by one of its methods, is nobody's to close; one that may be
            // open already is not followed.
            if let ValueKind::Var(var) = facts.values[value].kind
                && (inside.calls_ender(own, fact, var)
                    || made.as_ref().is_some_and(|it| !it.api.opened_by.is_empty()))
            {
                return None;
            }
        }
        made
    }

    fn calls_ender(&self, own: &OwnClasses, fact: &FuncF, var: VarId) -> bool {
        let facts = self.facts();
        fact.calls.ids().any(|id: CallId| {
            matches!(facts.values[facts.calls[id].callee].kind, ValueKind::Attr { base, name }
                if facts.values[base].kind == ValueKind::Var(var)
                    && own.is_ender(&facts.names[name.0 as usize]))
        })
    }

    fn oracle(self) -> ModelOracle<'a, Self> {
        ModelOracle {
            facts: self.facts(),
            resources: &self.program.models.resources,
            resolve: self,
            version: (3, 11),
        }
    }

    /// Whether what a function returns is what its caller gets.
    fn is_undecorated(&self, fact: &FuncF) -> bool {
        let facts = self.facts();
        let plain = ["staticmethod", "classmethod"];
        self.program
            .list(self.file, fact.decorators)
            .iter()
            .all(|&it| last_name(facts, it).is_some_and(|it| plain.contains(&it)))
    }

    fn is_kept(&self, oracle: &dyn Oracle, var: VarId, end: End) -> bool {
        let resources = &self.program.models.resources;
        fresh::is_kept_for(self.facts(), resources, oracle, var, end)
    }
}
