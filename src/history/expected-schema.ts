// The schema that an environment is expected to have: as the last apply left it, or as a person accepted
// it. What differs from it is drift. Reading it never installs anything.

import type { Database } from '../postgres/connect.ts';
import { differenceInWords } from '../postgres/difference-in-words.ts';
import {
  factsWithFingerprint,
  type SchemaFact,
  schemaFacts,
  schemaFingerprint,
} from '../postgres/fingerprint.ts';
import { schemaStamp } from '../postgres/schema-stamp.ts';
import { schemaTrace } from '../postgres/schema-trace.ts';
import { hasTable } from './install.ts';
import { keepTrace } from './schema-trace.ts';

/** The fingerprint that the last apply left behind, if it is known. */
export interface ExpectedSchema {
  readonly fingerprint: string;
  readonly stamp: string;
  /** False when the ledger was moved on later, by an apply that never told its end. */
  readonly isCurrent: boolean;
}

const ledgerDigest = `(SELECT md5(coalesce(string_agg(concat_ws(' ', version, state, steps_done), ','
    ORDER BY version COLLATE "C"), '')) FROM drydock.ledger)`;

/** What is expected; undefined where no apply has told it yet. */
export async function readExpectedSchema(database: Database): Promise<ExpectedSchema | undefined> {
  if (!(await hasTable(database, 'expected_schema'))) return undefined;
  const [row] = await database.query<ExpectedSchema>(
    `SELECT fingerprint, stamp, ledger = ${ledgerDigest} AS "isCurrent" FROM drydock.expected_schema`,
  );
  return row;
}

/** Takes the schema as it is for the expected one, and returns its fingerprint. */
export async function expectPresentSchema(database: Database): Promise<string> {
  // The stamp before the facts: a change between the two makes the next look a thorough one, where the
  // other order would hide it.
  const stamp = await schemaStamp(database);
  await keepTrace(database, await schemaTrace(database));
  const { fingerprint, facts } = await factsWithFingerprint(database);
  await database.query(
    `INSERT INTO drydock.expected_schema (fingerprint, stamp, ledger, facts)
     VALUES ($1, $2, ${ledgerDigest}, $3::jsonb)
     ON CONFLICT (singleton) DO UPDATE
     SET fingerprint = excluded.fingerprint, stamp = excluded.stamp, ledger = excluded.ledger,
         facts = excluded.facts, taken_at = clock_timestamp()`,
    [
      fingerprint,
      stamp,
      JSON.stringify(facts.map(({ object, fact, definition }) => [object, fact, definition])),
    ],
  );
  return fingerprint;
}

/** The fingerprint of the schema as it is, computed only where the stamp is not the expected one. */
export async function presentFingerprint(
  database: Database,
  expected: ExpectedSchema | undefined,
): Promise<string> {
  return expected !== undefined && expected.stamp === (await schemaStamp(database))
    ? expected.fingerprint
    : schemaFingerprint(database);
}

/** What of a schema is not as expected, in words; empty when all is, or nothing is known. */
export async function schemaDrift(database: Database): Promise<readonly string[]> {
  if (!(await hasTable(database, 'expected_schema'))) return [];
  const [expected, stamp] = await Promise.all([
    readExpectedSchema(database),
    schemaStamp(database),
  ]);
  if (expected === undefined || !expected.isCurrent || stamp === expected.stamp) return [];
  if ((await schemaFingerprint(database)) === expected.fingerprint) return [];
  const { facts } = await database.one<{ facts: [string, string, string][] }>(
    'SELECT facts FROM drydock.expected_schema',
  );
  const before = facts.map(
    ([object, fact, definition]): SchemaFact => ({ object, fact, definition }),
  );
  return differenceInWords(before, await schemaFacts(database));
}
