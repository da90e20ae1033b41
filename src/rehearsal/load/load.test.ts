import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { testContext, testDatabase } from '../../../test/database.ts';
import { connect } from '../../postgres/connect.ts';
import type { ApplicationStatement } from '../queries/report.ts';
import { loadAround, type WantedLoad } from './around.ts';
import { parseExpression } from './expression.ts';
import { readWorkloadFile } from './pgbench-file.ts';
import type { LoadReport } from './report.ts';

const schema = `
  CREATE TABLE users (id int PRIMARY KEY, email text, visits int NOT NULL DEFAULT 0);
  INSERT INTO users SELECT n, n || '@example.com' FROM generate_series(1, 1000) n; ANALYZE`;

async function fileOf(name: string, text: string): Promise<string> {
  const path = join(inject('runFolder'), name);
  await writeFile(path, text);
  return path;
}

async function loadOf(
  wanted: Partial<WantedLoad>,
  plan: string,
  statements: readonly ApplicationStatement[] = [],
): Promise<LoadReport | undefined> {
  await using copy = await testDatabase({ sql: schema });
  const runPlan = async (): Promise<void> => {
    await using database = await connect(copy.address, { purpose: 'test' });
    await database.execute(plan);
  };
  const options = { copy: copy.address, runPlan, statements };
  const load = { workload: ['auto'], connections: 4, perSecond: 100, ...wanted };
  return (await loadAround(testContext(), load, options).after(copy.address)).load;
}

// Four sessions are all behind the lock soon: it is held until the end of this transaction.
const blocking = 'ALTER TABLE users ADD tier int; SELECT pg_sleep(0.8)';

describe('a load', () => {
  it('from a file waits as long as the plan keeps its lock', async () => {
    const read = await fileOf(
      'read.sql',
      '\\set id random(1, 1000)\nSELECT email FROM users WHERE id = :id;',
    );
    const write = await fileOf(
      'write.sql',
      '\\set id random(1, 1000)\nBEGIN;\nUPDATE users SET visits = visits + 1\n WHERE id = :id;\nEND;\n',
    );
    const load = await loadOf({ workload: [`${read}@3`, write] }, blocking);
    expect(load?.with.worstMs).toBeGreaterThan(500);
    expect(load?.with.blockedAtOnce).toBe(4);
    expect(load?.without).toMatchObject({ blockedAtOnce: 0, failed: 0 });
    expect(load?.without.statements).toBeGreaterThan(100);
    expect(load?.failures).toEqual([]);
  });

  it('of statements that the plan breaks tells how they failed', async () => {
    const read = await fileOf('read.sql', 'SELECT email FROM users WHERE id = 7;');
    const load = await loadOf({ workload: [read] }, 'ALTER TABLE users RENAME email TO mail');
    expect(load?.failures.map(({ message }) => message)).toEqual(['column "email" does not exist']);
  });

  it('is made of what production reads, with parameters from the rows', async () => {
    const sent = (text: string): ApplicationStatement => {
      return { text, from: 'pg_stat_statements', role: null, searchPath: 'public', calls: 5 };
    };
    const load = await loadOf({}, blocking, [
      sent('SELECT email FROM users u WHERE u.id = $1 LIMIT $2'),
      sent('SELECT $1::int + count(*) FROM users'),
      sent('UPDATE users SET visits = $1 WHERE id = $2'),
      sent('SELECT id FROM users WHERE id = $1 FOR UPDATE'),
    ]);
    expect(load?.notReplayed.map(({ reason }) => reason)).toEqual([
      '$1 is compared with no column',
      'it changes rows',
      'it locks rows',
    ]);
    expect(load?.with).toMatchObject({ blockedAtOnce: 4, failed: 0 });
  });
});

describe('a workload file', () => {
  it.each([
    ['\\sleep 5 ms\nSELECT 1;', '1: \\sleep 5 ms'],
    ['SELECT 1;\n\\set a random(1)\n', '2: \\set a random(1)'],
    ['SELECT :a;\n', ':a is not set'],
    ['SELEC 1;\n', 'syntax error'],
  ])('%j is refused with its line', async (text, words) => {
    const path = await fileOf('bad.sql', text);
    await expect(readWorkloadFile(path)).rejects.toMatchObject({
      code: 'rehearsal/bad-workload',
      message: expect.stringContaining(words),
    });
  });

  it('knows a variable from a cast', async () => {
    const path = await fileOf('cast.sql', "\\set a 7\nSELECT '1'::int, :a::text, a[1:2];\n");
    const { commands } = await readWorkloadFile(path);
    expect(commands[1]).toEqual({ sql: ["SELECT '1'::int, ", '::text, a[1:2]'], names: ['a'] });
  });
});

describe('an expression', () => {
  it.each([
    ['2 + 3 * 4', 14],
    ['(2 + 3) * -:a', -35],
    ['10 / 4 - 7 % 4', -1],
    ['random(5, 5 + :a)', 9],
  ])('%s is computed as pgbench does', (text, value) => {
    expect(parseExpression(text)?.(new Map([['a', 7]]), () => 0.5)).toBe(value);
  });
});
