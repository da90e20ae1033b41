// What may go: backups that nobody needs any more, and the databases that restores left behind.

import { resolve } from 'node:path';
import { judgeBackups, type PrunePlan, type PruneReport, prune } from '../backup/prune.ts';
import { Failure } from '../core/failure.ts';
import { readJournal } from '../history/journal.ts';
import { readLedger } from '../history/ledger.ts';
import type { Database } from '../postgres/connect.ts';
import { type DroppableDatabase, dropBroken, droppableDatabases } from '../restore/drop-broken.ts';
import { type SalvageReport, salvage } from '../restore/salvage.ts';
import { allBackups, forgetInStore } from './keeping.ts';
import { doing, type Project, reading, type Target, targetNamed } from './project.ts';

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
  const { name: environment, keepBackupsMs: keepMs, monitor } = target.environment;
  const { backups } = project.config;
  const now = project.context.clock.now();
  const needed = await reading(project, target, (database) =>
    neededBackups(database, now.getTime() - monitor.forMs),
  );
  const known = await allBackups(project, environment);
  const plan = await judgeBackups(known.backups, { now, keepMs, needed });
  const isIdle = plan.every(({ fate }) => fate === 'keep');
  if (isIdle || !(await request.confirm(plan))) return { plan, report: null };
  return doing(project, target, { command: 'prune', changes: true }, async () => {
    const report = await prune(project.context, { backups, environment, plan });
    await forgetInStore(project, environment, report.trashed);
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

/** A wish to drop a database that a restore left behind. */
export interface DropRequest {
  readonly environment: string;
  /** Its name; may be left out where there is only one. */
  readonly name?: string | undefined;
  readonly confirm: (database: DroppableDatabase) => Promise<boolean>;
}

/** Drops a broken database; null when nobody said yes. */
export async function dropBrokenDatabase(
  project: Project,
  request: DropRequest,
): Promise<DroppableDatabase | null> {
  const target = targetNamed(project, request.environment);
  const found = await leftoverNamed(target, request.name);
  if (!(await request.confirm(found))) return null;
  return doing(project, target, { command: 'drop-broken', changes: true }, async () => {
    await dropBroken(project.context, { live: target.address, name: found.name });
    return { result: found, details: { dropped: found.name } };
  });
}

/** A wish to save rows from a broken database. */
export interface SalvageRequest {
  readonly environment: string;
  /** The broken database; the newest one when left out. */
  readonly name?: string | undefined;
  /** Where the files go; a folder named after the database when left out. */
  readonly folder?: string | undefined;
}

/** Writes what a broken database holds and the live one does not as files of SQL. */
export async function salvageRows(
  project: Project,
  request: SalvageRequest,
): Promise<SalvageReport> {
  const target = targetNamed(project, request.environment);
  const [newest] = await droppableDatabases(target.address);
  const { name: broken } = await leftoverNamed(target, request.name ?? newest?.name);
  return doing(project, target, { command: 'salvage', changes: false }, async () => {
    const folder = resolve(request.folder ?? `${broken}_salvage`);
    const report = await salvage(project.context, { live: target.address, broken, folder });
    return { result: report, details: { broken, tables: report.tables.length } };
  });
}

async function leftoverNamed(
  target: Target,
  wanted: string | undefined,
): Promise<DroppableDatabase> {
  const leftovers = await droppableDatabases(target.address);
  const names = leftovers.map(({ name }) => name).join(', ');
  const found =
    wanted === undefined && leftovers.length === 1
      ? leftovers[0]
      : leftovers.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  const { database } = target.address;
  throw new Failure({
    code: 'usage/no-such-leftover',
    message:
      wanted === undefined && leftovers.length > 1
        ? `restores of ${database} left several databases behind`
        : `no restore of ${database} left ${wanted === undefined ? 'a database' : `a database ${wanted}`} behind`,
    hint: names === '' ? 'There is nothing to do.' : `Name one of ${names}.`,
    details: { leftovers: leftovers.map(({ name }) => name) },
  });
}
