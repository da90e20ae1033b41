// The journal: an append-only, hash-chained log of everything done to an environment, kept in that
// environment's own database. A command is two entries, its beginning and its end, so that a command
// that was killed is seen as one that never ended.

import { randomUUID } from 'node:crypto';
import type { Actor } from '../core/actor.ts';
import type { Clock } from '../core/clock.ts';
import { Failure, messageOf } from '../core/failure.ts';
import type { Address } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { isInstalled } from './install.ts';

/** What is written of a command. */
export interface JournalEntry {
  /** One id for all entries of one command. */
  readonly run: string;
  readonly at: string;
  readonly who: string;
  readonly host: string;
  /** Role of the session that wrote it, as the server saw it; entries of old versions lack it. */
  readonly role?: string;
  /** What was typed, such as `apply` or `restore`. */
  readonly command: string;
  readonly phase: 'begun' | 'done' | 'failed' | 'refused';
  readonly durationMs?: number;
  /** Digest of the plan that the command was about. */
  readonly plan?: string;
  /** File name of the backup that the command made or used. */
  readonly backup?: string;
  /** Facts of the command, such as the evidence it produced. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly failure?: { readonly code: string; readonly message: string; readonly state: string };
}

/** An entry with its place in the chain. */
export interface JournalRow {
  readonly seq: number;
  readonly entry: JournalEntry;
  readonly hash: string;
}

/** A text among the details of an entry; undefined when it has none of that name. */
export function detailOf({ details }: JournalEntry, name: string): string | undefined {
  const value = details?.[name];
  return typeof value === 'string' ? value : undefined;
}

/** What a command is, for its entries. */
export interface Recording {
  readonly address: Address;
  readonly command: string;
  readonly actor: Actor;
  readonly clock: Clock;
  readonly plan?: string;
  readonly backup?: string;
}

/** What a recorded command may add to its last entry. */
export interface Outcome<T> {
  readonly result: T;
  readonly refused?: boolean;
  readonly plan?: string;
  readonly backup?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Runs a command between its two entries. Each entry is written by a session of its own, so that it
 * outlives the transaction, the session and even the database that the command worked on.
 *
 * A journal that cannot be written stops the command before it begins; when only the last entry
 * cannot be written, the command's own outcome comes first and the missing entry is told beside it.
 */
export async function recorded<T>(
  recording: Recording,
  work: () => Promise<Outcome<T>>,
): Promise<T> {
  const head = {
    run: randomUUID(),
    who: recording.actor.who,
    host: recording.actor.host,
    command: recording.command,
    ...optional({ plan: recording.plan, backup: recording.backup }),
  };
  const write = (rest: Pick<JournalEntry, 'phase'> & Partial<JournalEntry>): Promise<void> =>
    append(recording.address, { ...head, at: recording.clock.now().toISOString(), ...rest });

  await write({ phase: 'begun' });
  const startedAt = performance.now();
  const durationMs = (): number => Math.round(performance.now() - startedAt);
  let outcome: Outcome<T>;
  try {
    outcome = await work();
  } catch (failure) {
    await write({
      phase: 'failed',
      durationMs: durationMs(),
      failure: describeFailure(failure),
    }).catch((second: unknown) => {
      if (failure instanceof Failure) failure.alsoFailed.push(second);
    });
    throw failure;
  }
  const { result, refused, ...facts } = outcome;
  await write({
    phase: refused === true ? 'refused' : 'done',
    durationMs: durationMs(),
    ...optional(facts),
  });
  return result;
}

/** The newest entries first; empty where Drydock has never been. */
export async function readJournal(
  database: Database,
  limit = 1_000,
): Promise<readonly JournalRow[]> {
  if (!(await isInstalled(database))) return [];
  return database.query<JournalRow>(
    'SELECT seq::int, entry, hash FROM drydock.journal ORDER BY seq DESC LIMIT $1',
    [limit],
  );
}

/** The commands that began and never told their end, the newest first: killed, or still at work. */
export async function readUnfinished(
  database: Database,
): Promise<readonly Pick<JournalEntry, 'command' | 'at' | 'who'>[]> {
  if (!(await isInstalled(database))) return [];
  return database.query(
    `SELECT begun.entry ->> 'command' AS command, begun.entry ->> 'at' AS at, begun.entry ->> 'who' AS who
     FROM (SELECT seq, entry FROM drydock.journal ORDER BY seq DESC LIMIT 1000) AS begun
     WHERE begun.entry ->> 'phase' = 'begun' AND NOT EXISTS (
       SELECT FROM drydock.journal AS later
       WHERE later.seq > begun.seq AND later.entry ->> 'run' = begun.entry ->> 'run')
     ORDER BY begun.seq DESC`,
  );
}

/** The first entry that is not what was once written, or undefined when the chain is whole. */
export async function firstBrokenEntry(database: Database): Promise<number | undefined> {
  if (!(await isInstalled(database))) return undefined;
  const rows = await database.query<{ seq: number }>(
    `SELECT seq::int FROM (
       SELECT seq, hash, previous, drydock.journal_hash(previous, seq, entry) AS expected,
              lag(hash, 1, '') OVER chain AS hash_before, row_number() OVER chain AS place
       FROM drydock.journal WINDOW chain AS (ORDER BY seq)
     ) entries
     WHERE hash <> expected OR previous <> hash_before OR seq <> place
     ORDER BY seq LIMIT 1`,
  );
  return rows[0]?.seq;
}

/** Copies the entries that `from` has and `to` lacks: a restored journal is the older part of it. */
export async function carryJournal(from: Database, to: Database): Promise<void> {
  const rows = await from.query<{ seq: string; entry: string; previous: string; hash: string }>(
    'SELECT seq::text, entry::text, previous, hash FROM drydock.journal WHERE seq > $1 ORDER BY seq',
    [(await readJournal(to, 1))[0]?.seq ?? 0],
  );
  for (const row of rows) {
    await to.query(
      'INSERT INTO drydock.journal (seq, entry, previous, hash) VALUES ($1, $2::jsonb, $3, $4)',
      [row.seq, row.entry, row.previous, row.hash],
    );
  }
}

async function append(address: Address, entry: JournalEntry): Promise<void> {
  await using database = await connect(address, { purpose: 'journal' });
  await database.query('SELECT drydock.append_to_journal($1::jsonb)', [JSON.stringify(entry)]);
}

function describeFailure(failure: unknown): NonNullable<JournalEntry['failure']> {
  return failure instanceof Failure
    ? { code: failure.code, message: failure.message, state: failure.databaseState }
    : { code: 'bug', message: messageOf(failure), state: 'unknown' };
}

// exactOptionalPropertyTypes: a key is there with its value or not there at all.
function optional<T extends object>(parts: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
