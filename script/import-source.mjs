// Imports a TypeScript file of src/ into a script: Node 20 cannot read TypeScript by itself.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Changes into the project's folder and imports `path` of it. */
export async function importSource(path) {
  process.chdir(root);
  const { outputFiles } = await build({
    entryPoints: [path],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    // Files beside a source are found from where the source is, not from where the bundle is.
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(resolve(path)).href) },
    loader: { '.sql': 'text', '.txt': 'text', '.sh': 'text' },
    logLevel: 'warning',
  });
  // Inside the project, so that its packages are found.
  const target = resolve('node_modules/.cache/drydock', `${path.replaceAll(/\W/g, '-')}.mjs`);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, outputFiles[0].text);
  return await import(pathToFileURL(target).href);
}
