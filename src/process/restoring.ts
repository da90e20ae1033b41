// Bringing a backup back: in the live database's place, beside it, elsewhere, or single tables of it.

import { carryJournal, type Outcome } from '../history/journal.ts';
import { prepareEnvironment } from '../history/marker.ts';
import { readOpenRescue } from '../history/rescue-runs.ts';
import { connect } from '../postgres/connect.ts';
import { resumePools } from '../postgres/pools.ts';
import {
  type RestoreOptions,
  type RestoreReport,
  restore,
  type SwapQuestion,
} from '../restore/restore.ts';
import { type RestoreBesideReport, restoreBeside } from '../restore/restore-beside.ts';
import { type RestoreElsewhereReport, restoreElsewhere } from '../restore/restore-elsewhere.ts';
import { type RestoreTablesReport, restoreTables } from '../restore/restore-tables.ts';
import { backupNamed } from './backing-up.ts';
import { disarm } from './disarming.ts';
import { expectSchemaNow, noticeBeforeChange } from './drift.ts';
import { withFiles } from './keeping.ts';
import { doing, type Project, reading, type Target, targetNamed } from './project.ts';

/** A wish to bring a backup back. */
export interface RestoreRequest {
  readonly environment: string;
  /** Path or name; the newest backup when left out. */
  readonly backup?: string | undefined;
  /** Leaves the materialised views empty, for a person to fill. */
  readonly viewsLater?: boolean;
  /** Asked when the restored database stands ready beside the live one. */
  readonly confirmSwap: (question: SwapQuestion) => Promise<boolean>;
}

/**
 * Brings a backup back beside the live database and swaps their names. Works too when the live
 * database is gone. The journal lives on in the restored one.
 */
export async function restoreEnvironment(
  project: Project,
  request: RestoreRequest,
): Promise<RestoreReport> {
  const target = targetNamed(project, request.environment);
  const backup = await backupNamed(project, target, request.backup);
  const { pools } = target.environment;
  await openPools(project, target);
  const bringBack = (): Promise<RestoreReport> =>
    withFiles(project, backup, (here) =>
      restore(project.context, {
        environment: target.environment.name,
        live: target.address,
        backup: here,
        viewsLater: request.viewsLater ?? false,
        pools,
        confirmSwap: request.confirmSwap,
        carryOver: carryOver(project, target),
      }),
    );
  const deed = { command: 'restore', backup: backup.name };
  const told = (report: RestoreReport): Outcome<RestoreReport> => ({
    result: report,
    refused: report.outcome === 'refused',
    details: {
      broken: report.broken,
      restoreMs: Math.round(report.restoreMs),
      pauseMs: Math.round(report.pauseMs),
      sizeBytes: backup.manifest.source.sizeBytes,
    },
  });
  if (await isLive(target)) {
    // The last entry of this command goes to the database that has the name by then: the restored one.
    return doing(project, target, { ...deed, changes: true }, async () => {
      const report = await bringBack();
      if (report.outcome === 'done') await disarmAfterRestore(project, target);
      return told(report);
    });
  }
  const report = await bringBack();
  return doing(project, target, { ...deed, changes: false }, async () => told(report));
}

/** Opens pools that a swap has left paused when its command was killed. */
export async function openPools({ context }: Project, target: Target): Promise<void> {
  const { pools } = target.environment;
  const note = (text: string): void => context.emit({ kind: 'note', text });
  await resumePools({ pools, database: target.address.database, note });
}

// A slot holds the log of the database that is broken now: nobody would play it any more.
async function disarmAfterRestore(project: Project, target: Target): Promise<void> {
  const run = await reading(project, target, readOpenRescue);
  if (run !== undefined) await disarm(project, target, 'a backup was restored');
}

/** What a restored database takes over: it is marked, and the journal lives on in it. */
export function carryOver(
  { actor }: Project,
  { environment }: Target,
): RestoreOptions['carryOver'] {
  return async (restored, broken) => {
    await prepareEnvironment(restored, environment.name, actor);
    if (broken !== undefined) await carryJournal(broken, restored);
  };
}

/** Brings a backup back as a new database of the same server. */
export async function restoreUnderName(
  project: Project,
  request: Pick<RestoreRequest, 'environment' | 'backup' | 'viewsLater'> & {
    readonly name: string;
  },
): Promise<RestoreBesideReport> {
  const target = targetNamed(project, request.environment);
  const backup = await backupNamed(project, target, request.backup);
  const { name, viewsLater = false } = request;
  const where = { environment: target.environment.name, live: target.address, name };
  const bringBack = (): Promise<RestoreBesideReport> =>
    withFiles(project, backup, (here) =>
      restoreBeside(project.context, { ...where, backup: here, viewsLater }),
    );
  if (!(await isLive(target))) return bringBack();
  const deed = { command: 'restore', backup: backup.name, changes: false };
  return doing(project, target, deed, async () => ({
    result: await bringBack(),
    details: { into: name },
  }));
}

/** Brings a backup back into the empty database of another environment. */
export async function restoreIntoEnvironment(
  project: Project,
  request: Pick<RestoreRequest, 'environment' | 'backup' | 'viewsLater'> & { readonly to: string },
): Promise<RestoreElsewhereReport> {
  const target = targetNamed(project, request.environment);
  const backup = await backupNamed(project, target, request.backup);
  const into = targetNamed(project, request.to).address;
  const { viewsLater = false } = request;
  const where = { environment: target.environment.name, into };
  const bringBack = (): Promise<RestoreElsewhereReport> =>
    withFiles(project, backup, (here) =>
      restoreElsewhere(project.context, { ...where, backup: here, viewsLater }),
    );
  if (into.equals(target.address) || !(await isLive(target))) return bringBack();
  const deed = { command: 'restore', backup: backup.name, changes: false };
  return doing(project, target, deed, async () => ({
    result: await bringBack(),
    details: { into: into.label },
  }));
}

/** Brings single tables of a backup back beside the live ones. */
export async function restoreSomeTables(
  project: Project,
  request: Pick<RestoreRequest, 'environment' | 'backup'> & { readonly tables: readonly string[] },
): Promise<RestoreTablesReport> {
  const target = targetNamed(project, request.environment);
  const backup = await backupNamed(project, target, request.backup);
  const { tables } = request;
  const options = { environment: target.environment.name, live: target.address, tables };
  const deed = { command: 'restore', backup: backup.name, changes: true };
  return doing(project, target, deed, async () => {
    await noticeBeforeChange(target);
    const report = await withFiles(project, backup, (here) =>
      restoreTables(project.context, { ...options, backup: here }),
    );
    await expectSchemaNow(target);
    return { result: report, details: { schema: report.schema, tables } };
  });
}

// A database that is gone, or that a killed restore left closed, has no journal to write to.
async function isLive({ address }: Target): Promise<boolean> {
  try {
    await using database = await connect(address, { purpose: 'restore' });
    return database.pid > 0;
  } catch {
    return false;
  }
}
