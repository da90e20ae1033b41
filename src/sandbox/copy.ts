// Databases on a throw-away server: made empty or as copies of a template, and dropped.

import { quoteIdentifier, quoteLiteral } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import type { SandboxServer } from './server.ts';

/** The server, as far as its databases need it. */
export type CopyServer = Pick<SandboxServer, 'address'>;

/** What is made. */
export interface NewDatabase {
  readonly name: string;
  /** The database to copy; nobody may be connected to it (manual, CREATE DATABASE, Notes). */
  readonly template?: string;
  /** The comment by which it is found when it was left behind. */
  readonly mark?: string | undefined;
}

/**
 * Makes a database. A copy of a template is made by copying its files, which is faster than writing
 * them through the WAL for every size; servers before 15 know only that way (manual, CREATE DATABASE).
 */
export async function createDatabase(server: CopyServer, wanted: NewDatabase): Promise<void> {
  await using database = await connect(server.address('postgres'), { purpose: 'sandbox' });
  const strategy = database.version >= 150_000 ? ' STRATEGY FILE_COPY' : '';
  const copying =
    wanted.template === undefined ? '' : ` TEMPLATE ${quoteIdentifier(wanted.template)}${strategy}`;
  const name = quoteIdentifier(wanted.name);
  await database.execute(`CREATE DATABASE ${name}${copying}`);
  if (wanted.mark === undefined) return;
  await database.execute(`COMMENT ON DATABASE ${name} IS ${quoteLiteral(wanted.mark)}`);
}

/** Drops a database, if it is there, and ends the sessions on it. */
export async function dropDatabase(server: CopyServer, name: string): Promise<void> {
  await using database = await connect(server.address('postgres'), { purpose: 'sandbox' });
  await database.execute(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
}
