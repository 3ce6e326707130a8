//! Expressions, arguments and comprehensions.

use super::Printer;
use crate::syntax::tree::{
    Arg, ArgKind, CompId, CompKind, ExprId, ExprKind, FuncId, List, UnaryOp,
};

impl Printer<'_> {
    pub(super) fn opt(&mut self, head: &str, id: Option<ExprId>) {
        if let Some(id) = id {
            self.word(head);
            self.expr(id);
        }
    }

    pub(super) fn list(&mut self, list: List<ExprId>) {
        self.commas(&self.module[list], |p, &id| p.expr(id));
    }

    pub(super) fn args(&mut self, args: List<Arg>) {
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
    pub(super) fn expr(&mut self, id: ExprId) {
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
                    self.args_of(format_args!(" {} ", op.text()));
                    self.expr(right);
                    self.word(")");
                }
                _ => {}
            }
            self.span(self.module.exprs[link].span);
        }
    }

    pub(super) fn leaf(&mut self, id: ExprId) {
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
                self.args_of(format_args!(" {} ", op.text()));
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
    pub(super) fn operands(&mut self, list: List<ExprId>, op: &str) {
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
                        self.args_of(format_args!("(.. {} ", link.text()));
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

    pub(super) fn lambda(&mut self, id: FuncId) {
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

    pub(super) fn comp(&mut self, id: CompId) {
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

pub(super) fn comp_label(kind: CompKind) -> &'static str {
    match kind {
        CompKind::List => "<listcomp>",
        CompKind::Set => "<setcomp>",
        CompKind::Dict => "<dictcomp>",
        CompKind::Generator => "<genexpr>",
    }
}
