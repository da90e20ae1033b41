// A part of the application: its routes, the migration that it needs, and how it knows that it works.

import type { Database } from '../database.ts';
import type { Routes } from '../http.ts';

export interface Feature {
  /** The newest migration that this feature's statements rely on. */
  readonly requires: string;
  readonly routes: Routes;
  /** Questions for `/api/health/detailed`: a returned sentence is a problem. */
  readonly probes?: Readonly<Record<string, (database: Database) => Promise<string | undefined>>>;
}
