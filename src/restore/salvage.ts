// Saves from a broken database what a restore did not bring back: rows that are in it and not in the
// restored one, as files of SQL that a person looks at and applies.

import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Context, step } from '../core/context.ts';
import { cannotWrite } from '../core/write-file.ts';
import { type Address, quoteIdentifier, quoteLiteral } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { printing } from '../postgres/rows.ts';
import { type RowDifference, readRowsByKey, rowDifferences } from './difference.ts';
import { enterClosed } from './enter.ts';
import { maintenanceAddress } from './maintenance.ts';
import { type CommonTable, type CommonTables, commonTables } from './tables.ts';

/** What is saved, and where to. */
export interface SalvageOptions {
  readonly live: Address;
  /** The broken database: read, never written to. */
  readonly broken: string;
  /** A new folder for the files. */
  readonly folder: string;
}

/** What was found in one table. */
export interface SalvagedTable {
  readonly table: string;
  readonly missing: number;
  readonly changed: number;
  readonly files: readonly string[];
  /** Columns that the restored table does not have: their values are in no file. */
  readonly lostColumns: readonly string[];
}

/** What was saved. */
export interface SalvageReport extends Pick<CommonTables, 'skipped'> {
  readonly broken: string;
  readonly folder: string;
  /** Only those in which something was found, in the order in which their files can be applied. */
  readonly tables: readonly SalvagedTable[];
}

/**
 * Writes a file for the missing and one for the changed rows of each table. Nothing is written to
 * either database, and the broken one takes no connections afterwards as before.
 */
export async function salvage(context: Context, options: SalvageOptions): Promise<SalvageReport> {
  const { live, broken, folder } = options;
  const how = { purpose: 'salvage', signal: context.signal };
  return await step(context, `look for rows of ${broken} in ${live.database}`, async (reporter) => {
    await using maintenance = await connect(await maintenanceAddress(live), how);
    await using from = await enterClosed(live.withDatabase(broken), maintenance, how);
    await using to = await connect(live, how);
    for (const side of [from, to])
      await side.execute(`${printing}; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`);
    const { tables, skipped } = await commonTables(from, to);
    const made = await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
      throw cannotWrite(error, folder);
    });
    const found: SalvagedTable[] = [];
    try {
      for (const [index, table] of tables.entries()) {
        reporter.progress(`${table.name}, ${index + 1} of ${tables.length}`);
        const number = String(found.length + 1).padStart(3, '0');
        const salvaged = await salvageTable(table, { from, to, folder, number });
        if (salvaged.files.length > 0) found.push(salvaged);
      }
    } catch (failure) {
      // Half of the rows would look like all of them.
      if (made !== undefined) await rm(made, { recursive: true, force: true });
      throw failure;
    }
    reporter.summary(`found in ${found.length} of ${tables.length} tables`);
    return { broken, folder, tables: found, skipped };
  });
}

interface Sides {
  readonly from: Database;
  readonly to: Database;
  readonly folder: string;
  readonly number: string;
}

const rowsPerStatement = 500;

async function salvageTable(table: CommonTable, sides: Sides): Promise<SalvagedTable> {
  const counts = { missing: 0, changed: 0 };
  const files: string[] = [];
  const waiting: Record<RowDifference['kind'], string[]> = { missing: [], changed: [] };
  const flush = async (kind: RowDifference['kind']): Promise<void> => {
    if (waiting[kind].length === 0) return;
    const columns = kind === 'missing' ? table.columns : table.settable;
    const keys = waiting[kind].splice(0);
    const rows = await readRowsByKey(table, { keys, columns }, sides.from);
    const file = fileName(table, kind, sides.number);
    if (counts[kind] === 0) files.push(file);
    const head = counts[kind] === 0 ? headOf(table, kind, sides) : '';
    const text = kind === 'missing' ? insertion(table, rows) : updates(table, rows);
    await append(join(sides.folder, file), head + text);
    counts[kind] += rows.length;
  };
  for await (const { kind, key } of rowDifferences(table, sides)) {
    waiting[kind].push(key);
    if (waiting[kind].length === rowsPerStatement) await flush(kind);
  }
  await flush('missing');
  await flush('changed');
  const { name, lostColumns } = table;
  return { table: name, ...counts, files: files.toSorted().toReversed(), lostColumns };
}

type Literals = readonly { readonly key: string; readonly values: string }[];

// Values are bare literals: the server reads each as the type of its column. Rows that came back in
// the meantime are left alone, so that a file may be applied twice.
function insertion({ name, columns }: CommonTable, rows: Literals): string {
  const values = rows.map((row) => `  (${row.values})`).join(',\n');
  return `INSERT INTO ${name} (${list(columns)}) OVERRIDING SYSTEM VALUE VALUES\n${values}\nON CONFLICT DO NOTHING;\n`;
}

function updates({ name, key, settable }: CommonTable, rows: Literals): string {
  return rows
    .map(
      (row) =>
        `UPDATE ONLY ${name} SET (${list(settable)}) = ROW(${row.values}) WHERE (${list(key)}) = ${row.key};\n`,
    )
    .join('');
}

function headOf({ name }: CommonTable, kind: RowDifference['kind'], { from, to }: Sides): string {
  const [broken, live] = [from.address.database, to.address.database];
  return [
    `-- Rows of ${name}, as they are in ${broken}, ${kind === 'missing' ? `that are not in ${live}.` : `that are otherwise in ${live}.`}`,
    `-- Look at them; then: psql --single-transaction -v ON_ERROR_STOP=1 -d ${quoteLiteral(live)} -f this file`,
    'SET standard_conforming_strings = on;',
    "SET datestyle = 'ISO, YMD';",
    "SET intervalstyle = 'postgres';",
    "SET timezone = 'UTC';",
    "SET lc_monetary = 'C';",
    '',
    '',
  ].join('\n');
}

function fileName({ name }: CommonTable, kind: RowDifference['kind'], number: string): string {
  const plain = name.replaceAll(/[^\p{L}\p{N}_.-]+/gu, '_');
  return `${number}_${plain}.${kind}.sql`;
}

async function append(file: string, text: string): Promise<void> {
  try {
    await using handle = await open(file, 'a', 0o600);
    await handle.writeFile(text);
  } catch (error) {
    throw cannotWrite(error, file);
  }
}

function list(columns: readonly string[]): string {
  return columns.map(quoteIdentifier).join(', ');
}
