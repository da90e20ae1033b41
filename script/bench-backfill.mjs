// Fills a column of a large table while clients work on single rows of it: by one UPDATE, and by the same
// in batches. Both by `drydock apply`, in one run on one machine. `--rows N` changes the size.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { pause, percentile, startClients, worst } from './clients.mjs';
import { ms, tableOf, tellFigures, times, versionOf } from './figures.mjs';
import { importSource } from './import-source.mjs';
import { startServerOnDisk } from './server-on-disk.mjs';

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '5000000' },
    clients: { type: 'string', default: '8' },
    write: { type: 'boolean' },
  },
});
const rows = Number(options.rows);

const { createDatabase, dropDatabase } = await importSource('src/sandbox/copy.ts');
const { connect } = await importSource('src/postgres/connect.ts');

const update = `UPDATE users SET email_normalised = lower(email) WHERE email_normalised IS NULL;\n`;
const ways = [
  ['one UPDATE', update],
  ['in batches', `-- drydock: batch\n${update}`],
];

const folder = mkdtempSync(join(tmpdir(), 'drydock-bench-'));
const server = await startServerOnDisk();
try {
  const results = [];
  for (const [name, sql] of ways) results.push({ name, ...(await measure(sql)) });
  const [whole, batched] = results;
  tellFigures('backfill', {
    server: await versionOf(server),
    write: options.write,
    lines: [
      `${rows.toLocaleString('en')} rows, data on ${server.place}, ${options.clients} clients that read and write one row at a time.`,
      '',
      ...tableOf(
        ['', 'time', 'ratio', 'worst wait of a client', '99 % of the waits below', 'half below'],
        results.map((each) => [
          each.name,
          ms(each.tookMs),
          times(each.tookMs / whole.tookMs),
          ms(each.worstMs),
          ms(each.p99),
          ms(each.p50),
        ]),
        { numbers: true },
      ),
    ],
    goals: [
      {
        goal: 'in batches no client waits for more than two seconds',
        measured: ms(batched.worstMs),
        isMet: batched.worstMs <= 2_000,
      },
    ],
  });
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function measure(sql) {
  await createDatabase(server, { name: 'live' });
  const address = server.address('live');
  const database = await connect(address, { purpose: 'bench' });
  await database.execute(`
    CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL, seen int NOT NULL, email_normalised text);
    INSERT INTO users SELECT n, 'User' || n || '@Example.org', 0 FROM generate_series(1, ${rows}) n`);
  await database.execute('VACUUM (ANALYZE) users');
  await database.execute('CHECKPOINT');
  const load = startClients(address, {
    count: Number(options.clients),
    pauseMs: 20,
    work: (session, turn) => {
      const id = 1 + Math.floor(Math.random() * rows);
      return turn % 2 === 0
        ? session.query('UPDATE users SET seen = seen + 1 WHERE id = $1', [id])
        : session.query('SELECT email FROM users WHERE id = $1', [id]);
    },
  });
  await pause(2_000);
  load.reset();
  const startedAt = performance.now();
  await apply(sql, address);
  const tookMs = performance.now() - startedAt;
  await load.stop();
  const [{ left }] = await database.query(
    'SELECT count(*)::int AS left FROM users WHERE email_normalised IS NULL',
  );
  if (left !== 0) throw new Error(`${left} rows are left`);
  await database.close();
  await dropDatabase(server, 'live');
  const taken = load.taken();
  return {
    tookMs,
    worstMs: worst(taken),
    p99: percentile(taken, 0.99),
    p50: percentile(taken, 0.5),
  };
}

async function apply(sql, address) {
  const cwd = mkdtempSync(join(folder, 'project-'));
  mkdirSync(join(cwd, 'migrations'));
  writeFileSync(join(cwd, 'migrations', '001_fill.sql'), `-- Fills.\n${sql}`);
  const environments = { live: { url: address.connectionString() } };
  writeFileSync(join(cwd, 'drydock.config.json'), JSON.stringify({ environments }));
  const child = spawn(process.execPath, [resolve('dist/cli/main.js'), 'apply', 'live', '--yes'], {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`drydock apply ended with ${status}: ${said}`);
}
