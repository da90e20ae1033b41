// Pools of connections between Drydock and the server. One that gives a session to each client changes
// nothing; one that gives a backend to each transaction strands advisory locks and settings on backends
// that the next transaction does not get.

import { Failure } from '../core/failure.ts';
import type { Address } from './address.ts';

/** What must be known of a session. */
interface MaybePooled {
  readonly address: Address;
  readonly pid: number;
  readonly isProxied: boolean;
  beside(purpose: string): Promise<MaybePooled & AsyncDisposable>;
  execute(sql: string): Promise<unknown>;
  one<Row extends object>(sql: string): Promise<Row>;
}

/**
 * Stops where the backend may change from one transaction to the next. Asked before the first lock is
 * taken, at no cost where no pool is in between.
 *
 * @throws `postgres/transaction-pooling`
 */
export async function assertOwnSession(database: MaybePooled): Promise<void> {
  if (!database.isProxied) return;
  await using other = await database.beside('look for a pool');
  // While the other session is in a transaction it has a backend for itself. If that is this session's
  // backend, or this session now gets another one, backends belong to transactions.
  await other.execute('BEGIN');
  const pooled =
    (await backendOf(other)) === database.pid || (await backendOf(database)) !== database.pid;
  if (!pooled) return;
  const { host, port } = database.address;
  throw new Failure({
    code: 'postgres/transaction-pooling',
    message: `at ${host}:${port} is a pool that gives each transaction another session of the server`,
    hint: "Give the server's own address, or a pool in session mode: locks and settings of a change must stay with one session.",
    details: { host, port },
  });
}

async function backendOf(database: MaybePooled): Promise<number> {
  const { pid } = await database.one<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return pid;
}
