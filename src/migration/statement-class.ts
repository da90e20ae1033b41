// What a statement asks of the one who runs it, from its parse tree alone: may it be in a transaction,
// does it read a whole table under a weak lock, does it change rows?

import type { Node, RangeVar } from '../postgres/parser.ts';

/**
 * How a statement is run.
 *
 * - `transactional`: in a transaction with its neighbours.
 * - `alone`: PostgreSQL refuses it inside a transaction block.
 * - `validation`: reads a whole table under a lock that lets others read and write (SHARE UPDATE
 *   EXCLUSIVE); in a transaction with others it would do so under theirs.
 * - `data`: changes rows. Not TRUNCATE, whose lock is that of DDL.
 * - `code`: runs functions or blocks, which may do anything (SELECT, CALL, DO, EXECUTE).
 * - `session`: changes the session or marks a place in the transaction (SET, RESET, SAVEPOINT): takes no
 *   lock.
 */
export type StatementClass = 'transactional' | 'alone' | 'validation' | 'data' | 'code' | 'session';

/**
 * The class of a statement.
 *
 * @example classOf((await parseSql('CREATE INDEX CONCURRENTLY i ON a (x)')).statements[0].node) // 'alone'
 */
export function classOf(node: Node): StatementClass {
  if (mustRunAlone(node)) return 'alone';
  if (validates(node)) return 'validation';
  if (isOneOf(node, rowChanges)) return 'data';
  if (isOneOf(node, sessionChanges)) return 'session';
  return isOneOf(node, codeRuns) ? 'code' : 'transactional';
}

/**
 * True for statements that change the catalog and nothing else: no rows, and nothing of the session. Only
 * the kinds that migrations are full of.
 *
 * @example changesOnlyCatalog((await parseSql('CREATE TEMP TABLE a ()')).statements[0].node) // false
 */
export function changesOnlyCatalog(node: Node): boolean {
  if (classOf(node) !== 'transactional' || !isOneOf(node, catalogChanges)) return false;
  const [definition] = Object.values(node) as [{ readonly relation?: RangeVar }];
  return definition.relation?.relpersistence !== 't';
}

const catalogChanges = [
  'CreateStmt',
  'IndexStmt',
  'AlterTableStmt',
  'CommentStmt',
  'RenameStmt',
  'DropStmt',
  'CreateEnumStmt',
  'AlterEnumStmt',
  'GrantStmt',
];
const rowChanges = ['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt', 'CopyStmt'];
const sessionChanges = ['VariableSetStmt', 'TransactionStmt'];
const codeRuns = ['SelectStmt', 'CallStmt', 'DoStmt', 'ExecuteStmt'];
const neverInTransaction = [
  'AlterSystemStmt',
  'CreatedbStmt',
  'DropdbStmt',
  'CreateTableSpaceStmt',
  'DropTableSpaceStmt',
  'CreateSubscriptionStmt',
  'DropSubscriptionStmt',
];

function isOneOf(node: Node, kinds: readonly string[]): boolean {
  return kinds.some((kind) => kind in node);
}

/**
 * True for statements that PostgreSQL refuses inside a transaction block (25001): those that call
 * PreventInTransactionBlock in the server, named on their own pages of the manual; and DO blocks that
 * commit by themselves.
 */
export function mustRunAlone(node: Node): boolean {
  if ('IndexStmt' in node) return node.IndexStmt.concurrent === true;
  if ('DropStmt' in node) return node.DropStmt.concurrent === true;
  if ('ReindexStmt' in node) {
    const { kind, params } = node.ReindexStmt;
    const whole = kind === 'REINDEX_OBJECT_DATABASE' || kind === 'REINDEX_OBJECT_SYSTEM';
    return whole || kind === 'REINDEX_OBJECT_SCHEMA' || hasOption(params, 'concurrently');
  }
  if ('VacuumStmt' in node) return node.VacuumStmt.is_vacuumcmd === true;
  if ('ClusterStmt' in node) return node.ClusterStmt.relation === undefined;
  if ('AlterTableStmt' in node) return (node.AlterTableStmt.cmds ?? []).some(detachesConcurrently);
  if ('DoStmt' in node) return commits(node.DoStmt.args);
  return isOneOf(node, neverInTransaction);
}

/** True for the statements that can be run in batches, by the key of the table that they read. */
export function canBeBatched(node: Node): boolean {
  if ('InsertStmt' in node) {
    const source = node.InsertStmt.selectStmt;
    // VALUES is a SELECT statement too, without a table to go through.
    return (
      source !== undefined && 'SelectStmt' in source && source.SelectStmt.valuesLists === undefined
    );
  }
  return 'UpdateStmt' in node || 'DeleteStmt' in node;
}

// ALTER DOMAIN … VALIDATE takes SHARE on the tables that use the domain, and reads them all.
function validates(node: Node): boolean {
  if ('AlterDomainStmt' in node) return node.AlterDomainStmt.subtype === 'V';
  if (!('AlterTableStmt' in node)) return false;
  const commands = node.AlterTableStmt.cmds ?? [];
  return commands.every(
    (command) =>
      'AlterTableCmd' in command && command.AlterTableCmd.subtype === 'AT_ValidateConstraint',
  );
}

function detachesConcurrently(command: Node): boolean {
  if (!('AlterTableCmd' in command)) return false;
  const definition = command.AlterTableCmd.def;
  return (
    definition !== undefined &&
    'PartitionCmd' in definition &&
    definition.PartitionCmd.concurrent === true
  );
}

// A DO block may commit only where nobody has begun a transaction around it (2D000; manual, PL/pgSQL,
// "Transaction Management"). Quotes and comments are left out of the look at its body.
function commits(options: readonly Node[] | undefined): boolean {
  return (options ?? []).some((option) => {
    if (!('DefElem' in option) || option.DefElem.defname !== 'as') return false;
    const body = option.DefElem.arg;
    const text = body !== undefined && 'String' in body ? (body.String.sval ?? '') : '';
    return /\bcommit\s*;/i.test(text.replace(/'(?:[^']|'')*'|--.*|\/\*[\s\S]*?\*\//g, ' '));
  });
}

function hasOption(options: readonly Node[] | undefined, name: string): boolean {
  return (options ?? []).some(
    (option) => 'DefElem' in option && option.DefElem.defname?.toLowerCase() === name,
  );
}

/** Whether a statement makes the rest of its session or transaction run as another role. */
export function changesRole(sql: string): boolean {
  return /^\s*set\b.*\b(?:role|authorization)\b/is.test(sql);
}
