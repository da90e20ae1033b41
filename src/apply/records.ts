// The records of one step: that it is under way, that it is in force, that it failed and why.

import { messageOf } from '../core/failure.ts';
import { recordSql } from '../history/ledger.ts';
import {
  readSteps,
  recordBeginning,
  recordFailure,
  type StepName,
  type StepRow,
} from '../history/steps.ts';
import type { Migration } from '../migration/file.ts';
import { type MigrationStep, stepDigest } from '../migration/steps.ts';
import type { Database } from '../postgres/connect.ts';
import { sqlStateOf } from '../postgres/server-error.ts';
import type { StepResult } from './step-run.ts';

/** Which step of which migration, for the ledger. */
export interface Identity {
  readonly migration: Migration;
  readonly index: number;
  readonly plan: string;
  readonly appliedBy: string;
  readonly backup: string | null;
}

/** How earlier runs of this very step went that did not bring it into force, the newest last. */
export async function earlierRuns(
  database: Database,
  name: Pick<StepName, 'version' | 'step' | 'digest'>,
): Promise<readonly StepRow[]> {
  const rows = (await readSteps(database, name.version)).filter(
    ({ step, digest }) => step === name.step && digest === name.digest,
  );
  // One that was in force and is to be run again was taken back meanwhile.
  const lastDone = rows.findLastIndex(({ outcome }) => outcome.endsWith('done'));
  return rows.slice(lastDone + 1);
}

/** Writes what becomes of one step. */
export class StepRecords {
  readonly #session: { readonly database: Database };
  readonly #identity: Identity;
  readonly #name: StepName;
  readonly #startedAt = new Date();
  #begun: string | undefined;

  constructor(session: { readonly database: Database }, step: MigrationStep, identity: Identity) {
    this.#session = session;
    this.#identity = identity;
    this.#name = {
      version: identity.migration.version,
      step: identity.index + 1,
      kind: step.kind,
      digest: stepDigest(step),
      runBy: identity.appliedBy,
    };
  }

  earlier(): Promise<readonly StepRow[]> {
    return earlierRuns(this.#session.database, this.#name);
  }

  async begin(before: unknown): Promise<void> {
    this.#begun = await recordBeginning(this.#session.database, this.#name, before);
  }

  /** The statements that record the step as being in force. */
  done(result: StepResult, outcome: 'done' | 'found done' = 'done'): readonly string[] {
    const { migration, index, ...rest } = this.#identity;
    const { version, name, checksum, steps } = migration;
    return recordSql(
      {
        ...{ version, name, checksum },
        ...rest,
        stepsDone: index + 1,
        stepsTotal: steps.length,
        durationMs: Date.now() - this.#startedAt.getTime(),
      },
      {
        name: this.#name,
        figures: {
          startedAt: this.#startedAt,
          tries: result.retries + 1,
          lockWaitMs: result.lockWaitMs,
          rows: result.statements.reduce((sum, { rows }) => sum + (rows ?? 0), 0),
          statements: result.statements.map(({ line, ms, rows }) => ({
            line,
            ms: Math.round(ms),
            rows,
          })),
        },
        outcome,
        begun: this.#begun,
      },
    );
  }

  /** By another session: the step's own is gone, or in a state that only it knows. */
  async failed(failure: unknown, other: Database): Promise<void> {
    const details = (failure as { readonly details?: { readonly tries?: unknown } }).details;
    const tries = details?.tries;
    await recordFailure(other, this.#name, {
      begun: this.#begun,
      startedAt: this.#startedAt,
      tries: typeof tries === 'number' ? tries : 1,
      lockWaitMs: 0,
      sqlState: sqlStateOf(failure),
      message: messageOf(failure),
      // The failure itself is what counts: a record that cannot be written changes nothing of it.
    }).catch(() => {});
  }
}
