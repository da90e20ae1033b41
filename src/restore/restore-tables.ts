// Brings single tables of a backup back beside the live ones, in a schema of their own: to be looked
// at, joined with and copied from.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Backup } from '../backup/manifest.ts';
import { type Context, step } from '../core/context.ts';
import type { Evidence } from '../core/evidence.ts';
import { runOrFail } from '../core/process.ts';
import { type Address, quoteIdentifier } from '../postgres/address.ts';
import { clientEnvironment, loadArchive } from '../postgres/archive.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { compareRowFigures } from '../postgres/contents.ts';
import { clientFor, programPath } from '../postgres/programs.ts';
import { type RowFigures, readRows } from '../postgres/rows.ts';
import { differs } from './build.ts';
import { checkTheWay } from './check-the-way.ts';
import { chooseTables } from './choose-tables.ts';
import { maintenanceAddress } from './maintenance.ts';
import { freeNames } from './names.ts';
import { dropDatabase, inNewDatabase } from './new-database.ts';
import { preflightBeside } from './preflight.ts';
import { restoredEvidence } from './restored-evidence.ts';

/** What is restored. */
export interface RestoreTablesOptions {
  readonly environment: string;
  readonly live: Address;
  readonly backup: Backup;
  /** With or without their schema. */
  readonly tables: readonly string[];
}

/** The evidence of a restore of single tables. */
export interface RestoreTablesReport extends Evidence {
  readonly kind: 'restore-tables';
  readonly environment: string;
  readonly backup: string;
  readonly database: string;
  /** The new schema in the live database. */
  readonly schema: string;
  readonly tables: readonly {
    readonly table: string;
    readonly restoredAs: string;
    readonly rows: number;
  }[];
}

/**
 * Restores single tables into a new schema of the live database: columns, types and rows, compared
 * with the manifest, without indexes, constraints and triggers. The live tables are not touched.
 *
 * @throws `usage/no-such-table`, `restore/differs`, and what a restore throws before its swap
 */
export async function restoreTables(
  context: Context,
  options: RestoreTablesOptions,
): Promise<RestoreTablesReport> {
  const { environment, live, backup } = options;
  const startedAt = context.clock.now();
  const chosen = chooseTables(Object.keys(backup.manifest.contents.tables), options.tables);
  const maintenance = await maintenanceAddress(live);
  const way = { backup, from: maintenance, database: live.database };
  const name = await checkTheWay(context, way, async (intent) => {
    await preflightBeside(intent);
    return (await freeNames(intent.maintenance, live.database, startedAt)).building;
  });
  const schema = `restored_${name.slice(-15)}`;
  const building = { maintenance, name, backup, live };
  const tables = await inNewDatabase(context, building, async () => {
    const copy = live.withDatabase(name);
    const made = await loadTables(context, { copy, backup, chosen, schema });
    await moveSchema(context, { copy, live, schema });
    await analyse(context, { live, tables: made.map(({ restoredAs }) => restoredAs) });
    return made;
  });
  await dropDatabase(building);
  return {
    kind: 'restore-tables',
    ...restoredEvidence(context, { startedAt, environment, backup }),
    outcome: 'done',
    database: live.database,
    schema,
    tables,
  };
}

interface Loading {
  readonly copy: Address;
  readonly backup: Backup;
  readonly chosen: readonly string[];
  readonly schema: string;
}

// Definitions of everything, for types and functions that the tables need; rows of those tables alone.
async function loadTables(
  context: Context,
  { copy, backup, chosen, schema }: Loading,
): Promise<RestoreTablesReport['tables']> {
  return await step(context, `restore ${chosen.join(', ')} of ${backup.name}`, async () => {
    const how = { purpose: 'restore', signal: context.signal, unlimited: true };
    await using database = await connect(copy, how);
    const load = (selection: readonly string[]): Promise<void> =>
      loadArchive(context, {
        archive: { path: backup.file, ...backup.manifest.dump },
        into: copy,
        serverVersion: database.version,
        jobs: 1,
        keepTablespaces: true,
        selection,
        onTable: () => {},
      });
    await load(['--section=pre-data']);
    const made: { table: string; restoredAs: string; rows: number }[] = [];
    await database.execute(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
    for (const table of chosen) {
      const place = await database.one<{ schema: string; name: string }>(
        `SELECT nspname AS schema, relname AS name FROM pg_class c
           JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = $1::regclass`,
        [table],
      );
      await load(['--section=data', `--schema=${place.schema}`, `--table=${place.name}`]);
      const name = place.schema === 'public' ? place.name : `${place.schema}.${place.name}`;
      const restoredAs = `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
      await database.execute(`CREATE TABLE ${restoredAs} AS SELECT * FROM ONLY ${table}`);
      made.push({ table, restoredAs, rows: backup.manifest.contents.tables[table] ?? 0 });
    }
    await compare(database, backup, chosen);
    return made;
  });
}

async function compare(
  database: Database,
  backup: Backup,
  chosen: readonly string[],
): Promise<void> {
  const of = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(record).filter(([name]) => chosen.includes(name)));
  const onlyChosen = ({ tables, hashes }: RowFigures): RowFigures => ({
    tables: of(tables),
    hashes: { ...hashes, tables: of(hashes.tables), largeObjects: null },
  });
  const expected = onlyChosen(backup.manifest.contents);
  const found = onlyChosen(await readRows(database, { like: expected.hashes }));
  const differences = compareRowFigures(expected, found);
  if (differences.length > 0) throw differs(backup, differences);
}

async function moveSchema(
  context: Context,
  { copy, live, schema }: { copy: Address; live: Address; schema: string },
): Promise<void> {
  await step(context, `put them into ${live.database}`, async () => {
    await using database = await connect(live, { purpose: 'restore', signal: context.signal });
    const clients = await clientFor(database.version);
    const folder = await mkdtemp(join(tmpdir(), 'drydock-tables-'));
    const path = join(folder, 'tables.dump');
    const secrets = copy.secrets();
    const how = { env: clientEnvironment(copy), signal: context.signal, secrets };
    const what = [`--schema=${quoteIdentifier(schema)}`, '--no-owner', '--no-privileges'];
    const where = ['--no-password', `--file=${path}`, `--dbname=${copy.toolArgument()}`];
    try {
      const flags = ['--format=custom', '--compress=1', ...what, ...where];
      await runOrFail(programPath(clients, 'pg_dump'), flags, how);
      await loadArchive(context, {
        archive: { path, dumpMajor: clients.major },
        into: live,
        serverVersion: database.version,
        jobs: 1,
        keepTablespaces: false,
        onTable: () => {},
      });
    } catch (failure) {
      await database.execute(`DROP SCHEMA IF EXISTS ${quoteIdentifier(schema)} CASCADE`);
      throw failure;
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

// They are there to be joined with.
async function analyse(
  context: Context,
  { live, tables }: { live: Address; tables: readonly string[] },
): Promise<void> {
  const how = { purpose: 'restore', signal: context.signal, unlimited: true };
  await using database = await connect(live, how);
  await database.execute(`VACUUM (ANALYZE) ${tables.join(', ')}`);
}
