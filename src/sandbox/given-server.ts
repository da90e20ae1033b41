// Copies on a server that the configuration names: each is a database of its own there, with Drydock's
// mark, and owned by a session that holds an advisory lock for as long as the command lives.

import { randomBytes } from 'node:crypto';
import { type Context, throwIfInterrupted } from '../core/context.ts';
import { Failure, withCleanup } from '../core/failure.ts';
import type { Address } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { assertOwnSession } from '../postgres/pooling.ts';
import {
  copyName,
  dropCopy,
  dropMarkedRoles,
  keepCopy,
  lockSpace,
  mark,
  sweepCopies,
} from './given-sweep.ts';

/** The server, and what a copy needs of it. */
export interface GivenServerOptions {
  /** A database of it in which nothing is made, such as `postgres`. */
  readonly server: Address;
  /** Oldest major version that can take the data. */
  readonly major: number;
}

/** A place for one copy on that server. */
export interface GivenServer {
  readonly place: 'server';
  /** The comment of the databases and roles that are made there: what is left behind is found by it. */
  readonly mark: string;
  /** `postgres`, or the copy, which has a name of its own whatever it is called. */
  address(database: string): Address;
  /** Drops the copy, and the roles that were made for it alone. */
  stop(): Promise<void>;
  /** Leaves the copy there for a day. */
  keep(): Promise<void>;
}

/**
 * Makes room for a copy, and drops the copies of commands that were killed.
 *
 * @throws `sandbox/server-too-old`, `sandbox/server-without-rights`, `postgres/transaction-pooling`
 */
export async function startOnGiven(
  { signal }: Context,
  { server, major }: GivenServerOptions,
): Promise<GivenServer> {
  throwIfInterrupted(signal);
  const owner = await connect(server, { purpose: 'sandbox' });
  try {
    await assertOwnSession(owner);
    assertNewEnough(owner, major);
    await assertRights(owner);
    await sweepCopies(owner);
    const id = randomBytes(4).readInt32BE();
    await owner.query('SELECT pg_advisory_lock($1, $2)', [lockSpace, id]);
    const name = copyName(id);
    let ending: Promise<void> | undefined;
    const end = (how: () => Promise<void>): Promise<void> => {
      ending ??= withCleanup(how, () => owner.close());
      return ending;
    };
    const drop = async (): Promise<void> => {
      await dropCopy(owner, name);
      await dropMarkedRoles(owner);
    };
    return {
      place: 'server',
      mark,
      address: (database) => (database === 'postgres' ? server : server.withDatabase(name)),
      stop: () => end(drop),
      // After Ctrl-C nothing is kept.
      keep: () => end(() => (signal.aborted ? drop() : keepCopy(owner, name))),
    };
  } catch (failure) {
    await owner.close();
    throw failure;
  }
}

/** Drops the copies that were left there on purpose; gives their number. */
export async function dropKeptOnGiven(server: Address): Promise<number> {
  await using owner = await connect(server, { purpose: 'sandbox' });
  return await sweepCopies(owner, 'kept');
}

function assertNewEnough({ version, address }: Database, major: number): void {
  const own = Math.floor(version / 10_000);
  if (own >= major) return;
  throw new Failure({
    code: 'sandbox/server-too-old',
    message: `the server for copies, ${address.host}:${address.port}, is PostgreSQL ${own}, and the data is of ${major}`,
    hint: `Name a server of PostgreSQL ${major} in sandbox.server, or leave sandbox.server out.`,
  });
}

// A restore gives every object the owner that it had, and makes the roles that are missing.
async function assertRights(owner: Database): Promise<void> {
  const { role, suffices } = await owner.one<{ role: string; suffices: boolean }>(
    `SELECT rolname AS role, rolsuper OR rolcreatedb AND rolcreaterole AS suffices
       FROM pg_roles WHERE rolname = current_user`,
  );
  if (suffices) return;
  throw new Failure({
    code: 'sandbox/server-without-rights',
    message: `the role ${role} may not make databases and roles on the server for copies`,
    hint: `Name a superuser in sandbox.server, or type there: ALTER ROLE ${role} CREATEDB CREATEROLE`,
  });
}
