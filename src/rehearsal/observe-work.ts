// What a statement did, from two readings of its session and from what the server said meanwhile.

import { type ObservedLock, strongestPerRelation } from './locks.ts';
import type { ToldFacts } from './observe-notices.ts';
import type { SeenLock } from './observe-outside.ts';
import { type LockedRelation, noRows, type Reading } from './observe-relations.ts';
import { isTable, type KnownRelation } from './observe-schema.ts';
import type { ChangedRows, StatementFacts } from './statement.ts';

/** The facts of one statement; how long its locks were held is known when its transaction has ended. */
export type ObservedFacts = Omit<StatementFacts, 'locks'> & {
  /** `seenMs`: for a lock outside any transaction, how long it was seen. */
  readonly locks: readonly (ObservedLock & { readonly seenMs?: number })[];
};

/** What a statement is compared by. */
export interface Comparison {
  readonly before: Reading;
  readonly after: Reading;
  /** Relations that have a new file since. */
  readonly made: readonly KnownRelation[];
  readonly told: ToldFacts;
  /** Relations that were there before the plan, by the names they had then. */
  readonly known: ReadonlyMap<string, KnownRelation>;
  /** Every relation that was seen so far, as it was before the statement. */
  readonly seen: ReadonlyMap<string, KnownRelation>;
  readonly transaction: number;
}

/** The facts of a statement in a transaction. */
export function factsInside(comparison: Comparison): ObservedFacts {
  const { before, after, told, known, transaction } = comparison;
  const touched = [...after.relations.values()];
  const made = filesMade(comparison.made, comparison);
  return {
    transaction,
    locks: locksTaken(comparison),
    ...made,
    // To empty a table is to make its indexes anew, of no rows: that is no work.
    scans: touched
      .flatMap((relation) => scanOf(relation, comparison))
      .filter(({ relation }) => !made.truncated.includes(relation)),
    indexBuilds: told.indexBuilds
      .filter(({ relation }) => !made.truncated.some((name) => unqualified(name) === relation))
      .map(({ index, relation }) => ({ index, relation: nameOf(relation, touched) })),
    validated: told.validated,
    notValidated: told.notValidated,
    changes: touched.flatMap((relation) => changeOf(relation, before, known)),
    dropped: told.dropped,
    walBytes: Math.max(0, after.walBytes - before.walBytes),
    temporaryFiles: told.temporaryFiles,
  };
}

function locksTaken({ before, after, known }: Comparison): ObservedFacts['locks'] {
  const taken = [...after.relations.values()].flatMap(({ oid, modes }) => {
    const relation = known.get(oid);
    const held = before.relations.get(oid)?.modes ?? [];
    const fresh = modes.filter((mode) => !held.includes(mode));
    return relation === undefined ? [] : fresh.map((mode) => ({ relation, mode }));
  });
  const onTables = taken.filter(({ relation }) => isTable(relation));
  // An index by itself keeps readers of its table waiting: planning a query locks every index. Where the
  // table is closed, by this statement or an earlier one, that is no news.
  const closed = new Set(
    [...after.relations.values()]
      .filter(({ modes }) => modes.includes('ACCESS EXCLUSIVE'))
      .map(({ oid }) => oid),
  );
  const onIndexes = taken.filter(
    ({ relation, mode }) =>
      relation.kind === 'i' && mode === 'ACCESS EXCLUSIVE' && !closed.has(relation.table ?? ''),
  );
  return strongestPerRelation(
    [...onTables, ...onIndexes].map(({ relation, mode }) => ({ relation: relation.name, mode })),
  );
}

// A new file number means new files, beside the old ones until COMMIT. TRUNCATE makes an empty one and
// says nothing.
function filesMade(
  relations: readonly KnownRelation[],
  { told, known, seen }: Pick<Comparison, 'told' | 'known' | 'seen'>,
): Pick<ObservedFacts, 'rewrites' | 'truncated' | 'newBytes'> {
  const made = relations.flatMap((now) => {
    const old = seen.get(now.oid);
    return now.node === null || old?.node === now.node ? [] : [{ now, old }];
  });
  const tables = made.filter(({ now }) => known.has(now.oid) && isTable(now));
  const isEmptied = ({ now, old }: (typeof tables)[number]): boolean =>
    now.bytes <= emptyBytes &&
    (old?.bytes ?? 0) > emptyBytes &&
    !told.rewrites.includes(unqualified(now.name));
  return {
    rewrites: tables
      .filter((each) => !isEmptied(each))
      .map(({ now }) => ({ relation: known.get(now.oid)?.name ?? now.name, bytes: now.bytes })),
    truncated: tables.filter(isEmptied).map(({ now }) => known.get(now.oid)?.name ?? now.name),
    newBytes: made.reduce((sum, { now }) => sum + now.bytes, 0),
  };
}

/** The facts of a statement outside any transaction. */
export function factsOutside(watched: {
  readonly locks: readonly SeenLock[];
  /** The relations that it may have written anew, as they are after it. */
  readonly relations: readonly KnownRelation[];
  readonly told: ToldFacts;
  readonly known: Comparison['known'];
  readonly seen: Comparison['seen'];
  readonly walBytes: number;
}): ObservedFacts {
  const { told, relations, walBytes } = watched;
  const longest = (relation: string): number =>
    Math.max(...watched.locks.filter((lock) => lock.relation === relation).map((lock) => lock.ms));
  return {
    transaction: null,
    locks: strongestPerRelation(watched.locks).map((lock) => ({
      ...lock,
      seenMs: longest(lock.relation),
    })),
    ...filesMade(relations, watched),
    scans: [],
    indexBuilds: told.indexBuilds.map(({ index, relation }) => ({ index, relation })),
    validated: told.validated,
    notValidated: told.notValidated,
    changes: [],
    dropped: told.dropped,
    walBytes,
    temporaryFiles: told.temporaryFiles,
  };
}

// A TOAST index keeps one page when its table has none.
const emptyBytes = 8_192;

function scanOf(relation: LockedRelation, comparison: Comparison): StatementFacts['scans'] {
  const { before, told, known } = comparison;
  const old = before.relations.get(relation.oid)?.counters ?? noRows;
  const scanned = known.get(relation.oid);
  if (scanned === undefined || !isTable(scanned)) return [];
  if (relation.counters.scans <= old.scans) return [];
  const read = Math.max(0, relation.counters.read - old.read);
  // What parallel workers read is counted by them, so the rows are taken from the table.
  const isParallel = told.indexBuilds.some(
    (each) => each.isParallel && unqualified(scanned.name) === each.relation,
  );
  return [{ relation: scanned.name, rows: isParallel ? Math.max(read, scanned.rows) : read }];
}

function changeOf(
  { oid, now, counters }: LockedRelation,
  before: Reading,
  known: ReadonlyMap<string, KnownRelation>,
): readonly ChangedRows[] {
  const relation = known.get(oid) ?? now;
  if (relation === undefined || relation === null || !['r', 'm'].includes(relation.kind)) return [];
  const old = before.relations.get(oid)?.counters ?? noRows;
  // TRUNCATE and DROP take their table's counters back to nothing.
  const grown = (what: 'inserted' | 'updated' | 'deleted'): number =>
    Math.max(0, counters[what] - old[what]);
  const change = {
    inserted: grown('inserted'),
    updated: grown('updated'),
    deleted: grown('deleted'),
  };
  const isChanged = change.inserted + change.updated + change.deleted > 0;
  return isChanged ? [{ relation: relation.name, ...change }] : [];
}

function nameOf(bare: string, relations: readonly LockedRelation[]): string {
  const found = relations.find(({ now }) => now !== null && unqualified(now.name) === bare);
  return found?.now?.name ?? bare;
}

// A relation's name without its schema and quotes, as the server's messages give it.
function unqualified(name: string): string {
  const bare = name.replace(/^(?:"(?:[^"]|"")*"|[^".]+)\./, '');
  return bare.startsWith('"') ? bare.slice(1, -1).replaceAll('""', '"') : bare;
}
