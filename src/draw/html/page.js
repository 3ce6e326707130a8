'use strict';
// The report: a list of findings, and views of the heap around the one that is chosen. All text goes through textContent.
const D = JSON.parse(document.getElementById('data').textContent);
const S = i => D.s[i];
const $ = id => document.getElementById(id);
const el = (tag, cls, text) => { const e = document.createElement(tag); if (cls) e.className = cls; if (text != null) e.textContent = text; return e; };
const sv = (tag, attrs, text) => { const e = document.createElementNS('http://www.w3.org/2000/svg', tag); for (const k in attrs) e.setAttribute(k, attrs[k]); if (text != null) e.textContent = text; return e; };
const SEV = ['info', 'warning', 'error'], KIND = ['group', 'root', 'container', 'object', 'resource', 'frame', 'more'];
const N = D.n.map((r, id) => ({ id, kind: KIND[r[0]], label: S(r[1]), type: S(r[2]), key: S(r[3]), site: S(r[4]), self: r[5], sized: r[6], kept: r[7], dist: r[8], idom: r[9], cycle: r[10], grows: S(r[11]), step: r[12], fin: r[13], parent: r[14], found: [], out: [], by: [] }));
const E = D.e.map(r => ({ from: r[0], to: r[1], label: S(r[2]), weak: r[3], site: S(r[4]) }));
E.forEach((e, i) => { N[e.from].out.push(i); N[e.to].by.push(i); });
const F = D.f.map((r, i) => ({ i, code: S(r[0]), name: S(r[1]), sev: r[2], conf: S(r[3]), msg: S(r[4]), help: S(r[5]), notes: r[6].map(S), growth: S(r[7]), kept: r[8], sym: S(r[9]), id: S(r[0]) + '-' + r[10], at: S(r[11]), labels: r[12], node: r[13], path: r[14], root: S(r[15]), mod: S(r[16]) }));
F.forEach(f => { if (N[f.node]) N[f.node].found.push(f.i); });

const human = b => { let u = ['B', 'KiB', 'MiB', 'GiB', 'TiB'], i = 0; while (b >= 1024 && i < 4) { b /= 1024; i++; } return '≈ ' + (i === 0 || b >= 10 ? b.toFixed(0) : b.toFixed(1)) + ' ' + u[i]; };
const per = { 'per-call': 'per call', 'per-instance': 'per instance', 'per-thread': 'per thread', 'per-loop': 'per turn of the loop', bounded: 'bounded' };
const size = n => n.grows ? (n.step ? human(n.step) + ' each' : '') : (n.kept && (n.sized || n.kept > n.self) && n.kind !== 'group' ? human(n.kept) : '');
const step = n => ((n.step ? human(n.step) + ' ' : '') + (per[n.grows] || '')).trim();
const middle = (t, c) => { const a = [...t]; return a.length <= c ? t : a.slice(0, c >> 1).join('') + '…' + a.slice(-(c - (c >> 1) - 1)).join(''); };
const marks = n => (n.grows ? ' ▲' : '') + (n.cycle ? ' ↺' : '') + (n.fin ? ' ⚑' : '');
const parentOf = n => n.parent < 0 ? null : N[E[n.parent].from];
const pathOf = id => { const p = []; let n = N[id]; while (n && p.length < 200) { if (n.kind !== 'group') p.push(n.id); n = parentOf(n); } return p.reverse(); };
const code = n => [...new Set(n.found.map(i => byNumber[i].code))].join(' ');

// What is chosen, and where one came from.
const state = { finding: -1, node: -1, tab: 'source', grown: new Set(), back: [], shut: new Set() };
let shown = [];

// ---- the list ----
const growthRank = { 'per-loop': 4, 'per-call': 4, 'per-thread': 3, 'per-instance': 3, unknown: 1, bounded: 0 };
F.sort((a, b) => b.sev - a.sev || (growthRank[b.growth] || 0) - (growthRank[a.growth] || 0) || b.kept - a.kept || a.i - b.i);
const byNumber = []; F.forEach(f => { byNumber[f.i] = f; });
const filters = { sev: ['f-sev', 'any severity', f => SEV[f.sev]], rule: ['f-rule', 'any rule', f => f.code + ' ' + f.name], root: ['f-root', 'any root', f => f.root], mod: ['f-mod', 'any folder', f => f.mod], grow: ['f-grow', 'any growth', f => f.growth] };
for (const k in filters) {
  const [id, any, of] = filters[k], count = new Map();
  F.forEach(f => count.set(of(f), (count.get(of(f)) || 0) + 1));
  const box = $(id);
  box.append(new Option(any, ''));
  [...count.keys()].sort().forEach(v => box.append(new Option(v + ' (' + count.get(v) + ')', v)));
  box.addEventListener('change', refilter);
}
for (const [v, t] of [['', 'no groups'], ['rule', 'by rule'], ['file', 'by file'], ['shape', 'by shape of the path']]) $('group').append(new Option(t, v));
$('group').addEventListener('change', refilter);
$('q').addEventListener('input', refilter);
$('filters').addEventListener('submit', e => e.preventDefault());
const shape = f => f.code + ' ' + (f.path.length ? f.path.map(i => N[i].kind === 'root' ? N[i].type : N[i].type || N[i].kind).join(' → ') : 'no path');
const groupKey = { rule: f => f.code + ' ' + f.name, file: f => f.at.replace(/:(cell )?[\d:]+$/, ''), shape };
const ROW = 74, HEAD = 30;

function refilter() {
  const words = $('q').value.toLowerCase().split(/\s+/).filter(Boolean);
  const match = F.filter(f => {
    for (const k in filters) { const v = $(filters[k][0]).value; if (v && filters[k][2](f) !== v) return false; }
    if (!words.length) return true;
    const text = (f.code + ' ' + f.name + ' ' + f.msg + ' ' + f.sym + ' ' + f.at).toLowerCase();
    return words.every(w => text.includes(w));
  });
  shown = [];
  const by = groupKey[$('group').value];
  if (by) {
    const groups = new Map();
    match.forEach(f => { const k = by(f); if (!groups.has(k)) groups.set(k, []); groups.get(k).push(f); });
    for (const [k, list] of groups) { shown.push({ head: k, count: list.length, h: HEAD }); if (!state.shut.has(k)) list.forEach(f => shown.push({ f, h: ROW })); }
  } else match.forEach(f => shown.push({ f, h: ROW }));
  let y = 0;
  shown.forEach(r => { r.y = y; y += r.h; });
  $('none').hidden = match.length > 0;
  $('none').textContent = F.length ? 'No finding matches; Esc clears the filter.' : 'Nothing was found. The heap is drawn all the same.';
  rows.total = y; rows.innerHTML = ''; rows.append(space); space.style.height = y + 'px';
  paintRows(true);
  remember();
}
const rows = $('rows'), space = el('div');
rows.addEventListener('scroll', () => paintRows(false));
const painted = new Map();
function paintRows(all) {
  if (all) { painted.forEach(e => e.remove()); painted.clear(); }
  const top = rows.scrollTop - 200, end = rows.scrollTop + rows.clientHeight + 200;
  let lo = 0, hi = shown.length;
  while (lo < hi) { const m = (lo + hi) >> 1; if (shown[m].y + shown[m].h < top) lo = m + 1; else hi = m; }
  const keep = new Set();
  for (let i = lo; i < shown.length && shown[i].y < end; i++) { keep.add(i); if (!painted.has(i)) { const e = paintRow(shown[i]); painted.set(i, e); rows.append(e); } }
  painted.forEach((e, i) => { if (!keep.has(i)) { e.remove(); painted.delete(i); } });
}
function paintRow(r) {
  if (r.head != null) {
    const h = el('div', 'head', (state.shut.has(r.head) ? '▸ ' : '▾ ') + r.head + ' (' + r.count + ')');
    h.style.top = r.y + 'px'; h.style.height = r.h + 'px';
    h.addEventListener('click', () => { state.shut.has(r.head) ? state.shut.delete(r.head) : state.shut.add(r.head); refilter(); });
    return h;
  }
  const f = r.f, e = el('div', 'row ' + SEV[f.sev]);
  e.setAttribute('role', 'option'); e.setAttribute('aria-selected', f.i === state.finding); e.id = 'row-' + f.i;
  e.style.top = r.y + 'px'; e.style.height = r.h + 'px'; e.title = f.sym + '\n' + SEV[f.sev] + ', confidence ' + f.conf;
  const top = el('div', 'top');
  top.append(el('span', 'code', f.code), el('span', 'sym', f.sym.split('.').slice(-2).join('.')), el('span', 'size', f.kept ? human(f.kept) + (per[f.growth] ? ' ' + per[f.growth] : '') : ''));
  e.append(top, el('div', 'msg', f.msg), el('div', 'at', f.at));
  e.addEventListener('click', () => choose(f.i));
  return e;
}

// ---- choosing ----
function choose(i, quiet) {
  const f = byNumber[i];
  if (!f) return;
  if (!quiet && state.finding >= 0 && state.finding !== i) state.back.push({ finding: state.finding, node: state.node, tab: state.tab });
  state.finding = i; state.node = f.node; state.grown.clear();
  const r = shown.find(r => r.f === f);
  if (r) {
    if (r.y < rows.scrollTop) rows.scrollTop = r.y;
    else if (r.y + r.h > rows.scrollTop + rows.clientHeight) rows.scrollTop = r.y + r.h - rows.clientHeight;
  }
  paintRows(false);
  painted.forEach((e, at) => { if (shown[at].f) e.setAttribute('aria-selected', shown[at].f.i === i); });
  rows.setAttribute('aria-activedescendant', 'row-' + i);
  remember(); paint();
}
function visit(id, quiet) {
  if (!N[id]) return;
  if (!quiet) state.back.push({ finding: state.finding, node: state.node, tab: state.tab });
  state.node = id; state.grown.clear();
  if (state.tab === 'source' && !N[id].found.includes(state.finding)) state.tab = 'graph';
  paint();
}
function back() {
  const b = state.back.pop();
  if (!b) return;
  state.tab = b.tab;
  if (b.finding !== state.finding) choose(b.finding, true);
  visit(b.node, true); state.tab = b.tab; paint();
}
function remember() {
  const p = new URLSearchParams();
  if ($('q').value) p.set('q', $('q').value);
  for (const k in filters) if ($(filters[k][0]).value) p.set(k, $(filters[k][0]).value);
  if ($('group').value) p.set('group', $('group').value);
  if (state.tab !== 'source') p.set('view', state.tab);
  const f = byNumber[state.finding], q = p.toString();
  history.replaceState(null, '', '#' + (f ? f.id : '') + (q ? '?' + q : ''));
}
function restore() {
  const [id, q] = decodeURI(location.hash.slice(1)).split('?'), p = new URLSearchParams(q || '');
  $('q').value = p.get('q') || '';
  for (const k in filters) $(filters[k][0]).value = p.get(k) || '';
  $('group').value = p.get('group') || '';
  if (TABS[p.get('view')]) state.tab = p.get('view');
  const f = F.find(f => f.id === id);
  const first = f || null;
  refilter();
  const any = first || (shown.find(r => r.f) || {}).f;
  if (any) choose(any.i, true); else { state.node = 0; if (state.tab === 'source') state.tab = 'icicle'; paint(); }
}
function move(by) {
  const list = shown.filter(r => r.f).map(r => r.f);
  const at = list.findIndex(f => f.i === state.finding);
  const next = list[Math.max(0, Math.min(list.length - 1, at + by))];
  if (next && next.i !== state.finding) choose(next.i, true);
}

// ---- the finding and its path ----
const TABS = { source: ['Source', paintSource], graph: ['Graph', paintGraph], icicle: ['Icicle', paintIcicle], objects: ['Objects', paintTable], roots: ['Roots', paintTable], cycles: ['Cycles', paintTable], growing: ['Growing', paintTable] };
for (const k in TABS) {
  const b = el('button', '', TABS[k][0]);
  b.type = 'button'; b.id = 'tab-' + k; b.setAttribute('role', 'tab');
  b.addEventListener('click', () => { state.tab = k; remember(); paint(); });
  $('tabs').append(b);
}
function paint() {
  const f = byNumber[state.finding], n = N[state.node];
  say(f, n); chips(f, n);
  for (const k in TABS) $('tab-' + k).setAttribute('aria-selected', k === state.tab);
  const view = $('view');
  view.replaceChildren(); view.scrollTop = 0;
  TABS[state.tab][1](view, n, f);
}
// Names in backquotes become code.
function prose(to, text) { text.split('`').forEach((t, i) => to.append(i % 2 ? el('code', '', t) : t)); return to; }
function say(f, n) {
  const box = $('say');
  box.replaceChildren();
  if (f && n && n.id === f.node) {
    const p = el('p');
    p.append(el('span', 'code', f.code), ' ');
    prose(p, f.msg[0].toUpperCase() + f.msg.slice(1) + '.');
    const s = el('p', 'fix'), root = f.path.length ? N[f.path[0]] : null;
    let t = 'One `' + (n.type || n.label) + '`' + (n.site ? ' at `' + n.site + '`' : '');
    if (root && root !== n) t += ', held by `' + root.label + '` (' + (root.type || 'gc root') + ')';
    const step = n.step || f.kept;
    if (step) t += ', retains ' + human(step) + (per[f.growth] ? ' ' + per[f.growth] : '');
    prose(s, t + '.');
    box.append(p, s);
    if (f.help) { const h = el('p', 'fix'); h.append(el('b', '', 'Fix: ')); prose(h, f.help); box.append(h); }
    f.notes.forEach(t => box.append(prose(el('p', 'fix'), 'Note: ' + t)));
  } else if (n) {
    const p = el('p');
    p.append(el('b', '', n.label), ' ' + (n.type !== n.label ? n.type : '') + marks(n) + ' ', el('span', 'size', size(n)));
    box.append(p, el('p', 'fix', n.key + (n.site ? ' · ' + n.site : '') + ' · ' + n.by.length + ' holders, holds ' + n.out.length));
  }
}
function chips(f, n) {
  const box = $('chips'), path = f && n && n.id === f.node ? f.path : n ? pathOf(n.id) : [];
  box.replaceChildren();
  path.forEach((id, i) => {
    const c = N[id];
    if (i) { const e = E.find(e => e.from === path[i - 1] && e.to === id); box.append(el('span', 'edge', '—' + (e ? e.label : '') + '→')); }
    const named = i && c.type && E.some(e => e.from === path[i - 1] && e.to === id && e.label.replace(/^\./, '') === c.label);
    const b = el('button', (c.kind === 'root' ? 'root ' : '') + (c.found.length ? 'leak' : ''), (named ? c.type : c.label) + marks(c));
    b.type = 'button'; b.title = c.key + (c.site ? '\n' + c.site : '');
    b.addEventListener('click', () => visit(id));
    box.append(b);
  });
}

// ---- source ----
function paintSource(view, n, f) {
  const box = el('div', 'src');
  view.append(box);
  if (!f) { box.append(el('p', 'note', 'No finding is chosen.')); return; }
  const files = new Map();
  f.labels.forEach((l, step) => { const k = l[0]; if (!files.has(k)) files.set(k, []); files.get(k).push([l, step + 1]); });
  for (const [file, labels] of files) {
    box.append(el('h3', '', S(D.x[file][0])));
    const lines = new Map(D.x[file][1].map(r => [r[0], r]));
    const want = new Set();
    labels.forEach(([l]) => { for (let i = l[1] - 3; i <= l[1] + 3; i++) if (lines.has(i)) want.add(i); });
    const table = el('table');
    let last = 0;
    for (const i of [...want].sort((a, b) => a - b)) {
      if (last && i > last + 1) { const g = el('tr', 'gap'); g.append(el('td'), el('td'), el('td', '', '⋯')); table.append(g); }
      last = i;
      const here = labels.filter(([l]) => l[1] === i), tr = el('tr', here.length ? 'hit' : '');
      const row = lines.get(i), td = el('td'), text = [...S(row[1])];
      if (here.length) {
        const from = Math.max(0, here[0][0][2] - 1), to = Math.max(from + 1, here[0][0][3] - 1);
        td.append(text.slice(0, from).join(''), el('mark', '', text.slice(from, to).join('')), text.slice(to).join(''));
      } else td.textContent = text.join('');
      tr.append(el('td', 'st', here.map(h => h[1]).join(',')), el('td', 'no', S(row[2])), td);
      table.append(tr);
      here.forEach(([l, step]) => { if (!S(l[4])) return; const t = el('tr', 'hit'), c = el('td', 'say', step + '. ' + S(l[4])); t.append(el('td'), el('td'), c); table.append(t); });
    }
    if (!want.size) table.append(el('tr'));
    box.append(table);
  }
}

// ---- graph: path, retained, other holders of the chosen object ----
function around(id, f) {
  const pick = new Map(), add = (i, p) => { if (pick.size < 40 + state.grown.size * 8 && !pick.has(i) && N[i].kind !== 'group') { pick.set(i, p); return true; } return pick.has(i); };
  const path = f && f.node === id && f.path.length ? f.path : pathOf(id);
  path.forEach((p, i) => add(p, i ? path[i - 1] : null));
  if (N[id].cycle) N.filter(n => n.cycle === N[id].cycle).slice(0, 12).forEach(n => add(n.id, undefined));
  const down = (from, depth, wide) => {
    const held = [...new Set(N[from].out.map(e => E[e].to))].sort((a, b) => N[b].found.length - N[a].found.length || N[b].kept - N[a].kept || a - b);
    held.slice(0, wide).forEach(h => { const fresh = !pick.has(h); if (add(h, from) && fresh && depth > 1) down(h, depth - 1, wide); });
  };
  down(id, 4, 8);
  state.grown.forEach(g => { add(g, undefined); down(g, 1, 20); });
  N[id].by.filter(e => E[e].from !== path[path.indexOf(id) - 1] && !E[e].weak).slice(0, 3).forEach(e => { const p = pathOf(E[e].from); p.forEach((x, i) => add(x, i ? p[i - 1] : null)); });
  return pick;
}
function arrange(pick) {
  const ids = [...pick.keys()], index = new Map(ids.map((id, i) => [id, i]));
  const up = ids.map((id, i) => { let p = pick.get(id); if (p === undefined) { const q = parentOf(N[id]); p = q && index.has(q.id) ? q.id : null; } return p != null && index.has(p) && index.get(p) !== i ? index.get(p) : -1; });
  // A ring of parents has no root: cut it.
  ids.forEach((_, i) => { const seen = new Set(); let a = i; while (a >= 0 && !seen.has(a)) { seen.add(a); a = up[a]; } if (a >= 0) up[a] = -1; });
  const kids = ids.map(() => []), roots = [];
  up.forEach((p, i) => (p < 0 ? roots : kids[p]).push(i));
  const inner = E.filter(e => index.has(e.from) && index.has(e.to)).map(e => [index.get(e.from), index.get(e.to), e]);
  const depth = ids.map(() => 0), row = ids.map(() => 0);
  let next = 0;
  const lay = (i, d) => { depth[i] = d; kids[i].forEach(k => lay(k, d + 1)); row[i] = kids[i].length ? (row[kids[i][0]] + row[kids[i][kids[i].length - 1]]) / 2 : next++; };
  roots.forEach(r => { lay(r, 0); next += 0.2; });
  const text = ids.map(id => { const n = N[id], a = (n.kind === 'resource' ? '⏏ ' : '') + middle(n.label, 36), b = middle([n.type !== n.label ? n.type : '', n.grows ? step(n) : size(n), n.site.split('/').pop()].filter(Boolean).join(' · '), 56) + marks(n); return [a, b]; });
  const w = text.map(t => Math.max(64, Math.max([...t[0]].length * 7.3, [...t[1]].length * 6.3) + 22));
  const wide = [], gap = [];
  ids.forEach((_, i) => { wide[depth[i]] = Math.max(wide[depth[i]] || 0, w[i]); });
  inner.forEach(([a, b, e]) => { const d = Math.min(depth[a], depth[b]); if (Math.abs(depth[a] - depth[b]) === 1) gap[d] = Math.max(gap[d] || 0, middle(e.label, 24).length * 6.2); });
  const x = [0];
  for (let d = 1; d < wide.length; d++) x[d] = x[d - 1] + wide[d - 1] + (gap[d - 1] || 0) + 44;
  return { ids, up, inner, text, depth, right: wide.map((v, d) => x[d] + v), box: ids.map((_, i) => ({ x: x[depth[i]], y: row[i] * 56, w: w[i], h: 40 })) };
}
// The four points of an edge: in the tree out on the right and in on the left; back to the left, or around a column on its right.
function curve(g, a, b, tree) {
  const A = g.box[a], B = g.box[b], right = q => q.x + q.w;
  if (a === b) { const x = right(A) - 34, y = A.y + 40; return [[x, y], [x, y + 20], [x + 24, y + 20], [x + 24, y + 2]]; }
  if (tree) { const x = right(A), m = x + 18, y = B.y + 20; return [[x, A.y + 20], [m, A.y + 20], [m, y], [m + 14, y]]; }
  const below = B.y > A.y, out = A.y + (below ? 30 : 10), into = B.y + (below ? 10 : 30);
  if (g.depth[b] > g.depth[a]) { const x = right(A), z = B.x - 1, m = (x + z) / 2; return [[x, out], [m, out], [m, into], [z, into]]; }
  if (g.depth[b] < g.depth[a]) { const x = A.x, z = right(B) + 1, bend = Math.max(30, (x - z) / 2); return [[x, A.y + 30], [x - bend, A.y + 30], [z + bend, B.y + 30], [z, B.y + 30]]; }
  const far = Math.abs(out - into), m = (far > 80 ? g.right[g.depth[a]] : Math.max(right(A), right(B))) + 26 + Math.min(26, far * 0.06);
  return [[right(A), out], [m, out], [m, into], [right(B) + 1, into]];
}
const along = (c, t) => [0, 1].map(i => { const s = 1 - t; return s * s * s * c[0][i] + 3 * s * s * t * c[1][i] + 3 * s * t * t * c[2][i] + t * t * t * c[3][i]; });
const meet = (a, b) => a[0] < b[0] + b[2] && b[0] < a[0] + a[2] && a[1] < b[1] + b[3] && b[1] < a[1] + a[3];
function paintGraph(view, n, f) {
  if (!n) return;
  const pick = around(n.id, f), g = arrange(pick), path = f && f.node === n.id && f.path.length ? f.path : pathOf(n.id);
  const onPath = new Set(path.slice(1).map((id, i) => path[i] + '>' + id));
  const svg = sv('svg', { width: '100%', height: '100%', role: 'img', 'aria-label': 'Objects around ' + n.label }), world = sv('g', {});
  svg.append(world);
  const labels = [], named = [], drawn = new Set();
  g.inner.forEach(([a, b, e]) => {
    const B = g.box[b], tree = g.up[b] === a && !drawn.has(a + '>' + b);
    drawn.add(a + '>' + b);
    const cls = e.weak ? 'weak' : onPath.has(e.from + '>' + e.to) ? 'path' : N[e.from].cycle && N[e.from].cycle === N[e.to].cycle ? 'cycle' : tree ? 'strong' : 'other';
    const c = curve(g, a, b, tree), d = `M${c[0]}C${c[1]} ${c[2]} ${c[3]}${tree && a !== b ? 'H' + (B.x - 1) : ''}`;
    const p = sv('path', { class: 'e ' + cls, d, 'marker-end': 'url(#tip-' + cls + ')' });
    p.append(sv('title', {}, e.label + (e.site ? ' ' + e.site : '')));
    world.append(p);
    if (!e.label) return;
    const words = middle(e.label, 24), half = words.length * 3.1;
    const fixed = a === b ? [c[0][0] - half - 3, c[0][1] + 12] : tree ? [(c[1][0] + 10 + B.x - 7) / 2, c[3][1] - 5] : null;
    named.push([c, words, cls, fixed, g.depth[b] < g.depth[a] ? 11 : -3]);
  });
  // Labels of the tree have their places; the others look for one.
  const taken = g.box.map(q => [q.x, q.y, q.w, q.h]);
  named.sort((a, b) => !a[3] - !b[3]).forEach(([c, text, cls, fixed, below]) => {
    const w = text.length * 6.2, rect = at => [at[0] - w / 2, at[1] - 10, w, 12];
    const spots = [0.25, 0.38, 0.16, 0.5, 0.64, 0.78].map(s => along(c, s)).map(([x, y]) => [x, y + below]);
    const at = fixed || spots.find(s => !taken.some(q => meet(q, rect(s)))) || spots[0];
    taken.push(rect(at));
    labels.push(sv('text', { class: 'l ' + cls, x: at[0], y: at[1] }, text));
  });
  const defs = sv('defs', {});
  for (const cls of ['strong', 'path', 'cycle', 'other', 'weak']) {
    const tip = sv('marker', { id: 'tip-' + cls, viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, markerUnits: 'userSpaceOnUse', orient: 'auto' });
    tip.append(sv('path', { class: 'tip ' + cls, d: 'M0 .8 7.2 4 0 7.2z' }));
    defs.append(tip);
  }
  svg.prepend(defs);
  world.append(...labels);
  g.ids.forEach((id, i) => {
    const m = N[id], B = g.box[i], hidden = new Set(m.out.map(e => E[e].to).filter(t => !pick.has(t))).size;
    const node = sv('g', { class: 'n ' + m.kind + (m.cycle ? ' cyc' : '') + (m.found.length ? ' leak' : '') + (id === n.id ? ' pick' : ''), tabindex: 0, role: 'button', 'aria-label': m.label + ' ' + g.text[i][1] });
    node.dataset.id = id;
    node.append(sv('title', {}, m.key + (m.site ? '\n' + m.site : '') + m.found.map(x => '\n' + byNumber[x].code + ' ' + byNumber[x].msg).join('')));
    node.append(sv('rect', { x: B.x, y: B.y, width: B.w, height: 40, rx: m.kind === 'root' ? 2 : 9 }), sv('text', { class: 'a', x: B.x + B.w / 2, y: B.y + (g.text[i][1] ? 17 : 24) }, g.text[i][0]), sv('text', { class: 'b', x: B.x + B.w / 2, y: B.y + 32 }, g.text[i][1]));
    if (m.found.length) node.append(sv('text', { class: 'p', x: B.x + B.w - 12, y: B.y - 4 }, code(m)));
    if (hidden) node.append(sv('text', { class: 'b', x: B.x + B.w + 4, y: B.y + 40, style: 'text-anchor:start' }, '+' + hidden));
    const open = ev => { if (ev.shiftKey) { state.grown.add(id); paint(); } else if (m.found.length && !m.found.includes(state.finding)) choose(m.found[0]); else visit(id); };
    node.addEventListener('click', ev => { if (!dragged) open(ev); });
    node.addEventListener('keydown', ev => { if (ev.key === 'Enter') { ev.stopPropagation(); open(ev); } });
    world.append(node);
  });
  view.append(svg, tools(['fit', () => fit()]));
  const W = Math.max(...g.box.map(b => b.x + b.w)), H = Math.max(...g.box.map(b => b.y + b.h)) + 30;
  let k = 1, tx = 0, ty = 0, dragged = false, from = null;
  const put = () => world.setAttribute('transform', `translate(${tx} ${ty}) scale(${k})`);
  const fit = () => { const r = svg.getBoundingClientRect(); k = Math.min(1.25, (r.width - 60) / (W + 30), Math.max((r.height - 50) / (H + 10), 0.55)); tx = 24; ty = Math.max(26, Math.min(60, (r.height - H * k) / 2)); put(); };
  svg.addEventListener('wheel', ev => { ev.preventDefault(); const r = svg.getBoundingClientRect(), s = Math.exp(-ev.deltaY / 400), z = Math.min(4, Math.max(0.1, k * s)), px = ev.clientX - r.left, py = ev.clientY - r.top; tx = px - (px - tx) * z / k; ty = py - (py - ty) * z / k; k = z; put(); }, { passive: false });
  svg.addEventListener('pointerdown', ev => { from = [ev.clientX - tx, ev.clientY - ty, ev.clientX, ev.clientY]; dragged = false; });
  svg.addEventListener('pointermove', ev => { if (!from || !ev.buttons) return; if (Math.hypot(ev.clientX - from[2], ev.clientY - from[3]) > 4) dragged = true; if (dragged) { tx = ev.clientX - from[0]; ty = ev.clientY - from[1]; put(); } });
  addEventListener('pointerup', () => { from = null; }, { once: false, passive: true });
  fit();
}
function tools(...list) {
  const box = el('div', 'tools');
  list.forEach(([t, f]) => { const b = el('button', '', t); b.type = 'button'; b.addEventListener('click', f); box.append(b); });
  return box;
}

// ---- icicle: who goes with whom ----
const below = N.map(() => []);
N.forEach(n => { if (n.idom >= 0) below[n.idom].push(n.id); });
below.forEach(l => l.sort((a, b) => N[b].kept - N[a].kept || a - b));
function paintIcicle(view, n) {
  view.append(el('p', 'note', 'What goes when something goes. Widths go by log2(1 + retained bytes), not by bytes; what is chosen has half of the room, and what has findings (red) a little more. A click chooses, b goes back.'));
  const W = Math.max(600, view.clientWidth - 32), H = 24, tops = N.filter(x => x.idom < 0).map(x => x.id);
  const svg = sv('svg', { width: W, style: 'margin:0 16px', role: 'img', 'aria-label': 'Dominator tree' });
  let deepest = 0, count = 0;
  const chain = new Set(); let c = n; while (c) { chain.add(c.id); c = c.idom >= 0 ? N[c.idom] : null; }
  // A part is an object, or several that are drawn as one: { label, kids, kept }.
  const sum = ids => ids.reduce((s, i) => s + N[i].kept, 0);
  const kids = p => p.kids || below[p], kept = p => p.kids ? p.kept : N[p].kept, isChosen = p => p.kids ? p.kids.some(k => chain.has(k)) : chain.has(p), hasFound = p => !p.kids && N[p].found.length > 0;
  const weight = p => Math.log2(1 + kept(p)) + (hasFound(p) ? 6 : 0);
  // Of many small parts the chosen, the found and the largest have room; the rest is one.
  const some = (parts, w) => {
    const room = Math.max(2, Math.floor(w / 14));
    if (parts.length <= room) return parts;
    const best = new Set([...parts].sort((a, b) => isChosen(b) - isChosen(a) || hasFound(b) - hasFound(a) || kept(b) - kept(a)).slice(0, room - 1));
    const rest = parts.filter(p => !best.has(p));
    return [...parts.filter(p => best.has(p)), { label: '+' + rest.length, kids: [], kept: sum(rest) }];
  };
  const draw = (list, x, w, d) => {
    const parts = some(list, w), bare = parts.reduce((s, p) => s + weight(p), 0);
    if (!bare) return;
    const heavy = parts.find(isChosen), extra = heavy === undefined ? 0 : Math.max(0, bare - 2 * weight(heavy)), all = bare + extra;
    for (const p of parts) {
      const m = p.kids ? null : N[p], mine = w * (weight(p) + (p === heavy ? extra : 0)) / all;
      if (mine < 2.5 || count > 4000) { x += mine; continue; }
      count++; deepest = Math.max(deepest, d);
      const fill = !m ? 'var(--pane)' : m.found.length ? 'var(--leak)' : m.kind === 'root' || m.kind === 'group' ? 'var(--root)' : m.kind === 'container' ? 'var(--box)' : m.kind === 'resource' ? 'var(--res)' : 'var(--ice)';
      const r = sv('rect', { class: 'ice' + (p === state.node ? ' pick' : ''), x, y: d * H, width: Math.max(1, mine - 1), height: H - 1, style: 'fill:' + fill });
      r.append(sv('title', {}, m ? m.key + '\n' + size(m) + (m.site ? '\n' + m.site : '') : p.label + '\n' + human(p.kept)));
      if (m) r.addEventListener('click', () => { m.found.length && !m.found.includes(state.finding) ? choose(m.found[0]) : visit(p); });
      svg.append(r);
      const isRed = m && m.found.length, room = Math.floor((mine - 8) / (isRed ? 7.4 : 6.4));
      if (room > 3) svg.append(sv('text', { class: 't', x: x + 4, y: d * H + 16, style: isRed ? 'fill:var(--page);font-weight:600' : '' }, middle(m ? m.label + marks(m) : p.label, room)));
      draw(kids(p), x, mine, d + 1);
      x += mine;
    }
  };
  const shared = tops.filter(i => N[i].kind !== 'group').sort((a, b) => N[b].kept - N[a].kept || a - b);
  const parts = tops.filter(i => N[i].kind === 'group');
  if (shared.length) parts.push({ label: 'held by several of these', kids: shared, kept: sum(shared) });
  draw(parts, 0, W, 0);
  svg.setAttribute('height', (deepest + 1) * H + 8);
  view.append(svg);
}

// ---- tables ----
const order = { by: 4, down: true };
const COLUMNS = [['Object', n => n.key], ['Site', n => n.site], ['Distance', n => n.dist], ['Self', n => n.self], ['Retained', n => n.grows && n.step ? n.step : n.kept], ['Holders', n => n.by.length]];
const CHOICE = { objects: n => n.kind !== 'group' && n.kind !== 'root' && n.kind !== 'more', roots: n => n.kind === 'root', cycles: n => n.cycle, growing: n => n.grows };
function paintTable(view, n) {
  let list = N.filter(CHOICE[state.tab]);
  const words = $('q').value.toLowerCase().split(/\s+/).filter(Boolean);
  const some = list.filter(n => words.every(w => (n.key + ' ' + n.type + ' ' + n.site).toLowerCase().includes(w)));
  if (some.length) list = some;
  const of = COLUMNS[order.by][1], sign = order.down ? -1 : 1;
  list.sort((a, b) => (state.tab === 'cycles' ? a.cycle - b.cycle : 0) || (of(a) < of(b) ? -sign : of(a) > of(b) ? sign : a.id - b.id));
  const box = el('div', 'tab'), hd = el('div', 'hd'), body = el('div');
  body.style.cssText = 'position:relative;height:' + list.length * 26 + 'px';
  COLUMNS.forEach(([t], i) => { const b = el('button', i > 1 ? 'num' : '', t + (order.by === i ? (order.down ? ' ↓' : ' ↑') : '')); b.type = 'button'; b.addEventListener('click', () => { order.down = order.by === i ? !order.down : i > 1; order.by = i; paint(); }); hd.append(b); });
  box.append(hd, body);
  view.append(list.length ? box : el('p', 'note', 'There are none.'));
  const have = new Map();
  const fill = () => {
    const a = Math.max(0, Math.floor(box.scrollTop / 26) - 10), z = Math.min(list.length, a + Math.ceil(box.clientHeight / 26) + 24);
    have.forEach((e, i) => { if (i < a || i >= z) { e.remove(); have.delete(i); } });
    for (let i = a; i < z; i++) {
      if (have.has(i)) continue;
      const m = list[i], tr = el('div', 'tr' + (m.id === state.node ? ' pick' : ''));
      tr.style.top = i * 26 + 'px';
      const name = el('span', m.found.length ? 'red' : '', m.key + (m.type && m.type !== m.label ? ' · ' + m.type : '') + marks(m) + (m.found.length ? ' ' + code(m) : ''));
      name.title = m.key;
      tr.append(name, el('span', 'dim', m.site), el('span', 'num', m.dist), el('span', 'num', m.sized ? human(m.self) : ''), el('span', 'num', size(m)), el('span', 'num', m.by.length));
      tr.addEventListener('click', () => { m.found.length ? choose(m.found[0]) : visit(m.id); if (m.found.length) { state.tab = 'graph'; paint(); } else { state.tab = 'graph'; paint(); } });
      body.append(tr); have.set(i, tr);
    }
  };
  box.addEventListener('scroll', fill);
  fill();
}

// ---- keys ----
const KEYS = [['j, ↓', 'next finding'], ['k, ↑', 'previous finding'], ['/', 'filter'], ['Esc', 'clear the filter, leave a field'], ['Enter', 'show the chosen object in the graph'], ['s', 'source'], ['g', 'graph'], ['i', 'icicle of retained sizes'], ['o', 'table of objects'], ['b', 'back'], ['Shift-click', 'in the graph: show more of what an object holds'], ['wheel, drag', 'in the graph: zoom, move'], ['?', 'this help']];
const help = $('help');
help.append(el('p', '', 'All instances of a class are one object here, as is all that one line makes. Sizes are estimates for one of them; what nothing tells counts as 16 B.'));
{ const t = el('table'); KEYS.forEach(([k, d]) => { const r = el('tr'), c = el('td'); c.append(el('kbd', '', k)); r.append(c, el('td', '', d)); t.append(r); }); help.append(t); }
const toggleHelp = () => help.open ? help.close() : help.showModal();
$('helpb').addEventListener('click', toggleHelp);
help.addEventListener('click', () => help.close());
const show = tab => { state.tab = tab; remember(); paint(); };
addEventListener('keydown', ev => {
  if (ev.ctrlKey || ev.metaKey || ev.altKey) return;
  const typing = /^(INPUT|SELECT)$/.test(ev.target.tagName);
  if (ev.key === 'Escape') { if (help.open) return; $('q').value = ''; for (const k in filters) $(filters[k][0]).value = ''; refilter(); document.activeElement.blur(); rows.focus({ preventScroll: true }); ev.preventDefault(); return; }
  if (typing) { if (ev.key === 'Enter' && ev.target === $('q')) { rows.focus(); move(0); } return; }
  const keys = { j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1), '/': () => $('q').focus(), g: () => show('graph'), i: () => show('icicle'), s: () => show('source'), o: () => show('objects'), b: back, Enter: () => show('graph'), '?': toggleHelp };
  if (keys[ev.key]) { if (ev.key === 'Enter' && ev.target.tagName === 'BUTTON') return; ev.preventDefault(); keys[ev.key](); }
});
addEventListener('hashchange', restore);
addEventListener('resize', () => { paintRows(false); if (state.tab !== 'source') paint(); });

$('title').textContent = D.title;
$('counts').textContent = D.counts;
if (D.left) $('counts').append(' · ', el('b', '', D.left));
$('app').hidden = false;
restore();
