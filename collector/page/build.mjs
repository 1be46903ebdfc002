// Bundles the page: `node build.mjs DIRECTORY` writes it there, `npm run build` into dist/, which is committed.
//
// Must stay true: the same sources and the same lock file give the same bytes (a test compares); nothing is taken from another
// origin at run time; no script and no style stands in the HTML, so that the Content-Security-Policy can forbid both.
import {build} from 'esbuild';
import {copyFile, mkdir, readFile, rm, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.resolve(process.argv[2] ?? path.join(here, 'dist'));
const bundled = ['preact', 'uplot']; // what of node_modules ends up in the bundle, for the licences

await rm(out, {recursive: true, force: true});
await mkdir(out, {recursive: true});
await build({
  absWorkingDir: here,
  entryPoints: {app: 'src/main.tsx', style: 'src/style/main.css'},
  outdir: out,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'warning',
});
for (const name of ['index.html', 'icon.svg']) await copyFile(path.join(here, 'src', name), path.join(out, name));
const licences = await Promise.all(
  bundled.map(async name => {
    const text = await readFile(path.join(here, 'node_modules', name, 'LICENSE'), 'utf8');
    return `${name}\n\n${text.replaceAll('\r', '').trim()}\n`;
  }),
);
await writeFile(path.join(out, 'licenses.txt'), licences.join('\n\n'));
