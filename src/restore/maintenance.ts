// A database cannot be renamed from within: a restore works from another one of the same server.

import { Failure } from '../core/failure.ts';
import type { Address } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';

/**
 * The address of a database of the same server that is not this one.
 *
 * @throws what {@link connect} throws
 */
export async function maintenanceAddress(live: Address): Promise<Address> {
  const candidates = ['postgres', 'template1'].filter((name) => name !== live.database);
  let last: unknown;
  for (const name of candidates) {
    const address = live.withDatabase(name);
    try {
      await (await connect(address, { purpose: 'restore' })).close();
      return address;
    } catch (failure) {
      if (!(failure instanceof Failure && failure.code === 'postgres/no-such-database'))
        throw failure;
      last = failure;
    }
  }
  throw last;
}
