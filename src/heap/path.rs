//! Who holds what, from the root.

use crate::base::{Idx, Span};
use crate::facts::model::{DefKind, Home, StoreKind};
use crate::finding::{Place, Step};
use crate::link::lifetime::Holder;
use crate::link::program::ValueRef;
use crate::link::{ClassRef, Entity, PlaceKey, Program};
use crate::models::Holds;

impl Program<'_> {
    /// A place in a file, for messages.
    #[must_use]
    pub fn at(&self, file: u32, span: Span) -> Place {
        Place {
            file: Idx::new(file),
            span,
        }
    }

    /// The steps from the root to a place.
    #[must_use]
    pub fn path_to(&self, key: PlaceKey, kind: Option<Holds>) -> Vec<Step> {
        let mut steps = self.owner_path(key, 4);
        let file = self.place_file(key);
        let place = self.definition_span(key).map(|it| self.at(file, it));
        let edge = match key {
            PlaceKey::Var(_) => self.place_last_name(key).to_owned(),
            _ => format!(".{}", self.place_last_name(key)),
        };
        steps.push(Step {
            node: kind.map_or("object", holds_name).to_owned(),
            edge,
            place,
        });
        steps
    }

    fn owner_path(&self, key: PlaceKey, depth: u32) -> Vec<Step> {
        let root = |node: String, place| Step {
            node,
            edge: String::new(),
            place,
        };
        match key {
            PlaceKey::Var(var) => {
                let fact = self.var(var);
                if fact.home == Home::Module {
                    vec![root(
                        format!("{} (module globals)", self.files[var.file as usize].module),
                        None,
                    )]
                } else {
                    let func = crate::link::FuncRef {
                        file: var.file,
                        id: fact.func,
                    };
                    vec![root(
                        format!("{} (function)", self.qualified(func)),
                        Some(self.at(var.file, self.func(func).name_span)),
                    )]
                }
            }
            PlaceKey::Class(class, _) => {
                vec![root(
                    format!(
                        "{}.{} (class)",
                        self.files[class.file as usize].module,
                        self.qualified_class(class)
                    ),
                    Some(self.at(class.file, self.class(class).name_span)),
                )]
            }
            PlaceKey::Func(func, _) => {
                vec![root(
                    format!(
                        "{}.{} (function)",
                        self.files[func.file as usize].module,
                        self.qualified(func)
                    ),
                    Some(self.at(func.file, self.func(func).name_span)),
                )]
            }
            PlaceKey::Instance(class, _) => match self.holder_below(class) {
                Some(Holder::Var(var, at)) => {
                    let mut steps = self.owner_path(PlaceKey::Var(var), depth);
                    steps.push(Step {
                        node: self.class_name(class).to_owned(),
                        edge: self.var_name(var).to_owned(),
                        place: Some(self.at(var.file, at)),
                    });
                    steps
                }
                Some(Holder::Attr(owner, store)) if depth > 0 => {
                    let fact = self.facts(store.file).stores[store.id];
                    let crate::facts::model::Target::Attr(name) = fact.target else {
                        return Vec::new();
                    };
                    let name = self.sym_of(store.file, name);
                    let mut steps = self.owner_path(PlaceKey::Instance(owner, name), depth - 1);
                    steps.push(Step {
                        node: self.class_name(class).to_owned(),
                        edge: format!(".{}", self.text(name)),
                        place: Some(self.at(store.file, fact.at)),
                    });
                    steps
                }
                Some(Holder::Static(owner, store)) => {
                    let fact = self.facts(store.file).stores[store.id];
                    let crate::facts::model::Target::Attr(name) = fact.target else {
                        return Vec::new();
                    };
                    let name = self.sym_of(store.file, name);
                    let mut steps = self.owner_path(PlaceKey::Class(owner, name), depth);
                    steps.push(Step {
                        node: self.class_name(class).to_owned(),
                        edge: format!(".{}", self.text(name)),
                        place: Some(self.at(store.file, fact.at)),
                    });
                    steps
                }
                Some(Holder::Cache(func)) => vec![
                    root(
                        format!(
                            "{}.{} (function)",
                            self.files[func.file as usize].module,
                            self.qualified(func)
                        ),
                        Some(self.at(func.file, self.func(func).name_span)),
                    ),
                    Step {
                        node: self.class_name(class).to_owned(),
                        edge: "cache".to_owned(),
                        place: Some(self.at(class.file, self.class(class).name_span)),
                    },
                ],
                _ => vec![root(
                    self.class_name(class).to_owned(),
                    Some(self.at(class.file, self.class(class).name_span)),
                )],
            },
        }
    }

    /// Whether a place lives as long as the process, as far as the program shows.
    #[must_use]
    pub fn is_rooted(&self, key: PlaceKey) -> bool {
        match key {
            PlaceKey::Var(var) => self.var(var).home == Home::Module || self.outlives_its_call(var),
            PlaceKey::Class(..) | PlaceKey::Func(..) => true,
            PlaceKey::Instance(class, _) => self.holder_below(class).is_some(),
        }
    }

    /// Whether a place belongs to objects that may live long: callers are absent, and nothing says that they are gone soon.
    #[must_use]
    pub fn may_last(&self, key: PlaceKey) -> bool {
        match key {
            PlaceKey::Instance(class, _) => !self.is_short_lived(class),
            _ => false,
        }
    }

    /// Whether a local may live as long as the process: of a function that runs once, or at import.
    fn outlives_its_call(&self, var: crate::link::VarRef) -> bool {
        let fact = self.var(var);
        let owner = crate::link::FuncRef {
            file: var.file,
            id: fact.func,
        };
        fact.home == Home::Function
            && fact.param.is_none()
            && (matches!(
                self.runs(owner).often,
                crate::models::Runs::Import | crate::models::Runs::Once
            ) || self.decorates_at_import(owner))
    }

    /// Whether a function is a decorator that is applied while modules are imported, and nowhere else: what it makes lives as
    /// long as the functions that it decorates.
    #[must_use]
    pub fn decorates_at_import(&self, func: crate::link::FuncRef) -> bool {
        let mut by = self.applied_by(func).peekable();
        by.peek().is_some()
            && by.all(|it| self.runs(it).often == crate::models::Runs::Import)
            && self.callers(func).is_empty()
    }

    /// What keeps an instance of the class, or of a subclass, for as long as the process.
    #[must_use]
    pub fn holder_below(&self, class: ClassRef) -> Option<Holder> {
        self.kept_below(class)
            .map(|it| it.1)
            .or_else(|| self.long_holder(class))
            .or_else(|| {
                self.class_info(class)?
                    .subclasses
                    .iter()
                    .find_map(|&it| self.long_holder(it))
            })
    }

    /// The class itself or a subclass of which all instances stay as long as the process, and what keeps them.
    #[must_use]
    pub fn kept_below(&self, class: ClassRef) -> Option<(ClassRef, Holder)> {
        let mut queue = vec![class];
        let mut seen = 0;
        while let Some(it) = queue.pop() {
            if let Some(holder) = self.kept_for_ever(it) {
                return Some((it, holder));
            }
            seen += 1;
            if seen < 32
                && let Some(info) = self.class_info(it)
            {
                queue.extend(&info.subclasses);
            }
        }
        None
    }

    /// Steps from a container to what its elements hold, following the largest attributes.
    #[must_use]
    pub fn retained_path(&self, value: Option<ValueRef>, edge: &str) -> Vec<Step> {
        let Some(value) = value else {
            return Vec::new();
        };
        let place = Some(self.at(value.file, self.value_span(value)));
        for entity in self.entities(value) {
            if let Entity::Instance(class) = entity {
                let mut steps = vec![Step {
                    node: self.class_name(class).to_owned(),
                    edge: edge.to_owned(),
                    place: Some(self.at(class.file, self.class(class).name_span)),
                }];
                if let Some(step) = self.largest_attribute(class) {
                    steps.push(step);
                }
                return steps;
            }
            if let Entity::ExternalInstance(node) = entity {
                let text = self.api_text(node);
                return vec![Step {
                    node: text.rsplit('.').next().unwrap_or(text).to_owned(),
                    edge: edge.to_owned(),
                    place,
                }];
            }
        }
        Vec::new()
    }

    fn largest_attribute(&self, class: ClassRef) -> Option<Step> {
        let mut best: Option<(u64, Step)> = None;
        for &owner in self.mro(class) {
            let info = self.class_info(owner)?;
            let mut names: Vec<_> = info.attrs.iter().collect();
            names.sort_by_key(|it| it.0);
            for (&name, stores) in names {
                let store = stores[0];
                let fact = self.facts(store.file).stores[store.id];
                let Some(value) = fact.value.filter(|_| fact.kind == StoreKind::Assign) else {
                    continue;
                };
                let Some(bytes) = self
                    .size(ValueRef {
                        file: store.file,
                        id: value,
                    })
                    .map(|it| it.bytes().unwrap_or(u64::MAX))
                else {
                    continue;
                };
                if bytes >= 1024 && best.as_ref().is_none_or(|it| bytes > it.0) {
                    let size = if bytes == u64::MAX {
                        "size of the whole input".to_owned()
                    } else {
                        crate::base::human(bytes)
                    };
                    let step = Step {
                        node: size,
                        edge: format!(".{}", self.text(name)),
                        place: Some(self.at(store.file, fact.at)),
                    };
                    best = Some((bytes, step));
                }
            }
        }
        best.map(|it| it.1)
    }

    /// Where a place is first bound.
    #[must_use]
    pub fn definition_span(&self, key: PlaceKey) -> Option<Span> {
        match key {
            PlaceKey::Var(var) => {
                let fact = self.var(var);
                let defs = &self.facts(var.file).defs[fact.defs.range()];
                defs.iter()
                    .find(|it| it.kind == DefKind::Assign && it.func == fact.func)
                    .or_else(|| defs.first())
                    .map(|it| it.at)
            }
            PlaceKey::Class(class, name) => {
                let var = *self.files[class.file as usize]
                    .class_vars
                    .get(&(class.id, name))?;
                self.facts(class.file).defs[self.facts(class.file).vars[var].defs.range()]
                    .first()
                    .map(|it| it.at)
            }
            PlaceKey::Instance(class, name) => {
                let store = self.class_info(class)?.attrs.get(&name)?.first()?;
                Some(self.facts(store.file).stores[store.id].at)
            }
            PlaceKey::Func(func, name) => self
                .effects(PlaceKey::Func(func, name))
                .iter()
                .find(|it| it.kind == crate::link::effects::EffectKind::Rebind)
                .map(|it| it.at)
                .or_else(|| Some(self.func(func).name_span)),
        }
    }
}

/// What a kind of container is called.
#[must_use]
pub fn holds_name(holds: Holds) -> &'static str {
    match holds {
        Holds::List => "list",
        Holds::Dict => "dict",
        Holds::Set => "set",
        Holds::Deque => "deque",
        Holds::Queue => "queue",
        Holds::Counter => "Counter",
        Holds::Defaultdict => "defaultdict",
        Holds::Weak => "weak container",
        Holds::Bounded => "bounded container",
    }
}
