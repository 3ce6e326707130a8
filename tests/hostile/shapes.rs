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
    let written = WRITTEN
        .iter()
        .map(|&(name, form)| shape(name, expand(form, n)));
    let programs = PROGRAMS
        .iter()
        .map(|&(name, form)| shape(name, expand(form, n / 4)));
    written.chain(programs).chain(blocks(n)).collect()
}

fn shape(name: &'static str, code: String) -> Shape {
    let code = format!("{code}\n{LEAK}");
    Shape { name, code }
}

/// What stands in `‹›` comes `n` times: in it `№` is the number of each, `№+` the next, `½` half of it.
fn expand(form: &str, n: usize) -> String {
    let mut code = String::new();
    let mut parts = form.split(['‹', '›']);
    while let Some(once) = parts.next() {
        code += &once.replace('№', &n.to_string());
        let Some(often) = parts.next() else { break };
        for at in 0..n {
            code += &often
                .replace("№+", &(at + 1).to_string())
                .replace("№½", &(at / 2).to_string())
                .replace("№7", &((at * 7 + 3) % n).to_string())
                .replace('№', &at.to_string());
        }
    }
    code
}

const WRITTEN: &[(&str, &str)] = &[
    // Brackets.
    ("parentheses", "x = ‹(›y‹)›"),
    ("tuples", "x = ‹(›y‹,)›"),
    ("lists", "x = ‹[›y‹]›"),
    ("sets", "x = ‹{›y‹}›"),
    ("dicts", "x = ‹{0: ›y‹}›"),
    ("calls", "x = ‹f(›y‹)›"),
    ("keyword calls", "x = ‹f(a=›y‹)›"),
    ("subscripts", "x = ‹a[›y‹]›"),
    ("slices", "x = ‹a[b:›y‹]›"),
    ("comprehensions", "x = ‹[z for z in ›y‹]›"),
    ("elements", "x = ‹[›y‹ for z in w]›"),
    ("generators", "x = ‹f(z for z in ›y‹)›"),
    ("mixed brackets", "x = ‹([{f(a[›y‹])}])›"),
    ("open brackets", "x = ‹[(›"),
    ("closed brackets", "x = ‹)]›"),
    ("targets", "‹[›y‹]› = z"),
    ("starred", "x = ‹[*›y‹]›"),
    ("walrus", "x = ‹(y := ›z‹)›"),
    ("lambdas in calls", "x = ‹f(lambda: ›y‹)›"),
    ("annotations", "x: ‹list[›int‹]›"),
    ("with parentheses", "with ‹(›x‹)›: pass"),
    ("with parentheses and names", "with ‹(›x as y‹)›: pass"),
    ("match parentheses", "match ‹(›x‹)›:\n case y: pass"),
    ("called match", "‹match(›x‹)›"),
    ("for targets", "for ‹(›x‹)› in y: pass"),
    ("deleted parentheses", "del ‹(›x‹)›"),
    ("f-string holes", "x = ‹f'{f\"{›y‹}\"}'›"),
    ("f-string brackets", "x = f'{‹(›y‹)›}'"),
    ("f-string formats", "x = f'‹{y:›'"),
    ("closed f-string formats", "x = f'‹{y:›z‹}›'"),
    ("f-string formats of many lines", "x = f'''‹{y:›z‹}›'''"),
    ("lambdas in f-strings", "x = ‹f'{(lambda: ›y‹)}'›"),
    ("class bases", "class A(‹f(›B‹)›): pass"),
    ("patterns", "match x:\n case ‹[›y‹]›: pass"),
    ("class patterns", "match x:\n case ‹A(›y‹)›: pass"),
    ("type parameters", "def f[T: ‹(›int‹)›](): pass"),
    // Chains.
    ("not", "x = ‹not ›y"),
    ("minus", "x = ‹-›y"),
    ("invert", "x = ‹~›1"),
    ("await", "async def f():\n x = ‹await ›y"),
    ("lambda", "x = ‹lambda: ›y"),
    ("lambda parameters", "x = ‹lambda a, *b, c=1: ›y"),
    ("conditional", "x = ‹a if b else ›y"),
    ("conditional tests", "x = ‹a if (›y‹) else b›"),
    ("yield", "def f():\n x = ‹(yield ›y‹)›"),
    ("sum", "x = ‹y + ›y"),
    ("mixed operators", "x = y‹ + y * y - y << y | y›"),
    ("power", "x = ‹y ** ›y"),
    ("and", "x = ‹y and ›y"),
    ("or", "x = ‹y or ›y"),
    ("and not or", "x = y‹ and not y or y›"),
    ("comparison", "x = ‹y < ›y"),
    ("membership", "x = ‹y not in ›y"),
    ("attributes", "x = y‹.a›"),
    ("method calls", "x = y‹.a(b)›"),
    ("method calls with functions", "x = y‹.a(lambda z: z.b(y))›"),
    ("method calls on many lines", "x = (y‹\n  .a(b, c=d)›)"),
    ("calls of calls", "x = y‹()›"),
    ("calls and items", "x = y‹.a(b)[c](d)›"),
    ("items of items", "x = y‹[0]›"),
    ("stored attribute", "y‹.a[0]› = 1"),
    ("strings", "x = ‹'a' ›"),
    ("f-strings", "x = ‹f'{a}' ›"),
    ("holes", "x = f'‹{a}›'"),
    ("formats", "x = f'‹{a:{b}.{c}}›'"),
    ("braces", "x = f'‹{{}}›'"),
    ("union", "x: int‹ | int›"),
    ("or patterns", "match x:\n case 0‹ | 1›: pass"),
    ("dotted pattern", "match x:\n case a‹.b›: pass"),
    ("dotted import", "import a‹.b›"),
    ("dots", "from ‹.› import b"),
    // Statements.
    ("elif", "if x: y\n‹elif x: y\n›"),
    (
        "returning elif",
        "def f(x):\n if x: return 1\n‹ elif x: return 2\n›",
    ),
    ("returning ifs", "def f(x):\n‹ if x: return open(x)\n›"),
    ("except", "try: x\n‹except A as e: y\n›"),
    ("cases", "match x:\n‹ case [a, b]: y\n›"),
    ("decorators", "‹@d(1)\n›def f(): pass"),
    ("targets in a row", "‹a = ›1"),
    ("semicolons", "‹x = y;›"),
    ("assignments", "‹x = y\n›"),
    ("one list grows", "x = []\ndef f(a):\n‹ x.append(a)\n›"),
    ("one file", "def f(p):\n f = open(p)\n‹ f.read()\n›"),
    ("many files", "def f(p):\n‹ f = open(p)\n f.close()\n›"),
    ("many lost files", "def f(p):\n‹ open(p).read()\n›"),
    (
        "tries in a row",
        "def f(p):\n f = open(p)\n‹ try: f.read()\n except OSError: pass\n›",
    ),
    (
        "finallys in a row",
        "def f(p):\n f = open(p)\n‹ try: f.read()\n finally: p()\n›",
    ),
    (
        "withs in a row",
        "def f(p):\n‹ with open(p) as f: f.read()\n›",
    ),
    ("with items", "with ‹a as b, ›a: pass"),
    (
        "loops in a row",
        "def f(p):\n f = open(p)\n‹ for a in p: b(a)\n›",
    ),
    ("deletes", "del ‹x, ›x"),
    ("globals", "def f():\n global ‹x, ›x"),
    ("imports", "‹import a.b as c\n›"),
    ("imported names", "from a import ‹x, ›x"),
    ("comments", "‹# noqa: HL101\n›"),
    (
        "comments in statements",
        "‹x = 1  # heaplint: ignore[HL101]\n›",
    ),
    ("blank lines", "‹\n›"),
    ("continued lines", "x = 1‹ + \\\n 1›"),
    // Wide things.
    ("list", "x = [‹y, ›]"),
    ("numbers", "x = [‹0, ›]"),
    ("dict", "x = {‹№: y, ›}"),
    ("dict unpacking", "x = {‹**y, ›}"),
    ("arguments", "f(‹y, ›)"),
    ("keywords", "f(‹a№=y, ›)"),
    ("star arguments", "f(‹*y, ›)"),
    ("parameters", "def f(‹a№=1, ›): pass"),
    (
        "closure over all",
        "def f(‹a№, ›):\n def g(): return (‹a№, ›)\n return g",
    ),
    ("bases", "class A(‹B, ›): pass"),
    ("type variables", "def f[‹T№, ›](): pass"),
    ("unpacked", "‹y, › = x"),
    ("clauses", "x = [y‹ for y in z if y›]"),
    ("functions", "‹def f№(x): return g(x)\n›"),
    ("functions of one name", "‹def f(x): return f(x)\n›"),
    ("methods", "class A:\n‹ def f№(self): self.x = self.f0()\n›"),
    (
        "methods that call the next",
        "class A:\n‹ def f№(self, y): return self.f№+(y)\n›",
    ),
    (
        "methods that grow one list",
        "class A:\n x = []\n‹ def f№(self, y): self.x.append(y)\n›",
    ),
    (
        "methods with lists of their own",
        "class A:\n‹ def f№(self, y): self.a№ = []; self.a№7.append(y)\n›",
    ),
    (
        "methods with files",
        "class A:\n‹ def f№(self, y): self.f = open(y)\n›",
    ),
    (
        "properties",
        "class A:\n‹ @property\n def f№(self): return self.f№½\n›",
    ),
    (
        "overloaded methods",
        "class B:\n‹ def f№(self): pass\n›class A(B):\n‹ def f№(self): return super().f№()\n›",
    ),
    (
        "methods of one name",
        "class A:\n‹ def f(self): self.x.append(self)\n›",
    ),
    ("classes in a row", "‹class A№: x = []\n›"),
    (
        "attributes of one class",
        "class A:\n def __init__(self):\n‹  self.a№ = open(x)\n›",
    ),
    ("names", "‹a№ = []\n›"),
    ("growing names", "‹a№ = []\n›def f(x):\n‹ a№.append(x)\n›"),
    ("long name", "‹aaaaaaaaaaaaaaaaaaaa› = 1"),
    ("long string", "x = '‹aaaaaaaaaaaaaaaaaaaa›'"),
    ("long bytes", "x = b'''‹\\n\n›'''"),
    ("long comment", "x = 1 #‹ noqa›"),
    ("long number", "x = ‹9›"),
    ("long float", "x = 0.‹9›e‹9›"),
    ("long hex", "x = 0x‹f›"),
    ("wide characters", "x = '‹😀›'; ‹é› = 1"),
    ("combining characters", "x = '‹e\u{301}›'; a‹\u{301}› = 1"),
    ("tabs", "x = 1‹\t›+ 1"),
    ("form feeds", "x = 1\n‹\u{c}›y = 1"),
    ("quotes", "x = ‹''›"),
    ("open string", "x = '''‹\n›"),
    ("backslashes", "x = '‹\\\\›'"),
    ("one long line", "‹f(x); ›"),
];

/// What link and the heap walk: calls, classes, imports, values that refer to each other.
const PROGRAMS: &[(&str, &str)] = &[
    (
        "derived classes",
        "class A0: x = []\n‹class A№+(A№):\n def f(self, y): self.x.append(y)\n›",
    ),
    (
        "subclasses",
        "class A:\n x = []\n def f(self, y): self.x.append(y)\n‹class A№(A): pass\n›",
    ),
    (
        "diamonds",
        "class A0: pass\n‹class B№(A№): pass\nclass C№(A№): pass\nclass A№+(B№, C№): pass\n›",
    ),
    ("calls in a chain", "‹def f№(x): return f№+(x)\n›"),
    (
        "calls in a circle",
        "‹def f№(x): f№+(x); return f№7(x)\n›def f№(x): return f0(x)",
    ),
    ("values in a chain", "a0 = open(x)\n‹a№+ = a№\n›"),
    ("values in a circle", "‹a№ = a№+\n›a№ = a0"),
    (
        "locals in a chain",
        "def f(x):\n a0 = open(x)\n‹ a№+ = a№\n› return a№",
    ),
    ("one name", "def f(x):\n‹ y = g(y, №)\n› return y"),
    (
        "callbacks",
        "import signal\n‹class A№:\n def __init__(self, bus): bus.connect(self.on); self.f = open(bus)\n \
         def on(self): S.append(self)\n›S = []",
    ),
    (
        "closures",
        "def f(x):\n‹ def g№(): return x, g№½\n› return g0",
    ),
    (
        "cycles",
        "class N:\n def __del__(self): self.f.close()\n def __init__(self, p):\n‹  self.a№ = p; p.b№ = self\n›",
    ),
    (
        "caches",
        "import functools\n‹@functools.lru_cache(None)\ndef f№(x): return f№½(x)\n›",
    ),
    (
        "handlers in one function",
        "import logging\ndef f(x):\n‹ logging.getLogger(x).addHandler(logging.StreamHandler())\n›",
    ),
    ("star imports", "‹from m№ import *\n›x = y"),
    (
        "effects through calls",
        "C = []\ndef f0(c, x): c.append(x)\n‹def f№+(c, x): f№(c, x)\n›def h(x): f№(C, x)",
    ),
];

/// Blocks inside blocks: `n` of them, or as many as CPython takes.
fn blocks(n: usize) -> Vec<Shape> {
    let deep = BLOCKS.min(n);
    let heads: &[(&str, usize, &str, &str)] = &[
        ("ifs", deep, "if x:", ""),
        ("whiles", deep, "while x:", ""),
        ("fors", deep, "for x in y:", ""),
        ("withs", deep, "with open(x) as y:", ""),
        ("defs", deep, "def f(x):", ""),
        ("classes", deep, "class A:", ""),
        ("tries", deep, "try:", "finally: x()"),
        ("handlers", deep, "try:", "except A: x()"),
        ("else ifs", deep, "if x:", "else: y"),
        ("dedents", deep, "if x:", "y"),
        ("99 ifs", 99, "if x:", ""),
        ("99 withs", 99, "with open(x) as y:", ""),
        ("99 fors", 99, "for x in y:", ""),
        ("99 defs", 99, "def f(x):", ""),
        ("99 closures", 99, "def f(x, y=lambda: x):", ""),
        ("99 classes", 99, "class A:", ""),
        ("99 tries", 99, "try:", "finally: x()"),
        ("99 handlers", 99, "try:", "except A: x()"),
        ("49 matches", 49, "match x:\n case y:", ""),
    ];
    let in_function: &[(&str, &str, &str)] = &[
        ("opened in 98 tries", "try:", "finally: p()"),
        ("opened in 98 withs", "with p() as q:", ""),
        ("opened in 98 loops", "for x in f:", "else: x()"),
    ];
    let plain = heads
        .iter()
        .map(|&(name, levels, head, tail)| shape(name, nested(0, levels, head, tail)));
    let opened = in_function.iter().map(|&(name, head, tail)| {
        let code = nested(1, 98, head, tail);
        shape(name, format!("def f(p):\n f = open(p)\n{code}"))
    });
    plain.chain(opened).collect()
}

/// Levels of a compound statement, inside so many others; a tail ends each.
fn nested(outer: usize, levels: usize, head: &str, tail: &str) -> String {
    let lines = head.lines().count();
    let indent = |code: &str, by: usize| -> String {
        let by = " ".repeat(by);
        code.lines().map(|it| format!("{by}{it}\n")).collect()
    };
    let mut code: String = (0..levels)
        .map(|it| indent(head, outer + it * lines))
        .collect();
    code += &indent("pass", outer + levels * lines);
    if !tail.is_empty() {
        code.extend((0..levels).rev().map(|it| indent(tail, outer + it * lines)));
    }
    code
}
