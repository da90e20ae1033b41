// pgbouncer before a database, spoken to by its own console (its manual, Admin console): while a pool is
// paused, queries wait in it, and none of the applications sees that the database behind it is another one.

import type { Client, Connection } from 'pg';
import { Failure, messageOf } from '../core/failure.ts';
import { type Address, quoteIdentifier } from './address.ts';
import { connectFailure } from './server-error.ts';

/** What is paused. */
export interface Pausing {
  /** The consoles of all pools before the database; with none, nothing is paused. */
  readonly pools: readonly Address[];
  /** Name of the database on its server; a pool may call it otherwise. */
  readonly database: string;
  /** Told what could not be done and is no reason to stop. */
  readonly note: (text: string) => void;
}

// A transaction that goes on for longer is not waited for: the swap ends it, as it would without a pool.
const patienceMs = 2_000;

/**
 * Works while the pools let nobody through, and lets everybody through again whatever happens. A pool that
 * does not answer stops nothing: its clients see the swap, as they would without this.
 */
export async function whilePaused<T>(pausing: Pausing, work: () => Promise<T>): Promise<T> {
  const { pools, database, note } = pausing;
  const paused: { pool: Address; name: string }[] = [];
  try {
    for (const pool of pools) {
      for (const name of await namesIn(pool, database).catch(failed(pool, note, []))) {
        const isPaused = await pause(pool, name).catch(failed(pool, note, false));
        if (isPaused) paused.push({ pool, name });
      }
    }
    return await work();
  } finally {
    for (const { pool, name } of paused) await resume(pool, name, note);
  }
}

/** The same for a swap: the clients of pools wait for all of it, and not only while the names change. */
export async function swapWhilePaused<T extends { readonly pauseMs: number }>(
  pausing: Pausing,
  swap: () => Promise<T>,
): Promise<T> {
  const began = performance.now();
  const done = await whilePaused(pausing, swap);
  return pausing.pools.length === 0 ? done : { ...done, pauseMs: performance.now() - began };
}

/** Lets through again where a command that was killed has left a pool paused. */
export async function resumePools({ pools, database, note }: Pausing): Promise<void> {
  for (const pool of pools) {
    for (const name of await namesIn(pool, database, 'paused').catch(failed(pool, note, []))) {
      await resume(pool, name, note);
      note(`The pool ${pool.label} was paused for ${name}, and lets through again.`);
    }
  }
}

// The names by which a pool knows a database of the server.
async function namesIn(pool: Address, database: string, which?: 'paused'): Promise<string[]> {
  const rows = await ask<{ name: string; database: string; paused: number | string }>(
    pool,
    'SHOW DATABASES',
  );
  return rows
    .filter((row) => row.database === database && (which === undefined || Number(row.paused) === 1))
    .map(({ name }) => name);
}

// Nobody is let through while it waits for the transactions that go on, nor when it is not waited for.
async function pause(pool: Address, name: string): Promise<true> {
  const pausing = ask(pool, `PAUSE ${quoteIdentifier(name)}`);
  pausing.catch(() => {});
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patienceMs);
  });
  await Promise.race([pausing, patience]).finally(() => clearTimeout(timer));
  return true;
}

async function resume(pool: Address, name: string, note: Pausing['note']): Promise<void> {
  const statement = `RESUME ${quoteIdentifier(name)}`;
  await ask(pool, statement).catch((failure: unknown) => {
    note(
      `The pool ${pool.label} may be paused still (${messageOf(failure)}): type there, as its administrator: ${statement};`,
    );
  });
}

function failed<T>(pool: Address, note: Pausing['note'], instead: T): (failure: unknown) => T {
  return (failure) => {
    note(`The pool ${pool.label} was not paused: ${messageOf(failure)}.`);
    return instead;
  };
}

// The console knows none of the statements with which a session on a server begins.
async function ask<Row extends object>(pool: Address, command: string): Promise<Row[]> {
  const { default: pg } = await import('pg');
  const client: Client = new pg.Client({
    ...pool.wire(),
    database: 'pgbouncer',
    connectionTimeoutMillis: patienceMs,
  });
  client.on('error', () => {});
  try {
    await client.connect().catch((error: unknown) => {
      throw connectFailure(error, pool);
    });
    const { rows } = await client.query<Row>(command);
    return rows;
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure({
      code: 'postgres/pool',
      message: messageOf(error),
      hint: 'Look at the admin_users of the pool.',
      cause: error,
    });
  } finally {
    // Without a goodbye: the console reads none while a PAUSE of the session waits.
    (client as Client & { readonly connection: Connection }).connection.stream.destroy();
  }
}
