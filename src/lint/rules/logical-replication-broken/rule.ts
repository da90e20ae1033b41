import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { alterations } from '../../statement.ts';

export const logicalReplicationBroken: Rule = {
  id: 'logical-replication-broken',
  hazard: 30,
  severity: 'warning',
  concern: 'compatibility',
  title:
    'The primary key dropped, the replica identity changed, or a published table made UNLOGGED',
  why: 'Logical replication finds rows by the replica identity, which is the primary key unless said otherwise. Without it, UPDATE and DELETE on a published table fail.',
  safeForm:
    'Check pg_publication_tables first; give the table a new replica identity before the old one goes.',
  on: ['AlterTableStmt'],
  commands: ['AT_DropConstraint', 'AT_ReplicaIdentity', 'AT_SetUnLogged'],
  *check(statement, { schema }) {
    const kinds = ['AT_DropConstraint', 'AT_ReplicaIdentity', 'AT_SetUnLogged'] as const;
    for (const { kind, table, name, start, end } of alterations(statement, ...kinds)) {
      const known = schema.table(table);
      const constraint = known?.constraints.get(name);
      const isKey =
        constraint === undefined ? name.endsWith('_pkey') : constraint.kind === 'primary key';
      if ((kind === 'AT_DropConstraint' && !isKey) || schema.isNew(table)) continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        severity: known?.published === true ? 'error' : 'warning',
        dependsOn:
          known?.published === true ? undefined : `whether ${shown(table)} is in a publication`,
        message: `If ${shown(table)} is published, subscribers can no longer tell which rows were changed or deleted.`,
      };
    }
  },
};
