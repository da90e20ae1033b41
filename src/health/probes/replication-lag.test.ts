import { expect, it } from 'vitest';
import { testContext } from '../../../test/database.ts';
import { limitsWith, seenBy } from '../../../test/probe.ts';
import { connect } from '../../postgres/connect.ts';
import { ReplicationSession } from '../../postgres/replication.ts';
import { startServer } from '../../sandbox/server.ts';
import { replicationLag } from './replication-lag.ts';

it('measures how far a stream is behind that confirms nothing', async () => {
  const settings = { wal_level: 'logical', max_wal_senders: '4', max_replication_slots: '4' };
  await using server = await startServer(testContext(), { purpose: 'test', settings });
  const address = server.address('postgres');
  const alone = await seenBy(address, replicationLag);
  expect(replicationLag.describe(alone)).toBe('none streaming');

  await using database = await connect(address, { purpose: 'test' });
  await database.execute('CREATE TABLE users (name text); CREATE PUBLICATION p FOR ALL TABLES');
  await using replica = await ReplicationSession.open(address);
  await replica.createSlot('s', { lockTimeoutMs: 10_000, lasting: true });
  const stop = new AbortController();
  const streaming = replica.stream({
    slot: 's',
    publication: 'p',
    onTransaction: async () => {},
    safeLsn: () => 1n,
    signal: stop.signal,
  });
  await database.execute(
    "INSERT INTO users SELECT repeat('x', 1000) FROM generate_series(1, 2000)",
  );
  const bytes = async (): Promise<number> =>
    (await seenBy(address, replicationLag)).replicas[0]?.lagBytes ?? 0;
  await expect.poll(bytes, { timeout: 20_000 }).toBeGreaterThan(2_000_000);
  const seen = await seenBy(address, replicationLag);
  expect(replicationLag.describe(seen)).toMatch(/^1 streaming, at most .+ behind$/);
  const limits = limitsWith({ replicationBytes: 1_000_000 });
  expect(replicationLag.over(seen, limits)).toEqual([
    {
      what: 'drydock replication',
      text: expect.stringMatching(/^drydock replication is .+ behind$/),
    },
  ]);
  stop.abort();
  await streaming;
});

it('is red by time as by size', () => {
  const replicas = [
    { name: 'near', lagMs: 200, lagBytes: 100 },
    { name: 'idle', lagMs: null, lagBytes: 0 },
    { name: 'far', lagMs: 300_000, lagBytes: 100 },
  ];
  const troubles = replicationLag.over({ replicas, hidden: 0 }, limitsWith());
  expect(troubles).toEqual([{ what: 'far', text: 'far is 5 min and 100 B behind' }]);
});
