// Nobody but a person at a terminal, or the flags that a person hands over, changes what is guarded: every
// command that asks says so to the program or agent that runs it, and does nothing.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dropDatabase } from '../src/sandbox/copy.ts';
import { type CommandProject, commandProject, drydockJson, traces } from './command.ts';
import { serverAddress, type TestDatabase, testDatabase } from './database.ts';

const both = '--yes --confirm NAME';

/** What is typed, and the command that a person may hand over. */
const commands = [
  ['apply production', `drydock apply production ${both}`],
  [
    'apply production --mark-applied 002 --reason known',
    `drydock apply production --mark-applied 002 --reason 'known' ${both}`,
  ],
  ['undo production', `drydock undo production ${both}`],
  ['rescue production', `drydock rescue production ${both}`],
  ['restore production', `drydock restore production ${both}`],
  ['recover production --way restore', 'drydock recover production --way restore --confirm NAME'],
  ['finalize production', `drydock finalize production ${both}`],
  ['drop-broken production', 'drydock drop-broken production --confirm LEFT'],
  ['approve production', 'drydock approve production --digest'],
] as const;

describe('where nobody can be asked, whatever is typed into the pipe', () => {
  let database: TestDatabase;
  let project: CommandProject;
  let left: string;

  // Something for each of them: a plan that can be undone, a rescue that is armed, a database left behind.
  beforeAll(async () => {
    database = await testDatabase({ sql: 'CREATE TABLE users (id int PRIMARY KEY, name text)' });
    project = await commandProject({
      databases: { production: database.address.connectionString() },
      rules: { production: { guarded: true, confirm: 'never', undo: true, rescue: 'cold' } },
      migrations: { '001_drop.sql': 'ALTER TABLE users DROP COLUMN IF EXISTS name;\n' },
    });
    expect((await drydockJson(project, apply())).exit).toBe(0);
    left = `${database.address.database}_broken_20250101_000000`;
    await testDatabase({ name: left });
    const path = join(project.folder, 'drydock.config.json');
    const config = JSON.parse(await readFile(path, 'utf8'));
    config.environments.production.confirm = 'twice';
    await project.write('drydock.config.json', JSON.stringify(config));
    const sql = 'CREATE TABLE IF NOT EXISTS a (id int PRIMARY KEY);\n';
    await project.write('migrations/002_a.sql', sql);
  });

  afterAll(async () => {
    await drydockJson(project, ['disarm', 'production']);
    await project[Symbol.asyncDispose]();
    await database.drop();
    await dropDatabase({ address: (name) => serverAddress().withDatabase(name) }, left);
  });

  function apply(): string[] {
    const waived = ['monitoring-ready', 'check-clean', 'no-destructive-statements'];
    return [
      ...['apply', 'production', '--told-by', 'Ana'],
      ...waived.flatMap((id) => ['--waive', `${id}=a test`]),
    ];
  }

  it.each(commands)('%s changes nothing, and says that a person decides', async (typed, handed) => {
    const before = await traces(project, database.address);
    const address = database.address.connectionString();
    const gates =
      typed === 'apply production'
        ? apply()
            .slice(2)
            .map((word) => `'${word}'`)
        : [];
    const line = ['node_modules/.bin/drydock', typed, ...gates].join(' ');
    const { exitCode, stderr } = await project.sh(
      `yes | PRODUCTION_DATABASE_URL='${address}' ${line}`,
    );
    expect(exitCode, stderr).toBe(2);
    const said = stderr.replaceAll(/\s+/g, ' ');
    expect(said).toContain('✗ Nothing was changed. There is no terminal to ask whether ');
    expect(said).toContain('and no program or agent may decide that by itself');
    const command = handed.replace('NAME', database.address.database).replace('LEFT', left);
    expect(said).toContain(
      `A person decides it at a terminal, or gives a program this very command: ${command}`,
    );
    expect(await traces(project, database.address)).toEqual(before);
  });
});
