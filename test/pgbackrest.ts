// A throw-away server that archives to a repository of pgBackRest.

import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, runOrFail } from '../src/core/process.ts';
import { giveTo, type ServerAccount, serverAccount } from '../src/sandbox/account.ts';
import { type SandboxServer, startServer } from '../src/sandbox/server.ts';
import { testContext } from './database.ts';

/** Debian has pgBackRest as a package; there is no other way to have it. */
export const hasPgbackrest: boolean = await run('pgbackrest', ['version']).then(
  () => true,
  () => false,
);

/** The server, and what pgBackRest is told of it; its stanza is `main`. */
export interface ArchivedServer {
  readonly server: SandboxServer;
  readonly account: ServerAccount;
  readonly config: string;
  readonly repository: string;
}

/** Starts it, with everything of pgBackRest in a folder of the test's own. */
export async function startArchivedServer(folder: string): Promise<ArchivedServer> {
  const account = serverAccount();
  const repository = join(folder, 'repository');
  const config = join(folder, 'pgbackrest.conf');
  // The server's user goes through it.
  await chmod(folder, 0o755);
  for (const name of ['repository', 'log', 'lock']) {
    await mkdir(join(folder, name));
    await giveTo(account, join(folder, name));
  }
  const server = await startServer(testContext(), {
    purpose: 'test',
    major: 15,
    settings: {
      archive_mode: 'on',
      archive_command: `pgbackrest --config=${config} --stanza=main archive-push %p`,
    },
  });
  await writeFile(
    config,
    `[global]
repo1-path=${repository}
repo1-retention-full=2
log-path=${join(folder, 'log')}
lock-path=${join(folder, 'lock')}
spool-path=${join(folder, 'spool')}
log-level-file=off
start-fast=y
job-retry=0
[main]
pg1-path=${join(server.folder, 'data')}
pg1-socket-path=${server.folder}
pg1-user=postgres
`,
  );
  const create = [`--config=${config}`, '--stanza=main', 'stanza-create'];
  await runOrFail('pgbackrest', create, { ...account, cwd: '/' });
  return { server, account, config, repository };
}
