//! Prints a tree with its scopes and resolved names; two trees with equal prints mean the same.
//!
//! The print looks like Python with every operation in parentheses. A name carries its variable: `x@f` is owned by the
//! scope labelled `f`, `x^f` too but is reached from a function inside it, `x@global` is the module's, and
//! `x@builtin` is bound nowhere in the file. Scopes with the same label are told apart by a number: `f`, `f#2`.
//!
//! ```text
//! def f/f@global(a)
//!   in global, free: []
//!   vars: a param 0 bound 1 cell
//!   return (lambda <in f, free: [a^f]>: a^f)
//! ```

mod exprs;
mod stmts;

use std::fmt::Write;

use rustc_hash::FxHashMap;

use self::exprs::comp_label;
use super::tree::{FuncId, FuncKind, Module, Scope, ScopeId, ScopeKind, VarId};
use crate::base::{Name, Span};

/// The tree as text.
#[must_use]
pub fn print(module: &Module) -> String {
    Printer::new(module, false).module()
}

/// The tree as text, each node followed by its place: `[start..end]`.
#[must_use]
pub fn print_with_spans(module: &Module) -> String {
    Printer::new(module, true).module()
}

struct Printer<'m> {
    module: &'m Module,
    labels: Vec<String>,
    out: String,
    indent: usize,
    /// The function whose code is printed.
    func: FuncId,
    with_spans: bool,
}

impl<'m> Printer<'m> {
    fn new(module: &'m Module, with_spans: bool) -> Self {
        Self {
            module,
            labels: labels(module),
            out: String::new(),
            indent: 0,
            func: FuncId::new(0),
            with_spans,
        }
    }

    fn module(mut self) -> String {
        let Some(body) = self.module.funcs.get(FuncId::new(0)).map(|it| it.body) else {
            return self.out;
        };
        self.line("module");
        self.indent += 1;
        self.scope(ScopeId::new(0));
        self.stmts(body);
        for pragma in &self.module.pragmas {
            self.start();
            self.out.push_str(&pragma.text);
            self.end(pragma.span);
        }
        self.out
    }

    // Lines and words.

    fn start(&mut self) {
        for _ in 0..self.indent {
            self.out.push_str("  ");
        }
    }

    fn line(&mut self, text: &str) {
        self.start();
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn end(&mut self, span: Span) {
        self.span(span);
        self.out.push('\n');
    }

    fn word(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn args_of(&mut self, args: std::fmt::Arguments<'_>) {
        self.out
            .write_fmt(args)
            .expect("writing to a string never fails");
    }

    fn name(&mut self, name: Name) {
        self.out.push_str(self.module.names.text(name));
    }

    fn span(&mut self, span: Span) {
        if self.with_spans {
            self.args_of(format_args!("[{}..{}]", span.start, span.end));
        }
    }

    /// Items with commas between them.
    fn commas<T>(&mut self, items: impl IntoIterator<Item = T>, print: impl Fn(&mut Self, T)) {
        for (i, item) in items.into_iter().enumerate() {
            if i > 0 {
                self.word(", ");
            }
            print(self, item);
        }
    }

    // Scopes and variables.

    fn var(&mut self, id: VarId) {
        let var = &self.module.vars[id];
        self.name(var.name);
        let owner = &self.module.scopes[var.scope];
        if owner.kind == ScopeKind::Module {
            return self.word(if var.is_bound { "@global" } else { "@builtin" });
        }
        self.word(if owner.func == self.func { "@" } else { "^" });
        let label = self.labels[var.scope.index()].clone();
        self.word(&label);
    }

    fn bound(&mut self, name: Name, var: Option<VarId>) {
        match var {
            Some(var) => self.var(var),
            None => {
                self.name(name);
                self.word("@?");
            }
        }
    }

    fn scope(&mut self, id: ScopeId) {
        let Some(scope) = self.module.scopes.get(id) else {
            return;
        };
        if scope.vars.is_empty() {
            return;
        }
        self.start();
        self.word("vars: ");
        self.vars(scope);
        self.word("\n");
    }

    fn vars(&mut self, scope: &Scope) {
        let module = self.module;
        self.commas(&scope.vars, |p, &id| {
            let var = &module.vars[id];
            p.name(var.name);
            if let Some(param) = var.param {
                p.args_of(format_args!(" param {param}"));
            }
            match (var.is_bound, var.bindings) {
                (true, n) => p.args_of(format_args!(" bound {n}")),
                (false, _) => p.word(" unbound"),
            }
            if var.is_captured {
                p.word(" cell");
            }
            if var.is_declared_global {
                p.word(" declared-global");
            }
        });
    }

    // Statements.
}

/// A label for each scope; equal ones are numbered in the order of the text.
fn labels(module: &Module) -> Vec<String> {
    let mut comps = FxHashMap::default();
    for comp in module.comps.iter() {
        comps.insert(comp.scope, comp.kind);
    }
    let mut seen: FxHashMap<String, u32> = FxHashMap::default();
    module
        .scopes
        .iter_ids()
        .map(|(id, scope)| {
            let base = match scope.kind {
                ScopeKind::Module => "global".to_owned(),
                ScopeKind::Function => match &module.funcs[scope.func] {
                    lambda if lambda.kind == FuncKind::Lambda => "<lambda>".to_owned(),
                    func => module.names.text(func.name).to_owned(),
                },
                ScopeKind::Class(class) => module.names.text(module.classes[class].name).to_owned(),
                ScopeKind::Comprehension => comps
                    .get(&id)
                    .map_or("<comp>", |&kind| comp_label(kind))
                    .to_owned(),
                ScopeKind::TypeParams => "<type>".to_owned(),
            };
            let count = seen.entry(base.clone()).or_insert(0);
            *count += 1;
            match *count {
                1 => base,
                n => format!("{base}#{n}"),
            }
        })
        .collect()
}
