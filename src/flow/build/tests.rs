//! Graphs of small functions, as printed.

use rustc_hash::FxHashSet;

use crate::base::Idx;
use crate::facts::collect::collect_with;
use crate::flow::pretty;
use crate::limits;
use crate::lower::{Door, lower};

use super::build;

/// The graph of the first function, or of the module body when there is none.
fn print(text: &str) -> String {
    let lowered = lower(text, Door::Rustpython);
    assert!(lowered.errors.is_empty(), "{:?}", lowered.errors);
    let (facts, sites) = collect_with(text, &lowered, &FxHashSet::default());
    let func = Idx::new(u32::from(lowered.module.funcs.len() > 1));
    pretty::print(&build(&lowered.module, &sites, &facts, func), &facts)
}

macro_rules! graphs {
    ($($name:ident: $text:expr;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(stringify!($name), format!("{}\n\n{}", $text.trim(), print($text)));
        }
    )*};
}

graphs! {
    straight_line: "def f(p):\n    h = open(p)\n    return h.read()\n";
    evaluation_order: "def f(a, b):\n    a(b(1), *c(2), k=d(3))[e()].g = h()\n";
    if_elif_else: "def f(x):\n    if a(): b()\n    elif not x: c()\n    else: d()\n    e()\n";
    conditions_branch: "def f(x, y):\n    if x and (y() or not z()): w()\n";
    values_short_circuit: "def f(x):\n    return x or a() and b()\n";
    choice: "def f(x):\n    h = x if x else open(x)\n";
    comparison_chain: "def f():\n    return a() < b() < c()\n";
    while_else: "def f():\n    while a():\n        if b(): break\n        if c(): continue\n        d()\n    else:\n        e()\n    g()\n";
    endless_loop: "def f():\n    while True:\n        a()\n    b()\n";
    endless_loop_with_break: "def f():\n    while 1:\n        if a(): break\n    b()\n";
    for_loop: "def f(xs):\n    for i, (a, *b) in xs:\n        c(i)\n    else:\n        d()\n";
    try_except_else: "def f():\n    try:\n        a()\n    except ValueError as e:\n        b(e)\n    except (KeyError, OSError):\n        c()\n    else:\n        d()\n    g()\n";
    catch_all: "def f():\n    try:\n        a()\n    except Exception:\n        b()\n";
    finally_per_way_of_leaving: "def f(xs):\n    for x in xs:\n        try:\n            if a(): return x\n            if b(): break\n            if c(): continue\n            if d(): return 1\n        finally:\n            e()\n    g()\n";
    finally_in_finally: "def f():\n    try:\n        a()\n    finally:\n        try:\n            b()\n        finally:\n            c()\n";
    except_star: "def f():\n    try:\n        a()\n    except* OSError:\n        b()\n";
    with_items: "def f(p):\n    with a() as x, b(x) as p.q:\n        return c()\n";
    with_suppress: "def f():\n    with contextlib.suppress(OSError):\n        a()\n    b()\n";
    async_constructs: "async def f(xs):\n    async with a() as x:\n        async for y in xs:\n            await b(y)\n";
    comprehensions: "def f(xs):\n    return {k: g(v) for k, v in xs if a(k) for z in b(v)}\n";
    generator: "def f(xs):\n    x = yield xs\n    yield from g(x)\n";
    nested_definitions: "def f(x):\n    @deco(1)\n    def g(y=h()):\n        return x\n    class C(base()):\n        z = k()\n        def m(self): return x\n    return lambda a=n(): x\n";
    stores_and_deletes: "def f(a, b):\n    a.x = b[0] = c()\n    a.x += d()\n    b += e()\n    del a.x, b[0], a\n";
    unpacking: "def f(p):\n    a, b = open(p), g()\n    a, b = b, a\n    c, *d, e = h()\n    [x.y, z] = i()\n";
    assert_and_raise: "def f(x):\n    assert x, m()\n    raise E(x) from g()\n";
    match_cases: "def f(x):\n    match g(x):\n        case [a, b] if a: h(b)\n        case C(v=1) as w: i(w)\n        case _: j()\n    k()\n";
    dead_code: "def f():\n    return a()\n    b()\n";
    lambda_body: "g = lambda x: h(x)\n";
    module_body: "import os\nX = os.getcwd()\n";
}

#[test]
fn depth_is_bounded_and_chains_are_not_deep() {
    let cut = |text: String| {
        let run = move || {
            let lowered = lower(&text, Door::Rustpython);
            let (facts, sites) = collect_with(&text, &lowered, &FxHashSet::default());
            build(&lowered.module, &sites, &facts, Idx::new(0)).is_cut
        };
        std::thread::Builder::new()
            .stack_size(limits::STACK_SIZE)
            .spawn(run)
            .expect("a thread")
            .join()
            .expect("no panic")
    };
    assert!(!cut(format!("x = {}1\n", "a() + ".repeat(2_000))));
    assert!(!cut(format!("x = a{}\n", ".b()".repeat(2_000))));
    assert!(!cut(format!(
        "if a: b()\n{}",
        "elif c: d()\n".repeat(1_000)
    )));
    assert!(cut(format!(
        "x = {}1{}\n",
        "f(".repeat(300),
        ")".repeat(300)
    )));
}
