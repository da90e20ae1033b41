// What the server itself says of its work while it does it: at client_min_messages = debug1 it tells
// each rewrite, check, index build and skipped check, also of statements inside functions and DO
// blocks. The words are the same from 14 to 18 (tablecmds.c, index.c, fd.c in its sources).

import type { Notice } from '../postgres/connect.ts';

/** What notices tell of one statement. Names are without their schema, as the server says them. */
export interface ToldFacts {
  readonly rewrites: readonly string[];
  readonly indexBuilds: readonly {
    readonly index: string;
    readonly relation: string;
    /** True when workers read a part of the rows, which the session's own counters do not see. */
    readonly isParallel: boolean;
  }[];
  readonly validated: readonly string[];
  readonly notValidated: readonly string[];
  readonly temporaryFiles: { readonly count: number; readonly bytes: number };
  /** Told by the event trigger of {@link watchDrops}. */
  readonly dropped: readonly string[];
}

/** Before the identities of dropped objects, in what the event trigger says. */
export const dropMark = 'drydock: dropped ';

/** Reads the notices of one statement. */
export function factsTold(notices: readonly Notice[]): ToldFacts {
  const found = <T>(pattern: RegExp, read: (match: RegExpExecArray) => T): T[] =>
    notices.flatMap(({ message }) => {
      const match = pattern.exec(message);
      return match === null ? [] : [read(match)];
    });
  const files = found(/^temporary file: .*, size (\d+)$/, (match) => Number(match[1]));
  return {
    rewrites: found(/^rewriting table "(.+)"$/, nameIn),
    indexBuilds: found(
      /^building index "(.+)" on table "(.+)" (serially|with request for .+)$/,
      ([, index = '', relation = '', how]) => ({ index, relation, isParallel: how !== 'serially' }),
      // The server's own store of large values, which comes and goes with its table.
    ).filter(({ relation }) => !relation.startsWith('pg_toast')),
    validated: [
      ...found(/^verifying table "(.+)"$/, (match) => `the rows of ${nameIn(match)}`),
      ...found(/^validating foreign key constraint "(.+)"$/, (match) => `key ${nameIn(match)}`),
    ],
    notValidated: [
      ...found(
        /^existing constraints on column "(.+)" are sufficient/,
        (match) => `NOT NULL of ${nameIn(match)}`,
      ),
      ...found(
        /partition constraint for (?:table|default partition) "(.+)" is implied/,
        (match) => `the bounds of ${nameIn(match)}`,
      ),
    ],
    temporaryFiles: { count: files.length, bytes: files.reduce((sum, size) => sum + size, 0) },
    dropped: notices.flatMap(({ message }) =>
      message.startsWith(dropMark) ? (JSON.parse(message.slice(dropMark.length)) as string[]) : [],
    ),
  };
}

function nameIn(match: RegExpExecArray): string {
  return match[1] ?? '';
}
