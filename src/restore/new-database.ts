// The database that a restore makes. Whatever goes wrong with it, nothing half-built is left.

import type { Context } from '../core/context.ts';
import { Failure } from '../core/failure.ts';
import { type Address, quoteIdentifier } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { type Building, create } from './build.ts';

/** Works in a database that is made first, and dropped when the work fails. */
export async function inNewDatabase<T>(
  context: Context,
  building: Building,
  work: () => Promise<T>,
): Promise<T> {
  // Before the try: a database that could not be created is not ours to drop.
  await create(context, building);
  try {
    return await work();
  } catch (failure) {
    await dropDatabase(building).catch((second: unknown) => {
      if (failure instanceof Failure) failure.alsoFailed.push(second);
    });
    throw failure;
  }
}

/** Drops it, whoever is connected. */
export async function dropDatabase({
  maintenance,
  name,
}: {
  readonly maintenance: Address;
  readonly name: string;
}): Promise<void> {
  await using server = await connect(maintenance, { purpose: 'restore' });
  await server.execute(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
}
