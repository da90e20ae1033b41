import { expect, it } from 'vitest';
import { testContext } from '../../../test/database.ts';
import { connect } from '../../postgres/connect.ts';
import { startServer } from '../../sandbox/server.ts';
import { statementsFromStatistics } from './from-statistics.ts';

it('what every role has sent is read with its search_path, and no more when the extension is missing', async () => {
  const settings = { shared_preload_libraries: 'pg_stat_statements' };
  await using server = await startServer(testContext(), { purpose: 'test', settings });
  await using database = await connect(server.address('postgres'), { purpose: 'test' });
  expect((await statementsFromStatistics(database)).problem).toContain('not installed');

  await database.execute('CREATE EXTENSION pg_stat_statements; CREATE SCHEMA shop');
  await database.execute('CREATE TABLE shop.users (id int); CREATE ROLE app');
  await database.execute('GRANT USAGE ON SCHEMA shop TO app; GRANT SELECT ON shop.users TO app');
  await database.execute('ALTER ROLE app SET search_path = shop, public');
  await database.execute('SET ROLE app; SET search_path = shop');
  for (const id of [1, 2, 3]) await database.execute(`SELECT id FROM users WHERE id = ${id}`);
  await database.execute('RESET ROLE');

  const { statements, problem } = await statementsFromStatistics(database);
  expect(problem).toBeNull();
  expect(statements.find(({ role }) => role === 'app')).toEqual({
    text: 'SELECT id FROM users WHERE id = $1',
    from: 'pg_stat_statements',
    role: 'app',
    searchPath: 'shop, public',
    calls: 3,
  });
});
