// Names of the databases that a restore makes beside the live one.

import { localTimestamp } from '../core/clock.ts';
import type { Database } from '../postgres/connect.ts';

// NAMEDATALEN - 1 (manual, 4.1.1). The server cuts longer names off without an error where it
// creates them, so they are cut here, in front of what tells them apart.
const longestNameBytes = 63;

/** The names of one restore. */
export interface RestoreNames {
  /** The new database while it is built: `shop_restore_20251015_120000`. */
  readonly building: string;
  /** The old database after the swap: `shop_broken_20251015_120000`. */
  readonly broken: string;
}

/** What an earlier restore left on the server. */
export interface Leftover {
  readonly name: string;
  /** `unfinished`: never took the live one's place. `broken`: a live database until a restore. */
  readonly kind: 'unfinished' | 'broken';
  readonly sizeBytes: number;
}

/** Names for a restore that begins now, or in the next second for which there is none yet. */
export async function freeNames(
  server: Database,
  database: string,
  now: Date,
): Promise<RestoreNames> {
  const rows = await server.query<{ name: string }>('SELECT datname AS name FROM pg_database');
  const taken = new Set(rows.map(({ name }) => name));
  for (let ms = now.getTime(); ; ms += 1_000) {
    const time = localTimestamp(new Date(ms));
    const building = nameBeside(database, `_restore_${time}`);
    const broken = nameBeside(database, `_broken_${time}`);
    if (!taken.has(building) && !taken.has(broken)) return { building, broken };
  }
}

/** The databases that earlier restores of this one left behind, newest first. */
export async function findLeftovers(server: Database, database: string): Promise<Leftover[]> {
  const prefix = (what: string): string =>
    nameBeside(database, `_${what}_00000000_000000`).slice(0, -15);
  const rows = await server.query<{ name: string; kind: Leftover['kind']; bytes: string }>(
    `SELECT datname AS name, CASE WHEN starts_with(datname, $1) THEN 'unfinished' ELSE 'broken' END AS kind,
            pg_database_size(oid) AS bytes
       FROM pg_database
      WHERE (starts_with(datname, $1) OR starts_with(datname, $2)) AND datname ~ '_\\d{8}_\\d{6}$'
      ORDER BY right(datname, 15) DESC`,
    [prefix('restore'), prefix('broken')],
  );
  return rows.map(({ name, kind, bytes }) => ({ name, kind, sizeBytes: Number(bytes) }));
}

/** A name for a database beside this one: cut where it would be too long, and never the suffix. */
export function nameBeside(database: string, suffix: string): string {
  let base = database;
  while (Buffer.byteLength(base + suffix) > longestNameBytes)
    base = Array.from(base).slice(0, -1).join('');
  return base + suffix;
}
