// Where a rehearsal's copy comes from: a proven backup of this or another environment, the live schema
// with a sample of rows or none, a clone that the team's own command makes, or a template on their server. And what is done to it first: the mask.

import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { copyServerAddress } from '../config/load.ts';
import { step } from '../core/context.ts';
import { Failure, withCleanup } from '../core/failure.ts';
import { install } from '../history/install.ts';
import { readLedger } from '../history/ledger.ts';
import { readMigrations } from '../migration/file.ts';
import { makePlan, type Plan } from '../migration/plan.ts';
import type { Address } from '../postgres/address.ts';
import { loadArchive } from '../postgres/archive.ts';
import { connect } from '../postgres/connect.ts';
import { createDatabaseLike, readProperties } from '../postgres/database-properties.ts';
import { createMissingRoles, readReferencedRoles } from '../postgres/roles.ts';
import { dumpSchema } from '../postgres/schema-dump.ts';
import type { CopyOrigin } from '../rehearsal/report.ts';
import { makeClone } from '../sandbox/clone.ts';
import { createDatabase } from '../sandbox/copy.ts';
import { sampleRows } from '../sandbox/sample/sample-rows.ts';
import { backupNamed, withProvenCopy } from './backing-up.ts';
import { startCopyServer } from './copy-server.ts';
import { type Project, reading, type Target, targetNamed } from './project.ts';

/** A copy that stands ready, and the plan for it. */
export interface ReadyCopy {
  readonly copy: Address;
  readonly origin: CopyOrigin;
  readonly plan: Plan;
}

/** Which copy is wanted. */
export interface CopyRequest {
  readonly plan: Plan;
  /**
   * `schema`, `clone`, `template:NAME`, or an environment whose newest backup is taken; this one's if left
   * out.
   */
  readonly from?: string | undefined;
  /** The most rows of each table that a copy of the schema gets; none if left out. */
  readonly rows?: number | undefined;
  /** Leaves the copy behind when the work is done. */
  readonly keep?: boolean | undefined;
}

/** Makes a copy, masks it where the configuration says so, and works on it. */
export async function withCopy<T>(
  project: Project,
  target: Target,
  request: CopyRequest,
  work: (ready: ReadyCopy) => Promise<T>,
): Promise<T> {
  const masked = async (ready: ReadyCopy): Promise<T> => {
    await mask(project, ready.copy);
    return work(ready);
  };
  if (request.from === 'schema') return fromSchema(project, target, request, masked);
  if (request.from === 'clone') return fromClone(project, target, request, masked);
  const template = /^template:(.+)$/.exec(request.from ?? '')?.[1];
  if (template !== undefined)
    return fromTemplate(project, target, { ...request, template }, masked);
  const source = request.from === undefined ? target : targetNamed(project, request.from);
  const { plan, keep = false } = request;
  const backup = await backupNamed(project, source);
  return withProvenCopy(
    project,
    backup,
    async (copy, _proof, { place }) =>
      masked({
        copy,
        plan: await planForCopy(project, copy, plan),
        origin: { from: 'backup', name: backup.name, place },
      }),
    { keep },
  );
}

// Data of people is taken out before anything else is done with a copy.
async function mask({ config, context }: Project, copy: Address): Promise<void> {
  const file = config.sandbox.mask;
  if (file === undefined) return;
  await step(context, `mask the copy by ${file}`, async () => {
    const sql = await readFile(resolve(config.root, file), 'utf8');
    await using database = await connect(copy, { purpose: 'mask', signal: context.signal });
    await database.execute(sql).catch((failure: unknown) => {
      if (!(failure instanceof Failure)) throw failure;
      throw new Failure({
        code: 'sandbox/mask-failed',
        message: `${file} failed on the copy: ${failure.message}`,
        hint: `Correct ${file}, then type the same command again.`,
        details: failure.details,
        cause: failure,
      });
    });
  });
}

// The ledger has no rows in such a copy, also where the tables have some, so the plan is that of the
// environment.
async function fromSchema<T>(
  project: Project,
  target: Target,
  { plan, rows, keep = false }: CopyRequest,
  work: (ready: ReadyCopy) => Promise<T>,
): Promise<T> {
  const { context } = project;
  const { name } = target.environment;
  const server = await step(context, `copy the schema of ${name}`, async () => {
    const source = await reading(project, target, async (database) => ({
      version: database.version,
      roles: await readReferencedRoles(database),
      properties: await readProperties(database, target.address.database),
    }));
    const { properties } = source;
    if (properties === undefined) throw new Error('a database that was read has no properties');
    const major = Math.floor(source.version / 10_000);
    const started = await startCopyServer(project, { purpose: 'rehearsal', major });
    try {
      await using dumped = await dumpSchema(target.address, source.version, context.signal);
      await using maintenance = await connect(started.address('postgres'), {
        purpose: 'rehearsal',
      });
      const { mark } = started;
      await createMissingRoles(maintenance, source.roles, mark);
      const into = started.address(target.address.database);
      const how = { keepTablespace: false, mark };
      await createDatabaseLike(maintenance, into.database, properties, how);
      await installInto(into);
      await loadArchive(context, {
        archive: dumped,
        into,
        serverVersion: maintenance.version,
        jobs: availableParallelism(),
        keepTablespaces: false,
        onTable: () => {},
      });
      return started;
    } catch (failure) {
      await started.stop();
      throw failure;
    }
  });
  const copy = server.address(target.address.database);
  const { place } = server;
  const origin = { from: 'schema', name, place, ...(rows === undefined ? {} : { rows }) } as const;
  return await withCleanup(
    async () => {
      if (rows !== undefined) await sample(project, target, { copy, rows });
      return await work({ copy, plan, origin });
    },
    () => (keep ? server.keep() : server.stop()),
  );
}

async function sample(
  project: Project,
  target: Target,
  { copy, rows }: { copy: Address; rows: number },
): Promise<void> {
  const { context } = project;
  await step(context, `take a sample of rows of ${target.environment.name}`, async (reporter) => {
    await using into = await connect(copy, { purpose: 'sample', signal: context.signal });
    await reading(project, target, (live) =>
      sampleRows(context, { live, copy: into, most: rows, reporter }),
    );
  });
}

async function fromClone<T>(
  project: Project,
  target: Target,
  { plan, keep = false }: CopyRequest,
  work: (ready: ReadyCopy) => Promise<T>,
): Promise<T> {
  const { config, context } = project;
  const { name } = target.environment;
  const commands = config.sandbox.clone;
  if (commands === undefined) {
    throw new Failure({
      code: 'config/no-clone-command',
      message: 'the configuration has no command that makes a clone',
      hint: "Give sandbox.clone: { create: '…', drop: '…' } in the configuration, or leave out --from clone.",
    });
  }
  const folder = config.root;
  const live = target.address;
  const clone = await makeClone(context, { commands, environment: name, folder, live });
  const origin = { from: 'clone', name: clone.address.label, place: 'server' } as const;
  const copy = clone.address;
  return await withCleanup(
    async () => work({ copy, plan: await planForCopy(project, copy, plan), origin }),
    async () => {
      if (!keep) await clone.drop();
    },
  );
}

async function fromTemplate<T>(
  project: Project,
  target: Target,
  { plan, template, keep = false }: CopyRequest & { readonly template: string },
  work: (ready: ReadyCopy) => Promise<T>,
): Promise<T> {
  const { config, context } = project;
  if (copyServerAddress(config) === undefined) throw noTemplates(template);
  const version = await reading(project, target, async (database) => database.version);
  const major = Math.floor(version / 10_000);
  const server = await startCopyServer(project, { purpose: 'rehearsal', major });
  const copy = server.address(target.address.database);
  const { place, mark } = server;
  const origin = { from: 'template', name: template, place } as const;
  return await withCleanup(
    async () => {
      await step(context, `copy the template ${template}`, () =>
        createDatabase(server, { name: copy.database, template, mark }),
      );
      return await work({ copy, plan: await planForCopy(project, copy, plan), origin });
    },
    () => (keep ? server.keep() : server.stop()),
  );
}

function noTemplates(template: string): Failure {
  return new Failure({
    code: 'config/no-copy-server',
    message: `the template ${template} is on no server: the configuration names none for copies`,
    hint: "Give sandbox: { server: env('COPIES_DATABASE_URL') } in the configuration, or leave out --from template.",
  });
}

// A backup from before earlier applies lacks their migrations too: the copy gets all that it lacks.
async function planForCopy(project: Project, copy: Address, plan: Plan): Promise<Plan> {
  await using database = await connect(copy, { purpose: 'rehearsal' });
  return makePlan({
    environment: plan.environment,
    migrations: await readMigrations(project.config.migrations),
    ledger: await readLedger(database),
    outOfOrder: 'allow',
    upTo: plan.pending.at(-1)?.migration.version,
  });
}

// Triggers of a plan that is kept for undo call what stands there.
async function installInto(copy: Address): Promise<void> {
  await using database = await connect(copy, { purpose: 'rehearsal' });
  await install(database);
}
