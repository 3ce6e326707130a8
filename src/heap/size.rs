//! How many bytes a value takes: CPython 3.11 to 3.13 on 64-bit Linux, by the measured formulas.
//!
//! An estimate counts everything that is allocated for the value and that nothing else shares, as an interval would; it is
//! `None` where nothing is known, and *unknown-large* for what comes from outside whole (`read()`, `json.load`, a response
//! body).

mod formulas;

pub use formulas::{deque_bytes, dict_bytes, keyed_bytes, list_bytes, set_bytes};

use crate::facts::model::{CallId, DefKind, StoreKind, ValueId, ValueKind};
use crate::link::program::ValueRef;
use crate::link::{ClassRef, Entity, FuncRef, Program, VarRef};
use crate::syntax::tree::{BinaryOp, CompKind};

/// An estimate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Size {
    /// About so many bytes.
    Bytes(u64),
    /// As large as what is read: a file, a response, a table.
    WholeInput,
}

impl Size {
    /// The number of bytes, when it is known.
    #[must_use]
    pub fn bytes(self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::WholeInput => None,
        }
    }

    /// Whether it is at least so large; what comes from outside whole counts as large.
    #[must_use]
    pub fn is_large(self, threshold: u64) -> bool {
        self.bytes().is_none_or(|it| it >= threshold)
    }
}

const DEPTH: u32 = 6;

impl Program<'_> {
    /// The size of a value, itself and what it alone holds.
    #[must_use]
    pub fn size(&self, value: ValueRef) -> Option<Size> {
        self.size_at(value, DEPTH)
    }

    fn size_at(&self, value: ValueRef, depth: u32) -> Option<Size> {
        let depth = depth.checked_sub(1)?;
        let file = value.file;
        let at = |id| ValueRef { file, id };
        let facts = self.facts(file);
        let bytes = |n: u64| Some(Size::Bytes(n));
        match self.value(value) {
            ValueKind::None | ValueKind::Bool(_) | ValueKind::Func(_) => bytes(0),
            // Literals are shared by the code object; only big integers that are computed cost memory.
            ValueKind::Int(_) | ValueKind::Float(_) => bytes(0),
            ValueKind::Str { len, .. } => bytes(u64::from(len) + 49),
            ValueKind::Bytes(len) => bytes(u64::from(len) + 33),
            ValueKind::List(rows) => self.elements(file, rows, depth, |n| 56 + 8 * n),
            ValueKind::Tuple(rows) => self.elements(file, rows, depth, |n| 40 + 8 * n),
            ValueKind::Set(rows) => self.elements(file, rows, depth, set_bytes),
            ValueKind::Dict(rows) => {
                let is_text = self
                    .list(file, rows)
                    .iter()
                    .step_by(2)
                    .all(|&it| self.is_text(at(it)));
                let own = if is_text { dict_bytes } else { keyed_bytes };
                self.elements(file, rows, depth, |n| own(n / 2))
            }
            ValueKind::Comp {
                kind,
                element,
                iter,
            } => {
                let count = self.count(at(iter), depth)?;
                let (parts, is_text) = match facts.values[element].kind {
                    // The key and the value of a dict come as a pair.
                    ValueKind::Tuple(rows) if kind == CompKind::Dict => {
                        let parts = self.list(file, rows);
                        (parts, parts.first().is_some_and(|&it| self.is_text(at(it))))
                    }
                    _ => (std::slice::from_ref(&element), true),
                };
                let own = match kind {
                    CompKind::List => list_bytes(count),
                    CompKind::Set => set_bytes(count),
                    CompKind::Dict if is_text => dict_bytes(count),
                    CompKind::Dict => keyed_bytes(count),
                    CompKind::Generator => return None,
                };
                let each = self.round_bytes(file, parts, at(iter), depth);
                bytes(own.saturating_add(count.saturating_mul(each)))
            }
            ValueKind::Binary {
                op: BinaryOp::Mul,
                left,
                right,
            } => {
                for (body, times) in [(left, right), (right, left)] {
                    let body_kind = facts.values[body].kind;
                    let times = self
                        .int(at(times), depth)
                        .and_then(|it| u64::try_from(it).ok());
                    if let (Some(times), Some(unit)) = (times, repeated_bytes(body_kind)) {
                        return bytes(unit.0 + unit.1.saturating_mul(times));
                    }
                }
                None
            }
            ValueKind::Var(var) => self.var_size(VarRef { file, id: var }, depth),
            ValueKind::Walrus { value, .. } | ValueKind::Await(value) => {
                self.size_at(at(value), depth)
            }
            ValueKind::Choice(rows) => self
                .list(file, rows)
                .iter()
                .skip(1)
                .filter_map(|&it| self.size_at(at(it), depth))
                .max_by_key(larger),
            ValueKind::Or(rows) => self
                .list(file, rows)
                .iter()
                .filter_map(|&it| self.size_at(at(it), depth))
                .max_by_key(larger),
            ValueKind::Call(call) => self.call_size(file, call, depth),
            _ => None,
        }
    }

    fn elements(
        &self,
        file: u32,
        rows: crate::facts::model::Rows,
        depth: u32,
        own: impl Fn(u64) -> u64,
    ) -> Option<Size> {
        let mut count = rows.len() as u64;
        let mut sum = 0_u64;
        for &element in self.list(file, rows).iter().take(64) {
            if let ValueKind::Star(inner) = self.facts(file).values[element].kind {
                let inner = ValueRef { file, id: inner };
                let n = self.count(inner, depth)?;
                count = count - 1 + n;
                sum = sum.saturating_add(n.saturating_mul(self.number_bytes(inner)));
                continue;
            }
            match self.size_at(ValueRef { file, id: element }, depth) {
                Some(Size::Bytes(bytes)) => sum = sum.saturating_add(bytes),
                Some(Size::WholeInput) => return Some(Size::WholeInput),
                None => {}
            }
        }
        Some(Size::Bytes(sum.saturating_add(own(count))))
    }

    fn var_size(&self, var: VarRef, depth: u32) -> Option<Size> {
        let facts = self.facts(var.file);
        let defs = &facts.defs[facts.vars[var.id].defs.range()];
        if defs.len() > 4 {
            return None;
        }
        defs.iter()
            .filter(|it| it.kind == DefKind::Assign)
            .filter_map(|it| {
                self.size_at(
                    ValueRef {
                        file: var.file,
                        id: it.value?,
                    },
                    depth,
                )
            })
            .max_by_key(larger)
    }

    fn call_size(&self, file: u32, id: CallId, depth: u32) -> Option<Size> {
        let facts = self.facts(file);
        let call = &facts.calls[id];
        let argument = |at| {
            self.argument(file, call, Some(at), "")
                .map(|id| ValueRef { file, id })
        };
        for entity in self.entities(ValueRef {
            file,
            id: call.callee,
        }) {
            match entity {
                Entity::Class(class) => return Some(self.instance_size(class, depth)),
                Entity::External(node) => {
                    let name = self.api_text(node);
                    if let Some(size) = self.library_size(name, argument(0), depth) {
                        return Some(size);
                    }
                    if self.models.is_whole_input(node) {
                        return Some(Size::WholeInput);
                    }
                }
                Entity::Func(func) | Entity::Bound(func) => {
                    if let Some(size) = self.returned_size(func, depth) {
                        return Some(size);
                    }
                }
                _ => {}
            }
        }
        if let ValueKind::Attr { base, name } = facts.values[call.callee].kind {
            let name = self.name(file, name);
            // `read(n)` gives at most n bytes, `read()` everything.
            if self.models.is_whole_input_method(name) && call.args.is_empty() {
                return Some(Size::WholeInput);
            }
            if matches!(name, "read" | "recv" | "read1")
                && let Some(n) = argument(0)
                    .and_then(|it| self.int(it, depth))
                    .and_then(|it| u64::try_from(it).ok())
            {
                return Some(Size::Bytes(n + 33));
            }
            if matches!(name, "copy" | "splitlines" | "split" | "decode" | "encode") {
                return self.size_at(ValueRef { file, id: base }, depth);
            }
        }
        None
    }

    /// What a function returns, when one of its results has a known size.
    fn returned_size(&self, func: FuncRef, depth: u32) -> Option<Size> {
        let fact = self.func(func);
        if fact.is_generator {
            return None;
        }
        self.facts(func.file).results[fact.results.range()]
            .iter()
            .take(4)
            .filter_map(|it| {
                self.size_at(
                    ValueRef {
                        file: func.file,
                        id: it.value?,
                    },
                    depth,
                )
            })
            .max_by_key(larger)
    }

    /// A new instance: its attributes and what its constructor puts into them.
    fn instance_size(&self, class: ClassRef, depth: u32) -> Size {
        let Some(depth) = depth.checked_sub(1) else {
            return Size::Bytes(96);
        };
        let mut attributes = 0_u64;
        // Without a dict an instance is its header and one word for each attribute (sizes, §5).
        let mut sum = if self.has_slots(class) { 32_u64 } else { 72 };
        for &owner in self.mro(class) {
            let Some(info) = self.class_info(owner) else {
                continue;
            };
            for stores in info.attrs.values() {
                attributes += 1;
                let Some(&store) = stores.first() else {
                    continue;
                };
                let fact = &self.facts(store.file).stores[store.id];
                if self.facts(store.file).funcs[fact.func].name
                    != self.init_name(store.file, fact.func)
                {
                    continue;
                }
                if let (StoreKind::Assign, Some(value)) = (fact.kind, fact.value) {
                    match self.size_at(
                        ValueRef {
                            file: store.file,
                            id: value,
                        },
                        depth,
                    ) {
                        Some(Size::Bytes(bytes)) => sum = sum.saturating_add(bytes),
                        Some(Size::WholeInput) => return Size::WholeInput,
                        None => {}
                    }
                }
            }
        }
        Size::Bytes(sum.saturating_add(8 * attributes.min(30)))
    }

    /// Whether a class and its bases of the program all name their attributes in `__slots__`.
    fn has_slots(&self, class: ClassRef) -> bool {
        let Some(slots) = self.sym("__slots__") else {
            return false;
        };
        self.mro(class).iter().all(|it| {
            self.files[it.file as usize]
                .class_vars
                .contains_key(&(it.id, slots))
        }) && self
            .class_info(class)
            .is_some_and(|it| it.libraries.is_empty())
    }

    /// The function's own name when it is a constructor, else a name that no function has.
    fn init_name(&self, file: u32, func: crate::facts::model::FuncId) -> crate::base::Name {
        let name = self.facts(file).funcs[func].name;
        if matches!(
            self.name(file, name),
            "__init__" | "__post_init__" | "__new__" | "setup" | "reset"
        ) {
            name
        } else {
            crate::base::Name(u32::MAX)
        }
    }

    fn library_size(&self, name: &str, first: Option<ValueRef>, depth: u32) -> Option<Size> {
        let bytes = |n: u64| Some(Size::Bytes(n));
        let int = |it: Option<ValueRef>| {
            it.and_then(|it| self.int(it, depth))
                .and_then(|it| u64::try_from(it).ok())
        };
        match name {
            "builtins.bytearray" if first.is_none() => bytes(56),
            "builtins.bytearray" => bytes(int(first)? + 57),
            "builtins.list" if first.is_none() => bytes(56),
            "builtins.set" if first.is_none() => bytes(216),
            "builtins.bytes" | "builtins.tuple" | "builtins.frozenset" | "builtins.str"
                if first.is_none() =>
            {
                bytes(0)
            }
            "builtins.bytes" => bytes(int(first)? + 33),
            "os.urandom" | "secrets.token_bytes" => bytes(int(first)? + 33),
            "builtins.list" | "builtins.sorted" | "builtins.tuple" => {
                let first = first?;
                let count = self.count(first, depth)?;
                bytes(56 + 8 * count + count.saturating_mul(self.number_bytes(first)))
            }
            "builtins.set" | "builtins.frozenset" => {
                let first = first?;
                let count = self.count(first, depth)?;
                bytes(
                    set_bytes(count).saturating_add(count.saturating_mul(self.number_bytes(first))),
                )
            }
            "builtins.dict"
            | "collections.OrderedDict"
            | "collections.defaultdict"
            | "collections.Counter" => bytes(64),
            "builtins.dict.fromkeys" => {
                let first = first?;
                let count = self.count(first, depth)?;
                let own = keyed_bytes(count);
                bytes(own.saturating_add(count.saturating_mul(self.number_bytes(first))))
            }
            "collections.deque" => {
                let count = first.and_then(|it| self.count(it, depth)).unwrap_or(0);
                let each = first.map_or(0, |it| self.number_bytes(it));
                bytes(deque_bytes(count).saturating_add(count.saturating_mul(each)))
            }
            "builtins.object" => bytes(16),
            "threading.Lock" | "_thread.allocate_lock" => bytes(88),
            "threading.RLock" => bytes(96),
            "threading.Event" | "threading.Condition" | "threading.Semaphore" => bytes(1280),
            "asyncio.Lock" | "asyncio.Semaphore" => bytes(160),
            "asyncio.Event" => bytes(850),
            "queue.Queue" => bytes(4100),
            "asyncio.Queue" => bytes(3250),
            "asyncio.create_task" | "asyncio.ensure_future" => bytes(800),
            "threading.Thread" => bytes(2100),
            "datetime.datetime.now" | "datetime.datetime.utcnow" | "datetime.datetime" => bytes(48),
            "uuid.uuid4" | "uuid.uuid1" => bytes(104),
            "numpy.zeros"
            | "numpy.ones"
            | "numpy.empty"
            | "numpy.random.rand"
            | "numpy.random.randn"
            | "numpy.random.random"
            | "numpy.full"
            | "numpy.linspace"
            | "numpy.arange" => {
                let shape = first?;
                let facts = self.facts(shape.file);
                let count = match facts.values[shape.id].kind {
                    ValueKind::Tuple(rows) | ValueKind::List(rows) => {
                        let mut product = 1_u64;
                        for &part in self.list(shape.file, rows) {
                            let part = self.int(
                                ValueRef {
                                    file: shape.file,
                                    id: part,
                                },
                                depth,
                            )?;
                            product = product.saturating_mul(u64::try_from(part).ok()?);
                        }
                        product
                    }
                    _ => u64::try_from(self.int(shape, depth)?).ok()?,
                };
                bytes(112 + count.saturating_mul(8))
            }
            _ => None,
        }
    }

    /// Bytes that one round of a comprehension makes anew: its elements without literals, which the code object owns, and
    /// the integer that a range gives.
    fn round_bytes(&self, file: u32, parts: &[ValueId], iter: ValueRef, depth: u32) -> u64 {
        let is_range = self.is_range(iter);
        let mut keeps_number = false;
        let mut sum = 0_u64;
        for &id in parts {
            let part = ValueRef { file, id };
            let is_number =
                |it: ValueId| matches!(self.facts(file).values[it].kind, ValueKind::Var(_));
            let inside = match self.value(part) {
                ValueKind::List(rows)
                | ValueKind::Tuple(rows)
                | ValueKind::Set(rows)
                | ValueKind::Dict(rows) => self.list(file, rows),
                _ => std::slice::from_ref(&id),
            };
            keeps_number |= is_range && inside.iter().any(|&it| is_number(it));
            let literals = inside
                .iter()
                .map(|&it| self.literal_bytes(ValueRef { file, id: it }));
            let own = self.size_at(part, depth).and_then(Size::bytes);
            sum = sum.saturating_add(match own {
                Some(own) => own.saturating_sub(literals.sum()),
                None => self.element_bytes(part),
            });
        }
        sum + if keeps_number { 32 } else { 0 }
    }

    /// Bytes of one element that is made anew and of which only the kind is known.
    fn element_bytes(&self, element: ValueRef) -> u64 {
        match self.value(element) {
            ValueKind::Binary { .. } => 32,
            ValueKind::FString(_) => 60,
            ValueKind::Call(call) => {
                let callee = self.facts(element.file).calls[call].callee;
                let callee = ValueRef {
                    file: element.file,
                    id: callee,
                };
                match self.external(callee).map(|it| self.api_text(it)) {
                    Some("builtins.str" | "builtins.repr") => 53,
                    Some("builtins.float") => 24,
                    Some("builtins.int") => 32,
                    _ => 0,
                }
            }
            _ => 0,
        }
    }

    /// Bytes of the integers that copying a range into a container makes.
    fn number_bytes(&self, iter: ValueRef) -> u64 {
        if self.is_range(iter) { 32 } else { 0 }
    }

    /// Bytes of a literal, which stands once in its code object.
    fn literal_bytes(&self, value: ValueRef) -> u64 {
        match self.value(value) {
            ValueKind::Str { len, .. } => u64::from(len) + 49,
            ValueKind::Bytes(len) => u64::from(len) + 33,
            _ => 0,
        }
    }

    /// Whether a value can be nothing but a string.
    fn is_text(&self, value: ValueRef) -> bool {
        match self.value(value) {
            ValueKind::Str { .. } | ValueKind::FString(_) => true,
            ValueKind::Call(call) => self
                .external(ValueRef {
                    file: value.file,
                    id: self.facts(value.file).calls[call].callee,
                })
                .is_some_and(|it| matches!(self.api_text(it), "builtins.str" | "builtins.repr")),
            _ => false,
        }
    }

    fn is_range(&self, value: ValueRef) -> bool {
        match self.value(value) {
            ValueKind::Call(call) => {
                let callee = self.facts(value.file).calls[call].callee;
                self.external(ValueRef {
                    file: value.file,
                    id: callee,
                })
                .is_some_and(|it| self.api_text(it) == "builtins.range")
            }
            _ => false,
        }
    }

    /// Number of elements that iterating a value gives.
    #[must_use]
    pub fn count(&self, value: ValueRef, depth: u32) -> Option<u64> {
        let depth = depth.checked_sub(1)?;
        let file = value.file;
        let facts = self.facts(file);
        match self.value(value) {
            ValueKind::List(rows) | ValueKind::Tuple(rows) | ValueKind::Set(rows) => {
                Some(rows.len() as u64)
            }
            ValueKind::Dict(rows) => Some(rows.len() as u64 / 2),
            ValueKind::Str { len, .. } | ValueKind::Bytes(len) => Some(u64::from(len)),
            ValueKind::Call(call) => {
                let fact = &facts.calls[call];
                let name = self
                    .external(ValueRef {
                        file,
                        id: fact.callee,
                    })
                    .map(|it| self.api_text(it))?;
                let argument = |at| {
                    self.argument(file, fact, Some(at), "")
                        .map(|id| ValueRef { file, id })
                };
                match name {
                    "builtins.range" => {
                        let first = self.int(argument(0)?, depth)?;
                        match argument(1) {
                            None => u64::try_from(first).ok(),
                            Some(second) => u64::try_from(self.int(second, depth)? - first).ok(),
                        }
                    }
                    "builtins.list" | "builtins.tuple" | "builtins.sorted"
                    | "builtins.enumerate" | "builtins.reversed" => self.count(argument(0)?, depth),
                    _ => None,
                }
            }
            ValueKind::Comp { iter, .. } => self.count(ValueRef { file, id: iter }, depth),
            ValueKind::Binary {
                op: BinaryOp::Mul,
                left,
                right,
            } => {
                let at = |id| ValueRef { file, id };
                [(left, right), (right, left)]
                    .into_iter()
                    .find_map(|(body, times)| {
                        let times = u64::try_from(self.int(at(times), depth)?).ok()?;
                        Some(self.count(at(body), depth)?.saturating_mul(times))
                    })
            }
            ValueKind::Var(var) => {
                let defs = &facts.defs[facts.vars[var].defs.range()];
                match defs {
                    [def] if def.kind == DefKind::Assign => self.count(
                        ValueRef {
                            file,
                            id: def.value?,
                        },
                        depth,
                    ),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The integer that a value is (of a float its whole part), through constants, arithmetic, single bindings, defaults and the one call site.
    #[must_use]
    pub fn int(&self, value: ValueRef, depth: u32) -> Option<i64> {
        let depth = depth.checked_sub(1)?;
        let file = value.file;
        let at = |id| ValueRef { file, id };
        let facts = self.facts(file);
        match self.value(value) {
            ValueKind::Int(int) | ValueKind::Float(int) => Some(i64::from(int)),
            ValueKind::Binary { op, left, right } => {
                let left = self.int(at(left), depth)?;
                let right = self.int(at(right), depth)?;
                match op {
                    BinaryOp::Add => left.checked_add(right),
                    BinaryOp::Sub => left.checked_sub(right),
                    BinaryOp::Mul => left.checked_mul(right),
                    BinaryOp::FloorDiv => left.checked_div_euclid(right),
                    BinaryOp::Pow => left.checked_pow(u32::try_from(right).ok()?),
                    BinaryOp::LShift => left.checked_shl(u32::try_from(right).ok()?.min(62)),
                    _ => None,
                }
            }
            ValueKind::Var(var) => {
                let fact = &facts.vars[var];
                let defs = &facts.defs[fact.defs.range()];
                let [def] = defs else { return None };
                match def.kind {
                    DefKind::Assign => self.int(at(def.value?), depth),
                    DefKind::Param => match def.value {
                        Some(default) => self.int(at(default), depth),
                        None => self.int_from_caller(
                            FuncRef {
                                file,
                                id: fact.func,
                            },
                            fact.param? as usize,
                            depth,
                        ),
                    },
                    DefKind::Import(_) => {
                        let target = self.imported_var(VarRef { file, id: var })?;
                        let there = self.facts(target.file);
                        match &there.defs[there.vars[target.id].defs.range()] {
                            [def] if def.kind == DefKind::Assign => self.int(
                                ValueRef {
                                    file: target.file,
                                    id: def.value?,
                                },
                                depth,
                            ),
                            _ => None,
                        }
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn int_from_caller(&self, func: FuncRef, param: usize, depth: u32) -> Option<i64> {
        let [call] = self.callers(func) else {
            return None;
        };
        let fact = self.call(*call);
        let target = self
            .targets(call.file, call.id)
            .iter()
            .find(|it| it.func == func)?;
        let position = param.checked_sub(usize::from(target.skip))?;
        let value = self.argument(
            call.file,
            fact,
            Some(position),
            self.param_name(func, param),
        )?;
        self.int(
            ValueRef {
                file: call.file,
                id: value,
            },
            depth,
        )
    }

    /// The name of a parameter.
    #[must_use]
    pub fn param_name(&self, func: FuncRef, param: usize) -> &str {
        let facts = self.facts(func.file);
        let var = facts.params[facts.funcs[func.id].params.start as usize + param].var;
        &facts.names[facts.vars[var].name.0 as usize]
    }
}

fn larger(size: &Size) -> u64 {
    size.bytes().unwrap_or(u64::MAX)
}

fn repeated_bytes(body: ValueKind) -> Option<(u64, u64)> {
    match body {
        ValueKind::Str { len, .. } => Some((49, u64::from(len))),
        ValueKind::Bytes(len) => Some((33, u64::from(len))),
        ValueKind::List(rows) => Some((56, 8 * rows.len() as u64)),
        ValueKind::Tuple(rows) => Some((40, 8 * rows.len() as u64)),
        _ => None,
    }
}
