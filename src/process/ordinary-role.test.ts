// A role without any privilege but its own schema, on a server without extensions.

import { afterEach, beforeEach, expect, it } from 'vitest';
import { serverAddress } from '../../test/database.ts';
import { type TestProject, testProject } from '../../test/project.ts';
import { Address } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { readCalls } from '../rehearsal/forecast-queries.ts';
import { applyChange } from '../safe-change.ts';
import { adoptSchema } from './acceptance.ts';
import { statusOf } from './outlook.ts';
import { reading, targetNamed } from './project.ts';
import { restoreObstacle } from './restorable.ts';

const role = 'drydock_ordinary';
let project: TestProject;

beforeEach(async () => {
  await using admin = await connect(serverAddress(), { purpose: 'test' });
  await admin.execute(`DROP ROLE IF EXISTS ${role}`);
  await admin.execute(`CREATE ROLE ${role} LOGIN PASSWORD 'p'`);
  const owner = await testProject({ dev: {} }, `CREATE SCHEMA app AUTHORIZATION ${role}`);
  const url = new URL(owner.databases.dev?.address.connectionString() ?? '');
  url.username = role;
  url.password = 'p';
  const address = Address.parse(url.href);
  const environments = owner.config.environments.map((each) => ({ ...each, address }));
  project = { ...owner, config: { ...owner.config, environments } };
  project.write(
    '001_a',
    'CREATE TABLE app.a (x int PRIMARY KEY);\nCREATE INDEX CONCURRENTLY a_x ON app.a (x);\n',
  );
});

afterEach(async () => {
  await project[Symbol.asyncDispose]();
  await using admin = await connect(serverAddress(), { purpose: 'test' });
  await admin.execute(`DROP ROLE ${role}`);
});

it('is shown the traffic of its tables, and told beforehand that it could not restore', async () => {
  const [environment] = project.config.environments;
  const target = targetNamed(project, environment?.name ?? '');
  await reading(project, target, async (database) => {
    expect(await readCalls(database)).toBeNull();
  });
  expect(await restoreObstacle(project, target)).toEqual({
    reason: expect.stringMatching(`^${role} may not create databases, nor rename`),
    remedy: expect.stringContaining(`ALTER ROLE "${role}" CREATEDB;`),
  });
});

it('is told what an administrator must do once, and then does everything itself', async () => {
  const answers = { plan: async () => true, final: async () => true };
  const apply = (): Promise<{ outcome: string }> =>
    applyChange(project, { environment: 'dev', answers, waivers: [] });
  await expect(apply()).rejects.toMatchObject({
    code: 'history/may-not-install',
    databaseState: 'untouched',
    hint: `Let an administrator make it once: CREATE SCHEMA drydock AUTHORIZATION "${role}";`,
  });
  const database = project.databases.dev?.address;
  if (database === undefined) throw new Error('no database');
  await using admin = await connect(database, { purpose: 'test' });
  await admin.execute(`CREATE SCHEMA drydock AUTHORIZATION ${role}`);

  expect((await apply()).outcome).toBe('applied');
  await admin.execute('CREATE TABLE app.by_hand ()');
  await adoptSchema(project, { environment: 'dev', reason: 'a try' });
  const [status] = await statusOf(project, 'dev');
  expect(status).toMatchObject({ problem: null, drift: [] });
  expect(status?.migrations).toMatchObject([{ name: '001_a', state: 'applied' }]);
});
