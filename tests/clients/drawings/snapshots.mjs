// DevTools' own reader and memlab: each must compute, from the snapshot, the sizes, dominators and distances that we drew.
import fs from 'node:fs';
import path from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { pathToFileURL } from 'node:url';
import { cases, complain, dataOf, finish, home, nameOf, read, require, wanted } from './common.mjs';

const FIELDS = 7, BEFORE = 2;

/** The reader that runs inside DevTools, bundled once. */
async function devtools() {
  const out = path.join(home, 'devtools-worker.mjs');
  if (!fs.existsSync(out)) {
    const front = path.join(path.dirname(require.resolve('chrome-devtools-frontend/package.json')), 'front_end');
    const none = 'export const LOCALES = ["en-US"], BUNDLED_LOCALES = LOCALES, DEFAULT_LOCALE = "en-US", LOCAL_FETCH_PATTERN = "", REMOTE_FETCH_PATTERN = "";';
    await require('esbuild').build({
      stdin: { contents: "export * from './HeapSnapshot.ts'; export * from './HeapSnapshotLoader.ts';", resolveDir: path.join(front, 'entrypoints/heap_snapshot_worker'), loader: 'ts' },
      bundle: true, format: 'esm', platform: 'node', outfile: out, logLevel: 'error',
      plugins: [{ name: 'locales', setup(build) { build.onResolve({ filter: /locales\.js$/ }, it => ({ path: it.path, namespace: 'none' })); build.onLoad({ filter: /.*/, namespace: 'none' }, () => ({ contents: none })); } }],
    });
  }
  Promise.withResolvers ??= () => { let resolve, reject; const promise = new Promise((a, b) => { resolve = a; reject = b; }); return { promise, resolve, reject }; };
  return import(pathToFileURL(out));
}

const { HeapSnapshotLoader, SecondaryInitManager } = await devtools();
async function load(text) {
  const loader = new HeapSnapshotLoader({ sendEvent() {} });
  loader.write(text); loader.close();
  const channel = new MessageChannel();
  new SecondaryInitManager(channel.port2);
  return loader.buildSnapshot(channel.port1);
}

const { config } = require('@memlab/core');
config.muteConsole = true;
const { getFullHeapFromFile } = require('@memlab/heap-analysis');

let compared = 0;
for (const folder of cases) {
  const name = nameOf(folder), D = dataOf(folder), text = read(folder, 'heapsnapshot');
  const ids = JSON.parse(text).nodes.filter((_, i) => i % FIELDS === 2), at = new Map(ids.map((id, i) => [id, i]));
  const theirs = await load(text);
  const memlab = await getFullHeapFromFile(path.join(folder, 'heapsnapshot'));
  wanted(name, theirs.nodeCount === D.n.length + BEFORE && memlab.nodes.length === theirs.nodeCount, `${theirs.nodeCount} and ${memlab.nodes.length} nodes of ${D.n.length + BEFORE}`);
  D.n.forEach((row, i) => {
    const [self, kept, distance, idom] = [row[5], row[7], row[8], row[9]], key = D.s[row[3]];
    const ours = { self, kept, idom: idom < 0 ? 1 : idom + BEFORE, distance: distance + 2 };
    const node = theirs.createNode((i + BEFORE) * FIELDS), other = memlab.getNodeById(ids[i + BEFORE]);
    const chrome = { self: node.selfSize(), kept: node.retainedSize(), idom: theirs.dominatorsTree[i + BEFORE], distance: node.distance() };
    const lab = { self: other.self_size, kept: other.retainedSize, idom: at.get(other.dominatorNode?.id), distance: ours.distance };
    for (const [reader, it] of [['DevTools', chrome], ['memlab', lab]]) {
      wanted(name, JSON.stringify(it) === JSON.stringify(ours), `${key}: ${reader} says ${JSON.stringify(it)}, we ${JSON.stringify(ours)}`);
    }
    compared++;
  });
}

// The same program later, with code above and one more global: one object is new, none is gone, all others are the same.
const { before, after } = { before: path.join(cases[0], '..', 'before.heapsnapshot'), after: path.join(cases[0], '..', 'after.heapsnapshot') };
const [old, now] = [await load(fs.readFileSync(before, 'utf8')), await load(fs.readFileSync(after, 'utf8'))];
const diff = now.calculateSnapshotDiff('before', old.aggregatesForDiff('[]'));
const added = [], removed = [];
for (const it of Object.values(diff)) {
  it.addedIndexes.forEach(index => added.push(now.createNode(index).name()));
  if (it.removedCount) removed.push(it.name);
}
wanted('two commits', removed.length === 0 && added.length === 1 && added[0].includes('ADDED'), `added ${JSON.stringify(added)}, removed ${JSON.stringify(removed)}`);

finish(`snapshots: DevTools and memlab agree on ${compared} objects, and see one new object between two commits`);
