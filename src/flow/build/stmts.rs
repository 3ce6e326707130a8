//! Statements to blocks.

use super::{Builder, Exit, FrameKind, InstKind, Jump};
use crate::base::{Idx, Span};
use crate::facts::model::ValueId;
use crate::flow::ir::BlockId;
use crate::syntax::tree::{
    self, Block, Case, ExprId, ExprKind, FuncId, Handler, List, PatId, PatKind, StmtId, StmtKind,
    WithItem,
};

/// Exceptions that an `OSError` in general is not: unrelated ones, and its own kinds.
const OTHER_ERRORS: &[&str] = &[
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BlockingIOError",
    "BrokenPipeError",
    "CancelledError",
    "ChildProcessError",
    "ConnectionAbortedError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "FileExistsError",
    "FileNotFoundError",
    "GeneratorExit",
    "ImportError",
    "IndexError",
    "InterruptedError",
    "IsADirectoryError",
    "JSONDecodeError",
    "KeyError",
    "KeyboardInterrupt",
    "LookupError",
    "ModuleNotFoundError",
    "NameError",
    "NotADirectoryError",
    "NotImplementedError",
    "OverflowError",
    "PermissionError",
    "ProcessLookupError",
    "RuntimeError",
    "StopIteration",
    "SystemExit",
    "TypeError",
    "UnicodeDecodeError",
    "UnicodeEncodeError",
    "UnicodeError",
    "ValueError",
    "ZeroDivisionError",
    "gaierror",
];

impl Builder<'_> {
    pub(super) fn block(&mut self, block: Block) {
        self.nested(|cx| {
            let module = cx.module;
            for &stmt in &module[block] {
                if cx.at.is_none() {
                    break;
                }
                cx.stmt(stmt);
            }
        });
    }

    fn stmt(&mut self, stmt: StmtId) {
        let at = self.module.stmts[stmt].span;
        match self.module.stmts[stmt].kind {
            StmtKind::Expr(value) => {
                self.expr(value);
                if let Some(value) = self.value(value) {
                    self.push(InstKind::Drop(value), at);
                }
            }
            StmtKind::Assign { targets, value } => {
                self.expr(value);
                for &target in &self.module[targets] {
                    self.assign(target, value);
                }
            }
            StmtKind::AnnAssign { target, value, .. } => {
                if let Some(value) = value {
                    self.expr(value);
                    self.assign(target, value);
                }
            }
            StmtKind::AugAssign { target, value, .. } => {
                self.target_parts(target);
                self.expr(value);
                if self.var(target).is_some() {
                    let value = self.value(value);
                    self.part(target, value, None);
                } else {
                    self.store(target, self.span(target));
                }
            }
            StmtKind::Return(value) => {
                let value = value.and_then(|it| {
                    self.expr(it);
                    self.value(it)
                });
                self.push(InstKind::Return(value), at);
                self.jump(Jump::Return);
            }
            StmtKind::Raise { exc, cause } => {
                for part in [exc, cause].into_iter().flatten() {
                    self.expr(part);
                }
                let exc = exc.and_then(|it| self.value(it));
                self.push(InstKind::Throw(exc), at);
                self.exit(Exit::Raise);
            }
            StmtKind::Delete(targets) => {
                for &target in &self.module[targets] {
                    self.delete(target);
                }
            }
            StmtKind::Break => self.jump(Jump::Break),
            StmtKind::Continue => self.jump(Jump::Continue),
            StmtKind::Import(_) | StmtKind::ImportFrom { .. } | StmtKind::Error => {
                self.push(InstKind::MayRaise, at);
            }
            StmtKind::If { test, body, orelse } => self.if_ladder(test, body, orelse),
            StmtKind::While { test, body, orelse } => self.while_loop(test, body, orelse),
            StmtKind::For {
                target,
                iter,
                body,
                orelse,
                ..
            } => self.for_loop(target, iter, body, orelse),
            StmtKind::Try(it) => self.try_stmt(it),
            StmtKind::With {
                is_async,
                items,
                body,
            } => {
                let module = self.module;
                self.with(is_async, &module[items], body);
            }
            StmtKind::Match { subject, cases } => self.match_stmt(subject, cases),
            StmtKind::Function(func) => self.function(func, at),
            StmtKind::Class(class) => self.class(class),
            StmtKind::Assert { test, message } => self.assert(test, message, at),
            StmtKind::Pass
            | StmtKind::Global(_)
            | StmtKind::Nonlocal(_)
            | StmtKind::TypeAlias { .. } => {}
        }
    }

    /// Stores a value into a target. Displays on both sides are taken apart, so that each name gets its own value.
    fn assign(&mut self, target: ExprId, value: ExprId) {
        let module = self.module;
        if let (
            ExprKind::Tuple(targets) | ExprKind::List(targets),
            ExprKind::Tuple(values) | ExprKind::List(values),
        ) = (self.kind(target), self.kind(value))
        {
            let (targets, values) = (&module[targets], &module[values]);
            let is_starred = |it: &ExprId| matches!(module.exprs[*it].kind, ExprKind::Starred(_));
            if targets.len() == values.len()
                && !targets.iter().chain(values).any(is_starred)
                && !self.reads_targets(targets, values)
            {
                for (&target, &value) in targets.iter().zip(values) {
                    self.nested(|cx| cx.assign(target, value));
                }
                return;
            }
            if self.reads_targets(targets, values) {
                // `a, b = b, a`: every name may hold any of them.
                let value = self.value(value);
                for &target in targets {
                    self.part(target, value, None);
                }
                return;
            }
        }
        let value = self.value(value);
        self.bind(target, value);
    }

    /// Whether one of the values is a variable that one of the targets binds.
    fn reads_targets(&self, targets: &[ExprId], values: &[ExprId]) -> bool {
        values
            .iter()
            .filter_map(|&it| self.var(it))
            .any(|var| targets.iter().any(|&it| self.var(it) == Some(var)))
    }

    /// Evaluates what a target that is read first stands on.
    fn target_parts(&mut self, target: ExprId) {
        match self.kind(target) {
            ExprKind::Attr { base, .. } => self.expr(base),
            ExprKind::Subscript { base, index } => {
                self.expr(base);
                self.expr(index);
                self.push(InstKind::MayRaise, self.span(target));
            }
            _ => {}
        }
    }

    fn delete(&mut self, target: ExprId) {
        let at = self.span(target);
        match self.kind(target) {
            ExprKind::Name { .. } => {
                if let Some(var) = self.var(target) {
                    self.push(InstKind::Unbind(var), at);
                }
            }
            ExprKind::Attr { .. } | ExprKind::Subscript { .. } => {
                self.target_parts(target);
                self.store(target, at);
            }
            ExprKind::Tuple(targets) | ExprKind::List(targets) => {
                for &target in &self.module[targets] {
                    self.nested(|cx| cx.delete(target));
                }
            }
            _ => {}
        }
    }

    /// `if`, with its `elif`s in a loop: ladders may be thousands of rungs long.
    fn if_ladder(&mut self, test: ExprId, body: Block, orelse: Block) {
        let end = self.new_block();
        let (mut test, mut body, mut orelse) = (test, body, orelse);
        loop {
            let (then, other) = (self.new_block(), self.new_block());
            self.cond(test, then, other);
            self.resume(then);
            self.block(body);
            self.goto(end);
            self.resume(other);
            match self.elif(orelse) {
                Some(rung) => (test, body, orelse) = rung,
                None => break,
            }
        }
        self.block(orelse);
        self.goto(end);
        self.resume(end);
    }

    fn elif(&self, orelse: Block) -> Option<(ExprId, Block, Block)> {
        let [only] = self.module[orelse] else {
            return None;
        };
        match self.module.stmts[only].kind {
            StmtKind::If { test, body, orelse } => Some((test, body, orelse)),
            _ => None,
        }
    }

    fn while_loop(&mut self, test: ExprId, body: Block, orelse: Block) {
        let head = self.new_block();
        let (inside, other) = (self.new_block(), self.new_block());
        let after = self.new_block();
        self.goto(head);
        self.start(head);
        self.cond(test, inside, other);
        self.loop_body(inside, body, after, head);
        self.loop_else(other, orelse, after);
    }

    /// A loop whose body can come to its end is taken to turn at least once: who writes one expects something to walk, and
    /// what is lost only where there is nothing is not worth a word. One that always leaves in its first turn is only a
    /// way of asking for the first element; there may be none, unless they are written out.
    /// A loop whose body can come to its end is taken to turn at least once: who writes one expects something to walk, and
    /// what is lost only where there is nothing is not worth a word. One that always leaves in its first turn is a way of
    /// asking for the first element; there may be none, unless they are written out.
    fn for_loop(&mut self, target: ExprId, iter: ExprId, body: Block, orelse: Block) {
        self.expr(iter);
        let (first, head) = (self.new_block(), self.new_block());
        let (inside, other) = (self.new_block(), self.new_block());
        let after = self.new_block();
        self.goto(first);
        self.start(first);
        self.iterate(iter);
        self.goto(inside);
        self.start(inside);
        let value = self.value(iter);
        self.part(target, value, None);
        if let Some(inside) = self.at {
            self.loop_body(inside, body, after, head);
        }
        if self.blocks[head.index()].is_target {
            self.start(head);
            self.iterate(iter);
            self.exit(Exit::Either(inside, other));
        } else if !self.has_elements(iter) {
            self.start(first);
            self.exit(Exit::Either(inside, other));
        }
        self.loop_else(other, orelse, after);
    }

    /// Whether a display has elements for sure.
    fn has_elements(&self, expr: ExprId) -> bool {
        match self.kind(expr) {
            ExprKind::Tuple(elements) | ExprKind::List(elements) | ExprKind::Set(elements) => {
                let is_star = |it: &ExprId| matches!(self.kind(*it), ExprKind::Starred(_));
                !self.module[elements].iter().all(is_star)
            }
            ExprKind::Str { len, .. } | ExprKind::Bytes { len } => len > 0,
            _ => false,
        }
    }

    fn loop_body(&mut self, inside: BlockId, body: Block, after: BlockId, head: BlockId) {
        self.resume_or(inside);
        self.push_frame(FrameKind::Loop { after, next: head }, self.unwind);
        self.block(body);
        self.frames.pop();
        self.goto(head);
    }

    /// A block that was just started, or one that a condition may lead to.
    fn resume_or(&mut self, block: BlockId) {
        if self.at != Some(block) {
            self.resume(block);
        }
    }

    fn loop_else(&mut self, other: BlockId, orelse: Block, after: BlockId) {
        self.resume(other);
        self.block(orelse);
        self.goto(after);
        self.resume(after);
    }

    fn try_stmt(&mut self, id: tree::TryId) {
        let parts = self.module.tries[id];
        if parts.finally.is_empty() {
            self.handlers(&parts);
            return;
        }
        let outer = self.unwind;
        let landing = self.new_block();
        self.push_frame(FrameKind::Finally(parts.finally), outer);
        self.set_unwind(Some(landing));
        self.handlers(&parts);
        self.frames.pop();
        self.set_unwind(outer);
        let after = self.at;
        let leave = FrameKind::Finally(parts.finally);
        self.start(landing);
        self.leave(leave);
        self.exit(Exit::Raise);
        self.at = after;
        self.leave(leave);
    }

    /// A `try` without its `finally`.
    fn handlers(&mut self, parts: &tree::Try) {
        if parts.handlers.is_empty() {
            self.block(parts.body);
            self.block(parts.orelse);
            return;
        }
        let outer = self.unwind;
        let dispatch = self.new_block();
        let end = self.new_block();
        self.set_unwind(Some(dispatch));
        self.block(parts.body);
        self.set_unwind(outer);
        self.block(parts.orelse);
        self.goto(end);
        self.start(dispatch);
        let module = self.module;
        for handler in &module[parts.handlers] {
            let body = self.new_block();
            if self.catches_all(handler) {
                self.goto(body);
            } else {
                let next = self.new_block();
                if let Some(typ) = handler.typ {
                    self.expr(typ);
                }
                self.exit(Exit::Either(body, next));
                self.start(next);
            }
            let next = self.at;
            self.start(body);
            self.handler(handler);
            self.goto(end);
            self.at = next;
        }
        if module[parts.handlers]
            .iter()
            .all(|it| self.lets_os_errors_pass(it))
        {
            self.push(InstKind::PassedOn, module[parts.handlers][0].span);
        }
        self.exit(Exit::Raise);
        self.resume(end);
    }

    /// Whether a handler catches none, or only a few kinds, of `OSError`.
    fn lets_os_errors_pass(&self, handler: &Handler) -> bool {
        let Some(typ) = handler.typ else { return false };
        match self.kind(typ) {
            ExprKind::Tuple(types) => self.module[types].iter().all(|&it| self.is_other_error(it)),
            _ => self.is_other_error(typ),
        }
    }

    /// Whether an expression names an exception of the language that `OSError` is not derived from.
    fn is_other_error(&self, expr: ExprId) -> bool {
        match self.kind(expr) {
            ExprKind::Name { name, .. } | ExprKind::Attr { name, .. } => {
                OTHER_ERRORS.contains(&self.module.names.text(name))
            }
            _ => false,
        }
    }

    fn handler(&mut self, handler: &Handler) {
        if let Some(name) = handler.name {
            self.part(name, None, None);
        }
        self.block(handler.body);
        if let Some(var) = handler.name.and_then(|it| self.var(it)) {
            self.push(InstKind::Unbind(var), handler.span);
        }
    }

    /// Bare `except`, `except BaseException`, and for our purpose `except Exception`.
    fn catches_all(&self, handler: &Handler) -> bool {
        let Some(typ) = handler.typ else { return true };
        let is_all = |expr: ExprId| match self.kind(expr) {
            ExprKind::Name { name, .. } | ExprKind::Attr { name, .. } => {
                matches!(self.module.names.text(name), "Exception" | "BaseException")
            }
            _ => false,
        };
        match self.kind(typ) {
            ExprKind::Tuple(types) => self.module[types].iter().any(|&it| is_all(it)),
            _ => is_all(typ),
        }
    }

    fn with(&mut self, is_async: bool, items: &[WithItem], body: Block) {
        let mut open = Vec::new();
        for item in items {
            self.expr(item.context);
            let at = self.span(item.context);
            let manager = self.value(item.context);
            let var = item.target.and_then(|it| self.var(it));
            match manager {
                Some(manager) => self.push(
                    InstKind::Enter {
                        manager,
                        var,
                        is_async,
                    },
                    at,
                ),
                None => self.push(InstKind::MayRaise, at),
            }
            let outer = self.unwind;
            let landing = self.new_block();
            let kind = FrameKind::With {
                context: item.context,
                is_async,
            };
            self.push_frame(kind, outer);
            self.set_unwind(Some(landing));
            open.push((kind, outer, landing, self.swallows(item.context)));
            if let (None, Some(target)) = (var, item.target) {
                self.part(target, manager, None);
            }
        }
        self.block(body);
        while let Some((kind, outer, landing, swallows)) = open.pop() {
            self.frames.pop();
            self.set_unwind(outer);
            let end = self.at;
            self.start(landing);
            self.leave(kind);
            if let Some(all) = swallows {
                let after = self.new_block();
                if all {
                    self.goto(after);
                } else {
                    let raise = self.new_block();
                    self.exit(Exit::Either(raise, after));
                    self.start(raise);
                    self.exit(Exit::Raise);
                }
                self.at = end;
                self.leave(kind);
                self.goto(after);
                self.start(after);
            } else {
                self.exit(Exit::Raise);
                self.at = end;
                self.leave(kind);
            }
        }
    }

    /// Whether the manager is a call of something named like `suppress` or `raises`, which swallows exceptions: as a handler
    /// of its types would, all of them unless they are other errors than those of the operating system.
    fn swallows(&self, context: ExprId) -> Option<bool> {
        let ExprKind::Call { callee, args } = self.kind(context) else {
            return None;
        };
        let name = match self.kind(callee) {
            ExprKind::Name { name, .. } | ExprKind::Attr { name, .. } => {
                self.module.names.text(name)
            }
            _ => return None,
        };
        if name.contains("suppress") {
            let types = &self.module[args];
            return Some(!types.iter().all(|it| self.is_other_error(it.value)));
        }
        (name.contains("raises") || name.contains("Raises")).then_some(false)
    }

    fn match_stmt(&mut self, subject: ExprId, cases: List<Case>) {
        self.expr(subject);
        let value = self.value(subject);
        let end = self.new_block();
        let module = self.module;
        for case in &module[cases] {
            let next = self.new_block();
            let body = self.new_block();
            if case.guard.is_none() && self.is_irrefutable(case.pattern) {
                self.goto(body);
            } else {
                self.push(InstKind::MayRaise, module.pats[case.pattern].span);
                self.exit(Exit::Either(body, next));
            }
            self.start(body);
            self.pattern(case.pattern, value, true);
            if let Some(guard) = case.guard {
                let inside = self.new_block();
                self.cond(guard, inside, next);
                self.resume(inside);
            }
            self.block(case.body);
            self.goto(end);
            self.resume(next);
        }
        self.goto(end);
        self.resume(end);
    }

    fn is_irrefutable(&self, pattern: PatId) -> bool {
        match self.module.pats[pattern].kind {
            PatKind::Wildcard => true,
            PatKind::Capture { pattern, .. } => {
                // `_ as name` is the deepest form there is.
                pattern.is_none_or(|it| matches!(self.module.pats[it].kind, PatKind::Wildcard))
            }
            _ => false,
        }
    }

    /// Binds what a pattern captures.
    fn pattern(&mut self, pattern: PatId, value: Option<ValueId>, is_whole: bool) {
        self.nested(|cx| {
            let module = cx.module;
            let capture = |cx: &mut Self, name: ExprId| {
                if is_whole {
                    cx.bind(name, value);
                } else {
                    cx.part(name, value, None);
                }
            };
            match module.pats[pattern].kind {
                PatKind::Value(_) | PatKind::Wildcard | PatKind::Star(None) => {}
                PatKind::Capture { pattern, name } => {
                    capture(cx, name);
                    if let Some(pattern) = pattern {
                        cx.pattern(pattern, value, is_whole);
                    }
                }
                PatKind::Star(Some(name)) => cx.part(name, value, None),
                PatKind::Mapping { pats, rest, .. } => {
                    for &part in &module[pats] {
                        cx.pattern(part, value, false);
                    }
                    if let Some(rest) = rest {
                        cx.part(rest, value, None);
                    }
                }
                PatKind::Sequence(pats) | PatKind::Class { pats, .. } => {
                    for &part in &module[pats] {
                        cx.pattern(part, value, false);
                    }
                }
                PatKind::Or(pats) => {
                    for &part in &module[pats] {
                        cx.pattern(part, value, is_whole);
                    }
                }
            }
        });
    }

    fn function(&mut self, func: FuncId, at: Span) {
        let module = self.module;
        for &decorator in &module[module.funcs[func].decorators] {
            self.expr(decorator);
        }
        self.defaults(func);
        self.push(InstKind::Define(Idx::new(func.raw())), at);
    }

    /// Evaluates the defaults of a function's parameters.
    pub(super) fn defaults(&mut self, func: FuncId) {
        let module = self.module;
        for param in &module[module.funcs[func].params] {
            if let Some(default) = param.default {
                self.expr(default);
            }
        }
    }

    /// A class body runs where it stands.
    fn class(&mut self, class: tree::ClassId) {
        let module = self.module;
        let class = &module.classes[class];
        for &decorator in &module[class.decorators] {
            self.expr(decorator);
        }
        for arg in &module[class.args] {
            self.expr(arg.value);
        }
        self.block(class.body);
    }

    fn assert(&mut self, test: ExprId, message: Option<ExprId>, at: Span) {
        let (then, fails) = (self.new_block(), self.new_block());
        self.cond(test, then, fails);
        self.resume(fails);
        if let Some(message) = message {
            self.expr(message);
        }
        self.push(InstKind::Throw(None), at);
        self.exit(Exit::Raise);
        self.resume(then);
    }
}
