import { expect, it } from 'vitest';
import { testDatabase } from '../../../test/database.ts';
import { limitsWith, seenBy } from '../../../test/probe.ts';
import { connect } from '../../postgres/connect.ts';
import { connections } from './connections.ts';

it('counts the connections of all databases against max_connections, for any role', async () => {
  await using database = await testDatabase();
  const { max } = await seenBy(database.address, connections);
  expect(max).toBe(200);
  const sessions = await Promise.all(
    [1, 2, 3].map(() => connect(database.address, { purpose: 'test' })),
  );
  const seen = await seenBy(database.address, connections);
  for (const session of sessions) await session.close();
  expect(seen.used).toBeGreaterThanOrEqual(4);
  expect(connections.describe(seen)).toMatch(/^\d+ of 200$/);
  expect(connections.over(seen, limitsWith())).toEqual([]);
  expect(connections.over(seen, limitsWith({ connections: 0.01 }))).toEqual([
    { what: 'connections', text: `${seen.used} of 200 are in use, over 1%` },
  ]);
});
