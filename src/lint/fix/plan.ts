// Plans of several numbered files that reach what one dangerous statement reaches, without its lock.
// Each file parses, checks clean, and together they end in the same schema: fix.test.ts runs them.

import type { RangeVar, RenameStmt } from '@pgsql/types';
import type { Fix, PlannedFile } from '../finding.ts';
import type { SchemaModel } from '../model/schema.ts';
import { pickAll, quoted, shown } from '../sql/node.ts';
import { dataType, shownType } from '../sql/type-name.ts';
import { addedColumns, alterations, bodyOf, type Statement } from '../statement.ts';

/** A plan made of steps: their names, and their statements below a comment that says why. */
export function planOf(
  ...steps: readonly [step: string, why: string, ...statements: string[]][]
): Fix {
  const files = steps.map(([step, why, ...statements]): PlannedFile => {
    const body = statements.map((statement) => `${statement};\n`).join('');
    return { step, sql: `-- ${why}\n${body}` };
  });
  return { kind: 'plan', files };
}

// A statement that does more than one thing is left to its author.
export function doesOneThing(statement: Statement): boolean {
  return statement.inside === undefined && alterations(statement).length === 1;
}

/** SET NOT NULL by way of a validated CHECK. */
export function notNullPlan(
  statement: Statement,
  { table, column }: { readonly table: RangeVar; readonly column: string },
): Fix | undefined {
  if (!doesOneThing(statement)) return undefined;
  return planOf(...notNullSteps(table, column));
}

export function notNullSteps(table: RangeVar, column: string): [string, string, ...string[]][] {
  const [name, columnName] = [shown(table), quoted(column)];
  const proof = quoted(`${table.relname}_${column}_present`);
  return [
    [
      'require',
      `New rows of ${name} must have ${columnName}; old rows are not looked at yet.`,
      `ALTER TABLE ${name} ADD CONSTRAINT ${proof} CHECK (${columnName} IS NOT NULL) NOT VALID`,
    ],
    [
      'validate',
      `Every row of ${name} is looked at, while it is read and written.`,
      `ALTER TABLE ${name} VALIDATE CONSTRAINT ${proof}`,
    ],
    [
      'contract',
      `The constraint proves it: SET NOT NULL reads nothing. The proof goes in a statement of its own.`,
      `ALTER TABLE ${name} ALTER COLUMN ${columnName} SET NOT NULL`,
      `ALTER TABLE ${name} DROP CONSTRAINT IF EXISTS ${proof}`,
    ],
  ];
}

/** UNIQUE or PRIMARY KEY by way of an index that is built concurrently. */
export function uniquePlan(
  statement: Statement,
  parts: {
    readonly table: RangeVar;
    readonly name: string;
    readonly columns: readonly string[];
    readonly kind: 'UNIQUE' | 'PRIMARY KEY';
  },
): Fix | undefined {
  if (
    !doesOneThing(statement) ||
    /\b(deferrable|include|nulls|tablespace|with)\b/i.test(statement.text)
  ) {
    return undefined;
  }
  return planOf(...uniqueSteps(parts));
}

function uniqueSteps({
  table,
  name,
  columns,
  kind,
}: {
  readonly table: RangeVar;
  readonly name: string;
  readonly columns: readonly string[];
  readonly kind: 'UNIQUE' | 'PRIMARY KEY';
}): [string, string, ...string[]][] {
  const suffix = kind === 'UNIQUE' ? [...columns, 'key'] : ['pkey'];
  const index = quoted(name === '' ? [table.relname, ...suffix].join('_') : name);
  const list = columns.map(quoted).join(', ');
  return [
    [
      'build',
      `The index is built while ${shown(table)} is read and written.`,
      `CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ${index} ON ${shown(table)} (${list})`,
    ],
    [
      'constrain',
      'The finished index becomes the constraint; only the catalog changes.',
      `ALTER TABLE ${shown(table)} ADD CONSTRAINT ${index} ${kind} USING INDEX ${index}`,
    ],
  ];
}

/** ADD COLUMN … UNIQUE: the column first, then its index, then the constraint. */
export function inlineUniquePlan(statement: Statement): Fix | undefined {
  const [added] = addedColumns(statement);
  const only = added?.constraints.length === 1 && added.constraints[0]?.contype === 'CONSTR_UNIQUE';
  if (added === undefined || !only || !doesOneThing(statement)) return undefined;
  const name = shown(added.table);
  return planOf(
    [
      'expand',
      `The column alone: ${name} is locked for a moment only.`,
      `ALTER TABLE ${name} ADD COLUMN IF NOT EXISTS ${quoted(added.name)} ${shownType(dataType(added.column.typeName))}`,
    ],
    ...uniqueSteps({ table: added.table, name: '', columns: [added.name], kind: 'UNIQUE' }),
  );
}

/** A table's new name, with a view under the old one until no code uses it. */
export function renamePlan(statement: Statement, rename: RenameStmt): Fix | undefined {
  if (rename.renameType !== 'OBJECT_TABLE' || statement.inside !== undefined) return undefined;
  const old = shown(rename.relation);
  const next = shown({ ...rename.relation, relname: rename.newname ?? '' });
  return planOf(
    [
      'expand',
      'The new name, and the old one as a view that can be read and written.\n-- drydock: allow-file rename-breaks-running-code because a view answers to the old name from the same transaction on',
      `ALTER TABLE ${old} RENAME TO ${quoted(rename.newname ?? '')}`,
      `CREATE OR REPLACE VIEW ${old} AS SELECT * FROM ${next}`,
    ],
    ['contract', 'No code uses the old name any more.', `DROP VIEW IF EXISTS ${old}`],
  );
}

/** An index on a partitioned table, built partition by partition. */
export function partitionedIndexPlan(statement: Statement, schema: SchemaModel): Fix | undefined {
  const index = bodyOf(statement, 'IndexStmt');
  const parent = schema.table(index?.relation);
  const parts = /^([\s\S]*?\bon\s+(?:only\s+)?)([^\s(]+)([\s\S]*)$/i.exec(statement.text);
  if (parent === undefined || index?.idxname === undefined || parts === null) return undefined;
  if (index.if_not_exists || statement.inside !== undefined || parent.partitions.size === 0)
    return undefined;
  const columns = pickAll(index.indexParams, 'IndexElem').map((each) => each.name);
  if (columns.includes(undefined)) return undefined;
  const unique = index.unique ? 'UNIQUE ' : '';
  const definition = parts[3] ?? '';
  const children = [...parent.partitions].map((key) => {
    const relname = key.slice(key.indexOf('.') + 1);
    const schemaname = key.slice(0, key.indexOf('.'));
    return {
      table: shown(schemaname === 'public' ? { relname } : { relname, schemaname }),
      // The name that the server gives to a partition's share.
      index: quoted(`${relname}_${columns.join('_')}_idx`),
    };
  });
  if (pickAll(index.options, 'DefElem').length > 0) return undefined;
  return planOf([
    'build',
    'The index on the parent is valid once that of every partition is attached.',
    `CREATE ${unique}INDEX IF NOT EXISTS ${quoted(index.idxname)} ON ONLY ${parts[2]}${definition}`,
    ...children.map(
      (child) =>
        `CREATE ${unique}INDEX CONCURRENTLY IF NOT EXISTS ${child.index} ON ${child.table}${definition}`,
    ),
    ...children.map(
      (child) => `ALTER INDEX ${quoted(index.idxname ?? '')} ATTACH PARTITION ${child.index}`,
    ),
  ]);
}
