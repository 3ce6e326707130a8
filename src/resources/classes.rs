//! Classes of the program whose instances are resources themselves.
//!
//! ```python
//! class Link:
//!     def __init__(self, host): self.sock = socket.create_connection(host)     # the constructor opens
//!     def close(self): self.sock.close()                                       # a method gives it back
//!
//! def ask(host):
//!     link = Link(host)          # so calling the class opens, and who keeps it to himself has to close it
//!     return link.query()
//! ```
//!
//! A class counts only when all of it is seen, every instance opens something, and nothing but a call of a method
//! releases that: no finalizer, no constructor that hands the instance on. A method that hands it on (to a thread, to a
//! registry, to its caller) ends the obligation as a closing does. [`late`] are the classes that
//! open later, [`wrappers`] those that are given theirs.

mod late;
mod wrappers;

use rustc_hash::{FxHashMap, FxHashSet};

use super::fields::Field;

use crate::facts::model::{
    ArgF, CallId, ContextId, ContextKind, FileFacts, FuncId, ResultKind, Usage, Value, ValueId,
    ValueKind, VarId,
};
use crate::limits;
use crate::link::program::Sym;
use crate::link::{ClassRef, FuncRef, Program};
use crate::models::resources::{Api, Class, ender_rank};

pub use wrappers::Wrapper;

/// What calling one class opens.
#[derive(Clone, Debug)]
pub struct Owned {
    /// As a model.
    pub api: Api,
    /// The library API that really opens it.
    pub opener: String,
    /// The attribute that keeps it.
    pub attribute: Sym,
    /// The class whose constructor opens it.
    pub keeper: ClassRef,
}

/// All such classes.
#[derive(Debug, Default)]
pub struct OwnClasses {
    classes: FxHashMap<ClassRef, Owned>,
    /// Classes that keep what their constructor is given, and give it back.
    wrappers: FxHashMap<ClassRef, Vec<Wrapper>>,
    /// Methods that release or hand on some of them.
    enders: FxHashSet<Box<str>>,
}

/// Bases that bring no code that might release anything.
const INERT: &[&str] = &["object", "ABC", "ABCMeta", "Generic", "Protocol"];

impl OwnClasses {
    /// Finds them.
    #[must_use]
    pub fn of(program: &Program<'_>, fields: &[Field]) -> Self {
        let mut by_func: FxHashMap<FuncRef, Vec<&Field>> = FxHashMap::default();
        for field in fields {
            if counts(field) {
                let func = FuncRef {
                    file: field.file,
                    id: field.func,
                };
                by_func.entry(func).or_default().push(field);
            }
        }
        let mut out = Self::default();
        for class in program.class_refs() {
            if let Some(owned) =
                owned(program, class, &by_func).or_else(|| late::of(program, class, &by_func))
            {
                out.enders.extend(owned.api.closers.iter().cloned());
                out.classes.insert(class, owned);
                continue;
            }
            let wrappers = wrappers::of(program, class);
            if !wrappers.is_empty() {
                let apis = wrappers.iter().flat_map(|it| &it.api.closers);
                out.enders.extend(apis.cloned());
                out.wrappers.insert(class, wrappers);
            }
        }
        out
    }

    /// What calling a class opens.
    #[must_use]
    pub fn get(&self, class: ClassRef) -> Option<&Owned> {
        self.classes.get(&class)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.wrappers.is_empty()
    }

    /// What a class keeps of what its constructor is given.
    #[must_use]
    pub fn wrappers(&self, class: ClassRef) -> &[Wrapper] {
        self.wrappers.get(&class).map_or(&[], Vec::as_slice)
    }

    /// Whether a method of this name may end an instance's life.
    #[must_use]
    pub fn is_ender(&self, name: &str) -> bool {
        self.enders.contains(name)
    }
}

/// Whether it matters that such a field is lost with its object.
fn counts(field: &Field) -> bool {
    !field.harmless && !field.in_tuple && matters(field.class_of_release)
}

/// Whether what is given back like that is worth a word when the object around it is lost.
pub(super) const fn matters(class: Class) -> bool {
    matches!(class, Class::A | Class::B | Class::C)
}

fn owned(
    program: &Program<'_>,
    class: ClassRef,
    by_func: &FxHashMap<FuncRef, Vec<&Field>>,
) -> Option<Owned> {
    if by_func.is_empty() {
        return None;
    }
    let init = program.method(class, program.sym("__init__")?)?;
    let of = Members { program, class };
    let built = of.built_by(init);
    let field = built
        .iter()
        .filter_map(|it| by_func.get(it))
        .flatten()
        .find(|it| {
            is_certain(
                program,
                it.file,
                it.func,
                program.facts(it.file).calls[it.call].context,
            )
        })
        .copied()?;
    if !of.is_plain() || built.iter().any(|&it| of.hands_on(it)) {
        return None;
    }
    let is_closer = |name: &str| field.closers.iter().any(|it| &**it == name);
    Some(Owned {
        api: Api {
            opens: Some(field.kind),
            class: Some(field.class_of_release),
            ..of.api(field.name, &is_closer)?
        },
        opener: field.opener.clone(),
        attribute: field.name,
        keeper: field.class,
    })
}

/// Whether a function that returns has come by a place.
fn is_certain(program: &Program<'_>, file: u32, func: FuncId, context: Option<ContextId>) -> bool {
    let facts = program.facts(file);
    program.contexts(file, context).all(|it| match it {
        ContextKind::If { test, outcome } => {
            raises_otherwise(program, facts, file, func, (test, outcome))
        }
        ContextKind::Try
        | ContextKind::With { .. }
        | ContextKind::Class(_)
        | ContextKind::Finally
        | ContextKind::NotRaised => true,
        _ => false,
    })
}

/// Whether the other outcome of a test ends in an exception.
fn raises_otherwise(
    program: &Program<'_>,
    facts: &FileFacts,
    file: u32,
    func: FuncId,
    (test, outcome): (ValueId, bool),
) -> bool {
    let other = ContextKind::If {
        test,
        outcome: !outcome,
    };
    let mut raises = false;
    for result in &facts.results[facts.funcs[func].results.range()] {
        if program.contexts(file, result.context).any(|it| it == other) {
            if result.kind != ResultKind::Raise {
                return false;
            }
            raises = true;
        }
    }
    raises
}

/// A class with what it inherits.
struct Members<'a> {
    program: &'a Program<'a>,
    class: ClassRef,
}

impl Members<'_> {
    fn method(&self, name: &str) -> Option<FuncRef> {
        self.program.method(self.class, self.program.sym(name)?)
    }

    fn methods(&self) -> impl Iterator<Item = FuncRef> + '_ {
        self.program.mro(self.class).iter().flat_map(|&owner| {
            let methods = self.program.class(owner).methods.iter();
            methods.map(move |&id| FuncRef {
                file: owner.file,
                id,
            })
        })
    }

    /// Whether the class is made and kept as classes are, by code that is all seen.
    fn is_plain(&self) -> bool {
        let program = self.program;
        let Some(info) = program.class_info(self.class) else {
            return false;
        };
        let has_library = info.libraries.iter().any(|&it| {
            let text = program.api_text(it);
            !INERT.contains(&text.rsplit('.').next().unwrap_or(text))
        });
        let is_decorated = info
            .mro
            .iter()
            .any(|&it| !program.class(it).decorators.is_empty());
        let is_special = ["__del__", "__new__", "__getattr__", "__getattribute__"]
            .iter()
            .any(|&it| self.method(it).is_some());
        !info.has_unknown_base && !has_library && !is_decorated && !is_special
    }

    /// The constructor and the methods of the instance that it calls whatever happens.
    fn built_by(&self, init: FuncRef) -> Vec<FuncRef> {
        let program = self.program;
        let mut out = vec![init];
        let mut at = 0;
        while at < out.len() && out.len() < limits::OVERRIDES {
            let func = out[at];
            at += 1;
            for id in program.func(func).calls.ids::<crate::facts::model::CallF>() {
                let call = &program.facts(func.file).calls[id];
                if self.called_on_self(func, id).is_none()
                    || !is_certain(program, func.file, func.id, call.context)
                {
                    continue;
                }
                for target in program.targets(func.file, id) {
                    let of = program.class_of(target.func);
                    if of.is_some_and(|it| program.mro(self.class).contains(&it))
                        && !out.contains(&target.func)
                    {
                        out.push(target.func);
                    }
                }
            }
        }
        out
    }

    fn self_of(&self, func: FuncRef) -> Option<VarId> {
        let program = self.program;
        let fact = program.func(func);
        let first = program
            .facts(func.file)
            .params
            .get(fact.params.start as usize)?;
        if fact.params.is_empty() {
            return None;
        }
        let selfs = &program.files[func.file as usize].selfs;
        matches!(selfs.get(&first.var), Some((_, false))).then_some(first.var)
    }

    /// The name of the method when a call is one of the instance's: `self.open()`, `super().open()`.
    fn called_on_self(&self, func: FuncRef, call: CallId) -> Option<Sym> {
        let facts = self.program.facts(func.file);
        let ValueKind::Attr { base, name } = facts.values[facts.calls[call].callee].kind else {
            return None;
        };
        let is_self = match facts.values[base].kind {
            ValueKind::Var(var) => self.self_of(func) == Some(var),
            ValueKind::Call(inner) => self.calls_builtin(facts, inner, &["super"]),
            _ => false,
        };
        is_self.then(|| self.program.sym_of(func.file, name))
    }

    fn calls_builtin(&self, facts: &FileFacts, call: CallId, names: &[&str]) -> bool {
        matches!(facts.values[facts.calls[call].callee].kind, ValueKind::Var(var)
            if facts.vars[var].defs.is_empty()
                && names.contains(&&facts.names[facts.vars[var].name.0 as usize]))
    }

    /// Whether a method gives the instance, or one of its methods, to somebody else.
    fn hands_on(&self, func: FuncRef) -> bool {
        let program = self.program;
        let facts = program.facts(func.file);
        let fact = program.func(func);
        let Some(this) = self.self_of(func) else {
            return false;
        };
        if facts.vars[this].is_captured {
            return true;
        }
        let ids = || fact.values.ids::<Value>();
        let mut open: FxHashSet<ValueId> = ids()
            .filter(|&it| facts.values[it].kind == ValueKind::Var(this))
            .collect();
        for id in ids() {
            match facts.values[id].kind {
                ValueKind::Attr { base: it, .. }
                | ValueKind::Not(it)
                | ValueKind::Item { base: it, .. } => {
                    open.remove(&it);
                }
                ValueKind::Compare { left, right, .. } => {
                    open.remove(&left);
                    open.remove(&right);
                }
                _ => {}
            }
        }
        for store in &facts.stores.as_slice()[fact.stores.range()] {
            open.remove(&store.base);
        }
        let asking = [
            "super",
            "isinstance",
            "hasattr",
            "getattr",
            "setattr",
            "type",
            "id",
            "len",
            "str",
            "repr",
            "hash",
            "vars",
            "print",
            "callable",
        ];
        for id in fact.calls.ids() {
            if self.calls_builtin(facts, id, &asking) {
                for arg in &facts.args[facts.calls[id].args.range()] {
                    open.remove(&arg.value);
                }
            } else if let ValueKind::Attr { .. } = facts.values[facts.calls[id].callee].kind
                && let Some(ArgF { value, .. }) = facts.args[facts.calls[id].args.range()].first()
                && self.calls_base(func, id)
            {
                // `Base.__init__(self)`
                open.remove(value);
            }
        }
        if !open.is_empty() {
            return true;
        }
        facts.reads[fact.reads.range()].iter().any(|read| {
            let ValueKind::Attr { base, name } = facts.values[read.value].kind else {
                return false;
            };
            facts.values[base].kind == ValueKind::Var(this)
                && !matches!(
                    read.usage,
                    Usage::Called
                        | Usage::Receiver
                        | Usage::AttrBase
                        | Usage::Tested
                        | Usage::Discarded
                )
                && program
                    .method(self.class, program.sym_of(func.file, name))
                    .is_some_and(|it| !program.is_property(it))
        })
    }

    /// Whether a call calls a method of a base by the name of the class.
    fn calls_base(&self, func: FuncRef, call: CallId) -> bool {
        let targets = self.program.targets(func.file, call);
        !targets.is_empty()
            && targets.iter().all(|it| {
                it.skip == 0
                    && self
                        .program
                        .class_of(it.func)
                        .is_some_and(|it| self.program.mro(self.class).contains(&it))
            })
    }

    /// The model of an instance that holds a resource on an attribute: what ends that. `None` when nothing of it does.
    fn api(&self, attribute: Sym, is_closer: &dyn Fn(&str) -> bool) -> Option<Api> {
        let (closers, real) = self.enders(attribute, is_closer);
        let with_closes = ["__exit__", "__aexit__"]
            .iter()
            .any(|&it| self.method(it).is_some());
        if real.is_empty() && !with_closes {
            return None;
        }
        let rank = |name: &str| (!real.contains(name), ender_rank(name).unwrap_or(usize::MAX));
        let mut names: Vec<Box<str>> = closers.into_iter().map(Into::into).collect();
        names.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.cmp(b)));
        let iterates = ["__iter__", "__next__", "__aiter__", "__anext__"];
        Some(Api {
            exhaustible: names.iter().any(|it| iterates.contains(&&**it)),
            closers: names,
            with_closes,
            ..Api::default()
        })
    }

    /// Names of members whose use may end what an attribute holds, and of those the methods that really release it.
    fn enders(
        &self,
        attribute: Sym,
        is_closer: &dyn Fn(&str) -> bool,
    ) -> (FxHashSet<String>, FxHashSet<String>) {
        let program = self.program;
        let mut all: FxHashSet<String> = FxHashSet::default();
        let mut real: FxHashSet<String> = FxHashSet::default();
        // Whoever takes the inner resource out may release it.
        all.insert(program.text(attribute).to_owned());
        for func in self.methods() {
            let name = program.func_name(func);
            if self.releases(func, attribute, is_closer) {
                real.insert(name.to_owned());
                all.insert(name.to_owned());
            } else if ender_rank(name).is_some()
                || self.hands_on(func)
                || self.lets_out(func, attribute)
            {
                all.insert(name.to_owned());
            }
        }
        let mut grows = true;
        while grows {
            grows = false;
            for func in self.methods() {
                let name = program.func_name(func);
                for id in program.func(func).calls.ids() {
                    let Some(called) = self.called_on_self(func, id) else {
                        continue;
                    };
                    let called = program.text(called);
                    if real.contains(called) && !real.contains(name) {
                        grows = true;
                        real.insert(name.to_owned());
                    }
                    if all.contains(called) && !all.contains(name) {
                        grows = true;
                        all.insert(name.to_owned());
                    }
                }
            }
        }
        for it in ["__init__", "__enter__", "__aenter__"] {
            all.remove(it);
            real.remove(it);
        }
        real.retain(|it| !it.starts_with("__"));
        (all, real)
    }

    fn is_field(&self, func: FuncRef, value: ValueId, attribute: Sym) -> bool {
        let facts = self.program.facts(func.file);
        match facts.values[value].kind {
            ValueKind::Attr { name, .. } => self.program.sym_of(func.file, name) == attribute,
            ValueKind::Await(inner) => self.is_field(func, inner, attribute),
            _ => false,
        }
    }

    /// Whether a method calls a closer of what the attribute holds.
    fn releases(&self, func: FuncRef, attribute: Sym, is_closer: &dyn Fn(&str) -> bool) -> bool {
        let program = self.program;
        let facts = program.facts(func.file);
        let fact = program.func(func);
        fact.calls.ids::<crate::facts::model::CallF>().any(|id| {
            let call = &facts.calls[id];
            let is_method = match facts.values[call.callee].kind {
                ValueKind::Attr { base, name } => {
                    self.is_field(func, base, attribute) && is_closer(&facts.names[name.0 as usize])
                }
                _ => false,
            };
            // `os.close(self.fd)`, `stop(self.process)`
            let is_given = crate::link::program::last_name(facts, call.callee)
                .is_some_and(|it| is_closer(it) || ender_rank(it).is_some())
                && facts.args[call.args.range()]
                    .iter()
                    .any(|it| self.is_field(func, it.value, attribute));
            is_method || is_given
        })
    }

    /// Whether a method does anything with the attribute but to use it.
    fn lets_out(&self, func: FuncRef, attribute: Sym) -> bool {
        let program = self.program;
        let facts = program.facts(func.file);
        facts.reads[program.func(func).reads.range()]
            .iter()
            .any(|it| {
                self.is_field(func, it.value, attribute)
                    && !matches!(
                        it.usage,
                        Usage::Receiver
                            | Usage::AttrBase
                            | Usage::Tested
                            | Usage::Searched
                            | Usage::Iterated
                            | Usage::Discarded
                    )
            })
    }
}
