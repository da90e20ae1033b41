// kill -9 of Drydock, of its server process, of the whole server, and a cut network, at the boundaries of
// a mixed plan and inside its long statements: the ledger names what is in force, and one command goes
// on to the end. `script/soak crash` plays many random moments; CRASH_SEED repeats them.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readLedger } from '../src/history/ledger.ts';
import type { Address } from '../src/postgres/address.ts';
import { connect } from '../src/postgres/connect.ts';
import { type SchemaFact, schemaDifference, schemaFacts } from '../src/postgres/fingerprint.ts';
import {
  type ApplyProgram,
  ask,
  buildApplyProgram,
  kill,
  type MortalServer,
  openWire,
  startMortalServer,
  type Wire,
} from './crash-place.ts';

const rows = 30_000;
const template = `
  CREATE TABLE items (id int PRIMARY KEY, n int NOT NULL);
  INSERT INTO items SELECT i, i % 100 FROM generate_series(1, ${rows}) i;
  CREATE INDEX items_old ON items (n);
  CREATE TABLE parts (id int, n int) PARTITION BY RANGE (id);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
  CREATE TABLE ready (id int);`;

const migrations = {
  '001_first.sql': 'CREATE TABLE first (id int);\nINSERT INTO first VALUES (1);',
  '002_mixed.sql': `BEGIN;
ALTER TABLE items ADD COLUMN b int;
UPDATE items SET b = n;
COMMIT;
-- drydock: verify SELECT count(*) = 0 FROM items WHERE b IS NULL
CREATE INDEX CONCURRENTLY items_b ON items (b);
ALTER TABLE items ADD CONSTRAINT items_b_given CHECK (b IS NOT NULL) NOT VALID;
ALTER TABLE items VALIDATE CONSTRAINT items_b_given;
REINDEX TABLE CONCURRENTLY items;
ALTER TABLE parts DETACH PARTITION parts_1 CONCURRENTLY;
DROP INDEX CONCURRENTLY items_old;
VACUUM items;`,
  '003_fails.sql': `CREATE TABLE last (id int);
SELECT 1 / count(*) FROM ready;`,
};

/** What each step of 002 leaves behind, in order. */
const effects = [
  "EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'b')",
  "EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('items_b') AND indisvalid)",
  "EXISTS (SELECT FROM pg_constraint WHERE conname = 'items_b_given')",
  "EXISTS (SELECT FROM pg_constraint WHERE conname = 'items_b_given' AND convalidated)",
  'true',
  "NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = 'parts_1'::regclass)",
  "to_regclass('items_old') IS NULL",
  'true',
];
const transactional = [0, 2, 3];

const killers = ['drydock', 'its backend', 'the server', 'the network'] as const;
type Killer = (typeof killers)[number];

let server: MortalServer;
let wire: Wire;
let program: ApplyProgram;
let folder: string;
let last: { readonly events: readonly string[]; readonly facts: readonly SchemaFact[] };

beforeAll(async () => {
  server = await startMortalServer();
  wire = await openWire(join(server.socketFolder, '.s.PGSQL.5432'));
  program = await buildApplyProgram();
  folder = await mkdtemp(join(tmpdir(), 'crash-'));
  for (const [name, sql] of Object.entries(migrations)) await writeFile(join(folder, name), sql);
  await ask(server.address('postgres'), 'CREATE DATABASE prepared');
  await ask(server.address('prepared'), template);
  const address = await freshDatabase('undisturbed');
  const events: string[] = [];
  const { outcome } = await program.run(address.connectionString(), folder, (_, _pid, text) => {
    events.push(text);
  });
  expect(outcome).toMatchObject({ code: 'apply/rolled-back', databaseState: 'changed' });
  await goOn(address);
  last = { events, facts: await factsOf(address) };
});

afterAll(async () => {
  await wire?.close();
  await server?.stop();
  await program?.remove();
  await rm(folder, { recursive: true, force: true });
});

const seed = Number(process.env.CRASH_SEED ?? Math.floor(Math.random() * 1_000_000));
const many = Number(process.env.CRASH_POINTS ?? 0);

it.runIf(many === 0)(
  'a kill at any boundary between two steps leaves a state that the ledger names',
  { timeout: 600_000 },
  async () => {
    // Each step of 002 tells its first statement when it begins; after the last of them 003 starts.
    const from = last.events.findIndex((text) => text.includes('ALTER TABLE items ADD COLUMN'));
    const boundaries = [...last.events.keys()].slice(from).filter((index) => {
      const text = last.events[index] ?? '';
      return /^line \d+: (?!UPDATE|SELECT)/.test(text);
    });
    expect(boundaries).toHaveLength(effects.length + 1);
    for (const index of boundaries) {
      const moment = { event: index + 1, delayMs: 0, name: `e${index}` };
      const text = last.events[index];
      const strikeAll = (...some: Killer[]) =>
        Promise.all(
          some.map((killer) => survive(killer, moment).catch(fail(`${killer}, at ${text}`))),
        );
      // The end of one server process makes the server begin anew for everybody (manual, 19.5 and 73.3).
      await strikeAll('the server');
      await strikeAll('its backend');
      await strikeAll('drydock', 'the network');
    }
  },
);

it.runIf(many === 0).each(killers)(
  'the kill of %s inside a long statement leaves a state that the ledger names',
  async (killer) => {
    const event = last.events.findIndex((text) => text.includes('UPDATE items')) + 1;
    await survive(killer, { event, delayMs: 10, name: 'inside' });
  },
);

it.runIf(many === 0)(
  'a Drydock that stands still in a transaction holds its locks for no longer than the idle limit',
  async () => {
    const address = await freshDatabase('still');
    let running: ReturnType<ApplyProgram['run']> | undefined;
    const pid = await new Promise<number>((resolve) => {
      running = program.run(address.connectionString(), folder, (_, drydock, text) => {
        if (!text.includes('UPDATE items')) return;
        process.kill(drydock, 'SIGSTOP');
        resolve(drydock);
      });
    });
    // Whoever wants to read waits for the ALTER TABLE; the server ends the session after 15 s.
    await expect
      .poll(
        () => ask(address, "SELECT FROM pg_stat_activity WHERE state = 'idle in transaction'"),
        {
          timeout: 20_000,
          interval: 20,
        },
      )
      .toHaveLength(1);
    expect(await ask(address, 'SELECT count(*)::int AS n FROM items')).toEqual([{ n: rows }]);
    process.kill(pid, 'SIGCONT');
    expect((await running)?.outcome).toMatchObject({
      code: 'apply/rolled-back',
      databaseState: 'changed',
    });
    await assertNamed(address);
    await goOn(address);
  },
);

// Ten seconds are the patience of a new connection.
it.runIf(many > 0)(
  'a network that falls silent is noticed, and nobody waits for hours',
  async () => {
    const address = await freshDatabase('silent');
    const uri = `postgres://postgres@127.0.0.1:${wire.port}/${address.database}`;
    const { outcome } = await program.run(uri, folder, (_, _pid, text) => {
      if (text.includes('UPDATE items')) wire.fallSilent();
    });
    expect(outcome).toMatchObject({
      code: 'apply/rolled-back',
      databaseState: 'unknown',
      stateDetail: expect.stringContaining(
        'whether step 1 of 002_mixed is in force, the next apply finds out',
      ),
    });
    wire.cut();
    wire.mend();
    await assertNamed(address);
    await goOn(address);
  },
);

it.runIf(many > 0)(
  `${many} random moments (CRASH_SEED=${seed})`,
  { timeout: 3_600_000 },
  async () => {
    const random = randomFrom(seed);
    for (let point = 1; point <= many; point += 1) {
      const killer = killers[Math.floor(random() * killers.length)] ?? 'drydock';
      const event = 1 + Math.floor(random() * last.events.length);
      const delayMs = Math.floor(random() ** 2 * 120);
      await survive(killer, { event, delayMs, name: `p${point}` }).catch(
        fail(`point ${point}: ${killer}, ${delayMs} ms after event ${event}`),
      );
      if (point % 20 === 0) {
        process.stderr.write(`${point} of ${many} points passed, ${interrupted} cut it off\n`);
      }
    }
    expect(interrupted).toBeGreaterThan(many / 2);
  },
);

function fail(place: string): (failure: unknown) => never {
  return (failure) => {
    throw new Error(place, { cause: failure });
  };
}

let interrupted = 0;

async function survive(
  killer: Killer,
  moment: { readonly event: number; readonly delayMs: number; readonly name: string },
): Promise<void> {
  const address = await freshDatabase(`${killer.replaceAll(' ', '_')}_${moment.name}`);
  const uri =
    killer === 'the network'
      ? `postgres://postgres@127.0.0.1:${wire.port}/${address.database}`
      : address.connectionString();
  let done: Promise<void> | undefined;
  const { outcome } = await program.run(uri, folder, (number, pid) => {
    if (number !== moment.event) return;
    done = setTimeout(moment.delayMs).then(() => strike(killer, pid, address.database));
  });
  await done;
  await setTimeout(killer === 'the network' ? 50 : 0);
  wire.mend();
  // Undisturbed, it fails at the last migration.
  if (!(outcome?.message ?? '').includes('division by zero')) interrupted += 1;
  await assertNamed(address);
  await goOn(address);
  expect(schemaDifference(last.facts, await factsOf(address))).toEqual([]);
  await assertWhole(address);
  await ask(server.address('postgres'), `DROP DATABASE "${address.database}" WITH (FORCE)`);
}

async function strike(killer: Killer, drydock: number, database: string): Promise<void> {
  if (killer === 'drydock') kill(drydock);
  else if (killer === 'the network') wire.cut();
  else if (killer === 'the server') await server.killAndStart();
  else {
    const [row] = await ask<{ pid: number }>(
      server.address('postgres'),
      `SELECT pid FROM pg_stat_activity WHERE datname = '${database}'
          AND application_name LIKE 'drydock apply%' LIMIT 1`,
    );
    if (row !== undefined) kill(row.pid);
  }
}

// Whatever the ledger says is in force, is; and of a transaction that it does not name, nothing is.
async function assertNamed(address: Address): Promise<void> {
  await untilNobodyWorks(address);
  await using database = await connect(address, { purpose: 'test' });
  const ledger = await readLedger(database);
  const steps = ledger.find(({ version }) => version === '002')?.stepsDone ?? 0;
  const [found] = await database.query<{ there: boolean[] }>(
    `SELECT ARRAY[${effects.join(', ')}] AS there`,
  );
  for (const [index, isThere] of (found?.there ?? []).entries()) {
    if (index < steps)
      expect({ step: index + 1, isThere }).toEqual({ step: index + 1, isThere: true });
    else if (transactional.includes(index)) {
      expect({ step: index + 1, isThere }).toEqual({ step: index + 1, isThere: false });
    }
  }
}

// A session whose client is gone ends when the server notices.
async function untilNobodyWorks(address: Address): Promise<void> {
  const working = async (): Promise<number> => {
    const [row] = await ask<{ n: number }>(
      server.address('postgres'),
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = '${address.database}'`,
    );
    return row?.n ?? 0;
  };
  await expect.poll(working, { timeout: 30_000, interval: 20 }).toBe(0);
}

async function goOn(address: Address): Promise<void> {
  await ask(address, 'INSERT INTO ready VALUES (1)');
  const { outcome } = await program.run(address.connectionString(), folder);
  expect(outcome).toEqual({ kind: 'outcome', code: 'done' });
}

async function assertWhole(address: Address): Promise<void> {
  const [row] = await ask<object>(
    address,
    `SELECT (SELECT count(*)::int FROM items WHERE b = n) AS items, (SELECT count(*)::int FROM first) AS first,
            (SELECT count(*)::int FROM pg_index WHERE NOT indisvalid) AS invalid,
            (SELECT count(*)::int FROM drydock.ledger WHERE state = 'complete') AS complete,
            (SELECT count(*)::int FROM drydock.steps WHERE outcome LIKE '%done') AS steps`,
  );
  expect(row).toEqual({
    items: rows,
    first: 1,
    invalid: 0,
    complete: 3,
    steps: effects.length + 2,
  });
}

async function freshDatabase(name: string): Promise<Address> {
  await ask(server.address('postgres'), `CREATE DATABASE "${name}" TEMPLATE prepared`);
  return server.address(name);
}

async function factsOf(address: Address): Promise<readonly SchemaFact[]> {
  await using database = await connect(address, { purpose: 'test' });
  return await schemaFacts(database);
}

// Mulberry32: a seed gives the same moments again.
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
