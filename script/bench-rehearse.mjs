// What watching costs a statement on a schema of 2,500 relations: `script/bench rehearse`. For every
// statement the best of several rounds counts, because whatever else runs on the machine only
// adds to it.

import { parseArgs } from 'node:util';
import { ms, tableOf, tellFigures, versionOf } from './figures.mjs';
import { importSource } from './import-source.mjs';

const { values: options } = parseArgs({ options: { write: { type: 'boolean' } } });
const rounds = 7;
const tables = 840;
const count = 200;

const { startServer } = await importSource('src/sandbox/server.ts');
const { createDatabase, dropDatabase } = await importSource('src/sandbox/copy.ts');
const { connect } = await importSource('src/postgres/connect.ts');
const { quietContext } = await importSource('src/core/context.ts');
const { install } = await importSource('src/history/install.ts');
const { applyPlan } = await importSource('src/apply/apply.ts');
const { watchStatements } = await importSource('src/rehearsal/observe.ts');
const { planOf } = await importSource('test/migrations.ts');

const context = quietContext();
const server = await startServer(context, { purpose: 'bench' });
try {
  await createDatabase(server, { name: 'given' });
  await fill();
  const plan = await planOf(migrations());
  const watching = [];
  const whole = [];
  for (let round = 0; round < rounds; round += 1) {
    const times = await run(plan);
    watching.push(times.watching);
    whole.push(times.whole);
  }
  const bestOf = (each) => each[0].map((_, index) => Math.min(...each.map((one) => one[index])));
  const mean = (times) => times.reduce((sum, ms) => sum + ms, 0) / times.length;
  const cost = mean(bestOf(watching));
  tellFigures('rehearse', {
    server: await versionOf(server),
    write: options.write,
    lines: [
      `${(tables * 3).toLocaleString('en')} relations, ${count} statements, the best of ${rounds} rounds each.`,
      '',
      ...tableOf(['a statement', 'of which watching it'], [[ms(mean(bestOf(whole))), ms(cost)]]),
    ],
    goals: [
      {
        goal: 'watching a statement within 2 ms on a schema of 2,500 relations',
        measured: ms(cost),
        isMet: cost <= 2,
      },
    ],
  });
} finally {
  await server.stop();
}

async function fill() {
  const database = await connect(server.address('given'), { purpose: 'bench' });
  await install(database);
  for (let table = 1; table <= tables; table += 1) {
    await database.execute(
      `CREATE TABLE t${table} (id int PRIMARY KEY, a int); CREATE INDEX ON t${table} (a)`,
    );
  }
  await database.execute('ANALYZE');
  await database.close();
}

// Twenty migrations of ten statements.
function migrations() {
  const files = {};
  for (let index = 0; index < count; index += 1) {
    const table = `t${1 + ((index * 7) % tables)}`;
    const statement = [
      `ALTER TABLE ${table} ADD COLUMN c${index} int;`,
      `CREATE INDEX ON ${table} (id, a);`,
      `INSERT INTO ${table} (id) VALUES (${index});`,
      `UPDATE ${table} SET a = 1;`,
    ][index % 4];
    const name = `${String(Math.floor(index / 10)).padStart(3, '0')}_bench`;
    files[name] = `${files[name] ?? ''}${statement}\n`;
  }
  return files;
}

async function run(plan) {
  await createDatabase(server, { name: 'copy', template: 'given' });
  const address = server.address('copy');
  const watch = await watchStatements({ copy: address, locksOf: async () => [] });
  const times = { watching: [], whole: [] };
  let startedAt = 0;
  let spent = 0;
  const timed = async (work) => {
    const from = performance.now();
    await work();
    spent += performance.now() - from;
  };
  const observer = {
    before: async (database, statement) => {
      startedAt = performance.now();
      spent = 0;
      await timed(() => watch.observer.before(database, statement));
    },
    after: async (database, statement) => {
      await timed(() => watch.observer.after(database, statement));
      times.watching.push(spent);
      times.whole.push(performance.now() - startedAt);
    },
  };
  await applyPlan(context, { address, plan, appliedBy: 'bench', observer });
  await watch[Symbol.asyncDispose]();
  await dropDatabase(server, 'copy');
  return times;
}
