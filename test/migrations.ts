// Migrations as values, for tests that need a plan and no folder.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LedgerRow } from '../src/history/ledger.ts';
import { type Migration, readMigrations } from '../src/migration/file.ts';
import { makePlan, type Plan } from '../src/migration/plan.ts';

async function migrationsOf(
  files: Readonly<Record<string, string>>,
): Promise<readonly Migration[]> {
  const folder = mkdtempSync(join(tmpdir(), 'drydock-test-'));
  try {
    for (const [name, sql] of Object.entries(files))
      writeFileSync(join(folder, `${name}.sql`), sql);
    return await readMigrations(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A plan of SQL texts for an environment with this ledger. */
export async function planOf(
  files: Readonly<Record<string, string>>,
  ledger: readonly LedgerRow[] = [],
): Promise<Plan> {
  return makePlan({ environment: 'test', migrations: await migrationsOf(files), ledger });
}
