"""Every construct of the grammar of Python 3.11, for both doors."""
from __future__ import annotations
import a.b, c as d
from . import e
from ..f.g import (h as i, j,)
from k import *

x = y, *z = 1, 0xFFFFFFFFFFFFFFFFFFFF, 1.5, 2j, True, None, ...
x += 1; x @= y; x //= z; x: int; (x): int = 3; x.y: "int" = (yield_)
s = 'é' "b" r'\n', b'ab' rb'\n', f'a{b}c{d!r:>{e}}' 'tail', f"{x=}", f'''{
    a}''', ('a'
    'b'), u'x', 'é' f'é{é}'
del x, y[0], (z.w)
assert x, 'text'
pass  # noqa: E701
[]; [a, *b]; (); (a,); a, (b); {a, *b}; {}; {a: b, **c}
[a for b in c if d if (e) for f in g]; {a for b in c}; {a: b for c, d in e}
f(a for b in c); f((a for b in c)); f(a, *b, c=d, *e, **g); f((a), *(b), c=(d), **(e))
a.b[c](d).e; a[b:c, ::d]; a[b,]; a[*b]; a[(b, c)]; a[:]; (a).b; (a)[0]; (a)(b); a . b
a + b * c - d ** -e ** f; (a + (b)) * ((c)); not a; -a; ~(a); a if (b) else (c); a and (b or c) and d
a < b; (a) < (b) < f(c) <= d; a is not b; a not in (b)
(a := b); ((a := (b))); [a := 1, b]; f(a := (b)); (z := (y := (x := 0)))
lambda: 0; lambda a, /, b=(c), *d, e=1, **g: (yield); lambda *, a: a; lambda a: lambda b: a


@d
# a comment between
@e(
    1)  # def

class A(B, *C, k=D, **E):
    'doc' "string"
    x = y = 1

    @property
    async def f(self, a: A, /, b: B = 1, *args: (C), d=2, **kwargs: E) -> (R):
        """doc"""
        global g
        await a
        async with a as b, c: pass
        async for a in b: pass
        return [a async for a in b]

    def g(self, *args: *Ts): yield; x = yield a; yield from (b); return
    def __private(self, __x): return super().f(self.__y)


def outer():
    n = 0
    def inner():
        nonlocal n
        n += 1
        raise
    raise A(b) from (c)


if a: b
elif (c):
    d
elif e: f
else:
    g
while a:
    break
else: b
for a, b in c:
    continue
else:
    d
for (a) in (b), c: d
try: a
except B as c: d
except (E, F): pass
except: g
else: h
finally: i
try: a
except* B as b: c
with a as b, c: d
with (a as b, c as (d, e),): f
with (a): b
with (a), (b): c
with (a, b): c
with (a, b) as c: d
with (open(a)) as (b): c
match (x):
    case 1 | -1 | 1 + 2j | 'a' 'b' | None | True | a.b: pass
    case _ if y: pass
    case [1, _] as b: pass
    case a, *_: pass
    case (a): pass
    case (1, *rest): pass
    case {}: pass
    case {'k': a, b.c: (2), **d}: pass
    case A.B(a, c=(1), d=_): pass
    case ((1 | 2) as n): pass
match x, y: 
    case a, b: pass
match = case = type = 1
# Heaplint: ignore
