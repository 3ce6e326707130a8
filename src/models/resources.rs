//! Resource models: what one API opens, and what it does to the resources that it is given.
//!
//! A model names an API by the full dotted name that a program resolves it to. Methods are named below their type
//! (`socket.socket.makefile`); a call that gives an object of another type says which (`returns`). Nothing here knows how
//! a call is resolved. `rules/models/RESOURCES.md` documents the format.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;

use super::ModelError;

mod enders;
mod load;

pub use enders::ender_rank;
pub use load::BUNDLED;

/// All models, by dotted name.
#[derive(Debug, Default)]
pub struct Resources {
    apis: Vec<Api>,
    by_name: FxHashMap<Box<str>, u32>,
    /// By the last part of the dotted name, for guesses that only remove findings.
    by_last: FxHashMap<Box<str>, Vec<u32>>,
    closers: FxHashSet<Box<str>>,
    calm: FxHashSet<Box<str>>,
    methods: FxHashSet<Box<str>>,
    handles: FxHashSet<Box<str>>,
}

impl Resources {
    /// Reads model files, given as path and text.
    ///
    /// # Errors
    /// When a file is not TOML of the documented form, or two entries name the same API.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, ModelError> {
        load::parse(files)
    }

    pub(super) fn add(&mut self, api: Api) -> Result<(), String> {
        let id = self.apis.len() as u32;
        for name in &api.names {
            if self.by_name.insert(name.clone(), id).is_some() {
                return Err(name.to_string());
            }
            if let Some((_, method)) = name.rsplit_once('.') {
                self.by_last.entry(method.into()).or_default().push(id);
            }
        }
        self.closers.extend(api.closers.iter().cloned());
        self.handles
            .extend(api.handles.iter().chain(&api.parts).cloned());
        self.apis.push(api);
        Ok(())
    }

    /// Adds an entry before those that are there.
    pub(super) fn teach(&mut self, row: &toml::Table) -> Result<(), String> {
        let api = load::row(row)?;
        for name in &api.names {
            self.by_name.remove(name);
            let last = name.rsplit_once('.').map_or(&**name, |it| it.1);
            if let Some(ids) = self.by_last.get_mut(last) {
                let apis = &self.apis;
                ids.retain(|it| !apis[*it as usize].names.contains(name));
            }
        }
        self.add(api)
            .map_err(|name| format!("`{name}` is named twice"))
    }

    /// The models that heaplint ships.
    ///
    /// # Errors
    /// When a shipped table is not well-formed, which a test rules out.
    pub fn shipped() -> Result<Self, ModelError> {
        Self::parse(BUNDLED)
    }

    /// The model of an API; for `open.read`, a method of what calling `open` gives, the one of its type.
    #[must_use]
    pub fn get(&self, dotted: &str) -> Option<&Api> {
        if let Some(&id) = self.by_name.get(dotted) {
            return Some(&self.apis[id as usize]);
        }
        let (maker, method) = dotted.rsplit_once('.')?;
        let maker = &self.apis[*self.by_name.get(maker)? as usize];
        let id = self
            .by_name
            .get(format!("{}.{method}", maker.returns.as_ref()?).as_str())?;
        Some(&self.apis[*id as usize])
    }

    /// All dotted names under which [`Resources::get`] finds something, for link to follow.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        let methods = self.apis.iter().flat_map(|api| {
            let of_type = api.returns.iter().flat_map(|typ| {
                self.by_name.keys().filter_map(move |it| {
                    it.strip_prefix(&**typ)?
                        .strip_prefix('.')
                        .filter(|rest| !rest.contains('.'))
                })
            });
            of_type.flat_map(|method| api.names.iter().map(move |name| format!("{name}.{method}")))
        });
        let plain = self.apis.iter().flat_map(|api| api.names.iter());
        plain.map(ToString::to_string).chain(methods)
    }

    /// The models whose dotted names end so. Whoever asks without knowing the type may only drop findings for it.
    pub fn named(&self, last: &str) -> impl Iterator<Item = &Api> {
        let ids = self.by_last.get(last).map_or(&[][..], Vec::as_slice);
        ids.iter().map(|&it| &self.apis[it as usize])
    }

    /// Whether some resource has a method of this name that releases it.
    #[must_use]
    pub fn is_closer(&self, method: &str) -> bool {
        self.closers.contains(method)
    }

    /// Whether an attribute of this name stands for some resource: whoever gets it may release it.
    #[must_use]
    pub fn is_handle(&self, name: &str) -> bool {
        self.handles.contains(name)
    }

    /// Whether methods of this name do not fail in the ordinary course of things, whatever their type.
    #[must_use]
    pub fn is_calm(&self, method: &str) -> bool {
        self.calm.contains(method)
    }

    /// Whether it is a method that resources have: taken and not called, it holds its object.
    #[must_use]
    pub fn is_method(&self, name: &str) -> bool {
        self.methods.contains(name) || self.closers.contains(name)
    }

    /// Whether some API that opens something has this last name.
    #[must_use]
    pub fn is_opener(&self, last: &str) -> bool {
        self.named(last).any(|it| it.opens.is_some())
    }

    /// All models in file order.
    pub fn iter(&self) -> std::slice::Iter<'_, Api> {
        self.apis.iter()
    }
}

/// Kinds of resource, one per wording.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A file object (also compressed ones and archives).
    File,
    /// An integer descriptor that nobody closes by itself.
    Descriptor,
    /// A directory scan.
    Scan,
    /// A memory map.
    Map,
    /// A socket, or a connection that is one.
    Socket,
    /// A server that listens.
    Server,
    /// A selector or epoll object.
    Selector,
    /// A database connection.
    Connection,
    /// A database cursor or session.
    Cursor,
    /// A database engine or connection pool.
    Engine,
    /// A child process.
    Process,
    /// This process's end of a pipe to a child process.
    #[serde(skip_deserializing)]
    Pipe,
    /// A pool of threads or processes, or a manager process.
    Executor,
    /// An event loop.
    Loop,
    /// A client or session of a network library.
    Client,
    /// A response whose body is still to be read.
    Response,
    /// A temporary file on disk.
    TemporaryFile,
    /// A temporary directory on disk.
    TemporaryDirectory,
    /// A shared memory segment.
    SharedMemory,
}

impl Kind {
    /// As messages and drawings call it: `socket`.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Descriptor => "descriptor",
            Self::Scan => "directory scan",
            Self::Map => "memory map",
            Self::Socket => "socket",
            Self::Server => "server",
            Self::Selector => "selector",
            Self::Connection => "connection",
            Self::Cursor => "session",
            Self::Engine => "engine",
            Self::Process => "process",
            Self::Pipe => "pipe",
            Self::Executor => "pool",
            Self::Loop => "event loop",
            Self::Client => "client",
            Self::Response => "response",
            Self::TemporaryFile => "temporary file",
            Self::TemporaryDirectory => "temporary directory",
            Self::SharedMemory => "shared memory segment",
        }
    }
}

/// When CPython gives back what nobody closes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
pub enum Class {
    /// Never.
    A,
    /// When the cyclic collector comes by.
    B,
    /// When the last reference goes, with a `ResourceWarning`.
    C,
    /// When the last reference goes, silently.
    D,
}

/// What a call does to a resource that it gets as an argument, or whose method it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Uses it; whoever had to close it still has to.
    Borrow,
    /// Takes it over, or may: nobody is blamed any more.
    Transfer,
    /// Closes it, or sees to it that it is closed.
    Close,
    /// The result wraps it and closes it when closed.
    Take,
    /// The result refers to it, but closing the result does not close it.
    View,
    /// The result refers to its elements: `list(files)` to the files, `list(file)` to nothing.
    Elements,
    /// Reads it to its end: what closes itself there is closed, else it is only used.
    Exhaust,
}

/// An argument: a position, or a keyword.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub enum Param {
    /// By position, from 0; the receiver of a method does not count.
    At(u32),
    /// By keyword.
    Named(Box<str>),
}

/// What an API leaves on disk besides what it opens, for ever.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaves {
    /// What it is.
    pub kind: Kind,
    /// The position of the returned tuple that names it.
    #[serde(default)]
    pub field: Option<u8>,
    /// Attributes that name it, for functions that remove it.
    #[serde(default, deserialize_with = "load::one_or_many")]
    pub named_by: Vec<Box<str>>,
    /// It stays only when this keyword is false.
    #[serde(default)]
    pub when_false: Option<Box<str>>,
}

/// One entry.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// Full dotted names.
    #[serde(rename = "name", deserialize_with = "load::one_or_many")]
    pub names: Vec<Box<str>>,
    /// What it opens.
    #[serde(default)]
    pub opens: Option<Kind>,
    /// When CPython gives that back by itself.
    #[serde(default)]
    pub class: Option<Class>,
    /// The same from a version on.
    #[serde(default, deserialize_with = "load::versions")]
    pub class_since: Since,
    /// Methods of the resource that release it.
    #[serde(default, deserialize_with = "load::one_or_many")]
    pub closers: Vec<Box<str>>,
    /// Methods that use it up, so that it releases itself.
    #[serde(default, deserialize_with = "load::one_or_many")]
    pub ended_by: Vec<Box<str>>,
    /// Whether `with` releases it.
    #[serde(default = "load::yes")]
    pub with_closes: bool,
    /// Positions of the returned tuple that are such resources; empty when the whole result is one.
    #[serde(default)]
    pub fields: Vec<u8>,
    /// What stays on disk besides.
    #[serde(default)]
    pub leaves: Option<Leaves>,
    /// Whether dropping it costs nothing that lasts.
    #[serde(default)]
    pub harmless: bool,
    /// Dropping it costs nothing that lasts when given one of these, in the form of `unless`.
    #[serde(default, deserialize_with = "load::one_or_many")]
    pub harmless_if: Vec<Box<str>>,
    /// Methods that fail in the ordinary course of things: a peer that is not there, a name that is taken.
    #[serde(default, deserialize_with = "load::one_or_many")]
    pub fails: Vec<Box<str>>,
    /// Methods that fail so once it has a time limit: after `settimeout`, or opened with a `timeout`.
    #[serde(default, deserialize_with = "load::one_or_many")]
    pub fails_timed: Vec<Box<str>>,
    /// Those of the closers that raise and leave it open when the `timeout` that they are given is over.
    #[serde(default, deserialize_with = "load::one_or_many")]
    pub gives_up: Vec<Box<str>>,
    /// Those of the closers that are coroutines: called without `await` they do nothing.
    #[serde(default, deserialize_with = "load::one_or_many")]
    pub awaited: Vec<Box<str>>,
    /// Keywords that open a pipe, kept on the attribute of the same name, when they are given `PIPE`.
    #[serde(default, deserialize_with = "load::one_or_many")]
    pub pipes: Vec<Box<str>>,
    /// Methods that only its owner calls: whoever calls one still has to release it, although it was lent out before.
    #[serde(default, deserialize_with = "load::one_or_many")]
    pub owned_by: Vec<Box<str>>,
    /// Attributes and methods whose value stands for the resource: who gets it may release it.
    #[serde(default, deserialize_with = "load::one_or_many")]
    pub handles: Vec<Box<str>>,
    /// Attributes that are the resource itself: closing the part closes the whole.
    #[serde(default, deserialize_with = "load::one_or_many")]
    pub parts: Vec<Box<str>>,
    /// Methods that open it: the call itself only makes an object.
    #[serde(default, deserialize_with = "load::one_or_many")]
    pub opened_by: Vec<Box<str>>,
    /// The call opens it all the same when given one of these, in the form of `unless`.
    #[serde(default, deserialize_with = "load::one_or_many")]
    pub opened_if: Vec<Box<str>>,
    /// It opens nothing when given one of these: a keyword (`"closefd"`), or a position (`"1"`).
    #[serde(default, deserialize_with = "load::one_or_many")]
    pub unless: Vec<Box<str>>,
    /// Names with which a program releases it without naming it: where one stands anywhere, somebody may.
    #[serde(default, deserialize_with = "load::one_or_many")]
    pub unless_named: Vec<Box<str>>,
    /// It opens something only when its result is used: dropped, it was only to let go of what somebody else closes.
    #[serde(default)]
    pub when_used: bool,
    /// It opens something only when given one of these, in the same form.
    #[serde(default, deserialize_with = "load::one_or_many")]
    pub only_if: Vec<Box<str>>,
    /// The argument that is a path or an open file: it opens nothing in the second case.
    #[serde(default)]
    pub path: Option<Param>,
    /// The type of the result, for its methods to be looked up. A class is its own.
    #[serde(default)]
    pub returns: Option<Box<str>>,
    /// What it does to arguments that no other list names; without it, what the program shows, else a transfer.
    #[serde(default)]
    pub arguments: Option<Effect>,
    /// Arguments it only uses.
    #[serde(default)]
    pub borrows: Vec<Param>,
    /// Arguments it takes over.
    #[serde(default)]
    pub takes: Vec<Param>,
    /// Arguments it closes.
    #[serde(default)]
    pub closes: Vec<Param>,
    /// Arguments its result wraps and closes.
    #[serde(default)]
    pub wraps: Vec<Param>,
    /// Arguments it reads to their end.
    #[serde(default)]
    pub exhausts: Vec<Param>,
    /// Arguments its result refers to and does not close.
    #[serde(default)]
    pub views: Vec<Param>,
    /// For methods: what it does to the object that it is called on.
    #[serde(default)]
    pub receiver: Option<Effect>,
    /// Whether iterating it to its end closes it.
    #[serde(default)]
    pub exhaustible: bool,
    /// Whether control never comes back.
    #[serde(default)]
    pub never_returns: bool,
    /// Whether it can be relied on not to raise.
    #[serde(default)]
    pub cannot_raise: bool,
    /// Rows of the measured truths, for the reader.
    #[serde(default)]
    pub truth: Option<Box<str>>,
    /// Versions of the library that it is true of, and where that was read.
    #[serde(default)]
    pub note: Option<Box<str>>,
}

impl Api {
    /// The class of release that applies to a Python version.
    #[must_use]
    pub fn class_at(&self, version: (u16, u16)) -> Class {
        self.class_since
            .iter()
            .rev()
            .find(|(since, _)| *since <= version)
            .map_or(self.class.unwrap_or(Class::C), |(_, class)| *class)
    }

    /// The effect on an argument, given by position or keyword, when the entry says one.
    #[must_use]
    pub fn effect(&self, position: Option<u32>, keyword: Option<&str>) -> Option<Effect> {
        let is_it = |param: &Param| match param {
            Param::At(at) => position == Some(*at),
            Param::Named(name) => keyword == Some(&**name),
        };
        let lists = [
            (&self.borrows, Effect::Borrow),
            (&self.takes, Effect::Transfer),
            (&self.closes, Effect::Close),
            (&self.wraps, Effect::Take),
            (&self.views, Effect::View),
            (&self.exhausts, Effect::Exhaust),
        ];
        lists
            .into_iter()
            .find(|(list, _)| list.iter().any(is_it))
            .map(|(_, effect)| effect)
            .or(self.arguments)
    }
}

/// Classes by the version that they apply from, ascending.
pub type Since = Vec<((u16, u16), Class)>;

/// Table of versions, as written.
pub(super) type Versions = BTreeMap<Box<str>, Class>;
