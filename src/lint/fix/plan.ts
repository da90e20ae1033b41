// Plans of several numbered files that reach what one dangerous statement reaches, without its lock.
// Each file parses, checks clean, and together they end in the same schema: fix.test.ts runs them.

import type { ColumnDef, RangeVar, RenameStmt } from '@pgsql/types';
import type { Fix, PlannedFile } from '../finding.ts';
import type { SchemaModel } from '../model/schema.ts';
import { pickAll, quoted, shown } from '../sql/node.ts';
import { dataType, isSerial, shownType } from '../sql/type-name.ts';
import { addedColumns, alterations, bodyOf, constraintOf, type Statement } from '../statement.ts';
import type { TypeChange } from '../type-change.ts';

/** A plan made of steps: their names, and their statements below a comment that says why. */
function planOf(...steps: readonly [step: string, why: string, ...statements: string[]][]): Fix {
  const files = steps.map(([step, why, ...statements]): PlannedFile => {
    const body = statements.map((statement) => `${statement};\n`).join('');
    return { step, sql: `-- ${why}\n${body}` };
  });
  return { kind: 'plan', files };
}

// A statement that does more than one thing is left to its author.
function doesOneThing(statement: Statement): boolean {
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

function notNullSteps(table: RangeVar, column: string): [string, string, ...string[]][] {
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

/** ADD COLUMN with a default, a serial or an identity that would rewrite the table. */
export function addColumnPlan(statement: Statement, column: ColumnDef): Fix | undefined {
  const [added] = addedColumns(statement);
  if (added === undefined || !doesOneThing(statement)) return undefined;
  const known = ['CONSTR_DEFAULT', 'CONSTR_NOTNULL', 'CONSTR_IDENTITY', 'CONSTR_NULL'];
  if (added.constraints.some(({ contype }) => !known.includes(contype ?? ''))) return undefined;
  const { table, name, constraints } = added;
  const type = dataType(column.typeName);
  if (constraintOf(constraints, 'CONSTR_IDENTITY')) return identityPlan(added, shownType(type));
  const serial = isSerial(type);
  const sequence = quoted(`${table.relname}_${name}_seq`);
  const given = serial ? `nextval('${sequence}')` : defaultText(statement);
  if (given === undefined) return undefined;
  const plain = serial
    ? { serial2: 'smallint', serial4: 'integer', serial8: 'bigint' }[type.name]
    : shownType(type);
  const [tableName, columnName] = [shown(table), quoted(name)];
  return planOf(
    [
      'expand',
      'The column, and its default for new rows: only the catalog changes.',
      `ALTER TABLE ${tableName} ADD COLUMN IF NOT EXISTS ${columnName} ${plain}`,
      ...(serial
        ? [
            `CREATE SEQUENCE IF NOT EXISTS ${sequence} AS ${plain} OWNED BY ${tableName}.${columnName}`,
          ]
        : []),
      `ALTER TABLE ${tableName} ALTER COLUMN ${columnName} SET DEFAULT ${given}`,
    ],
    backfill(tableName, columnName, given),
    ...(serial || constraintOf(constraints, 'CONSTR_NOTNULL') ? notNullSteps(table, name) : []),
  );
}

function identityPlan(
  { table, name, constraints }: ReturnType<typeof addedColumns>[number],
  type: string,
): Fix {
  const [tableName, columnName] = [shown(table), quoted(name)];
  const interim = quoted(`${table.relname}_${name}_interim`);
  const always =
    constraintOf(constraints, 'CONSTR_IDENTITY')?.generated_when === 'a' ? 'ALWAYS' : 'BY DEFAULT';
  const given = `nextval('${interim}')`;
  return planOf(
    [
      'expand',
      'The column, numbered by an interim sequence from now on: only the catalog changes.',
      `CREATE SEQUENCE IF NOT EXISTS ${interim}`,
      `ALTER TABLE ${tableName} ADD COLUMN IF NOT EXISTS ${columnName} ${type}`,
      `ALTER TABLE ${tableName} ALTER COLUMN ${columnName} SET DEFAULT ${given}`,
    ],
    backfill(tableName, columnName, given),
    ...notNullSteps(table, name),
    [
      'identity',
      'The identity goes on where the interim sequence stands, in one moment.',
      `ALTER TABLE ${tableName} ALTER COLUMN ${columnName} DROP DEFAULT, ALTER COLUMN ${columnName} ADD GENERATED ${always} AS IDENTITY`,
      `SELECT setval(pg_get_serial_sequence('${tableName.replaceAll("'", "''")}', '${name.replaceAll("'", "''")}'), nextval('${interim}'))`,
      `DROP SEQUENCE IF EXISTS ${interim}`,
    ],
  );
}

function backfill(table: string, column: string, value: string): [string, string, ...string[]] {
  return [
    'backfill',
    `Old rows. On a large table, run this in batches by key.`,
    `UPDATE ${table} SET ${column} = ${value} WHERE ${column} IS NULL`,
  ];
}

// The default as it was written: what stands between DEFAULT and the end, or NOT NULL.
function defaultText(statement: Statement): string | undefined {
  return /\bdefault\s+([\s\S]+?)\s*(?:\bnot\s+null\b\s*)?$/i.exec(statement.text)?.[1];
}

/** A new type by way of a second column that a trigger keeps in step. */
export function typeChangePlan(
  statement: Statement,
  change: TypeChange,
  schema: SchemaModel,
): Fix | undefined {
  const known = schema.table(change.table);
  const column = known?.columns.get(change.name);
  const isUsed =
    [...(known?.constraints.values() ?? [])].some((each) => each.columns.includes(change.name)) ||
    schema.indexesOf(change.table).some((index) => index.columns.includes(change.name)) ||
    [...schema.views.values()].some((columns) => columns.includes(`${known?.key}.${change.name}`));
  // Whatever hangs on the column would have to be made again: only plain columns are done by rote.
  const isPlain = known?.hasAllColumns === true && column !== undefined && !isUsed;
  if (!isPlain || column.hasDefault || column.notNull || !doesOneThing(statement)) return undefined;
  if (/\b(using|collate)\b/i.test(statement.text)) return undefined;
  const table = shown(change.table);
  const [old, next] = [quoted(change.name), quoted(`${change.name}_next`)];
  const type = shownType(change.to);
  const sync = quoted(`${change.table.relname}_${change.name}_sync`);
  return planOf(
    [
      'expand',
      `A second column of the new type; a trigger keeps it in step.`,
      `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS ${next} ${type}`,
      `CREATE OR REPLACE FUNCTION ${sync}() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n  NEW.${next} := NEW.${old};\n  RETURN NEW;\nEND\n$$`,
      `CREATE OR REPLACE TRIGGER ${sync} BEFORE INSERT OR UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION ${sync}()`,
    ],
    [
      'backfill',
      'Old rows. On a large table, run this in batches by key.',
      `UPDATE ${table} SET ${next} = ${old} WHERE ${next} IS DISTINCT FROM ${old}`,
    ],
    [
      'contract',
      'The new column takes the place and the name of the old one.\n-- drydock: allow-file drop-column, rename-breaks-running-code because the copy takes the old name in the same transaction',
      `DROP TRIGGER IF EXISTS ${sync} ON ${table}`,
      `DROP FUNCTION IF EXISTS ${sync}()`,
      `ALTER TABLE ${table} DROP COLUMN IF EXISTS ${old}`,
      `ALTER TABLE ${table} RENAME COLUMN ${next} TO ${old}`,
    ],
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
