// The emergency drill: the whole recovery of an environment, on its own server and with its own data, and
// nobody notices. A copy stands in for the live database (ADR 0013).

import { localTimestamp } from '../core/clock.ts';
import { step } from '../core/context.ts';
import { sha256 } from '../core/digest.ts';
import type { Evidence } from '../core/evidence.ts';
import { Failure, withCleanup } from '../core/failure.ts';
import { type Address, quoteIdentifier } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { enterClosed } from '../restore/enter.ts';
import { maintenanceAddress } from '../restore/maintenance.ts';
import { type RestoreReport, restore } from '../restore/restore.ts';
import { restoreBeside } from '../restore/restore-beside.ts';
import { takeBackup } from './backing-up.ts';
import { withFiles } from './keeping.ts';
import { doing, type Project, type Target, targetNamed } from './project.ts';
import { carryOver } from './restoring.ts';

/** The evidence of a drill. */
export interface DrillReport extends Evidence {
  readonly kind: 'drill';
  readonly environment: string;
  readonly backup: string;
  /** Of the database. */
  readonly sizeBytes: number;
  readonly backupMs: number;
  /** Building the restored database beside the other one and comparing it. */
  readonly restoreMs: number;
  /** How long nobody could write during the swap. */
  readonly pauseMs: number;
  /** From the first step of the recovery to its end, without the making of the copy. */
  readonly recoveryMs: number;
}

/**
 * Rehearses the recovery of an environment: a backup, a copy of the database on the same server, a write
 * that the recovery has to take back, a restore beside and the swap of the names, a look whether the write
 * is gone from the one and kept in the other. Nothing of it is left, but the backup and the times in the
 * journal.
 *
 * @throws `drill/guarded`, `drill/not-recovered`, and what a backup and a restore throw
 */
export async function drillRecovery(project: Project, name: string): Promise<DrillReport> {
  const target = targetNamed(project, name);
  if (target.environment.guarded) throw guarded(project, target);
  return doing(project, target, { command: 'drill', changes: true }, async () => {
    const report = await drill(project, target);
    const { backup, sizeBytes, backupMs, restoreMs, pauseMs, recoveryMs } = report;
    const times = { backupMs, restoreMs, pauseMs, recoveryMs };
    return { result: report, backup, details: { sizeBytes, ...rounded(times) } };
  });
}

async function drill(project: Project, target: Target): Promise<DrillReport> {
  const { context } = project;
  const environment = target.environment.name;
  const startedAt = context.clock.now();
  const began = performance.now();
  const backup = await takeBackup(project, target, { reason: 'for a drill', plan: null });
  const backupMs = performance.now() - began;
  const family = standInFamily(target);
  const name = `${family}${localTimestamp(startedAt)}`;
  const standIn = target.address.withDatabase(name);
  // Only one drill of an environment is at work: what is there is of one that was killed.
  await clearAway(target.address, family);
  return await withCleanup(
    () =>
      withFiles(project, backup, async (here) => {
        await restoreBeside(context, { environment, live: target.address, backup: here, name });
        await makeMark(standIn);
        const recovered = performance.now();
        const options = {
          environment,
          live: standIn,
          backup: here,
          carryOver: carryOver(project, target),
        };
        const report = await whileVisited(standIn, () => restore(context, options));
        await assertRecovered(project, standIn, report);
        return {
          kind: 'drill' as const,
          version: 1 as const,
          plan: null,
          startedAt: startedAt.toISOString(),
          endedAt: context.clock.now().toISOString(),
          outcome: 'done' as const,
          environment,
          backup: backup.name,
          sizeBytes: backup.manifest.source.sizeBytes,
          backupMs,
          restoreMs: report.restoreMs,
          pauseMs: report.pauseMs,
          recoveryMs: performance.now() - recovered,
        };
      }),
    () => clearAway(target.address, family),
  );
}

const mark = 'drydock_drill';

async function makeMark(address: Address): Promise<void> {
  await using database = await connect(address, { purpose: 'drill' });
  await database.execute(`CREATE TABLE public.${mark} (written_at timestamptz NOT NULL);
    INSERT INTO public.${mark} VALUES (clock_timestamp())`);
}

// Applications are connected when it matters: the swap has to end at least one session.
async function whileVisited<T>(address: Address, work: () => Promise<T>): Promise<T> {
  const visitor = await connect(address, { purpose: 'drill' });
  try {
    return await work();
  } finally {
    await visitor.close().catch(() => {});
  }
}

// The bad change is gone, and what it left is kept where people can look at it.
async function assertRecovered(
  { context }: Project,
  standIn: Address,
  { broken }: RestoreReport,
): Promise<void> {
  await step(context, 'look whether the bad change is gone', async (reporter) => {
    await using live = await connect(standIn, { purpose: 'drill' });
    if (await hasMark(live)) throw notRecovered('it is in the restored database still');
    if (broken === null) throw notRecovered('the broken database was not kept');
    const how = { purpose: 'drill', signal: context.signal };
    await using server = await connect(await maintenanceAddress(standIn), how);
    await using kept = await enterClosed(standIn.withDatabase(broken), server, how);
    if (!(await hasMark(kept))) throw notRecovered('the broken database does not have it either');
    reporter.summary('gone, and kept in the broken database');
  });
}

async function hasMark(database: Database): Promise<boolean> {
  const sql = 'SELECT to_regclass($1) IS NOT NULL AS found';
  return (await database.one<{ found: boolean }>(sql, [`public.${mark}`])).found;
}

// Drops the stand-in, and what the restore of it has left beside it.
async function clearAway(live: Address, family: string): Promise<void> {
  await using server = await connect(await maintenanceAddress(live), { purpose: 'drill' });
  const rows = await server.query<{ name: string }>(
    'SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1)',
    [family],
  );
  for (const { name } of rows)
    await server.execute(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
}

// No other database is called so. Short enough for what a restore adds to it (NAMEDATALEN - 1 bytes;
// manual, 4.1.1).
function standInFamily({ environment, address }: Target): string {
  return `drydock_drill_${sha256(`${environment.name} ${address.label}`).slice(0, 8)}_`;
}

function rounded<T extends Record<string, number>>(times: T): Record<string, number> {
  return Object.fromEntries(Object.entries(times).map(([key, ms]) => [key, Math.round(ms)]));
}

function guarded({ config }: Project, { environment }: Target): Failure {
  const before = environment.after ?? config.environments[0]?.name ?? 'staging';
  return new Failure({
    code: 'drill/guarded',
    message: `${environment.name} is guarded, and a drill takes room and time on its server`,
    hint: `Every apply proves its way back on a server of its own. Drill in the environment before it: drydock drill ${before}`,
  });
}

function notRecovered(why: string): Failure {
  return new Failure({
    code: 'drill/not-recovered',
    message: `the drill did not take the bad change back: ${why}`,
    hint: 'Do not rely on a restore here before this is understood; see what happened with --json.',
  });
}
