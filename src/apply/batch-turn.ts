// Waits until the next batch may begin. Between two batches nothing is held: the best moment to wait.

import { readPause } from '../history/batches.ts';
import type { Database } from '../postgres/connect.ts';
import { type ReplicaLag, tooFarBehind } from './batch-pace.ts';
import type { StepRun } from './step-run.ts';

const lookAgainMs = 1_000;

/** Resolves when nobody has paused the batches, and the replicas keep up. */
export async function untilBatchMayBegin({ database, context, say }: StepRun): Promise<void> {
  for (;;) {
    const reason = await reasonToWait(database);
    if (reason === undefined) return;
    say(reason);
    await context.clock.sleep(lookAgainMs, context.signal);
  }
}

async function reasonToWait(database: Database): Promise<string | undefined> {
  const pause = await readPause(database);
  if (pause !== undefined) return `paused by ${pause.by}: drydock resume lets it go on`;
  const behind = tooFarBehind(await replicaLag(database));
  return behind === undefined ? undefined : `waits for a replica that is ${behind} behind`;
}

// Roles that may not see other roles' sessions see neither figure (manual, 28.2.4): then nobody waits.
function replicaLag(database: Database): Promise<ReplicaLag> {
  return database.one<ReplicaLag>(
    `SELECT (max(extract(epoch FROM replay_lag)) * 1000)::float8 AS ms,
            max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn))::float8 AS bytes
     FROM pg_stat_replication WHERE state = 'streaming'`,
  );
}
