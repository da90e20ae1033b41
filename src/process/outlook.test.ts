// What a status tells of work that rests, and of databases that an older Drydock has seen.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWire } from '../../test/crash-place.ts';
import { type TestProject, testProject } from '../../test/project.ts';
import { renderStatus } from '../cli/render/status.ts';
import { Address } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { applyChange } from '../safe-change.ts';
import { abandonMigration } from './half-done.ts';
import { type EnvironmentStatus, statusOf } from './outlook.ts';
import { pauseBatches } from './pausing.ts';

const answers = { plan: async () => true, final: async () => true };
let project: TestProject;
let database: Database;

beforeEach(async () => {
  project = await testProject(
    { dev: {} },
    'CREATE TABLE users (id int PRIMARY KEY, a int); INSERT INTO users VALUES (1, 1), (2, 1), (3, 0)',
  );
  const { address } = project.databases.dev ?? {};
  if (address === undefined) throw new Error('no database');
  database = await connect(address, { purpose: 'test' });
});

afterEach(async () => {
  await database.close();
  await project[Symbol.asyncDispose]();
});

function apply(): Promise<unknown> {
  return applyChange(project, { environment: 'dev', answers, waivers: [] });
}

async function status(): Promise<EnvironmentStatus> {
  const [found] = await statusOf(project, 'dev');
  if (found === undefined) throw new Error('no status');
  return found;
}

describe('status', () => {
  it('shows a statement whose batches stopped half-way, and who paused them', async () => {
    project.write('001_a', '-- drydock: batch size=1\nUPDATE users SET a = 10 / a;\n');
    await expect(apply()).rejects.toMatchObject({ code: 'apply/half-done' });
    await pauseBatches(project, 'dev');

    const found = await status();
    expect(found.batches).toMatchObject([{ version: '001', step: 1, walked: 2, changed: 2 }]);
    expect(found.paused).toMatchObject({ by: expect.stringContaining('@') });
    const text = renderStatus([found]);
    expect(text).toMatch(/◐ batches of 001: 2 rows changed, the last at \d{4}-/);
    expect(text).toMatch(/‖ batches paused by .*: drydock resume dev/s);
  });

  it('shows a migration whose rest was abandoned', async () => {
    project.write('001_a', 'BEGIN; CREATE TABLE a (); COMMIT; BEGIN; SELECT 1 / 0; COMMIT;');
    await expect(apply()).rejects.toMatchObject({ code: 'apply/half-done' });
    const ask = async (): Promise<boolean> => true;
    await abandonMigration(project, { environment: 'dev', reason: 'not now', ask });

    const found = await status();
    expect(found.migrations).toMatchObject([{ version: '001', state: 'abandoned' }]);
    expect(renderStatus([found])).toContain('◌ the rest of 001_a was abandoned');
  });

  it('reads a database that an older Drydock has installed', async () => {
    project.write('001_a', 'CREATE TABLE a ()');
    await apply();
    await database.execute(
      `DROP TABLE drydock.pause, drydock.batches, drydock.expected_schema;
       DELETE FROM drydock.schema_version WHERE version > 3`,
    );
    expect(await status()).toMatchObject({ problem: null, batches: [], paused: null, drift: [] });
  });

  it('reads a database where no Drydock has ever been', async () => {
    project.write('001_a', 'CREATE TABLE a ()');
    expect(await status()).toMatchObject({ problem: null, marked: false, unfinished: [] });
    expect((await status()).migrations).toMatchObject([{ version: '001', state: 'pending' }]);
  });
});

describe('the way to the server', () => {
  it('is gone as often for a thousand migrations as for one', async () => {
    const { address } = project.databases.dev ?? {};
    if (address === undefined) throw new Error('no database');
    const wire = await openWire(address.port, 40);
    const url = new URL(address.connectionString());
    url.port = String(wire.port);
    await using far = await testProject({ dev: { url: url.href } });
    const tripsOf = async (work: () => Promise<unknown>): Promise<number> => {
      const before = wire.trips();
      await work();
      return wire.trips() - before;
    };
    project.write('0001_a', 'CREATE TABLE a ();');
    await apply();
    const opening = await tripsOf(async () => {
      const session = await connect(Address.parse(url.href), {
        purpose: 'test',
        readOnly: true,
        pipelined: true,
      });
      await session.close();
    });
    const one = await tripsOf(() => statusOf(far, 'dev'));
    await database.execute(
      `INSERT INTO drydock.ledger SELECT (jsonb_populate_record(l, jsonb_build_object(
         'version', lpad(n::text, 4, '0'), 'name', n || '_a'))).*
       FROM drydock.ledger l, generate_series(2, 1000) n`,
    );
    const [status] = await statusOf(far, 'dev');
    expect(status?.migrations).toHaveLength(1000);
    const thousand = await tripsOf(() => statusOf(far, 'dev'));
    await wire.close();
    // Whether Drydock was ever there is asked while the session is opened; then comes everything else.
    expect({ one: one - opening, thousand: thousand - opening }).toEqual({ one: 1, thousand: 1 });
  });
});
