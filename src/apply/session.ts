// The two sessions of an apply, and the settings in which a step runs: the file's own, and limits that
// leave nothing hanging.

import type { Context } from '../core/context.ts';
import type { MigrationStep } from '../migration/steps.ts';
import { type Address, quoteLiteral } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { Guard, type GuardLimits } from './guard.ts';
import { RowGuard } from './row-guard.ts';

/** The session that changes the database, and the one that watches it. */
export interface ApplySession {
  readonly database: Database;
  readonly guard: Guard;
  readonly rowGuard: RowGuard;
  /** The server can notice by itself that nobody is there any more (14 and newer; not on every system). */
  readonly checksConnection: boolean;
  close(): Promise<void>;
}

/** Opens both sessions: the second one is reserved before anything is begun. */
export async function openSession(
  context: Context,
  address: Address,
  limits: GuardLimits,
): Promise<ApplySession> {
  const database = await connect(address, { purpose: 'apply', signal: context.signal });
  try {
    const { checksConnection } = await database.one<{ checksConnection: boolean }>(
      'SELECT version() ~ \'(linux|darwin|freebsd|illumos)\' AS "checksConnection"',
    );
    const guard = await Guard.open(address, limits);
    return {
      checksConnection,
      database,
      guard,
      rowGuard: new RowGuard(),
      close: async () => {
        await Promise.all([database.close(), guard.close()]);
      },
    };
  } catch (failure) {
    await database.close();
    throw failure;
  }
}

/** A connection that has done nothing inside a transaction for so long is ended by the server. */
const idleLimit = '15s';

/** SQL that brings a session to where a step begins, whatever ran before. */
export interface Preparation {
  /** Takes away what an earlier migration left in the session: a transaction of its own. */
  readonly leftovers: readonly string[];
  /** The settings of the step; at home in its transaction where it has one. */
  readonly settings: readonly string[];
}

/**
 * What DISCARD ALL does (manual, DISCARD), which refuses to travel in one message with other statements;
 * but for the server's plans, which hold nothing of a migration and are costly to make again.
 */
const leftoversOfSession: readonly string[] = [
  'BEGIN',
  'RESET SESSION AUTHORIZATION',
  'CLOSE ALL',
  'DEALLOCATE ALL',
  'UNLISTEN *',
  'SELECT pg_advisory_unlock_all()',
  'DISCARD SEQUENCES',
  'DISCARD TEMP',
  'COMMIT',
];

/**
 * Nothing of an earlier step is left but the settings of its file, and no limit of the role or the
 * database gets in the way; nothing at all of an earlier migration.
 *
 * Should Drydock or the network die, the server notices (keepalives, client_connection_check_interval)
 * and rolls back: no lock is left behind.
 */
export function preparationOf(
  { database, checksConnection }: Pick<ApplySession, 'database' | 'checksConnection'>,
  {
    migration,
    step,
    isFirst,
    statementLimitMs,
  }: {
    readonly migration: string;
    readonly step: MigrationStep;
    readonly isFirst: boolean;
    readonly statementLimitMs: number;
  },
): Preparation {
  const limit = Math.round(statementLimitMs);
  return {
    leftovers: isFirst ? leftoversOfSession : [],
    settings: [
      'RESET SESSION AUTHORIZATION',
      'RESET ROLE',
      'RESET ALL',
      `SET application_name = ${quoteLiteral(`drydock apply ${migration}`)}`,
      'SET lock_timeout = 0',
      `SET statement_timeout = ${limit}`,
      `SET idle_in_transaction_session_timeout = '${idleLimit}'`,
      ...(database.version >= 170_000 ? transactionLimit(limit) : []),
      'SET tcp_keepalives_idle = 10',
      'SET tcp_keepalives_interval = 5',
      'SET tcp_keepalives_count = 3',
      ...(checksConnection ? ["SET client_connection_check_interval = '2s'"] : []),
      ...step.settings.flatMap(({ sql }) => [...timerAnew(database, sql), sql]),
      // No file can give a CONCURRENTLY a lock timeout: one that ends leaves an invalid index.
      ...(step.kind === 'alone' ? ['SET lock_timeout = 0'] : []),
    ],
  };
}

// Within a transaction the server only starts or stops its timer: one that already runs, by the limit of
// the role, would go on to its old end (assign_transaction_timeout in its postgres.c).
function transactionLimit(limit: number): readonly string[] {
  return ['SET transaction_timeout = 0', `SET transaction_timeout = ${limit}`];
}

/**
 * What goes before a statement of a file so that its own limit of a transaction counts, and not the
 * timer that runs already.
 */
export function timerAnew({ version }: Pick<Database, 'version'>, sql: string): readonly string[] {
  const isOfLimit = /^\s*(?:set|reset)\b.*\btransaction_timeout\b/is.test(sql);
  return version >= 170_000 && isOfLimit ? ['SET LOCAL transaction_timeout = 0'] : [];
}
