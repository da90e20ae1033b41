// Gathers the evidence that the gates judge: from the environments, the journal and the backups.
// Reads only.

import type { Environment } from '../config/environment.ts';
import type { Clock } from '../core/clock.ts';
import { presentFingerprint, readExpectedSchema, schemaDrift } from '../history/expected-schema.ts';
import { readFreeze } from '../history/freeze.ts';
import type { HealthSample } from '../history/health-samples.ts';
import { readSamples } from '../history/health-samples.ts';
import { detailOf, type JournalRow, readJournal } from '../history/journal.ts';
import { readLedger } from '../history/ledger.ts';
import { readMarker } from '../history/marker.ts';
import { readChangesByHand } from '../history/schema-look.ts';
import type { Finding } from '../lint/finding.ts';
import type { Plan } from '../migration/plan.ts';
import type { Database } from '../postgres/connect.ts';
import { longTransactions } from '../postgres/long-transactions.ts';
import { serverTime } from '../postgres/server-time.ts';
import type {
  Drill,
  EnvironmentState,
  Looks,
  PromotionEvidence,
  ProvenBackup,
  TargetState,
  TeamNotice,
} from './evidence.ts';
import { rowsOf } from './migrations-in-force.ts';

/** Where the evidence comes from: functions of other steps, handed in. */
export interface Sources {
  readonly now: Date;
  readonly aheadMs: number;
  readonly clock: Clock;
  readonly environment: Environment;
  /** That environment, for reading. */
  readonly database: Database;
  /** Every environment, in the order of promotion. */
  readonly environments: readonly Environment[];
  readonly plan: Plan;
  readonly findings: readonly Finding[];
  readonly approvedBy: readonly string[];
  /** The journal of the environment to be changed, newest first. */
  readonly journal: readonly JournalRow[];
  readonly health: HealthSample | null;
  readonly backup: ProvenBackup | null;
  readonly disk: PromotionEvidence['disk'];
  readonly restoreObstacle: PromotionEvidence['restoreObstacle'];
  /** What files of evidence show of environments, by name. */
  readonly imported: ReadonlyMap<string, EnvironmentState>;
  /** Opens another environment for reading; rejects when it cannot be reached. */
  readonly read: <T>(
    environment: Environment,
    work: (database: Database) => Promise<T>,
  ) => Promise<T>;
}

/** Gathers everything but the rehearsal, which comes later. */
export async function gatherEvidence(sources: Sources): Promise<PromotionEvidence> {
  const { environments, environment } = sources;
  const first = environments[0];
  const before = environments.find((candidate) => candidate.name === environment.after);
  const local =
    first === undefined || first.name === environment.name ? null : await stateOf(sources, first);
  return {
    now: sources.now,
    aheadMs: sources.aheadMs,
    environment,
    migrations: sources.plan.pending.map(({ migration }) => migration),
    findings: sources.findings,
    target: await targetState(sources.database),
    approvedBy: sources.approvedBy,
    local,
    before: before === undefined ? null : before === first ? local : await stateOf(sources, before),
    notice: noticeFor(sources.journal, sources.plan.digest),
    health: sources.health,
    backup: sources.backup,
    disk: sources.disk,
    restoreObstacle: sources.restoreObstacle,
    rehearsal: null,
  };
}

async function targetState(database: Database): Promise<TargetState> {
  return {
    marker: await readMarker(database),
    freeze: await readFreeze(database),
    transactions: await longTransactions(database),
    drift: await schemaDrift(database),
  };
}

// An environment that cannot be read is evidence too: its gates stay closed and say so, unless a file
// of evidence tells what it showed.
async function stateOf(
  sources: Sources,
  environment: Environment,
): Promise<EnvironmentState | null> {
  const { name } = environment;
  const migrations = sources.plan.pending.map(({ migration }) => migration);
  try {
    return await sources.read(environment, async (database) => {
      const since = rowsOf(await readLedger(database), migrations).map((row) =>
        row.appliedAt.getTime(),
      );
      return readState(database, {
        name,
        samplesSince: since.length === 0 ? null : new Date(Math.min(...since)),
        clock: sources.clock,
      });
    });
  } catch {
    return sources.imported.get(name) ?? null;
  }
}

/** What an environment shows, with its health samples since a moment; null: without any. */
export async function readState(
  database: Database,
  options: { readonly name: string; readonly samplesSince: Date | null; readonly clock: Clock },
): Promise<EnvironmentState> {
  const { name, samplesSince: since, clock } = options;
  const expected = await readExpectedSchema(database);
  return {
    name,
    ledger: await readLedger(database),
    fingerprint: await presentFingerprint(database, expected),
    fingerprintAfterApply: expected?.isCurrent === true ? expected.fingerprint : undefined,
    drill: newestDrill(await readJournal(database)),
    ...(await readLooks(database, { since, clock })),
  };
}

/** What was seen of an environment since a moment (null: nothing is wanted), and until when. */
export async function readLooks(
  database: Database,
  { since, clock }: { readonly since: Date | null; readonly clock: Clock },
): Promise<Looks> {
  const samples = since === null ? [] : await readSamples(database, since);
  const changed = since === null ? undefined : await readChangesByHand(database, since);
  // Last, for what was seen before it cannot be of its future.
  const seenAt = await clock.ofServer(() => serverTime(database));
  const unseen = changed?.isChangedSince === true ? [{ at: seenAt }] : [];
  return { samples, changesByHand: [...(changed?.noticed ?? []), ...unseen], seenAt };
}

// The newest notice in the journal about exactly this plan.
function noticeFor(journal: readonly JournalRow[], plan: string): TeamNotice | null {
  const found = journal.find(
    ({ entry }) => entry.command === 'notify' && entry.phase !== 'begun' && entry.plan === plan,
  )?.entry;
  if (found === undefined) return null;
  const by = detailOf(found, 'by') ?? found.who;
  return { by, at: new Date(found.at), delivered: found.phase === 'done' };
}

function newestDrill(journal: readonly JournalRow[]): Drill | null {
  const found = journal.find(({ entry }) => entry.command === 'drill' && entry.phase === 'done');
  if (found === undefined) return null;
  const { at, details } = found.entry;
  return { at: new Date(at), recoveryMs: Number(details?.recoveryMs ?? 0) };
}
