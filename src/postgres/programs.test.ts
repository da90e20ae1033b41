import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clientFor, findInstallations, nearest, programPath } from './programs.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drydock-programs-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function install(major: number): string {
  const bin = mkdtempSync(join(folder, `${major}-`));
  for (const program of ['pg_dump', 'pg_restore']) {
    writeFileSync(join(bin, program), `#!/bin/sh\necho "${program} (PostgreSQL) ${major}.2"\n`);
    chmodSync(join(bin, program), 0o755);
  }
  return bin;
}

describe('the programs of this machine', () => {
  it('are found in their real folders, never as wrapper scripts', async () => {
    const installations = await findInstallations();
    expect(installations.length).toBeGreaterThan(0);
    expect(installations.map((each) => each.folder)).not.toContain('/usr/share/postgresql-common');
  });

  it('are listed once, however many ways lead to a folder', async () => {
    const bin = install(16);
    const installations = await findInstallations({ PGBIN: [bin, bin].join(delimiter) });
    expect(installations).toEqual([
      { folder: bin, major: 16, version: '16.2', hasServer: false, hasClients: true },
    ]);
  });

  it('are listed newest first', async () => {
    const PGBIN = [install(9), install(18), install(15)].join(delimiter);
    const installations = await findInstallations({ PGBIN });
    expect(installations.map((each) => each.major)).toEqual([18, 15, 9]);
  });
});

describe('the client programs for a server', () => {
  it('are of its own major version where there are some', async () => {
    const PGBIN = [install(18), install(15), install(14)].join(delimiter);
    const clients = await clientFor(150_018, { PGBIN });
    expect(clients.major).toBe(15);
    expect(programPath(clients, 'pg_restore')).toBe(join(clients.folder, 'pg_restore'));
  });

  it('are the nearest newer ones otherwise', async () => {
    const PGBIN = [install(18), install(16), install(14)].join(delimiter);
    expect((await clientFor(150_018, { PGBIN })).major).toBe(16);
  });

  it('are refused when all are older than the server', async () => {
    const failure = clientFor(180_000, { PGBIN: install(15) });
    await expect(failure).rejects.toMatchObject({
      code: 'postgres/client-too-old',
      message: expect.stringMatching(/^pg_dump 15\.2 in .* older than the server, .* 18$/),
      hint: expect.stringContaining('18'),
    });
  });

  it('are missing with a hint that says how to install them', async () => {
    const failure = clientFor(150_018, { PGBIN: folder });
    await expect(failure).rejects.toMatchObject({
      code: 'postgres/no-client-programs',
      hint: expect.stringContaining('install'),
    });
  });
});

describe('the nearest version', () => {
  it('is never an older one', () => {
    const installation = { folder: '/', version: '15', hasServer: true, hasClients: true };
    expect(nearest([{ ...installation, major: 15 }], 16)).toBeUndefined();
  });
});
