// Are the rows what they were? Counted and hashed table by table; where they differ, which columns, and
// how many rows.

import { thousands } from '../../core/thousands.ts';
import { quoteIdentifier } from '../../postgres/address.ts';
import type { Database } from '../../postgres/connect.ts';
import { compareRowFigures, isBehind, readSequences } from '../../postgres/contents.ts';
import { type RowFigures, readRows } from '../../postgres/rows.ts';
import { countChanged } from './count-changed.ts';
import type { Loss, WayBack } from './report.ts';

// Content beyond this is compared by the number of rows alone, the smallest tables first.
const hashUpToBytes = 4 * 1024 ** 3;

/** What the rows lost. Both sessions are the caller's own: settings are changed in them. */
export async function compareRows(
  asItWas: Database,
  asItIs: Database,
): Promise<{ readonly losses: readonly Loss[]; readonly compared: WayBack['compared'] }> {
  const was = withoutOwn(await readRows(asItWas, { upToBytes: hashUpToBytes }));
  const is = withoutOwn(await readRows(asItIs, { like: was.hashes }));
  const differing = compareRowFigures(was, is).filter(({ object }) => !object.startsWith('one of'));
  const tables = [...new Set(differing.map(({ object }) => object.replace(/^table /, '')))];
  const losses: Loss[] = [];
  for (const table of tables) {
    const rows = { was: was.tables[table] ?? 0, is: is.tables[table] ?? 0 };
    losses.push(...(await lossesOf(asItWas, asItIs, { table, rows })));
  }
  return {
    losses: [...losses, ...(await sequencesBehind(asItWas, asItIs))],
    compared: {
      tables: Object.keys(was.tables).length,
      hashedTables: Object.keys(was.hashes.tables).length,
      rows: Object.values(was.tables).reduce((sum, rows) => sum + rows, 0),
    },
  };
}

// The ledger is Drydock's own, and says something else by design.
function withoutOwn(figures: RowFigures): RowFigures {
  const kept = <T>(named: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(named).filter(([name]) => !name.startsWith('drydock.')));
  const { probe, largeObjects, tables } = figures.hashes;
  return { tables: kept(figures.tables), hashes: { probe, largeObjects, tables: kept(tables) } };
}

interface Differing {
  readonly table: string;
  readonly rows: { readonly was: number; readonly is: number };
}

async function lossesOf(
  asItWas: Database,
  asItIs: Database,
  { table, rows }: Differing,
): Promise<readonly Loss[]> {
  const before = await columnsOf(asItWas, table);
  const after = await columnsOf(asItIs, table);
  const names = before.filter(({ name }) => after.some((each) => each.name === name));
  if (names.length === 0) return rowLoss(table, rows.was, 'missing');
  const columns = names.map(({ name }) => name);
  const figures = {
    was: await columnFigures(asItWas, table, columns),
    is: await columnFigures(asItIs, table, columns),
  };
  const differing = columns.filter((_, at) => figures.was[at]?.hash !== figures.is[at]?.hash);
  const emptied = differing.filter((name) => {
    const at = columns.indexOf(name);
    return figures.is[at]?.values === 0 && (figures.was[at]?.values ?? 0) > 0 && rows.is > 0;
  });
  const key = before.filter(({ inKey }) => inKey).map(({ name }) => name);
  const others = differing.filter((name) => !emptied.includes(name));
  const counted =
    key.length > 0 && !key.some((name) => emptied.includes(name))
      ? await countChanged(asItWas, asItIs, { table, key, columns: others, rows })
      : null;
  return [
    ...emptied.map((column) => {
      const values = figures.was[columns.indexOf(column)]?.values ?? 0;
      return columnLoss({ table, column, rows: values }, 'gone');
    }),
    ...(counted === null
      ? [
          ...rowLoss(table, Math.max(0, rows.was - rows.is), 'missing'),
          ...rowLoss(table, Math.max(0, rows.is - rows.was), 'left over'),
          // Where rows are missing, all columns have other values: that says nothing more.
          ...(rows.was === rows.is ? others : []).map((column) =>
            columnLoss({ table, column, rows: null }, 'others'),
          ),
        ]
      : [
          ...rowLoss(table, counted.missing, 'missing'),
          ...rowLoss(table, counted.added, 'left over'),
          ...others.flatMap((column, at) => {
            const changed = counted.changed[at] ?? 0;
            return changed === 0 ? [] : [columnLoss({ table, column, rows: changed }, 'others')];
          }),
        ]),
  ];
}

function rowLoss(table: string, rows: number, what: 'missing' | 'left over'): Loss[] {
  if (rows === 0) return [];
  const count = `${thousands(rows)} ${rows === 1 ? 'row' : 'rows'}`;
  const sentence = `${count} of ${table} ${rows === 1 ? 'is' : 'are'} ${what}`;
  return [{ table, column: null, rows, sentence }];
}

function columnLoss(
  loss: { readonly table: string; readonly column: string; readonly rows: number | null },
  what: 'gone' | 'others',
): Loss {
  const { rows, table, column } = loss;
  const name = `${table}.${quoteIdentifier(column).replace(/^"([a-z_][a-z0-9_]*)"$/, '$1')}`;
  if (rows === null) return { ...loss, sentence: `${name} has other values` };
  const count = `${thousands(rows)} ${rows === 1 ? 'value' : 'values'} of ${name}`;
  const verb = rows === 1 ? 'is' : 'are';
  return {
    ...loss,
    sentence: `${count} ${what === 'gone' ? `${verb} gone` : `${rows === 1 ? 'is another' : 'are others'}`}`,
  };
}

async function columnsOf(
  database: Database,
  table: string,
): Promise<readonly { name: string; inKey: boolean }[]> {
  return database.query(
    `SELECT a.attname AS name, COALESCE(a.attnum = ANY (i.indkey), false) AS "inKey"
       FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
      WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [table],
  );
}

async function columnFigures(
  database: Database,
  table: string,
  columns: readonly string[],
): Promise<readonly { values: number; hash: string }[]> {
  const parts = columns.flatMap((column, at) => {
    const value = `r.${quoteIdentifier(column)}`;
    return [
      `count(${value}) AS v${at}`,
      `COALESCE(sum(hashtextextended(${value}::text COLLATE "C", 0)), 0)::text AS h${at}`,
    ];
  });
  const row = await database.one<Record<string, string>>(
    `SELECT ${parts.join(', ')} FROM ONLY ${table} r`,
  );
  return columns.map((_, at) => ({ values: Number(row[`v${at}`]), hash: row[`h${at}`] ?? '' }));
}

// One that is ahead has given out numbers, which no way back takes back.
async function sequencesBehind(asItWas: Database, asItIs: Database): Promise<readonly Loss[]> {
  const was = await readSequences(asItWas);
  const is = await readSequences(asItIs);
  return Object.entries(was).flatMap(([name, position]): Loss[] => {
    const now = is[name];
    if (now === undefined || !isBehind(now, position)) return [];
    const sentence = `sequence ${name} stands at ${now.last} instead of ${position.last}`;
    return [{ table: null, column: null, rows: null, sentence }];
  });
}
