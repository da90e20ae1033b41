// Objects that live in a schema under a name and have an owner: the SQL that all of them share.

import { type Attempts, type CatalogRow, changes } from './kind.ts';

/** A row with the parts of its name and its owner, all quoted. */
export interface NamedRow extends CatalogRow {
  readonly schema: string;
  readonly plain: string;
  readonly owner: string;
}

/** Columns of a query for {@link NamedRow}. */
export function namedColumns(name: string, owner: string): string {
  return `quote_ident(n.nspname) AS schema, quote_ident(${name}) AS plain,
          quote_ident(pg_get_userbyid(${owner})) AS owner`;
}

/** Puts it back into its schema and gives it its name, by `ALTER word`. */
export function renamed(word: string, now: NamedRow, was: NamedRow): readonly Attempts[] {
  return changes(
    now.plain !== was.plain && `ALTER ${word} ${now.name} RENAME TO ${was.plain}`,
    now.schema !== was.schema &&
      `ALTER ${word} ${now.name.replace(now.plain, was.plain)} SET SCHEMA ${was.schema}`,
  );
}

/** Gives it back to its owner. */
export function ownedAgain(word: string, now: NamedRow, was: NamedRow): readonly Attempts[] {
  return changes(now.owner !== was.owner && `ALTER ${word} ${was.name} OWNER TO ${was.owner}`);
}

/** What was just made belongs to whoever made it. */
export function givenTo(word: string, { name, owner }: NamedRow): string {
  return `ALTER ${word} ${name} OWNER TO ${owner}`;
}
