//! Programs that are too deep, too long or too wide for a careless reader, each about `n` steps large.

/// A program: its name, and its code, in which a leak follows the odd part where the grammar lets it.
pub struct Shape {
    pub name: &'static str,
    pub code: String,
}

/// Levels of blocks inside blocks: indentation makes the text grow with the square of it.
const BLOCKS: usize = 2_000;

/// What follows each shape; its place must be found.
pub const LEAK: &str = "\ndef last(path):\n    f = open(path)\n    return f.read()\n";

/// All shapes.
pub fn shapes(n: usize) -> Vec<Shape> {
    let mut all = brackets(n);
    all.extend(chains(n));
    all.extend(statements(n));
    all.extend(blocks(n));
    all.extend(wide(n));
    all.extend(programs(n));
    all
}

fn shape(name: &'static str, code: String) -> Shape {
    let code = code + LEAK;
    Shape { name, code }
}

fn nest(open: &str, inside: &str, close: &str, n: usize) -> String {
    format!("x = {}{inside}{}\n", open.repeat(n), close.repeat(n))
}

fn brackets(n: usize) -> Vec<Shape> {
    vec![
        shape("parentheses", nest("(", "y", ")", n)),
        shape("tuples", nest("(", "y", ",)", n)),
        shape("lists", nest("[", "y", "]", n)),
        shape("sets", nest("{", "y", "}", n)),
        shape("dicts", nest("{0: ", "y", "}", n)),
        shape("calls", nest("f(", "y", ")", n)),
        shape("keyword calls", nest("f(a=", "y", ")", n)),
        shape("subscripts", nest("a[", "y", "]", n)),
        shape("slices", nest("a[b:", "y", "]", n)),
        shape("comprehensions", nest("[z for z in ", "y", "]", n)),
        shape("elements", nest("[", "y", " for z in w]", n)),
        shape("generators", nest("f(z for z in ", "y", ")", n)),
        shape("mixed brackets", nest("([{f(a[", "y", "])}])", n / 5)),
        shape("open brackets", format!("x = {}", "[(".repeat(n / 2))),
        shape("closed brackets", format!("x = {}", ")]".repeat(n / 2))),
        shape(
            "targets",
            format!("{}y{} = z\n", "[".repeat(n), "]".repeat(n)),
        ),
        shape("starred", nest("[*", "y", "]", n)),
        shape("walrus", nest("(y := ", "z", ")", n)),
        shape("lambdas in calls", nest("f(lambda: ", "y", ")", n)),
        shape(
            "annotations",
            format!("x: {}int{}\n", "list[".repeat(n), "]".repeat(n)),
        ),
        shape(
            "f-string holes",
            format!(
                "x = {}y{}\n",
                "f'{f\"{".repeat(n.min(500) / 2),
                "}\"}'".repeat(n.min(500) / 2)
            ),
        ),
        shape(
            "f-string brackets",
            format!("x = f'{{{}y{}}}'\n", "(".repeat(n), ")".repeat(n)),
        ),
        shape("f-string formats", format!("x = f'{}'\n", "{y:".repeat(n))),
        shape(
            "class bases",
            format!("class A({}B{}): pass\n", "f(".repeat(n), ")".repeat(n)),
        ),
        shape(
            "patterns",
            format!(
                "match x:\n case {}y{}: pass\n",
                "[".repeat(n),
                "]".repeat(n)
            ),
        ),
        shape(
            "class patterns",
            format!(
                "match x:\n case {}y{}: pass\n",
                "A(".repeat(n),
                ")".repeat(n)
            ),
        ),
        shape(
            "type parameters",
            format!("def f[T: {}int{}](): pass\n", "(".repeat(n), ")".repeat(n)),
        ),
    ]
}

fn chains(n: usize) -> Vec<Shape> {
    let before = |word: &str, last: &str| format!("x = {}{last}\n", word.repeat(n));
    let joined = |by: &str| format!("x = {}\n", vec!["y"; n].join(by));
    vec![
        shape("not", before("not ", "y")),
        shape("minus", before("-", "y")),
        shape("invert", before("~", "1")),
        shape(
            "await",
            format!("async def f():\n x = {}y\n", "await ".repeat(n)),
        ),
        shape("lambda", before("lambda: ", "y")),
        shape("lambda parameters", before("lambda a, *b, c=1: ", "y")),
        shape("conditional", before("a if b else ", "y")),
        shape(
            "conditional tests",
            format!(
                "x = {}y{}\n",
                "a if (".repeat(n / 2),
                ") else b".repeat(n / 2)
            ),
        ),
        shape(
            "yield",
            format!("def f():\n x = {}y{}\n", "(yield ".repeat(n), ")".repeat(n)),
        ),
        shape("sum", joined(" + ")),
        shape(
            "mixed operators",
            format!("x = y{}\n", " + y * y - y << y | y".repeat(n / 5)),
        ),
        shape("power", joined(" ** ")),
        shape("and", joined(" and ")),
        shape("or", joined(" or ")),
        shape(
            "and not or",
            format!("x = y{}\n", " and not y or y".repeat(n / 2)),
        ),
        shape("comparison", joined(" < ")),
        shape("membership", joined(" not in ")),
        shape("attributes", format!("x = y{}\n", ".a".repeat(n))),
        shape("method calls", format!("x = y{}\n", ".a(b)".repeat(n))),
        shape("calls of calls", format!("x = y{}\n", "()".repeat(n))),
        shape("items of items", format!("x = y{}\n", "[0]".repeat(n))),
        shape(
            "stored attribute",
            format!("y{} = 1\n", ".a[0]".repeat(n / 2)),
        ),
        shape("strings", format!("x = {}\n", "'a' ".repeat(n))),
        shape("f-strings", format!("x = {}\n", "f'{a}' ".repeat(n))),
        shape("holes", format!("x = f'{}'\n", "{a}".repeat(n))),
        shape("braces", format!("x = f'{}'\n", "{{}}".repeat(n))),
        shape("union", format!("x: int{}\n", " | int".repeat(n))),
        shape(
            "or patterns",
            format!("match x:\n case 0{}: pass\n", " | 1".repeat(n)),
        ),
        shape(
            "dotted pattern",
            format!("match x:\n case a{}: pass\n", ".b".repeat(n)),
        ),
        shape("dotted import", format!("import a{}\n", ".b".repeat(n))),
        shape("dots", format!("from {} import b\n", ".".repeat(n))),
    ]
}

fn statements(n: usize) -> Vec<Shape> {
    let lines = |line: &str| line.repeat(n);
    vec![
        shape("elif", format!("if x: y\n{}", lines("elif x: y\n"))),
        shape(
            "returning elif",
            format!(
                "def f(x):\n if x: return 1\n{}",
                lines(" elif x: return 2\n")
            ),
        ),
        shape(
            "returning ifs",
            format!("def f(x):\n{}", lines(" if x: return open(x)\n")),
        ),
        shape("except", format!("try: x\n{}", lines("except A as e: y\n"))),
        shape("cases", format!("match x:\n{}", lines(" case [a, b]: y\n"))),
        shape("decorators", format!("{}def f(): pass\n", lines("@d(1)\n"))),
        shape("targets in a row", format!("{}1\n", "a = ".repeat(n))),
        shape("semicolons", lines("x = y;") + "\n"),
        shape("assignments", lines("x = y\n")),
        shape(
            "one list grows",
            format!("x = []\ndef f(a):\n{}", lines(" x.append(a)\n")),
        ),
        shape(
            "one file",
            format!("def f(p):\n f = open(p)\n{}", lines(" f.read()\n")),
        ),
        shape(
            "many files",
            format!("def f(p):\n{}", lines(" f = open(p)\n f.close()\n")),
        ),
        shape(
            "many lost files",
            format!("def f(p):\n{}", lines(" open(p).read()\n")),
        ),
        shape(
            "tries in a row",
            format!(
                "def f(p):\n f = open(p)\n{}",
                lines(" try: f.read()\n except OSError: pass\n")
            ),
        ),
        shape(
            "finallys in a row",
            format!(
                "def f(p):\n f = open(p)\n{}",
                lines(" try: f.read()\n finally: p()\n")
            ),
        ),
        shape(
            "withs in a row",
            format!("def f(p):\n{}", lines(" with open(p) as f: f.read()\n")),
        ),
        shape(
            "with items",
            format!("with {}a: pass\n", "a as b, ".repeat(n)),
        ),
        shape(
            "loops in a row",
            format!("def f(p):\n f = open(p)\n{}", lines(" for a in p: b(a)\n")),
        ),
        shape("deletes", format!("del {}x\n", "x, ".repeat(n))),
        shape(
            "globals",
            format!("def f():\n global {}x\n", "x, ".repeat(n)),
        ),
        shape("imports", lines("import a.b as c\n")),
        shape(
            "imported names",
            format!("from a import {}x\n", "x, ".repeat(n)),
        ),
        shape("comments", lines("# noqa: HL101\n")),
        shape(
            "comments in statements",
            lines("x = 1  # heaplint: ignore[HL101]\n"),
        ),
        shape("blank lines", lines("\n")),
        shape("continued lines", format!("x = 1{}\n", lines(" + \\\n 1"))),
    ]
}

/// Blocks inside blocks, `BLOCKS` or as many as CPython takes.
fn blocks(n: usize) -> Vec<Shape> {
    let nested = |head: &str, n: usize| {
        let mut code: String = (0..n)
            .map(|it| format!("{}{head}\n", " ".repeat(it)))
            .collect();
        code += &format!("{}pass\n", " ".repeat(n));
        code
    };
    let closed = |head: &str, tail: &str, n: usize| {
        let mut code = nested(head, n);
        for at in (0..n).rev() {
            code += &format!("{}{tail}\n", " ".repeat(at));
        }
        code
    };
    let deep = BLOCKS.min(n);
    vec![
        shape("ifs", nested("if x:", deep)),
        shape("whiles", nested("while x:", deep)),
        shape("fors", nested("for x in y:", deep)),
        shape("withs", nested("with open(x) as y:", deep)),
        shape("defs", nested("def f(x):", deep)),
        shape("classes", nested("class A:", deep)),
        shape("tries", closed("try:", "finally: x()", deep)),
        shape("handlers", closed("try:", "except A: x()", deep)),
        shape("else ifs", closed("if x:", "else: y", deep)),
        shape("99 ifs", nested("if x:", 99)),
        shape("99 withs", nested("with open(x) as y:", 99)),
        shape("99 fors", nested("for x in y:", 99)),
        shape("99 defs", nested("def f(x):", 99)),
        shape("99 closures", nested("def f(x, y=lambda: x):", 99)),
        shape("99 classes", nested("class A:", 99)),
        shape("99 tries", closed("try:", "finally: x()", 99)),
        shape("99 handlers", closed("try:", "except A: x()", 99)),
        shape(
            "opened in 99 tries",
            format!(
                "def f(p):\n f = open(p)\n{}",
                indent(&closed("try:", "finally: p()", 98))
            ),
        ),
        shape(
            "opened in 99 withs",
            format!(
                "def f(p):\n f = open(p)\n{}",
                indent(&nested("with p() as q:", 98))
            ),
        ),
        shape(
            "opened in 99 loops",
            format!(
                "def f(p):\n f = open(p)\n{}",
                indent(&closed("for x in f:", "else: x()", 98))
            ),
        ),
        shape("matches", nested_match(50)),
        shape("dedents", format!("{}x\n", closed("if x:", "y", deep))),
    ]
}

fn indent(code: &str) -> String {
    code.lines().map(|it| format!(" {it}\n")).collect()
}

fn nested_match(n: usize) -> String {
    let heads = (0..n).map(|it| {
        let (outer, inner) = (" ".repeat(2 * it), " ".repeat(2 * it + 1));
        format!("{outer}match x:\n{inner}case y:\n")
    });
    heads.collect::<String>() + &" ".repeat(2 * n) + "pass\n"
}

fn wide(n: usize) -> Vec<Shape> {
    let list = |item: &str| item.repeat(n);
    let numbered = |head: &str, tail: &str| -> String {
        (0..n).map(|it| format!("{head}{it}{tail}")).collect()
    };
    vec![
        shape("list", format!("x = [{}]\n", list("y, "))),
        shape("numbers", format!("x = [{}]\n", list("0, "))),
        shape("dict", format!("x = {{{}}}\n", numbered("", ": y, "))),
        shape("dict unpacking", format!("x = {{{}}}\n", list("**y, "))),
        shape("arguments", format!("f({})\n", list("y, "))),
        shape("keywords", format!("f({})\n", numbered("a", "=y, "))),
        shape("star arguments", format!("f({})\n", list("*y, "))),
        shape(
            "parameters",
            format!("def f({}): pass\n", numbered("a", "=1, ")),
        ),
        shape(
            "closure over all",
            format!(
                "def f({}):\n def g(): return ({})\n return g\n",
                numbered("a", ", "),
                numbered("a", ", ")
            ),
        ),
        shape("bases", format!("class A({}): pass\n", list("B, "))),
        shape(
            "type variables",
            format!("def f[{}](): pass\n", numbered("T", ", ")),
        ),
        shape("unpacked", format!("{} = x\n", list("y, "))),
        shape(
            "clauses",
            format!("x = [y{}]\n", " for y in z if y".repeat(n.min(2_000))),
        ),
        shape("functions", numbered("def f", "(x): return g(x)\n")),
        shape("functions of one name", list("def f(x): return f(x)\n")),
        shape(
            "methods",
            format!(
                "class A:\n{}",
                numbered(" def f", "(self): self.x = self.f0()\n")
            ),
        ),
        shape(
            "methods of one name",
            format!("class A:\n{}", list(" def f(self): self.x.append(self)\n")),
        ),
        shape("classes in a row", numbered("class A", ": x = []\n")),
        shape(
            "attributes of one class",
            format!(
                "class A:\n def __init__(self):\n{}",
                numbered("  self.a", " = open(x)\n")
            ),
        ),
        shape("names", numbered("a", " = []\n")),
        shape(
            "growing names",
            numbered("a", " = []\n") + "def f(x):\n" + &numbered(" a", ".append(x)\n"),
        ),
        shape("long name", format!("{} = 1\n", "a".repeat(n * 20))),
        shape("long string", format!("x = '{}'\n", "a".repeat(n * 20))),
        shape("long bytes", format!("x = b'''{}'''\n", "\\n\n".repeat(n))),
        shape("long comment", format!("x = 1 #{}\n", " noqa".repeat(n))),
        shape("long number", format!("x = {}\n", "9".repeat(n))),
        shape(
            "long float",
            format!("x = 0.{}e{}\n", "9".repeat(n), "9".repeat(n)),
        ),
        shape("long hex", format!("x = 0x{}\n", "f".repeat(n))),
        shape(
            "wide characters",
            format!("x = '{}'; {} = 1\n", "😀".repeat(n), "é".repeat(n)),
        ),
        shape(
            "combining characters",
            format!(
                "x = '{}'; a{} = 1\n",
                "e\u{301}".repeat(n),
                "\u{301}".repeat(n)
            ),
        ),
        shape("tabs", format!("x = 1{}+ 1\n", "\t".repeat(n))),
        shape("form feeds", format!("x = 1\n{}y = 1\n", "\u{c}".repeat(n))),
        shape("quotes", format!("x = {}\n", "''".repeat(n))),
        shape("open string", format!("x = '''{}", "\n".repeat(n))),
        shape("backslashes", format!("x = '{}'\n", "\\\\".repeat(n))),
        shape("one long line", list("f(x); ") + "\n"),
    ]
}

/// What link and the heap walk: calls, classes, imports, values that refer to each other.
fn programs(n: usize) -> Vec<Shape> {
    let n = n / 4;
    let each = |make: &dyn Fn(usize) -> String| -> String { (0..n).map(make).collect() };
    vec![
        shape(
            "derived classes",
            "class A0: x = []\n".to_owned()
                + &each(&|it| {
                    format!(
                        "class A{}(A{it}):\n def f(self, y): self.x.append(y)\n",
                        it + 1
                    )
                }),
        ),
        shape(
            "subclasses",
            "class A:\n x = []\n def f(self, y): self.x.append(y)\n".to_owned()
                + &each(&|it| format!("class A{it}(A): pass\n")),
        ),
        shape(
            "diamonds",
            "class A0: pass\n".to_owned()
                + &each(&|it| {
                    format!(
                        "class B{it}(A{it}): pass\nclass C{it}(A{it}): pass\nclass A{}(B{it}, C{it}): pass\n",
                        it + 1
                    )
                }),
        ),
        shape(
            "calls in a chain",
            each(&|it| format!("def f{it}(x): return f{}(x)\n", it + 1)),
        ),
        shape(
            "calls in a circle",
            each(&|it| {
                format!(
                    "def f{it}(x): f{}(x); return f{}(x)\n",
                    (it + 1) % n,
                    (it * 7 + 3) % n
                )
            }),
        ),
        shape(
            "values in a chain",
            "a0 = open(x)\n".to_owned() + &each(&|it| format!("a{} = a{it}\n", it + 1)),
        ),
        shape(
            "values in a circle",
            each(&|it| format!("a{it} = a{}\n", (it + 1) % n)),
        ),
        shape(
            "locals in a chain",
            "def f(x):\n a0 = open(x)\n".to_owned()
                + &each(&|it| format!(" a{} = a{it}\n", it + 1))
                + &format!(" return a{n}\n"),
        ),
        shape(
            "one name",
            "def f(x):\n".to_owned() + &each(&|it| format!(" y = g(y, {it})\n")) + " return y\n",
        ),
        shape(
            "callbacks",
            "import signal\n".to_owned()
                + &each(&|it| {
                    format!(
                        "class A{it}:\n def __init__(self, bus): bus.connect(self.on); self.f = open(bus)\n def on(self): S.append(self)\n"
                    )
                })
                + "S = []\n",
        ),
        shape(
            "closures",
            "def f(x):\n".to_owned()
                + &each(&|it| format!(" def g{it}(): return x, g{}\n", it / 2))
                + " return g0\n",
        ),
        shape(
            "cycles",
            "class N:\n def __del__(self): self.f.close()\n def __init__(self, p):\n".to_owned()
                + &each(&|it| format!("  self.a{it} = p; p.b{it} = self\n")),
        ),
        shape(
            "caches",
            "import functools\n".to_owned()
                + &each(&|it| {
                    format!(
                        "@functools.lru_cache(None)\ndef f{it}(x): return f{}(x)\n",
                        it / 2
                    )
                }),
        ),
        shape(
            "handlers in one function",
            "import logging\ndef f(x):\n".to_owned()
                + &each(&|_| {
                    " logging.getLogger(x).addHandler(logging.StreamHandler())\n".to_owned()
                }),
        ),
        shape(
            "star imports",
            each(&|it| format!("from m{it} import *\n")) + "x = y\n",
        ),
        shape(
            "effects through calls",
            "C = []\ndef f0(c, x): c.append(x)\n".to_owned()
                + &each(&|it| format!("def f{}(c, x): f{it}(c, x)\n", it + 1))
                + &format!("def h(x): f{n}(C, x)\n"),
        ),
    ]
}
