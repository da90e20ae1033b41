// Holds the forecast of a rehearsal against the stall that live writers then see: `script/bench forecast`.
// The production server keeps its data on disk and syncs it; the copy is a restored backup, as always.
// `--rows N` changes the size. Up to three rounds: whatever else runs on the machine
// may meet the one time or the other.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pause, startClients, worst } from './clients.mjs';
import { ms, tableOf, tellFigures, times, versionOf } from './figures.mjs';
import { importSource } from './import-source.mjs';
import { startServerOnDisk } from './server-on-disk.mjs';

const { values: options } = parseArgs({
  args: process.argv.slice(2),
  options: {
    rows: { type: 'string', default: '800000' },
    writers: { type: 'string', default: '4' },
    write: { type: 'boolean' },
  },
});
const rows = Number(options.rows);
const mostRounds = 3;

const { createDatabase, dropDatabase } = await importSource('src/sandbox/copy.ts');
const { connect } = await importSource('src/postgres/connect.ts');
const { quietContext } = await importSource('src/core/context.ts');
const { parseConfig } = await importSource('src/config/schema.ts');
const { backUpEnvironment } = await importSource('src/process/backing-up.ts');
const { rehearseChange } = await importSource('src/process/rehearsals.ts');
const { applyChange } = await importSource('src/safe-change.ts');

const kinds = [
  ['plain index', 'CREATE INDEX users_note ON users (note);'],
  ['rewrite', 'ALTER TABLE users ALTER COLUMN age TYPE bigint;'],
  ['NOT NULL scan', 'ALTER TABLE users ALTER COLUMN note SET NOT NULL;'],
  ['foreign key', 'ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES users;'],
  ['unbatched UPDATE', 'UPDATE users SET age = age + 1;'],
];

const context = quietContext();
const folder = mkdtempSync(join(tmpdir(), 'drydock-bench-'));
const server = await startServerOnDisk();
try {
  const measured = [];
  const isGood = ({ ratio }) => ratio > 0.5 && ratio < 2;
  const good = () => new Set(measured.filter(isGood).map(({ kind }) => kind));
  for (let round = 1; round <= mostRounds && good().size < kinds.length; round += 1) {
    measured.push(...(await measure(`live_${round}`)).map((each) => ({ round, ...each })));
  }
  tellFigures('forecast', {
    server: await versionOf(server),
    write: options.write,
    lines: [
      `${rows.toLocaleString('en')} users, data on ${server.place}, ${options.writers} writers.`,
      '',
      ...tableOf(
        ['statement', 'round', 'forecast', 'measured', 'measured / forecast'],
        measured.map((each) => [
          each.kind,
          each.round,
          ms(each.predicted),
          ms(each.stall),
          times(each.ratio),
        ]),
        { numbers: true },
      ),
    ],
    goals: [
      {
        goal: `each forecast within a factor of two in one of at most ${mostRounds} rounds`,
        measured: `${good().size} of ${kinds.length} kinds`,
        isMet: good().size === kinds.length,
      },
    ],
  });
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** Forecast and stall of each kind. */
async function measure(name) {
  const root = join(folder, name);
  mkdirSync(join(root, 'migrations'), { recursive: true });
  const address = server.address(name);
  await createDatabase(server, { name });
  await fill(address);
  const config = parseConfig(
    {
      migrations: 'migrations',
      environments: { live: { url: address.connectionString() } },
    },
    { root, file: undefined, variables: {} },
  );
  const project = { config, context, actor: { who: 'bench', host: 'here' } };
  await backUpEnvironment(project, { environment: 'live', reason: 'bench' });
  for (const [index, [, sql]] of kinds.entries()) {
    writeFileSync(join(root, 'migrations', `00${index + 1}_bench.sql`), sql);
  }
  const live = await traffic(address);
  const { forecast } = await rehearseChange(project, { environment: 'live' });
  const results = [];
  for (const [index, [kind]] of kinds.entries()) {
    const predicted = Math.max(...forecast.statements[index].locks.map(({ ms }) => ms));
    const startedAt = performance.now();
    await applyChange(project, {
      environment: 'live',
      file: `00${index + 1}_bench.sql`,
      answers: { plan: async () => true },
      waivers: [],
    });
    const stall = live.worstSince(startedAt);
    results.push({ kind, predicted, stall, ratio: stall / predicted });
    await pause(1_000);
  }
  await live.stop();
  await dropDatabase(server, name);
  return results;
}

async function fill(address) {
  const database = await connect(address, { purpose: 'bench' });
  await database.execute(`
    CREATE TABLE users (id int PRIMARY KEY, note text, age int, seen int);
    INSERT INTO users SELECT i, md5(i::text) || md5((i + 1)::text), i % 90, 0 FROM generate_series(1, ${rows}) i;
    CREATE TABLE orders (id int PRIMARY KEY, user_id int, total int);
    INSERT INTO orders SELECT i, i % ${rows} + 1, 0 FROM generate_series(1, ${rows}) i;
    ANALYZE; CHECKPOINT`);
  await database.close();
}

// Each writer changes one row after another.
async function traffic(address) {
  const writers = startClients(address, {
    count: Number(options.writers),
    pauseMs: 5,
    work: (session) => {
      const id = 1 + Math.floor(Math.random() * rows);
      const table =
        Math.random() < 0.5 ? 'users SET seen = seen + 1' : 'orders SET total = total + 1';
      return session.query(`UPDATE ${table} WHERE id = $1`, [id]);
    },
  });
  await pause(2_000);
  return {
    // What began shortly before may have met the lock too.
    worstSince: (since) => worst(writers.taken().filter(({ at, tookMs }) => at + tookMs >= since)),
    stop: writers.stop,
  };
}
