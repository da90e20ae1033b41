import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testContext, testDatabase } from '../../test/database.ts';
import { systemClock } from '../core/clock.ts';
import { Failure } from '../core/failure.ts';
import type { Address } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { withChangeLock } from './change-lock.ts';
import { install, isInstalled } from './install.ts';
import { carryJournal, firstBrokenEntry, readJournal, recorded } from './journal.ts';
import { prepareEnvironment, readMarker } from './marker.ts';

const actor = { who: 'ana', host: 'laptop' };

let fresh: TestDatabase;
let database: Database;

beforeEach(async () => {
  fresh = await testDatabase();
  database = await connect(fresh.address, { purpose: 'test' });
});

afterEach(async () => {
  await database.close();
  await fresh.drop();
});

function record(command: string, work: () => Promise<object> = async () => ({})): Promise<unknown> {
  return recorded({ address: fresh.address, command, actor, clock: systemClock }, async () => ({
    result: await work(),
  }));
}

describe('the schema drydock', () => {
  it('is made once, whoever comes first', async () => {
    await using other = await connect(fresh.address, { purpose: 'test' });
    await Promise.all([install(database), install(other)]);
    await install(database);
    expect(await isInstalled(database)).toBe(true);
  });

  it('is refused when a newer Drydock made it', async () => {
    await install(database);
    await database.execute('INSERT INTO drydock.schema_version (version) VALUES (99)');
    await expect(install(database)).rejects.toMatchObject({ code: 'history/newer-schema' });
  });
});

describe('the environment marker', () => {
  it('is written once and stops every other environment', async () => {
    await prepareEnvironment(database, 'staging', actor);
    await prepareEnvironment(database, 'staging', actor);
    expect(await readMarker(database)).toBe('staging');
    await expect(prepareEnvironment(database, 'production', actor)).rejects.toMatchObject({
      code: 'history/wrong-environment',
      databaseState: 'untouched',
    });
  });
});

describe('the journal', () => {
  beforeEach(() => install(database));

  it('has a beginning and an end for each command', async () => {
    await record('backup');
    const entries = (await readJournal(database)).map(({ entry }) => entry);
    expect(entries.map(({ command, phase, who }) => [command, phase, who])).toEqual([
      ['backup', 'done', 'ana'],
      ['backup', 'begun', 'ana'],
    ]);
    expect(entries[0]?.run).toBe(entries[1]?.run);
  });

  it('keeps the failure of a command', async () => {
    const failure = new Failure({ code: 'backup/no-space', message: 'full', hint: 'Clean up.' });
    await expect(record('backup', () => Promise.reject(failure))).rejects.toBe(failure);
    expect((await readJournal(database))[0]?.entry).toMatchObject({
      phase: 'failed',
      failure: { code: 'backup/no-space', message: 'full', state: 'untouched' },
    });
  });

  it('stays one chain when several write at once', async () => {
    await Promise.all(Array.from({ length: 8 }, (_, index) => record(`command ${index}`)));
    expect(await readJournal(database)).toHaveLength(16);
    expect(await firstBrokenEntry(database)).toBeUndefined();
  });

  it('cannot be changed by a statement', async () => {
    await record('apply');
    for (const sql of [
      "UPDATE drydock.journal SET hash = ''",
      'DELETE FROM drydock.journal',
      'TRUNCATE drydock.journal',
    ]) {
      await expect(database.execute(sql)).rejects.toMatchObject({
        message: 'the journal of Drydock is append-only',
      });
    }
  });

  it.each([
    ["UPDATE drydock.journal SET entry = jsonb_set(entry, '{who}', '\"eve\"') WHERE seq = 3", 3],
    ['DELETE FROM drydock.journal WHERE seq = 2', 3],
    ["UPDATE drydock.journal SET hash = repeat('0', 64) WHERE seq = 1", 1],
  ])('shows where it was tampered with: %s', async (sql, seq) => {
    for (const command of ['a', 'b']) await record(command);
    await database.execute(`ALTER TABLE drydock.journal DISABLE TRIGGER append_only; ${sql}`);
    expect(await firstBrokenEntry(database)).toBe(seq);
  });

  it('is carried over to a restored database and goes on there', async () => {
    await record('backup');
    await using restored = await testDatabase();
    await using target = await connect(restored.address, { purpose: 'test' });
    await install(target);
    await carryJournal(database, target);
    await record('apply');
    await carryJournal(database, target);
    expect(await readJournal(target)).toEqual(await readJournal(database));
    expect(await firstBrokenEntry(target)).toBeUndefined();
  });
});

describe('the change lock', () => {
  let lock: { address: Address; holder: string };
  beforeEach(() => {
    lock = { address: fresh.address, holder: 'apply of ana@laptop' };
  });

  it('lets one command at a time change a database', async () => {
    const order: string[] = [];
    const context = testContext();
    const first = withChangeLock(context, lock, async () => {
      order.push('first begins');
      await wait(600);
      order.push('first ends');
    });
    await wait(200);
    const second = withChangeLock(context, lock, async () => {
      order.push('second begins');
    });
    await Promise.all([first, second]);
    expect(order).toEqual(['first begins', 'first ends', 'second begins']);
  });

  it('names the one who holds it', async () => {
    await withChangeLock(testContext(), lock, async () => {
      // Time goes by at once here: the waiting one gives up after its first tries.
      const hurried = { ...testContext(), clock: { ...systemClock, sleep: async () => {} } };
      await expect(withChangeLock(hurried, lock, async () => {})).rejects.toMatchObject({
        code: 'history/busy',
        message: expect.stringMatching(
          /^another Drydock \(apply of ana@laptop, server process \d+/,
        ),
      });
    });
  });

  it('can be waited for no longer than it is wanted', async () => {
    const context = testContext();
    await withChangeLock(context, lock, async () => {
      const waiting = withChangeLock(context, lock, async () => {});
      setTimeout(() => context.abort(), 100);
      await expect(waiting).rejects.toBeDefined();
    });
  });
});
