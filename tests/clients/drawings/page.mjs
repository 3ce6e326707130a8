// The HTML report in a real browser, from a file: keys, clicks, filters, links, both colour schemes, and no script at all.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { cases, complain, dataOf, faintTexts, finish, launch, nameOf, wanted, wrongBoxes } from './common.mjs';

const browser = await launch();

/** A page that may ask for nothing but itself, and may complain of nothing. */
async function open(folder, options = {}, hash = '') {
  const name = nameOf(folder), url = pathToFileURL(path.join(folder, 'report.html')).href;
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.on('request', it => wanted(name, it.url().split('#')[0] === url, `asks for ${it.url()}`));
  page.on('console', it => wanted(name, !['error', 'warning'].includes(it.type()), `says ${it.text()}`));
  page.on('pageerror', it => complain(name, `throws ${it.message}`));
  page.on('dialog', it => { complain(name, `opens a dialog: ${it.message()}`); it.dismiss(); });
  await page.goto(url + hash);
  return page;
}
const close = page => page.context().close();
const selected = page => page.evaluate(() => document.querySelector('.row[aria-selected=true]')?.id ?? '');
const text = (page, selector) => page.locator(selector).innerText();
const view = page => page.evaluate(() => document.querySelector('#tabs [aria-selected=true]').id);

for (const folder of cases) {
  const name = nameOf(folder), D = dataOf(folder), count = D.f.length;
  const say = (isSo, what) => wanted(name, isSo, what);

  // Rows are there at once, and only those that can be seen.
  const times = [];
  for (let i = 0; i < 3; i++) {
    const page = await open(folder);
    await page.waitForFunction(() => !document.getElementById('app').hidden);
    times.push(await page.evaluate(() => { const it = performance.getEntriesByType('navigation')[0]; return it.domComplete - it.startTime; }));
    await close(page);
  }
  say(Math.min(...times) < 1000, `takes ${times.map(it => it.toFixed(0))} ms to show`);

  for (const colorScheme of ['light', 'dark']) {
    const page = await open(folder, { colorScheme });
    const dark = await page.evaluate(() => { const c = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number); return c[0] + c[1] + c[2] < 200; });
    say(dark === (colorScheme === 'dark'), `${colorScheme} is not ${colorScheme}`);
    for (const key of ['s', 'g', 'i', 'o', '?']) {
      await page.keyboard.press(key);
      const faint = await page.evaluate(faintTexts);
      say(!faint.length, `${colorScheme}, ${key}: hard to read: ${faint}`);
    }
    await close(page);
  }

  const page = await open(folder);
  if (count === 0) {
    say((await text(page, '#none')).includes('Nothing was found'), 'does not say that nothing was found');
    say(await page.locator('#view svg rect').count() > 0, 'draws no heap when nothing was found');
    await close(page);
    continue;
  }
  const rows = await page.locator('.row').count();
  say(rows > 0 && rows <= 30, `${rows} rows stand in the page`);

  // Keys.
  const first = await selected(page);
  say(first !== '', 'no finding is chosen at first');
  const steps = Math.min(50, count - 1), start = Date.now();
  for (let i = 0; i < steps; i++) await page.keyboard.press('j');
  say(Date.now() - start < 50 * 60 + 1000, `${steps} × j takes ${Date.now() - start} ms`);
  const last = await selected(page);
  say(steps === 0 || last !== first, 'j does not move');
  const isSeen = await page.evaluate(() => { const r = document.querySelector('.row[aria-selected=true]').getBoundingClientRect(), b = document.getElementById('rows').getBoundingClientRect(); return r.top >= b.top - 1 && r.bottom <= b.bottom + 1; });
  say(isSeen, 'j leaves the view');
  for (let i = 0; i < steps; i++) await page.keyboard.press('k');
  say(await selected(page) === first, 'k does not lead back');
  for (const [key, tab] of [['g', 'tab-graph'], ['i', 'tab-icicle'], ['o', 'tab-objects'], ['s', 'tab-source'], ['Enter', 'tab-graph']]) {
    await page.keyboard.press(key);
    say(await view(page) === tab, `${key} shows ${await view(page)}`);
  }
  await page.keyboard.press('?');
  say(await page.locator('#help').isVisible(), '? shows no help');
  await page.keyboard.press('Escape');
  say(!await page.locator('#help').isVisible(), 'Escape leaves the help open');

  // The graph: boxes hold their texts and stand apart; a click chooses, b goes back, a click with Shift shows more.
  const graph = await page.evaluate(wrongBoxes, '#view svg');
  say(graph.count > 0 && !graph.wrong.length, `graph: ${graph.count} boxes: ${graph.wrong}`);
  const codesOf = id => [...new Set(D.f.filter(it => it[13] === id).map(it => D.s[it[0]]))].sort().join(' ');
  const pills = await page.evaluate(() => [...document.querySelectorAll('#view g.n')].map(it => [Number(it.dataset.id), (it.querySelector('.p')?.textContent ?? '').split(' ').sort().join(' ')]));
  pills.forEach(([id, pill]) => say(pill === codesOf(id), `graph: ${D.s[D.n[id][3]]} says "${pill}", not "${codesOf(id)}"`));
  say(pills.some(it => it[1]), 'graph: no box has a code');
  const around = await page.locator('#view g.n:not(.pick)').count();
  if (around) {
    const before = await text(page, '#say');
    await page.locator('#view g.n:not(.pick)').last().click();
    say(await text(page, '#say') !== before, 'a click in the graph changes nothing');
    await page.keyboard.press('b');
    say(await text(page, '#say') === before, 'b does not go back');
  }
  const open1 = await page.evaluate(() => document.querySelectorAll('#view g.n').length);
  await page.locator('#view g.n').last().click({ modifiers: ['Shift'] });
  say(await page.evaluate(() => document.querySelectorAll('#view g.n').length) >= open1, 'Shift-click shows less');
  const scale = () => page.evaluate(() => document.querySelector('#view svg > g').getAttribute('transform'));
  const unzoomed = await scale();
  await page.mouse.move(800, 600);
  await page.mouse.wheel(0, -300);
  await page.waitForFunction(was => document.querySelector('#view svg > g').getAttribute('transform') !== was, unzoomed).catch(() => say(false, 'the wheel does not zoom'));
  await page.keyboard.press('i');
  const chosen = await page.evaluate(() => Number(document.querySelector('#view rect.ice.pick')?.getAttribute('width')));
  say(chosen > 50, `the icicle draws what is chosen ${chosen} wide`);
  await page.keyboard.press('o');
  await page.locator('#view .hd button').first().click();
  const tableRows = await page.locator('#view .tr').count();
  say(tableRows > 0 && tableRows < 100, `${tableRows} rows of the table stand in the page`);

  // Clicks on rows and on the path.
  await page.keyboard.press('s');
  if (count > 1) {
    await page.locator('.row').nth(1).click();
    say(await selected(page) === await page.locator('.row').nth(1).getAttribute('id'), 'a click on a row does not choose it');
  }
  say(await page.locator('#view .src mark').count() > 0, 'the source marks nothing');
  if (await page.locator('#chips button').count()) {
    await page.locator('#chips button').first().click();
    say(await view(page) === 'tab-graph', 'a click on the path does not show its object');
  }

  // Filters: by text, by choice, and gone with Escape.
  const total = () => page.evaluate(() => document.querySelectorAll('#rows .row').length);
  const codes = [...new Set(D.f.map(it => D.s[it[0]]))].sort(), one = codes[0];
  await page.keyboard.press('/');
  await page.keyboard.type('no such thing anywhere');
  say(await total() === 0 && await page.locator('#none').isVisible(), 'a filter that nothing passes shows rows');
  await page.keyboard.press('Escape');
  say(await total() > 0, 'Escape does not clear the filter');
  await page.keyboard.press('/');
  await page.keyboard.type(one);
  const others = await page.evaluate(code => [...document.querySelectorAll('.row .code')].filter(it => it.textContent !== code).length, one);
  say(await total() > 0, `the filter ${one} shows nothing`);
  if (name !== 'hostile') say(others === 0, `the filter ${one} shows ${others} others`);
  await page.keyboard.press('Escape');
  await page.selectOption('#f-rule', { index: 1 });
  const heads = await page.evaluate(() => [...new Set([...document.querySelectorAll('.row .code')].map(it => it.textContent))]);
  say(heads.length === 1, `a choice of one rule shows ${heads}`);
  await page.selectOption('#group', 'file');
  say(await page.locator('#rows .head').count() > 0, 'no groups');

  // The state stands in the link.
  await page.keyboard.press('Escape');
  await page.selectOption('#group', '');
  const wantedRow = D.f[Math.floor(count / 2)], link = `#${D.s[wantedRow[0]]}-${wantedRow[10]}`;
  await close(page);
  const linked = await open(folder, {}, link + '?view=graph');
  say(await selected(linked) === 'row-' + Math.floor(count / 2) && await view(linked) === 'tab-graph', `${link} opens ${await selected(linked)}`);
  say(linked.url().includes(link.slice(1)), `the link became ${linked.url()}`);
  await close(linked);

  // Without a script: a table with all findings, and links into it.
  const plain = await open(folder, { javaScriptEnabled: false }, link);
  const lines = await plain.locator('noscript tbody tr').count();
  say(lines === count && await plain.locator('noscript table').isVisible(), `without a script ${lines} of ${count} findings`);
  say(await plain.locator('#app').isHidden(), 'without a script the empty frame is shown');
  await close(plain);
  console.log(`clients: page: ${name}: ${count} findings, ${D.n.length} objects, ${Math.min(...times).toFixed(0)} ms`);
}

await browser.close();
finish('pages work by keys, clicks, filters and links, light, dark and without a script, and ask for nothing');
