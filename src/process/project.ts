// A project at work: its configuration, who is at the keyboard, and how a command reaches one of its
// environments.

import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Config, Environment } from '../config/environment.ts';
import { addressOf, environmentNamed } from '../config/load.ts';
import type { Actor } from '../core/actor.ts';
import type { Context } from '../core/context.ts';
import { Failure } from '../core/failure.ts';
import { withChangeLock } from '../history/change-lock.ts';
import { type Outcome, recorded } from '../history/journal.ts';
import { readLedger } from '../history/ledger.ts';
import { assertMarker, prepareEnvironment } from '../history/marker.ts';
import { type MigrationText, readMigration, readMigrationTexts } from '../migration/file.ts';
import { makePlan, type Plan, parsedPlan } from '../migration/plan.ts';
import type { Address } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { assertOwnSession } from '../postgres/pooling.ts';

/** What every command works with. */
export interface Project {
  readonly config: Config;
  readonly context: Context;
  readonly actor: Actor;
}

/** An environment whose address is known. */
export interface Target {
  readonly environment: Environment;
  readonly address: Address;
}

/** An environment while it is read, by a session that its reader has opened. */
export interface OpenTarget extends Target {
  readonly database: Database;
}

/** The environment of that name, with its address. */
export function targetNamed(project: Project, name: string): Target {
  const environment = environmentNamed(project.config, name);
  return { environment, address: addressOf(environment) };
}

/** Reads an environment: its marker must fit, and the server refuses every write of the session. */
export async function reading<T>(
  project: Project,
  target: Target,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  await using database = await connect(target.address, {
    purpose: 'read',
    signal: project.context.signal,
    readOnly: true,
  });
  await assertMarker(database, target.environment.name);
  return await work(database);
}

/** What a command that touches an environment is called in the journal. */
export interface Deed {
  readonly command: string;
  readonly backup?: string;
  /** Only one command at a time may change an environment. */
  readonly changes: boolean;
}

/**
 * Does something to an environment: Drydock's schema is there and its marker fits, the journal has
 * the beginning and the end, and no other Drydock changes it meanwhile.
 */
export async function doing<T>(
  project: Project,
  target: Target,
  deed: Deed,
  work: () => Promise<Outcome<T>>,
): Promise<T> {
  const { context, actor } = project;
  {
    await using database = await connect(target.address, {
      purpose: deed.command,
      signal: context.signal,
    });
    await assertOwnSession(database);
    await prepareEnvironment(database, target.environment.name, actor);
  }
  const { changes, ...head } = deed;
  const { address } = target;
  const holder = `${deed.command} of ${actor.who}@${actor.host}`;
  return recorded({ ...head, address, actor, clock: context.clock }, () =>
    changes ? withChangeLock(context, { address, holder }, work) : work(),
  );
}

/** What is pending in an environment, up to a file when one is named. */
export async function planFor(project: Project, target: Target, file?: string): Promise<Plan> {
  return parsedPlan(await pendingIn(project, target, { file }));
}

/**
 * The same plan by its digest and names alone, without a look at what its migrations run.
 *
 * @param options with `resumed`, the version of a migration that stopped half-way, whose file may have
 *   been corrected
 */
export async function pendingIn(
  project: Project,
  target: Target,
  { file, resumed }: { readonly file?: string | undefined; readonly resumed?: string | undefined },
): Promise<Plan<MigrationText>> {
  const migrations = readMigrationTexts(project.config.migrations);
  const ledger = await reading(project, target, readLedger);
  return makePlan({
    environment: target.environment.name,
    migrations,
    ledger,
    outOfOrder: target.environment.outOfOrder,
    resumed,
    upTo: file === undefined ? undefined : await versionOfFile(project, file),
  });
}

// A path as the runbook types it (`migrations/008_add.sql`) or the bare name of a file.
async function versionOfFile(project: Project, file: string): Promise<string> {
  const folder = project.config.migrations;
  if (basename(file) !== file && !isSameFolder(dirname(file), folder)) {
    throw new Failure({
      code: 'migration/outside-folder',
      message: `${file} is not in the migrations folder ${folder}`,
      hint: `Move it there, or name its folder as \`migrations\` in the configuration.`,
    });
  }
  return (await readMigration(join(folder, basename(file)))).version;
}

function isSameFolder(a: string, b: string): boolean {
  return existsSync(a) && existsSync(b) && realpathSync(a) === realpathSync(b);
}
