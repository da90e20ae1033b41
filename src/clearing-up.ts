// What may go: backups that nobody needs any more, and the databases that restores left behind.

import { type PrunePlan, type PruneReport, planPruning, prune } from './backup/prune.ts';
import { readJournal } from './history/journal.ts';
import { readLedger } from './history/ledger.ts';
import type { Database } from './postgres/connect.ts';
import { doing, type Project, reading, targetNamed } from './project.ts';

/** A wish to remove old backups. */
export interface PruneRequest {
  readonly environment: string;
  /** Asked when there is something to remove; nothing is removed without a yes. */
  readonly confirm: (plan: PrunePlan) => Promise<boolean>;
}

/** What became of it; without a report nobody said yes. */
export interface Pruning {
  readonly plan: PrunePlan;
  readonly report: PruneReport | null;
}

/** Removes the backups of an environment that its configuration does not keep. */
export async function pruneBackups(project: Project, request: PruneRequest): Promise<Pruning> {
  const target = targetNamed(project, request.environment);
  const { name: environment, keepBackupsMs: keepMs, monitorMs } = target.environment;
  const { backups } = project.config;
  const now = project.context.clock.now();
  const needed = await reading(project, target, (database) =>
    neededBackups(database, now.getTime() - monitorMs),
  );
  const plan = await planPruning({ backups, environment }, { now, keepMs, needed });
  const isIdle = plan.every(({ fate }) => fate === 'keep');
  if (isIdle || !(await request.confirm(plan))) return { plan, report: null };
  return doing(project, target, { command: 'prune', changes: true }, async () => {
    const report = await prune(project.context, { backups, environment, plan });
    return { result: { plan, report }, details: { trashed: report.trashed } };
  });
}

// Backups of migrations that are half in force or still watched, and of restores since then.
async function neededBackups(database: Database, since: number): Promise<ReadonlySet<string>> {
  const ledger = (await readLedger(database)).filter(
    ({ state, appliedAt }) => state === 'partial' || appliedAt.getTime() >= since,
  );
  const journal = (await readJournal(database)).filter(
    ({ entry }) => entry.command === 'restore' && new Date(entry.at).getTime() >= since,
  );
  const names = [
    ...ledger.map(({ backup }) => backup),
    ...journal.map(({ entry }) => entry.backup),
  ];
  return new Set(names.filter((name) => typeof name === 'string'));
}
