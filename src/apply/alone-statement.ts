// What a statement outside any transaction leaves behind when it is cut off, and where to look for it.

import { quoteIdentifier } from '../postgres/address.ts';
import { type Node, parseSql } from '../postgres/parser.ts';

/** A statement outside any transaction, as far as one can see afterwards what it did. */
export type AloneStatement =
  /** CREATE INDEX CONCURRENTLY: the index is there, there and invalid, or not there. */
  | { readonly kind: 'index build'; readonly table: string; readonly index: string | undefined }
  /** REINDEX: copies of indexes (`_ccnew`, `_ccold`) may be left; null: of the whole database. */
  | { readonly kind: 'reindex'; readonly relation: string | null }
  /** DETACH PARTITION … CONCURRENTLY: half-way until it is finalised. */
  | { readonly kind: 'detach'; readonly table: string; readonly partition: string }
  /** Something is there afterwards, or is not. */
  | {
      readonly kind: 'existence';
      readonly query: string;
      readonly name: string;
      readonly wanted: boolean;
    }
  /** May be run again without harm: VACUUM, CLUSTER, ALTER SYSTEM. */
  | { readonly kind: 'repeatable' }
  /** Nobody can see what it did: a block that commits by itself. */
  | { readonly kind: 'opaque' };

/** Reads what a statement outside a transaction is. */
export async function readAloneStatement(sql: string): Promise<AloneStatement> {
  const { statements } = await parseSql(sql);
  const node = statements[0]?.node;
  return node === undefined ? { kind: 'repeatable' } : fromNode(node);
}

function fromNode(node: Node): AloneStatement {
  if ('IndexStmt' in node) {
    const { relation, idxname } = node.IndexStmt;
    return { kind: 'index build', table: qualified(relation), index: idxname };
  }
  if ('DropStmt' in node) {
    const [first] = node.DropStmt.objects ?? [];
    const name = first !== undefined && 'List' in first ? partsOf(first.List.items) : [];
    const index = name.map(quoteIdentifier).join('.');
    return existence('SELECT to_regclass($1) IS NOT NULL AS found', index, false);
  }
  if ('ReindexStmt' in node) {
    const { relation } = node.ReindexStmt;
    return { kind: 'reindex', relation: relation === undefined ? null : qualified(relation) };
  }
  if ('AlterTableStmt' in node) {
    const partition = (node.AlterTableStmt.cmds ?? []).flatMap((command) => {
      const definition = 'AlterTableCmd' in command ? command.AlterTableCmd.def : undefined;
      return definition !== undefined && 'PartitionCmd' in definition
        ? [qualified(definition.PartitionCmd.name)]
        : [];
    })[0];
    return {
      kind: 'detach',
      table: qualified(node.AlterTableStmt.relation),
      partition: partition ?? '',
    };
  }
  if ('DoStmt' in node) return { kind: 'opaque' };
  return existenceOf(node) ?? { kind: 'repeatable' };
}

function existenceOf(node: Node): AloneStatement | undefined {
  const inCatalog = (
    name: string | undefined,
    [catalog, column]: readonly [string, string],
    wanted: boolean,
  ): AloneStatement =>
    existence(
      `SELECT EXISTS (SELECT FROM ${catalog} WHERE ${column} = $1) AS found`,
      name ?? '',
      wanted,
    );
  const databases = ['pg_database', 'datname'] as const;
  const spaces = ['pg_tablespace', 'spcname'] as const;
  const subscriptions = ['pg_stat_subscription', 'subname'] as const;
  if ('CreatedbStmt' in node) return inCatalog(node.CreatedbStmt.dbname, databases, true);
  if ('DropdbStmt' in node) return inCatalog(node.DropdbStmt.dbname, databases, false);
  if ('CreateTableSpaceStmt' in node) {
    return inCatalog(node.CreateTableSpaceStmt.tablespacename, spaces, true);
  }
  if ('DropTableSpaceStmt' in node) {
    return inCatalog(node.DropTableSpaceStmt.tablespacename, spaces, false);
  }
  if ('CreateSubscriptionStmt' in node) {
    return inCatalog(node.CreateSubscriptionStmt.subname, subscriptions, true);
  }
  if ('DropSubscriptionStmt' in node) {
    return inCatalog(node.DropSubscriptionStmt.subname, subscriptions, false);
  }
  return undefined;
}

function existence(query: string, name: string, wanted: boolean): AloneStatement {
  return { kind: 'existence', query, name, wanted };
}

function qualified(
  relation: { readonly schemaname?: string; readonly relname?: string } | undefined,
): string {
  return [relation?.schemaname, relation?.relname]
    .filter((part) => part !== undefined)
    .map(quoteIdentifier)
    .join('.');
}

function partsOf(items: readonly Node[] | undefined): string[] {
  return (items ?? []).flatMap((item) => ('String' in item ? [item.String.sval ?? ''] : []));
}
