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

use std::fmt::Write;

use rustc_hash::FxHashMap;

use super::tree::{
    Arg, ArgKind, BinaryOp, Block, ClassId, CompId, CompKind, CompareOp, ExprId, ExprKind, FuncId,
    FuncKind, List, Module, ParamKind, PatId, PatKind, Scope, ScopeId, ScopeKind, StmtId, StmtKind,
    UnaryOp, VarId,
};
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

    fn stmts(&mut self, block: Block) {
        for &id in &self.module[block] {
            self.stmt(id);
        }
    }

    fn block(&mut self, block: Block) {
        self.indent += 1;
        self.stmts(block);
        self.indent -= 1;
    }

    fn clause(&mut self, head: &str, block: Block) {
        if !block.is_empty() {
            self.line(head);
            self.block(block);
        }
    }

    fn stmt(&mut self, id: StmtId) {
        let stmt = self.module.stmts[id];
        match stmt.kind {
            StmtKind::Function(func) => return self.def(func, stmt.span),
            StmtKind::Class(class) => return self.class(class, stmt.span),
            StmtKind::If { .. } => return self.ladder(id),
            _ => {}
        }
        self.start();
        let mut blocks: [(&str, Block); 2] = [("", Block::empty()); 2];
        match stmt.kind {
            StmtKind::Expr(value) => self.expr(value),
            StmtKind::Assign { targets, value } => {
                for &target in &self.module[targets] {
                    self.expr(target);
                    self.word(" = ");
                }
                self.expr(value);
            }
            StmtKind::AugAssign { op, target, value } => {
                self.expr(target);
                self.args_of(format_args!(" {}= ", binary(op)));
                self.expr(value);
            }
            StmtKind::AnnAssign {
                target,
                annotation,
                value,
            } => {
                self.expr(target);
                self.word(": ");
                self.expr(annotation);
                self.opt(" = ", value);
            }
            StmtKind::Return(value) => {
                self.word("return");
                self.opt(" ", value);
            }
            StmtKind::Raise { exc, cause } => {
                self.word("raise");
                self.opt(" ", exc);
                self.opt(" from ", cause);
            }
            StmtKind::Delete(targets) => {
                self.word("del ");
                self.list(targets);
            }
            StmtKind::Pass => self.word("pass"),
            StmtKind::Break => self.word("break"),
            StmtKind::Continue => self.word("continue"),
            StmtKind::Global(names) => self.names("global ", names),
            StmtKind::Nonlocal(names) => self.names("nonlocal ", names),
            StmtKind::Import(aliases) => {
                self.word("import ");
                self.aliases(aliases);
            }
            StmtKind::ImportFrom {
                module,
                level,
                names,
            } => {
                self.args_of(format_args!("from {}", ".".repeat(level as usize)));
                module.into_iter().for_each(|it| self.name(it));
                self.word(" import ");
                self.aliases(names);
            }
            StmtKind::While { test, body, orelse } => {
                self.word("while ");
                self.expr(test);
                blocks = [("", body), ("else", orelse)];
            }
            StmtKind::For {
                is_async,
                target,
                iter,
                body,
                orelse,
            } => {
                self.word(if is_async { "async for " } else { "for " });
                self.expr(target);
                self.word(" in ");
                self.expr(iter);
                blocks = [("", body), ("else", orelse)];
            }
            StmtKind::With {
                is_async,
                items,
                body,
            } => {
                self.word(if is_async { "async with " } else { "with " });
                self.commas(&self.module[items], |p, item| {
                    p.expr(item.context);
                    p.opt(" as ", item.target);
                });
                blocks[0].1 = body;
            }
            StmtKind::Assert { test, message } => {
                self.word("assert ");
                self.expr(test);
                self.opt(", ", message);
            }
            StmtKind::TypeAlias {
                name,
                type_params,
                value,
            } => {
                self.word("type ");
                self.expr(name);
                self.type_params(type_params);
                self.word(" = ");
                self.expr(value);
            }
            StmtKind::Try(id) => {
                let parts = self.module.tries[id];
                self.word(if parts.is_star { "try*" } else { "try" });
                self.end(stmt.span);
                self.block(parts.body);
                for handler in &self.module[parts.handlers] {
                    self.start();
                    self.word("except");
                    self.opt(" ", handler.typ);
                    self.opt(" as ", handler.name);
                    self.end(handler.span);
                    self.block(handler.body);
                }
                self.clause("else", parts.orelse);
                return self.clause("finally", parts.finally);
            }
            StmtKind::Match { subject, cases } => {
                self.word("match ");
                self.expr(subject);
                self.end(stmt.span);
                self.indent += 1;
                for case in &self.module[cases] {
                    self.start();
                    self.word("case ");
                    self.pattern(case.pattern);
                    self.opt(" if ", case.guard);
                    self.word("\n");
                    self.block(case.body);
                }
                self.indent -= 1;
                return;
            }
            StmtKind::Error | StmtKind::If { .. } | StmtKind::Function(_) | StmtKind::Class(_) => {
                self.word("<error>")
            }
        }
        self.end(stmt.span);
        self.block(blocks[0].1);
        self.clause(blocks[1].0, blocks[1].1);
    }

    /// An `if` with its ladder, without recursion along the ladder.
    fn ladder(&mut self, first: StmtId) {
        let mut next = first;
        let mut head = "if ";
        loop {
            let stmt = self.module.stmts[next];
            let StmtKind::If { test, body, orelse } = stmt.kind else {
                return;
            };
            self.start();
            self.word(head);
            self.expr(test);
            self.end(stmt.span);
            self.block(body);
            match self.module[orelse] {
                [rung] if matches!(self.module.stmts[rung].kind, StmtKind::If { .. }) => {
                    head = "elif ";
                    next = rung;
                }
                _ => return self.clause("else", orelse),
            }
        }
    }

    fn def(&mut self, id: FuncId, span: Span) {
        let func = &self.module.funcs[id];
        self.decorators(func.decorators);
        self.start();
        self.word(if func.is_async { "async def " } else { "def " });
        self.name(func.name);
        self.span(func.name_span);
        self.word("/");
        self.bound(func.name, func.var);
        self.type_params(func.type_params);
        self.word("(");
        self.params(id);
        self.word(")");
        self.opt(" -> ", func.returns);
        self.end(span);
        let outside = std::mem::replace(&mut self.func, id);
        self.indent += 1;
        self.start();
        if func.is_generator {
            self.word("generator, ");
        }
        self.holder(func.parent, func.class);
        self.word(", free: [");
        self.commas(&func.free, |p, &var| p.var(var));
        self.word("]\n");
        self.scope(func.scope);
        self.stmts(func.body);
        self.indent -= 1;
        self.func = outside;
    }

    fn holder(&mut self, parent: Option<FuncId>, class: Option<ClassId>) {
        self.word("in ");
        let scope = match (parent, class) {
            (_, Some(class)) => self.module.classes[class].scope,
            (Some(func), None) => self.module.funcs[func].scope,
            (None, None) => ScopeId::new(0),
        };
        let label = self.labels.get(scope.index()).cloned();
        self.word(&label.unwrap_or_default());
    }

    fn class(&mut self, id: ClassId, span: Span) {
        let class = &self.module.classes[id];
        self.decorators(class.decorators);
        self.start();
        self.word("class ");
        self.name(class.name);
        self.span(class.name_span);
        self.word("/");
        self.bound(
            class.name,
            self.module.vars.get(class.var).map(|_| class.var),
        );
        self.type_params(class.type_params);
        self.word("(");
        self.args(class.args);
        self.word(")");
        self.end(span);
        self.indent += 1;
        self.start();
        self.holder(Some(class.func), class.outer);
        self.word("\n");
        self.scope(class.scope);
        self.stmts(class.body);
        self.indent -= 1;
    }

    fn decorators(&mut self, decorators: List<ExprId>) {
        for &it in &self.module[decorators] {
            self.start();
            self.word("@");
            self.expr(it);
            self.word("\n");
        }
    }

    fn type_params(&mut self, names: List<Name>) {
        if !names.is_empty() {
            self.names("[", names);
            self.word("]");
        }
    }

    fn names(&mut self, head: &str, names: List<Name>) {
        self.word(head);
        self.commas(&self.module[names], |p, &name| p.name(name));
    }

    fn params(&mut self, id: FuncId) {
        let func = &self.module.funcs[id];
        self.commas(&self.module[func.params], |p, param| {
            p.word(match param.kind {
                ParamKind::PositionalOnly => "/",
                ParamKind::Ordinary => "",
                ParamKind::VarArgs => "*",
                ParamKind::KeywordOnly => "=",
                ParamKind::KwArgs => "**",
            });
            p.name(param.name);
            p.span(param.span);
            p.opt(": ", param.annotation);
            p.opt(" = ", param.default);
        });
    }

    fn aliases(&mut self, aliases: List<super::tree::Alias>) {
        self.commas(&self.module[aliases], |p, alias| {
            p.name(alias.name);
            if let Some(name) = alias.asname {
                p.word(" as ");
                p.name(name);
            }
            if alias.var.is_some() {
                p.word("/");
                p.bound(alias.name, alias.var);
            }
            p.span(alias.span);
        });
    }

    // Patterns.

    fn pattern(&mut self, id: PatId) {
        let pat = self.module.pats[id];
        match pat.kind {
            PatKind::Value(value) => self.expr(value),
            PatKind::Wildcard => self.word("_"),
            PatKind::Capture { pattern, name } => {
                self.word("(");
                if let Some(pattern) = pattern {
                    self.pattern(pattern);
                    self.word(" ");
                }
                self.word("as ");
                self.expr(name);
                self.word(")");
            }
            PatKind::Sequence(pats) => self.patterns("[", pats, "]"),
            PatKind::Mapping { keys, pats, rest } => {
                self.word("{");
                let entries = self.module[keys].iter().zip(&self.module[pats]);
                self.commas(entries, |p, (&key, &pat)| {
                    p.expr(key);
                    p.word(": ");
                    p.pattern(pat);
                });
                self.opt(" **", rest);
                self.word("}");
            }
            PatKind::Class { cls, pats } => {
                self.expr(cls);
                self.patterns("(", pats, ")");
            }
            PatKind::Star(name) => {
                self.word("*");
                self.opt("", name);
            }
            PatKind::Or(pats) => self.patterns("or(", pats, ")"),
        }
        self.span(pat.span);
    }

    fn patterns(&mut self, head: &str, pats: List<PatId>, tail: &str) {
        self.word(head);
        self.commas(&self.module[pats], |p, &pat| p.pattern(pat));
        self.word(tail);
    }

    // Expressions.

    fn opt(&mut self, head: &str, id: Option<ExprId>) {
        if let Some(id) = id {
            self.word(head);
            self.expr(id);
        }
    }

    fn list(&mut self, list: List<ExprId>) {
        self.commas(&self.module[list], |p, &id| p.expr(id));
    }

    fn args(&mut self, args: List<Arg>) {
        self.commas(&self.module[args], |p, arg| {
            match arg.kind {
                ArgKind::Positional => {}
                ArgKind::Star => p.word("*"),
                ArgKind::Keyword(name) => {
                    p.name(name);
                    p.word("=");
                }
                ArgKind::DoubleStar => p.word("**"),
            }
            p.expr(arg.value);
        });
    }

    /// An expression; chains that lean to the left are walked along their spine.
    fn expr(&mut self, id: ExprId) {
        let mut spine = Vec::new();
        let mut left = id;
        loop {
            let next = match self.module.exprs[left].kind {
                ExprKind::Attr { base, .. } | ExprKind::Subscript { base, .. } => base,
                ExprKind::Call { callee, .. } => callee,
                ExprKind::Binary { left, .. } => {
                    self.word("(");
                    left
                }
                _ => break,
            };
            spine.push(left);
            left = next;
        }
        self.leaf(left);
        self.span(self.module.exprs[left].span);
        for link in spine.into_iter().rev() {
            match self.module.exprs[link].kind {
                ExprKind::Attr { name, .. } => {
                    self.word(".");
                    self.name(name);
                }
                ExprKind::Subscript { index, .. } => {
                    self.word("[");
                    self.expr(index);
                    self.word("]");
                }
                ExprKind::Call { args, .. } => {
                    self.word("(");
                    self.args(args);
                    self.word(")");
                }
                ExprKind::Binary { op, right, .. } => {
                    self.args_of(format_args!(" {} ", binary(op)));
                    self.expr(right);
                    self.word(")");
                }
                _ => {}
            }
            self.span(self.module.exprs[link].span);
        }
    }

    fn leaf(&mut self, id: ExprId) {
        match self.module.exprs[id].kind {
            ExprKind::Name { name, var } => self.bound(name, var),
            ExprKind::Slice { lo, hi, step } => {
                self.opt("", lo);
                self.word(":");
                self.opt("", hi);
                self.opt(":", step);
            }
            ExprKind::Int(value) => self.args_of(format_args!("{value}")),
            ExprKind::Float(_) => self.word("<float>"),
            ExprKind::Bool(true) => self.word("True"),
            ExprKind::Bool(false) => self.word("False"),
            ExprKind::None => self.word("None"),
            ExprKind::Ellipsis => self.word("..."),
            ExprKind::Str { len, text } => match text {
                Some(text) => {
                    let text = self.module.names.text(text);
                    self.args_of(format_args!("{text:?}"));
                }
                None => self.args_of(format_args!("<str {len}>")),
            },
            ExprKind::Bytes { len } => self.args_of(format_args!("<bytes {len}>")),
            ExprKind::FString { holes } => {
                self.word("f{");
                self.list(holes);
                self.word("}");
            }
            ExprKind::List(list) => {
                self.word("[");
                self.list(list);
                self.word("]");
            }
            ExprKind::Tuple(list) => {
                self.word("(");
                self.list(list);
                self.word(",)");
            }
            ExprKind::Set(list) => {
                self.word("{");
                self.list(list);
                self.word("}");
            }
            ExprKind::Dict { keys, values } => {
                self.word("{");
                let entries = self.module[keys].iter().zip(&self.module[values]);
                self.commas(entries, |p, (&key, &value)| {
                    match key {
                        Some(key) => {
                            p.expr(key);
                            p.word(": ");
                        }
                        None => p.word("**"),
                    }
                    p.expr(value);
                });
                self.word(if keys.is_empty() { ":}" } else { "}" });
            }
            ExprKind::Comp(comp) => self.comp(comp),
            ExprKind::Lambda(func) => self.lambda(func),
            ExprKind::Unary { op, operand } => {
                self.word(match op {
                    UnaryOp::Not => "(not ",
                    UnaryOp::Neg => "(-",
                    UnaryOp::Pos => "(+",
                    UnaryOp::Invert => "(~",
                });
                self.expr(operand);
                self.word(")");
            }
            ExprKind::And(list) => self.operands(list, " and "),
            ExprKind::Or(list) => self.operands(list, " or "),
            ExprKind::Compare { op, left, right } => {
                self.word("(");
                self.expr(left);
                self.args_of(format_args!(" {} ", compare(op)));
                self.expr(right);
                self.word(")");
            }
            ExprKind::IfElse { test, body, orelse } => {
                self.word("(");
                self.expr(body);
                self.word(" if ");
                self.expr(test);
                self.word(" else ");
                self.expr(orelse);
                self.word(")");
            }
            ExprKind::Await(value) => {
                self.word("(await ");
                self.expr(value);
                self.word(")");
            }
            ExprKind::Yield(value) => {
                self.word("(yield");
                self.opt(" ", value);
                self.word(")");
            }
            ExprKind::YieldFrom(value) => {
                self.word("(yield from ");
                self.expr(value);
                self.word(")");
            }
            ExprKind::Starred(value) => {
                self.word("*");
                self.expr(value);
            }
            ExprKind::Walrus { target, value } => {
                self.word("(");
                self.expr(target);
                self.word(" := ");
                self.expr(value);
                self.word(")");
            }
            ExprKind::Error
            | ExprKind::Attr { .. }
            | ExprKind::Subscript { .. }
            | ExprKind::Call { .. }
            | ExprKind::Binary { .. } => self.word("<error>"),
        }
    }

    /// Operands of `and` or `or`. An operand that two links of a comparison share is printed once, then as `..`.
    fn operands(&mut self, list: List<ExprId>, op: &str) {
        self.word("(");
        let mut shared = None;
        for (i, &id) in self.module[list].iter().enumerate() {
            if i > 0 {
                self.word(op);
            }
            match self.module.exprs[id].kind {
                ExprKind::Compare {
                    op: link,
                    left,
                    right,
                } => {
                    if shared == Some(left) {
                        self.args_of(format_args!("(.. {} ", compare(link)));
                        self.expr(right);
                        self.word(")");
                        self.span(self.module.exprs[id].span);
                    } else {
                        self.expr(id);
                    }
                    shared = Some(right);
                }
                _ => {
                    self.expr(id);
                    shared = None;
                }
            }
        }
        self.word(")");
    }

    fn lambda(&mut self, id: FuncId) {
        let func = &self.module.funcs[id];
        self.word("(lambda");
        self.span(func.name_span);
        self.word(if func.params.is_empty() { "" } else { " " });
        self.params(id);
        let outside = std::mem::replace(&mut self.func, id);
        self.word(" <");
        if func.is_generator {
            self.word("generator, ");
        }
        self.holder(func.parent, func.class);
        self.word(", free: [");
        self.commas(&func.free, |p, &var| p.var(var));
        self.word("]");
        if let Some(scope) = self.module.scopes.get(func.scope)
            && !scope.vars.is_empty()
        {
            self.word(", vars: ");
            self.vars(scope);
        }
        self.word(">");
        self.opt(": ", func.value);
        self.func = outside;
        self.word(")");
    }

    fn comp(&mut self, id: CompId) {
        let comp = self.module.comps[id];
        self.word(comp_label(comp.kind));
        self.word("(");
        self.expr(comp.element);
        self.opt(": ", comp.value);
        for clause in &self.module[comp.clauses] {
            self.word(if clause.is_async {
                " async for "
            } else {
                " for "
            });
            self.expr(clause.target);
            self.word(" in ");
            self.expr(clause.iter);
            for &test in &self.module[clause.tests] {
                self.word(" if ");
                self.expr(test);
            }
        }
        if let Some(scope) = self.module.scopes.get(comp.scope) {
            self.word("; vars: ");
            self.vars(scope);
        }
        self.word(")");
    }
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

fn comp_label(kind: CompKind) -> &'static str {
    match kind {
        CompKind::List => "<listcomp>",
        CompKind::Set => "<setcomp>",
        CompKind::Dict => "<dictcomp>",
        CompKind::Generator => "<genexpr>",
    }
}

fn binary(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::MatMul => "@",
        BinaryOp::Div => "/",
        BinaryOp::FloorDiv => "//",
        BinaryOp::Mod => "%",
        BinaryOp::Pow => "**",
        BinaryOp::LShift => "<<",
        BinaryOp::RShift => ">>",
        BinaryOp::BitOr => "|",
        BinaryOp::BitXor => "^",
        BinaryOp::BitAnd => "&",
    }
}

fn compare(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Eq => "==",
        CompareOp::NotEq => "!=",
        CompareOp::Lt => "<",
        CompareOp::LtE => "<=",
        CompareOp::Gt => ">",
        CompareOp::GtE => ">=",
        CompareOp::Is => "is",
        CompareOp::IsNot => "is not",
        CompareOp::In => "in",
        CompareOp::NotIn => "not in",
    }
}
