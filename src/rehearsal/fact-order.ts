// The order in which the facts of a statement are told: the strongest lock first, everything else by
// name. The server goes by object ids, and two copies of one backup have different ones, because their
// indexes are restored side by side.

import { isAtLeast } from '../postgres/table-lock.ts';
import type { ObservedFacts } from './observe-work.ts';

/** The same facts, in an order that is the same on every copy. */
export function inOrder(facts: ObservedFacts): ObservedFacts {
  return {
    ...facts,
    locks: byRelation(facts.locks).sort((a, b) =>
      a.mode === b.mode ? 0 : isAtLeast(a.mode, b.mode) ? -1 : 1,
    ),
    rewrites: byRelation(facts.rewrites),
    truncated: facts.truncated.toSorted(),
    scans: byRelation(facts.scans),
    indexBuilds: facts.indexBuilds.toSorted((a, b) => compare(a.index, b.index)),
    changes: byRelation(facts.changes),
    dropped: facts.dropped.toSorted(),
  };
}

function byRelation<T extends { readonly relation: string }>(facts: readonly T[]): T[] {
  return facts.toSorted((a, b) => compare(a.relation, b.relation));
}

// Not by a language's rules: those differ between machines.
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
