// What a way back is: judged from evidence alone, and driven by a function of its own where Drydock can.

import type { HealthSample } from '../../history/health-samples.ts';
import type { SwapQuestion } from '../../restore/restore.ts';
import type { Project } from '../project.ts';
import type { WayEvidence } from './evidence.ts';

/** What a way back leaves behind. */
export interface WayLoss {
  /** Rows that were written and are not there afterwards; null: not counted. */
  readonly rows: number | null;
  /** For people, a sentence without a full stop. */
  readonly sentence: string;
}

/** What the evidence says of a way back. */
export type Judgement =
  | {
      readonly possible: true;
      /** What it brings back, and what it leaves as it is. */
      readonly does: string;
      /** How long it is likely to take, in milliseconds; null: never measured. */
      readonly ms: number | null;
      /** Where that figure comes from. */
      readonly measured: string;
      readonly loss: WayLoss;
      /** Why it may not help; null: nothing speaks against it. */
      readonly doubt: string | null;
      /** What does the same without `recover`. */
      readonly command: string;
    }
  | {
      readonly possible: false;
      readonly whyNot: string;
      /** What makes it possible the next time; null: nothing does. */
      readonly prepare: string | null;
    };

/** Who is asked while a way is driven: a person, or flags. */
export interface Hands {
  confirm(question: string): Promise<boolean>;
  /** As `confirm`; a guarded environment wants the name of its database. */
  confirmChange(question: string): Promise<boolean>;
  readonly confirmSwap: (question: SwapQuestion) => Promise<boolean>;
  /** Names of the tables that are wanted back. */
  tables(known: readonly string[]): Promise<readonly string[]>;
}

/** What came of a drive. */
export interface Driven {
  /** `declined`: somebody was asked and said no, and nothing was changed. */
  readonly outcome: 'done' | 'declined';
  /** What was done, each a sentence. */
  readonly did: readonly string[];
  /** What is left to do, each a sentence with its command. */
  readonly next: readonly string[];
  /** How it is afterwards, where the way has looked itself. */
  readonly health?: HealthSample;
}

/** Somebody was asked and said no. */
export const declined: Driven = { outcome: 'declined', did: [], next: [] };

/** A way back: its name is what `--way` takes. */
export interface Way {
  readonly name: string;
  /** False where the database stays as it is: of two equal ways that one is tried first. */
  readonly touchesDatabase: boolean;
  readonly judge: (evidence: WayEvidence) => Judgement;
  /** Undefined where a person has to do it by hand. */
  readonly drive?: (project: Project, evidence: WayEvidence, hands: Hands) => Promise<Driven>;
}

/** A way with what was judged of it. */
export interface JudgedWay {
  readonly name: string;
  /** True where a person has to do it by hand, by the command. */
  readonly byHand: boolean;
  readonly judgement: Judgement;
}

/** Judges ways: those that exist now first, and of those the best one first. */
export function judgeWays(ways: readonly Way[], evidence: WayEvidence): readonly JudgedWay[] {
  return ways
    .map(({ name, judge, drive, touchesDatabase }) => {
      const way = { name, byHand: drive === undefined, judgement: judge(evidence) };
      return { way, rank: rank(way, touchesDatabase) };
    })
    .sort((a, b) => compare(a.rank, b.rank))
    .map(({ way }) => way);
}

// What is lost is lost for good; a way that may not help costs time; the code goes back more easily than the
// data; minutes come last.
function rank({ byHand, judgement }: JudgedWay, touchesDatabase: boolean): readonly number[] {
  if (!judgement.possible) return [1];
  const { loss, doubt, ms } = judgement;
  const against = [doubt !== null, byHand, touchesDatabase].map(Number);
  return [0, loss.rows ?? Infinity, ...against, ms ?? Infinity];
}

function compare(a: readonly number[], b: readonly number[]): number {
  const differs = a.findIndex((value, index) => value !== b[index]);
  return differs < 0 ? 0 : (a[differs] ?? 0) < (b[differs] ?? 0) ? -1 : 1;
}
