// What a check tells: findings, and the report that holds them. JSON-serialisable throughout.

import type { Blocked, LockMode } from '../postgres/table-lock.ts';

/**
 * `error`: data is lost, readers wait for long, or something is sure to break. `warning`: writers
 * wait, or care is needed. `info`: good to know, nothing to change.
 */
export type Severity = 'error' | 'warning' | 'info';

/** The severities, worst first. */
export const severities: readonly Severity[] = ['error', 'warning', 'info'];

/** What a finding is about, for gates that ask about one thing only. */
export type Concern =
  | 'lock'
  | 'data-loss'
  | 'compatibility'
  | 'transaction'
  | 're-runnable'
  | 'documentation'
  | 'security'
  | 'server'
  | 'cannot-run'
  | 'unchecked';

/** What happens while the lock is held; `held`: statements that come after the one that took it. */
export type Work = 'rewrite' | 'index build' | 'scan' | 'held' | 'none';

/** Whether a finding holds in any case, or what it depends on. */
export type Confidence =
  | { readonly kind: 'certain' }
  | { readonly kind: 'depends'; readonly on: string };

/** A change of the file's text: the units from `start` to `end` give way to `text`. */
export interface TextEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** One numbered file of a plan that replaces a dangerous statement. */
export interface PlannedFile {
  /** What this step does, in one word that becomes part of the file's name, such as `backfill`. */
  readonly step: string;
  readonly sql: string;
}

/** How Drydock can mend a hazard by itself. */
export type Fix =
  | { readonly kind: 'edit'; readonly edits: readonly TextEdit[] }
  | { readonly kind: 'plan'; readonly files: readonly PlannedFile[] };

/** One hazard in one statement. */
export interface Finding {
  /** The rule's id: danger in words, for ever. */
  readonly rule: string;
  /** Row of the list of hazards; null for rules of the runbook. */
  readonly hazard: number | null;
  readonly severity: Severity;
  readonly concern: Concern;
  readonly file: string;
  /** Lines and columns count from 1; columns count characters. */
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  /** The statement as written. */
  readonly statement: string;
  /** Tables and other objects, the one most affected first. */
  readonly objects: readonly string[];
  /** The lock on the first object. */
  readonly lock: LockMode | null;
  readonly blocks: Blocked | null;
  /** What the server does under that lock. */
  readonly work: Work;
  /** What happens and why, in full sentences. */
  readonly message: string;
  /** What to write instead, always something that Drydock can run. */
  readonly safeForm: string;
  readonly fix: Fix | null;
  readonly confidence: Confidence;
  readonly tags: readonly string[];
}

/** A finding that a comment in the file allows, with the reason given there. */
export interface AllowedFinding {
  readonly finding: Finding;
  readonly reason: string;
}

/** What `check` found. */
export interface CheckReport {
  readonly kind: 'check';
  readonly version: 1;
  readonly files: number;
  readonly statements: number;
  /** By file in the order given, then by place. */
  readonly findings: readonly Finding[];
  readonly allowed: readonly AllowedFinding[];
}

/** The findings of a report about one concern, such as `data-loss`. */
export function about(report: CheckReport, concern: Concern): readonly Finding[] {
  return report.findings.filter((finding) => finding.concern === concern);
}
