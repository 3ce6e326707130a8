//! Which objects a value is: followed through names, attributes, parameters and results.

use smallvec::SmallVec;

use super::{Asker, Key};
use crate::facts::model::{CallId, DefKind, Home, ResultKind, ValueId, ValueKind, VarId};
use crate::link::effects::EffectKind;
use crate::link::program::ValueRef;
use crate::link::{Entity, FuncRef, PlaceKey, VarRef};

/// Objects, and whether they are held weakly.
pub(super) type Found = SmallVec<[(Key, bool); 2]>;

/// Steps spent on what one value is.
const FUEL: u32 = 64;

/// From how many bytes on a text or buffer is an object to see.
const BUFFER: u64 = 1024;

/// A call of a library.
pub(super) struct LibraryCall {
    /// Whether the result holds the arguments: a partial, a thread.
    pub(super) keeps_arguments: bool,
}

impl Asker<'_> {
    /// The objects that a value may be; what it makes belongs to `home` when there is one.
    pub(super) fn objects(&self, value: ValueRef, home: Option<PlaceKey>) -> Found {
        let mut out = Found::new();
        self.follow(value, home, &mut { FUEL }, &mut out);
        out
    }

    /// As [`Self::objects`], for what is put into a container: every display counts.
    pub(super) fn objects_of_element(&self, value: ValueRef) -> Found {
        let mut out = self.objects(value, None);
        if out.is_empty()
            && matches!(
                self.program.value(value),
                ValueKind::List(_)
                    | ValueKind::Dict(_)
                    | ValueKind::Set(_)
                    | ValueKind::Tuple(_)
                    | ValueKind::Comp { .. }
            )
        {
            out.push((Key::Value(value), false));
        }
        out
    }

    /// What stands in a place.
    pub(super) fn place_objects(&self, place: PlaceKey) -> Found {
        let mut out = Found::new();
        let mut fuel = FUEL;
        self.follow_place(place, &mut fuel, &mut out);
        out
    }

    /// Values bound to a place, by its own code and from outside.
    pub(super) fn bound(&self, place: PlaceKey) -> Vec<ValueRef> {
        let mut values = self.program.place_values(place);
        for effect in self.program.effects(place) {
            if let (EffectKind::Rebind, false, Some(id)) =
                (effect.kind, effect.is_inner, effect.value)
            {
                let value = ValueRef {
                    file: effect.func.file,
                    id,
                };
                if !values.contains(&value) {
                    values.push(value);
                }
            }
        }
        values.truncate(8);
        values
    }

    fn follow_place(&self, place: PlaceKey, fuel: &mut u32, out: &mut Found) {
        for value in self.bound(place) {
            self.follow(value, Some(place), fuel, out);
        }
        // Nothing told what it is, but something puts elements into it.
        if out.is_empty() && self.growths.contains_key(&place) {
            push(out, Key::Place(place));
        }
    }

    fn follow(&self, value: ValueRef, home: Option<PlaceKey>, fuel: &mut u32, out: &mut Found) {
        if *fuel == 0 {
            return;
        }
        *fuel -= 1;
        let program = self.program;
        let file = value.file;
        let at = |id: ValueId| ValueRef { file, id };
        let fresh = home.map_or(Key::Value(value), Key::Place);
        match program.value(value) {
            ValueKind::List(rows)
            | ValueKind::Set(rows)
            | ValueKind::Dict(rows)
            | ValueKind::Tuple(rows) => {
                let is_tuple = matches!(program.value(value), ValueKind::Tuple(_));
                let is_shown = home.is_some() && !is_tuple
                    || program.list(file, rows).iter().take(16).any(|&id| {
                        let mut inside = Found::new();
                        self.follow(at(id), None, fuel, &mut inside);
                        !inside.is_empty()
                    });
                if is_shown || self.is_buffer(value) {
                    push(out, fresh);
                }
            }
            ValueKind::Comp { element, .. } => {
                let mut inside = Found::new();
                self.follow(at(element), None, fuel, &mut inside);
                if home.is_some() || !inside.is_empty() || self.is_buffer(value) {
                    push(out, fresh);
                }
            }
            ValueKind::Var(var) => self.follow_var(VarRef { file, id: var }, home, fuel, out),
            ValueKind::Attr { .. } => {
                let before = out.len();
                for site in program.places(value) {
                    if !site.is_inner && Some(site.key) != home {
                        self.follow_place(site.key, fuel, out);
                    }
                }
                if out.len() == before {
                    if program.is_bound_method(value) {
                        push(out, fresh);
                    } else {
                        self.instances(&program.entities(value), out);
                    }
                }
            }
            ValueKind::Call(call) => self.follow_call(value, call, home, fuel, out),
            ValueKind::Or(rows) | ValueKind::And(rows) => {
                for &id in program.list(file, rows) {
                    self.follow(at(id), home, fuel, out);
                }
            }
            ValueKind::Choice(rows) => {
                for &id in program.list(file, rows).iter().skip(1) {
                    self.follow(at(id), home, fuel, out);
                }
            }
            ValueKind::Walrus { value, .. } | ValueKind::Await(value) => {
                self.follow(at(value), home, fuel, out)
            }
            ValueKind::Func(func) => self.follow_func(FuncRef { file, id: func }, out),
            ValueKind::Binary { .. } if program.holds(value).is_some() => push(out, fresh),
            ValueKind::Binary { .. } | ValueKind::Str { .. } | ValueKind::Bytes(_)
                if self.is_buffer(value) =>
            {
                push(out, fresh)
            }
            _ => {}
        }
    }

    fn follow_var(&self, var: VarRef, home: Option<PlaceKey>, fuel: &mut u32, out: &mut Found) {
        let program = self.program;
        let fact = program.var(var);
        if let Some(&(class, is_class)) = program.files[var.file as usize].selfs.get(&var.id) {
            if !is_class {
                let class = crate::link::ClassRef {
                    file: var.file,
                    id: class,
                };
                push(out, Key::Instance(class));
            }
            return;
        }
        match fact.home {
            Home::Module => {
                let target = program.imported_var(var).unwrap_or(var);
                let place = PlaceKey::Var(target);
                if Some(place) != home {
                    self.follow_place(place, fuel, out);
                }
                for def in &program.facts(target.file).defs[program.var(target).defs.range()] {
                    if let DefKind::Function(id) = def.kind {
                        self.follow_func(
                            FuncRef {
                                file: target.file,
                                id,
                            },
                            out,
                        );
                    }
                }
            }
            Home::Class(class) => {
                let class = crate::link::ClassRef {
                    file: var.file,
                    id: class,
                };
                let place = PlaceKey::Class(class, program.sym_of(var.file, fact.name));
                if Some(place) != home {
                    self.follow_place(place, fuel, out);
                }
            }
            Home::Function | Home::Comprehension => self.follow_local(var, home, fuel, out),
            Home::TypeParam => {}
        }
    }

    fn follow_local(&self, var: VarRef, home: Option<PlaceKey>, fuel: &mut u32, out: &mut Found) {
        let program = self.program;
        let file = var.file;
        let facts = program.facts(file);
        let before = out.len();
        for def in facts.defs[facts.vars[var.id].defs.range()].iter().take(4) {
            match (def.kind, def.value) {
                (DefKind::Assign | DefKind::With, Some(id)) => {
                    self.follow(ValueRef { file, id }, home, fuel, out);
                }
                (DefKind::Function(id), _) => self.follow_func(FuncRef { file, id }, out),
                (DefKind::Param, _) => self.follow_param(var, fuel, out),
                _ => {}
            }
        }
        if out.len() == before {
            self.instances(&program.var_entities(var), out);
        }
    }

    /// What callers pass, when no annotation tells.
    fn follow_param(&self, var: VarRef, fuel: &mut u32, out: &mut Found) {
        let program = self.program;
        let before = out.len();
        self.instances(&program.var_entities(var), out);
        let fact = program.var(var);
        let Some(param) = fact.param.filter(|_| out.len() == before) else {
            return;
        };
        let func = FuncRef {
            file: var.file,
            id: fact.func,
        };
        for &call in program.callers(func).iter().take(4) {
            let Some(&target) = program
                .targets(call.file, call.id)
                .iter()
                .find(|it| it.func == func)
            else {
                continue;
            };
            let there = program.facts(call.file);
            let args = &there.args[there.calls[call.id].args.range()];
            for (at, arg) in args.iter().enumerate() {
                if program.param_of(call.file, target, at, arg) == Some(param as usize) {
                    let value = ValueRef {
                        file: call.file,
                        id: arg.value,
                    };
                    self.follow(value, None, fuel, out);
                }
            }
        }
    }

    fn follow_call(
        &self,
        value: ValueRef,
        call: CallId,
        home: Option<PlaceKey>,
        fuel: &mut u32,
        out: &mut Found,
    ) {
        let program = self.program;
        let file = value.file;
        let fresh = home.map_or(Key::Value(value), Key::Place);
        let callee = ValueRef {
            file,
            id: program.facts(file).calls[call].callee,
        };
        for entity in program.entities(callee) {
            match entity {
                Entity::Class(class) => push(out, Key::Instance(class)),
                Entity::Func(func) | Entity::Bound(func) => {
                    let fact = program.func(func);
                    if fact.is_generator {
                        push(out, fresh);
                        continue;
                    }
                    let results = &program.facts(func.file).results[fact.results.range()];
                    for result in results
                        .iter()
                        .filter(|it| it.kind == ResultKind::Return)
                        .take(4)
                    {
                        if let Some(id) = result.value {
                            let value = ValueRef {
                                file: func.file,
                                id,
                            };
                            self.follow(value, home, fuel, out);
                        }
                    }
                }
                Entity::External(node) => {
                    let name = program.api_text(node);
                    if matches!(
                        name,
                        "weakref.ref" | "weakref.proxy" | "weakref.WeakMethod" | "weakref.finalize"
                    ) {
                        if let Some(first) = self.first_argument(file, call) {
                            let mut inside = Found::new();
                            self.follow(first, None, fuel, &mut inside);
                            for (key, _) in inside {
                                if out.len() < 8 {
                                    out.push((key, true));
                                }
                            }
                        }
                    } else if self.is_object(name, value) {
                        push(out, fresh);
                    }
                }
                _ => {}
            }
        }
        if out.is_empty() && self.is_buffer(value) {
            push(out, fresh);
        }
    }

    /// Whether what a library call gives is an object to see: a container, a resource, an instance of a class.
    fn is_object(&self, name: &str, value: ValueRef) -> bool {
        let program = self.program;
        let last = name.rsplit('.').next().unwrap_or(name);
        let is_typing = ["typing.", "typing_extensions.", "enum.", "ctypes."]
            .iter()
            .any(|it| name.starts_with(it));
        !is_typing
            && (last.starts_with(char::is_uppercase)
                || matches!(name, "functools.partial" | "builtins.object")
                || program.holds(value).is_some()
                || program
                    .models
                    .resources
                    .get(name)
                    .is_some_and(|it| it.opens.is_some())
                || self.is_buffer(value))
    }

    fn is_buffer(&self, value: ValueRef) -> bool {
        self.program
            .size(value)
            .is_some_and(|it| it.is_large(BUFFER))
    }

    /// A function is an object to see when it keeps variables alive.
    fn follow_func(&self, func: FuncRef, out: &mut Found) {
        if !self.program.func(func).free.is_empty() {
            push(out, Key::Closure(func));
        }
    }

    fn instances(&self, entities: &[Entity], out: &mut Found) {
        for entity in entities {
            if let Entity::Instance(class) = entity {
                push(out, Key::Instance(*class));
            }
        }
    }

    /// What a call of a library is.
    pub(super) fn library_call(&self, file: u32, call: CallId) -> Option<LibraryCall> {
        let callee = ValueRef {
            file,
            id: self.program.facts(file).calls[call].callee,
        };
        let name = self.program.api_text(self.program.external(callee)?);
        Some(LibraryCall {
            keeps_arguments: matches!(
                name,
                "functools.partial"
                    | "types.MethodType"
                    | "types.SimpleNamespace"
                    | "threading.Thread"
                    | "threading.Timer"
            ),
        })
    }

    /// The value that a call of one of our functions returns, when it is one.
    pub(super) fn returned(&self, file: u32, call: CallId) -> Option<ValueRef> {
        let target = self.program.targets(file, call).first()?;
        let there = self.program.facts(target.func.file);
        there.results[self.program.func(target.func).results.range()]
            .iter()
            .filter(|it| it.kind == ResultKind::Return)
            .find_map(|it| {
                let value = ValueRef {
                    file: target.func.file,
                    id: it.value?,
                };
                match self.program.value(value) {
                    ValueKind::Call(_) => None,
                    _ => Some(value),
                }
            })
    }

    /// The values that a local variable is bound to.
    pub(super) fn local_objects(&self, file: u32, var: VarId) -> Found {
        let mut out = Found::new();
        self.follow_var(VarRef { file, id: var }, None, &mut { FUEL }, &mut out);
        out
    }
}

fn push(out: &mut Found, key: Key) {
    if out.len() < 8 && !out.iter().any(|it| it.0 == key) {
        out.push((key, false));
    }
}
