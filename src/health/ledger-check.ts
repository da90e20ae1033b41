// Is the database where the running code needs it? Reads the ledger and compares.

import { compareVersions } from '../migration/version.ts';
import { codeOf } from './ask.ts';

/** What is needed of a pool; the one of `pg` fits as it is. */
export interface QueryablePool {
  query(text: string): Promise<{ readonly rows: readonly unknown[] }>;
  readonly totalCount?: number;
  readonly idleCount?: number;
  readonly waitingCount?: number;
}

interface LedgerEntry {
  readonly version: string;
  readonly state: string;
}

/** The ledger's rows, or why they cannot be had. */
export type Ledger = { readonly rows: readonly LedgerEntry[] } | { readonly problem: string };

/** What the ledger says about the needs of the code. */
export interface LedgerVerdict {
  readonly ok: boolean;
  /** The highest migration that the database has, or null. */
  readonly version: string | null;
  /** The migration that the code needs, or null. */
  readonly requires: string | null;
  readonly message?: string;
}

/** Reads the ledger; a ledger that is missing or closed to this user is a value. */
export async function readLedger(pool: QueryablePool): Promise<Ledger> {
  try {
    const { rows } = await pool.query('SELECT version, state FROM drydock.ledger');
    return { rows: rows as LedgerEntry[] };
  } catch (error) {
    // 42P01 undefined_table, 3F000 invalid_schema_name (PostgreSQL manual, appendix A).
    const isMissing = /42P01|3F000/.test(codeOf(error));
    return { problem: isMissing ? 'no ledger' : `the ledger cannot be read${codeOf(error)}` };
  }
}

/** Compares; without `requires` there is nothing that could be wrong. */
export function judgeLedger(ledger: Ledger, requires: string | undefined): LedgerVerdict {
  const rows = 'rows' in ledger ? ledger.rows : [];
  const complete = rows.filter((row) => row.state === 'complete').map((row) => row.version);
  const version = complete.reduce<string | null>(
    (highest, next) => (highest === null || isAfter(next, highest) ? next : highest),
    null,
  );
  const lack = requires === undefined ? undefined : lackOf({ rows, version, requires });
  const message = 'problem' in ledger ? ledger.problem : lack;
  return {
    ok: lack === undefined,
    version,
    requires: requires ?? null,
    ...(message === undefined ? {} : { message }),
  };
}

function lackOf(ledger: {
  readonly rows: readonly LedgerEntry[];
  readonly version: string | null;
  readonly requires: string;
}): string | undefined {
  const { rows, version, requires } = ledger;
  if (!/^\d+$/.test(requires)) return `this code needs ${requires}, which is no migration's number`;
  const partial = rows.find((row) => row.state !== 'complete' && !isAfter(row.version, requires));
  if (partial !== undefined) return `migration ${partial.version} is only partly applied`;
  if (version !== null && !isAfter(requires, version)) return undefined;
  return `the database is at ${version ?? 'no migration'}, this code needs ${requires}`;
}

function isAfter(left: string, right: string): boolean {
  return compareVersions(left, right) > 0;
}
