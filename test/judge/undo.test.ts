// Undo, judged: the writers go on while a migration does all the harm that there is, with the old code and
// then with the new, and while it is taken back in place; no write is lost, and nothing of it is left.
// `script/soak undo` writes for longer, and judges each harm by itself too.

import { expect, test } from 'vitest';
import { undoProject } from '../undo-project.ts';
import { judge, tally } from './judge.ts';
import { harmfulMigrations, keylessHarm } from './migrations.ts';
import seed from './seed.sql';
import { startWriters } from './writers.ts';

const wanted = process.env.UNDO_TRANSACTIONS;
// Acknowledged transactions: before the migration, under it, and after it was taken back.
const each = Math.ceil(Number(wanted ?? 900) / 3);
// All at once it would meet deadlocks with the writers, and try again for as long as it takes.
const locks = 'LOCK TABLE customers, orders, drafts, events, notes IN ACCESS EXCLUSIVE MODE';
const all = harmfulMigrations.map((harm) =>
  harm.name === 'everything at once'
    ? { ...harm, sql: `${locks};\n${keylessHarm.sql};\n${harm.sql}` }
    : harm,
);
const judged = wanted === undefined ? all.slice(-1) : [keylessHarm, ...all];

test.each(judged)(
  'undo loses no write and keeps no harm: $name',
  { timeout: 1_800_000 },
  async ({ sql, newCode }) => {
    await using one = await undoProject(seed);
    const { address } = one.database;
    const writers = await startWriters(address, newCode);
    await writers.more(each);
    await one.apply(`BEGIN;\n${sql};\nCOMMIT;`);
    await writers.more(each);
    const report = await one.undo();
    await writers.more(each);
    const ledger = await writers.stop();
    const differences = await judge(address, ledger);
    expect(differences.slice(0, 20), JSON.stringify([tally(differences), report.file])).toEqual([]);
    expect(report).toMatchObject({ outcome: 'undone', file: null });
    // Nobody was cut off.
    expect(ledger.reconnects).toBe(0);
  },
);
