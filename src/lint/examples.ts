// The examples beside every rule: a file that it finds, a file that is clean, and the schema that both
// start from. They are tests and documentation at once, so they are read from disk and never bundled.

import { readFileSync } from 'node:fs';
import { SchemaModel } from './model/schema.ts';

const folder = new URL('./rules/', import.meta.url);

/** An example file, with what its comments say about it. */
export interface Example {
  readonly rule: string;
  readonly kind: 'bad' | 'good';
  readonly path: string;
  readonly sql: string;
  /** `-- fails: SQLSTATE`: the server refuses it. */
  readonly fails: string | undefined;
  /** `-- before: NUMBER`: holds for servers older than this. */
  readonly before: number | undefined;
  /** `-- collides: FILE`: another migration has the same number. */
  readonly collidesWith?: string;
}

/** The schema that every example starts from. */
export const given: { readonly path: string; readonly sql: string } = {
  path: 'given.sql',
  sql: readFileSync(new URL('given.sql', folder), 'utf8'),
};

/** An example of a rule. */
export function exampleOf(rule: string, kind: Example['kind']): Example {
  const path = `${rule}/${kind}.sql`;
  const sql = readFileSync(new URL(path, folder), 'utf8');
  const collidesWith = /^-- collides: (.+)$/m.exec(sql)?.[1];
  const before = /^-- before: (\d+)$/m.exec(sql)?.[1];
  return {
    rule,
    kind,
    path,
    sql,
    fails: /^-- fails: (\w+)$/m.exec(sql)?.[1],
    before: before === undefined ? undefined : Number(before),
    ...(collidesWith === undefined ? {} : { collidesWith }),
  };
}

/** What an example says is known: `-- server: NUMBER` and `-- size: TABLE BYTES`. */
export function known({ sql }: Pick<Example, 'sql'>): SchemaModel {
  const version = /^-- server: (\d+)$/m.exec(sql)?.[1];
  const schema = new SchemaModel(version === undefined ? {} : { serverVersion: Number(version) });
  const size = /^-- size: (\w+) (\d+)$/m.exec(sql);
  if (size !== null) {
    schema.setSize(`public.${size[1]}`, {
      rows: Number(size[2]) / 100,
      bytes: Number(size[2]),
    });
  }
  return schema;
}
