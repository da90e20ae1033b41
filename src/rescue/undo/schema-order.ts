// The order in which the schema is taken back, with the rows that are left in its middle: first what
// makes room for them, then what holds them to the old rules. Pure but for the parser.

import { type Node, parseSql } from '../../postgres/parser.ts';
import { nameOf } from './alter-parts.ts';

/** A way back in two parts. */
export interface OrderedWayBack {
  readonly first: readonly string[];
  /** From the first constraint on. */
  readonly last: readonly string[];
}

const narrowing =
  /^(?:ALTER TABLE .* (?:SET NOT NULL|ADD CONSTRAINT .*|ATTACH PARTITION .*)|CREATE UNIQUE INDEX .*|ALTER DOMAIN .* ADD .*)$/s;
const retyping = /^ALTER TABLE .* TYPE .* USING /s;

/** Parts the statements; a change of type goes before all constraints. */
export function orderedWayBack(statements: readonly string[]): OrderedWayBack {
  const at = statements.findIndex((sql) => narrowing.test(sql));
  if (at < 0) return { first: statements, last: [] };
  const tail = statements.slice(at);
  const early = tail.filter((sql) => retyping.test(sql));
  return {
    first: [...statements.slice(0, at), ...early],
    last: tail.filter((sql) => !early.includes(sql)),
  };
}

/** The names of all tables that the statements touch, as they are written there. */
export async function tablesTouched(statements: readonly string[]): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const sql of statements) {
    const parsed = await parseSql(sql);
    for (const { node } of parsed.statements) collect(node, names);
  }
  return [...names];
}

type RangeVar = Parameters<typeof nameOf>[0];

function collect(value: unknown, names: Set<string>): void {
  if (Array.isArray(value)) {
    for (const each of value) collect(each, names);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const record = value as Record<string, unknown>;
  if (typeof record.relname === 'string') names.add(nameOf(record as RangeVar));
  const dropped = (value as Partial<Extract<Node, { DropStmt: unknown }>>).DropStmt;
  if (dropped !== undefined) for (const name of droppedNames(dropped)) names.add(name);
  for (const inner of Object.values(record)) collect(inner, names);
}

// DROP TRIGGER a ON b is written as the list b, a.
function droppedNames({
  objects = [],
  removeType,
}: Extract<Node, { DropStmt: unknown }>['DropStmt']): string[] {
  const isPart = ['OBJECT_TRIGGER', 'OBJECT_POLICY', 'OBJECT_RULE'].includes(removeType ?? '');
  return objects.flatMap((each) => {
    if (!('List' in each)) return [];
    const parts = (each.List.items ?? []).flatMap((item) =>
      'String' in item ? [item.String.sval ?? ''] : [],
    );
    const name = isPart ? parts.slice(0, -1) : parts;
    const [relname = '', schemaname] = name.toReversed();
    return [nameOf(schemaname === undefined ? { relname } : { relname, schemaname })];
  });
}
