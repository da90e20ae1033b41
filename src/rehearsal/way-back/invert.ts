// Finds the SQL that leads from a changed schema back to what it was, on a copy that may be tried on:
// what fails for the order is tried again, and after each round the catalog is compared anew. What was
// found is rolled back: whoever wants it runs it as one script.

import { Failure } from '../../core/failure.ts';
import type { Database } from '../../postgres/connect.ts';
import { sqlStateOf } from '../../postgres/server-error.ts';
import { inTransaction, readCatalog } from './catalog.ts';
import { type Change, differenceOf } from './difference.ts';
import type { Catalog } from './kind.ts';
import { kinds } from './kinds.ts';

/** Something that does not come back, with the server's words. */
export interface NotRestored {
  readonly about: string;
  readonly reason: string;
}

/** A way back, as far as there is one. */
export interface Inverse {
  /** In an order that works. */
  readonly statements: readonly string[];
  /** Refused because of rows: a NOT NULL where values are gone. */
  readonly refusedByRows: readonly NotRestored[];
  /** Refused for another reason, or nothing that SQL can be made for. */
  readonly impossible: readonly NotRestored[];
}

const mostRounds = 8;

/** Looks for the way from `now` back to `was`. The database is as before when this returns. */
export async function findInverse(
  database: Database,
  { now, was }: { readonly now: Catalog; readonly was: Catalog },
): Promise<Inverse> {
  let found: Inverse | undefined;
  await inTransaction(database, async () => {
    found = await search(database, now, was);
    throw new RolledBack();
  }).catch((error: unknown) => {
    if (!(error instanceof RolledBack)) throw error;
  });
  return found ?? { statements: [], refusedByRows: [], impossible: [] };
}

class RolledBack extends Error {}

async function search(database: Database, first: Catalog, was: Catalog): Promise<Inverse> {
  const done: string[] = [];
  let failures: readonly Refusal[] = [];
  let unmakable: readonly string[] = [];
  for (let round = 0; round < mostRounds; round += 1) {
    const now = round === 0 ? first : await readCatalog(database);
    const { drops, renames, rest, ...more } = differenceOf(kinds, { now, was });
    ({ unmakable } = more);
    const names = [...drops, ...renames];
    // Everything else is compared when the names are the same again.
    const wanted = round === 0 && names.length > 0 ? names : [...names, ...rest];
    const before = done.length;
    failures = await tryAll(database, wanted, done);
    if (done.length === before) break;
  }
  const byRows = failures.filter(({ sqlState }) => sqlState.startsWith('23'));
  const others = failures.filter(({ sqlState }) => !sqlState.startsWith('23'));
  return {
    statements: done,
    refusedByRows: byRows.map(({ about, reason }) => ({ about, reason })),
    impossible: [
      ...others.map(({ about, reason }) => ({ about, reason })),
      ...unmakable.map((about) => ({ about, reason: 'no SQL is made for what is of this kind' })),
    ],
  };
}

interface Refusal extends NotRestored {
  readonly sqlState: string;
}

// Again and again as long as anything of it succeeds: a view may need another view first.
async function tryAll(
  database: Database,
  wanted: readonly Change[],
  done: string[],
): Promise<readonly Refusal[]> {
  let open = wanted;
  for (;;) {
    const failures: Refusal[] = [];
    const failed: Change[] = [];
    for (const change of open) {
      const refusal = await tryOne(database, change, done);
      if (refusal === undefined) continue;
      failures.push(refusal);
      failed.push(change);
    }
    if (failed.length === 0 || failed.length === open.length) return failures;
    open = failed;
  }
}

async function tryOne(
  database: Database,
  { about, attempts }: Change,
  done: string[],
): Promise<Refusal | undefined> {
  let refusal: Refusal | undefined;
  for (const sql of attempts) {
    // Twice, because CASCADE may have taken it again; more often would be for ever.
    const times = done.filter((each) => each === sql).length;
    if (times > 1) return { about, reason: 'it stays different', sqlState: '' };
    await database.execute('SAVEPOINT attempt');
    try {
      await database.execute(sql);
      await database.execute('RELEASE attempt');
      done.push(sql);
      return undefined;
    } catch (failure) {
      const sqlState = sqlStateOf(failure);
      if (!(failure instanceof Failure) || sqlState === undefined) throw failure;
      await database.execute('ROLLBACK TO attempt; RELEASE attempt');
      refusal ??= { about, reason: failure.message, sqlState };
    }
  }
  return refusal;
}
