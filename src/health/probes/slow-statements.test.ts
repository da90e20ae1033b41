import { expect, it } from 'vitest';
import { testContext, testDatabase } from '../../../test/database.ts';
import { limitsWith } from '../../../test/probe.ts';
import type { Address } from '../../postgres/address.ts';
import { connect } from '../../postgres/connect.ts';
import { startServer } from '../../sandbox/server.ts';
import { type Figures, lookAtDatabase } from '../figures.ts';
import { judgeFigures } from '../judge-figures.ts';

async function figuresOf(address: Address): Promise<Figures> {
  const look = await lookAtDatabase(address);
  if ('problem' in look) throw new Error(look.problem);
  return look.figures;
}

it('a statement that takes several times as long as before the change is red, with both times', async () => {
  const settings = { shared_preload_libraries: 'pg_stat_statements' };
  await using server = await startServer(testContext(), { purpose: 'test', settings });
  const address = server.address('postgres');
  await using database = await connect(address, { purpose: 'test' });
  await database.execute('CREATE SCHEMA "Stat"; CREATE EXTENSION pg_stat_statements SCHEMA "Stat"');
  await database.execute('CREATE TABLE pace (seconds float); INSERT INTO pace VALUES (0.001)');
  const call = async (): Promise<void> => {
    for (let n = 0; n < 20; n += 1) await database.query('SELECT pg_sleep(seconds) FROM pace');
  };
  await call();
  const baseline = await figuresOf(address);
  await database.execute('UPDATE pace SET seconds = 0.03');
  await call();
  const seen = await figuresOf(address);
  const judged = judgeFigures(seen, { limits: limitsWith(), baseline });
  expect(judged.filter(({ healthy }) => !healthy)).toEqual([
    {
      probe: 'statements',
      healthy: false,
      answered: true,
      figure: expect.stringMatching(
        /^SELECT pg_sleep\(seconds\) FROM pace takes \d+ ms, before \d+ ms$/,
      ),
    },
  ]);
  const alone = judgeFigures(seen, { limits: limitsWith(), baseline: undefined });
  expect(alone.every(({ healthy }) => healthy)).toBe(true);
});

it('without the extension the slow statements are said to be unseen', async () => {
  await using database = await testDatabase();
  const judged = judgeFigures(await figuresOf(database.address), {
    limits: limitsWith(),
    baseline: undefined,
  });
  expect(judged.at(-1)).toMatchObject({
    probe: 'statements',
    healthy: true,
    figure: 'unseen: pg_stat_statements is not there',
  });
});
