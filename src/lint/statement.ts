// One statement as the rules see it, and how the commands of an ALTER TABLE are told apart.

import type { AlterTableCmd, AlterTableType, ColumnDef, Constraint, RangeVar } from '@pgsql/types';
import type { ParsedStatement } from '../postgres/parser.ts';
import { type Node, type NodeBody, type NodeKind, pick, pickAll } from './sql/node.ts';

/** A statement of a file, or of a routine's body in it. */
export interface Statement extends ParsedStatement {
  /** Set for statements found inside a DO block or a routine: what they stand in. */
  readonly inside:
    | {
        readonly kind: 'do' | 'routine';
        readonly runs: boolean;
        /** True when the body commits, so that its statements do not share one transaction. */
        readonly commits: boolean;
      }
    | undefined;
  /** Drydock runs it in batches, each committed, outside every transaction (`-- drydock: batch`). */
  readonly isBatched?: boolean;
}

/** The body of a statement when it is of a kind. */
export function bodyOf<Kind extends NodeKind>(
  statement: Statement,
  kind: Kind,
): NodeBody<Kind> | undefined {
  return pick(statement.node, kind);
}

/** One command of an ALTER TABLE. */
export interface Alteration {
  readonly kind: AlterTableType;
  readonly table: RangeVar;
  readonly command: AlterTableCmd;
  /** The column or constraint that the command names. */
  readonly name: string;
  /** Where the command begins in the file, and where it ends. */
  readonly start: number;
  readonly end: number;
  readonly index: number;
}

/** The commands of an ALTER TABLE that are of one of `kinds`; of every kind when none is given. */
export function alterations(statement: Statement, ...kinds: AlterTableType[]): Alteration[] {
  if (!('AlterTableStmt' in statement.node)) return [];
  const all = everyAlteration(statement);
  return kinds.length === 0 ? all : all.filter(({ kind }) => kinds.includes(kind));
}

// Some thirty rules ask for the commands of the same statement: they are found once.
const found = new WeakMap<Statement, Alteration[]>();

function everyAlteration(statement: Statement): Alteration[] {
  const known = found.get(statement);
  if (known !== undefined) return known;
  const alter = bodyOf(statement, 'AlterTableStmt');
  const table = alter?.relation;
  const isTable = table !== undefined && alter?.objtype === 'OBJECT_TABLE';
  const commands = isTable ? pickAll(alter.cmds, 'AlterTableCmd') : [];
  const places = commands.length === 0 ? [] : commandPlaces(statement, commands.length);
  const all = commands.flatMap((command, index) => {
    const kind = command.subtype;
    if (kind === undefined || table === undefined) return [];
    const [start, end] = places[index] ?? [statement.start, statement.end];
    return [{ kind, table, command, name: command.name ?? '', start, end, index }];
  });
  found.set(statement, all);
  return all;
}

/** A column that an ALTER TABLE adds. */
export interface AddedColumn extends Alteration {
  readonly column: ColumnDef;
  readonly constraints: readonly Constraint[];
}

const foundColumns = new WeakMap<Statement, AddedColumn[]>();

/** The columns that a statement adds to a table. */
export function addedColumns(statement: Statement): AddedColumn[] {
  if (!('AlterTableStmt' in statement.node)) return [];
  const known = foundColumns.get(statement);
  if (known !== undefined) return known;
  const all = alterations(statement, 'AT_AddColumn').flatMap((each) => {
    const column = pick(each.command.def, 'ColumnDef');
    if (column === undefined) return [];
    const constraints = pickAll(column.constraints, 'Constraint');
    return [{ ...each, name: column.colname ?? '', column, constraints }];
  });
  foundColumns.set(statement, all);
  return all;
}

/** A constraint that an ALTER TABLE adds. */
export interface AddedConstraint extends Alteration {
  readonly constraint: Constraint;
}

/** The table constraints that a statement adds, of one of `kinds`. */
export function addedConstraints(
  statement: Statement,
  ...kinds: NonNullable<Constraint['contype']>[]
): AddedConstraint[] {
  return alterations(statement, 'AT_AddConstraint').flatMap((each) => {
    const constraint = pick(each.command.def, 'Constraint');
    if (constraint?.contype === undefined) return [];
    if (kinds.length > 0 && !kinds.includes(constraint.contype)) return [];
    return [{ ...each, name: constraint.conname ?? '', constraint }];
  });
}

/** The first of a column's constraints that is of `kind`. */
export function constraintOf(
  constraints: readonly Constraint[],
  kind: Constraint['contype'],
): Constraint | undefined {
  return constraints.find((constraint) => constraint.contype === kind);
}

/** The objects that a DROP names, as tables are named. */
export function droppedNames(drop: NodeBody<'DropStmt'>): RangeVar[] {
  return (drop.objects ?? []).flatMap((object) => {
    const parts =
      pick(object, 'List')?.items ??
      pick(object, 'TypeName')?.names ??
      pick(object, 'ObjectWithArgs')?.objname ??
      (pick(object, 'String') === undefined ? undefined : [object]);
    return parts === undefined ? [] : [nameFrom(parts)];
  });
}

function nameFrom(parts: readonly Node[]): RangeVar {
  const texts = pickAll(parts, 'String').map((part) => part.sval ?? '');
  const [relname = '', schemaname] = texts.reverse();
  return schemaname === undefined ? { relname } : { relname, schemaname };
}

const token =
  /'(?:[^']|'')*'|"[^"]*"|--[^\n\r]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|[(),[\]]/g;

// The parser keeps no place for most commands. They are what stands between the commas outside
// parentheses; the first one begins after the table's name.
function commandPlaces(statement: Statement, count: number): [number, number][] {
  const { text, start } = statement;
  const commas: number[] = [];
  let depth = 0;
  for (const match of text.matchAll(token)) {
    if (match[0] === '(' || match[0] === '[') depth += 1;
    else if (match[0] === ')' || match[0] === ']') depth -= 1;
    else if (match[0] === ',' && depth === 0) commas.push(match.index);
  }
  if (commas.length !== count - 1) return [];
  const head =
    /^alter\s+(?:foreign\s+)?table\s+(?:if\s+exists\s+)?(?:only\s+)?(?:"[^"]*"|[^\s".]+)(?:\s*\.\s*(?:"[^"]*"|[^\s".]+))*\s*\*?\s*/i;
  const first = head.exec(text)?.[0].length ?? 0;
  const edges = [first, ...commas.map((comma) => comma + 1)];
  return edges.map((edge, index) => {
    const end = commas[index] ?? text.length;
    const from = edge + (/^\s*/.exec(text.slice(edge, end))?.[0].length ?? 0);
    return [start + from, start + text.slice(0, end).trimEnd().length];
  });
}
