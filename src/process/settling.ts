// What is left of a rescue when the names are swapped: the file of what the old schema cannot hold, the slot
// of the old database, and what the replay has kept. Done once, also when the rescue was killed before.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readLastRescue } from '../history/rescue-runs.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { dropReplay } from '../rescue/copy.ts';
import { readSalvage } from '../rescue/salvaged.ts';
import { dropSlots } from '../rescue/slots.ts';
import { expectSchemaNow } from './drift.ts';
import type { Project, Target } from './project.ts';

/** Whether a database was swapped in, and something is left to do. */
export async function isUnsettled(database: Database): Promise<boolean> {
  const last = await readLastRescue(database);
  if (last === undefined) return false;
  const { unsettled } = await database.one<{ unsettled: boolean }>(
    `SELECT to_regclass('drydock_replay.salvage') IS NOT NULL
            OR EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1) AS unsettled`,
    [last.slot],
  );
  return unsettled;
}

/** Does the rest; returns the file of what the old schema cannot hold, if there is anything. */
export async function settle(
  { config }: Project,
  { address, environment }: Target,
): Promise<string | null> {
  await using database = await connect(address, { purpose: 'rescue' });
  const last = await readLastRescue(database);
  await dropSlots(database, last?.slot);
  const rows = await readSalvage(database);
  const file =
    rows.length === 0
      ? null
      : join(config.root, `rescue_${environment.name}_${last?.copy ?? ''}.jsonl`);
  if (file !== null) {
    const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    writeFileSync(file, lines, { mode: 0o600, flush: true });
  }
  await dropReplay(database);
  await expectSchemaNow({ address, environment });
  return file;
}
