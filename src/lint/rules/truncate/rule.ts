import { rangeOfKey } from '../../model/names.ts';
import type { Rule } from '../../rule.ts';
import { pickAll, shown } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

export const truncate: Rule = {
  id: 'truncate',
  hazard: 47,
  severity: 'error',
  concern: 'data-loss',
  title: 'TRUNCATE',
  why: 'All rows are gone when the transaction commits, under ACCESS EXCLUSIVE; with CASCADE those of every referencing table too.',
  safeForm:
    'DELETE with a WHERE, in batches (-- drydock: batch), outside a migration; keep a proven backup, and allow it with a reason.',
  on: ['TruncateStmt'],
  *check(statement, { schema }) {
    const truncate = bodyOf(statement, 'TruncateStmt');
    const tables = pickAll(truncate?.relations, 'RangeVar').filter((table) => !schema.isNew(table));
    if (tables.length === 0) return;
    const names = tables.map(shown);
    const others = tables.flatMap((table) => schema.referrersOf(schema.key(table), { all: true }));
    const referrers = [...new Set(others)].map((key) => shown(rangeOfKey(key)));
    const cascades = truncate?.behavior === 'DROP_CASCADE';
    const alone = referrers.filter((name) => !names.includes(name));
    const more = alone.length === 0 ? 'the tables that refer to it' : alone.join(', ');
    yield {
      objects: cascades ? [...names, ...alone] : names,
      message: `Every row of ${names.join(', ')} is lost${cascades ? `, and every row of ${more}` : alone.length > 0 ? `; the server refuses it while ${more} refers to it` : ''}.`,
    };
  },
};
