// The application's way to its database. It outlives what happens to a database in its life: a
// restart, a restore that swaps names, a moment without the server.

import { setTimeout as sleep } from 'node:timers/promises';
import { Pool, type QueryResultRow } from 'pg';

/** One statement at a time: whatever must happen together is one statement. */
export interface Database {
  readonly pool: Pool;
  query<Row extends QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
}

const patienceMs = 5_000;

export function openDatabase(connectionString: string): Database {
  const pool = new Pool({
    connectionString,
    max: 10,
    application_name: 'homework-helper',
    connectionTimeoutMillis: patienceMs,
    statement_timeout: 5_000,
  });
  // The server may end an idle connection at any time. The pool has already dropped it; without a
  // listener the error would end the process.
  pool.on('error', (error) => console.error(`an idle connection ended: ${error.message}`));
  return { pool, query: (sql, values) => queryPatiently(pool, sql, values) };
}

// Every statement of this application may be run twice with the same effect (the client chooses the
// ids), so a statement whose connection was lost is simply run again on another one.
async function queryPatiently<Row extends QueryResultRow>(
  pool: Pool,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    try {
      return (await pool.query<Row>(sql, values)).rows;
    } catch (error) {
      if (!isConnectionLoss(error) || performance.now() > deadline) throw error;
      await sleep(50);
    }
  }
}

// 57P01…57P03: the server shuts down, starts, or ends this session. 3D000 and 55000: for a moment
// the database has another name, or takes no sessions. Class 08: connection exceptions
// (PostgreSQL manual, appendix A). Errors of the network have no SQLSTATE.
export function isConnectionLoss(error: unknown): boolean {
  const { code, message } = error as { code?: string; message: string };
  return (
    /^(57P0[123]|3D000|55000|08...|ECONN\w+|EPIPE|ENOENT)$/.test(code ?? '') ||
    message.startsWith('Connection terminated')
  );
}
