// What tests need again and again: a database of their own, and a context that remembers.

import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { systemClock } from '../src/core/clock.ts';
import type { Context, StepEvent } from '../src/core/context.ts';
import { Address, quoteIdentifier, quoteLiteral } from '../src/postgres/address.ts';
import { connect } from '../src/postgres/connect.ts';
import { createDatabase, dropDatabase } from '../src/sandbox/copy.ts';

/** The run's server, as superuser, in its database `postgres`. */
export function serverAddress(): Address {
  return Address.parse(inject('serverAddress'));
}

/** Runs SQL on the run's server, outside of any test's database, and returns the rows of the last statement. */
export async function onServer<Row extends object>(sql: string): Promise<Row[]> {
  await using server = await connect(serverAddress(), { purpose: 'test' });
  return await server.query<Row>(sql);
}

/** A database and all that were made of it beside it: their names begin with its own. */
export async function databasesBeside(name: string): Promise<readonly string[]> {
  const rows = await onServer<{ name: string }>(
    `SELECT datname AS name FROM pg_database WHERE starts_with(datname, ${quoteLiteral(name)}) ORDER BY 1`,
  );
  return rows.map((row) => row.name);
}

/** Drops them all, whoever is connected. */
export async function dropBeside(name: string): Promise<void> {
  for (const each of await databasesBeside(name)) {
    await onServer(`DROP DATABASE ${quoteIdentifier(each)} WITH (FORCE)`);
  }
}

/** The major version of the run's server. */
export async function serverMajor(): Promise<number> {
  await using server = await connect(serverAddress(), { purpose: 'test' });
  return Math.floor(server.version / 10_000);
}

/** A database that belongs to one test; `await using` drops it at the end. */
export interface TestDatabase extends AsyncDisposable {
  readonly address: Address;
  drop(): Promise<void>;
}

/** What the new database holds. */
export interface TestDatabaseOptions {
  /** Name of the database; a fresh one if left out. */
  readonly name?: string;
  /** Database to copy. */
  readonly template?: string;
  /** SQL to run in it first. */
  readonly sql?: string;
}

/**
 * Makes a fresh database on the run's server.
 *
 * @example
 * await using fresh = await testDatabase({ sql: 'CREATE TABLE users (id int)' });
 * await using database = await connect(fresh.address, { purpose: 'test' });
 */
export async function testDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const name = options.name ?? `test_${randomBytes(6).toString('hex')}`;
  const server = { address: (database: string) => serverAddress().withDatabase(database) };
  const { template } = options;
  await createDatabase(server, template === undefined ? { name } : { name, template });
  const address = server.address(name);
  const drop = (): Promise<void> => dropDatabase(server, name);
  if (options.sql !== undefined) {
    await using database = await connect(address, { purpose: 'test' });
    await database.execute(options.sql);
  }
  return { address, drop, [Symbol.asyncDispose]: drop };
}

/** A context whose events are kept, with the machine's clock and a signal that can be aborted. */
export interface TestContext extends Context {
  readonly events: readonly StepEvent[];
  /** What Ctrl-C does. */
  abort(): void;
}

/** Makes a {@link TestContext}. */
export function testContext(): TestContext {
  const events: StepEvent[] = [];
  const controller = new AbortController();
  return {
    events,
    emit: (event) => events.push(event),
    clock: systemClock,
    signal: controller.signal,
    abort: () => controller.abort(),
  };
}
