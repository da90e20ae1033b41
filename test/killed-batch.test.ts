// kill -9 of Drydock within a batch: the batch at hand is lost, and nothing else.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { connect } from '../src/postgres/connect.ts';
import { type ApplyProgram, buildApplyProgram, kill } from './crash-place.ts';
import { testDatabase } from './database.ts';

const statement = `-- drydock: batch size=1000 pause=0
UPDATE items SET n = n + 1, done_by = pg_current_xact_id()::xid;`;

async function killWithin(
  program: ApplyProgram,
  { uri, folder, held }: { uri: string; folder: string; held: () => Promise<boolean> },
): Promise<unknown> {
  let applying = 0;
  const run = program.run(uri, folder, (_, pid) => {
    applying = pid;
  });
  await expect.poll(held, { timeout: 30_000, interval: 10 }).toBe(true);
  kill(applying);
  return (await run).outcome;
}

it('resumes from the last key that is in force', async () => {
  await using fresh = await testDatabase({
    sql: `CREATE TABLE items (id int PRIMARY KEY, n int, done_by xid);
          INSERT INTO items SELECT i, 0 FROM generate_series(1, 5000) i`,
  });
  const uri = fresh.address.connectionString();
  const program = await buildApplyProgram();
  const folder = await mkdtemp(join(tmpdir(), 'drydock-batch-'));
  try {
    await writeFile(join(folder, '001_fill.sql'), statement);
    await using other = await connect(fresh.address, { purpose: 'application' });
    await using witness = await connect(fresh.address, { purpose: 'test' });
    await other.execute('BEGIN; UPDATE items SET n = n WHERE id = 3500');
    const waits = `SELECT FROM pg_stat_activity
      WHERE application_name LIKE 'drydock apply%' AND wait_event_type = 'Lock'
        AND datname = current_database()`;
    const held = async (): Promise<boolean> => (await witness.query(waits)).length > 0;
    expect(await killWithin(program, { uri, folder, held })).toBeUndefined();
    await other.execute('ROLLBACK');

    const { walked } = await witness.one<{ walked: number }>(
      'SELECT walked::int AS walked FROM drydock.batches',
    );
    expect(walked).toBe(3000);
    const inForce = 'SELECT count(*)::int AS rows FROM items WHERE n = 1';
    expect(await witness.one(inForce)).toEqual({ rows: 3000 });

    expect((await program.run(uri, folder)).outcome).toMatchObject({ code: 'done' });
    // None twice, none left out.
    expect(await witness.one(inForce)).toEqual({ rows: 5000 });
    expect(await witness.query('SELECT FROM drydock.batches')).toEqual([]);
  } finally {
    await program.remove();
    await rm(folder, { recursive: true });
  }
});
