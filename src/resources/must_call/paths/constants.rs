//! Constants that tests compare with: what they say of a name, alone and as one of several.
//!
//! ```python
//! if mode not in ("r", "w"): raise ValueError(mode)   # from here on: one of the two
//! if mode == "r": ...
//! elif mode == "w": ...                               # no third way
//! ```

use super::{CompareKind, Constant, Fact, Key, Known, Paths, Subject};
use crate::base::Name;
use crate::facts::model::{DefKind, FileFacts, Home, ValueId, ValueKind, VarId};

impl<'a> Paths<'a> {
    /// The constant that a value is.
    pub(super) fn constant(&self, value: ValueId) -> Option<Constant> {
        Some(match self.facts.values[value].kind {
            ValueKind::None => Constant::None,
            ValueKind::Bool(it) => Constant::Bool(it),
            ValueKind::Int(it) => Constant::Int(it),
            ValueKind::Str {
                text: Some(text), ..
            } => Constant::Text(text.into()),
            ValueKind::Var(var)
                if self.is_fixed(var) && self.is_loud(self.facts.vars[var].name) =>
            {
                Constant::Symbol(self.facts.vars[var].name)
            }
            ValueKind::Attr { base, name } => match self.facts.values[base].kind {
                ValueKind::Var(var) if self.is_fixed(var) => Constant::Symbol(name),
                // `module.Mode.READ`
                ValueKind::Attr { .. } if self.is_loud(name) => Constant::Symbol(name),
                _ => return None,
            },
            _ => return None,
        })
    }

    /// Whether a variable is one of the module that an import or class statement binds, or that nothing here binds.
    fn is_fixed(&self, var: VarId) -> bool {
        let var = &self.facts.vars[var];
        var.home == Home::Module
            && self.facts.defs[var.defs.range()].iter().all(|it| {
                matches!(
                    it.kind,
                    DefKind::Import(_) | DefKind::Class(_) | DefKind::Assign
                )
            })
            && var.defs.len() <= 1
            && !var.is_declared_global
    }

    /// Whether a name is written as constants are.
    fn is_loud(&self, name: Name) -> bool {
        let name = &self.facts.names[name.0 as usize];
        name.chars().any(char::is_uppercase) && !name.chars().any(char::is_lowercase)
    }

    /// Whether a subject that is one of some constants is this one: the others are ruled out, or this one is not among them.
    pub(super) fn is_left(
        &self,
        asked: Subject,
        constant: Constant,
        them: ValueId,
        known: &Known,
    ) -> Option<bool> {
        let mut others = 0;
        let mut is_among = false;
        for &it in self.elements(them)? {
            let it = self.constant(it)?;
            match it.equals(constant) {
                Some(true) => is_among = true,
                Some(false) => others += usize::from(!self.is_ruled_out(asked, it, known)),
                None => return None,
            }
        }
        match (is_among, others) {
            (false, _) => Some(false),
            (true, 0) => Some(true),
            (true, _) => None,
        }
    }

    /// Whether a value is known to be one of some constants.
    pub(super) fn is_one_of_some(&self, value: ValueId, known: &Known) -> bool {
        let asked = self.known_subject(value).and_then(|it| known.get(it));
        matches!(asked, Some(Fact::Among(_)))
    }

    /// Whether a constant is one of a display.
    pub(super) fn is_among(&self, constant: Constant, display: ValueId) -> Option<bool> {
        let mut is_sure = true;
        for &it in self.elements(display)? {
            match self.constant(it).and_then(|it| it.equals(constant)) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => is_sure = false,
            }
        }
        is_sure.then_some(false)
    }

    /// Whether a subject is known not to be this constant.
    fn is_ruled_out(&self, asked: Subject, constant: Constant, known: &Known) -> bool {
        let other = self.keys.get(&Key::Constant(constant));
        let sides = other.into_iter().flat_map(|&it| [(asked, it), (it, asked)]);
        sides
            .filter_map(|(left, right)| {
                let key = Key::Compare(CompareKind::Equal, left, right);
                known.get(*self.keys.get(&key)?)
            })
            .any(|it| it == Fact::Truth(false))
    }

    /// The constants that a display is made of: `("r", "w")`, or a name that is only ever bound to one.
    pub(super) fn elements(&self, value: ValueId) -> Option<&'a [ValueId]> {
        let value = match self.facts.values[value].kind {
            ValueKind::Var(var) => match &self.facts.defs[self.facts.vars[var].defs.range()] {
                [def] if def.kind == DefKind::Assign => def.value?,
                _ => return None,
            },
            _ => value,
        };
        match self.facts.values[value].kind {
            ValueKind::Tuple(rows) | ValueKind::List(rows) | ValueKind::Set(rows) => {
                Some(&self.facts.lists[rows.range()])
            }
            _ => None,
        }
    }

    /// Notes that a value is one of the constants of a display.
    pub(super) fn set_among(&self, value: ValueId, display: ValueId, known: &mut Known) {
        if let Some(subject) = self.known_subject(value)
            && !matches!(known.get(subject), Some(Fact::Is(_)))
            && self.elements(display).is_some()
        {
            self.set(subject, Fact::Among(display), known);
        }
    }

    /// A name that starts as `None` and is given something that is written out, or a copy of a name that never is `None`:
    /// who asks later whether it is `None` asks whether this has happened.
    pub(super) fn replaces_none(&self, var: VarId, value: ValueId) -> Option<Fact> {
        let starts_as_none = |var: VarId| {
            let defs = &self.facts.defs[self.facts.vars[var].defs.range()];
            defs.iter().any(|it| {
                let is_none = |it| self.facts.values[it].kind == ValueKind::None;
                it.value.is_some_and(is_none)
            })
        };
        let is_something = match self.facts.values[value].kind {
            ValueKind::Var(from) => !starts_as_none(from),
            ValueKind::Tuple(_)
            | ValueKind::List(_)
            | ValueKind::Dict(_)
            | ValueKind::Set(_)
            | ValueKind::Comp { .. }
            | ValueKind::FString(_)
            | ValueKind::Binary { .. } => true,
            _ => false,
        };
        (is_something && self.by_var.contains_key(&var) && starts_as_none(var))
            .then_some(Fact::Some)
    }
}

impl Constant {
    /// Whether two constants are equal; a name may stand for a literal, and `0` for `False`.
    pub(super) fn equals(self, other: Self) -> Option<bool> {
        match (self, other) {
            _ if self == other => Some(true),
            (Self::Symbol(_), Self::Symbol(_)) => Some(false),
            (Self::Symbol(_), _) | (_, Self::Symbol(_)) => None,
            (Self::Bool(_), Self::Int(_)) | (Self::Int(_), Self::Bool(_)) => None,
            _ => Some(false),
        }
    }

    pub(super) fn truth(self, facts: &FileFacts) -> Option<bool> {
        match self {
            Self::None => Some(false),
            Self::Bool(it) => Some(it),
            Self::Int(it) => Some(it != 0),
            Self::Text(it) => Some(!facts.names[it.0 as usize].is_empty()),
            Self::Symbol(_) => None,
        }
    }
}
