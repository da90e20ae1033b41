// The migration runners that Drydock is compared with, in their newest version on npm; kept in a cache
// folder, no dependency of this project.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const folder = resolve('node_modules/.cache/other-runners');

/** Installs these (needs the network once) and tells where they are and which versions. */
export function otherRunners(runners) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const wanted = [...runners, 'pg'].map((name) => `${name}@latest`);
  execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', ...wanted], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const modules = join(folder, 'node_modules');
  return Object.fromEntries(
    runners.map((name) => {
      const { version } = JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8'));
      return [name, { program: join(modules, '.bin', name), version }];
    }),
  );
}
