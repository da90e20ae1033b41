// How an environment stands in an emergency: what changed, what is red, which ways back exist now.

import { takeSample } from '../health/sample.ts';
import type { HealthSample } from '../history/health-samples.ts';
import type { JournalEntry, JournalRow } from '../history/journal.ts';
import type { Project, Target } from './project.ts';
import { gatherWays, type WayEvidence } from './ways-back/evidence.ts';
import { type JudgedWay, judgeWays } from './ways-back/way.ts';
import { ways } from './ways-back/ways.ts';

/** Something that was done to the environment. */
export interface Change {
  /** ISO 8601, UTC: when it ended, or began where it never told its end. */
  readonly at: string;
  readonly who: string;
  readonly command: string;
  /** `begun`: it never told its end. */
  readonly outcome: JournalEntry['phase'];
  /** The migrations, the release, the backup or the reason that it was about; empty when none. */
  readonly about: string;
}

/** How things stand. */
export interface Emergency {
  readonly environment: string;
  /** Host, port and database. */
  readonly address: string;
  /** Why the database cannot be read; null when it can. */
  readonly problem: string | null;
  /** Of the last week, newest first. */
  readonly changes: readonly Change[];
  readonly health: HealthSample;
  /** Since when every sample was red (ISO 8601); null: it is green, or was green until now. */
  readonly redSince: string | null;
  /** Best first. */
  readonly ways: readonly JudgedWay[];
}

const weekMs = 7 * 24 * 3_600_000;
const shownChanges = 6;
const changing: readonly string[] = [
  ...['apply', 'deploy', 'rollback', 'restore', 'undo', 'rescue'],
  ...['adopt', 'resign', 'freeze', 'unfreeze'],
];

/** Looks at an environment, which need not be readable. */
export async function lookAround(
  project: Project,
  target: Target,
): Promise<{ readonly evidence: WayEvidence; readonly emergency: Emergency }> {
  const { context } = project;
  const [evidence, health] = await Promise.all([
    gatherWays(project, target),
    takeSample(context, target.environment),
  ]);
  const since = new Date(context.clock.now().getTime() - weekMs).toISOString();
  return {
    evidence,
    emergency: {
      environment: target.environment.name,
      address: target.address.label,
      problem: evidence.problem,
      changes: changesIn(evidence.journal, since),
      health,
      redSince: redSince([...evidence.samples, health]),
      ways: judgeWays(ways, evidence),
    },
  };
}

/** What was done since a moment, newest first. */
export function changesIn(journal: readonly JournalRow[], since: string): readonly Change[] {
  const ended = new Set(
    journal.filter(({ entry }) => entry.phase !== 'begun').map(({ entry }) => entry.run),
  );
  return journal
    .map(({ entry }) => entry)
    .filter(({ command, at }) => changing.includes(command) && at >= since)
    .filter(({ phase, run }) => phase !== 'refused' && (phase !== 'begun' || !ended.has(run)))
    .slice(0, shownChanges)
    .map((entry) => ({
      at: entry.at,
      who: entry.who,
      command: entry.command,
      outcome: entry.phase,
      about: aboutOf(entry),
    }));
}

function aboutOf({ details = {}, backup, failure }: JournalEntry): string {
  const { migrations, release, subject, reason } = details;
  if (failure !== undefined) return failure.message;
  if (Array.isArray(migrations)) return migrations.join(', ');
  if (typeof release === 'string') {
    return `${release.slice(0, 7)}${typeof subject === 'string' ? ` "${subject}"` : ''}`;
  }
  return typeof reason === 'string' ? reason : (backup ?? '');
}

/** Since when all samples are red; null when the newest is green, or there was none before it. */
export function redSince(samples: readonly HealthSample[]): string | null {
  const lastGreen = samples.findLastIndex(({ healthy }) => healthy);
  const red = samples.slice(lastGreen + 1);
  return red.length < 2 ? null : (red[0]?.at.toISOString() ?? null);
}
