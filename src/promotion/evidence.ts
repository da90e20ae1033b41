// Everything that the gates judge, gathered before they are asked. Gates read this and nothing else.

import type { Environment } from '../config/environment.ts';
import type { Freeze } from '../history/freeze.ts';
import type { HealthSample } from '../history/health-samples.ts';
import type { LedgerRow } from '../history/ledger.ts';
import type { ChangeByHand } from '../history/schema-look.ts';
import type { Finding } from '../lint/finding.ts';
import type { Migration } from '../migration/file.ts';
import type { LongTransaction } from '../postgres/long-transactions.ts';
import type { RehearsalReport } from '../rehearsal/report.ts';

/** A drill of the whole recovery. */
export interface Drill {
  readonly at: Date;
  readonly recoveryMs: number;
}

/** What was seen of an environment over a time. */
export interface Looks {
  /** Health samples since the oldest migration of the plan was applied there. */
  readonly samples: readonly HealthSample[];
  /** Changes of the schema by hand that were noticed since then, those that were taken back among them. */
  readonly changesByHand: readonly ChangeByHand[];
  /** When all this was seen, by the clock of the environment's own server. */
  readonly seenAt: Date;
}

/** What an earlier environment shows. */
export interface EnvironmentState extends Looks {
  readonly name: string;
  readonly ledger: readonly LedgerRow[];
  /** Fingerprint of the schema as it is now. */
  readonly fingerprint: string;
  /** Fingerprint that the last apply left behind; undefined when none was recorded. */
  readonly fingerprintAfterApply: string | undefined;
  /** The newest drill there; null when there was none. */
  readonly drill: Drill | null;
  /** True where a signed file of evidence says so: it tells nothing of the time since. */
  readonly isSignedFile?: boolean;
}

/** A backup that can be restored, because it was. */
export interface ProvenBackup {
  readonly file: string;
  readonly takenAt: Date;
  readonly restoreMs: number;
}

/** A person's word that the team knows, or a message to it. */
export interface TeamNotice {
  readonly by: string;
  readonly at: Date;
  /** False when no webhook took the message. */
  readonly delivered: boolean;
}

/** What the environment that is to be changed shows. */
export interface TargetState {
  /** The environment that the database says it is; undefined where Drydock has never been. */
  readonly marker: string | undefined;
  readonly freeze: Freeze | null;
  /** Transactions of others that are open for a minute or longer. */
  readonly transactions: readonly LongTransaction[];
  /** What of the schema is not as the last apply left it, in words. */
  readonly drift: readonly string[];
}

/** The room that a change needs, as far as it can be seen. */
export interface DiskEvidence {
  readonly backups: {
    readonly folder: string;
    /** Null: it cannot be seen. */
    readonly freeBytes: number | null;
    readonly neededBytes: number;
  };
  /** The disk of the server's data; null where it is on another machine, or is not told to this role. */
  readonly server: {
    readonly folder: string;
    readonly freeBytes: number;
    readonly reserveBytes: number;
  } | null;
}

/** The evidence for one promotion. Null: looked for and not there. */
export interface PromotionEvidence {
  /** The time for which it is judged, by the clock of the server that is to be changed. */
  readonly now: Date;
  /** How far that is ahead of the present, as before a wait; else 0. */
  readonly aheadMs: number;
  readonly environment: Environment;
  readonly migrations: readonly Migration[];
  readonly findings: readonly Finding[];
  readonly target: TargetState;
  /** The others who approved this plan for this database. */
  readonly approvedBy: readonly string[];
  /** The first environment of the order, where people try things. */
  readonly local: EnvironmentState | null;
  /** The environment that this one comes after. */
  readonly before: EnvironmentState | null;
  readonly notice: TeamNotice | null;
  /** The application's health now, by the address that the monitoring will use. */
  readonly health: HealthSample | null;
  readonly backup: ProvenBackup | null;
  readonly disk: DiskEvidence;
  /** What a restore would be refused for at this moment; null when nothing stands in its way. */
  readonly restoreObstacle: { readonly reason: string; readonly remedy: string } | null;
  readonly rehearsal: RehearsalReport | null;
}
