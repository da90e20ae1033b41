// Puts the restored database in the live one's place: two renames in one transaction. Whenever it
// is interrupted, either both happened or none.

import { Failure, messageOf } from '../core/failure.ts';
import { quoteIdentifier } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';

/** The names to swap. */
export interface SwapOptions {
  /** Two sessions on another database of the same server. Whoever counts the time opens them before. */
  readonly renamer: Database;
  readonly ender: Database;
  readonly live: string;
  /** False when the live database is gone: then there is nothing to move out of the way. */
  readonly liveExists: boolean;
  readonly restored: string;
  readonly broken: string;
}

/** What the swap did to the applications. */
export interface SwapReport {
  /** From the end of the first session to the new database's being there. */
  readonly pauseMs: number;
  readonly endedSessions: number;
}

/**
 * Swaps. The old database keeps its data under its new name and takes no connections.
 *
 * No fence is needed: ALTER DATABASE … RENAME locks the database against new sessions first and then
 * waits up to five seconds for the old ones to go (dbcommands.c, RenameDatabase, and procarray.c,
 * CountOtherDBBackends). A second session ends them meanwhile. A client that comes during the swap
 * waits for its end (and may then be told to come again, because the name has moved); a swap that
 * dies half-way leaves nothing closed.
 *
 * @throws `restore/swap-failed`
 */
export async function swap(options: SwapOptions): Promise<SwapReport> {
  const { renamer, ender } = options;
  const restoredId = await idOf(ender, options.restored);
  const ending = endSessions(ender, options.live);
  try {
    await rename(renamer, options);
  } catch (failure) {
    await ending.stop();
    if (!(await isSwapped(options, restoredId, failure))) throw await swapFailure(options, failure);
  }
  return { pauseMs: ending.elapsedMs(), endedSessions: await ending.stop() };
}

async function rename(
  database: Database,
  { live, liveExists, restored, broken }: SwapOptions,
): Promise<void> {
  const [from, to, aside] = [restored, live, broken].map(quoteIdentifier);
  await database.transaction(async () => {
    await database.execute("SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '30s'");
    if (liveExists) {
      await database.execute(`ALTER DATABASE ${to} RENAME TO ${aside}`);
      // Nobody writes to it by accident; whoever wants to look at it opens the door again.
      await database.execute(`ALTER DATABASE ${aside} ALLOW_CONNECTIONS false`);
    }
    await database.execute(`ALTER DATABASE ${from} RENAME TO ${to}`);
  });
}

interface Ending {
  elapsedMs(): number;
  /** Returns the number of sessions that were ended. */
  stop(): Promise<number>;
}

const pollMs = 10;

// Again and again until the rename is through: a session may have slipped in before its lock.
function endSessions(database: Database, name: string): Ending {
  const startedAt = performance.now();
  const ended = new Set<number>();
  let running = true;
  const work = (async () => {
    while (running) {
      for (const pid of await sessionsOf(database, name)) {
        // A superuser's session can be ended by superusers alone. The rename then fails and says so.
        await database
          .query('SELECT pg_terminate_backend($1)', [pid])
          .then(() => ended.add(pid))
          .catch(() => {});
      }
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  })();
  work.catch(() => {});
  return {
    elapsedMs: () => performance.now() - startedAt,
    stop: async () => {
      running = false;
      await work.catch(() => {});
      return ended.size;
    },
  };
}

async function sessionsOf(database: Database, name: string): Promise<number[]> {
  const rows = await database.query<{ pid: number }>(
    'SELECT pid FROM pg_stat_activity WHERE datname = $1',
    [name],
  );
  return rows.map(({ pid }) => pid);
}

async function idOf(database: Database, name: string): Promise<number | undefined> {
  const [row] = await database.query<{ oid: number }>(
    'SELECT oid FROM pg_database WHERE datname = $1',
    [name],
  );
  return row?.oid;
}

// The connection may have broken after the server had committed: the catalog tells.
async function isSwapped(
  options: SwapOptions,
  restoredId: number | undefined,
  cause: unknown,
): Promise<boolean> {
  try {
    await using witness = await connect(options.ender.address, { purpose: 'swap' });
    return (await idOf(witness, options.live)) === restoredId;
  } catch {
    const { live, restored, broken } = options;
    throw new Failure({
      code: 'restore/swap-failed',
      message: `the server was lost while ${restored} took the place of ${live}: ${messageOf(cause)}`,
      hint: `When the server is back, look whether there is a database ${broken} (\`psql -l\`): then the restore is done.`,
      databaseState: 'unknown',
      stateDetail: `${live} is either as before or restored, nothing in between`,
      cause,
    });
  }
}

async function swapFailure(options: SwapOptions, cause: unknown): Promise<Failure> {
  const { live, restored } = options;
  await using database = await connect(options.ender.address, { purpose: 'swap' });
  const left = await sessionsOf(database, live);
  const who = left.length === 0 ? '' : ` (server processes ${left.join(', ')} stay connected)`;
  return new Failure({
    code: 'restore/swap-failed',
    message: `${restored} could not take the place of ${live}: ${messageOf(cause)}${who}`,
    hint: `${live} is live as before. End the sessions that hold it, as a superuser where they are a superuser's, then type the same command again.`,
    cause,
  });
}
