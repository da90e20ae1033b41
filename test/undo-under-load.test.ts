// Undo while others write: every acknowledged write is there afterwards, and nothing of the migration is.
// Each writer keeps the rows whose number leaves its own remainder, so that its memory of what the server
// acknowledged is the whole truth about them. `script/soak undo` writes for longer.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseConfig } from '../src/config/schema.ts';
import type { Address } from '../src/postgres/address.ts';
import { connect, type Database } from '../src/postgres/connect.ts';
import { schemaFacts } from '../src/postgres/fingerprint.ts';
import type { Project } from '../src/process/project.ts';
import { undoChange } from '../src/process/undoing.ts';
import { parseWaiver } from '../src/promotion/judge.ts';
import { applyChange } from '../src/safe-change.ts';
import { type TestDatabase, testContext, testDatabase } from './database.ts';

const writers = 4;
const seeded = 2_000;
// Leaves some of the machine to the proof and the rehearsal; in the soak it gets none.
const pauseMs = process.env.UNDO_TRANSACTIONS === undefined ? 2 : 0;
/** Acknowledged transactions in each of the three times: before the change, under it, after undo. */
const each = Math.ceil(Number(process.env.UNDO_TRANSACTIONS ?? 3_000) / 3);

const schema = `
  CREATE TABLE accounts (id int PRIMARY KEY, name text NOT NULL, balance numeric(14, 3), note text);
  CREATE INDEX accounts_name ON accounts (name);
  CREATE TABLE entries (id bigserial PRIMARY KEY, account int NOT NULL REFERENCES accounts ON DELETE CASCADE, amount int);
  CREATE TABLE odd (account int, word text);
  INSERT INTO accounts SELECT i, 'seed ' || i, i + 0.125, 'note ' || i FROM generate_series(1, ${seeded}) i;
  INSERT INTO entries (account, amount) SELECT i, i FROM generate_series(1, ${seeded}) i;
  INSERT INTO odd SELECT i, 'w' || i FROM generate_series(1, 200) i`;

// Everything that a bad day can bring, in one transaction.
const migration = `BEGIN;
ALTER TABLE accounts ALTER balance TYPE int;
UPDATE accounts SET name = 'spoilt' WHERE id % 3 = 0;
DELETE FROM entries WHERE id % 7 = 0;
DELETE FROM odd WHERE account % 5 = 0;
INSERT INTO entries (account, amount) SELECT id, -1 FROM accounts WHERE id <= 50;
ALTER TABLE accounts DROP COLUMN note;
ALTER TABLE entries RENAME amount TO cents;
COMMIT;
`;

interface Row {
  readonly name: string;
  readonly balance: string;
  readonly note: string | null;
}

let folder: string;
let databases: Record<'dev' | 'production', TestDatabase>;
let project: Project;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'drydock-test-'));
  mkdirSync(join(folder, 'migrations'));
  writeFileSync(join(folder, 'migrations', '001_bad.sql'), `-- A bad day.\n${migration}`);
  databases = {
    dev: await testDatabase({ sql: schema }),
    production: await testDatabase({ sql: schema }),
  };
  const url = (name: 'dev' | 'production'): string => databases[name].address.connectionString();
  const environments = {
    dev: { url: url('dev') },
    production: { url: url('production'), after: 'dev', soak: '0s', undo: true },
  };
  const config = parseConfig({ environments }, { root: folder, file: undefined, variables: {} });
  project = { config, context: testContext(), actor: { who: 'ana', host: 'laptop' } };
});

afterAll(async () => {
  for (const database of Object.values(databases)) await database.drop();
  rmSync(folder, { recursive: true });
});

/** A client of the application: old code first, new code when the old one fails. */
class Writer {
  readonly #number: number;
  readonly #address: Address;
  /** What the server has acknowledged; null: deleted. */
  readonly rows = new Map<number, Row | null>();
  acknowledged = 0;
  #knowsNote = true;
  #next: number;
  #stopped = false;
  #work: Promise<void> | undefined;

  constructor(address: Address, number: number) {
    this.#address = address;
    this.#number = number;
    this.#next = 1_000_000 + number;
    for (let id = number === 0 ? writers : number; id <= seeded; id += writers) {
      this.rows.set(id, { name: `seed ${id}`, balance: `${id}.125`, note: `note ${id}` });
    }
  }

  start(): void {
    this.#work = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#work;
  }

  async #run(): Promise<void> {
    await using database = await connect(this.#address, { purpose: 'writer' });
    while (!this.#stopped) {
      try {
        await this.#write(database);
        this.acknowledged += 1;
        await setTimeout(pauseMs);
      } catch (failure) {
        // The column is gone: the new code does not know it.
        if (!/column "note"/.test(String(failure))) throw failure;
        this.#knowsNote = false;
      }
    }
  }

  async #write(database: Database): Promise<void> {
    const turn = this.acknowledged;
    const ids = [...this.rows.keys()];
    const id = ids[(turn * 7_919) % ids.length] ?? 0;
    // No value that the migration writes, so that none is written twice without a trace.
    const text = `writer ${this.#number} turn ${turn}`;
    if (turn % 11 === 0) return this.#insert(database, text);
    if (turn % 13 === 0) return this.#delete(database, id);
    if (turn % 17 === 0) return this.#move(database, id);
    const column = turn % 2 === 0 ? 'name' : this.#knowsNote && turn % 3 === 0 ? 'note' : 'balance';
    const value = column === 'balance' ? `${5_000_000 + turn}` : text;
    const changed = await database.query<Row>(
      `UPDATE accounts SET ${column} = $2 WHERE id = $1 RETURNING ${column}::text AS ${column}`,
      [id, value],
    );
    const row = this.rows.get(id);
    const [now] = changed;
    if (row === undefined || row === null || now === undefined) return;
    this.rows.set(id, { ...row, ...now });
  }

  async #insert(database: Database, text: string): Promise<void> {
    const id = this.#next;
    this.#next += writers;
    await database.transaction(async () => {
      await database.query('INSERT INTO accounts (id, name, balance) VALUES ($1, $2, 7)', [
        id,
        text,
      ]);
      await database.query('INSERT INTO entries (account) VALUES ($1)', [id]);
    });
    this.rows.set(id, { name: text, balance: '7', note: null });
  }

  async #delete(database: Database, id: number): Promise<void> {
    const gone = await database.query('DELETE FROM accounts WHERE id = $1 RETURNING id', [id]);
    if (gone.length > 0) this.rows.set(id, null);
  }

  // A key that changes takes its entries along only where somebody says so: these have none.
  async #move(database: Database, id: number): Promise<void> {
    const to = this.#next;
    const row = this.rows.get(id);
    if (row === undefined || row === null) return;
    this.#next += writers;
    await database.transaction(async () => {
      await database.query('DELETE FROM entries WHERE account = $1', [id]);
      await database.query('UPDATE accounts SET id = $2 WHERE id = $1', [id, to]);
    });
    this.rows.set(id, null);
    this.rows.set(to, row);
  }
}

const waivers = [
  ...['no-destructive-statements', 're-runnable', 'team-notified', 'monitoring-ready'],
  ...['check-clean', 'soaked', 'tested-locally', 'rehearsed-within-budget', 'in-window'],
].map((gate) => parseWaiver(`${gate}=a test`, 'ana'));
const yes = async (): Promise<boolean> => true;

it('undo under load loses no acknowledged write, and leaves nothing of the migration', async () => {
  const { address } = databases.production;
  const crew = Array.from({ length: writers }, (_, number) => new Writer(address, number));
  const acknowledged = (): number => crew.reduce((sum, writer) => sum + writer.acknowledged, 0);
  const until = (total: number): Promise<void> =>
    expect.poll(acknowledged, { timeout: 600_000, interval: 20 }).toBeGreaterThan(total);
  await using live = await connect(address, { purpose: 'test' });
  const before = await schemaFacts(live);
  for (const writer of crew) writer.start();
  await until(each);

  const answers = { plan: yes, final: yes };
  const report = await applyChange(project, { environment: 'production', answers, waivers });
  expect(report.outcome).toBe('applied');
  await until(acknowledged() + each);
  const undone = await undoChange(project, {
    environment: 'production',
    reason: 'it was wrong',
    ask: yes,
  });
  expect(undone).toMatchObject({ outcome: 'undone', file: null });
  await until(acknowledged() + each);
  for (const writer of crew) await writer.stop();

  const expected = new Map(
    crew
      .flatMap((writer) => [...writer.rows])
      .flatMap(([id, row]) => (row === null ? [] : [[id, row] as const])),
  );
  const rows = await live.query<Row & { id: number }>(
    'SELECT id, name, trim_scale(balance)::text AS balance, note FROM accounts ORDER BY id',
  );
  const differing = rows.filter(({ id, ...row }) => {
    const wanted = expected.get(id);
    return (
      wanted === undefined ||
      wanted.name !== row.name ||
      Number(wanted.balance) !== Number(row.balance) ||
      wanted.note !== row.note
    );
  });
  expect(differing.map((row) => ({ row, wanted: expected.get(row.id) }))).toEqual([]);
  expect(rows.length).toBe(expected.size);
  expect(await schemaFacts(live)).toEqual(before);
  const [entries] = await live.query(
    `SELECT (SELECT count(*)::int FROM entries WHERE amount = -1) AS ghosts,
            (SELECT count(*)::int FROM odd) AS odd,
            (SELECT count(*)::int FROM entries e LEFT JOIN accounts a ON a.id = e.account WHERE a.id IS NULL) AS orphans,
            (SELECT count(*)::int FROM accounts a WHERE a.id <= ${seeded} AND NOT EXISTS (SELECT FROM entries e WHERE e.account = a.id)) AS "without their entry"`,
  );
  expect(entries).toEqual({ ghosts: 0, odd: 200, orphans: 0, 'without their entry': 0 });
}, 1_200_000);
