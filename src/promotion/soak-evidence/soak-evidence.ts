// What an environment showed, as a signed file: for a machine that reaches the next environment and not this
// one. It holds names, digests, times and verdicts of probes, and no row of a table.

import { canonicalJson, sha256 } from '../../core/digest.ts';
import { formatDuration } from '../../core/duration.ts';
import { Failure } from '../../core/failure.ts';
import type { HealthSample } from '../../history/health-samples.ts';
import type { Migration } from '../../migration/file.ts';
import type { EnvironmentState } from '../evidence.ts';
import { missingFrom } from '../migrations-in-force.ts';

/** What is signed. */
export interface SoakEvidence {
  readonly kind: 'soak-evidence';
  readonly version: 2;
  /** The id that the marker of the database carries. */
  readonly databaseId: string;
  readonly state: EnvironmentState;
}

/** The file: the evidence, its digest, and the signature of {@link signedText}. */
interface EvidenceFile {
  readonly evidence: unknown;
  readonly sha256: string;
  readonly signature: string;
}

/** The longest that a machine may go on with what was seen before. */
const freshMs = 24 * 3_600_000;
/** Clocks of two servers may differ by so much. */
const skewMs = 5 * 60_000;

/** The text that the key signs. */
export function signedText(evidence: unknown): string {
  return `drydock evidence\n${canonicalJson(evidence)}\n`;
}

/** The file's text. */
export function evidenceFile(evidence: SoakEvidence, signature: string): string {
  const digest = sha256(canonicalJson(asJson(evidence)));
  return `${JSON.stringify({ evidence, sha256: digest, signature }, undefined, 1)}\n`;
}

/**
 * Reads a file; whether its signature holds is for the caller to see.
 *
 * @throws `evidence/unreadable`, `evidence/changed`
 */
export function readEvidenceFile(
  text: string,
  name: string,
): { readonly evidence: SoakEvidence; readonly signedText: string; readonly signature: string } {
  const file = parsed(text);
  if (file === undefined) {
    throw new Failure({
      code: 'evidence/unreadable',
      message: `${name} is no evidence file of this Drydock`,
      hint: 'Write one where the environment can be reached: drydock evidence export staging -o FILE --key KEY',
    });
  }
  const { evidence, signature } = file;
  if (sha256(canonicalJson(evidence)) !== file.sha256) throw changed(name);
  return { evidence: withDates(evidence), signedText: signedText(evidence), signature };
}

/** The failure for a file that is not the one that was signed. */
export function changed(name: string): Failure {
  return new Failure({
    code: 'evidence/changed',
    message: `${name} is not as it was signed: something in it was changed`,
    hint: 'Bring it over again, or write a new one: drydock evidence export staging -o FILE --key KEY',
  });
}

/** What a file is wanted for. */
export interface Wanted {
  /** The environment that the evidence must be of. */
  readonly environment: string;
  /** The id of the database that is to be changed: it cannot vouch for itself. */
  readonly databaseId: string | undefined;
  readonly migrations: readonly Migration[];
  readonly now: Date;
}

/**
 * Refuses evidence that is of another environment, too old, or not about the plan.
 *
 * @throws `evidence/other-environment`, `evidence/too-old`, `evidence/not-yet`, `evidence/other-plan`
 */
export function assertServes({ state, databaseId }: SoakEvidence, wanted: Wanted): void {
  const { environment, migrations, now } = wanted;
  const again = `Write a new one: drydock evidence export ${environment} -o FILE --key KEY`;
  const refused = (code: string, message: string): Failure =>
    new Failure({ code: `evidence/${code}`, message, hint: again });
  if (state.name !== environment) {
    throw refused('other-environment', `the evidence is of ${state.name}, not of ${environment}`);
  }
  if (databaseId === wanted.databaseId) {
    const message = `the evidence of ${environment} is of the very database that is to be changed`;
    throw refused('other-environment', message);
  }
  const ageMs = now.getTime() - state.seenAt.getTime();
  if (ageMs > freshMs) {
    const limit = formatDuration(freshMs);
    throw refused('too-old', `the evidence is ${formatDuration(ageMs)} old, ${limit} at most`);
  }
  if (ageMs < -skewMs) {
    const message = `the evidence was written in the future, ${formatDuration(-ageMs)} from now by the clock of the server`;
    throw refused('not-yet', message);
  }
  const missing = missingFrom(state.ledger, migrations);
  if (missing.length > 0) {
    const message = `the evidence is of another plan: ${environment} did not have ${missing.join(', ')} with the content of now`;
    throw refused('other-plan', message);
  }
}

/** Samples as they are kept in a file: of a green one, that it was green is enough. */
export function brief(samples: readonly HealthSample[]): readonly HealthSample[] {
  return samples.map((sample) => ({
    ...sample,
    probes: sample.probes.filter(({ healthy }) => !healthy),
  }));
}

function parsed(text: string): EvidenceFile | undefined {
  try {
    const file = JSON.parse(text) as EvidenceFile & {
      readonly evidence: { readonly kind: unknown; readonly version: unknown };
    };
    const { kind, version } = file.evidence;
    const isOne = kind === 'soak-evidence' && version === 2 && typeof file.signature === 'string';
    return isOne ? file : undefined;
  } catch {
    return undefined;
  }
}

const moments: readonly string[] = ['at', 'seenAt', 'appliedAt'];

function withDates(evidence: unknown): SoakEvidence {
  return JSON.parse(JSON.stringify(evidence), (key, value: unknown) =>
    moments.includes(key) && typeof value === 'string' ? new Date(value) : value,
  ) as SoakEvidence;
}

function asJson(evidence: SoakEvidence): unknown {
  return JSON.parse(JSON.stringify(evidence));
}
