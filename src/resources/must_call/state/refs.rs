//! What values refer to.

use rustc_hash::FxHashSet;

use super::Holding;
use crate::facts::model::{CallId, DefKind, Rows, ValueId, ValueKind, VarId};
use crate::flow::ir::{Body, Inst, InstKind};
use crate::limits;
use crate::models::resources::{Effect, Kind};
use crate::resources::must_call::method_of;

/// What a value may refer to.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(in crate::resources::must_call) struct Refs {
    /// Closing the value closes these.
    pub(in crate::resources::must_call) own: u64,
    /// The value needs these, and closing it does not close them.
    pub(in crate::resources::must_call) view: u64,
}

impl Refs {
    pub(super) const fn or(self, other: Self) -> Self {
        Self {
            own: self.own | other.own,
            view: self.view | other.view,
        }
    }

    pub(super) const fn and(self, mask: u64) -> Self {
        Self {
            own: self.own & mask,
            view: self.view & mask,
        }
    }

    pub(super) const fn all(self) -> u64 {
        self.own | self.view
    }
}

pub(super) fn slot(slot: Option<usize>, state: &[u64]) -> Refs {
    slot.map_or_else(Refs::default, |at| Refs {
        own: state[at],
        view: state[at + 1],
    })
}

impl Holding<'_> {
    /// What a value refers to in a state.
    pub(super) fn refs(&self, value: ValueId, state: &[u64]) -> Refs {
        self.refs_at(value, state, 0)
    }

    fn refs_at(&self, value: ValueId, state: &[u64], depth: u32) -> Refs {
        if depth > limits::VALUE_DEPTH {
            return Refs::default();
        }
        let inner = |it| self.refs_at(it, state, depth + 1);
        let any = |rows: Rows, skip: usize| {
            self.facts.lists[rows.range()]
                .iter()
                .skip(skip)
                .map(|&it| inner(it))
                .fold(Refs::default(), Refs::or)
        };
        let viewed = |refs: Refs| Refs {
            own: 0,
            view: refs.all(),
        };
        match self.facts.values[value].kind {
            // Whoever gets the instance gets what it holds.
            ValueKind::Var(var) if self.this == Some(var) => Refs {
                own: self.attrs.values().fold(0, |all, &it| all | state[it]),
                view: self.attrs.values().fold(0, |all, &it| all | state[it + 1]),
            },
            ValueKind::Attr { base, name } if self.is_this(base) => {
                slot(self.attrs.get(&name).copied(), state)
            }
            ValueKind::Var(var) => slot(self.vars.get(&var).copied(), state),
            ValueKind::Call(call) => slot(self.calls.get(&call).and_then(|it| it.slot), state),
            ValueKind::Await(it) | ValueKind::Star(it) | ValueKind::Walrus { value: it, .. } => {
                inner(it)
            }
            ValueKind::Choice(rows) => any(rows, 1),
            ValueKind::And(rows)
            | ValueKind::Or(rows)
            | ValueKind::List(rows)
            | ValueKind::Tuple(rows)
            | ValueKind::Set(rows)
            | ValueKind::Dict(rows) => any(rows, 0),
            ValueKind::Comp { element, .. } => inner(element),
            ValueKind::Attr { base, name } => {
                let is_method = self.methods.contains(&name);
                let name = self.name(name);
                let base = inner(base);
                let closers = self.closers(name);
                // Whoever gets a method of a process holds its pipes with it.
                let pipes = if base.own & closers == 0 {
                    0
                } else {
                    self.mask(|it| it.kind == Kind::Pipe)
                };
                Refs {
                    own: base.own & (closers | self.parts(name) | pipes),
                    // A method that is taken and not called holds its object.
                    view: if is_method {
                        base.all()
                    } else {
                        base.all() & self.handles(name)
                    },
                }
            }
            ValueKind::Item { base, key } => match self.facts.values[key].kind {
                ValueKind::Int(at) if self.container(base).is_none() => {
                    inner(base).and(self.field(i64::from(at)))
                }
                _ => inner(base),
            },
            ValueKind::Slice { base } => inner(base),
            ValueKind::Binary { left, right, .. } => {
                let both = viewed(inner(left).or(inner(right)));
                if self.is_text(left) {
                    both.and(self.by_text())
                } else {
                    both
                }
            }
            ValueKind::FString(rows) => viewed(any(rows, 0)).and(self.by_text()),
            _ => Refs::default(),
        }
    }

    /// Whether a value is a text that is written out.
    pub(super) fn is_text(&self, value: ValueId) -> bool {
        let kind = self.facts.values[value].kind;
        matches!(kind, ValueKind::Str { .. } | ValueKind::FString(_))
    }

    /// What a text may stand for: a path, the number of a descriptor. Of anything else it tells only what it looks like.
    pub(super) fn by_text(&self) -> u64 {
        self.on_disk | self.mask(|it| it.kind == Kind::Descriptor)
    }

    /// What a part of a value refers to.
    pub(super) fn part(&self, value: ValueId, index: Option<i16>, state: &[u64]) -> Refs {
        if self.has_plain_elements(value, 0) {
            return Refs::default();
        }
        let Some(index) = index else {
            return self.refs(value, state);
        };
        if let (ValueKind::Tuple(rows) | ValueKind::List(rows), Ok(at)) =
            (self.facts.values[value].kind, usize::try_from(index))
        {
            let is_star = |it: &_| matches!(self.facts.values[*it].kind, ValueKind::Star(_));
            let before = self.facts.lists[rows.range()].get(..=at).unwrap_or(&[]);
            if let Some(&element) = before.last()
                && !before.iter().any(is_star)
            {
                return self.refs(element, state);
            }
        }
        let refs = self.refs(value, state);
        if index >= 0 && self.container(value).is_none() {
            refs.and(self.field(i64::from(index)))
        } else {
            refs
        }
    }

    /// What a path in another spelling was made from.
    pub(super) fn spelled(&self, value: ValueId) -> ValueId {
        if let ValueKind::Call(call) = self.facts.values[value].kind
            && self.calls.get(&call).is_some_and(|it| it.spells)
            && let Some(arg) = self.facts.args[self.facts.calls[call].args.range()].first()
        {
            return arg.value;
        }
        value
    }

    fn var_of(&self, value: ValueId) -> Option<VarId> {
        let value = match self.facts.values[value].kind {
            ValueKind::Star(inner) | ValueKind::Await(inner) => inner,
            _ => value,
        };
        match self.facts.values[value].kind {
            ValueKind::Var(var) => Some(var),
            _ => None,
        }
    }

    /// Loops that close, or hand on, each element of what they iterate. What goes into such a container counts as closed.
    pub(super) fn find_drained(&self) -> FxHashSet<ValueId> {
        let calls = self.calls.keys();
        let vars: FxHashSet<VarId> = calls.flat_map(|&it| self.discharged(it)).collect();
        let defs = vars
            .into_iter()
            .flat_map(|it| &self.facts.defs[self.facts.vars[it].defs.range()]);
        defs.filter(|it| matches!(it.kind, DefKind::Element(_)))
            .filter_map(|it| it.value)
            .filter(|&it| !self.has_plain_elements(it, 0))
            .collect()
    }

    pub(super) fn vars_among(&self, values: &FxHashSet<ValueId>) -> FxHashSet<VarId> {
        let kinds = values.iter().map(|&it| self.facts.values[it].kind);
        let vars = kinds.filter_map(|it| match it {
            ValueKind::Var(var) => Some(var),
            _ => None,
        });
        vars.collect()
    }

    /// Variables that a call closes or takes, as its receiver or as arguments.
    pub(in crate::resources::must_call) fn discharged(&self, call: CallId) -> Vec<VarId> {
        let mut vars = Vec::new();
        let Some(known) = self.calls.get(&call) else {
            return vars;
        };
        let ends = |it: &Effect| matches!(it, Effect::Close | Effect::Transfer | Effect::Take);
        if let Some((base, name)) = method_of(self.facts, call)
            && (self.closers(name) | self.ended(call, name) != 0 || ends(&known.receiver))
        {
            vars.extend(self.var_of(base));
        }
        let args = self.facts.args[self.facts.calls[call].args.range()].iter();
        for (arg, effect) in args.zip(&known.arguments) {
            if ends(effect) {
                let value = self.spelled(arg.value);
                let value = match self.facts.values[value].kind {
                    ValueKind::Attr { base, name }
                        if self.closers(self.name(name)) | self.parts(self.name(name)) != 0 =>
                    {
                        base
                    }
                    _ => value,
                };
                vars.extend(self.var_of(value));
            }
        }
        vars
    }

    /// Acquisitions that some variable is bound to, directly or in a display.
    pub(super) fn find_named(&self, body: &Body) -> u64 {
        let mut fresh = vec![0; self.words];
        for call in self.calls.values() {
            if let Some(slot) = call.slot {
                fresh[slot] = call.acquires;
            }
        }
        let refs = |inst: &Inst| match inst.kind {
            InstKind::Bind { value, .. } => self.refs(value, &fresh),
            InstKind::Part {
                value: Some(value),
                index,
                ..
            } => self.part(value, index, &fresh),
            InstKind::Enter {
                manager,
                var: Some(_),
                ..
            } => self.refs(manager, &fresh),
            // The container that it is put into has a name.
            InstKind::Call(call) if self.put_into(call).is_some() => self.facts.args
                [self.facts.calls[call].args.range()]
            .iter()
            .fold(Refs::default(), |all, it| {
                all.or(self.refs(it.value, &fresh))
            }),
            InstKind::Store(store) => {
                let store = &self.facts.stores[store];
                match (self.container(store.base), store.value) {
                    (Some(_), Some(value)) => self.refs(value, &fresh),
                    _ => Refs::default(),
                }
            }
            _ => Refs::default(),
        };
        body.insts.iter().fold(0, |all, inst| all | refs(inst).own)
    }
}
