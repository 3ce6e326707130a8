//! Registries that live as long as the process, and what code does with threads, tasks, figures and native memory.

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;

use super::ModelError;
use super::names::{NameTree, NodeId};

/// What calling an API means to the rules of registries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApiRole {
    /// Starts a task that nobody holds but the caller.
    Task,
    /// Makes a future that nobody holds but the caller.
    Future,
    /// Opens a connection that refers to its reader weakly.
    OwnStream,
    /// A method whose caller waits for something that only its object tells.
    LoneWait,
    /// Waits for time to pass or for a thread: the loop holds who waits.
    TimerWait,
    /// Waits for some of the tasks that it is given, and leaves the others running.
    WaitTasks,
    /// Makes a thread.
    Thread,
    /// Makes a thread that waits.
    Timer,
    /// Calls back later.
    CallLater,
    /// Makes a context variable.
    ContextVar,
    /// Makes an object with a set of values for each thread.
    ThreadLocal,
    /// Gives the logger of a name.
    Logger,
    /// Adds a handler or filter to a logger.
    AddHandler,
    /// Makes a figure that a registry keeps.
    Figure,
    /// Closes or shows figures.
    CloseFigure,
    /// Allocates memory that Python does not see.
    NativeMemory,
    /// Makes a pointer type of a type.
    PointerType,
    /// Adds a reference.
    AddReference,
    /// Makes an object that records how it is called.
    Recorder,
    /// A class whose objects worker processes read.
    Dataset,
    /// Starts worker processes that read a dataset.
    Loader,
}

/// A function that keeps a callback for as long as the process.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Registry {
    names: Vec<String>,
    /// Keywords that take callbacks; without any, all arguments are kept.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// Functions that take a callback out; without a dot, by their last name alone.
    #[serde(default)]
    pub removers: Vec<String>,
    /// A keyword that must be `False` for the registry to hold strongly.
    pub weak: Option<String>,
    /// Whether bound methods are held weakly, and only functions and partials strongly.
    #[serde(default)]
    pub functions_only: bool,
    /// The object that keeps the callback, when it is not the process: then it must live longer.
    pub lives: Option<Lives>,
    /// Which versions of the library behave so, and where that is said.
    pub note: Option<String>,
}

/// The object that a callback lives as long as.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lives {
    /// The object whose method registers.
    Receiver,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleRow {
    names: Vec<String>,
    is: ApiRole,
    #[serde(rename = "note", default)]
    _note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    registry: Vec<Registry>,
    role: Vec<RoleRow>,
    hook: Words,
    leaving: Words,
    ending: Words,
    freeing: Words,
    taking: Words,
    setting_up: Words,
    alone: Words,
    label: Words,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Words {
    names: Vec<String>,
    prefixes: Vec<String>,
    parts: Vec<String>,
    suffixes: Vec<String>,
}

impl Words {
    fn matches(&self, name: &str) -> bool {
        let lower = name.to_ascii_lowercase();
        self.names.iter().any(|it| it == name)
            || self.prefixes.iter().any(|it| name.starts_with(it.as_str()))
            || self.parts.iter().any(|it| lower.contains(it.as_str()))
            || self.suffixes.iter().any(|it| name.ends_with(it.as_str()))
    }
}

/// The table of registries.
#[derive(Debug, Default)]
pub struct Registries {
    registries: FxHashMap<NodeId, Registry>,
    roles: FxHashMap<NodeId, ApiRole>,
    lasts: FxHashSet<String>,
    hooks: Words,
    leaving: Words,
    ending: Words,
    freeing: Words,
    taking: Words,
    setting_up: Words,
    alone: Words,
    labels: Words,
}

impl Registries {
    /// The table that heaplint ships; its names are added to `names`.
    pub(super) fn shipped(names: &mut NameTree) -> Result<Self, ModelError> {
        const TEXT: &str = include_str!("../../rules/models/registries.toml");
        let table: Table = toml::from_str(TEXT).map_err(|it| ModelError {
            table: "registries.toml".to_owned(),
            message: it.to_string(),
        })?;
        let mut registries = Self {
            hooks: table.hook,
            leaving: table.leaving,
            ending: table.ending,
            freeing: table.freeing,
            taking: table.taking,
            setting_up: table.setting_up,
            alone: table.alone,
            labels: table.label,
            ..Self::default()
        };
        for row in &table.registry {
            registries.add_registry(names, row);
        }
        for row in &table.role {
            registries.add_role(names, row);
        }
        Ok(registries)
    }

    /// Adds a row of the table, before those that are there.
    pub(super) fn teach(
        &mut self,
        names: &mut NameTree,
        form: &str,
        row: &toml::Table,
    ) -> Result<(), String> {
        let row = row.clone();
        if form == "registry" {
            let row: Registry = row.try_into().map_err(|it| it.message().to_owned())?;
            self.add_registry(names, &row);
        } else {
            let row: RoleRow = row.try_into().map_err(|it| it.message().to_owned())?;
            self.add_role(names, &row);
        }
        Ok(())
    }

    fn add_registry(&mut self, names: &mut NameTree, row: &Registry) {
        for name in row.removers.iter().filter(|it| it.contains('.')) {
            names.add(name);
        }
        for name in &row.names {
            let node = names.add(name);
            self.add_last(name);
            self.registries.insert(node, row.clone());
        }
    }

    fn add_role(&mut self, names: &mut NameTree, row: &RoleRow) {
        for name in &row.names {
            let node = names.add(name);
            self.add_last(name);
            self.roles.insert(node, row.is);
        }
    }

    fn add_last(&mut self, name: &str) {
        let last = name.rsplit('.').next().unwrap_or(name);
        self.lasts.insert(last.to_owned());
    }

    /// Whether some API of the table ends in this name.
    #[must_use]
    pub fn is_last(&self, name: &str) -> bool {
        self.lasts.contains(name)
    }

    /// The registry that an API adds to.
    #[must_use]
    pub fn registry(&self, node: NodeId) -> Option<&Registry> {
        self.registries.get(&node)
    }

    /// What calling an API means.
    #[must_use]
    pub fn role(&self, node: NodeId) -> Option<ApiRole> {
        self.roles.get(&node).copied()
    }

    /// Whether a method registers a hook and gives the only handle to it.
    #[must_use]
    pub fn is_hook(&self, method: &str) -> bool {
        self.hooks.matches(method)
    }

    /// Whether a function of this name takes a callback out of a registry.
    #[must_use]
    pub fn is_leaving(&self, name: &str) -> bool {
        self.leaving.matches(name)
    }

    /// Whether a method of this name ends its object's life.
    #[must_use]
    pub fn is_ending(&self, name: &str) -> bool {
        self.ending.matches(name)
    }

    /// Whether a function of a C library of this name frees what it is given.
    #[must_use]
    pub fn is_freeing(&self, name: &str) -> bool {
        self.freeing.matches(name)
    }

    /// Whether a function of a C library of this name takes over what it is given.
    #[must_use]
    pub fn is_taking(&self, name: &str) -> bool {
        self.taking.matches(name)
    }

    /// Whether a function of this name sets up what a process has once.
    #[must_use]
    pub fn is_setting_up(&self, name: &str) -> bool {
        self.setting_up.matches(name)
    }

    /// Whether a process has one object of a class of this name.
    #[must_use]
    pub fn is_alone(&self, class: &str) -> bool {
        self.alone.matches(class)
    }

    /// Whether a variable of this name holds one of few names: of a module, a class, a part.
    #[must_use]
    pub fn is_label(&self, name: &str) -> bool {
        self.labels.matches(name)
    }
}
