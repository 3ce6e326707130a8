//! One test for each construct of the grammar, against a print of the arenas: `(kind part …)`, lists in brackets.

use std::fmt::Debug;

use super::{Lowered, lower};
use crate::base::{Name, Span};
use crate::limits;
use crate::syntax::lists::Listed;
use crate::syntax::tree::{
    Arg, ArgKind, Block, ClassId, CompId, ExprId, ExprKind, FuncId, FuncKind, List, Module, PatId,
    PatKind, StmtId, StmtKind, TryId,
};

/// Expects `text` to be read without error and its statements to print as `expected`, one a line.
#[track_caller]
fn check(text: &str, expected: &str) {
    let lowered = lower(text);
    assert_eq!(lowered.errors, []);
    assert_eq!(body(&lowered), expected.trim());
}

/// Expects the messages, and the statements recovered.
#[track_caller]
fn check_broken(text: &str, messages: &[&str], expected: &str) {
    let lowered = lower(text);
    let found: Vec<&str> = lowered.errors.iter().map(|it| &*it.message).collect();
    assert_eq!(found, messages);
    assert_eq!(body(&lowered), expected.trim());
}

/// Expects the text of the spans of all expressions, in the arena's order.
#[track_caller]
fn check_spans(text: &str, expected: &[&str]) {
    let module = lower(text).module;
    let spans: Vec<&str> = module.exprs.iter().map(|it| at(text, it.span)).collect();
    assert_eq!(spans, expected);
}

fn at(text: &str, span: Span) -> &str {
    &text[span.start as usize..span.end as usize]
}

fn body(lowered: &Lowered) -> String {
    let print = Print(&lowered.module);
    let module = lowered.module.funcs.iter().next().expect("a module body");
    let lines: Vec<String> = lowered.module[module.body]
        .iter()
        .map(|&it| print.stmt(it))
        .collect();
    lines.join("\n")
}

struct Print<'a>(&'a Module);

impl Print<'_> {
    fn name(&self, name: Name) -> &str {
        self.0.names.text(name)
    }

    fn list<T: Listed + Copy>(&self, list: List<T>, print: impl Fn(&Self, T) -> String) -> String {
        let parts: Vec<String> = self.0[list].iter().map(|&it| print(self, it)).collect();
        format!("[{}]", parts.join(" "))
    }

    fn exprs(&self, list: List<ExprId>) -> String {
        self.list(list, Self::expr)
    }

    fn block(&self, block: Block) -> String {
        self.list(block, Self::stmt)
    }

    fn names(&self, list: List<Name>) -> String {
        self.list(list, |it, name| it.name(name).to_owned())
    }

    fn opt(&self, expr: Option<ExprId>) -> String {
        expr.map_or("-".to_owned(), |it| self.expr(it))
    }

    fn expr(&self, id: ExprId) -> String {
        match self.0.exprs[id].kind {
            ExprKind::Name { name, .. } => self.name(name).to_owned(),
            ExprKind::Attr { base, name } => format!("(. {} {})", self.expr(base), self.name(name)),
            ExprKind::Call { callee, args } => {
                format!("(call {} {})", self.expr(callee), self.args(args))
            }
            ExprKind::Subscript { base, index } => {
                format!("(at {} {})", self.expr(base), self.expr(index))
            }
            ExprKind::Slice { lo, hi, step } => {
                format!(
                    "(slice {} {} {})",
                    self.opt(lo),
                    self.opt(hi),
                    self.opt(step)
                )
            }
            ExprKind::Int(value) => value.to_string(),
            ExprKind::Float(_) => "float".to_owned(),
            ExprKind::Bool(value) => value.to_string(),
            ExprKind::None => "None".to_owned(),
            ExprKind::Ellipsis => "...".to_owned(),
            ExprKind::Str { len, text } => match text {
                Some(text) => format!("{len}{:?}", self.name(text)),
                None => format!("{len}str"),
            },
            ExprKind::Bytes { len } => format!("{len}bytes"),
            ExprKind::FString { holes } => format!("(f {})", self.exprs(holes)),
            ExprKind::List(it) => format!("(list {})", self.exprs(it)),
            ExprKind::Tuple(it) => format!("(tuple {})", self.exprs(it)),
            ExprKind::Set(it) => format!("(set {})", self.exprs(it)),
            ExprKind::Dict { keys, values } => {
                assert_eq!(keys.len(), values.len());
                format!(
                    "(dict {} {})",
                    self.list(keys, Self::opt),
                    self.exprs(values)
                )
            }
            ExprKind::Comp(it) => self.comp(it),
            ExprKind::Lambda(it) => self.func(it),
            ExprKind::Binary { op, left, right } => self.operation(op, &[left, right]),
            ExprKind::Unary { op, operand } => self.operation(op, &[operand]),
            ExprKind::Compare { op, left, right } => self.operation(op, &[left, right]),
            ExprKind::And(it) => format!("(and {})", self.exprs(it)),
            ExprKind::Or(it) => format!("(or {})", self.exprs(it)),
            ExprKind::IfElse { test, body, orelse } => {
                format!(
                    "(if {} {} {})",
                    self.expr(test),
                    self.expr(body),
                    self.expr(orelse)
                )
            }
            ExprKind::Await(it) => format!("(await {})", self.expr(it)),
            ExprKind::Yield(it) => format!("(yield {})", self.opt(it)),
            ExprKind::YieldFrom(it) => format!("(yield-from {})", self.expr(it)),
            ExprKind::Starred(it) => format!("(* {})", self.expr(it)),
            ExprKind::Walrus { target, value } => {
                format!("(:= {} {})", self.expr(target), self.expr(value))
            }
            ExprKind::Error => "error".to_owned(),
        }
    }

    fn operation(&self, op: impl Debug, operands: &[ExprId]) -> String {
        let operands: Vec<String> = operands.iter().map(|&it| self.expr(it)).collect();
        format!("({op:?} {})", operands.join(" "))
    }

    fn args(&self, args: List<Arg>) -> String {
        self.list(args, |it, arg| {
            let value = it.expr(arg.value);
            match arg.kind {
                ArgKind::Positional => value,
                ArgKind::Star => format!("*{value}"),
                ArgKind::Keyword(name) => format!("{}={value}", it.name(name)),
                ArgKind::DoubleStar => format!("**{value}"),
            }
        })
    }

    fn comp(&self, id: CompId) -> String {
        let comp = self.0.comps[id];
        let clauses = self.list(comp.clauses, |it, clause| {
            let word = if clause.is_async { "async-for" } else { "for" };
            let (target, iter) = (it.expr(clause.target), it.expr(clause.iter));
            format!("({word} {target} {iter} {})", it.exprs(clause.tests))
        });
        let (element, value) = (self.expr(comp.element), self.opt(comp.value));
        format!("(comp {:?} {element} {value} {clauses})", comp.kind)
    }

    fn func(&self, id: FuncId) -> String {
        let func = &self.0.funcs[id];
        let params = self.list(func.params, |it, param| {
            let (annotation, default) = (it.opt(param.annotation), it.opt(param.default));
            format!(
                "({:?} {} {annotation} {default})",
                param.kind,
                it.name(param.name)
            )
        });
        let word = match (func.kind, func.is_async) {
            (FuncKind::Lambda, _) => "lambda",
            (_, true) => "async-def",
            (_, false) => "def",
        };
        if func.kind == FuncKind::Lambda {
            let value = func.value.expect("a lambda has a value");
            return format!("({word} {params} {})", self.expr(value));
        }
        let (name, decorators) = (self.name(func.name), self.exprs(func.decorators));
        let (generics, returns) = (self.names(func.type_params), self.opt(func.returns));
        let body = self.block(func.body);
        format!("({word} {name} {decorators} {generics} {params} {returns} {body})")
    }

    fn class(&self, id: ClassId) -> String {
        let class = &self.0.classes[id];
        let (name, decorators) = (self.name(class.name), self.exprs(class.decorators));
        let (generics, args) = (self.names(class.type_params), self.args(class.args));
        let body = self.block(class.body);
        format!("(class {name} {decorators} {generics} {args} {body})")
    }

    fn try_stmt(&self, id: TryId) -> String {
        let parts = self.0.tries[id];
        let word = if parts.is_star { "try*" } else { "try" };
        let handlers = self.list(parts.handlers, |it, handler| {
            let (typ, name) = (it.opt(handler.typ), it.opt(handler.name));
            format!("(except {typ} {name} {})", it.block(handler.body))
        });
        let (body, orelse) = (self.block(parts.body), self.block(parts.orelse));
        format!(
            "({word} {body} {handlers} {orelse} {})",
            self.block(parts.finally)
        )
    }

    fn pat(&self, id: PatId) -> String {
        match self.0.pats[id].kind {
            PatKind::Value(it) => format!("(value {})", self.expr(it)),
            PatKind::Wildcard => "_".to_owned(),
            PatKind::Capture { pattern, name } => {
                let pattern = pattern.map_or("_".to_owned(), |it| self.pat(it));
                format!("(as {pattern} {})", self.expr(name))
            }
            PatKind::Sequence(it) => format!("(seq {})", self.list(it, Self::pat)),
            PatKind::Mapping { keys, pats, rest } => {
                let (keys, pats) = (self.exprs(keys), self.list(pats, Self::pat));
                format!("(map {keys} {pats} {})", self.opt(rest))
            }
            PatKind::Class { cls, pats } => {
                format!("(is {} {})", self.expr(cls), self.list(pats, Self::pat))
            }
            PatKind::Star(name) => format!("(* {})", self.opt(name)),
            PatKind::Or(it) => format!("(or {})", self.list(it, Self::pat)),
        }
    }

    fn stmt(&self, id: StmtId) -> String {
        match self.0.stmts[id].kind {
            StmtKind::Expr(it) => self.expr(it),
            StmtKind::Assign { targets, value } => {
                format!("(= {} {})", self.exprs(targets), self.expr(value))
            }
            StmtKind::AugAssign { op, target, value } => {
                format!("(op= {op:?} {} {})", self.expr(target), self.expr(value))
            }
            StmtKind::AnnAssign {
                target,
                annotation,
                value,
            } => {
                let (target, annotation) = (self.expr(target), self.expr(annotation));
                format!("(: {target} {annotation} {})", self.opt(value))
            }
            StmtKind::Return(it) => format!("(return {})", self.opt(it)),
            StmtKind::Raise { exc, cause } => {
                format!("(raise {} {})", self.opt(exc), self.opt(cause))
            }
            StmtKind::Delete(it) => format!("(del {})", self.exprs(it)),
            StmtKind::Pass => "pass".to_owned(),
            StmtKind::Break => "break".to_owned(),
            StmtKind::Continue => "continue".to_owned(),
            StmtKind::Global(it) => format!("(global {})", self.names(it)),
            StmtKind::Nonlocal(it) => format!("(nonlocal {})", self.names(it)),
            StmtKind::Import(it) => format!("(import {})", self.aliases(it)),
            StmtKind::ImportFrom {
                module,
                level,
                names,
            } => {
                let module = module.map_or("-", |it| self.name(it));
                format!("(from {level} {module} {})", self.aliases(names))
            }
            StmtKind::If { test, body, orelse } => {
                format!(
                    "(if {} {} {})",
                    self.expr(test),
                    self.block(body),
                    self.block(orelse)
                )
            }
            StmtKind::While { test, body, orelse } => {
                format!(
                    "(while {} {} {})",
                    self.expr(test),
                    self.block(body),
                    self.block(orelse)
                )
            }
            StmtKind::For {
                is_async,
                target,
                iter,
                body,
                orelse,
            } => {
                let word = if is_async { "async-for" } else { "for" };
                let (target, iter) = (self.expr(target), self.expr(iter));
                format!(
                    "({word} {target} {iter} {} {})",
                    self.block(body),
                    self.block(orelse)
                )
            }
            StmtKind::Try(it) => self.try_stmt(it),
            StmtKind::With {
                is_async,
                items,
                body,
            } => {
                let word = if is_async { "async-with" } else { "with" };
                let items = self.list(items, |it, item| {
                    format!("({} {})", it.expr(item.context), it.opt(item.target))
                });
                format!("({word} {items} {})", self.block(body))
            }
            StmtKind::Match { subject, cases } => {
                let cases = self.list(cases, |it, case| {
                    let (pattern, guard) = (it.pat(case.pattern), it.opt(case.guard));
                    format!("({pattern} {guard} {})", it.block(case.body))
                });
                format!("(match {} {cases})", self.expr(subject))
            }
            StmtKind::Function(it) => self.func(it),
            StmtKind::Class(it) => self.class(it),
            StmtKind::Assert { test, message } => {
                format!("(assert {} {})", self.expr(test), self.opt(message))
            }
            StmtKind::TypeAlias {
                name,
                type_params,
                value,
            } => {
                let (name, generics) = (self.expr(name), self.names(type_params));
                format!("(type {name} {generics} {})", self.expr(value))
            }
            StmtKind::Error => "error".to_owned(),
        }
    }

    fn aliases(&self, aliases: List<crate::syntax::tree::Alias>) -> String {
        self.list(aliases, |it, alias| match alias.asname {
            Some(asname) => format!("{}={}", it.name(asname), it.name(alias.name)),
            None => it.name(alias.name).to_owned(),
        })
    }
}

#[test]
fn literals() {
    check(
        "1; 0x10; 1_000; 0b11; 1.5; 2j; True; None; ...\n",
        "1\n16\n1000\n3\nfloat\nfloat\ntrue\nNone\n...",
    );
}

#[test]
fn integers_are_clamped() {
    check("9223372036854775807\n", "9223372036854775807");
    check("9223372036854775808\n", "9223372036854775807");
    check("123456789012345678901234567890\n", "9223372036854775807");
    check("0xffffffffffffffffffff\n", "9223372036854775807");
}

#[test]
fn strings() {
    check("0; 'é'\n", "0\n1\"é\"");
    check("0; 'a' \"b\" '''c'''\n", "0\n3\"abc\"");
    check(
        "0; r'\\n'; '\\n'; u'x'\n",
        "0\n2\"\\\\n\"\n1\"\\n\"\n1\"x\"",
    );
    check("0; b'ab' rb'\\n'\n", "0\n4bytes");
}

#[test]
fn the_text_of_strings_past_64_bytes_is_dropped() {
    check(
        &format!("0; '{}'\n", "a".repeat(64)),
        &format!("0\n64{:?}", "a".repeat(64)),
    );
    check(&format!("0; '{}'\n", "a".repeat(65)), "0\n65str");
    check(&format!("0; '{}'\n", "é".repeat(33)), "0\n33str");
    check(&format!("0; '{}' 'b'\n", "a".repeat(64)), "0\n65str");
}

#[test]
fn a_line_of_a_string_ends_in_one_character() {
    check("0; '''a\r\nb''' 'c'\r\n", "0\n4\"a\\nbc\"");
    check("0; '\\r\\n'\r\n", "0\n2\"\\r\\n\"");
    check("b'''a\r\nb'''\r\n", "3bytes");
}

#[test]
fn docstrings_are_dropped() {
    check("'doc'\n'kept'\n", "4\"kept\"");
    check("('doc' 'string')\n", "");
    check("b'kept'\n", "4bytes");
    check("f'kept'\n", "(f [])");
    check("def f():\n  'doc'\n", "(def f [] [] [] - [])");
    check("class A:\n  'doc'\n  x\n", "(class A [] [] [] [x])");
    check("if a:\n  'kept'\n", "(if a [4\"kept\"] [])");
}

#[test]
fn interpolated_strings() {
    check("f'a{b}c{d!r}'\n", "(f [b d])");
    check("f'{a=}'\n", "(f [a])");
    check("f'{a:{b}.{c:{d}}}' 'x' f'{e}'\n", "(f [a b c d e])");
    check("f'{f\"{a}\"}'\n", "(f [(f [a])])");
    check("t'{a!r:{b}}c{d:x}' t'{e}'\n", "(tuple [a (f [b]) d e])");
}

#[test]
fn displays() {
    check("[]; [a, *b]\n", "(list [])\n(list [a (* b)])");
    check("(); a, b; (a,)\n", "(tuple [])\n(tuple [a b])\n(tuple [a])");
    check("{a, *b}\n", "(set [a (* b)])");
    check("{}; {a: b, **c}\n", "(dict [] [])\n(dict [a -] [b c])");
    check("{a: {b: c}, d: e}\n", "(dict [a d] [(dict [b] [c]) e])");
}

#[test]
fn comprehensions() {
    check(
        "[a for b in c if d if e]\n",
        "(comp List a - [(for b c [d e])])",
    );
    check(
        "{a for b in c for d in e}\n",
        "(comp Set a - [(for b c []) (for d e [])])",
    );
    check("{a: b for c in d}\n", "(comp Dict a b [(for c d [])])");
    check(
        "(a async for b in c)\n",
        "(comp Generator a - [(async-for b c [])])",
    );
    check(
        "f(a for b in c)\n",
        "(call f [(comp Generator a - [(for b c [])])])",
    );
    check("{**a for a in b}\n", "(comp Dict a - [(for a b [])])");
    check("[*a for a in b]\n", "(comp List (* a) - [(for a b [])])");
}

#[test]
fn chains() {
    check("a.b[c](d).e\n", "(. (call (at (. a b) c) [d]) e)");
    check(
        "a[b:c, ::d]\n",
        "(at a (tuple [(slice b c -) (slice - - d)]))",
    );
    check("a[*b]\n", "(at a (tuple [(* b)]))");
    check("f(a, *b, c=d, *e, **g)\n", "(call f [a *b c=d *e **g])");
}

#[test]
fn operators() {
    check("a + b * c - d\n", "(Sub (Add a (Mul b c)) d)");
    check(
        "a @ b / c // d % e\n",
        "(Mod (FloorDiv (Div (MatMul a b) c) d) e)",
    );
    check("a ** b ** c\n", "(Pow a (Pow b c))");
    check(
        "a << b >> c | d ^ e & g\n",
        "(BitOr (RShift (LShift a b) c) (BitXor d (BitAnd e g)))",
    );
    check(
        "-a; +a; ~a; not a\n",
        "(Neg a)\n(Pos a)\n(Invert a)\n(Not a)",
    );
    check("a and b and c or d\n", "(or [(and [a b c]) d])");
    check("a if b else c\n", "(if b a c)");
    check("(a := b)\n", "(:= a b)");
}

#[test]
fn comparisons() {
    check(
        "a == b; a != b; a < b; a <= b\n",
        "(Eq a b)\n(NotEq a b)\n(Lt a b)\n(LtE a b)",
    );
    check(
        "a > b; a >= b; a is b; a is not b\n",
        "(Gt a b)\n(GtE a b)\n(Is a b)\n(IsNot a b)",
    );
    check("a in b; a not in b\n", "(In a b)\n(NotIn a b)");
    check("a < b < c\n", "(and [(Lt a b) (Lt b c)])");
}

#[test]
fn the_links_of_a_comparison_share_an_operand() {
    check_spans(
        "(a) < f(b) < c\n",
        &[
            "a",
            "f",
            "b",
            "f(b)",
            "a) < f(b)",
            "c",
            "f(b) < c",
            "(a) < f(b) < c",
        ],
    );
}

#[test]
fn lambdas() {
    check("lambda: 0\n", "(lambda [] 0)");
    check(
        "lambda a, /, b=c, *d, e, **g: (yield)\n",
        "(lambda [(PositionalOnly a - -) (Ordinary b - c) (VarArgs d - -) (KeywordOnly e - -) (KwArgs g - -)] (yield -))",
    );
}

#[test]
fn functions() {
    check(
        "@d\n@e(1)\nasync def f[T: int, *Ts, **P](a: A, /, b: B = 1, *c: C, d=2, **e: E) -> R:\n  await x\n",
        "(async-def f [d (call e [1])] [T Ts P] [(PositionalOnly a A -) (Ordinary b B 1) (VarArgs c C -) \
         (KeywordOnly d - 2) (KwArgs e E -)] R [(await x)])",
    );
    check(
        "def f():\n  yield a\n  yield from b\n",
        "(def f [] [] [] - [(yield a) (yield-from b)])",
    );
    check(
        "def f():\n  def g(): yield\n",
        "(def f [] [] [] - [(def g [] [] [] - [(yield -)])])",
    );
    check(
        "def f(a=lambda: (yield)): pass\n",
        "(def f [] [] [(Ordinary a - (lambda [] (yield -)))] - [pass])",
    );
}

#[test]
fn classes() {
    check("class A: pass\n", "(class A [] [] [] [pass])");
    check(
        "@d\nclass A[T](B, *C, k=D, **E):\n  x = 1\n",
        "(class A [d] [T] [B *C k=D **E] [(= [x] 1)])",
    );
}

#[test]
fn assignments() {
    check("a = b, *c = d\n", "(= [a (tuple [b (* c)])] d)");
    check(
        "a += b; a //= b; a @= b\n",
        "(op= Add a b)\n(op= FloorDiv a b)\n(op= MatMul a b)",
    );
    check("a: b\na.x: b = c\n", "(: a b -)\n(: (. a x) b c)");
    check("del a, b[c]\n", "(del [a (at b c)])");
    check("type A[T] = list[T]\n", "(type A [T] (at list T))");
}

#[test]
fn simple_statements() {
    check("pass\n", "pass");
    check(
        "def f(): return\ndef g(): return 1\n",
        "(def f [] [] [] - [(return -)])\n(def g [] [] [] - [(return 1)])",
    );
    check(
        "raise\nraise a\nraise a from b\n",
        "(raise - -)\n(raise a -)\n(raise a b)",
    );
    check("assert a\nassert a, b\n", "(assert a -)\n(assert a b)");
    check(
        "def f():\n  global a, b\n  nonlocal c\n",
        "(def f [] [] [] - [(global [a b]) (nonlocal [c])])",
    );
}

#[test]
fn imports() {
    check("import a.b, c as d\n", "(import [a.b d=c])");
    check("from ..a.b import c as d, e\n", "(from 2 a.b [d=c e])");
    check(
        "from . import a\nfrom a import *\n",
        "(from 1 - [a])\n(from 0 a [*])",
    );
    check(
        "lazy import a\nlazy from b import c\n",
        "(import [a])\n(from 0 b [c])",
    );
}

#[test]
fn elif_is_an_if_inside_else() {
    let text = "if a:\n  1\nelif b:\n  2\nelif c:\n  3\nelse:\n  4\n";
    check(text, "(if a [1] [(if b [2] [(if c [3] [4])])])");
    let module = lower(text).module;
    let ladder: Vec<&str> = module
        .stmts
        .iter()
        .filter(|it| matches!(it.kind, StmtKind::If { .. }))
        .map(|it| at(text, it.span))
        .collect();
    assert_eq!(
        ladder,
        [
            "elif c:\n  3\nelse:\n  4",
            "elif b:\n  2\nelif c:\n  3\nelse:\n  4",
            text.trim_end(),
        ]
    );
}

#[test]
fn loops() {
    check("while a:\n  break\nelse:\n  b\n", "(while a [break] [b])");
    check(
        "for a, b in c:\n  continue\nelse:\n  d\n",
        "(for (tuple [a b]) c [continue] [d])",
    );
    check("async for a in b: c\n", "(async-for a b [c] [])");
}

#[test]
fn with_statements() {
    check("with a as b, c: d\n", "(with [(a b) (c -)] [d])");
    check("with (a as b, c as d,): e\n", "(with [(a b) (c d)] [e])");
    check("async with a: b\n", "(async-with [(a -)] [b])");
}

#[test]
fn try_statements() {
    check(
        "try: a\nexcept B as c: d\nexcept (E, F): pass\nexcept: g\nelse: h\nfinally: i\n",
        "(try [a] [(except B c [d]) (except (tuple [E F]) - [pass]) (except - - [g])] [h] [i])",
    );
    check(
        "try: a\nexcept* B: c\n",
        "(try* [a] [(except B - [c])] [] [])",
    );
    check(
        "try: a\nexcept B, C: d\n",
        "(try [a] [(except (tuple [B C]) - [d])] [] [])",
    );
}

#[test]
fn patterns() {
    let cases = [
        ("1", "(value 1)"),
        ("-1", "(value (Neg 1))"),
        ("1 + 2j", "(value (Add 1 float))"),
        ("'a' 'b'", "(value 2\"ab\")"),
        ("None", "(value None)"),
        ("True | False", "(or [(value true) (value false)])"),
        ("a.b", "(value (. a b))"),
        ("_", "_"),
        ("a", "(as _ a)"),
        ("[1, _] as b", "(as (seq [(value 1) _]) b)"),
        ("a, *_", "(seq [(as _ a) (* -)])"),
        ("[*a]", "(seq [(* a)])"),
        ("(a)", "(as _ a)"),
        ("{}", "(map [] [] -)"),
        (
            "{'k': a, b.c: 2, **d}",
            "(map [1\"k\" (. b c)] [(as _ a) (value 2)] d)",
        ),
        ("A.B(a, c=1)", "(is (. A B) [(as _ a) (value 1)])"),
    ];
    for (pattern, expected) in cases {
        check(
            &format!("match x:\n  case {pattern} if y: z\n"),
            &format!("(match x [({expected} y [z])])"),
        );
    }
}

#[test]
fn spans_leave_parentheses_out() {
    check_spans("((a) + (b))\n", &["a", "b", "(a) + (b)"]);
    check_spans("(a, b)\n", &["a", "b", "(a, b)"]);
    check_spans("a, (b)\n", &["a", "b", "a, (b)"]);
    check_spans("f((a))\n", &["f", "a", "f((a))"]);
}

#[test]
fn names_that_the_parser_keeps_as_identifiers_have_spans() {
    check_spans("try: pass\nexcept A as b: pass\n", &["A", "b"]);
    check_spans(
        "match a:\n  case [*b, c] | {**d}: pass\n",
        &["a", "b", "c", "d"],
    );
    check_spans("match a:\n  case None as b: pass\n", &["a", "None", "b"]);
}

#[test]
fn definitions_start_at_their_keyword() {
    let text =
        "@a  # def\n\n# class\n@(\n b)\\\n\n\x0c  \nclass C:\n  @c\n  async def f(x): pass\n";
    let module = lower(text).module;
    let spans: Vec<&str> = module.stmts.iter().map(|it| at(text, it.span)).collect();
    assert_eq!(
        spans,
        [
            "pass",
            "async def f(x): pass",
            "class C:\n  @c\n  async def f(x): pass",
        ]
    );
    let func = module.funcs.iter().nth(1).expect("f");
    assert_eq!(at(text, func.span), "async def f(x): pass");
    assert_eq!(at(text, func.name_span), "f");
    let class = module.classes.iter().next().expect("C");
    assert_eq!(at(text, class.name_span), "C");
    assert_eq!(at(text, module.params[0].span), "x");
}

#[test]
fn a_lambdas_name_is_its_keyword() {
    let text = "f = lambda x: x\n";
    let module = lower(text).module;
    let func = module.funcs.iter().nth(1).expect("the lambda");
    assert_eq!(at(text, func.name_span), "lambda");
    assert_eq!(at(text, func.span), "lambda x: x");
}

#[test]
fn pragmas() {
    let text = "a  # NoQA: E1\n'# noqa'\n# Heaplint: ignore\r\n# heaplint\n#noqa";
    let module = lower(text).module;
    let pragmas: Vec<&str> = module.pragmas.iter().map(|it| &*it.text).collect();
    assert_eq!(pragmas, ["# NoQA: E1", "# Heaplint: ignore", "#noqa"]);
    for pragma in &module.pragmas {
        assert_eq!(at(text, pragma.span), &*pragma.text);
    }
}

#[test]
fn what_is_broken_is_recovered() {
    check_broken("a = \nb\n", &["expected an expression"], "(= [a] error)\nb");
    check_broken("a.\nb\n", &["expected an identifier"], "a\nb");
    check_broken(
        "f(a, \nb\n",
        &["unexpected EOF while parsing"],
        "(call f [a b])",
    );
    check_broken("1 = a\n", &["invalid assignment target"], "(= [1] a)");
    check_broken("%magic\n", &["expected a statement"], "magic");
    check_broken(
        "def f(a:\n  b\n)\nc\n",
        &[
            "expected `:`, found newline",
            "expected an indented block after function definition",
        ],
        "(def f [] [] [(Ordinary a b -)] - [])\nc",
    );
}

#[test]
fn chains_and_ladders_may_be_long() {
    const LONG: usize = 50_000;
    let sum = format!("x = 0{}\n", " + 1".repeat(LONG));
    let calls = format!("x{}\n", ".f()".repeat(LONG));
    let ladder = format!("if a: b\n{}", "elif c: d\n".repeat(LONG));
    for text in [sum, calls, ladder] {
        let lowered = lower(&text);
        assert_eq!(lowered.errors, []);
        assert!(lowered.module.exprs.len() > LONG);
    }
}

#[test]
fn what_is_nested_too_deeply_is_an_error() {
    let deep = 20_000;
    let texts = [
        format!("x = {}{}\ny\n", "[".repeat(deep), "]".repeat(deep)),
        format!("x = {}0\ny\n", "not ".repeat(deep)),
        format!("x = {}0{}\ny\n", "f(".repeat(deep), ")".repeat(deep)),
        format!(
            "match x:\n  case {}0{}: pass\ny\n",
            "[".repeat(deep),
            "]".repeat(deep)
        ),
    ];
    on_a_workers_stack(|| {
        for text in &texts {
            let lowered = lower(text);
            let messages: Vec<&str> = lowered.errors.iter().map(|it| &*it.message).collect();
            assert_eq!(messages, ["nested too deeply"]);
            assert!(body(&lowered).ends_with("\ny"));
        }
    });
}

fn on_a_workers_stack(check: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(limits::STACK_SIZE);
        let worker = thread.spawn_scoped(scope, check).expect("a thread");
        worker.join().expect("no panic");
    });
}

#[test]
fn parentheses_are_no_nesting() {
    let deep = 20_000;
    check(&format!("{}a{}\n", "(".repeat(deep), ")".repeat(deep)), "a");
}
