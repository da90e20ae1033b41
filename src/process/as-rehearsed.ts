// Is the schema after the apply the one that the rehearsal left on its copy? What a dump and its restore
// write differently (a check that PostgreSQL words anew) was different before the plan too, and says
// nothing about it.

import type { Address } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import {
  digestDifference,
  type SchemaDifference,
  type SchemaDigest,
  schemaDigest,
} from '../postgres/fingerprint.ts';

/** The schema that an apply is expected to leave behind. */
export interface RehearsedSchema {
  readonly onCopy: SchemaDigest;
  /** Objects that were different on the copy before the plan ran there. */
  readonly differentBefore: readonly string[];
}

/** Runs a rehearsal on a copy and keeps the schema that it leaves. */
export async function keepingSchema<T>(
  { copy, live }: { readonly copy: Address; readonly live: Address },
  rehearsal: () => Promise<T>,
): Promise<{ readonly rehearsal: T; readonly schema: RehearsedSchema }> {
  const before = digestDifference(await digestOf(live), await digestOf(copy));
  const report = await rehearsal();
  const differentBefore = before.map(({ fact }) => fact);
  return { rehearsal: report, schema: { onCopy: await digestOf(copy), differentBefore } };
}

/** What is not as the rehearsal left it; empty when everything is. */
export async function unlikeRehearsal(
  live: Address,
  { onCopy, differentBefore }: RehearsedSchema,
): Promise<readonly SchemaDifference[]> {
  const known = new Set(differentBefore);
  return digestDifference(onCopy, await digestOf(live)).filter(({ fact }) => !known.has(fact));
}

async function digestOf(address: Address): Promise<SchemaDigest> {
  await using database = await connect(address, { purpose: 'compare' });
  return await schemaDigest(database);
}
