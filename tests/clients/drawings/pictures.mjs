// Drawings in a real browser: Mermaid's own parser and renderer take the flowcharts, and in SVG files texts fit into boxes.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { cases, complain, finish, home, launch, nameOf, read, wanted, wrongBoxes } from './common.mjs';

const browser = await launch();
let drawn = 0;
for (const folder of cases) {
  const name = nameOf(folder);
  const page = await browser.newPage();
  page.on('pageerror', it => complain(name, `mermaid throws ${it.message}`));
  await page.addScriptTag({ path: path.join(home, 'node_modules/mermaid/dist/mermaid.min.js') });
  const source = read(folder, 'mermaid');
  const result = await page.evaluate(async source => {
    mermaid.initialize({ startOnLoad: false });
    try {
      const parsed = await mermaid.parse(source);
      const { svg } = await mermaid.render('drawing', source);
      const holder = document.createElement('div');
      holder.innerHTML = svg;
      return { type: parsed.diagramType, nodes: holder.querySelectorAll('g.node').length, edges: holder.querySelectorAll('path.flowchart-link').length, images: holder.querySelectorAll('img,script').length };
    } catch (it) { return { error: String(it.message ?? it) }; }
  }, source);
  const nodes = source.split('\n').filter(it => /^ {2}n\d+[[({]/.test(it)).length, edges = source.split('\n').filter(it => /^ {2}n\d+ -/.test(it)).length;
  wanted(name, !result.error && result.nodes === nodes && result.edges === edges && result.images === 0, `mermaid: ${JSON.stringify(result)} of ${nodes} nodes and ${edges} edges`);
  await page.close();

  for (const colorScheme of ['light', 'dark']) {
    const picture = await browser.newPage({ colorScheme });
    const url = pathToFileURL(path.join(folder, 'heap.svg')).href;
    picture.on('request', it => wanted(name, it.url() === url, `svg asks for ${it.url()}`));
    picture.on('console', it => complain(name, `svg says ${it.text()}`));
    await picture.goto(url);
    const found = await picture.evaluate(wrongBoxes, 'svg');
    wanted(name, !found.wrong.length, `svg, ${colorScheme}: ${found.wrong}`);
    await picture.close();
    drawn += found.count;
  }
}
await browser.close();
finish(`pictures: Mermaid takes the flowcharts, and ${drawn} boxes of SVG drawings hold their texts and stand apart`);
