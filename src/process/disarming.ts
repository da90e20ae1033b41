// Giving a rescue up: always possible, also after a kill, and at every state that a killed command leaves.

import { type Context, step } from '../core/context.ts';
import { Failure } from '../core/failure.ts';
import {
  endRescue,
  type RescueRun,
  readOpenRescue,
  rescuePublication,
} from '../history/rescue-runs.ts';
import { quoteIdentifier } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { openFence } from '../rescue/fence.ts';
import { takeMarks } from '../rescue/marks.ts';
import { dropSlots, slotName } from '../rescue/slots.ts';
import { giveUpLog, unwatch } from '../rescue/watch.ts';
import { maintenanceAddress } from '../restore/maintenance.ts';
import { nameBeside } from '../restore/names.ts';
import { expectSchemaNow } from './drift.ts';
import { doing, type Project, reading, type Target, targetNamed } from './project.ts';
import { isUnsettled, settle } from './settling.ts';
import { inTurnOn } from './with-care.ts';

/**
 * Gives the way back up, for the journal too. Always possible, also after a kill.
 *
 * @throws `rescue/not-armed`
 */
export async function disarmEnvironment(
  project: Project,
  request: { readonly environment: string; readonly reason?: string | undefined },
): Promise<DisarmReport> {
  const target = targetNamed(project, request.environment);
  await openDoor(project.context, target);
  const found = await reading(project, target, async (database) => ({
    run: await readOpenRescue(database),
    isMarked: await hasMarks(database),
    isUnsettled: await isUnsettled(database),
  }));
  if (found.isUnsettled) await settle(project, target);
  else if (found.run === undefined && !found.isMarked) throw notArmed(request.environment);
  return doing(project, target, { command: 'disarm', changes: true }, async () => {
    const report = await disarm(project, target, request.reason ?? null);
    return { result: report, details: { ...report } };
  });
}

/** What was given up. */
export interface DisarmReport {
  readonly environment: string;
  /** The database beside the live one that was dropped; null: there was none. */
  readonly copy: string | null;
}

/** Gives it up as a part of a larger command: first of all what holds the log, or writes it. */
export async function disarm(
  project: Project,
  target: Target,
  reason: string | null,
): Promise<DisarmReport> {
  const { context, actor } = project;
  const { environment, address } = target;
  return await step(context, `disarm ${environment.name}`, async () => {
    await using database = await connect(address, { purpose: 'disarm' });
    const run = await readOpenRescue(database);
    await dropSlots(database, run?.slot);
    if (run?.capture === 'triggers') await giveUpLog(database);
    const copy = run === undefined ? null : await dropCopy(target, run);
    await takeMarksAway(context, target, run);
    const by = `${actor.who}@${actor.host}`;
    await endRescue(database, { state: 'disarmed', by, reason });
    await expectSchemaNow(target);
    return { environment: environment.name, copy };
  });
}

/** Takes triggers, publication and identities of an armed database away. */
async function takeMarksAway(
  context: Context,
  { address, environment }: Target,
  run: RescueRun | undefined,
): Promise<void> {
  await using database = await connect(address, { purpose: 'disarm' });
  // In a database that was restored since, every table has another number.
  const { oid } = await database.one<{ oid: string }>(
    'SELECT oid::text FROM pg_database WHERE datname = current_database()',
  );
  const isMoved = run !== undefined && run.slot !== slotName(oid);
  const inTurn = inTurnOn(context, address, { what: 'disarm', policy: environment.apply });
  const statements = await takeMarks(
    database,
    run ?? { identities: [] },
    isMoved ? 'name' : 'number',
  );
  for (const statement of statements) await inTurn([statement], async () => {});
}

async function hasMarks(database: Database): Promise<boolean> {
  const rows = await database.query('SELECT FROM pg_publication WHERE pubname = $1', [
    rescuePublication,
  ]);
  return rows.length > 0 || (await unwatch(database)).length > 0;
}

async function dropCopy({ address }: Target, { copy }: RescueRun): Promise<string | null> {
  await using server = await connect(await maintenanceAddress(address), { purpose: 'disarm' });
  const rows = await server.query('SELECT FROM pg_database WHERE datname = $1', [copy]);
  if (rows.length === 0) return null;
  await server.execute(`DROP DATABASE ${quoteIdentifier(copy)} WITH (FORCE)`);
  return copy;
}

/** A rescue that was killed behind its fence has left the database closed: opens it. */
export async function openDoor(context: Context, { address }: Target): Promise<void> {
  await using server = await connect(await maintenanceAddress(address), { purpose: 'rescue' });
  const rows = await server.query(
    `SELECT FROM pg_database d WHERE datname = $1 AND NOT datallowconn
        AND (EXISTS (SELECT FROM pg_replication_slots s WHERE s.slot_name = 'drydock_rescue_' || d.oid)
             OR EXISTS (SELECT FROM pg_database c WHERE starts_with(c.datname, $2) AND c.datname ~ '_\\d{8}_\\d{6}$'))`,
    [address.database, copyNamesOf(address.database)],
  );
  if (rows.length === 0) return;
  await openFence(server, address.database);
  const text = `${address.database} was closed by a rescue that did not come to its end; it is open again.`;
  context.emit({ kind: 'note', text });
}

// Where triggers capture there is no slot; but the copy is there when the database is closed.
function copyNamesOf(database: string): string {
  return nameBeside(database, '_rescue_00000000_000000').slice(0, -15);
}

/** The failure where nothing is armed. */
export function notArmed(environment: string): Failure {
  return new Failure({
    code: 'rescue/not-armed',
    message: `${environment} is not armed: what was written since the last change cannot be played again`,
    hint: `The other ways back: drydock recover ${environment}. Before the next change: drydock arm ${environment}, or \`rescue: 'warm'\` in the configuration.`,
  });
}
