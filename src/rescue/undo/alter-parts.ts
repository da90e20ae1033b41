// Takes an ALTER TABLE apart into its parts, as written. Pure.

import { quoteIdentifier } from '../../postgres/address.ts';
import type { Node } from '../../postgres/parser.ts';
import { skipTrivia } from '../../postgres/sql-text.ts';
import { tokenEnd } from '../../postgres/sql-tokens.ts';

type AlterTable = Extract<Node, { AlterTableStmt: unknown }>['AlterTableStmt'];
type RangeVar = NonNullable<AlterTable['relation']>;
export type AlterPart = { readonly text: string; readonly command: AlterCommand };
type AlterCommand = Extract<Node, { AlterTableCmd: unknown }>['AlterTableCmd'];

/** The parts of the statement with their trees; undefined where the two do not pair. */
export function alterParts(sql: string, statement: AlterTable): readonly AlterPart[] | undefined {
  const commands = (statement.cmds ?? []).flatMap((each) =>
    'AlterTableCmd' in each ? [each.AlterTableCmd] : [],
  );
  const texts = splitAtCommas(sql, afterName(sql, statement.relation?.location ?? 0));
  if (texts.length !== commands.length) return undefined;
  return commands.map((command, at) => ({ command, text: texts[at] ?? '' }));
}

/** The statement with some of its parts alone. */
export function alterWith(statement: AlterTable, parts: readonly AlterPart[]): string {
  const only = statement.relation?.inh === true ? '' : 'ONLY ';
  const name = nameOf(statement.relation);
  return `ALTER TABLE ${only}${name} ${parts.map(({ text }) => text).join(', ')}`;
}

/** The name of a relation as SQL. */
export function nameOf(relation: RangeVar | undefined): string {
  const { schemaname, relname = '' } = relation ?? {};
  return [...(schemaname ? [schemaname] : []), relname].map(quoteIdentifier).join('.');
}

// `schema.table *`: names, dots and the star.
function afterName(sql: string, from: number): number {
  let at = skipTrivia(sql, tokenEnd(sql, from));
  while (sql[at] === '.') at = skipTrivia(sql, tokenEnd(sql, skipTrivia(sql, at + 1)));
  return sql[at] === '*' ? skipTrivia(sql, at + 1) : at;
}

function splitAtCommas(sql: string, from: number): string[] {
  const texts: string[] = [];
  let depth = 0;
  let start = from;
  for (let at = from; at < sql.length; ) {
    const token = sql[at];
    if (token === '(' || token === '[') depth += 1;
    else if (token === ')' || token === ']') depth -= 1;
    else if (token === ',' && depth === 0) {
      texts.push(sql.slice(start, at).trim());
      start = at + 1;
    }
    at = skipTrivia(sql, tokenEnd(sql, at));
  }
  return [...texts, sql.slice(start).trim()];
}
