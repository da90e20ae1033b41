// pg_dump refuses a server that is newer than itself: so does a backup, before it begins, and says which.

import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { backUpOptions } from '../../test/backups.ts';
import { serverMajor, testContext, testDatabase } from '../../test/database.ts';
import { findInstallations, programPath } from '../postgres/programs.ts';
import { backUp } from './back-up.ts';

it('a backup by a real pg_dump that is older than the server is refused by name, and leaves nothing', async (context) => {
  const { PATH } = process.env;
  const major = await serverMajor();
  const all = await findInstallations({ PATH });
  const older = all.find((each) => each.hasClients && each.major < major);
  if (older === undefined) {
    context.skip(`no client programs here are older than the server, which is PostgreSQL ${major}`);
    return;
  }
  await using database = await testDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'older-programs-'));
  const before = process.env.PGBIN;
  try {
    // Without the server that lies beside them.
    for (const program of ['pg_dump', 'pg_restore'] as const) {
      const script = `#!/bin/sh\nexec ${programPath(older, program)} "$@"\n`;
      await writeFile(join(folder, program), script);
      await chmod(join(folder, program), 0o755);
    }
    process.env.PGBIN = folder;
    const backups = join(folder, 'backups');
    await expect(backUp(testContext(), backUpOptions(database.address, backups))).rejects.toEqual(
      expect.objectContaining({
        code: 'postgres/client-too-old',
        message: expect.stringMatching(
          new RegExp(`pg_dump ${older.version} .* is PostgreSQL ${major}`),
        ),
        hint: expect.stringContaining('PGBIN'),
      }),
    );
    const left = await readdir(backups, { recursive: true, withFileTypes: true }).catch(() => []);
    expect(left.filter((entry) => entry.isFile())).toEqual([]);
  } finally {
    if (before === undefined) delete process.env.PGBIN;
    else process.env.PGBIN = before;
    await rm(folder, { recursive: true });
  }
});
