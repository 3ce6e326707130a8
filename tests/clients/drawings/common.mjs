// What the tests of drawings share: packages below target/clients, the browser, and a list of what is wrong.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

// Arguments: the clients' folder, the browser, and the folders of the cases, each with its drawings.
export const [home, browserPath, ...cases] = process.argv.slice(2);
export const require = createRequire(path.join(home, 'package.json'));

const problems = [];
export const complain = (name, text) => problems.push(`${name}: ${text}`);
export const wanted = (name, isSo, text) => { if (!isSo) complain(name, text); };
export const nameOf = folder => path.basename(folder);
export const read = (folder, file) => fs.readFileSync(path.join(folder, file), 'utf8');

/** The data of a page: texts, nodes, edges and findings, as rows. */
export const dataOf = folder => JSON.parse(read(folder, 'report.html').match(/<script type="application\/json" id="data">(.*)<\/script>/)[1]);

/** Prints what is wrong, and ends. */
export function finish(says) {
  problems.slice(0, 40).forEach(it => console.error('clients: ' + it));
  if (problems.length) { console.error(`clients: ${problems.length} problems`); process.exit(1); }
  console.log('clients: ' + says);
  process.exit(0);
}

/** A headless browser that has no reason to ask for anything. */
export function launch() {
  const { chromium } = require('playwright-core');
  return chromium.launch({
    executablePath: browserPath,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

/** In a page: texts whose contrast with what is behind them is below 4.5, in HTML. */
export function faintTexts() {
  const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > 0.5) return c; } return [255, 255, 255]; };
  const faint = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement, box = e.getBoundingClientRect();
    if (!walk.currentNode.data.trim() || !box.width || !e.checkVisibility() || e.closest('svg,script,style,option')) continue;
    const a = light(parse(getComputedStyle(e).color).slice(0, 3)), b = light(behind(e).slice(0, 3));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(`${e.tagName} ${e.className} "${walk.currentNode.data.slice(0, 30)}" ${ratio.toFixed(1)}`);
  }
  return [...new Set(faint)].slice(0, 10);
}

/** In a page: what is wrong with the boxes of an SVG drawing — texts that stick out, boxes that meet, faint texts. */
export function wrongBoxes(selector) {
  const parse = c => c.match(/[\d.]+/g).map(Number);
  const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const wrong = [], boxes = [];
  for (const g of document.querySelectorAll(selector + ' g.n')) {
    const rect = g.querySelector('rect'), r = rect.getBBox();
    boxes.push(r);
    for (const text of g.querySelectorAll('text.a,text.b')) {
      const t = text.getBBox();
      if (!text.textContent || getComputedStyle(text).textAnchor === 'start') continue;
      if (t.x < r.x || t.x + t.width > r.x + r.width) wrong.push(`"${text.textContent}" is ${t.width.toFixed(0)} wide in a box of ${r.width.toFixed(0)}`);
      const fill = getComputedStyle(rect).fill;
      if (fill === 'none') continue;
      const a = light(parse(getComputedStyle(text).fill)), b = light(parse(fill));
      if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5) wrong.push(`"${text.textContent}" is faint`);
    }
  }
  const page = document.querySelector(selector).getBoundingClientRect();
  if (selector === 'svg') for (const text of document.querySelectorAll('svg text')) {
    const r = text.getBoundingClientRect();
    if (r.left < 0 || r.right > page.right) wrong.push(`"${text.textContent}" is cut off`);
  }
  for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
    const a = boxes[i], b = boxes[j];
    if (a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height) wrong.push(`boxes ${i} and ${j} meet`);
  }
  return { count: boxes.length, wrong: wrong.slice(0, 10) };
}
