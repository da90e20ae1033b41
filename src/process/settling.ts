// What is left of a rescue when the names are swapped: the file of what the old schema cannot hold, the slot
// of the old database, and what the replay has kept. Done once, also when the rescue was killed before.

import { join } from 'node:path';
import { Failure } from '../core/failure.ts';
import { replaceFile } from '../core/write-file.ts';
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
  if (file !== null) writeRows(file, rows);
  await dropReplay(database);
  await expectSchemaNow({ address, environment });
  return file;
}

// Where it cannot be written, the rows stay in the rescued database, and the same command goes on here.
function writeRows(file: string, rows: readonly object[]): void {
  try {
    replaceFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''), 0o600);
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure;
    throw failure.withState('changed', 'the rescued database is in place, with what belongs here');
  }
}
