// A look at the schema of an environment, as every health sample takes one: was it changed by hand since
// the look before? A change that was taken back before anybody looked is noticed by its trace.

import type { Database } from '../postgres/connect.ts';
import { schemaFingerprint } from '../postgres/fingerprint.ts';
import { schemaStamp } from '../postgres/schema-stamp.ts';
import { schemaTrace } from '../postgres/schema-trace.ts';
import { isBeingChanged } from './change-lock.ts';
import { type ExpectedSchema, readExpectedSchema } from './expected-schema.ts';
import { hasTable } from './install.ts';
import { moveTrace, readTrace } from './schema-trace.ts';

/** A moment at which the schema was found changed by hand. */
export interface ChangeByHand {
  readonly at: Date;
}

/** Looks at the schema, and keeps that it was changed by hand where it was. */
export async function lookAtSchema(database: Database): Promise<void> {
  // What a command of Drydock changes at this moment is no change by hand.
  if (await isBeingChanged(database)) return;
  await noticeChangeByHand(database);
}

/**
 * The same for the command that changes the environment itself, before it does: what it leaves is the
 * expected schema, and would cover a change that nobody has seen.
 */
export async function noticeChangeByHand(database: Database): Promise<void> {
  if (!(await hasTable(database, 'schema_trace'))) return;
  // One snapshot: else an apply that ends between two of the questions would be taken for one.
  const seen = await database.transaction(() => see(database), {
    begin: ['BEGIN ISOLATION LEVEL REPEATABLE READ'],
  });
  if (seen === undefined) return;
  if (seen.isChanged) {
    await database.query(
      'INSERT INTO drydock.changes_by_hand DEFAULT VALUES ON CONFLICT DO NOTHING',
    );
  }
  await moveTrace(database, seen);
  if (seen.isAsExpected) await keepStamp(database, seen);
}

/** The changes by hand that were noticed since a moment, oldest first, and whether there is one that was not. */
export async function readChangesByHand(
  database: Database,
  since: Date,
): Promise<{ readonly noticed: readonly ChangeByHand[]; readonly isChangedSince: boolean }> {
  if (!(await hasTable(database, 'schema_trace'))) return { noticed: [], isChangedSince: false };
  const noticed = await database.query<ChangeByHand>(
    'SELECT at FROM drydock.changes_by_hand WHERE at >= $1 ORDER BY at',
    [since],
  );
  const last = await readTrace(database);
  const isChangedSince = last !== undefined && last !== (await schemaTrace(database));
  return { noticed, isChangedSince };
}

interface Seen {
  readonly expected: ExpectedSchema;
  readonly stamp: string;
  readonly trace: string;
  /** The trace of the look before; undefined where there was none. */
  readonly last: string | undefined;
  readonly isAsExpected: boolean;
  readonly isChanged: boolean;
}

async function see(database: Database): Promise<Seen | undefined> {
  const expected = await readExpectedSchema(database);
  if (expected?.isCurrent !== true) return undefined;
  const trace = await schemaTrace(database);
  const last = await readTrace(database);
  const stamp = await schemaStamp(database);
  const isAsExpected =
    stamp === expected.stamp || (await schemaFingerprint(database)) === expected.fingerprint;
  const isChanged = !isAsExpected || (last !== undefined && trace !== last);
  return { expected, stamp, trace, last, isAsExpected, isChanged };
}

// The next look at the same schema is a cheap one again.
async function keepStamp(database: Database, { expected, stamp }: Seen): Promise<void> {
  if (stamp === expected.stamp) return;
  await database.query(
    'UPDATE drydock.expected_schema SET stamp = $1 WHERE stamp = $2 AND fingerprint = $3',
    [stamp, expected.stamp, expected.fingerprint],
  );
}
