// What triggers have written into their log, as the stream of a slot would tell it: in the order of the changes,
// with the columns that the rows had at that moment. Pure.

import { Failure } from '../core/failure.ts';
import { migrationMark } from '../history/migration-mark.ts';
import type {
  RowChange,
  StreamTable,
  StreamTransaction,
  StreamValue,
} from '../postgres/pgoutput.ts';
import type { CatalogImage, ImageTable } from './image.ts';
import { fieldsOf } from './row-text.ts';

/** A row of `drydock.rescue_log`. */
export interface LoggedChange {
  /** Insert, update, delete, truncate; `M`: the last words of one of Drydock's own transactions. */
  readonly what: 'I' | 'U' | 'D' | 'T' | 'M';
  readonly relation: number;
  /** Where the old and the new version of the row stand. */
  readonly was: string | null;
  readonly became: string | null;
  /** Numbers of the columns, where a migration wrote it. */
  readonly shape: string | null;
  readonly old: string | null;
  readonly new: string | null;
}

/** The tables at the moments that may matter for a row. */
export interface Shapes {
  /** Before the migration. */
  readonly before: CatalogImage;
  /** As Drydock has left them at this place of the log. */
  readonly now: CatalogImage;
  /** As they are when the log is read: others may have changed them. */
  readonly live: CatalogImage;
}

/** One transaction, or a part of one of Drydock's own. */
export interface LoggedTransaction {
  readonly xid: number;
  readonly isMigration: boolean;
  /** Place of its last change in the log; null: more of it follows. */
  readonly last: bigint | null;
  readonly changes: readonly LoggedChange[];
}

/**
 * The same in the words of the stream.
 *
 * @throws `rescue/unknown-shape`
 */
export function streamed(transaction: LoggedTransaction, shapes: Shapes): StreamTransaction {
  const { xid, last, isMigration, changes } = transaction;
  return {
    xid,
    endLsn: last,
    messages: isMigration ? [{ prefix: migrationMark, content: '' }] : [],
    changes: isMigration
      ? changes.flatMap((change) => ofMigration(change, shapes))
      : truncatedTogether(inTheirOrder(changes).map((change) => ofApplication(change, shapes))),
  };
}

/**
 * Changes in the order in which they were made. Triggers fire at the end of a statement, row by row: what the
 * trigger of one row has written to another row of the same statement stands before the statement's own change of
 * that row. A version of a row is there before it is replaced.
 */
export function inTheirOrder(changes: readonly LoggedChange[]): readonly LoggedChange[] {
  const once = changes.filter((change, at) => !isTwice(change, changes[at - 1]));
  const makers = new Map<string, number>();
  // A TRUNCATE gives the places of its table out anew.
  const truncations = new Map<number, number>();
  const placed = once.map(({ what, relation, was, became }, at) => {
    const before = truncations.get(relation) ?? 0;
    if (what === 'T') truncations.set(relation, before + 1);
    const nameOf = (place: string | null): string | undefined =>
      place === null ? undefined : `${relation} ${before} ${place}`;
    const made = nameOf(became);
    if (made !== undefined && !makers.has(made)) makers.set(made, at);
    return nameOf(was);
  });
  const order: LoggedChange[] = [];
  const isDone = new Set<number>();
  const take = (from: number): void => {
    const chain: number[] = [];
    for (let at: number | undefined = from; at !== undefined && !isDone.has(at); ) {
      chain.push(at);
      isDone.add(at);
      at = makers.get(placed[at] ?? '');
    }
    for (const at of chain.toReversed()) order.push(once[at] as LoggedChange);
  };
  for (const at of once.keys()) take(at);
  return order;
}

// A table that was attached to a partitioned one is watched by both triggers.
function isTwice(change: LoggedChange, before: LoggedChange | undefined): boolean {
  return (
    before !== undefined &&
    (change.was ?? change.became) !== null &&
    change.what === before.what &&
    change.relation === before.relation &&
    change.was === before.was &&
    change.became === before.became
  );
}

function ofApplication(change: LoggedChange, shapes: Shapes): RowChange {
  const { relation } = change;
  if (change.what === 'T') return { kind: 'truncate', tables: [tableOf(relation, shapes)] };
  const { old, row } = valuesOf(change);
  const shape = shapeOf(relation, (row ?? old ?? []).length, shapes);
  // The stream does not tell what is computed.
  const isTold = (_: unknown, at: number): boolean => shape[at]?.generated !== true;
  const names = shape.filter(isTold).map(({ name }) => name);
  return rowChange(tableOf(relation, shapes, names), {
    old: old?.filter(isTold) ?? null,
    row: row?.filter(isTold) ?? null,
  });
}

// Only the keys of these rows are of use, under the names that the columns had before.
function ofMigration(change: LoggedChange, shapes: Shapes): RowChange[] {
  if (change.what === 'T') return [];
  if (change.what === 'M') {
    return change.new === null ? [] : [{ kind: 'insert', table: marks, row: ['', change.new] }];
  }
  const { relation, shape } = change;
  const numbers =
    shape?.split(' ').map(Number) ??
    shapes.now.get(relation)?.columns.map(({ number }) => number) ??
    [];
  const was = shapes.before.get(relation)?.columns ?? [];
  const names = numbers.map((number) => was.find((column) => column.number === number)?.name ?? '');
  return [rowChange(tableOf(relation, shapes, names), valuesOf(change))];
}

const marks: StreamTable = { oid: 0, schema: 'drydock', name: 'rescue_marks', columns: [] };

interface Values {
  readonly old: readonly StreamValue[] | null;
  readonly row: readonly StreamValue[] | null;
}

function valuesOf({ old, new: row }: LoggedChange): Values {
  return { old: old === null ? null : fieldsOf(old), row: row === null ? null : fieldsOf(row) };
}

function rowChange(table: StreamTable, { old, row }: Values): RowChange {
  if (row === null) return { kind: 'delete', table, old: old ?? [] };
  return old === null ? { kind: 'insert', table, row } : { kind: 'update', table, old, row };
}

function tableOf(
  relation: number,
  { now, live }: Shapes,
  names: readonly string[] = [],
): StreamTable {
  const { schema, name } = now.get(relation) ?? live.get(relation) ?? nameless(relation);
  return { oid: relation, schema, name, columns: names.map((each) => ({ name: each, type: 0 })) };
}

// Made and dropped while it was armed.
function nameless(relation: number): Pick<ImageTable, 'schema' | 'name'> {
  return { schema: 'dropped', name: `${relation}` };
}

function shapeOf(
  relation: number,
  count: number,
  { now, live }: Shapes,
): readonly { readonly name: string; readonly generated: boolean }[] {
  const known = [now, live].flatMap((image) => image.get(relation) ?? []);
  const fitting = known.find(({ columns }) => columns.length === count);
  if (fitting !== undefined) return fitting.columns;
  if (known[0] === undefined) {
    return Array.from({ length: count }, (_, at) => ({
      name: `column ${at + 1}`,
      generated: false,
    }));
  }
  const { schema, name } = known[0];
  throw new Failure({
    code: 'rescue/unknown-shape',
    message: `somebody changed the columns of ${schema}.${name} while it was armed, and not by Drydock: its rows in the log cannot be read`,
    hint: 'The other ways back: drydock recover, with the name of the environment',
    details: { table: `${schema}.${name}`, columns: count },
  });
}

// Tables that refer to each other are emptied together, or not at all.
function truncatedTogether(changes: readonly RowChange[]): readonly RowChange[] {
  const together: RowChange[] = [];
  for (const change of changes) {
    const before = together.at(-1);
    if (change.kind === 'truncate' && before?.kind === 'truncate') {
      together[together.length - 1] = {
        kind: 'truncate',
        tables: [...before.tables, ...change.tables],
      };
    } else together.push(change);
  }
  return together;
}
