// What a load is made of: scripts with weights, each a short list of commands.

import type { Expression } from './expression.ts';

/** A command of a script: a variable is computed, or SQL is sent. */
export type Command =
  | { readonly set: string; readonly to: Expression }
  | {
      /** SQL between the values of variables: `SELECT … WHERE id = `, then the value of `names[0]`. */
      readonly sql: readonly string[];
      readonly names: readonly string[];
    }
  | {
      /** SQL with `$1`…, and rows of parameters of which each time another one is sent. */
      readonly prepared: string;
      readonly parameters: readonly (readonly unknown[])[];
    };

/** One unit of work of a session. */
export interface Script {
  readonly name: string;
  /** How often it runs, against the others. */
  readonly weight: number;
  readonly commands: readonly Command[];
  /** It may not write: the server refuses. */
  readonly readOnly: boolean;
}

/** Chooses by weight; `chance` is between 0 and 1. */
export function chooseScript(scripts: readonly Script[], chance: number): Script | undefined {
  let left = chance * scripts.reduce((sum, { weight }) => sum + weight, 0);
  return scripts.find(({ weight }) => {
    left -= weight;
    return left < 0;
  });
}
