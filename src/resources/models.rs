//! Answers of the models: an [`Oracle`] for whoever can say what a call calls.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::oracle::{Acquire, Oracle};
use crate::facts::model::{
    ArgF, ArgKindF, CallId, DefKind, FileFacts, FuncId, Usage, ValueId, ValueKind, VarId,
};
use crate::models::resources::{Api, Class, Effect, Kind, Leaves, Param, Resources};

/// A part of the tuple that a function of the program returns, which it has just opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Its position.
    pub index: u8,
    /// The library API that opens it.
    pub api: String,
    /// The position in what that API gives; `None` when it is the whole.
    pub field: Option<u8>,
}

/// What a call opens that gives an instance of a class of the program.
#[derive(Clone, Debug)]
pub struct OwnOpening<'a> {
    /// The class.
    pub class: String,
    /// What ends it.
    pub api: &'a Api,
    /// What it holds.
    pub kind: Kind,
    /// When CPython gives that back by itself.
    pub release: Class,
}

/// What link knows of the calls of one file.
pub trait Resolve {
    /// The library API that a call calls, by its full dotted name. For a function of the program that returns what such an
    /// API has just opened, that API, with `true`.
    fn library(&self, call: CallId) -> Option<(Cow<'_, str>, bool)>;

    /// What a function of the program does to its argument at this place of the facts' list; `None` when unknown.
    fn argument(&self, call: CallId, index: usize) -> Option<Effect>;

    /// Whether it calls a function of the program.
    fn is_ours(&self, call: CallId) -> bool;

    /// Whether a function of the program never returns.
    fn never_returns(&self, call: CallId) -> bool;

    /// Whether somebody who gets what a context manager function yields closes it.
    fn is_closed_by_users(&self, _func: FuncId) -> bool {
        false
    }

    /// Whether a method call on the instance itself leaves alone what this attribute of it holds.
    fn spares(&self, _call: CallId, _attribute: &str) -> bool {
        false
    }

    /// Whether one of these names stands somewhere in the program.
    fn mentions(&self, _names: &[Box<str>]) -> bool {
        false
    }

    /// For a call of a function of the program that returns a tuple: what of it was just opened.
    fn parts(&self, _call: CallId) -> Vec<Part> {
        Vec::new()
    }

    /// For a call that gives an instance of a class of the program, and with it a resource: what it opens.
    fn own(&self, _call: CallId) -> Option<OwnOpening<'_>> {
        None
    }
}

/// Models and link together.
#[derive(Debug)]
pub struct ModelOracle<'a, R> {
    /// The file.
    pub facts: &'a FileFacts,
    /// The models.
    pub resources: &'a Resources,
    /// The program around the file.
    pub resolve: R,
    /// The oldest Python version that the program is for.
    pub version: (u16, u16),
}

/// Names that only open files have. They are asked for so as to stay silent.
const STREAM_NAMES: &[&str] = &[
    "fileobj",
    "fobj",
    "file_obj",
    "file_object",
    "fp",
    "fh",
    "fd",
    "f",
    "fin",
    "fout",
    "stream",
    "buf",
    "buffer",
    "bio",
    "io",
    "data",
    "content",
    "raw",
    "body",
    "response",
    "resp",
    "handle",
    "file_handle",
    "file_like",
    "filelike",
    "in_file",
    "stdin",
    "stdout",
    "reader",
    "writer",
    "bytes_io",
    "blob",
];

/// Types of open files, and of what web frameworks give for an uploaded one.
const STREAM_TYPES: &[&str] = &[
    "IO",
    "BinaryIO",
    "TextIO",
    "BytesIO",
    "StringIO",
    "IOBase",
    "RawIOBase",
    "BufferedIOBase",
    "TextIOBase",
    "BufferedReader",
    "BufferedRandom",
    "TextIOWrapper",
    "SpooledTemporaryFile",
    "FileStorage",
    "UploadFile",
    "UploadedFile",
];

/// Methods that files have and paths do not.
const STREAM_METHODS: &[&str] = &[
    "read", "readline", "readinto", "seek", "tell", "write", "getvalue",
];

/// Calls that make an open file, or bytes, and never a path.
const STREAM_MAKERS: &[&str] = &[
    "BytesIO",
    "StringIO",
    "open",
    "urlopen",
    "makefile",
    "TemporaryFile",
    "NamedTemporaryFile",
    "fdopen",
    "read",
    "GzipFile",
    "BufferedReader",
    "SpooledTemporaryFile",
    "get",
    "extractfile",
];

/// Decorators under which what a function yields comes back to it.
const LENDERS: &[&str] = &[
    "contextmanager",
    "asynccontextmanager",
    "fixture",
    "yield_fixture",
    "async_contextmanager",
    "inlineCallbacks",
];

/// Methods of a pipe, and of the process that has it, which close it.
static PIPE_CLOSERS: LazyLock<Vec<Box<str>>> =
    LazyLock::new(|| ["close", "communicate"].map(Into::into).to_vec());

/// What an API opens, when nothing is known of the call.
fn acquired(api: &Api, kind: Kind, class: Class) -> Acquire<'_> {
    Acquire {
        kind,
        class,
        closers: &api.closers,
        ended_by: &api.ended_by,
        fails: &api.fails,
        fails_timed: &api.fails_timed,
        is_timed: false,
        owned_by: &api.owned_by,
        gives_up: &api.gives_up,
        awaited: &api.awaited,
        handles: &api.handles,
        parts: &api.parts,
        opened_by: &api.opened_by,
        is_late: false,
        field: None,
        with_closes: api.with_closes,
        exhaustible: api.exhaustible,
        harmless: api.harmless,
    }
}

/// A resource of which nothing is known but that nobody gives it back.
const fn nothing<'a>() -> Acquire<'a> {
    Acquire {
        kind: Kind::File,
        class: Class::A,
        closers: &[],
        ended_by: &[],
        fails: &[],
        fails_timed: &[],
        is_timed: false,
        owned_by: &[],
        gives_up: &[],
        awaited: &[],
        handles: &[],
        parts: &[],
        opened_by: &[],
        is_late: false,
        field: None,
        with_closes: false,
        exhaustible: false,
        harmless: false,
    }
}

impl<R: Resolve> ModelOracle<'_, R> {
    /// The library API that a call opens something with.
    pub(super) fn opener(&self, call: CallId) -> String {
        match self.resolve.library(call) {
            Some((name, _)) => name.into_owned(),
            None => match self.resolve.own(call) {
                Some(own) => own.class,
                None => {
                    let first = self.resolve.parts(call).into_iter().next();
                    first.map_or_else(String::new, |it| it.api)
                }
            },
        }
    }

    fn api(&self, call: CallId) -> Option<(&Api, bool)> {
        let (name, is_through) = self.resolve.library(call)?;
        Some((self.resources.get(&name)?, is_through))
    }

    fn acquired_part(&self, part: &Part) -> Option<Acquire<'_>> {
        let api = self.resources.get(&part.api)?;
        Some(Acquire {
            field: Some(part.index),
            ..acquired(api, api.opens?, api.class_at(self.version))
        })
    }

    fn args(&self, call: CallId) -> &[ArgF] {
        &self.facts.args[self.facts.calls[call].args.range()]
    }

    fn text(&self, name: crate::base::Name) -> &str {
        &self.facts.names[name.0 as usize]
    }

    /// Position and keyword of an argument.
    fn place(&self, call: CallId, index: usize) -> (Option<u32>, Option<&str>) {
        let args = self.args(call);
        let is_star = |it: &ArgF| it.kind == ArgKindF::Star;
        match args[index].kind {
            ArgKindF::Positional if !args[..index].iter().any(is_star) => {
                (Some(index as u32), None)
            }
            ArgKindF::Keyword(name) => (None, Some(self.text(name))),
            _ => (None, None),
        }
    }

    /// Whether a call gets an argument that the models write as a keyword, a position, `keyword=False` for one that must
    /// be off, or `0=text` for one that must be that text. `None` and `False` count as not given.
    fn is_given(&self, call: CallId, what: &str) -> bool {
        if let Some((what, wanted)) = what.split_once('=').filter(|it| it.1 != "False") {
            return (0..self.args(call).len()).any(|at| {
                let is_it = match self.place(call, at) {
                    (Some(position), _) => what.parse() == Ok(position),
                    (_, keyword) => keyword == Some(what),
                };
                let text = match self.facts.values[self.args(call)[at].value].kind {
                    ValueKind::Str { text, .. } => text.map(|it| self.text(it.into())),
                    _ => None,
                };
                is_it && text == Some(wanted)
            });
        }
        let (what, is_off) = what
            .strip_suffix("=False")
            .map_or((what, false), |it| (it, true));
        (0..self.args(call).len()).any(|at| match self.place(call, at) {
            (Some(position), _) => what.parse() == Ok(position),
            (_, Some(keyword)) => {
                let value = self.facts.values[self.args(call)[at].value].kind;
                keyword == what
                    && match value {
                        ValueKind::None => false,
                        ValueKind::Bool(it) => it != is_off,
                        _ => true,
                    }
            }
            _ => false,
        })
    }

    /// Whether a keyword is given `subprocess.PIPE`.
    fn is_piped(&self, call: CallId, keyword: &str) -> bool {
        (0..self.args(call).len()).any(|at| {
            self.place(call, at).1 == Some(keyword)
                && self.last_name_of_plain(self.args(call)[at].value) == Some("PIPE")
        })
    }

    /// Whether a keyword is given as a false literal.
    fn is_false(&self, call: CallId, keyword: &str) -> bool {
        (0..self.args(call).len()).any(|at| {
            self.place(call, at).1 == Some(keyword)
                && self.facts.values[self.args(call)[at].value].kind == ValueKind::Bool(false)
        })
    }

    /// Whether what a path is expected for is an open file.
    fn is_stream(&self, call: CallId, param: &Param) -> bool {
        let found = (0..self.args(call).len()).find(|&at| match (param, self.place(call, at)) {
            (Param::At(at), (position, _)) => position == Some(*at),
            (Param::Named(name), (_, keyword)) => keyword == Some(&**name),
        });
        found.is_some_and(|at| self.looks_like_stream(self.args(call)[at].value))
    }

    fn looks_like_stream(&self, value: ValueId) -> bool {
        let is_stream_name = |name: &str| {
            let name = name.trim_start_matches('_').to_ascii_lowercase();
            STREAM_NAMES.contains(&&*name)
        };
        match self.facts.values[value].kind {
            ValueKind::Var(var) => {
                let fact = &self.facts.vars[var];
                is_stream_name(self.text(fact.name))
                    || self.is_used_as_stream(var)
                    || self.is_declared_stream(var)
                    || self.facts.defs[fact.defs.range()].iter().any(|def| {
                        def.kind == DefKind::With
                            || def.value.is_some_and(|it| self.makes_stream(it))
                    })
            }
            ValueKind::Attr { name, .. } => is_stream_name(self.text(name)),
            _ => self.makes_stream(value),
        }
    }

    /// Whether nothing is done with the result of a call but to call a method that only uses it, and gives nothing on.
    pub(super) fn is_used_at_once(&self, func: FuncId, made: CallId) -> bool {
        if self.facts.calls[made].usage != Usage::Receiver {
            return false;
        }
        self.facts.funcs[func].calls.ids().any(|id| {
            let call = &self.facts.calls[id];
            match self.facts.values[call.callee].kind {
                ValueKind::Attr { base, .. } => {
                    self.facts.values[base].kind == ValueKind::Call(made)
                        && call.usage == Usage::Discarded
                        && self.is_modeled(id)
                        && self.method_effect(id) == Effect::Borrow
                }
                _ => false,
            }
        })
    }

    /// Whether a value goes nowhere but to calls that only use it.
    pub(super) fn is_only_lent(&self, func: FuncId, value: ValueId) -> bool {
        let calls = self.facts.funcs[func].calls;
        let mut is_lent = false;
        for id in calls.ids() {
            for at in 0..self.args(id).len() {
                if self.args(id)[at].value == value {
                    is_lent = self.effect_of_argument(id, at) == Effect::Borrow;
                    if !is_lent {
                        return false;
                    }
                }
            }
        }
        is_lent
    }

    /// Whether a parameter is declared as an open file.
    fn is_declared_stream(&self, var: VarId) -> bool {
        let fact = &self.facts.vars[var];
        let func = &self.facts.funcs[fact.func];
        let params = &self.facts.params[func.params.range()];
        let Some(annotation) = params
            .iter()
            .find(|it| it.var == var && fact.param.is_some())
        else {
            return false;
        };
        annotation.annotation.is_some_and(|it| {
            // `IO[bytes]`
            let plain = match self.facts.values[it].kind {
                ValueKind::Item { base, .. } => base,
                _ => it,
            };
            self.last_name_of_plain(plain)
                .is_some_and(|it| STREAM_TYPES.contains(&it))
        })
    }

    /// Whether a variable is an object with methods of a file: it is read or sought, or it is the object itself that gives
    /// itself on.
    fn is_used_as_stream(&self, var: VarId) -> bool {
        let fact = &self.facts.vars[var];
        let func = &self.facts.funcs[fact.func];
        // A local name of two things may be a path first.
        if fact.param.is_none() && fact.defs.len() != 1 {
            return false;
        }
        let is_self =
            fact.param == Some(0) && func.class.is_some() && self.text(fact.name) == "self";
        is_self
            || self.facts.calls.as_slice()[func.calls.range()]
                .iter()
                .any(|it| match self.facts.values[it.callee].kind {
                    ValueKind::Attr { base, name } => {
                        self.facts.values[base].kind == ValueKind::Var(var)
                            && STREAM_METHODS.contains(&self.text(name))
                    }
                    _ => false,
                })
    }

    fn makes_stream(&self, value: ValueId) -> bool {
        match self.facts.values[value].kind {
            ValueKind::Call(call) => self
                .last_name(self.facts.calls[call].callee)
                .is_some_and(|it| STREAM_MAKERS.contains(&it)),
            ValueKind::Bytes(_) => true,
            _ => false,
        }
    }

    fn last_name(&self, value: ValueId) -> Option<&str> {
        match self.facts.values[value].kind {
            ValueKind::Var(var) => Some(self.text(self.facts.vars[var].name)),
            ValueKind::Attr { name, .. } => Some(self.text(name)),
            ValueKind::Call(call) => self.last_name_of_plain(self.facts.calls[call].callee),
            _ => None,
        }
    }

    fn last_name_of_plain(&self, value: ValueId) -> Option<&str> {
        match self.facts.values[value].kind {
            ValueKind::Var(var) => Some(self.text(self.facts.vars[var].name)),
            ValueKind::Attr { name, .. } => Some(self.text(name)),
            _ => None,
        }
    }

    fn is_decorated(&self, func: FuncId, with: &[&str]) -> bool {
        let decorators = self.facts.funcs[func].decorators;
        self.facts.lists[decorators.range()]
            .iter()
            .any(|&it| self.last_name(it).is_some_and(|it| with.contains(&it)))
    }

    /// `sock.settimeout(…)`, `names.append(…)`: a method of another library, or of what nobody knows.
    fn is_calm(&self, call: CallId) -> bool {
        match self.facts.values[self.facts.calls[call].callee].kind {
            ValueKind::Attr { name, .. } => {
                self.resources.is_calm(self.text(name)) && !self.resolve.is_ours(call)
            }
            _ => false,
        }
    }

    /// `logger.info(…)`, whatever the logger is.
    fn is_logging(&self, call: CallId) -> bool {
        let ValueKind::Attr { base, name } = self.facts.values[self.facts.calls[call].callee].kind
        else {
            return false;
        };
        let levels = [
            "debug",
            "info",
            "warning",
            "warn",
            "error",
            "exception",
            "critical",
            "log",
        ];
        levels.contains(&self.text(name))
            && self
                .last_name(base)
                .is_some_and(|it| it.to_ascii_lowercase().contains("log"))
    }
}

impl<R: Resolve> Oracle for ModelOracle<'_, R> {
    fn acquires(&self, call: CallId) -> Vec<Acquire<'_>> {
        let Some((api, is_through)) = self.api(call) else {
            if let Some(own) = self.resolve.own(call) {
                return vec![Acquire {
                    is_late: !own.api.opened_by.is_empty(),
                    ..acquired(own.api, own.kind, own.release)
                }];
            }
            let parts = self.resolve.parts(call).into_iter();
            return parts.filter_map(|it| self.acquired_part(&it)).collect();
        };
        let Some(kind) = api.opens else {
            return Vec::new();
        };
        let is_excepted = !is_through
            && (api.unless.iter().any(|it| self.is_given(call, it))
                || !api.only_if.is_empty()
                    && !api.only_if.iter().any(|it| self.is_given(call, it))
                || api.path.as_ref().is_some_and(|it| self.is_stream(call, it)));
        let is_dropped = self.facts.calls[call].usage == Usage::Discarded;
        if is_excepted
            || api.when_used && is_dropped
            || !api.unless_named.is_empty() && self.resolve.mentions(&api.unless_named)
        {
            return Vec::new();
        }
        let acquire = |field| Acquire {
            is_timed: !is_through && self.is_given(call, "timeout"),
            is_late: !is_through
                && !api.opened_by.is_empty()
                && !api.opened_if.iter().any(|it| self.is_given(call, it)),
            field,
            harmless: api.harmless
                || !is_through && api.harmless_if.iter().any(|it| self.is_given(call, it)),
            ..acquired(api, kind, api.class_at(self.version))
        };
        let mut out = if api.fields.is_empty() {
            vec![acquire(None)]
        } else {
            api.fields.iter().map(|&it| acquire(Some(it))).collect()
        };
        let stays = |it: &&Leaves| match &it.when_false {
            Some(keyword) => !is_through && self.is_false(call, keyword),
            None => true,
        };
        out.extend(api.leaves.as_ref().filter(stays).map(|it| Acquire {
            kind: it.kind,
            closers: &it.named_by,
            field: it.field,
            ..nothing()
        }));
        let pipes = api.pipes.iter().filter(|_| !is_through);
        let pipes = pipes.filter(|it| self.is_piped(call, it));
        out.extend(pipes.map(|it| Acquire {
            kind: Kind::Pipe,
            class: Class::C,
            closers: &PIPE_CLOSERS,
            parts: std::slice::from_ref(it),
            with_closes: true,
            ..nothing()
        }));
        out
    }

    fn effect_of_argument(&self, call: CallId, index: usize) -> Effect {
        if let Some((api, false)) = self.api(call) {
            let (position, keyword) = self.place(call, index);
            return api.effect(position, keyword).unwrap_or(Effect::Transfer);
        }
        if self.is_logging(call) {
            return Effect::Borrow;
        }
        self.resolve
            .argument(call, index)
            .unwrap_or(Effect::Transfer)
    }

    fn is_modeled(&self, call: CallId) -> bool {
        matches!(self.api(call), Some((_, false)))
    }

    fn method_effect(&self, call: CallId) -> Effect {
        if let Some((api, false)) = self.api(call) {
            return api.receiver.unwrap_or(Effect::Borrow);
        }
        // Without knowing the type: any type's effect, since all but borrowing only take findings away.
        let callee = self.facts.calls[call].callee;
        let guess = self.last_name(callee).and_then(|last| {
            self.resources
                .named(last)
                .filter_map(|api| api.receiver)
                .find(|it| *it != Effect::Borrow)
        });
        guess.unwrap_or(Effect::Borrow)
    }

    fn is_method(&self, name: &str) -> bool {
        self.resources.is_method(name)
    }

    fn never_returns(&self, call: CallId) -> bool {
        match self.api(call) {
            Some((api, false)) => api.never_returns,
            _ => self.resolve.never_returns(call),
        }
    }

    fn cannot_raise(&self, call: CallId) -> bool {
        match self.api(call) {
            Some((api, false)) => api.cannot_raise,
            _ => self.is_logging(call) || self.is_calm(call),
        }
    }

    fn spares(&self, call: CallId, attribute: &str) -> bool {
        self.resolve.spares(call, attribute)
    }

    fn lends_what_it_yields(&self, func: FuncId) -> bool {
        self.is_decorated(func, LENDERS) && !self.resolve.is_closed_by_users(func)
    }

    fn yields_in_peace(&self, func: FuncId) -> bool {
        self.is_decorated(func, &["fixture", "yield_fixture"])
    }
}
