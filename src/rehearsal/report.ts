// What a rehearsal tells: each statement with what it really did, and the parts that were looked at
// around the plan. JSON-serialisable throughout.

import type { Evidence } from '../core/evidence.ts';
import type { Forecast } from './forecast.ts';
import type { LoadReport } from './load/report.ts';
import type { HeldLock } from './locks.ts';
import type { TableChange } from './observe-tables.ts';
import type { OldCodeResult, QueriesReport } from './queries/report.ts';
import type { JudgedCheck } from './report-findings.ts';
import type { RehearsedStatement } from './statement.ts';
import type { WayBack } from './way-back/report.ts';

/** What the copy was made of, and where it was. */
export interface CopyOrigin {
  readonly from: 'backup' | 'schema' | 'clone' | 'template';
  /** The backup's name, the environment, the address of a clone, the template: what people call it. */
  readonly name: string;
  /** `memory` and `disk`: on a throw-away server here; `server`: on the configured one, or where a command made the clone. */
  readonly place: 'memory' | 'disk' | 'server';
  /** The most rows of each table, of a copy that was made of a schema and a sample. */
  readonly rows?: number;
}

/** What was looked at around the plan. A part is there when it was asked for and could be had. */
export interface RehearsalParts {
  /** Tables whose rows or size the plan changed. */
  readonly tables?: readonly TableChange[];
  /** What the environment would feel. */
  readonly forecast?: Forecast;
  /** What must not reach the environment, as sentences: over budget, rows that are gone. */
  readonly problems?: readonly string[];
  /** The findings of the check, held against what was seen. */
  readonly check?: JudgedCheck;
  /** Whether the application's queries still work. */
  readonly queries?: QueriesReport;
  /** What the project's own command said. */
  readonly oldCode?: OldCodeResult;
  readonly wayBack?: WayBack;
  /** Why undo cannot take the plan back although it is on, with statement and line. */
  readonly notKept?: readonly string[];
  /** What sessions waited for while the plan ran. */
  readonly load?: LoadReport;
}

/** The evidence of a rehearsal. */
export interface RehearsalReport extends Evidence, RehearsalParts {
  readonly kind: 'rehearsal';
  readonly environment: string;
  readonly copy: CopyOrigin;
  /** `server_version_num` of the server that the copy was on. */
  readonly serverVersion: number;
  readonly statements: readonly RehearsedStatement[];
  readonly totalMs: number;
  /** The blocking lock that was held longest; null when no lock blocked anybody. */
  readonly longestBlock: HeldLock | null;
}
