// The document that each command prints with `--json`. The one place of truth: the compiler holds the
// commands to these types, and script/json-schemas.mjs makes the published schemas of them.

import type { EngineProof } from '../backup/engine/prove-copy.ts';
import type { EngineRecord } from '../backup/engine/record.ts';
import type { Manifest, Proof } from '../backup/manifest.ts';
import type { PruneReport } from '../backup/prune.ts';
import type { DatabaseState } from '../core/failure.ts';
import type { Pause } from '../history/batches.ts';
import type { HealthSample } from '../history/health-samples.ts';
import type { JournalRow } from '../history/journal.ts';
import type { CheckReport } from '../lint/finding.ts';
import type { FixedFile } from '../lint/fix/fix-files.ts';
import type { SchemaSnapshot } from '../lint/snapshot.ts';
import type { AdoptReport, ResignReport } from '../process/acceptance.ts';
import type { ApprovalReport } from '../process/approving.ts';
import type { ArmReport } from '../process/arming.ts';
import type { ChangeReport } from '../process/change-report.ts';
import type { DisarmReport } from '../process/disarming.ts';
import type { DrillReport } from '../process/drill.ts';
import type { EngineBackups } from '../process/engines.ts';
import type { FinalizeReport } from '../process/finalizing.ts';
import type { FreezeReport } from '../process/freezing.ts';
import type { DecisionReport } from '../process/half-done.ts';
import type { PlacedBackups } from '../process/keeping.ts';
import type { MonitorReport } from '../process/monitor/monitor.ts';
import type { EnvironmentStatus } from '../process/outlook.ts';
import type { RecoverReport } from '../process/recover.ts';
import type { RescueReport } from '../process/rescuing.ts';
import type { EvidenceReport } from '../process/soak-evidence.ts';
import type { UndoReport } from '../process/undoing.ts';
import type { JudgedGate } from '../promotion/gate.ts';
import type { RehearsalReport } from '../rehearsal/report.ts';
import type { DeployReport, RollbackReport } from '../release/deploy.ts';
import type { DroppableDatabase } from '../restore/drop-broken.ts';
import type { RestoreReport } from '../restore/restore.ts';
import type { RestoreBesideReport } from '../restore/restore-beside.ts';
import type { RestoreElsewhereReport } from '../restore/restore-elsewhere.ts';
import type { RestoreTablesReport } from '../restore/restore-tables.ts';
import type { SalvageReport } from '../restore/salvage.ts';
import type { Scene } from './demo/director.ts';
import type { ScaffoldedFile } from './init/scaffold.ts';

interface OfEnvironment {
  readonly environment: string;
}

/** What `data` holds, by command. */
export interface Documents {
  readonly demo: {
    readonly scenes: readonly Scene[];
    readonly totalMs: number;
    readonly folder: string;
  };
  readonly init: { readonly files: readonly ScaffoldedFile[] };
  readonly new: { readonly path: string };
  readonly check: CheckReport & {
    /** What `--fix` mended. */
    readonly fixed?: readonly FixedFile[];
  };
  readonly apply: ChangeReport | DecisionReport | DryRun;
  readonly backup: { readonly file: string; readonly manifest: Manifest } | EngineRecord;
  readonly backups: OfEnvironment & (PlacedBackups | EngineBackups);
  readonly prove: { readonly backup: string; readonly proof: Proof } | EngineProof;
  readonly rehearse:
    | RehearsalReport
    | {
        /** Kept copies that `--drop-kept` dropped. */
        readonly dropped: number;
      };
  readonly preflight: DryRun & { readonly status: readonly EnvironmentStatus[] };
  readonly approve: ApprovalReport;
  readonly 'evidence export': EvidenceReport;
  readonly 'evidence import': EvidenceReport;
  readonly freeze: FreezeReport;
  readonly unfreeze: FreezeReport;
  readonly deploy: DeployReport;
  readonly health: OfEnvironment & HealthSample;
  readonly monitor: MonitorReport;
  readonly status: { readonly environments: readonly EnvironmentStatus[] };
  readonly history: OfEnvironment & {
    readonly entries: readonly JournalRow[];
    /** Number of the first entry that does not fit the hash chain; null when it is whole. */
    readonly brokenAt: number | null;
  };
  /** Null: batches are not paused. */
  readonly pause: OfEnvironment & { readonly pause: Pause | null };
  readonly resume: OfEnvironment & { readonly ended: Pause | null };
  readonly resign: ResignReport;
  readonly adopt: AdoptReport;
  readonly drill: DrillReport;
  readonly recover: RecoverReport;
  readonly undo: UndoReport;
  readonly finalize: FinalizeReport;
  /** Null where it was armed already, and followed. */
  readonly arm: ArmReport | null;
  readonly rescue: RescueReport;
  readonly disarm: DisarmReport;
  readonly restore:
    | RestoreReport
    | RestoreBesideReport
    | RestoreElsewhereReport
    | RestoreTablesReport;
  readonly rollback: RollbackReport;
  readonly salvage: SalvageReport;
  readonly 'drop-broken': OfEnvironment & {
    /** Null when nobody said yes. */
    readonly dropped: DroppableDatabase | null;
  };
  readonly prune: OfEnvironment & {
    readonly verdicts: readonly {
      readonly name: string;
      readonly fate: 'keep' | 'delete';
      readonly reason: string;
    }[];
    /** Null when nothing was removed. */
    readonly report: PruneReport | null;
  };
  readonly 'schema snapshot': SchemaSnapshot;
}

/** The plan and the gates; nothing was changed. */
export interface DryRun extends OfEnvironment {
  readonly plan: ChangeReport['plan'];
  /** Why undo cannot take the plan back although it is on, with statement and line. */
  readonly notKept: readonly string[];
  /** Empty when nothing is pending. */
  readonly gates: readonly JudgedGate[];
  readonly health: HealthSample | null;
}

/** Why a command could not be done. */
export interface FailureDocument {
  /** `area/what`, stable for ever; `bug` for a bug in Drydock. */
  readonly code: string;
  /** The state of the database, in a sentence. */
  readonly state: string;
  readonly message: string;
  /** What to type next. */
  readonly hint: string | null;
  readonly databaseState: DatabaseState;
  readonly details: Readonly<Record<string, unknown>>;
}
