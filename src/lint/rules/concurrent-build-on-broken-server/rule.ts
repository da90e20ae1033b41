import { mustRunAlone } from '../../../migration/statement-class.ts';
import { locksOf } from '../../locks-of.ts';
import type { Rule } from '../../rule.ts';

export const concurrentBuildOnBrokenServer: Rule = {
  id: 'concurrent-build-on-broken-server',
  hazard: 5,
  severity: 'error',
  concern: 'server',
  title: 'CREATE INDEX CONCURRENTLY on PostgreSQL 14.0 to 14.3',
  why: 'Those servers can leave rows out of an index that is built or rebuilt CONCURRENTLY while HOT updates run; fixed in 14.4 (release notes of 14.4).',
  safeForm: 'Update the server to 14.4 or newer first, then build.',
  on: ['IndexStmt', 'ReindexStmt'],
  *check(statement, { schema }) {
    const version = schema.serverVersion ?? 0;
    if (version < 140000 || version >= 140004 || !mustRunAlone(statement.node)) return;
    yield {
      objects: locksOf(statement, schema).map((lock) => lock.shown),
      message: `This server is ${(version / 10000) | 0}.${version % 100}: a concurrent build can silently miss rows.`,
    };
  },
};
