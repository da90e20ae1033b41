// Whose word passes a gate: approvals signed by an ssh key, and waivers, by the command. Approvals by the role
// of a session are shown in gates.test.ts.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JudgedGate } from '../src/promotion/gate.ts';
import { type CommandProject, commandProject, drydockJson, lastEntry } from './command.ts';
import { type TestDatabase, testDatabase } from './database.ts';

let database: TestDatabase;
let project: CommandProject;

beforeAll(async () => {
  database = await testDatabase();
  project = await commandProject({
    databases: { production: database.address.connectionString() },
    rules: {
      production: {
        guarded: true,
        confirm: 'never',
        approvals: { count: 1, allowedSigners: 'allowed_signers' },
        neverWaive: ['approved'],
      },
    },
    migrations: { '001_a.sql': 'CREATE TABLE IF NOT EXISTS a (id int PRIMARY KEY);\n' },
  });
  for (const name of ['ben', 'eve']) {
    await project.sh(`ssh-keygen -q -t ed25519 -N '' -C ${name} -f ${name}`);
  }
  const ben = await readFile(join(project.folder, 'ben.pub'), 'utf8');
  await project.write('allowed_signers', `ben@example.org ${ben}`);
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await database.drop();
});

async function approve(who: string, ...more: string[]): Promise<void> {
  const args = ['approve', 'production', '--yes', ...more];
  const { exit, stderr } = await drydockJson(project, args, { DRYDOCK_ACTOR: who });
  expect(exit, stderr).toBe(0);
}

async function gate(id: string, ...more: string[]): Promise<JudgedGate> {
  const args = ['preflight', 'production', ...more];
  const { data } = await drydockJson(project, args, { DRYDOCK_ACTOR: 'ana' });
  return data.gates.find((each: JudgedGate) => each.id === id);
}

it('an approval counts when a key of the team has signed it, and it is not that of who applies', async () => {
  const none = { state: 'closed', reason: '0 of 1 approvals of this plan' };
  expect(await gate('approved')).toMatchObject(none);
  await approve('ben');
  await approve('eve', '--key', 'eve');
  await approve('ana', '--key', 'ben');
  expect(await gate('approved')).toMatchObject(none);
  await approve('ben', '--key', 'ben');
  expect(await gate('approved')).toMatchObject({
    state: 'open',
    reason: 'approved by ben@example.org',
  });
});

it('an approval counts for no other plan', async () => {
  const path = 'migrations/001_a.sql';
  const text = await readFile(join(project.folder, path), 'utf8');
  await project.write(path, text.replace('int', 'bigint'));
  expect(await gate('approved')).toMatchObject({ state: 'closed' });
  await project.write(path, text);
  expect(await gate('approved')).toMatchObject({ state: 'open' });
});

it('a waiver passes a gate with name and reason, and none that the configuration keeps', async () => {
  await project.write('migrations/002_b.sql', 'CREATE TABLE IF NOT EXISTS b (id int);\n');
  expect(await gate('approved', '--waive', 'approved=in a hurry')).toMatchObject({
    state: 'closed',
    reason: expect.stringContaining('the configuration lets nobody waive it'),
  });
  await approve('ben', '--key', 'ben');
  const waived = ['--waive', 'monitoring-ready=no application yet'];
  const { exit } = await drydockJson(
    project,
    ['apply', 'production', '--told-by', 'Ben', ...waived],
    { DRYDOCK_ACTOR: 'ana' },
  );
  expect(exit).toBe(0);
  const entry = await lastEntry(database.address);
  expect(entry?.details?.gates).toContainEqual({
    id: 'monitoring-ready',
    state: 'waived',
    reason: expect.stringMatching(/waived by ana: no application yet$/),
  });
});
