// Which tables a query of the application meets, by the parser.

import type { RangeVar } from '@pgsql/types';
import { parseSql } from '../postgres/parser.ts';
import { shown, walk } from './sql/node.ts';

/** The tables of a query, and those of them that it writes; names as written, without `public.`. */
export async function tablesIn(
  sql: string,
): Promise<{ readonly tables: readonly string[]; readonly written: readonly string[] }> {
  const { statements } = await parseSql(sql);
  const tables = new Set<string>();
  const written = new Set<string>();
  const nameOf = (range: RangeVar): string => shown(range).replace(/^public\./, '');
  walk(
    statements.map(({ node }) => node),
    (kind, body) => {
      if (kind === 'RangeVar') tables.add(nameOf(body as RangeVar));
      if (!/^(Insert|Update|Delete|Merge)Stmt$/.test(kind)) return;
      const { relation } = body as { relation?: RangeVar };
      if (relation === undefined) return;
      tables.add(nameOf(relation));
      written.add(nameOf(relation));
    },
  );
  return { tables: [...tables], written: [...written] };
}
