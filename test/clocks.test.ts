// A machine whose clock is wrong is told so by the commands that go by a clock.

import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CommandProject, commandProject } from './command.ts';
import { type TestDatabase, testDatabase } from './database.ts';

let staging: TestDatabase;
let production: TestDatabase;
let project: CommandProject;

// Node's own clock in the process of the command, loaded before it.
const ahead = `const Real = Date;
const now = () => Real.now() + 20 * 3_600_000;
globalThis.Date = class extends Real {
  constructor(...parts) {
    if (parts.length === 0) super(now());
    else super(...parts);
  }
  static now() {
    return now();
  }
};
`;

beforeAll(async () => {
  staging = await testDatabase();
  production = await testDatabase();
  project = await commandProject({
    databases: {
      staging: staging.address.connectionString(),
      production: production.address.connectionString(),
    },
    rules: { production: { after: 'staging' } },
    migrations: { '001_a.sql': 'CREATE TABLE IF NOT EXISTS a (id int PRIMARY KEY);\n' },
  });
  await project.write('ahead.mjs', ahead);
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await staging.drop();
  await production.drop();
});

it.each([
  [['status'], ['production', 'staging']],
  [['preflight', 'production'], ['production']],
  [['apply', 'production', '--dry-run'], ['production']],
  [['monitor', 'staging', '--once'], ['staging']],
])('%s says by how much the clocks of machine and server differ, once', async (args, names) => {
  const wrong = { NODE_OPTIONS: `--import ${join(project.folder, 'ahead.mjs')}` };
  const { stderr } = await project.drydock(args, wrong);
  const said = stderr.replaceAll(/\s+/g, ' ').match(/20 h ahead of that of the server of \w+/g);
  expect(said?.map((text) => text.split(' ').at(-1) ?? '').sort(), stderr).toEqual(names);
  const right = await project.drydock(args);
  expect(right.stderr).not.toContain('ahead of that of the server');
});
