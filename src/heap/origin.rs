//! Where a key or an added value comes from: the domain that decides whether a container stops growing by itself.
//!
//! A key that is a constant at every call site bounds its container; a key that a caller, a request or a clock chooses does
//! not. The answer is a set, because a variable may have several bindings and a function several callers.

use crate::facts::model::{ArgKindF, CallF, ContextKind, DefKind, Home, Usage, ValueKind};
use crate::link::program::{ValueRef, last_name};
use crate::link::{Entity, FuncRef, PlaceKey, Program, VarRef};
use crate::models::Runs;
use crate::syntax::tree::{CompKind, ParamKind};

/// A set of origins.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Origins(u32);

impl Origins {
    /// A constant, or something that the program itself fixes.
    pub const CONST: Self = Self(1);
    /// A parameter of a function whose callers are not all known.
    pub const PARAM: Self = Self(1 << 1);
    /// A parameter that carries an event (a request, a message), or a part of it.
    pub const EVENT: Self = Self(1 << 2);
    /// A class, function, module, enum member, or their names: as many as the program defines.
    pub const FINITE: Self = Self(1 << 3);
    /// `id(x)` or `hash(x)`.
    pub const IDENTITY: Self = Self(1 << 4);
    /// A thread ident, which is reused.
    pub const THREAD_IDENT: Self = Self(1 << 5);
    /// A thread, task or greenlet object.
    pub const THREAD_OBJECT: Self = Self(1 << 6);
    /// A clock, a counter, a random number, a fresh unique id.
    pub const FRESH_ID: Self = Self(1 << 7);
    /// A new object.
    pub const FRESH: Self = Self(1 << 8);
    /// Serialized or formatted data.
    pub const TEXT: Self = Self(1 << 9);
    /// An attribute of the instance.
    pub const SELF: Self = Self(1 << 10);
    /// What an unknown call gives.
    pub const CALL: Self = Self(1 << 11);
    /// An element of something iterated.
    pub const ELEMENT: Self = Self(1 << 12);
    /// Anything else.
    pub const UNKNOWN: Self = Self(1 << 13);

    /// Whether all of these are in the set.
    #[must_use]
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether nothing but constants and finite things is in the set.
    #[must_use]
    pub fn is_closed(self) -> bool {
        self.0 != 0 && self.0 & !(Self::CONST.0 | Self::FINITE.0) == 0
    }

    /// Whether all of it is followed to its source, and that is not among what the program has a few of.
    #[must_use]
    pub fn is_followed(self) -> bool {
        let unclear = Self::CALL
            .with(Self::UNKNOWN)
            .with(Self::SELF)
            .with(Self::FINITE);
        !self.has(unclear)
    }

    /// Whether it is only what a handler is given, or what it has on itself: of what runs for each event that comes with the
    /// event.
    #[must_use]
    pub fn is_of_work(self) -> bool {
        let unclear = Self::CALL
            .with(Self::UNKNOWN)
            .with(Self::FINITE)
            .with(Self::CONST);
        !self.has(unclear)
    }

    /// Whether it [`is_followed`](Self::is_followed), to something new each time, data made into text, or just what callers
    /// give and no caller of the program fixes.
    #[must_use]
    pub fn is_surely_open(self) -> bool {
        let is_new = self.has(Self::FRESH) && !self.has(Self::ELEMENT.with(Self::CONST));
        self == Self::PARAM
            || self.is_followed() && (is_new || self.has(Self::TEXT) || self.has(Self::FRESH_ID))
    }

    /// Whether the set says that something comes from outside, or is made anew each time.
    #[must_use]
    pub fn is_open(self) -> bool {
        self.has(Self(
            Self::PARAM.0
                | Self::EVENT.0
                | Self::IDENTITY.0
                | Self::THREAD_OBJECT.0
                | Self::FRESH_ID.0
                | Self::FRESH.0
                | Self::TEXT.0
                | Self::CALL.0
                | Self::ELEMENT.0
                | Self::SELF.0,
        ))
    }
}

const DEPTH: u32 = 8;

impl Program<'_> {
    /// Where a value of a function comes from.
    #[must_use]
    pub fn origins(&self, func: FuncRef, value: ValueRef) -> Origins {
        let mut fuel = 64;
        self.origins_at(func, value, DEPTH, &mut fuel)
    }

    /// What callers pass for a parameter.
    #[must_use]
    pub fn parameter_origins(&self, func: FuncRef, param: usize) -> Origins {
        let mut fuel = 64;
        self.param_origins(func, param, DEPTH, &mut fuel)
    }

    fn origins_at(&self, func: FuncRef, value: ValueRef, depth: u32, fuel: &mut u32) -> Origins {
        let Some(depth) = depth.checked_sub(1).filter(|_| *fuel > 0) else {
            return Origins::UNKNOWN;
        };
        *fuel -= 1;
        let file = value.file;
        let at = |id| ValueRef { file, id };
        let mut join = |ids: &[crate::facts::model::ValueId]| {
            ids.iter().fold(Origins::default(), |all, &id| {
                all.with(self.origins_at(func, at(id), depth, fuel))
            })
        };
        match self.value(value) {
            ValueKind::None
            | ValueKind::Bool(_)
            | ValueKind::Int(_)
            | ValueKind::Float(_)
            | ValueKind::Str { .. }
            | ValueKind::Bytes(_) => Origins::CONST,
            ValueKind::Compare { .. } | ValueKind::Not(_) => Origins::CONST,
            ValueKind::Tuple(rows) => {
                let all = join(self.list(file, rows));
                if rows.is_empty() { Origins::CONST } else { all }
            }
            ValueKind::List(_)
            | ValueKind::Dict(_)
            | ValueKind::Set(_)
            | ValueKind::Comp { .. } => Origins::FRESH,
            ValueKind::FString(rows) => {
                let holes = join(self.list(file, rows));
                if holes.is_closed() || rows.is_empty() {
                    holes.with(Origins::CONST)
                } else {
                    holes.with(Origins::TEXT)
                }
            }
            ValueKind::Func(_) => Origins::FRESH,
            ValueKind::Var(var) => {
                self.var_origins(func, VarRef { file, id: var }, value.id, depth, fuel)
            }
            ValueKind::Attr { base, name } => {
                let name = self.name(file, name);
                if matches!(
                    name,
                    "__name__"
                        | "__qualname__"
                        | "__module__"
                        | "__class__"
                        | "__code__"
                        | "dtype"
                        | "device"
                        | "__func__"
                        | "__file__"
                ) {
                    return Origins::FINITE;
                }
                if let Some(closed) = self.entity_origins(value) {
                    return closed;
                }
                let base = self.origins_at(func, at(base), depth, fuel);
                if base.has(Origins::THREAD_OBJECT) {
                    // Not the thread, but what tells it apart (C24).
                    match name {
                        "ident" | "native_id" => Origins::THREAD_IDENT,
                        _ => Origins::UNKNOWN,
                    }
                } else if base.is_closed() {
                    Origins::UNKNOWN
                } else {
                    base
                }
            }
            ValueKind::Item { base, .. } | ValueKind::Slice { base } => {
                let base = self.origins_at(func, at(base), depth, fuel);
                if base.is_closed() {
                    base
                } else {
                    base.with(Origins::ELEMENT)
                }
            }
            ValueKind::Call(call) => self.call_origins(func, file, call, depth, fuel),
            ValueKind::Binary { left, right, .. } => join(&[left, right]),
            ValueKind::Sign(inner) | ValueKind::Star(inner) | ValueKind::Await(inner) => {
                join(&[inner])
            }
            ValueKind::Walrus { value, .. } => join(&[value]),
            ValueKind::And(rows) | ValueKind::Or(rows) => join(self.list(file, rows)),
            ValueKind::Choice(rows) => join(&self.list(file, rows)[1..]),
            ValueKind::Yield(_) | ValueKind::YieldFrom(_) => Origins::CALL,
            ValueKind::Unknown => Origins::UNKNOWN,
        }
    }

    /// Classes, functions and modules are as many as the program has.
    fn entity_origins(&self, value: ValueRef) -> Option<Origins> {
        let entities = self.entities(value);
        let finite = |it: &Entity| {
            matches!(
                it,
                Entity::Class(_)
                    | Entity::Func(_)
                    | Entity::Module(_)
                    | Entity::External(_)
                    | Entity::Namespace(_)
            )
        };
        (!entities.is_empty() && entities.iter().all(finite)).then_some(Origins::FINITE)
    }

    fn var_origins(
        &self,
        func: FuncRef,
        var: VarRef,
        read: crate::facts::model::ValueId,
        depth: u32,
        fuel: &mut u32,
    ) -> Origins {
        let file = var.file;
        let facts = self.facts(file);
        let fact = &facts.vars[var.id];
        if fact.home == Home::Module || matches!(fact.home, Home::Class(_)) {
            // A module variable that only the module's own code binds is one object; a function may bind it anew.
            let defs = &facts.defs[fact.defs.range()];
            let is_fixed = defs.iter().all(|it| it.func.index() == 0);
            // A script's loop binds it anew each time.
            let looped: Vec<ValueRef> = defs
                .iter()
                .filter(|it| matches!(it.kind, DefKind::Element(_)))
                .filter_map(|it| it.value.map(|id| ValueRef { file, id }))
                .collect();
            if is_fixed && !looped.is_empty() && func.id.index() == 0 {
                return looped.into_iter().fold(Origins::default(), |all, it| {
                    all.with(self.element_origins(func, it, depth, fuel))
                });
            }
            return if is_fixed {
                Origins::CONST
            } else {
                Origins::UNKNOWN
            };
        }
        if self.files[file as usize].selfs.contains_key(&var.id) {
            return Origins::SELF;
        }
        let mut all = Origins::default();
        let owner = FuncRef {
            file,
            id: fact.func,
        };
        for def in facts.reaching(Some(read), var.id).take(8) {
            let from = def.value.map(|id| ValueRef { file, id });
            let origin = match (def.kind, from) {
                (DefKind::Assign | DefKind::With | DefKind::Augment(_), Some(value)) => {
                    self.origins_at(func, value, depth, fuel)
                }
                (DefKind::Unpack(_) | DefKind::Capture, Some(value)) => {
                    let base = self.origins_at(func, value, depth, fuel);
                    if base.is_closed() {
                        base
                    } else {
                        base.with(Origins::ELEMENT)
                    }
                }
                // Names of keyword arguments stand in the source.
                (DefKind::Element(part), Some(value)) if self.is_names_of_keywords(value, part) => {
                    Origins::FINITE
                }
                (DefKind::Element(_), Some(value)) => {
                    self.element_origins(func, value, depth, fuel)
                }
                (DefKind::Param, _) => {
                    self.param_origins(owner, fact.param.map_or(0, |it| it as usize), depth, fuel)
                }
                (DefKind::Function(_) | DefKind::Class(_), _) => Origins::FRESH,
                (DefKind::Import(_), _) => Origins::FINITE,
                (DefKind::Except, _) => Origins::FRESH,
                (DefKind::Declare | DefKind::Delete, _) => Origins::default(),
                _ => Origins::UNKNOWN,
            };
            all = all.with(origin);
        }
        all
    }

    /// An element of what is iterated: constants of a literal, as open as the source otherwise.
    fn element_origins(
        &self,
        func: FuncRef,
        iter: ValueRef,
        depth: u32,
        fuel: &mut u32,
    ) -> Origins {
        let file = iter.file;
        if crate::link::runs::is_endless_iterable(self, iter) {
            return Origins::EVENT.with(Origins::ELEMENT);
        }
        let facts = self.facts(file);
        // What stands in another place of the program is bounded there, or reported there.
        if self.is_element_of_root(iter) {
            return Origins::CONST;
        }
        match self.value(iter) {
            ValueKind::List(rows) | ValueKind::Tuple(rows) | ValueKind::Set(rows) => self
                .list(file, rows)
                .iter()
                .fold(Origins::CONST, |all, &id| {
                    all.with(self.origins_at(func, ValueRef { file, id }, depth, fuel))
                }),
            ValueKind::Dict(_) => Origins::CONST,
            // `None` for `filter(None, …)` has no elements.
            ValueKind::None => Origins::CONST,
            ValueKind::Comp { kind, element, .. } if kind != CompKind::Dict => {
                self.origins_at(func, ValueRef { file, id: element }, depth, fuel)
            }
            ValueKind::Call(call) => {
                let fact = &facts.calls[call];
                if let ValueKind::Attr { base, name } = facts.values[fact.callee].kind
                    && matches!(self.name(file, name), "items" | "keys" | "values")
                {
                    let base = self.origins_at(func, ValueRef { file, id: base }, depth, fuel);
                    return if base.is_closed() {
                        base
                    } else {
                        base.with(Origins::ELEMENT)
                    };
                }
                let name = self
                    .external(ValueRef {
                        file,
                        id: fact.callee,
                    })
                    .map(|it| self.api_text(it));
                match name {
                    // As many as its bounds say.
                    Some("builtins.range") => {
                        let bounds = facts.args[fact.args.range()].iter().fold(
                            Origins::default(),
                            |all, arg| {
                                all.with(self.origins_at(
                                    func,
                                    ValueRef {
                                        file,
                                        id: arg.value,
                                    },
                                    depth,
                                    fuel,
                                ))
                            },
                        );
                        if bounds.is_closed() {
                            bounds
                        } else {
                            bounds.with(Origins::ELEMENT)
                        }
                    }
                    Some(
                        "builtins.enumerate" | "builtins.sorted" | "builtins.list" | "builtins.set"
                        | "builtins.zip" | "builtins.reversed" | "builtins.filter"
                        | "builtins.tuple" | "builtins.iter",
                    ) => {
                        facts.args[fact.args.range()]
                            .iter()
                            .fold(Origins::default(), |all, arg| {
                                all.with(self.element_origins(
                                    func,
                                    ValueRef {
                                        file,
                                        id: arg.value,
                                    },
                                    depth.saturating_sub(1),
                                    fuel,
                                ))
                            })
                    }
                    _ => Origins::CALL.with(Origins::ELEMENT),
                }
            }
            _ => {
                let base = self.origins_at(func, iter, depth, fuel);
                if base.is_closed() {
                    base
                } else {
                    base.with(Origins::ELEMENT)
                }
            }
        }
    }

    /// Whether a part of the elements of a value are names of the keyword arguments that a function is called with.
    fn is_names_of_keywords(&self, iter: ValueRef, part: Option<i16>) -> bool {
        let facts = self.facts(iter.file);
        let (base, is_pair) = match facts.values[iter.id].kind {
            ValueKind::Call(call) => match facts.values[facts.calls[call].callee].kind {
                ValueKind::Attr { base, name } => match self.name(iter.file, name) {
                    "items" => (base, true),
                    "keys" => (base, false),
                    _ => return false,
                },
                _ => return false,
            },
            _ => (iter.id, false),
        };
        let ValueKind::Var(var) = facts.values[base].kind else {
            return false;
        };
        let fact = &facts.vars[var];
        let is_rest = fact.param.is_some_and(|it| {
            let start = facts.funcs[fact.func].params.start;
            facts.params[(start + it) as usize].kind == ParamKind::KwArgs
        });
        is_rest
            && if is_pair {
                part == Some(0)
            } else {
                part.is_none()
            }
    }

    /// Whether iterating a value gives elements of a container in a module or class variable.
    fn is_element_of_root(&self, iter: ValueRef) -> bool {
        let facts = self.facts(iter.file);
        let base = match self.value(iter) {
            ValueKind::Call(call) => match facts.values[facts.calls[call].callee].kind {
                ValueKind::Attr { base, name }
                    if matches!(
                        self.name(iter.file, name),
                        "items" | "keys" | "values" | "copy"
                    ) =>
                {
                    base
                }
                _ => return false,
            },
            ValueKind::Var(_) | ValueKind::Attr { .. } => iter.id,
            _ => return false,
        };
        let places = self.places(ValueRef {
            file: iter.file,
            id: base,
        });
        !places.is_empty()
            && places.iter().all(|it| {
                !it.is_inner
                    && match it.key {
                        PlaceKey::Var(var) => self.var(var).home == Home::Module,
                        PlaceKey::Class(..) => true,
                        PlaceKey::Instance(..) | PlaceKey::Func(..) => false,
                    }
            })
    }

    /// A parameter: what all known callers pass, or open.
    fn param_origins(&self, func: FuncRef, param: usize, depth: u32, fuel: &mut u32) -> Origins {
        let facts = self.facts(func.file);
        let fact = &facts.funcs[func.id];
        let row = facts.params[fact.params.start as usize + param];
        let name = self.param_name(func, param);
        if row.annotation.is_some_and(|id| {
            self.is_finite_annotation(ValueRef {
                file: func.file,
                id,
            })
        }) {
            return Origins::FINITE;
        }
        let is_definition = row.annotation.is_some_and(|id| {
            self.is_definition_annotation(ValueRef {
                file: func.file,
                id,
            })
        });
        let run = self.runs(func);
        let callers = self.callers(func);
        // What a function passes to itself is made from what others pass.
        let is_called = callers
            .iter()
            .any(|&it| it.file != func.file || self.call(it).func != func.id);
        let is_closed = is_called
            && callers.len() <= 64
            && !self.is_taken(func)
            && run.why != crate::link::runs::Why::EntryPoint;
        if !is_closed {
            let is_name_of_definition = matches!(
                name,
                "cls"
                    | "klass"
                    | "class_"
                    | "dtype"
                    | "typ"
                    | "type_"
                    | "func"
                    | "fn"
                    | "function"
                    | "module"
                    | "enum"
            ) && !self
                .applied_by(func)
                .any(|by| self.runs(by).often >= Runs::Many);
            if is_name_of_definition {
                return Origins::FINITE;
            }
            // As many as the program defines, unless it makes them as it runs: then a caller would say so.
            if is_definition {
                return Origins::FINITE;
            }
            let is_event =
                run.why == crate::link::runs::Why::EntryPoint && run.often == Runs::PerEvent;
            return if is_event {
                Origins::PARAM.with(Origins::EVENT)
            } else {
                Origins::PARAM
            };
        }
        let mut all = Origins::default();
        for &call in callers {
            let made = self.call(call);
            let caller = FuncRef {
                file: call.file,
                id: made.func,
            };
            let Some(target) = self
                .targets(call.file, call.id)
                .iter()
                .find(|it| it.func == func)
            else {
                continue;
            };
            if matches!(row.kind, ParamKind::KwArgs | ParamKind::VarArgs) {
                all = all
                    .with(self.rest_origins(caller, call.file, made, func, row.kind, depth, fuel));
                continue;
            }
            let argument = match param.checked_sub(usize::from(target.skip)) {
                None => {
                    all = all.with(Origins::SELF);
                    continue;
                }
                position => self.argument(call.file, made, position, name),
            };
            let origin = match (argument, row.default) {
                (Some(id), _) => self.origins_at(
                    caller,
                    ValueRef {
                        file: call.file,
                        id,
                    },
                    depth,
                    fuel,
                ),
                (None, Some(_)) => Origins::CONST,
                (None, None) => Origins::PARAM,
            };
            all = all.with(origin);
        }
        if is_definition && !all.has(Origins::FRESH) && !all.has(Origins::CALL) {
            return Origins::FINITE;
        }
        all
    }

    /// What a call passes for `**rest` or `*rest` of a function.
    #[allow(clippy::too_many_arguments, reason = "one step of a recursion")]
    fn rest_origins(
        &self,
        caller: FuncRef,
        file: u32,
        call: &CallF,
        func: FuncRef,
        kind: ParamKind,
        depth: u32,
        fuel: &mut u32,
    ) -> Origins {
        let is_named = |name: &str| {
            (0..self.func(func).params.len()).any(|it| self.param_name(func, it) == name)
        };
        let args = &self.facts(file).args[call.args.range()];
        args.iter()
            .filter(|it| match (it.kind, kind) {
                (ArgKindF::Keyword(name), ParamKind::KwArgs) => !is_named(self.name(file, name)),
                (ArgKindF::DoubleStar, ParamKind::KwArgs)
                | (ArgKindF::Positional | ArgKindF::Star, ParamKind::VarArgs) => true,
                _ => false,
            })
            .fold(Origins::CONST, |all, it| {
                let value = ValueRef { file, id: it.value };
                all.with(self.origins_at(caller, value, depth, fuel))
            })
    }

    fn is_definition_annotation(&self, annotation: ValueRef) -> bool {
        let value = match self.value(annotation) {
            ValueKind::Item { base, .. } => base,
            _ => annotation.id,
        };
        matches!(
            last_name(self.facts(annotation.file), value),
            Some("type" | "Type" | "Callable" | "ModuleType" | "CodeType" | "FunctionType")
        )
    }

    /// Whether an annotation says that a function is passed: `Callable[…]`, or optionally one.
    #[must_use]
    pub fn is_callable_annotation(&self, annotation: ValueRef) -> bool {
        let file = annotation.file;
        let facts = self.facts(file);
        match self.value(annotation) {
            ValueKind::Item { base, key } => match last_name(facts, base) {
                Some("Callable") => true,
                Some("Optional" | "Union") => match facts.values[key].kind {
                    ValueKind::Tuple(rows) => self
                        .list(file, rows)
                        .iter()
                        .any(|&id| self.is_callable_annotation(ValueRef { file, id })),
                    _ => self.is_callable_annotation(ValueRef { file, id: key }),
                },
                _ => false,
            },
            ValueKind::Binary { left, right, .. } => [left, right]
                .iter()
                .any(|&id| self.is_callable_annotation(ValueRef { file, id })),
            ValueKind::Var(_) | ValueKind::Attr { .. } => {
                last_name(facts, annotation.id) == Some("Callable")
            }
            _ => false,
        }
    }

    /// Whether all callers are known and pass functions that the program defines once.
    #[must_use]
    pub fn passes_definitions(&self, func: FuncRef, param: usize) -> bool {
        let callers = self.callers(func);
        !callers.is_empty()
            && !self.is_taken(func)
            && callers.iter().all(|it| {
                let name = self.param_name(func, param);
                let fact = self.call(*it);
                self.argument(it.file, fact, Some(param), name)
                    .is_none_or(|id| {
                        let value = ValueRef { file: it.file, id };
                        matches!(self.value(value), ValueKind::None)
                            || self.entity_origins(value).is_some()
                    })
            })
    }

    fn is_finite_annotation(&self, annotation: ValueRef) -> bool {
        let facts = self.facts(annotation.file);
        let value = match self.value(annotation) {
            ValueKind::Item { base, .. } => base,
            _ => annotation.id,
        };
        if matches!(
            last_name(facts, value),
            Some("bool" | "Literal" | "dtype" | "device" | "LiteralString")
        ) {
            return true;
        }
        self.entities(ValueRef {
            file: annotation.file,
            id: value,
        })
        .iter()
        .any(|it| match it {
            Entity::Class(class) => self.is_kind(*class, crate::models::BaseKind::Enum),
            _ => false,
        })
    }

    fn call_origins(
        &self,
        func: FuncRef,
        file: u32,
        call: crate::facts::model::CallId,
        depth: u32,
        fuel: &mut u32,
    ) -> Origins {
        let facts = self.facts(file);
        let fact = &facts.calls[call];
        let args = &facts.args[fact.args.range()];
        let join_args = |fuel: &mut u32| {
            args.iter().fold(Origins::default(), |all, it| {
                all.with(self.origins_at(func, ValueRef { file, id: it.value }, depth, fuel))
            })
        };
        // `sha1(data).hexdigest()`: as many as there are data.
        if let ValueKind::Attr { name, .. } = facts.values[fact.callee].kind
            && matches!(self.name(file, name), "digest" | "hexdigest")
        {
            return Origins::TEXT;
        }
        for entity in self.entities(ValueRef {
            file,
            id: fact.callee,
        }) {
            match entity {
                Entity::External(node) => {
                    return match self.api_text(node) {
                        "builtins.type" | "builtins.getattr" => Origins::FINITE,
                        "builtins.id" | "builtins.hash" => {
                            let of = join_args(fuel);
                            if of.is_closed() {
                                Origins::FINITE
                            } else {
                                Origins::IDENTITY
                            }
                        }
                        "threading.get_ident" => Origins::THREAD_IDENT,
                        "threading.current_thread"
                        | "asyncio.current_task"
                        | "greenlet.getcurrent" => Origins::THREAD_OBJECT,
                        "time.time"
                        | "time.monotonic"
                        | "time.perf_counter"
                        | "uuid.uuid4"
                        | "uuid.uuid1"
                        | "datetime.datetime.now"
                        | "datetime.datetime.utcnow"
                        | "random.random"
                        | "random.randint"
                        | "secrets.token_hex"
                        | "secrets.token_urlsafe" => Origins::FRESH_ID,
                        "os.getpid" => Origins::CONST,
                        "builtins.str" | "builtins.repr" | "json.dumps" => {
                            let of = join_args(fuel);
                            if of.is_closed() {
                                of
                            } else {
                                of.with(Origins::TEXT)
                            }
                        }
                        "builtins.len" | "builtins.isinstance" | "builtins.bool" => Origins::CONST,
                        // As many results as arguments.
                        "builtins.tuple" | "builtins.frozenset" | "builtins.sorted"
                        | "builtins.int" | "builtins.float" | "builtins.min" | "builtins.max"
                        | "builtins.abs" | "builtins.round" | "builtins.bytes" | "os.path.join"
                        | "os.path.abspath" | "os.path.normpath" | "os.path.basename"
                            if !args.is_empty() && join_args(fuel).is_closed() =>
                        {
                            Origins::CONST
                        }
                        _ if args.is_empty() => Origins::FRESH,
                        _ => {
                            let of = join_args(fuel);
                            if of.is_closed() {
                                Origins::FRESH.with(Origins::CALL)
                            } else {
                                of.with(Origins::FRESH)
                            }
                        }
                    };
                }
                Entity::Class(class) => {
                    if self.is_kind(class, crate::models::BaseKind::Enum) {
                        return Origins::FINITE;
                    }
                    return Origins::FRESH;
                }
                Entity::Func(callee) | Entity::Bound(callee) => {
                    let there = self.func(callee);
                    let mut all = Origins::default();
                    for result in self.facts(callee.file).results[there.results.range()]
                        .iter()
                        .take(4)
                    {
                        if let (crate::facts::model::ResultKind::Return, Some(id)) =
                            (result.kind, result.value)
                        {
                            all = all.with(self.origins_at(
                                callee,
                                ValueRef {
                                    file: callee.file,
                                    id,
                                },
                                depth.min(3),
                                fuel,
                            ));
                        }
                    }
                    if all != Origins::default() && !all.has(Origins::UNKNOWN) {
                        return all;
                    }
                    return join_args(fuel).with(Origins::CALL);
                }
                _ => {}
            }
        }
        // A method of a value: as open as the value and its arguments. A class of a library makes an object.
        if let ValueKind::Attr { base, name } = facts.values[fact.callee].kind {
            if self.name(file, name).starts_with(char::is_uppercase) {
                return join_args(fuel).with(Origins::FRESH);
            }
            let of = self
                .origins_at(func, ValueRef { file, id: base }, depth, fuel)
                .with(join_args(fuel));
            return if of.is_closed() {
                of
            } else {
                of.with(Origins::CALL)
            };
        }
        join_args(fuel).with(Origins::CALL)
    }

    /// Whether a function warns or logs.
    #[must_use]
    pub fn warns(&self, func: FuncRef) -> bool {
        let facts = self.facts(func.file);
        facts.funcs[func.id].calls.ids().any(|id| {
            let call = &facts.calls[id];
            matches!(
                last_name(facts, call.callee),
                Some(
                    "warn"
                        | "warning"
                        | "warn_once"
                        | "info"
                        | "debug"
                        | "error"
                        | "critical"
                        | "exception"
                        | "log"
                        | "print"
                        | "deprecated"
                        | "warn_explicit"
                )
            ) && call.usage == Usage::Discarded
        })
    }

    /// Whether a context chain holds a condition for which `test` is true.
    pub fn under(
        &self,
        file: u32,
        context: Option<crate::facts::model::ContextId>,
        test: impl FnMut(ContextKind) -> bool,
    ) -> bool {
        self.contexts(file, context).any(test)
    }
}
