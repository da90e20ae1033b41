// The lock table: which lock every statement takes on which table. Each line is compared with
// pg_locks of a real server by lint/observed.test.ts. (Manual, section 13.3.1 and the page of each
// command; AlterTableGetLockLevel in the server's tablecmds.c for the parts of ALTER TABLE.)

import type { AlterTableCmd, AlterTableType, RangeVar } from '@pgsql/types';
import type { LockMode } from '../postgres/table-lock.ts';
import { lockModes, stronger } from '../postgres/table-lock.ts';
import { rangeOfKey, referencedTables, tableOfIndex } from './model/names.ts';
import type { SchemaModel } from './model/schema.ts';
import type { HeldLock } from './model/transaction.ts';
import { isOn, type Node, pick, pickAll, rangeOf, shown, strings, walk } from './sql/node.ts';
import { bodyOf, droppedNames, type Statement } from './statement.ts';

/** The table locks that a statement takes, strongest per table. Row locks are not among them. */
export function locksOf(statement: Statement, schema: SchemaModel): HeldLock[] {
  const locks = new Map<string, HeldLock>();
  const take = (name: RangeVar | undefined, mode: LockMode): void => {
    if (name?.relname === undefined) return;
    const table = schema.key(name);
    const before = locks.get(table);
    locks.set(table, { table, shown: shown(name), mode: stronger(mode, before?.mode) });
  };
  const rule = takers[Object.keys(statement.node)[0] ?? ''];
  rule?.(statement, take, schema);
  return [...locks.values()];
}

type Take = (name: RangeVar | undefined, mode: LockMode) => void;
type Taker = (statement: Statement, take: Take, schema: SchemaModel) => void;

const takers: Readonly<Record<string, Taker>> = {
  AlterTableStmt: (statement, take, schema) => {
    const alter = bodyOf(statement, 'AlterTableStmt');
    if (alter?.objtype === 'OBJECT_TYPE' || alter?.objtype === 'OBJECT_SEQUENCE') return;
    if (alter?.objtype === 'OBJECT_INDEX') {
      for (const command of pickAll(alter.cmds, 'AlterTableCmd')) {
        // ATTACH locks the child index alone: the parent's table keeps working.
        if (command.subtype === 'AT_AttachPartition')
          take(alter.relation, 'SHARE UPDATE EXCLUSIVE');
      }
      return;
    }
    for (const command of pickAll(alter?.cmds, 'AlterTableCmd')) {
      lockAlteration(command, alter?.relation, take, schema);
    }
  },
  IndexStmt: (statement, take) => {
    const index = bodyOf(statement, 'IndexStmt');
    take(index?.relation, index?.concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE');
  },
  CreateStmt: (statement, take, schema) => {
    const create = bodyOf(statement, 'CreateStmt');
    const isPartition = create?.partbound !== undefined;
    for (const parent of pickAll(create?.inhRelations, 'RangeVar')) {
      take(parent, isPartition ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE');
      if (isPartition) takeDefault(parent, take, schema);
    }
    for (const table of referencedTables(create)) take(table, 'SHARE ROW EXCLUSIVE');
  },
  DropStmt: (statement, take, schema) => {
    const drop = bodyOf(statement, 'DropStmt');
    if (drop === undefined) return;
    for (const name of droppedNames(drop)) lockDrop(drop, name, take, schema);
  },
  RenameStmt: (statement, take) => {
    const rename = bodyOf(statement, 'RenameStmt');
    take(
      rename?.relation,
      rename?.renameType === 'OBJECT_INDEX' ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE',
    );
  },
  AlterObjectSchemaStmt: (statement, take) =>
    take(bodyOf(statement, 'AlterObjectSchemaStmt')?.relation, 'ACCESS EXCLUSIVE'),
  TruncateStmt: (statement, take, schema) => {
    const truncate = bodyOf(statement, 'TruncateStmt');
    for (const table of pickAll(truncate?.relations, 'RangeVar')) {
      take(table, 'ACCESS EXCLUSIVE');
      if (truncate?.behavior !== 'DROP_CASCADE') continue;
      for (const key of schema.referrersOf(schema.key(table), { all: true })) {
        take(rangeOfKey(key), 'ACCESS EXCLUSIVE');
      }
    }
  },
  CreateTrigStmt: (statement, take) => {
    const trigger = bodyOf(statement, 'CreateTrigStmt');
    take(trigger?.relation, 'SHARE ROW EXCLUSIVE');
  },
  CreatePolicyStmt: (statement, take) =>
    take(bodyOf(statement, 'CreatePolicyStmt')?.table, 'ACCESS EXCLUSIVE'),
  AlterPolicyStmt: (statement, take) =>
    take(bodyOf(statement, 'AlterPolicyStmt')?.table, 'ACCESS EXCLUSIVE'),
  RuleStmt: (statement, take) => take(bodyOf(statement, 'RuleStmt')?.relation, 'ACCESS EXCLUSIVE'),
  LockStmt: (statement, take) => {
    const lock = bodyOf(statement, 'LockStmt');
    const mode = lockModes[(lock?.mode ?? 8) - 1] ?? 'ACCESS EXCLUSIVE';
    for (const table of pickAll(lock?.relations, 'RangeVar')) take(table, mode);
  },
  VacuumStmt: (statement, take) => {
    const vacuum = bodyOf(statement, 'VacuumStmt');
    const isFull = isOn(vacuum?.options, 'full');
    for (const { relation } of pickAll(vacuum?.rels, 'VacuumRelation')) {
      take(relation, isFull ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE');
    }
  },
  ClusterStmt: (statement, take) =>
    take(bodyOf(statement, 'ClusterStmt')?.relation, 'ACCESS EXCLUSIVE'),
  ReindexStmt: (statement, take, schema) => {
    const reindex = bodyOf(statement, 'ReindexStmt');
    const isConcurrent = isOn(reindex?.params, 'concurrently');
    const table =
      reindex?.kind === 'REINDEX_OBJECT_INDEX'
        ? tableOfIndex(reindex.relation, schema)
        : reindex?.relation;
    take(table, isConcurrent ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE');
  },
  RefreshMatViewStmt: (statement, take) => {
    const refresh = bodyOf(statement, 'RefreshMatViewStmt');
    take(refresh?.relation, refresh?.concurrent ? 'EXCLUSIVE' : 'ACCESS EXCLUSIVE');
  },
  CreateStatsStmt: (statement, take) => {
    for (const table of pickAll(bodyOf(statement, 'CreateStatsStmt')?.relations, 'RangeVar')) {
      take(table, 'SHARE UPDATE EXCLUSIVE');
    }
  },
  CommentStmt: (statement, take) => {
    const comment = bodyOf(statement, 'CommentStmt');
    const parts = strings(pick(comment?.object, 'List')?.items);
    if (comment?.objtype === 'OBJECT_TABLE') take(rangeOf(parts), 'SHARE UPDATE EXCLUSIVE');
    if (comment?.objtype === 'OBJECT_COLUMN') {
      take(rangeOf(parts.slice(0, -1)), 'SHARE UPDATE EXCLUSIVE');
    }
  },
  InsertStmt: lockRows,
  UpdateStmt: lockRows,
  DeleteStmt: lockRows,
  MergeStmt: lockRows,
  SelectStmt: lockRows,
  CopyStmt: (statement, take) => {
    const copy = bodyOf(statement, 'CopyStmt');
    take(copy?.relation, copy?.is_from ? 'ROW EXCLUSIVE' : 'ACCESS SHARE');
  },
};

// Commands of ALTER TABLE that take less than ACCESS EXCLUSIVE.
const weakAlterations: Partial<Record<AlterTableType, LockMode>> = {
  AT_ValidateConstraint: 'SHARE UPDATE EXCLUSIVE',
  AT_SetStatistics: 'SHARE UPDATE EXCLUSIVE',
  AT_SetOptions: 'SHARE UPDATE EXCLUSIVE',
  AT_ResetOptions: 'SHARE UPDATE EXCLUSIVE',
  AT_ClusterOn: 'SHARE UPDATE EXCLUSIVE',
  AT_DropCluster: 'SHARE UPDATE EXCLUSIVE',
  AT_SetRelOptions: 'SHARE UPDATE EXCLUSIVE',
  AT_ResetRelOptions: 'SHARE UPDATE EXCLUSIVE',
  AT_AttachPartition: 'SHARE UPDATE EXCLUSIVE',
  AT_EnableTrig: 'SHARE ROW EXCLUSIVE',
  AT_EnableAlwaysTrig: 'SHARE ROW EXCLUSIVE',
  AT_EnableReplicaTrig: 'SHARE ROW EXCLUSIVE',
  AT_DisableTrig: 'SHARE ROW EXCLUSIVE',
  AT_EnableTrigAll: 'SHARE ROW EXCLUSIVE',
  AT_DisableTrigAll: 'SHARE ROW EXCLUSIVE',
  AT_EnableTrigUser: 'SHARE ROW EXCLUSIVE',
  AT_DisableTrigUser: 'SHARE ROW EXCLUSIVE',
};

function lockAlteration(
  command: AlterTableCmd,
  table: RangeVar | undefined,
  take: Take,
  schema: SchemaModel,
): void {
  const kind = command.subtype;
  if (kind === undefined) return;
  const constraint = pick(command.def, 'Constraint');
  const partition = pick(command.def, 'PartitionCmd');
  if (kind === 'AT_AddConstraint' && constraint?.contype === 'CONSTR_FOREIGN') {
    take(table, 'SHARE ROW EXCLUSIVE');
    take(constraint.pktable, 'SHARE ROW EXCLUSIVE');
    return;
  }
  if (kind === 'AT_AddInherit' || kind === 'AT_DropInherit') {
    take(pick(command.def, 'RangeVar'), 'SHARE UPDATE EXCLUSIVE');
  }
  if (kind === 'AT_AttachPartition') {
    take(partition?.name, 'ACCESS EXCLUSIVE');
    takeDefault(table, take, schema);
  }
  if (kind === 'AT_DetachPartition') {
    if (!partition?.concurrent) takeDefault(table, take, schema);
    // Only the second of its two transactions locks the partition itself, briefly.
    take(table, partition?.concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE');
    take(partition?.name, 'ACCESS EXCLUSIVE');
    return;
  }
  take(table, weakAlterations[kind] ?? 'ACCESS EXCLUSIVE');
  const known = schema.table(table)?.constraints.get(command.name ?? '');
  if (kind === 'AT_DropConstraint') take(rangeOfKey(known?.references), 'ACCESS EXCLUSIVE');
  if (kind === 'AT_ValidateConstraint') take(rangeOfKey(known?.references), 'ROW SHARE');
  // The foreign keys on the column are dropped with it, or made again with its new type.
  if (kind === 'AT_AlterColumnType' || kind === 'AT_DropColumn') {
    for (const each of schema.table(table)?.constraints.values() ?? []) {
      const isOnColumn = each.columns.includes(command.name ?? '');
      if (isOnColumn) take(rangeOfKey(each.references), 'ACCESS EXCLUSIVE');
    }
  }
  for (const inline of pickAll(pick(command.def, 'ColumnDef')?.constraints, 'Constraint')) {
    if (inline.contype === 'CONSTR_FOREIGN') take(inline.pktable, 'SHARE ROW EXCLUSIVE');
  }
}

// Which rows belong to the DEFAULT partition changes with the other partitions.
function takeDefault(parent: RangeVar | undefined, take: Take, schema: SchemaModel): void {
  take(rangeOfKey(schema.table(parent)?.defaultPartition), 'ACCESS EXCLUSIVE');
}

function lockDrop(
  drop: { removeType?: string; behavior?: string; concurrent?: boolean; objects?: Node[] },
  name: RangeVar,
  take: Take,
  schema: SchemaModel,
): void {
  switch (drop.removeType) {
    case 'OBJECT_TABLE': {
      take(name, 'ACCESS EXCLUSIVE');
      const table = schema.table(name);
      for (const constraint of table?.constraints.values() ?? []) {
        take(rangeOfKey(constraint.references), 'ACCESS EXCLUSIVE');
      }
      const parent = rangeOfKey(table?.partitionOf);
      take(parent, 'ACCESS EXCLUSIVE');
      if (parent !== undefined) takeDefault(parent, take, schema);
      if (drop.behavior !== 'DROP_CASCADE') return;
      for (const key of [...schema.referrersOf(schema.key(name)), ...schema.viewsOf(name)]) {
        take(rangeOfKey(key), 'ACCESS EXCLUSIVE');
      }
      return;
    }
    case 'OBJECT_INDEX': {
      const table = tableOfIndex(name, schema);
      take(table, drop.concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE');
      return;
    }
    case 'OBJECT_TRIGGER':
    case 'OBJECT_POLICY':
    case 'OBJECT_RULE': {
      const parts = strings(pick(drop.objects?.[0], 'List')?.items);
      take(rangeOf(parts.slice(0, -1)), 'ACCESS EXCLUSIVE');
      return;
    }
    case 'OBJECT_MATVIEW':
      take(name, 'ACCESS EXCLUSIVE');
  }
}

function lockRows(statement: Statement, take: Take): void {
  walk(statement.node, (kind, body) => {
    if (/^(Insert|Update|Delete|Merge)Stmt$/.test(kind)) {
      take((body as { relation?: RangeVar }).relation, 'ROW EXCLUSIVE');
    } else if (kind === 'RangeVar') {
      take(body as RangeVar, 'ACCESS SHARE');
    } else if (kind === 'SelectStmt' && 'lockingClause' in body) {
      for (const table of pickAll((body as { fromClause?: Node[] }).fromClause, 'RangeVar')) {
        take(table, 'ROW SHARE');
      }
    }
  });
}
