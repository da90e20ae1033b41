// Clears away what a step left half-built that will not be run any more.

import type { Context } from '../core/context.ts';
import type { Migration } from '../migration/file.ts';
import { stepDigest } from '../migration/steps.ts';
import type { Address } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { readAloneStatement } from './alone-statement.ts';
import { type Before, lookAt } from './leavings.ts';
import { earlierRuns } from './records.ts';

/** Takes away the invalid indexes that this step of the migration has left behind. */
export async function clearLeavings(
  context: Context,
  address: Address,
  { migration, stepIndex }: { readonly migration: Migration; readonly stepIndex: number },
): Promise<void> {
  const step = migration.steps[stepIndex];
  const [statement] = step?.statements ?? [];
  if (step?.kind !== 'alone' || statement === undefined) return;
  await using database = await connect(address, { purpose: 'clear', signal: context.signal });
  const name = { version: migration.version, step: stepIndex + 1, digest: stepDigest(step) };
  const before = (await earlierRuns(database, name)).at(-1)?.before as Before | null | undefined;
  if (before === null || before === undefined) return;
  const found = await lookAt(database, await readAloneStatement(statement.sql), before);
  if (found.kind !== 'clear') return;
  for (const sql of found.sql) await database.execute(sql);
}
