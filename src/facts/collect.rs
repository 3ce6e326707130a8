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

use std::sync::LazyLock;

use rustc_hash::FxHashSet;

use super::model::{
    ArgF, ArgKindF, CallF, ClassF, ContextF, ContextId, ContextKind, DefF, DefKind, FileFacts,
    FuncF, FuncId, Home, ImportF, ParamF, PragmaF, ReadF, ResultF, ResultKind, Rows, StoreF,
    StoreId, StoreKind, Target, Usage, Value, ValueId, ValueKind, VarF, VarId,
};
use super::reach::{self, Reaching};
use super::sites::Sites;
use crate::base::{Idx, Name, Span};
use crate::flow::build::build;
use crate::lower::Lowered;
use crate::models::Resources;
use crate::syntax::tree::{
    self, ArgKind, Block, ClassId, CompId, ExprId, ExprKind, List, Module, PatId, PatKind,
    ScopeKind, StmtId, StmtKind, UnaryOp,
};

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
    cx.bindings();
    cx.flow_graphs();
    cx.out.pragmas = pragmas(text, tree);
    cx.out.errors = lowered
        .errors
        .iter()
        .map(|it| (it.span, it.message.as_str().into()))
        .collect();
    cx.out.names = tree.names.texts().clone();
    cx.out.is_generated = says_generated(text);
    cx.out.compact();
    (cx.out, cx.sites)
}

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
    statements: u32,
}

impl<'a> Collector<'a> {
    fn new(tree: &'a Module, openers: &'a FxHashSet<String>) -> Self {
        let mut out = FileFacts::default();
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
        for func in self.tree.funcs.ids().skip(1) {
            if !self.may_open(cast(func)) {
                continue;
            }
            let body = build(self.tree, &self.sites, &self.out, func);
            let at = self.out.bodies.len() as u32;
            self.out.bodies.push(body);
            self.out.funcs[cast(func)].body = Some(at);
        }
    }

    fn may_open(&self, func: FuncId) -> bool {
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
                let name = self.tree.names.text(name);
                // A function of the program may hand out what it opened, whatever its name.
                let hands_out = call.usage == Usage::Bound
                    && name.starts_with(|it: char| it.is_ascii_lowercase() || it == '_');
                is_ours && hands_out || opens_by_name(name) || self.openers.contains(name)
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

    // Statements.

    fn block(&mut self, block: Block) {
        let around = self.context;
        for &stmt in &self.tree[block] {
            self.stmt(stmt);
            if let Some(kind) = self.rest_of_block(stmt) {
                self.enter(kind);
            }
        }
        self.context = around;
    }

    /// What the statements after this one stand under, because one of its branches leaves the block.
    fn rest_of_block(&self, stmt: StmtId) -> Option<ContextKind> {
        match self.tree.stmts[stmt].kind {
            StmtKind::If { test, body, orelse } => {
                let test = self.sites.value(test)?;
                if self.leaves(body) {
                    Some(ContextKind::If {
                        test,
                        outcome: false,
                    })
                } else if self.leaves(orelse) {
                    Some(ContextKind::If {
                        test,
                        outcome: true,
                    })
                } else {
                    None
                }
            }
            StmtKind::Try(id) => {
                let parts = self.tree.tries[id];
                let falls_through = |it: &&tree::Handler| !self.leaves(it.body);
                if parts.finally.is_empty()
                    && (self.leaves(parts.body) || self.leaves(parts.orelse))
                {
                    let handler = self.tree[parts.handlers].iter().find(falls_through)?;
                    let types = handler.typ.and_then(|it| self.sites.value(it));
                    Some(ContextKind::Handler { types })
                } else {
                    None
                }
            }
            _ => None,
        }
    }

    /// Whether control never reaches the end of the block.
    fn leaves(&self, block: Block) -> bool {
        let Some(&last) = self.tree[block].last() else {
            return false;
        };
        match self.tree.stmts[last].kind {
            StmtKind::Return(_) | StmtKind::Raise { .. } | StmtKind::Continue | StmtKind::Break => {
                true
            }
            StmtKind::If { body, orelse, .. } => self.leaves(body) && self.leaves(orelse),
            StmtKind::With { body, .. } => self.leaves(body),
            StmtKind::Try(id) => {
                let parts = self.tree.tries[id];
                self.leaves(parts.finally)
                    || (self.leaves(parts.body) || self.leaves(parts.orelse))
                        && self.tree[parts.handlers]
                            .iter()
                            .all(|it| self.leaves(it.body))
            }
            _ => false,
        }
    }

    fn enter(&mut self, kind: ContextKind) {
        self.context = Some(self.out.contexts.push(ContextF {
            parent: self.context,
            kind,
        }));
    }

    fn block_under(&mut self, kind: ContextKind, block: Block) {
        let around = self.context;
        self.enter(kind);
        self.block(block);
        self.context = around;
    }

    fn stmt(&mut self, id: StmtId) {
        self.statements += 1;
        let stmt = self.tree.stmts[id];
        match stmt.kind {
            StmtKind::Expr(value) => {
                self.expr(value, Usage::Discarded);
            }
            StmtKind::Assign { targets, value } => self.assign(targets, value),
            StmtKind::AugAssign { op, target, value } => {
                let given = self.expr(value, Usage::Tested);
                self.target(
                    target,
                    &Source {
                        value: Some(given),
                        of: From::Augment(op),
                    },
                );
            }
            StmtKind::AnnAssign {
                target,
                annotation,
                value,
            } => {
                // No version of CPython evaluates the annotation of a local.
                self.is_dead = self.func.index() > 0 && self.class.is_none();
                let hint = self.expr(annotation, Usage::Declared);
                self.is_dead = false;
                self.target(
                    target,
                    &Source {
                        value: Some(hint),
                        of: From::Declare,
                    },
                );
                if let Some(value) = value {
                    let usage = self.usage_of_target(target);
                    let given = self.expr(value, usage);
                    self.target(
                        target,
                        &Source {
                            value: Some(given),
                            of: From::Whole,
                        },
                    );
                }
            }
            StmtKind::Return(value) => {
                let value = value.map(|it| self.expr(it, Usage::Returned));
                self.result(ResultKind::Return, value, stmt.span);
                self.reach.leave();
            }
            StmtKind::Raise { exc, cause } => {
                let value = exc.map(|it| self.expr(it, Usage::Raised));
                cause.map(|it| self.expr(it, Usage::Raised));
                self.result(ResultKind::Raise, value, stmt.span);
                self.reach.leave();
            }
            StmtKind::Delete(targets) => {
                for &target in &self.tree[targets] {
                    self.target(
                        target,
                        &Source {
                            value: None,
                            of: From::Delete,
                        },
                    );
                }
            }
            StmtKind::Break => {
                self.breaks = true;
                self.reach.leave();
            }
            StmtKind::Continue => self.reach.leave(),
            StmtKind::Pass | StmtKind::Global(_) | StmtKind::Nonlocal(_) | StmtKind::Error => {}
            StmtKind::Import(names) => self.import(None, 0, names),
            StmtKind::ImportFrom {
                module,
                level,
                names,
            } => self.import(Some(module), level, names),
            StmtKind::If { test, body, orelse } => {
                let test = self.expr(test, Usage::Tested);
                let branches = [(true, body), (false, orelse)].map(|(outcome, block)| {
                    let mark = self.reach.fork();
                    self.block_under(ContextKind::If { test, outcome }, block);
                    self.reach.end_branch(mark)
                });
                self.reach.join(&branches);
            }
            StmtKind::While { test, body, orelse } => {
                let start = self.reach.start_loop(self.defs.len());
                let test = self.expr(test, Usage::Tested);
                let around = (self.context, std::mem::take(&mut self.breaks));
                let breaks = false;
                self.enter(ContextKind::While { test, breaks });
                let loops = self.context;
                self.block(body);
                if let (true, Some(id)) = (self.breaks, loops) {
                    let breaks = true;
                    self.out.contexts[id].kind = ContextKind::While { test, breaks };
                }
                (self.context, self.breaks) = around;
                self.end_loop(start, orelse);
            }
            StmtKind::For {
                target,
                iter,
                body,
                orelse,
                ..
            } => {
                let iter = self.expr(iter, Usage::Iterated);
                let around = self.context;
                let breaks = self.breaks;
                let start = self.reach.start_loop(self.defs.len());
                self.enter(ContextKind::For { iter });
                self.target(
                    target,
                    &Source {
                        value: Some(iter),
                        of: From::Element,
                    },
                );
                self.block(body);
                self.context = around;
                self.breaks = breaks;
                self.end_loop(start, orelse);
            }
            StmtKind::Try(id) => self.try_statement(id),
            StmtKind::With { items, body, .. } => {
                let around = self.context;
                for item in &self.tree[items] {
                    let manager = self.expr(item.context, Usage::Entered);
                    if let Some(target) = item.target {
                        self.target(
                            target,
                            &Source {
                                value: Some(manager),
                                of: From::With,
                            },
                        );
                    }
                    self.enter(ContextKind::With { manager });
                }
                self.block(body);
                self.context = around;
                // A manager may swallow what is raised.
                self.reach.widen(&self.defs, self.defs.len(), self.func);
            }
            StmtKind::Match { subject, cases } => self.match_statement(subject, cases),
            StmtKind::Function(func) => self.definition(func),
            StmtKind::Class(class) => self.class(class),
            StmtKind::Assert { test, message } => {
                self.expr(test, Usage::Tested);
                message.map(|it| self.expr(it, Usage::Raised));
            }
            StmtKind::TypeAlias { name, value, .. } => {
                let value = self.expr(value, Usage::Declared);
                self.target(
                    name,
                    &Source {
                        value: Some(value),
                        of: From::Whole,
                    },
                );
            }
        }
    }

    fn try_statement(&mut self, id: tree::TryId) {
        let parts = self.tree.tries[id];
        let start = self.defs.len();
        let around = self.reach.fork();
        let mark = self.reach.fork();
        if parts.handlers.is_empty() {
            self.block(parts.body);
        } else {
            self.block_under(ContextKind::Try, parts.body);
        }
        let body = self.reach.end_branch(mark);
        let end_of_body = self.defs.len();
        let mut branches = Vec::with_capacity(parts.handlers.len() + 1);
        for handler in &self.tree[parts.handlers] {
            let mark = self.reach.fork();
            self.reach
                .widen(&self.defs[..end_of_body], start, self.func);
            let types = handler.typ.map(|it| self.expr(it, Usage::Tested));
            let around = self.context;
            self.enter(ContextKind::Handler { types });
            if let Some(name) = handler.name {
                self.target(
                    name,
                    &Source {
                        value: types,
                        of: From::Except,
                    },
                );
            }
            self.block(handler.body);
            self.context = around;
            branches.push(self.reach.end_branch(mark));
        }
        let mark = self.reach.fork();
        self.reach.resume(&body);
        self.block_under(ContextKind::NotRaised, parts.orelse);
        branches.push(self.reach.end_branch(mark));
        self.reach.join(&branches);
        if !parts.finally.is_empty() {
            // It also runs when what went before was left anywhere.
            let before = self.reach.end_branch(around);
            self.reach.widen(&self.defs, start, self.func);
            self.block_under(ContextKind::Finally, parts.finally);
            self.reach.leave_if(before.is_dead());
        }
    }

    /// Ends a loop and walks its `else`, which a `break` passes by.
    fn end_loop(&mut self, start: reach::Loop, orelse: Block) {
        self.reach.end_loop(start, &self.defs, self.func);
        if orelse.is_empty() {
            return;
        }
        let mark = self.reach.fork();
        self.block(orelse);
        let branch = self.reach.end_branch(mark);
        let passed_by = self.reach.end_branch(mark);
        self.reach.join(&[branch, passed_by]);
    }

    fn match_statement(&mut self, subject: ExprId, cases: List<tree::Case>) {
        let subject = self.expr(subject, Usage::Tested);
        let mut branches = Vec::with_capacity(cases.len() + 1);
        for case in &self.tree[cases] {
            let mark = self.reach.fork();
            let around = self.context;
            let is_constant = self.is_constant_pattern(case.pattern);
            self.enter(ContextKind::Case {
                subject,
                is_constant,
            });
            self.pattern(case.pattern, Some(subject));
            if let Some(guard) = case.guard {
                let test = self.expr(guard, Usage::Tested);
                self.enter(ContextKind::If {
                    test,
                    outcome: true,
                });
            }
            self.block(case.body);
            self.context = around;
            branches.push(self.reach.end_branch(mark));
        }
        // None of them may match.
        branches.push(self.reach.end_branch(self.reach.fork()));
        self.reach.join(&branches);
    }

    fn is_constant_pattern(&self, pattern: PatId) -> bool {
        match self.tree.pats[pattern].kind {
            PatKind::Value(_) => true,
            PatKind::Or(alternatives) => self.tree[alternatives]
                .iter()
                .all(|&it| self.is_constant_pattern(it)),
            PatKind::Capture {
                pattern: Some(inner),
                ..
            } => self.is_constant_pattern(inner),
            _ => false,
        }
    }

    fn pattern(&mut self, pattern: PatId, subject: Option<ValueId>) {
        match self.tree.pats[pattern].kind {
            PatKind::Value(value) => {
                self.expr(value, Usage::Tested);
            }
            PatKind::Wildcard => {}
            PatKind::Capture { pattern, name } => {
                if let Some(inner) = pattern {
                    self.pattern(inner, subject);
                }
                self.target(
                    name,
                    &Source {
                        value: subject,
                        of: From::Capture,
                    },
                );
            }
            PatKind::Sequence(pats) | PatKind::Or(pats) => {
                for &pat in &self.tree[pats] {
                    self.pattern(pat, None);
                }
            }
            PatKind::Mapping { keys, pats, rest } => {
                for &key in &self.tree[keys] {
                    self.expr(key, Usage::Key);
                }
                for &pat in &self.tree[pats] {
                    self.pattern(pat, None);
                }
                if let Some(rest) = rest {
                    self.target(
                        rest,
                        &Source {
                            value: None,
                            of: From::Capture,
                        },
                    );
                }
            }
            PatKind::Class { cls, pats } => {
                self.expr(cls, Usage::Tested);
                for &pat in &self.tree[pats] {
                    self.pattern(pat, None);
                }
            }
            PatKind::Star(name) => {
                if let Some(name) = name {
                    self.target(
                        name,
                        &Source {
                            value: None,
                            of: From::Capture,
                        },
                    );
                }
            }
        }
    }

    fn definition(&mut self, id: tree::FuncId) {
        let func = &self.tree.funcs[id];
        self.signature(id);
        if let Some(var) = func.var {
            self.def(cast(var), DefKind::Function(cast(id)), None, func.name_span);
        }
        self.queue.push((id, self.context));
    }

    /// Decorators, defaults and annotations: values of the function around.
    fn signature(&mut self, id: tree::FuncId) {
        let func = &self.tree.funcs[id];
        let decorators: Vec<_> = self.tree[func.decorators]
            .iter()
            .map(|&it| self.expr(it, Usage::Declared))
            .collect();
        let mut params = Vec::with_capacity(func.params.len());
        for param in &self.tree[func.params] {
            let annotation = param.annotation.map(|it| self.expr(it, Usage::Declared));
            let default = param.default.map(|it| self.expr(it, Usage::Declared));
            let var = cast(param.var);
            self.reach.parameter(var, self.defs.len());
            self.defs.push(DefF {
                var,
                kind: DefKind::Param,
                value: default,
                func: cast(id),
                at: param.span,
                context: None,
            });
            params.push(ParamF {
                var,
                kind: param.kind,
                annotation,
                default,
                at: param.span,
            });
        }
        let returns = func.returns.map(|it| self.expr(it, Usage::Declared));
        let head = self.tree[func.decorators]
            .first()
            .map_or(func.span.start, |&it| self.tree.exprs[it].span.start);
        let rows = Rows {
            start: self.out.params.len() as u32,
            end: (self.out.params.len() + params.len()) as u32,
        };
        self.out.params.extend(params);
        let decorators = self.list(decorators);
        let fact = &mut self.out.funcs[cast(id)];
        fact.params = rows;
        fact.decorators = decorators;
        fact.returns = returns;
        fact.head = head;
    }

    fn class(&mut self, id: ClassId) {
        let class = &self.tree.classes[id];
        let decorators: Vec<_> = self.tree[class.decorators]
            .iter()
            .map(|&it| self.expr(it, Usage::Declared))
            .collect();
        let mut bases = Vec::new();
        let mut keywords = Vec::new();
        for arg in &self.tree[class.args] {
            let value = self.expr(arg.value, Usage::Declared);
            match arg.kind {
                ArgKind::Positional => bases.push(value),
                ArgKind::Keyword(name) => keywords.push((name, value)),
                ArgKind::Star | ArgKind::DoubleStar => {
                    let at = self.tree.exprs[arg.value].span.start;
                    bases.push(self.out.values.push(Value {
                        kind: ValueKind::Unknown,
                        at,
                    }));
                }
            }
        }
        let bases = self.list(bases);
        let decorators = self.list(decorators);
        let around = self.class.replace(id);
        self.block_under(ContextKind::Class(cast(id)), class.body);
        self.class = around;
        let fact = &mut self.out.classes[cast(id)];
        fact.bases = bases;
        fact.keywords = keywords;
        fact.decorators = decorators;
        self.def(
            cast(class.var),
            DefKind::Class(cast(id)),
            None,
            class.name_span,
        );
    }

    fn import(&mut self, from: Option<Option<Name>>, level: u32, names: List<tree::Alias>) {
        for alias in &self.tree[names] {
            let is_star = self.tree.names.text(alias.name) == "*";
            let import = self.out.imports.push(ImportF {
                var: alias.var.map(cast),
                module: from.unwrap_or(Some(alias.name)),
                level,
                item: if from.is_some() && !is_star {
                    Some(alias.name)
                } else {
                    None
                },
                binds_last: alias.asname.is_some(),
                func: self.func,
                context: self.context,
                at: alias.span,
            });
            if let Some(var) = alias.var {
                self.def(cast(var), DefKind::Import(import), None, alias.span);
            }
        }
    }

    // Bindings.

    fn assign(&mut self, targets: List<ExprId>, value: ExprId) {
        let usage = self.tree[targets]
            .first()
            .map_or(Usage::Bound, |&it| self.usage_of_target(it));
        let given = self.expr(value, usage);
        for &target in &self.tree[targets] {
            self.target(
                target,
                &Source {
                    value: Some(given),
                    of: From::Whole,
                },
            );
        }
    }

    fn usage_of_target(&self, target: ExprId) -> Usage {
        match self.tree.exprs[target].kind {
            ExprKind::Name { .. } => Usage::Bound,
            ExprKind::Tuple(_) | ExprKind::List(_) => Usage::Iterated,
            _ => Usage::Stored,
        }
    }

    fn target(&mut self, target: ExprId, source: &Source) {
        let expr = self.tree.exprs[target];
        match expr.kind {
            ExprKind::Name { var: Some(var), .. } => {
                let kind = match source.of {
                    From::Whole => DefKind::Assign,
                    From::Declare => DefKind::Declare,
                    From::Augment(op) => DefKind::Augment(op),
                    From::Delete => DefKind::Delete,
                    From::Unpack(at) => DefKind::Unpack(at),
                    From::Element => DefKind::Element(None),
                    From::ElementPart(at) => DefKind::Element(Some(at)),
                    From::With => DefKind::With,
                    From::Except => DefKind::Except,
                    From::Capture => DefKind::Capture,
                };
                self.def(cast(var), kind, source.value, expr.span);
            }
            ExprKind::Attr { base, name } => {
                let base = self.expr(base, Usage::AttrBase);
                self.store(target, Target::Attr(name), base, source);
            }
            ExprKind::Subscript { base, index } => {
                let base = self.expr(base, Usage::ItemBase);
                let place = match self.tree.exprs[index].kind {
                    ExprKind::Slice { .. } => {
                        self.expr(index, Usage::Key);
                        Target::Slice
                    }
                    _ => Target::Item(self.expr(index, Usage::Key)),
                };
                self.store(target, place, base, source);
            }
            ExprKind::Tuple(parts) | ExprKind::List(parts) => self.unpack(parts, source),
            ExprKind::Starred(inner) => self.target(inner, source),
            _ => {}
        }
    }

    fn unpack(&mut self, parts: List<ExprId>, source: &Source) {
        let parts = &self.tree[parts];
        if let (From::Whole, Some(value)) = (source.of, source.value)
            && let ValueKind::Tuple(rows) | ValueKind::List(rows) = self.out.values[value].kind
            && rows.len() == parts.len()
            && !parts
                .iter()
                .any(|&it| matches!(self.tree.exprs[it].kind, ExprKind::Starred(_)))
            && !self.out.lists[rows.range()]
                .iter()
                .any(|&it| matches!(self.out.values[it].kind, ValueKind::Star(_)))
        {
            for (at, &part) in parts.iter().enumerate() {
                let value = self.out.lists[rows.start as usize + at];
                self.target(
                    part,
                    &Source {
                        value: Some(value),
                        of: From::Whole,
                    },
                );
            }
            return;
        }
        let star = parts
            .iter()
            .position(|&it| matches!(self.tree.exprs[it].kind, ExprKind::Starred(_)));
        for (at, &part) in parts.iter().enumerate() {
            let index = match star {
                Some(star) if at == star => i16::MIN,
                Some(star) if at > star => {
                    i16::try_from(at as i64 - parts.len() as i64).unwrap_or(i16::MIN)
                }
                _ => i16::try_from(at).unwrap_or(i16::MIN),
            };
            let of = match source.of {
                From::Whole => From::Unpack(index),
                From::Element => From::ElementPart(index),
                From::Delete => From::Delete,
                _ => From::Unpack(i16::MIN),
            };
            self.target(
                part,
                &Source {
                    value: source.value,
                    of,
                },
            );
        }
    }

    fn def(&mut self, var: Idx<VarF>, kind: DefKind, value: Option<ValueId>, at: Span) {
        let def = DefF {
            var,
            kind,
            value,
            func: self.func,
            at,
            context: self.context,
        };
        if self.is_walrus {
            self.reach.define_perhaps(var, self.defs.len());
        } else {
            self.reach.define(&def, self.defs.len());
        }
        self.defs.push(def);
    }

    fn store(&mut self, expr: ExprId, target: Target, base: ValueId, source: &Source) {
        let kind = match source.of {
            From::Whole => StoreKind::Assign,
            From::Augment(op) => StoreKind::Augment(op),
            From::Delete => StoreKind::Delete,
            From::Declare => StoreKind::Declare,
            _ => StoreKind::Part,
        };
        let id: StoreId = self.out.stores.push(StoreF {
            target,
            kind,
            base,
            value: source.value,
            func: self.func,
            at: self.tree.exprs[expr].span,
            context: self.context,
        });
        self.sites.set_store(expr, id);
    }

    fn result(&mut self, kind: ResultKind, value: Option<ValueId>, at: Span) {
        self.out.results.push(ResultF {
            kind,
            value,
            at,
            context: self.context,
        });
    }

    // Expressions.

    fn list(&mut self, values: Vec<ValueId>) -> Rows {
        let start = self.out.lists.len() as u32;
        self.out.lists.extend(values);
        Rows {
            start,
            end: self.out.lists.len() as u32,
        }
    }

    fn exprs(&mut self, list: List<ExprId>, usage: Usage) -> Rows {
        let values: Vec<_> = self.tree[list]
            .iter()
            .map(|&it| self.expr(it, usage))
            .collect();
        self.list(values)
    }

    fn expr(&mut self, id: ExprId, usage: Usage) -> ValueId {
        let expr = self.tree.exprs[id];
        let kind = match expr.kind {
            ExprKind::Name { var, .. } => match var {
                Some(var) => ValueKind::Var(cast(var)),
                None => ValueKind::Unknown,
            },
            ExprKind::Attr { base, name } => {
                let of_base = if usage == Usage::Called {
                    Usage::Receiver
                } else {
                    Usage::AttrBase
                };
                ValueKind::Attr {
                    base: self.expr(base, of_base),
                    name,
                }
            }
            ExprKind::Call { callee, args } => return self.call(id, callee, args, usage),
            ExprKind::Subscript { base, index } => {
                let base = self.expr(base, Usage::ItemBase);
                let key = self.expr(index, Usage::Key);
                match self.tree.exprs[index].kind {
                    ExprKind::Slice { .. } => ValueKind::Slice { base },
                    _ => ValueKind::Item { base, key },
                }
            }
            ExprKind::Slice { lo, hi, step } => {
                for part in [lo, hi, step].into_iter().flatten() {
                    self.expr(part, Usage::Key);
                }
                ValueKind::Unknown
            }
            ExprKind::Int(value) => {
                ValueKind::Int(value.clamp(i32::MIN.into(), i32::MAX.into()) as i32)
            }
            ExprKind::Float(it) => ValueKind::Float(it),
            ExprKind::Bool(value) => ValueKind::Bool(value),
            ExprKind::None => ValueKind::None,
            ExprKind::Ellipsis | ExprKind::Error => ValueKind::Unknown,
            ExprKind::Str { len, text } => ValueKind::Str { len, text },
            ExprKind::Bytes { len } => ValueKind::Bytes(len),
            ExprKind::FString { holes } => ValueKind::FString(self.exprs(holes, Usage::Tested)),
            ExprKind::List(items) => ValueKind::List(self.exprs(items, Usage::Element)),
            ExprKind::Tuple(items) => {
                let of_items = if matches!(usage, Usage::Returned | Usage::Yielded) {
                    usage
                } else {
                    Usage::Element
                };
                ValueKind::Tuple(self.exprs(items, of_items))
            }
            ExprKind::Set(items) => ValueKind::Set(self.exprs(items, Usage::Element)),
            ExprKind::Dict { keys, values } => self.dict(keys, values),
            ExprKind::Comp(comp) => self.comp(comp),
            ExprKind::Lambda(func) => {
                self.signature(func);
                self.queue.push((func, self.context));
                ValueKind::Func(cast(func))
            }
            ExprKind::Binary { .. } => return self.binary(id),
            ExprKind::Unary { op, operand } => {
                let operand = self.expr(operand, Usage::Tested);
                if op == UnaryOp::Not {
                    ValueKind::Not(operand)
                } else {
                    ValueKind::Sign(operand)
                }
            }
            ExprKind::And(operands) => ValueKind::And(self.operands(operands, usage, true)),
            ExprKind::Or(operands) => ValueKind::Or(self.operands(operands, usage, false)),
            ExprKind::Compare { op, left, right } => {
                use crate::syntax::tree::CompareOp;
                let of_right = if matches!(op, CompareOp::In | CompareOp::NotIn) {
                    Usage::Searched
                } else {
                    Usage::Tested
                };
                let left = self.shared(left, Usage::Tested);
                let right = self.shared(right, of_right);
                ValueKind::Compare { op, left, right }
            }
            ExprKind::IfElse { test, body, orelse } => {
                let test = self.expr(test, Usage::Tested);
                let body = self.expr_under(
                    ContextKind::If {
                        test,
                        outcome: true,
                    },
                    body,
                    usage,
                );
                let orelse = self.expr_under(
                    ContextKind::If {
                        test,
                        outcome: false,
                    },
                    orelse,
                    usage,
                );
                ValueKind::Choice(self.list(vec![test, body, orelse]))
            }
            ExprKind::Await(value) => {
                let of_value = if usage == Usage::Discarded {
                    Usage::Discarded
                } else {
                    Usage::Awaited
                };
                ValueKind::Await(self.expr(value, of_value))
            }
            ExprKind::Yield(value) => {
                let value = value.map(|it| self.expr(it, Usage::Yielded));
                self.result(ResultKind::Yield, value, expr.span);
                ValueKind::Yield(value)
            }
            ExprKind::YieldFrom(value) => {
                let value = self.expr(value, Usage::Iterated);
                self.result(ResultKind::YieldFrom, Some(value), expr.span);
                ValueKind::YieldFrom(value)
            }
            ExprKind::Starred(value) => ValueKind::Star(self.expr(value, usage)),
            ExprKind::Walrus { target, value } => {
                let given = self.expr(value, Usage::Bound);
                self.is_walrus = true;
                self.target(
                    target,
                    &Source {
                        value: Some(given),
                        of: From::Whole,
                    },
                );
                self.is_walrus = false;
                match self.tree.exprs[target].kind {
                    ExprKind::Name { var: Some(var), .. } => ValueKind::Walrus {
                        var: cast(var),
                        value: given,
                    },
                    _ => ValueKind::Unknown,
                }
            }
        };
        let value = self.value(id, kind, expr.span.start);
        self.read(value, kind, usage);
        value
    }

    /// The middle operand of a chained comparison is one expression in two links; it is evaluated once.
    fn shared(&mut self, id: ExprId, usage: Usage) -> ValueId {
        match self.sites.value(id) {
            Some(value) => value,
            None => self.expr(id, usage),
        }
    }

    fn expr_under(&mut self, kind: ContextKind, id: ExprId, usage: Usage) -> ValueId {
        let around = self.context;
        self.enter(kind);
        let value = self.expr(id, usage);
        self.context = around;
        value
    }

    /// Operands of `and` (or `or`): each stands under the outcome of those before it.
    fn operands(&mut self, operands: List<ExprId>, usage: Usage, outcome: bool) -> Rows {
        let around = self.context;
        let mut values = Vec::with_capacity(operands.len());
        for &operand in &self.tree[operands] {
            let test = self.expr(operand, usage);
            values.push(test);
            if values.len() < operands.len() && values.len() <= 4 {
                self.enter(ContextKind::If { test, outcome });
            }
        }
        self.context = around;
        self.list(values)
    }

    fn value(&mut self, expr: ExprId, kind: ValueKind, at: u32) -> ValueId {
        let value = self.out.values.push(Value { kind, at });
        self.sites.set_value(expr, value);
        value
    }

    fn read(&mut self, value: ValueId, kind: ValueKind, usage: Usage) {
        let keep = match kind {
            ValueKind::Var(var) => {
                let var = &self.tree.vars[cast(var)];
                var.is_captured || var.is_bound && var.scope.index() == 0
            }
            ValueKind::Attr { .. } => usage != Usage::Called,
            _ => false,
        };
        if keep {
            self.out.reads.push(ReadF { value, usage });
        }
        if let ValueKind::Var(var) = kind
            && reach::is_followed(&self.out.vars[var], self.func)
        {
            self.reach.read(value, var);
        }
    }

    /// Walks the left spine of a chain of operators without recursion: a sum of 50,000 terms is as deep as it is long.
    fn binary(&mut self, id: ExprId) -> ValueId {
        let mut spine = Vec::new();
        let mut at = id;
        while let ExprKind::Binary { op, left, right } = self.tree.exprs[at].kind {
            spine.push((at, op, right));
            at = left;
        }
        let mut left = self.expr(at, Usage::Tested);
        while let Some((expr, op, right)) = spine.pop() {
            let right = self.expr(right, Usage::Tested);
            let start = self.tree.exprs[expr].span.start;
            left = self.value(expr, ValueKind::Binary { op, left, right }, start);
        }
        left
    }

    fn dict(&mut self, keys: List<Option<ExprId>>, values: List<ExprId>) -> ValueKind {
        let mut entries = Vec::with_capacity(values.len() * 2);
        for (at, &value) in self.tree[values].iter().enumerate() {
            let key = self.tree[keys].get(at).copied().flatten();
            let key = match key {
                Some(key) => self.expr(key, Usage::Key),
                None => {
                    let at = self.tree.exprs[value].span.start;
                    self.out.values.push(Value {
                        kind: ValueKind::Unknown,
                        at,
                    })
                }
            };
            entries.push(key);
            entries.push(self.expr(value, Usage::Element));
        }
        ValueKind::Dict(self.list(entries))
    }

    fn comp(&mut self, id: CompId) -> ValueKind {
        let comp = self.tree.comps[id];
        let around = self.context;
        let mut first = None;
        for clause in &self.tree[comp.clauses] {
            let iter = self.expr(clause.iter, Usage::Iterated);
            first.get_or_insert(iter);
            self.enter(ContextKind::For { iter });
            self.target(
                clause.target,
                &Source {
                    value: Some(iter),
                    of: From::Element,
                },
            );
            for &test in &self.tree[clause.tests] {
                let test = self.expr(test, Usage::Tested);
                self.enter(ContextKind::If {
                    test,
                    outcome: true,
                });
            }
        }
        let mut element = self.expr(comp.element, Usage::Element);
        if let Some(value) = comp.value {
            let value = self.expr(value, Usage::Element);
            let at = self.out.values[element].at;
            let rows = self.list(vec![element, value]);
            element = self.out.values.push(Value {
                kind: ValueKind::Tuple(rows),
                at,
            });
        }
        self.context = around;
        match first {
            Some(iter) => ValueKind::Comp {
                kind: comp.kind,
                element,
                iter,
            },
            None => ValueKind::Unknown,
        }
    }

    fn call(&mut self, id: ExprId, callee: ExprId, args: List<tree::Arg>, usage: Usage) -> ValueId {
        let span = self.tree.exprs[id].span;
        if self.is_dead {
            return self.value(id, ValueKind::Unknown, span.start);
        }
        let head = self.tree.exprs[callee].span;
        let callee = self.expr(callee, Usage::Called);
        let mut given = Vec::with_capacity(args.len());
        for arg in &self.tree[args] {
            let value = self.expr(arg.value, Usage::Argument);
            let kind = match arg.kind {
                ArgKind::Positional => ArgKindF::Positional,
                ArgKind::Star => ArgKindF::Star,
                ArgKind::Keyword(name) => ArgKindF::Keyword(name),
                ArgKind::DoubleStar => ArgKindF::DoubleStar,
            };
            given.push(ArgF { kind, value });
        }
        let start = self.out.args.len() as u32;
        self.out.args.extend(given);
        let call = self.out.calls.push(CallF {
            callee,
            args: Rows {
                start,
                end: self.out.args.len() as u32,
            },
            func: self.func,
            class: self.class.map(cast),
            at: span,
            head,
            context: self.context,
            usage,
        });
        self.value(id, ValueKind::Call(call), span.start)
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

/// Where the value of a binding or store comes from.
struct Source {
    value: Option<ValueId>,
    of: From,
}

#[derive(Clone, Copy)]
enum From {
    Whole,
    Declare,
    Augment(tree::BinaryOp),
    Delete,
    Unpack(i16),
    Element,
    ElementPart(i16),
    With,
    Except,
    Capture,
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

/// Each suppression comment with the statement that it stands on.
fn pragmas(text: &str, tree: &Module) -> Vec<PragmaF> {
    if tree.pragmas.is_empty() {
        return Vec::new();
    }
    let mut heads: Vec<Span> = tree.stmts.iter().map(|it| head_of(tree, it)).collect();
    heads.sort_unstable();
    tree.pragmas
        .iter()
        .map(|pragma| {
            let before = heads.partition_point(|it| it.start <= pragma.span.start);
            let covers = before.checked_sub(1).map(|at| heads[at]).filter(|head| {
                let gap =
                    text.get(head.end.min(pragma.span.start) as usize..pragma.span.start as usize);
                !gap.unwrap_or("\n").contains(['\n', '\r'])
            });
            PragmaF {
                text: pragma.text.clone(),
                at: pragma.span,
                covers: covers.unwrap_or(pragma.span),
            }
        })
        .collect()
}

/// A statement without the statements inside it: of a compound statement its head, decorators included.
fn head_of(tree: &Module, stmt: &tree::Stmt) -> Span {
    let first_of = |block: Block| tree[block].first().map(|&it| tree.stmts[it].span.start);
    let decorated = |list: List<ExprId>| tree[list].first().map(|&it| tree.exprs[it].span.start);
    let (start, inner) = match stmt.kind {
        StmtKind::If { body, .. }
        | StmtKind::While { body, .. }
        | StmtKind::For { body, .. }
        | StmtKind::With { body, .. } => (None, first_of(body)),
        StmtKind::Try(id) => (None, first_of(tree.tries[id].body)),
        StmtKind::Match { cases, .. } => (
            None,
            tree[cases]
                .first()
                .map(|it| tree.pats[it.pattern].span.start),
        ),
        StmtKind::Function(id) => {
            let func = &tree.funcs[id];
            (
                decorated(func.decorators),
                Some(first_of(func.body).unwrap_or(func.span.end)),
            )
        }
        StmtKind::Class(id) => {
            let class = &tree.classes[id];
            (
                decorated(class.decorators),
                Some(first_of(class.body).unwrap_or(class.span.end)),
            )
        }
        _ => (None, None),
    };
    let start = start.unwrap_or(stmt.span.start).min(stmt.span.start);
    // The last byte before the first inner statement belongs to the line end or the blanks before it.
    Span::new(
        start,
        inner
            .map_or(stmt.span.end, |it| it.saturating_sub(1).max(start))
            .min(stmt.span.end),
    )
}

/// Whether the head of the file says that a program made it: "generated … do not edit", in either order, "this is a generated file".
fn says_generated(text: &str) -> bool {
    let mut end = text.len().min(1500);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = text[..end].to_ascii_lowercase();
    head.lines()
        .take_while(|it| {
            it.is_empty() || it.starts_with('#') || it.starts_with('"') || it.starts_with('\'')
        })
        .take(20)
        .collect::<Vec<_>>()
        .join("\n")
        .split("\n\n")
        .any(|part| {
            part.contains("generated")
                && (part.contains("do not edit") || part.contains("do not modify"))
                || part.contains("@generated")
                || part.contains("is a generated file")
        })
}
