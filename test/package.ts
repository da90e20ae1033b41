// The package as users get it: packed, and installed in a project of its own, without a network.

import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { runOrFail } from '../src/core/process.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * The folder `node_modules` of a project that has installed the package: a project links it as its own.
 * Made once for a run of tests. Its dependencies are those of this repository.
 */
export async function installedModules(): Promise<string> {
  const installed = join(inject('runFolder'), 'installed');
  if (!existsSync(installed)) {
    const making = await mkdtemp(`${installed}-`);
    await install(making);
    // Test files run side by side: the first one to be ready wins.
    await rename(making, installed).catch(() => rm(making, { recursive: true }));
  }
  return join(installed, 'node_modules');
}

async function install(folder: string): Promise<void> {
  if (!existsSync(join(root, 'dist', 'cli', 'main.js'))) {
    await runOrFail(process.execPath, ['script/build.mjs'], { cwd: root });
  }
  const packed = await runOrFail('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: root,
  });
  const modules = join(folder, 'node_modules');
  await mkdir(join(modules, '.bin'), { recursive: true });
  await runOrFail('tar', ['-xf', join(folder, packed.stdout.trim()), '-C', modules]);
  const own = join(modules, 'pg-drydock');
  await rename(join(modules, 'package'), own);
  const { bin, dependencies } = JSON.parse(
    await readFile(join(own, 'package.json'), 'utf8'),
  ) as Record<'bin' | 'dependencies', Record<string, string>>;
  for (const [name, program] of Object.entries(bin)) {
    await chmod(join(own, program), 0o755);
    await symlink(join('..', 'pg-drydock', program), join(modules, '.bin', name));
  }
  for (const name of Object.keys(dependencies)) {
    const link = join(modules, name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(root, 'node_modules', name), link);
  }
}
