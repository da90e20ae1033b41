import { expect, it } from 'vitest';
import { serverAddress } from '../../../test/database.ts';
import { limitsWith, seenBy } from '../../../test/probe.ts';
import { connect } from '../../postgres/connect.ts';
import { slots } from './slots.ts';

it('measures the log that an abandoned slot holds back', async () => {
  await using server = await connect(serverAddress(), { purpose: 'test' });
  await server.query("SELECT pg_create_physical_replication_slot('probe_slot', true)");
  try {
    await server.query("SELECT pg_logical_emit_message(true, 'test', repeat('x', 1000000))");
    const held = async (): Promise<number> =>
      (await seenBy(serverAddress(), slots)).find(({ name }) => name === 'probe_slot')?.bytes ?? 0;
    // The test's server writes its log a moment after the commit.
    await expect.poll(held).toBeGreaterThan(1_000_000);
    const seen = await seenBy(serverAddress(), slots);
    expect(slots.over(seen, limitsWith())).toEqual([]);
    const texts = slots.over(seen, limitsWith({ slotBytes: 1_000 })).map(({ text }) => text);
    expect(texts.join()).toMatch(/probe_slot \(nobody reads it\) holds back \d/);
  } finally {
    await server.query("SELECT pg_drop_replication_slot('probe_slot')");
  }
});
