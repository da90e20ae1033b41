// How many questions an apply asks of a guarded environment, and who may answer them by flags.

import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Confirmation } from '../src/config/environment.ts';
import { type CommandProject, commandProject, drydockJson, filesIn, traces } from './command.ts';
import { type TestDatabase, testDatabase } from './database.ts';

const apply = [
  ...['apply', 'production', '--told-by', 'Ana'],
  ...['--waive', 'monitoring-ready=a test has no application'],
];

let database: TestDatabase;

beforeEach(async () => {
  database = await testDatabase({ sql: 'CREATE TABLE users (id int)' });
});

afterEach(() => database.drop());

function guardedProject(confirm: Confirmation): Promise<CommandProject> {
  return commandProject({
    databases: { production: database.address.connectionString() },
    rules: { production: { guarded: true, confirm } },
    migrations: {
      '001_a.sql': '-- A table.\nCREATE TABLE IF NOT EXISTS a (id int PRIMARY KEY);\n',
    },
  });
}

it('two questions want both answers before anything is begun', async () => {
  await using project = await guardedProject('twice');
  const before = await traces(project, database.address);
  const { database: name } = database.address;
  for (const [answers, code] of [
    [[], 'usage/nobody-to-ask'],
    [['--yes'], 'usage/nobody-to-ask'],
    [['--confirm', name], 'usage/nobody-to-ask'],
    [['--yes', '--confirm', 'another'], 'usage/wrong-database-name'],
  ] as const) {
    const { exit, failure } = await drydockJson(project, [...apply, ...answers]);
    expect({ answers, exit, code: failure?.code, state: failure?.state }).toEqual({
      answers,
      exit: 2,
      code,
      state: 'Nothing was changed.',
    });
    expect(failure?.hint).toContain(`--confirm ${name}`);
  }
  expect(await traces(project, database.address)).toEqual(before);

  const done = await drydockJson(project, [...apply, '--yes', '--confirm', name]);
  expect(done).toMatchObject({ exit: 0, data: { outcome: 'applied' } });
  const files = await filesIn(project, 'backups');
  expect(files.filter((file) => file.endsWith('.dump'))).toHaveLength(1);
  const waived = done.data.gates.find(({ id }: { id: string }) => id === 'monitoring-ready');
  expect(waived).toMatchObject({ state: 'waived' });
  expect(waived.reason).toContain('a test has no application');
});

it('one question is answered by --yes', async () => {
  await using project = await guardedProject('once');
  expect((await drydockJson(project, apply)).failure?.code).toBe('usage/nobody-to-ask');
  expect((await drydockJson(project, [...apply, '--yes'])).data).toMatchObject({
    outcome: 'applied',
  });
});

it('no question is asked where the configuration says never', async () => {
  await using project = await guardedProject('never');
  expect((await drydockJson(project, apply)).data).toMatchObject({ outcome: 'applied' });
});

it("nobody's word is no word", async () => {
  await using project = await guardedProject('twice');
  for (const name of ['', '  ', '-']) {
    const { failure } = await drydockJson(project, ['preflight', 'production', '--told-by', name]);
    expect(failure).toMatchObject({ code: 'usage/no-name', state: 'Nothing was changed.' });
  }
  const closed = await drydockJson(project, ['preflight', 'production']);
  const notified = closed.data.gates.find(({ id }: { id: string }) => id === 'team-notified');
  expect(notified).toMatchObject({ state: 'closed', reason: 'nobody was told of this plan' });
  const told = await drydockJson(project, ['preflight', 'production', '--told-by', ' Ana Silva ']);
  const open = told.data.gates.find(({ id }: { id: string }) => id === 'team-notified');
  expect(open).toMatchObject({ state: 'open', reason: 'told by Ana Silva' });
});
