// Everything that the monitoring wants to know of a database, read by one session in one message.

import { Failure, messageOf } from '../core/failure.ts';
import type { Address } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { connections } from './probes/connections.ts';
import type { DatabaseProbe } from './probes/database-probe.ts';
import { deadRows } from './probes/dead-rows.ts';
import { invalidIndexes } from './probes/invalid-indexes.ts';
import { keys } from './probes/keys.ts';
import { lockWaits } from './probes/lock-waits.ts';
import { longTransactions } from './probes/long-transactions.ts';
import { replicationLag } from './probes/replication-lag.ts';
import { slots } from './probes/slots.ts';
import { slowStatements, statementsSql } from './probes/slow-statements.ts';
import { wraparound } from './probes/wraparound.ts';

/** The questions, in the order in which people read the answers. */
export const databaseProbes: readonly DatabaseProbe[] = [
  connections,
  lockWaits,
  longTransactions,
  replicationLag,
  slots,
  invalidIndexes,
  keys,
  deadRows,
  wraparound,
  slowStatements,
];

/** What was seen of a database, by the names of the probes; JSON all of it. */
export type Figures = Readonly<Record<string, unknown>>;

/** What came of a look at a database. */
export type DatabaseLook =
  | { readonly ms: number; readonly figures: Figures }
  | { readonly problem: string };

// A look must not be what the database suffers from, nor wait behind what it has come to see. For the
// message alone: behind a pool the application may get the session next.
const limited = (question: string): string =>
  `SELECT set_config('transaction_read_only', 'on', true), set_config('search_path', 'pg_catalog', true),
          set_config('statement_timeout', '10s', true), set_config('lock_timeout', '1s', true),
          set_config('jit', 'off', true);
   ${question}`;

const everything = `SELECT json_build_object(${databaseProbes.map(({ name, sql }) => `'${name}', (${sql})`).join(', ')}) AS figures,
         (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
           WHERE e.extname = 'pg_stat_statements'
             AND current_setting('pg_stat_statements.max', true) IS NOT NULL) AS schema`;

/**
 * Looks at a database once. One that cannot be reached, or does not answer in time, is a value.
 *
 * @throws `interrupted`
 */
export async function lookAtDatabase(
  address: Address,
  signal?: AbortSignal,
): Promise<DatabaseLook> {
  const startedAt = performance.now();
  try {
    await using database = await connect(address, {
      purpose: 'monitor',
      ...(signal === undefined ? {} : { signal }),
    });
    const figures = await readFigures(database);
    return { ms: Math.round(performance.now() - startedAt), figures };
  } catch (error) {
    if (error instanceof Failure && error.code === 'interrupted') throw error;
    return { problem: messageOf(error) };
  }
}

async function readFigures(database: Database): Promise<Figures> {
  const { figures, schema } = await database.one<{ figures: Figures; schema: string | null }>(
    limited(everything),
  );
  if (schema === null) return figures;
  const { seen } = await database.one<{ seen: unknown }>(limited(statementsSql(schema)));
  return { ...figures, [slowStatements.name]: seen };
}
