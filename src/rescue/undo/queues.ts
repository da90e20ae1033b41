// In which order noted rows are put back: parents come before their children, and go after them.

import type { Database } from '../../postgres/connect.ts';

/** The notes of one table that say the same of their rows. */
export interface Queue {
  readonly relation: number;
  readonly what: 'inserted' | 'updated' | 'deleted';
  readonly isKeyed: boolean;
}

/** A table that refers to another one. */
export interface Reference {
  readonly child: number;
  readonly parent: number;
}

/** The foreign keys among the tables of these queues. */
export async function readReferences(
  database: Database,
  queues: readonly Queue[],
): Promise<readonly Reference[]> {
  return database.query<Reference>(
    `SELECT DISTINCT conrelid::int8::float8 AS child, confrelid::int8::float8 AS parent FROM pg_constraint
      WHERE contype = 'f' AND conrelid <> confrelid AND conrelid = ANY ($1::int8[]::oid[]) AND confrelid = ANY ($1::int8[]::oid[])`,
    [[...new Set(queues.map(({ relation }) => relation))]],
  );
}

/** These tables, and all that refer to them, by other tables too. */
export function withChildren(
  relations: readonly number[],
  references: readonly Reference[],
): readonly number[] {
  const all = new Set(relations);
  // What is added while the loop runs is looked at too.
  for (const parent of all) {
    for (const reference of references) if (reference.parent === parent) all.add(reference.child);
  }
  return [...all];
}

const turns = { deleted: 0, updated: 1, inserted: 2 } as const;

/** Rows that were deleted first, parents before children; then the others; rows that were made last, children first. */
export function inOrderOfParents(
  queues: readonly Queue[],
  references: readonly Reference[],
): readonly Queue[] {
  const depths = depthsOf(queues, references);
  const depthOf = ({ relation, what }: Queue): number =>
    (depths.get(relation) ?? 0) * (what === 'inserted' ? -1 : 1);
  return queues.toSorted(
    (a, b) => turns[a.what] - turns[b.what] || depthOf(a) - depthOf(b) || a.relation - b.relation,
  );
}

// Tables that refer to each other in a circle get some depth: what fails there is tried again.
function depthsOf(
  queues: readonly Queue[],
  references: readonly Reference[],
): ReadonlyMap<number, number> {
  const depths = new Map(queues.map(({ relation }) => [relation, 0]));
  for (let round = 0; round < depths.size; round += 1) {
    for (const { child, parent } of references) {
      const least = (depths.get(parent) ?? 0) + 1;
      if ((depths.get(child) ?? 0) < least && least <= depths.size) depths.set(child, least);
    }
  }
  return depths;
}
