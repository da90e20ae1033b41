// Point in time by pgBackRest itself: what `drydock recover` prints is typed, and the new server has the rows.

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOrFail } from '../src/core/process.ts';
import { Address } from '../src/postgres/address.ts';
import { connect } from '../src/postgres/connect.ts';
import { giveTo, serverAccount } from '../src/sandbox/account.ts';
import type { SandboxServer } from '../src/sandbox/server.ts';
import { serverFor } from '../src/sandbox/server-programs.ts';
import { type CommandProject, commandProject, drydockJson } from './command.ts';
import { hasPgbackrest, startArchivedServer } from './pgbackrest.ts';

describe.skipIf(!hasPgbackrest)('point in time by pgBackRest', () => {
  const account = serverAccount();
  const asServer = { ...account, cwd: '/' };
  let folder: string;
  let server: SandboxServer;
  let live: Address;
  let project: CommandProject;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'drydock-point-in-time-'));
    await mkdir(join(folder, 'new'), { mode: 0o700 });
    await giveTo(account, join(folder, 'new'));
    const archived = await startArchivedServer(folder);
    server = archived.server;
    const { config } = archived;
    live = server.address('postgres');
    await execute('CREATE TABLE users AS SELECT n AS id FROM generate_series(1, 50) n');
    project = await commandProject({
      databases: { production: live.connectionString() },
      rules: {
        production: {
          guarded: false,
          confirm: 'never',
          backups: { engine: { pgbackrest: { stanza: 'main', config } } },
        },
      },
      migrations: { '001_bad.sql': 'DELETE FROM users WHERE id > 10;\n' },
    });
  });

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await server?.stop();
    await rm(folder, { recursive: true });
  });

  async function execute(sql: string): Promise<void> {
    await using database = await connect(live, { purpose: 'test' });
    await database.execute(sql);
  }

  it('is what recover prints: backup, writes, a bad migration, and every row from before it', async () => {
    await drydockJson(project, ['backup', 'production', '--engine']);
    await drydockJson(project, ['prove', 'production', '--engine']);
    await execute('INSERT INTO users SELECT generate_series(51, 60)');
    // The moment is a second before the change.
    await execute('SELECT pg_sleep(1.2)');
    expect((await drydockJson(project, ['apply', 'production'])).exit).toBe(0);
    await execute('INSERT INTO users VALUES (1000)');

    const { data } = await drydockJson(project, ['recover', 'production']);
    const way = data.ways.find(({ name }: { name: string }) => name === 'point-in-time');
    expect(way).toMatchObject({ byHand: true, judgement: { possible: true, doubt: null } });
    const made = join(folder, 'new', 'data');
    const typed = way.judgement.command.replaceAll('NEW_FOLDER', made);
    await runOrFail('sh', ['-c', typed], asServer);

    await using restored = await started(made);
    await using database = await connect(restored.address, { purpose: 'test' });
    expect(await database.one('SELECT count(*)::int AS rows, max(id) AS last FROM users')).toEqual({
      rows: 60,
      last: 60,
    });
    // It must not write into the archive of the live one.
    expect(await database.one("SELECT current_setting('archive_mode') AS archive")).toEqual({
      archive: 'off',
    });
  });

  async function started(data: string): Promise<AsyncDisposable & { readonly address: Address }> {
    const { folder: programs } = await serverFor(15);
    const pgCtl = (args: readonly string[]) =>
      runOrFail(join(programs, 'pg_ctl'), ['-D', data, ...args], asServer);
    const socket = join(folder, 'new');
    await pgCtl([
      '-w',
      '-l',
      join(socket, 'log'),
      '-o',
      `-k ${socket} -c listen_addresses=`,
      'start',
    ]);
    return {
      address: Address.parse(`postgresql://postgres@/postgres?host=${encodeURIComponent(socket)}`),
      [Symbol.asyncDispose]: async () => {
        await pgCtl(['-m', 'immediate', 'stop']);
      },
    };
  }
});
