// What a rule is: facts about a hazard, and one pure function that finds it in a statement.

import type { AlterTableType } from '@pgsql/types';
import type { SyntaxProblem } from '../postgres/parser.ts';
import type { SqlComment } from '../postgres/sql-text.ts';
import type { LockMode } from '../postgres/table-lock.ts';
import type { Concern, Fix, Severity, Work } from './finding.ts';
import type { SchemaModel } from './model/schema.ts';
import type { TransactionModel } from './model/transaction.ts';
import type { NodeKind } from './sql/node.ts';
import type { Statement } from './statement.ts';

/** What a rule may look at besides the statement. */
export interface RuleContext {
  /** What is known of the database before the statement. */
  readonly schema: SchemaModel;
  readonly transaction: TransactionModel;
  readonly file: FileContext;
  /** The statement that follows in the file; unknown inside routines. */
  readonly next?: Statement | undefined;
}

/** The file that a statement stands in. */
export interface FileContext {
  readonly path: string;
  readonly sql: string;
  /** Every statement, those inside DO blocks and routines too. */
  readonly statements: readonly Statement[];
  readonly comments: readonly SqlComment[];
  readonly problems: readonly SyntaxProblem[];
  /** True where Drydock runs the file: it makes transactions, sets timeouts and tries again. */
  readonly runsInDrydock: boolean;
  /** Another migration with the same number. */
  readonly collidesWith: string | undefined;
}

/** What a rule says about one place. What is left out comes from the rule and from the lock table. */
export interface Hit {
  /** Tables and other objects as they were written, the most affected first. */
  readonly objects: readonly string[];
  /** What happens here, in a sentence that names the objects. */
  readonly message: string;
  /** What to write instead, when this place has a better form than the rule's. */
  readonly safeForm?: string;
  /** The place; the whole statement when left out. */
  readonly start?: number;
  readonly end?: number;
  /** The lock on the first object; left out, the lock table's answer for it. */
  readonly lock?: LockMode | null;
  readonly work?: Work;
  readonly severity?: Severity;
  /** What is not known and would decide. */
  readonly dependsOn?: string | undefined;
  readonly fix?: Fix | undefined;
  /** For rules that look at the whole file: the statement that is meant. */
  readonly statement?: Statement;
}

/** A hazard: what it is called, why it is one, and how it is seen. */
export interface Rule {
  /** The danger in words, for ever. Also the name of its folder and its page. */
  readonly id: string;
  /** Row of the list of hazards; null for rules of the runbook. */
  readonly hazard: number | null;
  readonly severity: Severity;
  readonly concern: Concern;
  /** What people do, in a few words. */
  readonly title: string;
  /** Why it is a hazard: lock, what it blocks, versions. */
  readonly why: string;
  /** What to write instead. */
  readonly safeForm: string;
  /** Work that the server does under the lock, unless a hit says otherwise. */
  readonly work?: Work;
  /** Kinds of statement that {@link check} wants to see; all when left out. */
  readonly on?: readonly NodeKind[];
  /** For ALTER TABLE: commands of which it must hold one, so that most rules need not look at most. */
  readonly commands?: readonly AlterTableType[];
  /** Finds the hazard in one statement. */
  readonly check?: (statement: Statement, context: RuleContext) => Iterable<Hit>;
  /** Finds the hazard in a whole file, with the model as it is after its last statement. */
  readonly checkFile?: (file: FileContext, schema: SchemaModel) => Iterable<Hit>;
}
