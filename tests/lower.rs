//! What the tree says of a program: one test per feature of the language and per rule of its scopes.

use heaplint::limits::STACK_SIZE;
use heaplint::lower::{Door, Lowered, lower, lower_stub};
use heaplint::syntax::pretty;

#[track_caller]
fn check(code: &str, expected: &str) {
    let lowered = lower(code, Door::Rustpython);
    assert_eq!(lowered.errors, []);
    assert_eq!(pretty::print(&lowered.module).trim(), expected.trim());
}

#[track_caller]
fn check_spans(code: &str, expected: &str) {
    let lowered = lower(code, Door::Rustpython);
    assert_eq!(lowered.errors, []);
    let print = pretty::print_with_spans(&lowered.module);
    assert_eq!(print.trim(), expected.trim());
}

/// Lowers on a thread with the stack that the pipeline gives its workers.
fn lower_deep(code: String) -> Lowered {
    std::thread::Builder::new()
        .stack_size(STACK_SIZE)
        .spawn(move || {
            let lowered = lower(&code, Door::Rustpython);
            let _print = pretty::print(&lowered.module);
            lowered
        })
        .expect("a thread can be started")
        .join()
        .expect("no overflow")
}

#[test]
fn names_are_resolved_outwards() {
    check(
        r###"
x = 1
def f(a):
    y = a
    return x, y, len
"###,
        r###"
module
  vars: x bound 1, f bound 1, len unbound
  x@global = 1
  def f/f@global(a)
    in global, free: []
    vars: a param 0 bound 1, y bound 1
    y@f = a@f
    return (x@global, y@f, len@builtin,)
"###,
    );
}

#[test]
fn global_binds_in_the_module() {
    check(
        r###"
def f():
    global cache
    cache = {}
def g():
    return cache
"###,
        r###"
module
  vars: f bound 1, g bound 1, cache bound 1 declared-global
  def f/f@global()
    in global, free: []
    global cache
    cache@global = {:}
  def g/g@global()
    in global, free: []
    return cache@global
"###,
    );
}

#[test]
fn global_of_a_function_hides_its_own_outside() {
    check(
        r###"
def f():
    x = 1
    def g():
        global x
        def h():
            return x
"###,
        r###"
module
  vars: f bound 1, x unbound
  def f/f@global()
    in global, free: []
    vars: x bound 1, g bound 1
    x@f = 1
    def g/g@f()
      in f, free: []
      vars: h bound 1
      global x
      def h/h@g()
        in g, free: []
        return x@builtin
"###,
    );
}

#[test]
fn nonlocal_binds_in_the_function_around() {
    check(
        r###"
def f():
    n = 0
    def g():
        nonlocal n
        n += 1
    def unused():
        nonlocal n
"###,
        r###"
module
  vars: f bound 1
  def f/f@global()
    in global, free: []
    vars: n bound 2 cell, g bound 1, unused bound 1
    n@f = 0
    def g/g@f()
      in f, free: [n^f]
      nonlocal n
      n^f += 1
    def unused/unused@f()
      in f, free: [n^f]
      nonlocal n
"###,
    );
}

#[test]
fn free_variables_pass_through() {
    check(
        r###"
def f():
    def g():
        return lambda: x
    x = 1
"###,
        r###"
module
  vars: f bound 1
  def f/f@global()
    in global, free: []
    vars: g bound 1, x bound 1 cell
    def g/g@f()
      in f, free: [x^f]
      return (lambda <in g, free: [x^f]>: x^f)
    x@f = 1
"###,
    );
}

#[test]
fn class_scope_is_not_seen_by_functions_inside() {
    check(
        r###"
def f():
    x = 1
    class C:
        x = 2
        y = x
        def m(self):
            return x, y
"###,
        r###"
module
  vars: f bound 1, y unbound
  def f/f@global()
    in global, free: []
    vars: x bound 1 cell, C bound 1
    x@f = 1
    class C/C@f()
      in f
      vars: x bound 1, y bound 1, m bound 1
      x@C = 2
      y@C = x@C
      def m/m@C(self)
        in C, free: [x^f]
        vars: self param 0 bound 1
        return (x^f, y@builtin,)
"###,
    );
}

#[test]
fn class_body_reads_a_cell_and_keeps_none() {
    check(
        r###"
def f():
    x = 1
    class C:
        y = x
"###,
        r###"
module
  vars: f bound 1
  def f/f@global()
    in global, free: []
    vars: x bound 1 cell, C bound 1
    x@f = 1
    class C/C@f()
      in f
      vars: y bound 1
      y@C = x@f
"###,
    );
}

#[test]
fn comprehension_has_a_scope_of_its_own() {
    check(
        r###"
xs = [x + k for x in xs for y in x if y]
class C:
    a = b = []
    c = [b for _ in a]
"###,
        r###"
module
  vars: xs bound 1, C bound 1, k unbound, b unbound
  xs@global = <listcomp>((x@<listcomp> + k@builtin) for x@<listcomp> in xs@global for y@<listcomp> in x@<listcomp> if y@<listcomp>; vars: x bound 1, y bound 1)
  class C/C@global()
    in global
    vars: a bound 1, b bound 1, c bound 1
    a@C = b@C = []
    c@C = <listcomp>(b@builtin for _@<listcomp>#2 in a@C; vars: _ bound 1)
"###,
    );
}

#[test]
fn comprehension_variable_is_captured_by_a_lambda() {
    check(
        r###"
def f(xs):
    return [lambda: x for x in xs], {k: v for k, v in xs}, {x for x in xs}, (await x async for x in xs)
"###,
        r###"
module
  vars: f bound 1
  def f/f@global(xs)
    in global, free: []
    vars: xs param 0 bound 1
    return (<listcomp>((lambda <in f, free: [x^<listcomp>]>: x^<listcomp>) for x@<listcomp> in xs@f; vars: x bound 1 cell), <dictcomp>(k@<dictcomp>: v@<dictcomp> for (k@<dictcomp>, v@<dictcomp>,) in xs@f; vars: k bound 1, v bound 1), <setcomp>(x@<setcomp> for x@<setcomp> in xs@f; vars: x bound 1), <genexpr>((await x@<genexpr>) async for x@<genexpr> in xs@f; vars: x bound 1),)
"###,
    );
}

#[test]
fn walrus_binds_outside_of_comprehensions() {
    check(
        r###"
def f(xs):
    return [y for x in xs if (y := x)]
"###,
        r###"
module
  vars: f bound 1
  def f/f@global(xs)
    in global, free: []
    vars: xs param 0 bound 1, y bound 1
    return <listcomp>(y@f for x@<listcomp> in xs@f if (y@f := x@<listcomp>); vars: x bound 1)
"###,
    );
}

#[test]
fn type_parameters_have_a_scope() {
    check(
        r###"
class C[T](B[T]):
    def m[S](self, a: T) -> S:
        return T, S
type A[X] = dict[X, X]
"###,
        r###"
module
  vars: C bound 1, A bound 1, B unbound, dict unbound
  class C/C@global[T](B@builtin[T@<type>])
    in global
    vars: m bound 1
    def m/m@C[S](self, a: T@<type>) -> S@<type>#2
      in C, free: [T^<type>, S^<type>#2]
      vars: self param 0 bound 1, a param 1 bound 1
      return (T^<type>, S^<type>#2,)
  type A@global[X] = dict@builtin[(X@<type>#3, X@<type>#3,)]
"###,
    );
}

#[test]
fn super_and_class_keep_the_class() {
    check(
        r###"
class C:
    def a(self):
        super().a()
    def b(self):
        return lambda: __class__
    def c(self): pass
super
"###,
        r###"
module
  vars: C bound 1, super unbound
  class C/C@global()
    in global
    vars: a bound 1, b bound 1, c bound 1, __class__ bound 0 cell
    def a/a@C(self)
      in C, free: [__class__^C]
      vars: self param 0 bound 1
      super@builtin().a()
    def b/b@C(self)
      in C, free: [__class__^C]
      vars: self param 0 bound 1
      return (lambda <in b, free: [__class__^C]>: __class__^C)
    def c/c@C(self)
      in C, free: []
      vars: self param 0 bound 1
      pass
  super@builtin
"###,
    );
}

#[test]
fn private_names_are_mangled() {
    check(
        r###"
class _C:
    __a = 1
    def __m(self, __p, __q__):
        import __mod
        global __g
        __g = self.__x(__k=__p)
        self.__y__
class __:
    __b = 1
"###,
        r###"
module
  vars: _C bound 1, __ bound 1, _C__g bound 1 declared-global
  class _C/_C@global()
    in global
    vars: _C__a bound 1, _C__m bound 1
    _C__a@_C = 1
    def __m/_C__m@_C(self, __p, __q__)
      in _C, free: []
      vars: self param 0 bound 1, _C__p param 1 bound 1, __q__ param 2 bound 1, _C__mod bound 1
      import __mod/_C__mod@__m
      global __g
      _C__g@global = self@__m._C__x(__k=_C__p@__m)
      self@__m.__y__
  class __/__@global()
    in global
    vars: __b bound 1
    __b@__ = 1
"###,
    );
}

#[test]
fn except_names_are_variables() {
    check(
        r###"
def f():
    try:
        g()
    except (A, B) as e:
        raise C from e
    except:
        raise
    else:
        pass
    finally:
        del e
try:
    pass
except* A:
    pass
"###,
        r###"
module
  vars: f bound 1, g unbound, A unbound, B unbound, C unbound
  def f/f@global()
    in global, free: []
    vars: e bound 2
    try
      g@builtin()
    except (A@builtin, B@builtin,) as e@f
      raise C@builtin from e@f
    except
      raise
    else
      pass
    finally
      del e@f
  try*
    pass
  except A@builtin
    pass
"###,
    );
}

#[test]
fn star_import_binds_nothing() {
    check(
        r###"
from os.path import *
from . import a as b, c
from ..p import d
import x.y, x.y as z
join(x)
"###,
        r###"
module
  vars: b bound 1, c bound 1, d bound 1, x bound 1, z bound 1, join unbound
  from os.path import *
  from . import a as b/b@global, c/c@global
  from ..p import d/d@global
  import x.y/x@global, x.y as z/z@global
  join@builtin(x@global)
"###,
    );
}

#[test]
fn match_captures_are_variables() {
    check(
        r###"
match a, b:
    case [1, x, *rest] | (None as x):
        pass
    case {"k": v, **kw} if v:
        pass
    case P.Q(-1, n="s"), *_:
        pass
    case _:
        pass
match c,:
    case True:
        pass
"###,
        r###"
module
  vars: x bound 2, rest bound 1, v bound 1, kw bound 1, a unbound, b unbound, P unbound, c unbound
  match (a@builtin, b@builtin,)
    case or([1, (as x@global), *rest@global], (None as x@global))
      pass
    case {"k": (as v@global) **kw@global} if v@global
      pass
    case [P@builtin.Q((-1), "s"), *]
      pass
    case _
      pass
  match (c@builtin,)
    case True
      pass
"###,
    );
}

#[test]
fn defaults_decorators_and_bases_belong_outside() {
    check(
        r###"
def f(x):
    @x
    def g(y=x, *, z: x = lambda: x) -> x:
        pass
    @x
    class C(x, metaclass=x):
        pass
"###,
        r###"
module
  vars: f bound 1
  def f/f@global(x)
    in global, free: []
    vars: x param 0 bound 1 cell, g bound 1, C bound 1
    @x@f
    def g/g@f(y = x@f, =z: x@f = (lambda <in f, free: [x^f]>: x^f)) -> x@f
      in f, free: []
      vars: y param 0 bound 1, z param 1 bound 1
      pass
    @x@f
    class C/C@f(x@f, metaclass=x@f)
      in f
      pass
"###,
    );
}

#[test]
fn annotation_alone_makes_a_local() {
    check(
        r###"
def f():
    x: int
    return x
"###,
        r###"
module
  vars: f bound 1, int unbound
  def f/f@global()
    in global, free: []
    vars: x bound 1
    x@f: int@builtin
    return x@f
"###,
    );
}

#[test]
fn private_name_of_an_annotation_target() {
    check(
        r###"
class C:
    __x: int = 1
    y.__z: int
"###,
        r###"
module
  vars: C bound 1, int unbound, y unbound
  class C/C@global()
    in global
    vars: _C__x bound 1
    _C__x@C: int@builtin = 1
    y@builtin._C__z: int@builtin
"###,
    );
}

#[test]
fn docstrings_are_dropped() {
    check(
        r###"
"""a"""
"kept"
def f():
    "b" "c"
class C:
    ("d")
b"kept"
"###,
        r###"
module
  vars: f bound 1, C bound 1
  "kept"
  def f/f@global()
    in global, free: []
  class C/C@global()
    in global
  <bytes 4>
"###,
    );
}

#[test]
fn literals_are_reduced() {
    check(
        r###"
"é" "b", b"ab" rb"\c", 1.5, 2j, 7, 10_000_000_000_000_000_000, ..., True, None, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
"###,
        r###"
module
  ("éb", <bytes 4>, <float>, <float>, 7, 9223372036854775807, ..., True, None, <str 65>,)
"###,
    );
}

#[test]
fn fstring_holes_are_in_order() {
    check(
        r###"
f"{a!r:>{w}.{p}} {b = } {{c}}" "d"
f"{a, b}"
"###,
        r###"
module
  vars: a unbound, w unbound, p unbound, b unbound
  f{a@builtin, w@builtin, p@builtin, b@builtin}
  f{(a@builtin, b@builtin,)}
"###,
    );
}

#[test]
fn chained_comparison_shares_its_operands() {
    check(
        r###"
a < f(b) <= c
a is not b
a not in b and c
"###,
        r###"
module
  vars: a unbound, f unbound, b unbound, c unbound
  ((a@builtin < f@builtin(b@builtin)) and (.. <= c@builtin))
  (a@builtin is not b@builtin)
  ((a@builtin not in b@builtin) and c@builtin)
"###,
    );
}

#[test]
fn operators() {
    check(
        r###"
-a ** 2 + ~b @ c // d % e
not a and b or c
a if b else c
a << b >> c & d | e ^ f
"###,
        r###"
module
  vars: a unbound, b unbound, c unbound, d unbound, e unbound, f unbound
  ((-(a@builtin ** 2)) + ((((~b@builtin) @ c@builtin) // d@builtin) % e@builtin))
  (((not a@builtin) and b@builtin) or c@builtin)
  (a@builtin if b@builtin else c@builtin)
  ((((a@builtin << b@builtin) >> c@builtin) & d@builtin) | (e@builtin ^ f@builtin))
"###,
    );
}

#[test]
fn displays_and_slices() {
    check(
        r###"
{**a, 1: 2}, {1, *b}, [], {}, (), (1,)
x[1:2, ::3], x[*y], x[:]
"###,
        r###"
module
  vars: a unbound, b unbound, x unbound, y unbound
  ({**a@builtin, 1: 2}, {1, *b@builtin}, [], {:}, (,), (1,),)
  (x@builtin[(1:2, ::3,)], x@builtin[(*y@builtin,)], x@builtin[:],)
"###,
    );
}

#[test]
fn arguments_keep_their_order() {
    check(
        r###"
f(1, k=2, *a, **b)
f(x for x in y)
"###,
        r###"
module
  vars: f unbound, a unbound, b unbound, y unbound
  f@builtin(1, k=2, *a@builtin, **b@builtin)
  f@builtin(<genexpr>(x@<genexpr> for x@<genexpr> in y@builtin; vars: x bound 1))
"###,
    );
}

#[test]
fn parameters_of_all_kinds() {
    check(
        r###"
def f(a, /, b=1, *c, d, e=2, **g): pass
lambda *, k: k
lambda: 0
"###,
        r###"
module
  vars: f bound 1
  def f/f@global(/a, b = 1, *c, =d, =e = 2, **g)
    in global, free: []
    vars: a param 0 bound 1, b param 1 bound 1, c param 2 bound 1, d param 3 bound 1, e param 4 bound 1, g param 5 bound 1
    pass
  (lambda =k <in global, free: [], vars: k param 0 bound 1>: k@<lambda>)
  (lambda <in global, free: []>: 0)
"###,
    );
}

#[test]
fn loops_and_blocks() {
    check(
        r###"
for i, *j in x:
    break
else:
    continue
while x:
    pass
else:
    assert x, y
with (a as b, c): pass
a[0] += 1
a = b.c = d
return

"###,
        r###"
module
  vars: i bound 1, j bound 1, b bound 1, a bound 1, x unbound, y unbound, c unbound, d unbound
  for (i@global, *j@global,) in x@builtin
    break
  else
    continue
  while x@builtin
    pass
  else
    assert x@builtin, y@builtin
  with a@global as b@global, c@builtin
    pass
  a@global[0] += 1
  a@global = b@global.c = d@builtin
  return
"###,
    );
}

#[test]
fn elif_is_nested() {
    check(
        r###"
if a:
    pass
elif b:
    pass
else:
    c
"###,
        r###"
module
  vars: a unbound, b unbound, c unbound
  if a@builtin
    pass
  elif b@builtin
    pass
  else
    c@builtin
"###,
    );
}

#[test]
fn generators_and_coroutines() {
    check(
        r###"
async def f():
    async with a as b:
        await b
    async for i in b:
        yield i
def g():
    x = yield from h
    return lambda: (yield)
"###,
        r###"
module
  vars: f bound 1, g bound 1, a unbound, h unbound
  async def f/f@global()
    generator, in global, free: []
    vars: b bound 1, i bound 1
    async with a@builtin as b@f
      (await b@f)
    async for i@f in b@f
      (yield i@f)
  def g/g@global()
    generator, in global, free: []
    vars: x bound 1
    x@g = (yield from h@builtin)
    return (lambda <generator, in g, free: []>: (yield))
"###,
    );
}

#[test]
fn pragmas_are_kept() {
    check(
        r###"
x = "# noqa"  # noqa: HL101
# heaplint: off
# other
"###,
        r###"
module
  vars: x bound 1
  x@global = "# noqa"
  # noqa: HL101
  # heaplint: off
"###,
    );
}

#[test]
fn spans_of_definitions() {
    check_spans(
        r###"@d
@e(1)
async  def  \
  f(*  a: int, b = 1):
    pass
@d
class  C(B): pass
lambda a: b
"###,
        r###"
module
  vars: f bound 1, C bound 1, d unbound, e unbound, int unbound, B unbound, b unbound
  @d@builtin[1..2]
  @e@builtin[4..5](1[6..7])[4..8]
  async def f[25..26]/f@global(*a[30..31]: int@builtin[33..36], =b[38..39] = 1[42..43])[9..54]
    in global, free: []
    vars: a param 0 bound 1, b param 1 bound 1
    pass[50..54]
  @d@builtin[56..57]
  class C[65..66]/C@global(B@builtin[67..68])[58..75]
    in global
    pass[71..75]
  (lambda[76..82] a[83..84] <in global, free: [], vars: a param 0 bound 1>: b@builtin[86..87])[76..87][76..87]
"###,
    );
}

#[test]
fn spans_of_names_the_parser_does_not_place() {
    check_spans(
        r###"try: pass
except (E) as  e: pass
match (a), b, :
  case {"k": (b), **  r}: pass
  case [* s] as  t: pass
import a.b as c
"###,
        r###"
module
  vars: e bound 1, b bound 1, r bound 1, s bound 1, t bound 1, c bound 1, E unbound, a unbound
  try[0..32]
    pass[5..9]
  except E@builtin[18..19] as e@global[25..26][10..32]
    pass[28..32]
  match (a@builtin[40..41], b@global[44..45],)[39..46][33..104]
    case {"k"[57..60]: (as b@global[63..64])[63..64] **r@global[71..72]}[56..73]
      pass[75..79]
    case ([*s@global[90..91][88..91]][87..92] as t@global[97..98])[87..98]
      pass[100..104]
  import a.b as c/c@global[112..120][105..120]
"###,
    );
}

#[test]
fn spans_with_parentheses() {
    check_spans(
        r###"(a) + b
(c).d
(x := (1))
(1, 2), 3
"###,
        r###"
module
  vars: x bound 1, a unbound, b unbound, c unbound
  (a@builtin[1..2] + b@builtin[6..7])[0..7][0..7]
  c@builtin[9..10].d[8..13][8..13]
  (x@global[15..16] := 1[21..22])[15..23][14..24]
  ((1[26..27], 2[29..30],)[25..31], 3[33..34],)[25..34][25..34]
"###,
    );
}

#[test]
fn spans_count_bytes() {
    check_spans(
        r###"é = "ü"  # ä
f(é)
"###,
        r###"
module
  vars: é bound 1, f unbound
  é@global[0..2] = "ü"[5..9][0..9]
  f@builtin[16..17](é@global[18..20])[16..21][16..21]
"###,
    );
}

#[test]
fn spans_inside_fstrings_with_crlf() {
    check_spans(
        "f\"\"\"\r\n{a}\r\n{b, c}\"\"\" f\"{d}\"\r\ne\n",
        r###"
module
  vars: a unbound, b unbound, c unbound, d unbound, e unbound
  f{a@builtin[7..8], (b@builtin[12..13], c@builtin[15..16],)[12..16], d@builtin[24..25]}[0..27][0..27]
  e@builtin[29..30][29..30]
"###,
    );
}

#[test]
fn all_line_ends_and_form_feeds_are_read() {
    check(
        "if a:\r  b\r\n  c\n\x0cd\r",
        "
module
  vars: a unbound, b unbound, c unbound, d unbound
  if a@builtin
    b@builtin
    c@builtin
  d@builtin
",
    );
}

#[test]
fn line_ends_in_literals_are_line_feeds() {
    let code = "a = '''x\r\ny\rz'''\rb = b'''x\ry\r\nz'''\rc = r'x\\\r\ny', 'x\\\ry', 'x\\\r\ny'\rd = '''\\r\\n\\x0d\r\n'''\re = ('''x\r\n''' u'''\ry''')\r";
    let expected = r#"
module
  vars: a bound 1, b bound 1, c bound 1, d bound 1, e bound 1
  a@global = "x\ny\nz"
  b@global = <bytes 5>
  c@global = ("x\\\ny", "xy", "xy",)
  d@global = "\r\n\r\n"
  e@global = "x\n\ny"
"#;
    for door in [Door::Ruff, Door::Rustpython] {
        let lowered = lower(code, door);
        assert_eq!(lowered.errors, []);
        assert_eq!(pretty::print(&lowered.module).trim(), expected.trim());
    }
}

#[test]
fn identifiers_are_normalized() {
    check(
        "\u{fb01}nd = 1\nfind",
        "
module
  vars: find bound 1
  find@global = 1
  find@global
",
    );
}

#[test]
fn file_with_an_error_is_empty() {
    let lowered = lower("x = 1\nif x\n", Door::Rustpython);
    assert_eq!(lowered.errors.len(), 1);
    let error = &lowered.errors[0];
    assert_eq!(error.message, "unexpected end of line");
    assert_eq!((error.span.start, error.span.end), (10, 11));
    assert_eq!(pretty::print(&lowered.module), "module\n");
}

#[test]
fn empty_file_is_a_module() {
    check("", "module");
}

#[test]
fn long_chains_are_no_depth() {
    let n = 50_000;
    let sum = vec!["x"; n].join(" + ");
    let attrs = format!("x{}", ".a".repeat(n));
    let calls = format!("x{}", "()[0]".repeat(n / 2));
    let ladder = format!("if x: y\n{}", "elif x: y\n".repeat(n));
    let parens = format!("{}x{}", "(".repeat(n), ")".repeat(n));
    for code in [sum, attrs, calls, ladder, parens] {
        assert_eq!(lower_deep(code).errors, []);
    }
}

#[test]
fn deep_nesting_is_one_error() {
    let n = 20_000;
    let blocks: String = (0..1_500)
        .map(|i| format!("{}if x:\n", " ".repeat(i)))
        .collect();
    let cases = [
        format!("{}x{}", "[".repeat(n), "]".repeat(n)),
        format!("{}x{}", "f(".repeat(n), ")".repeat(n)),
        format!("{}x", "not ".repeat(n)),
        format!("{}x", "lambda a, b: ".repeat(n)),
        format!("{}x", "a if b else ".repeat(n)),
        vec!["x"; n].join("**"),
        format!("match x:\n case {}y{}: pass", "[".repeat(n), "]".repeat(n)),
        format!("{blocks}{}pass", " ".repeat(1_500)),
        "-".repeat(1_000_000),
    ];
    for code in cases {
        let lowered = lower_deep(code);
        assert_eq!(lowered.errors.len(), 1);
        assert_eq!(lowered.errors[0].message, "nested too deeply");
    }
}

#[test]
fn depth_before_a_syntax_error_is_freed() {
    let n = 99_000;
    for open in ["[", "x + ", "not ", "f("] {
        let lowered = lower_deep(format!("{}\n!", open.repeat(n)));
        assert_eq!(lowered.errors.len(), 1);
    }
}

#[test]
fn of_a_stub_the_classes_stay() {
    let code = r"
import sys
from .core import Base as Base
LIMIT: int
def make(path: str, again=lambda: 1) -> Base:
    class Hidden: ...
if sys.version_info >= (3, 9):
    class Reader(Base):
        name: str
        def __init__(self, path: str) -> None: ...
        @property
        def size(self) -> int: ...
        async def read(self): ...
        class Inner: ...
else:
    def other(): ...
";
    let expected = r"
module
  vars: sys bound 1, Base bound 1, LIMIT bound 1, Reader bound 1, int unbound, str unbound
  import sys/sys@global
  from .core import Base as Base/Base@global
  LIMIT@global: int@builtin
  pass
  if (sys@global.version_info >= (3, 9,))
    class Reader/Reader@global(Base@global)
      in global
      vars: name bound 1, __init__ bound 1, size bound 1, read bound 1, Inner bound 1
      name@Reader: str@builtin
      __init__@Reader: <error>
      size@Reader: int@builtin
      read@Reader: <error>
      class Inner/Inner@Reader()
        in Reader
        ...
  else
    pass
";
    for door in [Door::Ruff, Door::Rustpython] {
        let lowered = lower_stub(code, door);
        assert_eq!(lowered.errors, []);
        assert_eq!(lowered.module.funcs.len(), 1);
        assert_eq!(lowered.module.classes.len(), 2);
        assert_eq!(pretty::print(&lowered.module).trim(), expected.trim());
    }
}

/// Grammar that one door alone reads.
#[track_caller]
fn check_new(code: &str, expected: &str) {
    let lowered = lower(code, Door::Ruff);
    assert_eq!(lowered.errors, []);
    assert_eq!(pretty::print(&lowered.module).trim(), expected.trim());
}

#[test]
fn grammar_3_12_strings_inside_strings() {
    check_new(
        "x = f\"{d[\"k\"]} {'\\n'.join(\n  y  # c\n)} {f\"{f\"{1}\"}\"} {z:{w:>{v}}}\"\n",
        r##"
module
  vars: x bound 1, d unbound, y unbound, z unbound, w unbound, v unbound
  x@global = f{d@builtin["k"], "\n".join(y@builtin), f{f{1}}, z@builtin, w@builtin, v@builtin}
"##,
    );
}

#[test]
fn grammar_3_12_and_3_13_type_parameters() {
    check_new(
        "type A[T: int = str, *Ts = *tuple[T], **P = [int]] = dict[T, P]\ndef f[U](a: U, b: A = U) -> U:\n  return U\nclass C[V](B[V]):\n  x: V\n",
        r##"
module
  vars: A bound 1, f bound 1, C bound 1, dict unbound, U unbound, B unbound
  type A@global[T, Ts, P] = dict@builtin[(T@<type>, P@<type>,)]
  def f/f@global[U](a: U@<type>#2, b: A@global = U@builtin) -> U@<type>#2
    in global, free: [U^<type>#2]
    vars: a param 0 bound 1, b param 1 bound 1
    return U^<type>#2
  class C/C@global[V](B@builtin[V@<type>#3])
    in global
    vars: x bound 1
    x@C: V@<type>#3
"##,
    );
}

#[test]
fn grammar_3_14_templates_hold_what_they_show() {
    check_new(
        "x = t\"{a!r:{b}}c{d}\" t'{e}'\n",
        r##"
module
  vars: x bound 1, a unbound, b unbound, d unbound, e unbound
  x@global = (a@builtin, f{b@builtin}, d@builtin, e@builtin,)
"##,
    );
}

#[test]
fn grammar_3_14_except_without_parentheses() {
    check_new(
        "try:\n  a\nexcept B, C:\n  b\nexcept D, E:\n  c\n",
        r##"
module
  vars: a unbound, B unbound, C unbound, b unbound, D unbound, E unbound, c unbound
  try
    a@builtin
  except (B@builtin, C@builtin,)
    b@builtin
  except (D@builtin, E@builtin,)
    c@builtin
"##,
    );
}

#[test]
fn grammar_3_15_lazy_imports_bind_like_others() {
    check_new(
        "lazy import a.b, c as d\nlazy from .e import f as g\nlazy = a\n",
        r##"
module
  vars: a bound 1, d bound 1, g bound 1, lazy bound 1
  import a.b/a@global, c as d/d@global
  from .e import f as g/g@global
  lazy@global = a@global
"##,
    );
}

#[test]
fn what_stands_around_an_error_is_read() {
    let code = "import os\ndef f(p):\n  x = = 1\n  y = open(p)\n  return y\nz = (1,\nclass A:\n  def g(self): self.h = f(1)\nif z:\n    q\n   w\nlast = f(2)\n";
    let lowered = lower(code, Door::Ruff);
    let expected = r##"
module
  vars: os bound 1, f bound 1, z bound 1, A bound 1, last bound 1, open unbound, q unbound, w unbound
  import os/os@global
  def f/f@global(p)
    in global, free: []
    vars: p param 0 bound 1, x bound 1, y bound 1
    x@f = <error> = 1
    y@f = open@builtin(p@f)
    return y@f
  z@global = (1,)
  class A/A@global()
    in global
    vars: g bound 1
    def g/g@A(self)
      in A, free: []
      vars: self param 0 bound 1
      self@g.h = f@global(1)
  if z@global
    q@builtin
    w@builtin
    last@global = f@global(2)
"##;
    assert_eq!(pretty::print(&lowered.module).trim(), expected.trim());
    let messages: Vec<&str> = lowered.errors.iter().map(|it| &*it.message).collect();
    assert!(messages.len() >= 2, "{messages:?}");
}
