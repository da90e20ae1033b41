// Asking one probe of the monitoring, as src/health/figures.ts asks all of them.

import { type MonitorLimits, monitorSchema } from '../src/config/monitor.ts';
import type { DatabaseProbe } from '../src/health/probes/database-probe.ts';
import type { Address } from '../src/postgres/address.ts';
import { connect } from '../src/postgres/connect.ts';

/** What a probe sees in a database now. */
export async function seenBy<SEEN>(address: Address, probe: DatabaseProbe<SEEN>): Promise<SEEN> {
  await using database = await connect(address, { purpose: 'monitor' });
  await database.execute('SET search_path = pg_catalog');
  return (await database.one<{ seen: SEEN }>(`SELECT (${probe.sql}) AS seen`)).seen;
}

/** The limits of a configuration that says nothing, but for these. */
export function limitsWith(parts: Partial<MonitorLimits> = {}): MonitorLimits {
  return { ...monitorSchema.parse(undefined).limits, ...parts };
}
