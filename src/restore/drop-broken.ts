// Drops a database that a restore left behind, and no other one.

import { type Context, step } from '../core/context.ts';
import { Failure, messageOf } from '../core/failure.ts';
import { type Address, quoteIdentifier } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { maintenanceAddress } from './maintenance.ts';
import { findLeftovers, type Leftover } from './names.ts';

/** A database that can be dropped, with what would go with it unasked. */
export interface DroppableDatabase extends Leftover {
  /** Replication slots: DROP DATABASE drops those that nobody reads at the moment in silence. */
  readonly slots: readonly string[];
}

/** What restores of this database left behind, newest first. */
export async function droppableDatabases(live: Address): Promise<readonly DroppableDatabase[]> {
  await using server = await connect(await maintenanceAddress(live), { purpose: 'drop-broken' });
  const slots = await server.query<{ database: string; name: string }>(
    'SELECT database, slot_name AS name FROM pg_replication_slots WHERE database IS NOT NULL',
  );
  return (await findLeftovers(server, live.database)).map((leftover) => ({
    ...leftover,
    slots: slots.filter(({ database }) => database === leftover.name).map(({ name }) => name),
  }));
}

/**
 * Drops one of them. Whoever is connected to it is in the way, on purpose.
 *
 * @throws `restore/not-dropped`
 */
export async function dropBroken(
  context: Context,
  { live, name }: { readonly live: Address; readonly name: string },
): Promise<void> {
  await step(context, `drop ${name}`, async () => {
    await using server = await connect(await maintenanceAddress(live), {
      purpose: 'drop-broken',
      signal: context.signal,
    });
    try {
      await server.execute(`DROP DATABASE ${quoteIdentifier(name)}`);
    } catch (failure) {
      throw new Failure({
        code: 'restore/not-dropped',
        message: `${name} could not be dropped: ${messageOf(failure)}`,
        hint: 'End what the server names (sessions, or a subscription by DROP SUBSCRIPTION in that database), then type the same command again.',
        cause: failure,
      });
    }
  });
}
