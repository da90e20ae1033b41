// Forward, back, forward: takes the plan back on the copy, compares schema and rows with what they were,
// and runs the plan once more.

import { type Context, step } from '../../core/context.ts';
import { formatDuration } from '../../core/duration.ts';
import { Failure, messageOf } from '../../core/failure.ts';
import type { Address } from '../../postgres/address.ts';
import { connect, type Database } from '../../postgres/connect.ts';
import { schemaFingerprint } from '../../postgres/fingerprint.ts';
import { inTransaction, manner, readCatalog } from './catalog.ts';
import { compareRows } from './compare-rows.ts';
import { compareSchemas } from './compare-schema.ts';
import { differenceOf } from './difference.ts';
import { findInverse, type NotRestored } from './invert.ts';
import { judgeWayBack } from './judge.ts';
import type { Catalog } from './kind.ts';
import { kinds } from './kinds.ts';
import type { WayBack } from './report.ts';

/** A way back in the steps in which it is run. */
export interface WrittenWayBack {
  readonly sql: string;
  readonly steps: readonly {
    /** Runs in one transaction; else each statement by itself. */
    readonly together: boolean;
    readonly statements: readonly string[];
  }[];
}

/** Undo, as it will be run for real: rows before the schema, and the rest of them with it. */
export interface UndoTrial {
  rowsBack(): Promise<void>;
  schemaBack(statements: readonly string[]): Promise<void>;
}

/** What is tried. */
export interface WayBackOptions {
  /** The copy, on which the plan has run. */
  readonly copy: Address;
  /** The copy as it was before: a database that nobody writes to. */
  readonly asItWas: Address;
  /** The authors' own, the last migration's first; undefined when not all of them wrote one. */
  readonly byAuthors: WrittenWayBack | undefined;
  /** Where what the plan destroys was kept: the way back is that of undo, whatever the authors wrote. */
  readonly undo?: UndoTrial | undefined;
  /** Runs the plan on the copy once more. */
  readonly applyAgain: () => Promise<unknown>;
}

/** Proves or disproves the way back. */
export async function proveWayBack(context: Context, options: WayBackOptions): Promise<WayBack> {
  return await step(context, 'prove the way back', async (reporter) => {
    const how = { purpose: 'way back', signal: context.signal };
    await using asItWas = await connect(options.asItWas, how);
    await using copy = await connect(options.copy, how);
    reporter.progress('comparing the catalogs');
    const was = await inTransaction(asItWas, () => readCatalog(asItWas));
    const now = await inTransaction(copy, () => readCatalog(copy));
    const forward = await schemaFingerprint(copy);
    const discards = madeByPlan(now, was);
    const { undo } = options;
    const startedAt = performance.now();
    const refused = await rowsRefused(undo);
    const rowsMs = performance.now() - startedAt;
    const byAuthors = undo === undefined ? options.byAuthors : undefined;
    const wish = await scriptFor(copy, { now, was }, byAuthors);
    const soFar = { by: wish.by, discards };
    const impossible = [...refused, ...wish.impossible];
    if (impossible.length > 0) return judgeWayBack({ ...soFar, sql: null, refused: impossible });
    reporter.progress('going back');
    const back = await runScript(copy, wish, undo);
    if ('refused' in back) return judgeWayBack({ ...soFar, sql: wish.sql, refused: back.refused });
    reporter.progress('comparing schema and rows');
    const schema = await compareSchemas(asItWas, copy);
    const rows = await compareRows(asItWas, copy);
    reporter.progress('going forward again');
    const again = await goForward(copy, options, forward);
    const verdict = judgeWayBack({
      ...soFar,
      sql: wish.sql,
      isEmpty: wish.isEmpty,
      ms: rowsMs + back.ms,
      undo: undo === undefined ? undefined : wish.statements,
      refusedByRows: wish.refusedByRows,
      schema,
      rows,
      again,
    });
    const took = `, back in ${formatDuration(rowsMs + back.ms)}`;
    reporter.summary(`${verdict.label}${verdict.label === 'irreversible' ? '' : took}`);
    return verdict;
  });
}

interface Script extends WrittenWayBack {
  readonly statements: readonly string[];
  readonly by: WayBack['by'];
  readonly isEmpty: boolean;
  readonly refusedByRows: readonly NotRestored[];
  readonly impossible: readonly NotRestored[];
}

async function scriptFor(
  copy: Database,
  catalogs: { readonly now: Catalog; readonly was: Catalog },
  byAuthors: WrittenWayBack | undefined,
): Promise<Script> {
  if (byAuthors !== undefined) {
    return {
      by: 'author',
      ...byAuthors,
      statements: [],
      isEmpty: false,
      refusedByRows: [],
      impossible: [],
    };
  }
  const { statements, ...rest } = await findInverse(copy, catalogs);
  return {
    by: 'drydock',
    sql: `${['BEGIN', manner, ...statements, 'COMMIT'].join(';\n')};\n`,
    steps: [{ together: true, statements: [manner, ...statements] }],
    statements,
    isEmpty: statements.length === 0,
    ...rest,
  };
}

async function runScript(
  copy: Database,
  { by, steps, statements: schema }: Script,
  undo: UndoTrial | undefined,
): Promise<{ ms: number } | { refused: readonly NotRestored[] }> {
  const startedAt = performance.now();
  try {
    await undo?.schemaBack(schema);
    for (const { together, statements } of undo === undefined ? steps : []) {
      const runAll = async (): Promise<void> => {
        for (const sql of statements) await copy.execute(sql);
      };
      await (together ? copy.transaction(runAll) : runAll());
    }
    return { ms: performance.now() - startedAt };
  } catch (failure) {
    if (!(failure instanceof Failure) || failure.code === 'interrupted') throw failure;
    const about = by === 'author' ? "the author's way back" : 'the way back';
    return { refused: [{ about, reason: failure.message }] };
  }
}

async function rowsRefused(undo: UndoTrial | undefined): Promise<readonly NotRestored[]> {
  try {
    await undo?.rowsBack();
    return [];
  } catch (failure) {
    if (!(failure instanceof Failure) || failure.code === 'interrupted') throw failure;
    return [{ about: 'the rows', reason: failure.message }];
  }
}

async function goForward(
  copy: Database,
  { applyAgain }: WayBackOptions,
  forward: string,
): Promise<string | null> {
  try {
    await applyAgain();
  } catch (failure) {
    if (failure instanceof Failure && failure.code === 'interrupted') throw failure;
    return `the plan does not run again after the way back: ${messageOf(failure)}`;
  }
  return (await schemaFingerprint(copy)) === forward
    ? null
    : 'the plan makes another schema when it runs again after the way back';
}

function madeByPlan(now: Catalog, was: Catalog): readonly string[] {
  const held = kinds.filter(({ kind }) => kind === 'table' || kind === 'column');
  return differenceOf(held, { now, was })
    .drops.map(({ about }) => about)
    .toReversed();
}
