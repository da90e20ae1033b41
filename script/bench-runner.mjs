// Measures what a migration runner costs beside the migrations themselves, with Drydock and with other
// runners in turns, in one run on one machine: the start of the command, 1,000 small migrations, nothing
// to do, and where it stands. Writes docs/bench-runner.md. Needs the build and, once, the network.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { importSource } from './import-source.mjs';
import { otherRunners } from './other-runners.mjs';

const { values: options } = parseArgs({
  args: process.argv.slice(2),
  options: {
    migrations: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '5' },
  },
});
const migrations = Number(options.migrations);
const rounds = Number(options.rounds);
const number = (n) => String(n).padStart(4, '0');

const { startServer } = await importSource('src/sandbox/server.ts');
const { connect } = await importSource('src/postgres/connect.ts');
const { quietContext } = await importSource('src/core/context.ts');

const drydock = resolve('dist/cli/main.js');
const peers = otherRunners(['dbmate', 'node-pg-migrate', 'graphile-migrate', 'knex']);
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const scratch = mkdtempSync(join(tmpdir(), 'drydock-bench-'));
const empty = join(scratch, 'empty.mjs');
writeFileSync(empty, '');

// Small ones as they are written: a table, then columns, comments and indexes of it.
const statementOf = (n) => {
  const table = `things_${Math.ceil(n / 10)}`;
  if (n % 10 === 1) return `CREATE TABLE ${table} (id bigint PRIMARY KEY, name text NOT NULL);`;
  if (n % 10 === 2) return `CREATE INDEX ${table}_name ON ${table} (name);`;
  if (n % 10 === 3) return `COMMENT ON TABLE ${table} IS 'of migration ${n}';`;
  return `ALTER TABLE ${table} ADD COLUMN extra_${n} int;`;
};

// Each makes its project, and says how it applies, applies nothing, and tells where it stands.
const runners = [
  {
    name: `drydock ${version}`,
    isJavaScript: true,
    make: (folder) =>
      write(
        folder,
        'drydock.config.json',
        JSON.stringify({ environments: { dev: { url: { env: 'DATABASE_URL' } } } }),
        (n) => [`migrations/${number(n)}_step.sql`, `${statementOf(n)}\n`],
      ),
    apply: [process.execPath, drydock, 'apply', 'dev'],
    status: [process.execPath, drydock, 'status', 'dev', '--exit-code'],
  },
  {
    name: `dbmate ${peers.dbmate.version}`,
    isJavaScript: false,
    make: (folder) =>
      write(folder, 'none', '', (n) => [
        `db/migrations/${number(n)}_step.sql`,
        `-- migrate:up\n${statementOf(n)}\n-- migrate:down\n`,
      ]),
    apply: [peers.dbmate.program, '--no-dump-schema', 'migrate'],
    status: [peers.dbmate.program, 'status'],
  },
  {
    name: `node-pg-migrate ${peers['node-pg-migrate'].version}`,
    isJavaScript: true,
    make: (folder) =>
      write(folder, 'none', '', (n) => [
        `migrations/${number(n)}_step.sql`,
        `-- Up Migration\n${statementOf(n)}\n-- Down Migration\n`,
      ]),
    apply: [process.execPath, peers['node-pg-migrate'].program, 'up', '--no-check-order'],
    // It has no word for where it stands; a dry run tells what is pending.
    status: [process.execPath, peers['node-pg-migrate'].program, 'up', '--dry-run'],
  },
  {
    name: `graphile-migrate ${peers['graphile-migrate'].version}`,
    isJavaScript: true,
    make: (folder) => {
      put(folder, '.gmrc', '{}');
      let previous = '-';
      for (let n = 1; n <= migrations; n += 1) {
        const { text, hash } = graphileFile(statementOf(n), previous);
        put(folder, `migrations/committed/${String(n).padStart(6, '0')}.sql`, text);
        previous = hash;
      }
    },
    apply: [process.execPath, peers['graphile-migrate'].program, 'migrate'],
    status: [process.execPath, peers['graphile-migrate'].program, 'status'],
    statusExits: [0, 1, 2, 3],
  },
  {
    name: `knex ${peers.knex.version}`,
    isJavaScript: true,
    make: (folder) => {
      // It wants to be installed where it works.
      symlinkSync(dirname(dirname(peers.knex.program)), join(folder, 'node_modules'));
      write(
        folder,
        'knexfile.cjs',
        `module.exports = { client: 'pg', connection: process.env.DATABASE_URL };\n`,
        (n) => [
          `migrations/${number(n)}_step.cjs`,
          `exports.up = (knex) => knex.raw(${JSON.stringify(statementOf(n))});\nexports.down = () => {};\n`,
        ],
      );
    },
    apply: [process.execPath, peers.knex.program, '--knexfile', 'knexfile.cjs', 'migrate:latest'],
    status: [process.execPath, peers.knex.program, '--knexfile', 'knexfile.cjs', 'migrate:list'],
  },
];

const server = await startServer(quietContext(), { purpose: 'bench', tcp: true });
try {
  const starts = startTimes();
  const results = new Map();
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, runner] of runners.entries()) {
      const times = await measure(runner, `bench_${index}_${round}`);
      results.set(runner, [...(results.get(runner) ?? []), times]);
      process.stderr.write(`${runner.name} ${JSON.stringify(times)}\n`);
    }
  }
  const text = page(starts, results);
  writeFileSync('docs/bench-runner.md', text);
  console.log(text);
} finally {
  await server.stop();
  rmSync(scratch, { recursive: true, force: true });
}

async function measure(runner, database) {
  const admin = await connect(server.address('postgres'), { purpose: 'bench' });
  await admin.execute(`CREATE DATABASE ${database}`);
  const folder = join(scratch, database);
  mkdirSync(folder);
  runner.make(folder);
  const DATABASE_URL = `${server.address(database).connectionString()}?sslmode=disable`;
  const timed = (command, exits = [0]) => {
    const startedAt = performance.now();
    const [program, ...args] = command;
    const { status, stderr, stdout } = spawnSync(program, args, {
      cwd: folder,
      // graphile-migrate wants to know of a shadow database, which it touches for nothing of this.
      env: { ...process.env, DATABASE_URL, SHADOW_DATABASE_URL: `${DATABASE_URL}&shadow` },
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    if (!exits.includes(status))
      throw new Error(`${command.join(' ')}: ${status} ${stderr} ${stdout}`);
    return performance.now() - startedAt;
  };
  const times = { apply: timed(runner.apply) };
  const check = await connect(server.address(database), { purpose: 'bench' });
  const { tables } = await check.one(
    "SELECT count(*)::int AS tables FROM pg_class WHERE relkind = 'r' AND relname LIKE 'things%'",
  );
  await check.close();
  if (tables !== Math.ceil(migrations / 10))
    throw new Error(`${runner.name} made ${tables} tables`);
  times.nothing = timed(runner.apply);
  times.status = timed(runner.status, runner.statusExits);
  await admin.execute(`DROP DATABASE ${database} WITH (FORCE)`);
  await admin.close();
  rmSync(folder, { recursive: true });
  return times;
}

// Drydock's start against an empty script, alternating.
function startTimes() {
  const times = { empty: [], version: [] };
  for (let round = 0; round < 25; round += 1) {
    for (const [name, args] of [
      ['empty', [empty]],
      ['version', [drydock, '--version']],
    ]) {
      const startedAt = performance.now();
      spawnSync(process.execPath, args);
      times[name].push(performance.now() - startedAt);
    }
  }
  return { empty: median(times.empty), version: median(times.version) };
}

function page(starts, results) {
  const middle = (runner, what) => median(results.get(runner).map((times) => times[what]));
  const rows = runners.map(
    (runner) =>
      `| ${runner.name}${runner.isJavaScript ? '' : ' (Go)'} | ${['apply', 'nothing', 'status']
        .map((what) => `${Math.round(middle(runner, what)).toLocaleString('en')} ms`)
        .join(' | ')} |`,
  );
  const [own, , nodePgMigrate] = runners;
  const ratio = middle(own, 'status') / middle(nodePgMigrate, 'status');
  const [cpu] = cpus();
  return `# What the runner itself costs

Measured by \`script/bench runner\`, which writes this page: PostgreSQL ${server.major} on the same machine, ${availableParallelism()} processors (${cpu.model.trim()}), Node.js ${process.versions.node}. ${migrations.toLocaleString('en')} migrations of one statement each: tables, columns, comments, indexes. All runners in turns, ${rounds} rounds, medians of whole processes: seconds differ from machine to machine, the order hardly.

| runner | ${migrations.toLocaleString('en')} migrations | nothing to do | status |
| --- | --: | --: | --: |
${rows.join('\n')}

- \`drydock --version\` takes ${(starts.version / starts.empty).toFixed(2)} times an empty Node script (${Math.round(starts.version)} ms and ${Math.round(starts.empty)} ms).
- \`drydock status\` takes ${ratio.toFixed(2)} times what node-pg-migrate takes to tell what is pending.
- Drydock alone waits for locks in short turns, watches from a second session, records every step, keeps the schema for the drift check and writes a journal; the status compares every file and the schema.
`;
}

// Its committed files name their predecessor by a hash.
function graphileFile(sql, previous) {
  const before = previous === '-' ? '' : previous;
  const hash = `sha1:${createHash('sha1')
    .update(`${`${before}\n${sql}`.trim()}\n`)
    .digest('hex')}`;
  return { hash, text: `--! Previous: ${previous}\n--! Hash: ${hash}\n\n${sql}\n` };
}

function write(folder, name, text, fileOf) {
  put(folder, name, text);
  for (let n = 1; n <= migrations; n += 1) put(folder, ...fileOf(n));
}

function put(folder, name, text) {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
