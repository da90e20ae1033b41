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
    const guard = await Guard.open(address, limits);
    return {
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

/**
 * Brings the session to where every step begins, whatever ran before: nothing of an earlier step is
 * left but the settings of its file, and no limit of the role or the database gets in the way.
 *
 * Should Drydock or the network die, the server notices (keepalives, client_connection_check_interval)
 * and rolls back: no lock is left behind.
 */
export async function prepareSession(
  database: Database,
  {
    migration,
    step,
    statementLimitMs,
  }: {
    readonly migration: string;
    readonly step: MigrationStep;
    readonly statementLimitMs: number;
  },
): Promise<void> {
  const limit = Math.round(statementLimitMs);
  await database.execute(
    [
      'RESET SESSION AUTHORIZATION',
      'RESET ROLE',
      'RESET ALL',
      `SET application_name = ${quoteLiteral(`drydock apply ${migration}`)}`,
      'SET lock_timeout = 0',
      `SET statement_timeout = ${limit}`,
      `SET idle_in_transaction_session_timeout = '${idleLimit}'`,
      ...(database.version >= 170_000 ? [`SET transaction_timeout = ${limit}`] : []),
      'SET tcp_keepalives_idle = 10',
      'SET tcp_keepalives_interval = 5',
      'SET tcp_keepalives_count = 3',
      // The server refuses it on systems that cannot tell whether a connection is still there.
      `SELECT set_config('client_connection_check_interval', '2s', false)
         WHERE version() ~ '(linux|darwin|freebsd|illumos)'`,
      ...step.settings.map(({ sql }) => sql),
      // No file can give a CONCURRENTLY a lock timeout: one that ends leaves an invalid index.
      ...(step.kind === 'alone' ? ['SET lock_timeout = 0'] : []),
    ].join(';\n'),
  );
}
