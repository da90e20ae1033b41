// Connections in use: the last free one is the one that an operator needs.

import { type DatabaseProbe, percent } from './database-probe.ts';

interface Connections {
  readonly used: number;
  readonly max: number;
}

/** How many of the server's connections are in use, over all databases. */
export const connections: DatabaseProbe<Connections> = {
  name: 'connections',
  // pg_stat_activity hides from an ordinary role which of its rows are clients; these sums hide nothing.
  sql: `SELECT json_build_object('used', sum(numbackends), 'max', current_setting('max_connections')::int)
          FROM pg_stat_database`,
  describe: ({ used, max }) => `${used} of ${max}`,
  over: ({ used, max }, limits) =>
    used <= limits.connections * max
      ? []
      : [
          {
            what: 'connections',
            text: `${used} of ${max} are in use, over ${percent(limits.connections)}`,
          },
        ],
};
