// Transaction numbers until wraparound: the server takes no more writes when they are used up (manual, 24.1.5).

import { type DatabaseProbe, percent } from './database-probe.ts';

interface Wraparound {
  readonly database: string;
  /** Of the two thousand million numbers, from 0 to 1. */
  readonly used: number;
}

/** The database of the server whose transaction (or multixact) numbers are the oldest. */
export const wraparound: DatabaseProbe<Wraparound> = {
  name: 'wraparound',
  sql: `SELECT json_build_object('database', datname,
                 'used', greatest(age(datfrozenxid), mxid_age(datminmxid)) / 2147483648.0)
          FROM pg_database
         ORDER BY greatest(age(datfrozenxid), mxid_age(datminmxid)) DESC LIMIT 1`,
  describe: ({ used }) => `${percent(used)} of the way`,
  over: ({ database, used }, limits) =>
    used <= limits.wraparound
      ? []
      : [{ what: database, text: `${database} is ${percent(used)} of the way` }],
};
