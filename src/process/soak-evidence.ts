// Evidence of an environment in a signed file: written where it can be reached, brought to the journal of a
// later environment, and used by its gates where the environment itself cannot be read.

import { readFile } from 'node:fs/promises';
import type { Environment } from '../config/environment.ts';
import { environmentNamed } from '../config/load.ts';
import { Failure } from '../core/failure.ts';
import { writeNewFile } from '../core/write-file.ts';
import { detailOf, type JournalRow } from '../history/journal.ts';
import { readDatabaseId } from '../history/marker.ts';
import type { Plan } from '../migration/plan.ts';
import { serverTime } from '../postgres/server-time.ts';
import { isByAllowedKey, signerOf, signText } from '../promotion/approval/ssh.ts';
import type { EnvironmentState } from '../promotion/evidence.ts';
import { readState } from '../promotion/gather.ts';
import {
  assertServes,
  brief,
  changed,
  evidenceFile,
  readEvidenceFile,
  type SoakEvidence,
  signedText,
} from '../promotion/soak-evidence/soak-evidence.ts';
import {
  doing,
  type OpenTarget,
  type Project,
  planFor,
  reading,
  type Target,
  targetNamed,
} from './project.ts';

/** What was written, or brought over. */
export interface EvidenceReport {
  readonly environment: string;
  /** ISO 8601: when the environment was looked at. */
  readonly seenAt: string;
  readonly file: string;
  readonly migrations: number;
  readonly samples: number;
  /** Null where it was written: who signed it is seen where it is read. */
  readonly signer: string | null;
  /** The environment whose journal has it now; null where it was written. */
  readonly into: string | null;
}

// Ties a signature to this use: one for an approval, or for git, is none here.
const namespace = 'evidence@drydock';
const hourMs = 3_600_000;

/** Writes what an environment shows now into a new file, signed. */
export async function exportEvidence(
  project: Project,
  request: { readonly environment: string; readonly file: string; readonly keyFile: string },
): Promise<EvidenceReport> {
  const { context, config } = project;
  const target = targetNamed(project, request.environment);
  const soaks = config.environments.map(({ soakMs }) => soakMs);
  const shownMs = 2 * Math.max(24 * hourMs, ...soaks);
  const { clock } = context;
  const { databaseId, state } = await reading(project, target, async (database) => {
    const now = await clock.ofServer(() => serverTime(database));
    const samplesSince = new Date(now.getTime() - shownMs);
    return {
      databaseId: await readDatabaseId(database),
      state: await readState(database, { name: request.environment, samplesSince, clock }),
    };
  });
  if (databaseId === undefined) throw nothingToShow(request.environment);
  const evidence: SoakEvidence = {
    kind: 'soak-evidence',
    version: 2,
    databaseId,
    state: { ...state, samples: brief(state.samples) },
  };
  const signature = await signText(signedText(JSON.parse(JSON.stringify(evidence))), {
    keyFile: request.keyFile,
    namespace,
  });
  writeNewFile(request.file, evidenceFile(evidence, signature));
  return { ...about(evidence), file: request.file, signer: null, into: null };
}

/**
 * Looks at a file of evidence, and keeps it in the journal of the environment that it is for.
 *
 * @throws `evidence/…`, each with its reason
 */
export async function importEvidence(
  project: Project,
  request: { readonly file: string; readonly into?: string | undefined },
): Promise<EvidenceReport> {
  const text = await readFile(request.file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Failure({
      code: 'usage/cannot-read',
      message: `cannot read ${request.file}: ${error.code}`,
      hint: 'Look at its path and its rights, then type the same command again.',
    });
  });
  const read = readEvidenceFile(text, request.file);
  const target = targetNamed(project, request.into ?? laterThan(project, read.evidence.state.name));
  const signer = await signerNamed(target, read, request.file);
  const plan = await planFor(project, target);
  const { evidence } = read;
  await reading(project, target, (database) =>
    assertWanted(project, { ...target, database }, { evidence, plan }),
  );
  return doing(project, target, { command: 'evidence', changes: false }, async () => ({
    result: { ...about(read.evidence), file: request.file, signer, into: target.environment.name },
    plan: plan.digest,
    details: { environment: read.evidence.state.name, by: signer, file: text },
  }));
}

/**
 * What imported files show of environments that cannot be read, by name: the newest of each that serves this
 * plan. Each is looked at anew, for a journal can be written to by others.
 */
export async function importedStates(
  project: Project,
  target: OpenTarget,
  { plan, journal }: { readonly plan: Plan; readonly journal: readonly JournalRow[] },
): Promise<ReadonlyMap<string, EnvironmentState>> {
  const found = new Map<string, EnvironmentState>();
  for (const { entry } of journal) {
    const text = detailOf(entry, 'file');
    if (entry.command !== 'evidence' || entry.plan !== plan.digest || text === undefined) continue;
    if (found.has(detailOf(entry, 'environment') ?? '')) continue;
    const state = await stateIn(project, target, { plan, text }).catch(() => undefined);
    if (state !== undefined) found.set(state.name, state);
  }
  return found;
}

async function stateIn(
  project: Project,
  target: OpenTarget,
  { plan, text }: { readonly plan: Plan; readonly text: string },
): Promise<EnvironmentState> {
  const read = readEvidenceFile(text, 'the evidence in the journal');
  await signerNamed(target, read, 'the evidence in the journal');
  await assertWanted(project, target, { evidence: read.evidence, plan });
  return { ...read.evidence.state, isSignedFile: true };
}

async function assertWanted(
  project: Project,
  target: OpenTarget,
  { evidence, plan }: { readonly evidence: SoakEvidence; readonly plan: Plan },
): Promise<void> {
  const earlier = namesBefore(project, target);
  const { name } = evidence.state;
  const own = {
    databaseId: await readDatabaseId(target.database),
    now: await project.context.clock.ofServer(() => serverTime(target.database)),
  };
  assertServes(evidence, {
    environment: earlier.includes(name) ? name : (target.environment.after ?? ''),
    migrations: plan.pending.map(({ migration }) => migration),
    ...own,
  });
}

async function signerNamed(
  { environment }: Target,
  read: { readonly signedText: string; readonly signature: string },
  file: string,
): Promise<string> {
  const { name, evidenceSigners } = environment;
  if (evidenceSigners === undefined) {
    throw new Failure({
      code: 'config/no-signers',
      message: `${name} names nobody whose evidence counts`,
      hint: `Give environments.${name}.evidence.allowedSigners in the configuration: a file of ssh's allowed signers.`,
    });
  }
  const { signedText: text, signature } = read;
  const signer = await signerOf(text, { signature, allowedSigners: evidenceSigners, namespace });
  if (signer !== undefined) return signer;
  if (await isByAllowedKey({ signature, allowedSigners: evidenceSigners, namespace }))
    throw changed(file);
  throw new Failure({
    code: 'evidence/unknown-signer',
    message: `${file} is signed with a key that ${evidenceSigners} does not name`,
    hint: 'Have it signed by one of those people, or let somebody add the key to that file.',
  });
}

// The guarded environment that a plan goes to from here, else the next one.
function laterThan({ config }: Project, name: string): string {
  const { environments } = config;
  environmentNamed(config, name);
  const later = environments.slice(environments.findIndex((each) => each.name === name) + 1);
  const into = later.find(({ guarded }) => guarded) ?? later.find(({ after }) => after === name);
  if (into !== undefined) return into.name;
  throw new Failure({
    code: 'usage/no-later-environment',
    message: `no environment comes after ${name}`,
    hint: 'Name the one that the evidence is for: drydock evidence import FILE ENVIRONMENT',
  });
}

function namesBefore({ config }: Project, { environment }: Target): readonly string[] {
  const at = config.environments.findIndex(({ name }: Environment) => name === environment.name);
  return config.environments.slice(0, at).map(({ name }) => name);
}

function about({
  state,
}: SoakEvidence): Pick<EvidenceReport, 'environment' | 'seenAt' | 'migrations' | 'samples'> {
  return {
    environment: state.name,
    seenAt: state.seenAt.toISOString(),
    migrations: state.ledger.length,
    samples: state.samples.length,
  };
}

function nothingToShow(environment: string): Failure {
  return new Failure({
    code: 'evidence/nothing-to-show',
    message: `Drydock has never been in the database of ${environment}`,
    hint: `Bring it up to date first: drydock apply ${environment}`,
  });
}
