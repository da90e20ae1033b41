import type { Rule } from '../../rule.ts';
import { isOn, pickAll, shown } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

export const vacuumFullOrCluster: Rule = {
  id: 'vacuum-full-or-cluster',
  hazard: 55,
  severity: 'error',
  concern: 'lock',
  title: 'VACUUM FULL or CLUSTER',
  why: 'The whole table and its indexes are written anew under ACCESS EXCLUSIVE.',
  safeForm:
    'pg_repack, or REPACK (CONCURRENTLY) on PostgreSQL 19; plain VACUUM where space need not go back to the disk.',
  work: 'rewrite',
  on: ['VacuumStmt', 'ClusterStmt'],
  *check(statement, { schema }) {
    const vacuum = bodyOf(statement, 'VacuumStmt');
    const cluster = bodyOf(statement, 'ClusterStmt');
    if (cluster === undefined && !isOn(vacuum?.options, 'full')) return;
    const tables =
      cluster === undefined
        ? pickAll(vacuum?.rels, 'VacuumRelation').map((each) => each.relation)
        : [cluster.relation];
    const live = tables.filter((table) => !schema.isNew(table));
    if (live.length === 0 && tables.length > 0) return;
    const names = live.map(shown).filter((name) => name !== '');
    yield {
      objects: names,
      message: `${names.join(', ') || 'Every table'} is written anew while nobody can read it.`,
    };
  },
};
