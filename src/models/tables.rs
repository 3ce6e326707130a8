//! The tables' rows, typed, and how they are read.

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;

use super::names::{NameTree, NodeId};
use super::registries::Registries;
use super::resources::Resources;

/// How a container holds what is put into it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holds {
    /// By position.
    List,
    /// By key.
    Dict,
    /// By value.
    Set,
    /// By position, from both ends; bounded by `maxlen`.
    Deque,
    /// In order, for a consumer.
    Queue,
    /// By key, with a count.
    Counter,
    /// By key; reading a missing key adds it.
    Defaultdict,
    /// Only as long as something else does.
    Weak,
    /// Up to a limit of its own.
    Bounded,
}

/// Which argument bounds a container or a cache.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// Its keyword.
    pub keyword: String,
    /// Its position.
    pub position: usize,
}

/// What a method does to the container it is called on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mutation {
    /// Adds one element at an end or a position.
    Append,
    /// Adds one element unless it is there.
    Add,
    /// Adds many elements.
    Extend,
    /// Adds many keys.
    Update,
    /// Adds a key unless it is there.
    Setdefault,
    /// Adds or replaces a key.
    Setitem,
    /// Adds an element for a consumer.
    Put,
    /// Takes elements out.
    Remove,
    /// Takes all elements out.
    Clear,
    /// Reads a key without adding it; of a queue, takes an element out.
    Get,
}

impl Mutation {
    /// Whether it may add elements.
    #[must_use]
    pub fn grows(self) -> bool {
        !matches!(self, Self::Remove | Self::Clear | Self::Get)
    }
}

/// A method by name, whatever the container.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MethodModel {
    /// What it does.
    pub does: Mutation,
    /// Position of the key that is added.
    pub key: Option<usize>,
    /// Position of the value that is added.
    pub value: Option<usize>,
}

/// What a function does with a container that is given to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FunctionModel {
    /// Position of an argument that grows.
    pub grows: Option<usize>,
    /// Position of an argument that shrinks.
    pub shrinks: Option<usize>,
    /// Position of what is added.
    pub value: Option<usize>,
    /// Whether the other arguments are only read.
    pub reads: bool,
}

/// A decorator that keeps results of calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CacheModel {
    /// Which argument bounds it.
    pub bound: Option<Bound>,
    /// Number of entries when nothing is said.
    pub default: Option<u32>,
    /// Position of an argument that holds the entries.
    pub store: Option<usize>,
}

/// What a base class says of its subclasses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BaseKind {
    /// Class-level containers are declarations, not shared state.
    Declarative,
    /// Members are made once.
    Enum,
    /// Instances are compared by value.
    Value,
    /// Instances are classes.
    Metaclass,
}

/// How often code runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runs {
    /// Nothing calls it.
    #[default]
    Never,
    /// While a module is imported.
    Import,
    /// Once for each class.
    PerClass,
    /// Once in a process.
    Once,
    /// Once for each instance.
    PerInstance,
    /// Any number of times.
    Many,
    /// For each event that comes from outside, for ever.
    PerEvent,
}

/// A table that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{table}: {message}")]
pub struct ModelError {
    /// The table's file name.
    pub table: String,
    /// What is wrong.
    pub message: String,
}

/// All tables.
#[derive(Debug, Default)]
pub struct Models {
    /// The dotted names they mention.
    pub names: NameTree,
    /// What opens, closes and borrows resources.
    pub resources: Resources,
    /// What keeps callbacks, tasks, threads and figures.
    pub registries: Registries,
    /// What can be taken out of a resource without holding it.
    pub plain: PlainResults,
    types: FxHashMap<NodeId, (Holds, Option<Bound>)>,
    methods: FxHashMap<String, MethodModel>,
    functions: FxHashMap<NodeId, FunctionModel>,
    caches: FxHashMap<NodeId, CacheModel>,
    bases: FxHashMap<NodeId, Vec<BaseKind>>,
    bounded_parts: Vec<String>,
    decorators: FxHashMap<String, Runs>,
    object_decorators: FxHashMap<String, Vec<(Vec<String>, Runs)>>,
    library_decorators: FxHashMap<NodeId, Runs>,
    entry_methods: Vec<EntryMethods>,
    callables: Vec<Callable>,
    event_parameters: FxHashSet<String>,
    once: NameRule,
    once_methods: FxHashSet<String>,
    endless_iterables: FxHashSet<NodeId>,
    endless: FxHashSet<String>,
    handed: FxHashSet<NodeId>,
    handed_by: FxHashSet<String>,
    forwards: FxHashSet<String>,
    waiting: FxHashSet<String>,
    flags: Vec<String>,
    short_lived: Vec<String>,
    teardown: FxHashSet<String>,
    service: ServiceNames,
    workers: FxHashSet<NodeId>,
    registry: NameRule,
    warn_once: Vec<String>,
    finite: NameRule,
    open: NameRule,
    whole_input: FxHashSet<NodeId>,
    whole_input_methods: FxHashSet<String>,
    pub(super) taught: Vec<NodeId>,
    pub(super) taught_openers: FxHashSet<String>,
    holders: FxHashMap<NodeId, usize>,
    kept_results: NameRule,
}

#[derive(Debug)]
struct EntryMethods {
    bases: FxHashSet<String>,
    names: FxHashSet<String>,
    runs: Runs,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Callable {
    params: Vec<Vec<String>>,
    names: Vec<String>,
    runs: Runs,
    #[serde(rename = "note", default)]
    _note: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct NameRule {
    #[serde(alias = "names")]
    exact: Vec<String>,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
    methods: Vec<String>,
    parts: Vec<String>,
    /// With which a name begins for a suffix to count; all do when there are none.
    verbs: Vec<String>,
    #[serde(rename = "note", default)]
    _note: Option<String>,
}

impl NameRule {
    fn has_verb(&self, name: &str) -> bool {
        let first = name.split('_').next().unwrap_or(name);
        self.verbs.is_empty() || self.verbs.iter().any(|it| it == first)
    }

    fn matches(&self, name: &str) -> bool {
        self.exact.iter().any(|it| it == name)
            || self.prefixes.iter().any(|it| name.starts_with(it.as_str()))
            || self.suffixes.iter().any(|it| name.ends_with(it.as_str())) && self.has_verb(name)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[derive(Default)]
struct Table {
    r#type: Vec<TypeRow>,
    bounded_names: NameRule,
    method: Vec<MethodRow>,
    function: Vec<FunctionRow>,
    base: Vec<BaseRow>,
    cache: Vec<CacheRow>,
    decorator: Vec<DecoratorRow>,
    callable: Vec<Callable>,
    event_parameters: NameRule,
    once: NameRule,
    endless: NameRule,
    handed: NameRule,
    forwards: NameRule,
    waiting: NameRule,
    flags: NameRule,
    short_lived: NameRule,
    teardown: NameRule,
    service: ServiceNames,
    registry: NameRule,
    warn_once: NameRule,
    finite_names: NameRule,
    open_names: NameRule,
    whole_input: NameRule,
    known: NameRule,
    holder: Vec<HolderRow>,
    kept_results: NameRule,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypeRow {
    names: Vec<String>,
    holds: Holds,
    bound: Option<Bound>,
    #[serde(rename = "note", default)]
    _note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MethodRow {
    names: Vec<String>,
    does: Option<Mutation>,
    key: Option<usize>,
    value: Option<usize>,
    #[serde(default)]
    bases: Vec<String>,
    runs: Option<Runs>,
    #[serde(rename = "note", default)]
    _note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FunctionRow {
    names: Vec<String>,
    grows: Option<usize>,
    shrinks: Option<usize>,
    #[allow(
        dead_code,
        reason = "says in the table that the function neither grows nor shrinks it"
    )]
    keeps: Option<usize>,
    value: Option<usize>,
    #[serde(default)]
    reads: bool,
    #[serde(rename = "note", default)]
    _note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BaseRow {
    names: Vec<String>,
    is: BaseKind,
    #[serde(rename = "note", default)]
    _note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CacheRow {
    names: Vec<String>,
    bound: Option<Bound>,
    default: Option<u32>,
    store: Option<usize>,
    #[serde(rename = "note", default)]
    _note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HolderRow {
    names: Vec<String>,
    from: usize,
    #[serde(rename = "note", default)]
    _note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct DecoratorRow {
    names: Vec<String>,
    #[serde(default)]
    on_object: bool,
    #[serde(default)]
    objects: Vec<String>,
    runs: Runs,
    #[serde(rename = "note", default)]
    _note: Option<String>,
}

/// What can be taken out of an open resource without holding it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlainResults {
    /// Openers whose elements do not refer to what was opened.
    pub elements: FxHashSet<String>,
    /// Methods whose results do not refer to their object.
    pub methods: FxHashSet<String>,
}

impl PlainResults {
    fn shipped() -> Result<Self, ModelError> {
        const TEXT: &str = include_str!("../../rules/models/plain_results.toml");
        toml::from_str(TEXT).map_err(|it| ModelError {
            table: "plain_results.toml".to_owned(),
            message: it.to_string(),
        })
    }
}

impl Models {
    /// The tables that heaplint ships.
    ///
    /// # Errors
    /// When a shipped table is not well-formed, which a test rules out.
    pub fn shipped() -> Result<Self, ModelError> {
        Self::taught(&[])
    }

    /// The tables that heaplint ships; names of resources are not followed yet.
    pub(super) fn tables() -> Result<Self, ModelError> {
        let mut models = Self::parse(&[
            (
                "containers.toml",
                include_str!("../../rules/models/containers.toml"),
            ),
            ("known.toml", include_str!("../../rules/models/known.toml")),
            (
                "holders.toml",
                include_str!("../../rules/models/holders.toml"),
            ),
            ("sizes.toml", include_str!("../../rules/models/sizes.toml")),
            (
                "entry_points.toml",
                include_str!("../../rules/models/entry_points.toml"),
            ),
        ])?;
        models.resources = Resources::shipped()?;
        models.registries = Registries::shipped(&mut models.names)?;
        models.plain = PlainResults::shipped()?;
        Ok(models)
    }

    /// Adds a row of a table, before those that are there.
    pub(super) fn teach_row(&mut self, form: &str, row: &toml::Table) -> Result<(), String> {
        let rows = toml::Value::Array(vec![toml::Value::Table(row.clone())]);
        let table: toml::Table = [(form.to_owned(), rows)].into_iter().collect();
        let table: Table = table.try_into().map_err(|it| it.message().to_owned())?;
        self.add(table);
        Ok(())
    }

    /// Reads tables, given as file name and text.
    ///
    /// # Errors
    /// The first table that is not well-formed.
    pub fn parse(tables: &[(&str, &str)]) -> Result<Self, ModelError> {
        let mut models = Self::default();
        for (name, text) in tables {
            let table: Table = toml::from_str(text).map_err(|it| ModelError {
                table: (*name).to_owned(),
                message: it.to_string(),
            })?;
            models.add(table);
        }
        Ok(models)
    }

    fn add(&mut self, table: Table) {
        for row in table.r#type {
            for name in row.names {
                self.types
                    .insert(self.names.add(&name), (row.holds, row.bound.clone()));
            }
        }
        for row in table.method {
            if let Some(does) = row.does {
                for name in row.names {
                    self.methods.insert(
                        name,
                        MethodModel {
                            does,
                            key: row.key,
                            value: row.value,
                        },
                    );
                }
            } else if let Some(runs) = row.runs {
                for base in &row.bases {
                    self.names.add(base);
                }
                self.entry_methods.push(EntryMethods {
                    bases: row.bases.into_iter().collect(),
                    names: row.names.into_iter().collect(),
                    runs,
                });
            }
        }
        for row in table.function {
            for name in row.names {
                let node = self.names.add(&name);
                let model = FunctionModel {
                    grows: row.grows,
                    shrinks: row.shrinks,
                    value: row.value,
                    reads: row.reads,
                };
                self.functions.insert(node, model);
            }
        }
        for row in table.base {
            for name in row.names {
                let node = self.names.add(&name);
                self.bases.entry(node).or_default().push(row.is);
            }
        }
        for row in table.cache {
            for name in row.names {
                let node = self.names.add(&name);
                self.caches.insert(
                    node,
                    CacheModel {
                        bound: row.bound.clone(),
                        default: row.default,
                        store: row.store,
                    },
                );
            }
        }
        for row in table.decorator {
            for name in row.names {
                let last = name.rsplit('.').next().unwrap_or(&name).to_owned();
                if name.contains('.') {
                    let node = self.names.add(&name);
                    self.library_decorators.insert(node, row.runs);
                }
                if row.on_object {
                    self.object_decorators
                        .entry(last)
                        .or_default()
                        .push((row.objects.clone(), row.runs));
                } else {
                    self.decorators.insert(last, row.runs);
                }
            }
        }
        self.callables.extend(table.callable);
        self.event_parameters.extend(table.event_parameters.exact);
        self.bounded_parts.extend(table.bounded_names.parts);
        self.once_methods.extend(table.once.methods.iter().cloned());
        extend(&mut self.once, table.once);
        for name in table.endless.exact {
            let node = self.names.add(&name);
            self.endless_iterables.insert(node);
        }
        self.endless.extend(table.endless.methods);
        for name in table.handed.exact {
            let node = self.names.add(&name);
            self.handed.insert(node);
        }
        self.handed_by.extend(table.handed.methods);
        self.forwards.extend(table.forwards.exact);
        self.waiting.extend(table.waiting.exact);
        self.teardown.extend(table.teardown.exact);
        for name in &table.service.workers {
            let node = self.names.add(name);
            self.workers.insert(node);
        }
        self.service.add(table.service);
        self.flags.extend(table.flags.parts);
        self.short_lived.extend(table.short_lived.parts);
        extend(&mut self.registry, table.registry);
        self.warn_once.extend(table.warn_once.parts);
        extend(&mut self.finite, table.finite_names);
        extend(&mut self.open, table.open_names);
        for name in table.whole_input.exact {
            let node = self.names.add(&name);
            self.whole_input.insert(node);
        }
        for row in table.holder {
            for name in row.names {
                self.holders.insert(self.names.add(&name), row.from);
            }
        }
        extend(&mut self.kept_results, table.kept_results);
        for name in table.known.exact {
            self.names.add(&name);
        }
        self.whole_input_methods.extend(table.whole_input.methods);
    }

    /// How a type holds its elements, and what bounds it.
    #[must_use]
    pub fn container(&self, node: NodeId) -> Option<(Holds, Option<&Bound>)> {
        self.types
            .get(&node)
            .map(|(holds, bound)| (*holds, bound.as_ref()))
    }

    /// From which argument on an object of a library holds what it is made with.
    #[must_use]
    pub fn holder(&self, node: NodeId) -> Option<usize> {
        self.holders.get(&node).copied()
    }

    /// Whether a decorator keeps a method's result on the instance, under the method's name.
    #[must_use]
    pub fn keeps_result(&self, decorator: &str) -> bool {
        self.kept_results.matches(decorator)
    }

    /// What a method name does to a container.
    #[must_use]
    pub fn method(&self, name: &str) -> Option<MethodModel> {
        self.methods.get(name).copied()
    }

    /// What a function does with its arguments.
    #[must_use]
    pub fn function(&self, node: NodeId) -> Option<FunctionModel> {
        self.functions.get(&node).copied()
    }

    /// A caching decorator.
    #[must_use]
    pub fn cache(&self, node: NodeId) -> Option<&CacheModel> {
        self.caches.get(&node)
    }

    /// What deriving from a class means.
    #[must_use]
    pub fn base(&self, node: NodeId) -> &[BaseKind] {
        self.bases.get(&node).map_or(&[], Vec::as_slice)
    }

    /// Whether a type of this name evicts by itself, as its name says.
    #[must_use]
    pub fn is_bounded_name(&self, name: &str) -> bool {
        self.bounded_parts
            .iter()
            .any(|it| name.contains(it.as_str()))
    }

    /// How often a function runs that this decorator of a library is applied to.
    #[must_use]
    pub fn decorated_by(&self, node: NodeId) -> Option<Runs> {
        self.library_decorators.get(&node).copied()
    }

    /// How often a function runs that is decorated by something whose last name this is. `object` is the name of the
    /// value whose attribute the decorator is (`app` of `app.route`); `None` for a plain name.
    #[must_use]
    pub fn decorated(&self, last: &str, object: Option<&str>) -> Option<Runs> {
        let on = object.and_then(|object| {
            let rows = self.object_decorators.get(last)?;
            rows.iter()
                .find(|(objects, _)| objects.is_empty() || objects.iter().any(|it| it == object))
                .map(|it| it.1)
        });
        on.or_else(|| self.decorators.get(last).copied())
    }

    /// How often a method runs, by its name and the dotted names (and last parts) of its class's bases.
    #[must_use]
    pub fn entry_method(&self, name: &str, bases: &[&str]) -> Option<Runs> {
        self.entry_methods
            .iter()
            .filter(|it| it.names.contains(name))
            .find(|it| it.bases.is_empty() || bases.iter().any(|base| it.bases.contains(*base)))
            .map(|it| it.runs)
    }

    /// Whether [`Models::callable`] says something of functions of this name, by their parameters.
    #[must_use]
    pub fn is_callable_named(&self, name: &str) -> bool {
        self.callables
            .iter()
            .any(|it| it.names.iter().any(|n| n == name))
    }

    /// How often a function of this name with these parameters runs (`self` left out).
    #[must_use]
    pub fn callable(&self, name: &str, params: &[&str]) -> Option<Runs> {
        self.callables
            .iter()
            .find(|it| {
                it.names.iter().any(|n| n == name)
                    && it.params.iter().any(|p| p.as_slice() == params)
            })
            .map(|it| it.runs)
    }

    /// Whether a parameter of this name carries an event.
    #[must_use]
    pub fn is_event_parameter(&self, name: &str) -> bool {
        self.event_parameters.contains(name)
    }

    /// Whether a function of this name runs once in a process.
    #[must_use]
    pub fn is_once(&self, name: &str, is_method: bool) -> bool {
        if is_method {
            self.once_methods.contains(name)
        } else {
            self.once.matches(name)
        }
    }

    /// Whether iterating what this makes goes on for as long as the process serves.
    #[must_use]
    pub fn is_endless(&self, node: NodeId) -> bool {
        self.endless_iterables.contains(&node)
    }

    /// Whether a method of this name gives what comes in, one by one, for as long as the process serves.
    #[must_use]
    pub fn is_endless_method(&self, name: &str) -> bool {
        self.endless.contains(name)
    }

    /// Whether what this name of a library is given is called for each event.
    #[must_use]
    pub fn is_handed_to(&self, node: NodeId) -> bool {
        self.handed.contains(&node)
    }

    /// Whether what a method of this name is given is called for each event.
    #[must_use]
    pub fn is_handed_by(&self, method: &str) -> bool {
        self.handed_by.contains(method)
    }

    /// Whether a function of this name calls a function later, with the arguments that come after it.
    #[must_use]
    pub fn is_forwarding(&self, name: &str) -> bool {
        self.forwards.contains(name)
    }

    /// Whether a function of this name waits for something to come in, or for time to pass.
    #[must_use]
    pub fn is_waiting(&self, name: &str) -> bool {
        self.waiting.contains(name)
    }

    /// Whether a class of this name, in lower case, serves one piece of work.
    #[must_use]
    pub fn is_short(&self, name: &str) -> bool {
        self.short_lived.iter().any(|it| name.contains(it.as_str()))
    }

    /// Whether a variable of this name says, in lower case, whether to go on.
    #[must_use]
    pub fn is_flag(&self, name: &str) -> bool {
        self.flags.iter().any(|it| name.contains(it.as_str()))
    }

    /// Whether a function of this name ends the life of its object, or of the program.
    #[must_use]
    pub fn is_teardown(&self, name: &str) -> bool {
        self.teardown.contains(name)
    }

    /// Whether a method of this name begins the service of its object.
    #[must_use]
    pub fn is_beginning(&self, name: &str) -> bool {
        self.service.begin.contains(name)
    }

    /// Whether a method of this name gives its object work.
    #[must_use]
    pub fn takes_work(&self, name: &str) -> bool {
        let name = name.trim_start_matches('_');
        let mut prefixes = self.service.work_prefixes.iter();
        self.service.work.contains(name) || prefixes.any(|it| name.starts_with(it.as_str()))
    }

    /// Whether a method of this name ends the service of its object.
    #[must_use]
    pub fn is_ending(&self, name: &str) -> bool {
        self.service.end.contains(name)
    }

    /// Whether a variable of this name says which piece of work is meant.
    #[must_use]
    pub fn is_work_key(&self, name: &str) -> bool {
        let name = name.trim_start_matches('_').to_ascii_lowercase();
        let stem = ["_id", "_uuid", "_key", "_seq", "_number", "_no", "id"]
            .iter()
            .find_map(|it| name.strip_suffix(it));
        self.service.keys.contains(&name) || stem.is_some_and(|it| self.is_work_item(it))
    }

    /// Whether a variable of this name is one piece of work.
    #[must_use]
    pub fn is_work_item(&self, name: &str) -> bool {
        let last = name.trim_matches('_').rsplit('_').next().unwrap_or(name);
        self.service.items.contains(last)
    }

    /// Whether a library object works on by itself: a thread, a process, a task, a server.
    #[must_use]
    pub fn is_worker(&self, node: NodeId) -> bool {
        self.workers.contains(&node)
    }

    /// Whether a function of this name registers what it is given.
    #[must_use]
    pub fn is_registry(&self, name: &str) -> bool {
        self.registry.matches(name)
    }

    /// Whether a container's name says that each entry is there so as to warn only once.
    #[must_use]
    pub fn is_warn_once(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.warn_once.iter().any(|it| name.contains(it.as_str()))
    }

    /// Whether a key of this name comes from a finite domain.
    #[must_use]
    pub fn is_finite_name(&self, name: &str) -> bool {
        self.finite.matches(name)
    }

    /// Whether a function gives as much as it reads: a file, a table, a response.
    #[must_use]
    pub fn is_whole_input(&self, node: NodeId) -> bool {
        self.whole_input.contains(&node)
    }

    /// Whether a method of this name, called without arguments, gives as much as it reads.
    #[must_use]
    pub fn is_whole_input_method(&self, name: &str) -> bool {
        self.whole_input_methods.contains(name)
    }

    /// Whether a key of this name comes from outside.
    #[must_use]
    pub fn is_open_name(&self, name: &str) -> bool {
        self.open.matches(name)
    }
}

/// Methods of objects that serve, and library objects that work on by themselves.
#[derive(Deserialize, Debug, Default, Clone)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct ServiceNames {
    begin: FxHashSet<String>,
    work: FxHashSet<String>,
    work_prefixes: Vec<String>,
    end: FxHashSet<String>,
    items: FxHashSet<String>,
    keys: FxHashSet<String>,
    workers: Vec<String>,
}

impl ServiceNames {
    fn add(&mut self, from: Self) {
        self.begin.extend(from.begin);
        self.work.extend(from.work);
        self.work_prefixes.extend(from.work_prefixes);
        self.end.extend(from.end);
        self.items.extend(from.items);
        self.keys.extend(from.keys);
    }
}

fn extend(to: &mut NameRule, from: NameRule) {
    to.exact.extend(from.exact);
    to.prefixes.extend(from.prefixes);
    to.suffixes.extend(from.suffixes);
    to.parts.extend(from.parts);
    to.verbs.extend(from.verbs);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_tables_are_well_formed() {
        let models = Models::shipped().expect("shipped tables parse");
        let deque = models.names.find("collections.deque").expect("named");
        assert_eq!(models.container(deque).map(|it| it.0), Some(Holds::Deque));
        assert_eq!(
            models.method("append").map(|it| it.does),
            Some(Mutation::Append)
        );
        assert_eq!(
            models.decorated("route", Some("anything")),
            Some(Runs::PerEvent)
        );
        assert_eq!(models.decorated("route", None), None);
    }
}
