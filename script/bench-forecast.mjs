// Holds the forecast of a rehearsal against the stall that live writers then see: `script/bench forecast`.
// The production server keeps its data on disk and syncs it; the copy is a restored backup, as always.
// `--rows N` changes the size. Exit 1 when a forecast is not within a factor of two.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { importSource } from './import-source.mjs';

const { values: options } = parseArgs({
  args: process.argv.slice(2),
  options: {
    rows: { type: 'string', default: '800000' },
    writers: { type: 'string', default: '4' },
  },
});
const rows = Number(options.rows);

const { startServer } = await importSource('src/sandbox/server.ts');
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
// More than memory would take, so the data lies on disk.
const server = await startServer(context, {
  purpose: 'bench',
  sizeBytes: process.availableMemory() / 5,
  settings: {
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    autovacuum: 'on',
    max_wal_size: '1GB',
    checkpoint_timeout: '5min',
  },
});
try {
  process.exitCode = (await measure()) ? 0 : 1;
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function measure() {
  await fill();
  const config = parseConfig(
    {
      migrations: 'migrations',
      environments: { live: { url: server.address('live').connectionString() } },
    },
    { root: folder, file: undefined, variables: {} },
  );
  const project = { config, context, actor: { who: 'bench', host: 'here' } };
  await backUpEnvironment(project, { environment: 'live', reason: 'bench' });
  for (const [index, [, sql]] of kinds.entries()) {
    writeFileSync(join(folder, 'migrations', `00${index + 1}_bench.sql`), sql);
  }
  const live = await traffic();
  const { forecast } = await rehearseChange(project, { environment: 'live' });
  console.log(`${rows} users, data in ${server.place}, ${options.writers} writers\n`);
  console.log('                    forecast   measured   measured / forecast');
  let isGood = true;
  for (const [index, [name]] of kinds.entries()) {
    const predicted = Math.max(...forecast.statements[index].locks.map(({ ms }) => ms));
    const startedAt = performance.now();
    await applyChange(project, {
      environment: 'live',
      file: `00${index + 1}_bench.sql`,
      answers: {},
      waivers: [],
    });
    const measured = live.worstSince(startedAt);
    const ratio = measured / predicted;
    isGood &&= ratio > 0.5 && ratio < 2;
    const columns = [predicted, measured].map((ms) => `${ms.toFixed(0)} ms`.padStart(11)).join('');
    console.log(`${name.padEnd(17)}${columns}${ratio.toFixed(2).padStart(12)}`);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  await live.stop();
  return isGood;
}

async function fill() {
  const { mkdirSync } = await import('node:fs');
  mkdirSync(join(folder, 'migrations'));
  const maintenance = await connect(server.address('postgres'), { purpose: 'bench' });
  await maintenance.execute('CREATE DATABASE live');
  await maintenance.close();
  const database = await connect(server.address('live'), { purpose: 'bench' });
  await database.execute(`
    CREATE TABLE users (id int PRIMARY KEY, note text, age int, seen int);
    INSERT INTO users SELECT i, md5(i::text) || md5((i + 1)::text), i % 90, 0 FROM generate_series(1, ${rows}) i;
    CREATE TABLE orders (id int PRIMARY KEY, user_id int, total int);
    INSERT INTO orders SELECT i, i % ${rows} + 1, 0 FROM generate_series(1, ${rows}) i;
    ANALYZE; CHECKPOINT`);
  await database.close();
}

// Each writer changes one row after another and remembers how long each took.
async function traffic() {
  const taken = [];
  let isOver = false;
  const write = async () => {
    const database = await connect(server.address('live'), { purpose: 'bench writer' });
    while (!isOver) {
      const id = 1 + Math.floor(Math.random() * rows);
      const table =
        Math.random() < 0.5 ? 'users SET seen = seen + 1' : 'orders SET total = total + 1';
      const startedAt = performance.now();
      await database.query(`UPDATE ${table} WHERE id = $1`, [id]);
      taken.push([startedAt, performance.now() - startedAt]);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await database.close();
  };
  const writers = Array.from({ length: Number(options.writers) }, write);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  return {
    // What began shortly before may have met the lock too.
    worstSince: (since) =>
      Math.max(0, ...taken.filter(([at, ms]) => at + ms >= since).map(([, ms]) => ms)),
    stop: async () => {
      isOver = true;
      await Promise.all(writers);
    },
  };
}
