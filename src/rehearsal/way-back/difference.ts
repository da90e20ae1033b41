// From two readings of the catalog to the SQL that leads from the one back to the other. Pure.

import type { Attempts, Catalog, CatalogRow, ObjectKind } from './kind.ts';

/** One change with the object that it is about. */
export interface Change {
  /** `column public.users.email`. */
  readonly about: string;
  readonly attempts: Attempts;
}

/** What is to be done, and what no SQL can be made for. */
export interface Difference {
  readonly drops: readonly Change[];
  readonly renames: readonly Change[];
  readonly rest: readonly Change[];
  readonly unmakable: readonly string[];
}

/** The changes from `now` to `was`. */
export function differenceOf(
  kinds: readonly ObjectKind[],
  { now, was }: { readonly now: Catalog; readonly was: Catalog },
): Difference {
  const pairs = new Map(
    kinds.map((each) => [each, pairUp(now.get(each.kind), was.get(each.kind))]),
  );
  const all = [...pairs.values()];
  const dropped = new Set(all.flatMap(({ added }) => added.map(({ id }) => id)));
  const made = new Set(all.flatMap(({ missing }) => missing.map(({ id }) => id)));
  const drops: Change[] = [];
  const renames: Change[] = [];
  const rest: Change[] = [];
  const unmakable: string[] = [];
  const changes = (kind: ObjectKind, { name }: CatalogRow, all: readonly Attempts[]): Change[] =>
    all.map((attempts) => ({ about: `${kind.kind} ${name}`, attempts }));

  for (const kind of kinds.toReversed()) {
    for (const row of (pairs.get(kind)?.added ?? []).toReversed()) {
      // What belongs to something goes with it.
      if (row.parent !== null && dropped.has(row.parent)) continue;
      drops.push(...changes(kind, row, kind.drop(row)));
    }
  }
  for (const kind of kinds) {
    for (const [from, to] of pairs.get(kind)?.same ?? []) {
      if (from.name === to.name)
        rest.push(...changes(kind, to, kind.alter(from, to, { now, was })));
      else if (kind.rename !== undefined && isOwnName(from, to)) {
        renames.push(...changes(kind, to, kind.rename(from, to)));
      }
    }
    for (const row of pairs.get(kind)?.missing ?? []) {
      if (comesWithParent(kind, row, made)) continue;
      const created = kind.create(row, was);
      if (created === undefined) unmakable.push(`${kind.kind} ${row.name}`);
      else rest.push(...changes(kind, row, created));
    }
  }
  return { drops, renames: untangled(renames), rest, unmakable };
}

// Columns and checks are part of CREATE TABLE.
function comesWithParent(kind: ObjectKind, row: CatalogRow, made: ReadonlySet<string>): boolean {
  const isPart =
    kind.kind === 'column' ||
    (kind.kind === 'constraint' && (row as { type?: string }).type === 'c');
  return isPart && row.parent !== null && made.has(row.parent);
}

// A column of a renamed table has another qualified name and needs no renaming of its own.
function isOwnName(now: CatalogRow, was: CatalogRow): boolean {
  const plain = (row: CatalogRow): unknown => (row as { plain?: string }).plain;
  const schema = (row: CatalogRow): unknown => (row as { schema?: string }).schema;
  return plain(now) !== plain(was) || schema(now) !== schema(was) || plain(now) === undefined;
}

interface Pairs {
  readonly same: readonly (readonly [now: CatalogRow, was: CatalogRow])[];
  readonly added: readonly CatalogRow[];
  readonly missing: readonly CatalogRow[];
}

// The same object by its id; else another one that took its name.
function pairUp(now: readonly CatalogRow[] = [], was: readonly CatalogRow[] = []): Pairs {
  const byId = new Map(now.map((row) => [row.id, row]));
  const oldIds = new Set(was.map(({ id }) => id));
  const byName = new Map(now.filter(({ id }) => !oldIds.has(id)).map((row) => [row.name, row]));
  const same: (readonly [CatalogRow, CatalogRow])[] = [];
  const missing: CatalogRow[] = [];
  const paired = new Set<CatalogRow>();
  for (const row of was) {
    const found = byId.get(row.id) ?? byName.get(row.name);
    if (found === undefined) missing.push(row);
    else {
      same.push([found, row]);
      paired.add(found);
    }
  }
  return { same, missing, added: now.filter((row) => !paired.has(row)) };
}

// Two that changed names: one of them steps aside first.
function untangled(renames: readonly Change[]): readonly Change[] {
  const parts = (sql: string): RegExpExecArray | null => /^(ALTER .* )(\S+) TO (\S+)$/.exec(sql);
  return renames.flatMap(({ about, attempts }): Change[] => {
    const [, head, from, to] = parts(attempts[0]) ?? [];
    const isColumn = head?.endsWith('RENAME COLUMN ') === true;
    const taken = renames.some(({ attempts: [other] }) => {
      const [, otherHead, otherFrom] = parts(other) ?? [];
      return isColumn && otherHead === head && otherFrom === to;
    });
    if (!taken || head === undefined || from === undefined) return [{ about, attempts }];
    const aside = `"drydock_${from.replaceAll('"', '')}"`;
    return [
      { about, attempts: [`${head}${from} TO ${aside}`] },
      { about, attempts: [`${head}${aside} TO ${to}`] },
    ];
  });
}
