// The second, reserved session of an apply. It sees what the first one waits for and who waits behind
// it, takes it out of the queue when too many do, and notices when the server has fallen silent.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Address } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { lockModeSql } from '../postgres/table-lock.ts';
import { type Holder, sessionsOf, type WantedLock } from './lock-holders.ts';

/** When the guard steps in. */
export interface GuardLimits {
  /** So many sessions behind the migration make it give up its place. */
  readonly maxWaiting: number;
  /** A server that has not answered for so long counts as lost. */
  readonly silenceMs: number;
}

/** What was seen while a piece of work ran. */
export interface Seen {
  /** Time spent waiting for locks. */
  waitedMs: number;
  /** The table locks that were waited for. */
  readonly wanted: Map<string, WantedLock>;
  /** Who was in the way at the last look. */
  blockers: readonly Holder[];
  /** How many waited behind the work when it was taken out of the queue; 0 when it was not. */
  crowd: number;
  /** Whether somebody who was in the way waited for the work in turn: no patience helps. */
  isMutual: boolean;
}

/** One look at a session. */
export interface Look {
  readonly waiting: boolean;
  readonly wanted: readonly WantedLock[];
  readonly blockers: readonly number[];
  readonly behind: readonly number[];
}

const firstLookMs = 15;
const waitingLookMs = 15;
const longestLookMs = 200;

/** The session beside the one that changes the database. */
export class Guard {
  readonly #address: Address;
  readonly #limits: GuardLimits;
  #database: Database;

  private constructor(address: Address, limits: GuardLimits, database: Database) {
    this.#address = address;
    this.#limits = limits;
    this.#database = database;
  }

  /** Reserves the session before it is needed: later there may be none to be had. */
  static async open(address: Address, limits: GuardLimits): Promise<Guard> {
    return new Guard(address, limits, await connect(address, { purpose: 'guard' }));
  }

  get database(): Database {
    return this.#database;
  }

  /** Runs `work` on a session, and writes into `seen` what there is to see meanwhile. */
  async watch<T>(
    watched: Database,
    seen: Seen,
    work: () => Promise<T>,
    onLook: (look: Look) => Promise<void> = async () => {},
  ): Promise<T> {
    const ending = new AbortController();
    const watching = this.#lookAgainAndAgain(watched, seen, onLook, ending.signal);
    try {
      return await work();
    } finally {
      ending.abort();
      await watching;
    }
  }

  /** Asks the server to end a session, and says whether it did. */
  async endSession(pid: number): Promise<boolean> {
    const [row] = await this.#database
      .query<{ ended: boolean }>('SELECT pg_terminate_backend($1) AS ended', [pid])
      .catch(() => []);
    return row?.ended === true;
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  async #lookAgainAndAgain(
    watched: Database,
    seen: Seen,
    onLook: (look: Look) => Promise<void>,
    ending: AbortSignal,
  ): Promise<void> {
    let pause = firstLookMs;
    let crowdedLooks = 0;
    let lookedAt = performance.now();
    // Work of a few milliseconds is over before the first look.
    while (await pausedFor(pause, ending)) {
      const look = await this.#look(watched, ending);
      if (look === undefined || ending.aborted) continue;
      const now = performance.now();
      if (look.waiting) seen.waitedMs += now - lookedAt;
      lookedAt = now;
      for (const wanted of look.wanted) {
        seen.wanted.set(`${wanted.relation} ${wanted.mode}`, wanted);
      }
      if (look.blockers.length > 0) {
        seen.blockers = await sessionsOf(this.#database, look.blockers).catch(() => seen.blockers);
      }
      seen.isMutual ||= look.blockers.some((pid) => look.behind.includes(pid));
      // Two looks: a crowd that is gone after 15 ms was none.
      crowdedLooks = look.behind.length >= this.#limits.maxWaiting ? crowdedLooks + 1 : 0;
      if (crowdedLooks >= 2 && seen.crowd === 0) {
        seen.crowd = look.behind.length;
        await this.#database.query('SELECT pg_cancel_backend($1)', [watched.pid]).catch(() => []);
      }
      await onLook(look).catch(() => {});
      pause =
        look.waiting || look.behind.length > 0
          ? waitingLookMs
          : Math.min(pause * 1.5, longestLookMs);
    }
  }

  async #look(watched: Database, ending: AbortSignal): Promise<Look | undefined> {
    const answer = this.#database.query<Look>(
      `WITH waiting AS MATERIALIZED (
         SELECT pid, locktype, relation, mode FROM pg_locks WHERE NOT granted)
       SELECT EXISTS (SELECT FROM waiting WHERE pid = $1) AS waiting,
              coalesce((SELECT jsonb_agg(jsonb_build_object('relation', relation::text,
                                                            'mode', ${lockModeSql('mode')}))
                          FROM waiting WHERE pid = $1 AND locktype = 'relation'), '[]') AS wanted,
              CASE WHEN EXISTS (SELECT FROM waiting WHERE pid = $1)
                   THEN pg_blocking_pids($1) ELSE '{}' END AS blockers,
              ARRAY(SELECT pid FROM (SELECT DISTINCT pid FROM waiting WHERE pid <> $1) w
                     WHERE $1 = ANY (pg_blocking_pids(w.pid))) AS behind`,
      [watched.pid],
    );
    const ended = new AbortController();
    try {
      const rows = await Promise.race([
        answer,
        sleep(this.#limits.silenceMs, 'silent' as const, { signal: ended.signal, ref: false }),
      ]);
      if (rows !== 'silent') return rows[0];
      // A cut network says nothing at all: whoever waits for an answer would wait for hours.
      await Promise.all([watched.close(), this.#database.close()]);
      return undefined;
    } catch {
      // The guard's own session was lost. The work is still watched when another one can be had.
      if (ending.aborted) return undefined;
      const again = await connect(this.#address, { purpose: 'guard' }).catch(() => undefined);
      if (again !== undefined) this.#database = again;
      return undefined;
    } finally {
      ended.abort();
      answer.catch(() => {});
    }
  }
}

/** Nothing seen yet. */
export function nothingSeen(): Seen {
  return { waitedMs: 0, wanted: new Map(), blockers: [], crowd: 0, isMutual: false };
}

async function pausedFor(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  return sleep(ms, true, { signal }).catch(() => false);
}
