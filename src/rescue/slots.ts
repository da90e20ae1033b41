// The replication slot of a rescue. It is known by its name also in the database that has taken the old
// one's place.

import type { Database } from '../postgres/connect.ts';

/** Its name, by the object id of the database that is armed. */
export function slotName(databaseId: string): string {
  return `drydock_rescue_${databaseId}`;
}

/** Drops the slot of a rescue, with whoever reads from it, and any other one of this database. */
export async function dropSlots(database: Database, slot?: string): Promise<void> {
  for (;;) {
    const slots = await database.query<{ name: string; reader: number | null }>(
      `SELECT slot_name AS name, active_pid AS reader FROM pg_replication_slots
        WHERE slot_name IN ($1, 'drydock_rescue_' || (SELECT oid FROM pg_database WHERE datname = current_database()))`,
      [slot ?? ''],
    );
    if (slots.length === 0) return;
    for (const { name, reader } of slots) {
      if (reader === null) {
        // Its reader may come back at this very moment.
        await database.query('SELECT pg_drop_replication_slot($1)', [name]).catch(() => {});
      } else {
        await database.query('SELECT pg_terminate_backend($1)', [reader]);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }
}
