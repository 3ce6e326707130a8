//! From a tree to facts: one walk, function by function.
//!
//! The walk keeps three things in hand: the function it is in, the class whose body runs, and the *context*, the chain of
//! conditions, loops and handlers that a fact stands under. A branch that leaves (`return`, `raise`, `continue`, `break`)
//! puts the rest of its block under the opposite outcome:
//!
//! ```python
//! def get(key):
//!     if key in CACHE:            # context of the body: If(key in CACHE, true)
//!         return CACHE[key]
//!     CACHE[key] = load(key)      # context: If(key in CACHE, false), so the growth is a memo table's
//! ```
//!
//! and the same for `try: return CACHE[key]` / `except KeyError: pass`: what follows runs only in the handler's case.

mod binds;
mod comments;
mod exprs;
mod stmts;

use std::cell::RefCell;
use std::sync::LazyLock;

use rustc_hash::FxHashSet;

use super::model::{
    ClassF, ContextId, DefF, DefKind, FileFacts, FuncF, FuncId, Home, ResultF, ResultKind, Rows,
    Usage, ValueId, ValueKind, VarF, VarId,
};
use super::reach::Reaching;
use super::sites::Sites;
use crate::base::{Idx, Span};
use crate::flow::build::build;
use crate::lower::Lowered;
use crate::models::Resources;
use crate::models::resources::ender_rank;
use crate::syntax::tree::{self, Module, ScopeKind};

/// Collects the facts of one file from its tree. `text` is the text that the tree was read from.
#[must_use]
pub fn collect(text: &str, lowered: &Lowered) -> FileFacts {
    collect_with(text, lowered, &FxHashSet::default()).0
}

/// As [`collect`], with the flow of functions that call something of these names as well: of openers that are not shipped.
#[must_use]
pub fn collect_for(text: &str, lowered: &Lowered, openers: &FxHashSet<String>) -> FileFacts {
    collect_with(text, lowered, openers).0
}

/// The facts, and which of them stands for which node of the tree.
pub(crate) fn collect_with(
    text: &str,
    lowered: &Lowered,
    openers: &FxHashSet<String>,
) -> (FileFacts, Sites) {
    let tree = &lowered.module;
    let mut cx = Collector::new(tree, openers);
    cx.vars();
    cx.functions();
    cx.lazy();
    cx.bindings();
    cx.flow_graphs();
    cx.out.pragmas = comments::pragmas(text, tree);
    cx.out.errors = lowered
        .errors
        .iter()
        .map(|it| (it.span, it.message.as_str().into()))
        .collect();
    cx.out.names = tree.names.texts().clone();
    cx.out.is_generated = comments::says_generated(text);
    let exact = cx.out.take_exact();
    let Collector { out, sites, .. } = cx;
    if out.values.capacity() <= ROOM_VALUES {
        ROOM.set(out);
    }
    (exact, sites)
}

thread_local! {
    /// Room for the tables of the next file: growing them anew for each file costs more than filling them.
    static ROOM: RefCell<FileFacts> = RefCell::default();
}

/// Values beyond which the room is not kept for the next file: few files are so long.
const ROOM_VALUES: usize = 1 << 17;

struct Collector<'a> {
    tree: &'a Module,
    /// Names of openers besides the shipped ones.
    openers: &'a FxHashSet<String>,
    out: FileFacts,
    sites: Sites,
    defs: Vec<DefF>,
    reach: Reaching,
    /// Whether what is walked is an expression that binds, which may not be evaluated.
    is_walrus: bool,
    queue: Vec<(tree::FuncId, Option<ContextId>)>,
    func: FuncId,
    class: Option<tree::ClassId>,
    context: Option<ContextId>,
    /// Whether a `break` of the innermost loop was seen.
    breaks: bool,
    /// Whether what is walked never runs: an annotation inside a function.
    is_dead: bool,
    /// Calls in `type` statements, whose values are evaluated when somebody asks for them.
    lazy_calls: Vec<Rows>,
    statements: u32,
}

impl<'a> Collector<'a> {
    fn new(tree: &'a Module, openers: &'a FxHashSet<String>) -> Self {
        let mut out = ROOM.take();
        out.values.reserve(tree.exprs.len());
        Self {
            tree,
            openers,
            out,
            sites: Sites::new(tree.exprs.len()),
            defs: Vec::new(),
            reach: Reaching::new(tree.vars.len()),
            is_walrus: false,
            queue: Vec::new(),
            func: Idx::new(0),
            class: None,
            context: None,
            breaks: false,
            is_dead: false,
            lazy_calls: Vec::new(),
            statements: 0,
        }
    }

    fn vars(&mut self) {
        let tree = self.tree;
        self.out.vars = tree
            .vars
            .iter()
            .map(|var| {
                let scope = &tree.scopes[var.scope];
                let home = match scope.kind {
                    ScopeKind::Module => Home::Module,
                    ScopeKind::Function => Home::Function,
                    ScopeKind::Class(class) => Home::Class(cast(class)),
                    ScopeKind::Comprehension => Home::Comprehension,
                    ScopeKind::TypeParams => Home::TypeParam,
                };
                VarF {
                    name: var.name,
                    home,
                    func: cast(scope.func),
                    param: var.param,
                    is_captured: var.is_captured,
                    is_declared_global: var.is_declared_global,
                    is_split: false,
                    defs: Rows::default(),
                }
            })
            .collect();
        for class in tree.classes.iter() {
            self.out.classes.push(ClassF {
                name: class.name,
                name_span: class.name_span,
                span: class.span,
                func: cast(class.func),
                outer: class.outer.map(cast),
                var: cast(class.var),
                bases: Rows::default(),
                keywords: Vec::new(),
                decorators: Rows::default(),
                methods: Vec::new(),
                vars: tree
                    .scopes
                    .get(class.scope)
                    .map_or_else(Vec::new, |it| it.vars.iter().map(|&v| cast(v)).collect()),
            });
        }
        for func in tree.funcs.iter() {
            self.out.funcs.push(FuncF {
                name: func.name,
                name_span: func.name_span,
                span: func.span,
                kind: func.kind,
                is_async: func.is_async,
                is_generator: func.is_generator,
                parent: func.parent.map(cast),
                class: func.class.map(cast),
                var: func.var.map(cast),
                params: Rows::default(),
                decorators: Rows::default(),
                head: func.span.start,
                returns: None,
                free: func.free.iter().map(|&v| cast(v)).collect(),
                context: None,
                calls: Rows::default(),
                stores: Rows::default(),
                values: Rows::default(),
                results: Rows::default(),
                reads: Rows::default(),
                statements: 0,
                body: None,
            });
        }
        for id in tree.funcs.ids() {
            if let Some(class) = tree.funcs[id].class {
                self.out.classes[cast(class)].methods.push(cast(id));
            }
        }
    }

    fn functions(&mut self) {
        if self.tree.funcs.is_empty() {
            return;
        }
        self.queue.push((Idx::new(0), None));
        let mut next = 0;
        while let Some(&(func, context)) = self.queue.get(next) {
            next += 1;
            self.function(func, context);
        }
    }

    /// Takes out the calls that no version of Python makes where they stand.
    fn lazy(&mut self) {
        let mut calls = std::mem::take(&mut self.lazy_calls);
        let text = |it| self.tree.names.text(it);
        let are_texts = self.out.imports.iter().any(|it| {
            it.level == 0
                && it.module.is_some_and(|it| text(it) == "__future__")
                && it.item.is_some_and(|it| text(it) == "annotations")
        });
        if are_texts {
            calls.append(&mut self.out.annotation_calls);
        }
        self.out.take_out_calls(&calls);
    }

    /// Sorts the bindings by variable and hands each variable its rows.
    fn bindings(&mut self) {
        let walked = std::mem::take(&mut self.defs);
        let mut order: Vec<u32> = (0..walked.len() as u32).collect();
        order.sort_by_key(|&at| (walked[at as usize].var, walked[at as usize].at.start));
        let mut places = vec![0; walked.len()];
        for (place, &at) in order.iter().enumerate() {
            places[at as usize] = place as u32;
        }
        let defs: Vec<DefF> = order.iter().map(|&at| walked[at as usize]).collect();
        let mut start = 0;
        while start < defs.len() {
            let var = defs[start].var;
            let len = defs[start..].partition_point(|it| it.var == var);
            self.out.vars[var].defs = Rows {
                start: start as u32,
                end: (start + len) as u32,
            };
            start += len;
        }
        let reach = std::mem::take(&mut self.reach);
        (self.out.reaches, self.out.reaching) = reach.finish(&places, &defs, &self.out.vars);
        for it in &self.out.reaches {
            if let ValueKind::Var(var) = self.out.values[it.value].kind {
                self.out.vars[var].is_split = true;
            }
        }
        self.out.defs = defs;
    }

    /// Graphs of the functions that may open something: those that call a function whose name says so. Names mean nothing
    /// to facts otherwise; here they only spare graphs that nobody would ask for.
    fn flow_graphs(&mut self) {
        let mut asked = vec![None; self.tree.names.texts().len()];
        for func in self.tree.funcs.ids().skip(1) {
            if !self.may_open(cast(func), &mut asked) {
                continue;
            }
            let body = build(self.tree, &self.sites, &self.out, func);
            let at = self.out.bodies.len() as u32;
            self.out.bodies.push(body);
            self.out.funcs[cast(func)].body = Some(at);
        }
    }

    /// Whether a function may open something. `asked`: what was found out of each name of the file so far.
    fn may_open(&self, func: FuncId, asked: &mut [Option<bool>]) -> bool {
        self.out.calls.as_slice()[self.out.funcs[func].calls.range()]
            .iter()
            .any(|call| {
                let (name, is_ours) = match self.out.values[call.callee].kind {
                    ValueKind::Var(var) => (self.out.vars[var].name, self.is_definition(var)),
                    ValueKind::Attr { base, name } => match self.out.values[base].kind {
                        ValueKind::Var(var) => (name, self.is_definition(var)),
                        _ => (name, false),
                    },
                    _ => return false,
                };
                let opens = &mut asked[name.0 as usize];
                let name = self.tree.names.text(name);
                // A function of the program may hand out what it opened, whatever its name.
                let hands_out = matches!(call.usage, Usage::Bound | Usage::Iterated)
                    && name.starts_with(|it: char| it.is_ascii_lowercase() || it == '_');
                is_ours && hands_out
                    || *opens
                        .get_or_insert_with(|| opens_by_name(name) || self.openers.contains(name))
                    || call.usage == Usage::Bound && self.may_be_owned(call.callee, name)
            })
    }

    /// Whether a callee may be a class whose instances somebody has to close: one of this file that has or
    /// inherits such a method, or an imported one.
    fn may_be_owned(&self, callee: ValueId, name: &str) -> bool {
        let ValueKind::Var(var) = self.out.values[callee].kind else {
            return false;
        };
        let defs = &self.out.defs[self.out.vars[var].defs.range()];
        defs.iter().any(|def| match def.kind {
            DefKind::Class(id) => {
                let methods = &self.out.classes[id].methods;
                methods.iter().any(|&it| {
                    let name = self.out.funcs[it].name;
                    ender_rank(self.tree.names.text(name)).is_some()
                }) || !self.out.classes[id].bases.is_empty()
            }
            DefKind::Import(_) => name
                .trim_start_matches('_')
                .starts_with(|it: char| it.is_ascii_uppercase()),
            _ => false,
        })
    }

    /// Whether a variable is a function of this file, or imported.
    fn is_definition(&self, var: VarId) -> bool {
        self.out.defs[self.out.vars[var].defs.range()]
            .iter()
            .any(|def| matches!(def.kind, DefKind::Import(_) | DefKind::Function(_)))
    }

    fn function(&mut self, id: tree::FuncId, context: Option<ContextId>) {
        let func = &self.tree.funcs[id];
        let start = self.marks();
        self.func = cast(id);
        self.class = None;
        self.context = None;
        self.statements = 0;
        self.reach.enter_function();
        match func.value {
            Some(value) => {
                let result = self.expr(value, Usage::Returned);
                self.result(
                    ResultKind::Return,
                    Some(result),
                    self.tree.exprs[value].span,
                );
            }
            None => self.block(func.body),
        }
        let end = self.marks();
        let row = |at: usize| Rows {
            start: start[at],
            end: end[at],
        };
        let fact = &mut self.out.funcs[cast(id)];
        fact.context = context;
        fact.calls = row(0);
        fact.stores = row(1);
        fact.values = row(2);
        fact.results = row(3);
        fact.reads = row(4);
        fact.statements = self.statements;
    }

    fn marks(&self) -> [u32; 5] {
        let out = &self.out;
        [
            out.calls.len(),
            out.stores.len(),
            out.values.len(),
            out.results.len(),
            out.reads.len(),
        ]
        .map(|it| it as u32)
    }

    fn result(&mut self, kind: ResultKind, value: Option<ValueId>, at: Span) {
        self.out.results.push(ResultF {
            kind,
            value,
            at,
            context: self.context,
        });
    }
}

/// Whether something of this name may hand out a resource: the shipped openers, and what programs call their own.
fn opens_by_name(name: &str) -> bool {
    const PARTS: &[&str] = &[
        "open", "connect", "conn", "session", "client", "socket", "sock", "temp", "tmp", "pool",
        "popen", "spawn", "file", "stream", "engine", "executor", "pipe", "reader", "writer",
    ];
    static SHIPPED: LazyLock<Resources> =
        LazyLock::new(|| Resources::shipped().unwrap_or_default());
    let lower = name.to_ascii_lowercase();
    PARTS.iter().any(|it| lower.contains(it)) || SHIPPED.is_opener(name)
}

/// Variables, functions and classes have the same numbers in the tree and in the facts.
fn cast<A, B>(id: Idx<A>) -> Idx<B> {
    Idx::new(id.raw())
}

impl Rows {
    /// Number of rows.
    #[must_use]
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The rows as a range of indices.
    #[must_use]
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The rows as ids of their table.
    pub fn ids<T>(self) -> impl DoubleEndedIterator<Item = Idx<T>> {
        (self.start..self.end).map(Idx::new)
    }
}
