// The way back that the author of a migration wrote beside it: `008_add_teacher_mode.down.sql`. It is no
// migration: it is never pending, and runs only when a migration is taken back.

import { existsSync, readFileSync } from 'node:fs';
import { type Migration, stepsOf } from './file.ts';
import type { MigrationStep } from './steps.ts';
import { downPathOf } from './version.ts';

/** What the author wrote. */
export interface Down {
  readonly path: string;
  readonly sql: string;
  readonly steps: readonly MigrationStep[];
}

/**
 * The author's way back of a migration; undefined when there is none.
 *
 * @throws what {@link stepsOf} throws
 */
export async function readDown(migration: Pick<Migration, 'path'>): Promise<Down | undefined> {
  const path = downPathOf(migration.path);
  if (!existsSync(path)) return undefined;
  const sql = readFileSync(path, 'utf8');
  const { steps } = await stepsOf(path, sql);
  return { path, sql, steps };
}
