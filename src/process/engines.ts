// Backups by other programs, of whole servers that are too large to dump: asked for, listed with what
// is known of them, and proven by a copy that is made from them.

import { commandEngine } from '../backup/engine/command.ts';
import type { Engine, EngineBackup } from '../backup/engine/engine.ts';
import { pgbackrestEngine } from '../backup/engine/pgbackrest.ts';
import {
  type EngineFigures,
  type EngineProof,
  proveCopy,
  readEngineFigures,
} from '../backup/engine/prove-copy.ts';
import {
  type EngineRecord,
  type RecordPlace,
  readEngineRecords,
  writeEngineRecord,
} from '../backup/engine/record.ts';
import { Failure } from '../core/failure.ts';
import { connect } from '../postgres/connect.ts';
import { serverAccount } from '../sandbox/account.ts';
import { startRestored } from '../sandbox/restored.ts';
import { doing, type Project, type Target, targetNamed } from './project.ts';

/** A backup in the hands of an engine, with what Drydock knows of it. */
export interface KnownEngineBackup extends EngineBackup {
  readonly reason: string | null;
  readonly proof: EngineProof | null;
}

/** What an environment's engine has. */
export interface EngineBackups {
  readonly engine: string;
  /** Newest first. */
  readonly backups: readonly KnownEngineBackup[];
}

/** Has the engine of an environment take a backup, for the journal too. */
export async function backUpByEngine(
  project: Project,
  request: { readonly environment: string; readonly reason: string },
): Promise<EngineRecord> {
  const target = targetNamed(project, request.environment);
  const engine = engineOf(project, target);
  const { context, actor } = project;
  return doing(project, target, { command: 'backup', changes: true }, async () => {
    const startedAt = context.clock.now().toISOString();
    // Before the backup: whatever the copy has by then is at least that.
    const figures = await figuresOf(project, target);
    const backup = await engine.backUp(context);
    const record: EngineRecord = {
      kind: 'engine-backup',
      version: 1,
      plan: null,
      startedAt,
      endedAt: context.clock.now().toISOString(),
      outcome: 'done',
      environment: request.environment,
      engine: engine.label,
      backup,
      reason: request.reason,
      by: actor,
      figures,
      proof: null,
    };
    await writeEngineRecord(placeOf(project, target), record);
    return { result: record, backup: backup.id };
  });
}

/** What the engine of an environment has, newest first. */
export async function engineBackupsOf(
  project: Project,
  environment: string,
): Promise<EngineBackups> {
  const target = targetNamed(project, environment);
  const engine = engineOf(project, target);
  const records = await readEngineRecords(placeOf(project, target));
  const backups = (await engine.list(project.context)).map((backup) => {
    const record = records.find((each) => each.backup.id === backup.id);
    return { ...backup, reason: record?.reason ?? null, proof: record?.proof ?? null };
  });
  return { engine: engine.label, backups };
}

/**
 * Proves a backup of an engine by a copy of it, for the journal too.
 *
 * @throws `engine/no-figures` for one that Drydock did not ask for; `proof/copy-differs`
 */
export async function proveEngineBackup(
  project: Project,
  request: {
    readonly environment: string;
    /** The newest one if left out. */
    readonly backup?: string | undefined;
    /** The copy is as it was then; at the end of the backup if left out. */
    readonly at?: Date | undefined;
  },
): Promise<EngineProof> {
  const target = targetNamed(project, request.environment);
  const engine = engineOf(project, target);
  const place = placeOf(project, target);
  const records = await readEngineRecords(place);
  const wanted = request.backup;
  const record = records.find(({ backup }) => wanted === undefined || backup.id === wanted);
  if (record === undefined) throw noFigures(engine, request);
  const { backup, figures } = record;
  const deed = { command: 'prove', backup: backup.id, changes: false };
  return doing(project, target, deed, async () => {
    const proof = await proveCopy(project.context, { engine, backup, figures, at: request.at });
    await writeEngineRecord(place, { ...record, proof });
    if (proof.outcome !== 'done') throw copyDiffers(proof, request.environment);
    return { result: proof, details: { copyMs: Math.round(proof.copyMs) } };
  });
}

function engineOf({ config }: Project, target: Target): Engine {
  const { name: environment, backupEngine } = target.environment;
  const live = target.address;
  if (backupEngine?.pgbackrest !== undefined) {
    const means = { live, account: serverAccount(), startRestored };
    return pgbackrestEngine(backupEngine.pgbackrest, means);
  }
  if (backupEngine?.command !== undefined) {
    const commands = backupEngine.command;
    return commandEngine({ commands, environment, folder: config.root, live });
  }
  throw new Failure({
    code: 'engine/not-configured',
    message: `${environment} has no other program for its backups`,
    hint: `Name one as environments.${environment}.backups.engine in the configuration, or leave out --engine.`,
  });
}

async function figuresOf({ context }: Project, target: Target): Promise<EngineFigures> {
  await using database = await connect(target.address, {
    purpose: 'backup',
    signal: context.signal,
  });
  return await readEngineFigures(database);
}

function placeOf({ config }: Project, target: Target): RecordPlace {
  return { backups: config.backups, environment: target.environment.name };
}

function noFigures(
  engine: Engine,
  { environment, backup }: { environment: string; backup?: string | undefined },
): Failure {
  return new Failure({
    code: 'engine/no-figures',
    message: `Drydock has not asked ${engine.label} for ${backup === undefined ? 'any backup yet' : `the backup ${backup}`}, so there is nothing to compare a copy with`,
    hint: `Take one with \`drydock backup ${environment} --engine\`, then prove that.`,
  });
}

function copyDiffers(proof: EngineProof, environment: string): Failure {
  const shown = proof.differences.slice(0, 5);
  const more = proof.differences.length - shown.length;
  return new Failure({
    code: 'proof/copy-differs',
    message: `a copy of ${proof.backup} is not what it was taken of: ${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}`,
    hint: `Look at what ${proof.engine} says of it, take a new one with \`drydock backup ${environment} --engine\`, and prove that.`,
    details: { differences: proof.differences },
  });
}
