// The library's public face: the process as functions, for programs that drive it themselves.

export type { Backup, Manifest, Proof } from './backup/manifest.ts';
export type { Config, Environment } from './config/environment.ts';
export {
  type ConfigInput,
  defineConfig,
  type EnvironmentInput,
  type EnvReference,
  env,
} from './config/input.ts';
export { loadConfig } from './config/load.ts';
export { type Actor, currentActor } from './core/actor.ts';
export { type Context, quietContext, type StepEvent } from './core/context.ts';
export { type DatabaseState, Failure, stateSentence } from './core/failure.ts';
export { type CheckedFile, check } from './lint/check.ts';
export type { CheckReport, Finding } from './lint/finding.ts';
export { backUpEnvironment, proveBackup } from './process/backing-up.ts';
export type { ChangeReport } from './process/change-report.ts';
export { type DrillReport, drillRecovery } from './process/drill.ts';
export type { Emergency } from './process/emergency.ts';
export {
  backUpByEngine,
  type EngineBackups,
  engineBackupsOf,
  proveEngineBackup,
} from './process/engines.ts';
export { type EnvironmentStatus, historyOf, statusOf } from './process/outlook.ts';
export { type Preflight, preflightChange } from './process/preflight.ts';
export type { Project } from './process/project.ts';
export { type RecoverHands, type RecoverReport, recoverEnvironment } from './process/recover.ts';
export { rehearseChange } from './process/rehearsals.ts';
export { deployRelease, lookAtHealth, rollBackRelease } from './process/releases.ts';
export { restoreEnvironment } from './process/restoring.ts';
export { exportEvidence, importEvidence } from './process/soak-evidence.ts';
export type { JudgedGate, Waiver } from './promotion/gate.ts';
export type { RehearsalReport } from './rehearsal/report.ts';
export type { RestoreReport } from './restore/restore.ts';
export {
  type Answers,
  applyChange,
  type ChangeRequest,
} from './safe-change.ts';
