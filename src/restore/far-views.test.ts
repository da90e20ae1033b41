import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { backUpOptions } from '../../test/backups.ts';
import { serverAddress, testContext, testDatabase } from '../../test/database.ts';
import { backUp } from '../backup/back-up.ts';
import type { Backup } from '../backup/manifest.ts';
import { prove } from '../backup/prove.ts';
import { quoteLiteral } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { startServer } from '../sandbox/server.ts';
import { restoreBeside } from './restore-beside.ts';

let backups: string;

beforeAll(async () => {
  backups = await mkdtemp(join(tmpdir(), 'far-views-'));
});
afterAll(() => rm(backups, { recursive: true, force: true }));

/** Materialised views on a foreign table, on each other in the wrong order, and a near one. */
const views = (database: string): string => {
  const { host, port, user = '' } = serverAddress();
  const password = new URL(serverAddress().connectionString()).password;
  const [hostText, name, role, secret] = [host, database, user, password].map(quoteLiteral);
  return `
    CREATE EXTENSION postgres_fdw;
    CREATE SERVER there FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host ${hostText}, port '${port}', dbname ${name});
    CREATE USER MAPPING FOR PUBLIC SERVER there OPTIONS (user ${role}, password ${secret});
    CREATE FOREIGN TABLE afar (n int) SERVER there OPTIONS (schema_name 'public', table_name 'near');
    CREATE TABLE mixed (n int) PARTITION BY RANGE (n);
    CREATE FOREIGN TABLE mixed_afar PARTITION OF mixed FOR VALUES FROM (1) TO (9) SERVER there
      OPTIONS (schema_name 'public', table_name 'near');
    CREATE VIEW through AS SELECT n FROM mixed;
    CREATE MATERIALIZED VIEW seen AS SELECT n FROM afar;
    CREATE MATERIALIZED VIEW "seen ""again""" AS SELECT sum(s.n) AS n FROM through s, (SELECT FROM seen LIMIT 1) one;
    CREATE UNIQUE INDEX ON seen (n);
    CREATE MATERIALIZED VIEW beside AS SELECT n FROM near;
    CREATE MATERIALIZED VIEW never AS SELECT n FROM afar WITH NO DATA`;
};

async function filled(database: Database): Promise<object[]> {
  return await database.query(
    `SELECT relname AS name, relispopulated AS filled FROM pg_class WHERE relkind = 'm' ORDER BY 1`,
  );
}

it('views that read another server are filled when it answers, and hold up neither a proof nor a restore when it does not', async () => {
  await using database = await testDatabase({
    sql: 'CREATE TABLE near AS SELECT generate_series(1, 5) AS n',
  });
  await using session = await connect(database.address, { purpose: 'test' });
  await session.execute(views(database.address.database));
  const back = async (
    backup: Backup,
  ): Promise<{ notes: string[]; left: string[]; found: object[] }> => {
    const context = testContext();
    const { server, database: copy } = await prove(context, {
      backup,
      startServer: (wanted) => startServer(context, wanted),
    });
    await server.stop();
    const name = `${copy.database}_back`;
    const live = database.address;
    const report = await restoreBeside(context, { environment: 'far', live, backup, name });
    await using restored = await connect(live.withDatabase(name), { purpose: 'test' });
    const found = await filled(restored);
    await restored.close();
    await session.execute(`DROP DATABASE ${name}`);
    return {
      notes: context.events.flatMap((event) => (event.kind === 'note' ? [event.text] : [])),
      left: report.unfilled.map((view) => view.name),
      found,
    };
  };
  const options = backUpOptions(database.address, backups, { environment: 'far' });
  const answering = await back(await backUp(testContext(), options));
  expect(answering.notes).toEqual([]);
  expect(answering.found).toEqual(await filled(session));

  await session.execute(`ALTER SERVER there OPTIONS (SET port '1')`);
  const silent = await back(await backUp(testContext(), options));
  expect(silent.left).toEqual(['public.seen', 'public."seen ""again"""']);
  expect(silent.notes[0]).toMatch(/The copy has nothing in public.seen: could not connect/);
  expect(silent.found).toEqual([
    { name: 'beside', filled: true },
    { name: 'never', filled: false },
    { name: 'seen', filled: false },
    { name: 'seen "again"', filled: false },
  ]);
});
