// What `-- drydock: batch` may say of how: `key=tenant_id,id size=2000 pause=50`.

import { Failure } from '../core/failure.ts';

interface Place {
  readonly file: string;
  readonly line: number;
}

/** How a statement is run in batches. */
export interface BatchOptions {
  /** Columns of a unique index; undefined: the primary key. */
  readonly key: readonly string[] | undefined;
  /** The most rows that a batch walks over; undefined: as many as the pace allows. */
  readonly size: number | undefined;
  /** Between two batches, in milliseconds. */
  readonly pauseMs: number;
}

/** Without a word about it. */
export const defaultBatchOptions: BatchOptions = { key: undefined, size: undefined, pauseMs: 20 };

/**
 * Reads the options.
 *
 * @throws `migration/bad-batch-option`
 * @example batchOptionsOf('size=500', place).size // 500
 */
export function batchOptionsOf(text: string, place: Place): BatchOptions {
  const said = new Map<string, string>();
  for (const part of text.split(/\s+/).filter(Boolean)) {
    const [, name = '', value = ''] = /^(key|size|pause)=(\S+)$/.exec(part) ?? [];
    if (name === '' || said.has(name)) throw badOption(part, place);
    said.set(name, value);
  }
  const number = (name: 'size' | 'pause', least: number): number | undefined => {
    const value = said.get(name);
    if (value === undefined) return undefined;
    if (!/^\d{1,8}$/.test(value) || Number(value) < least)
      throw badOption(`${name}=${value}`, place);
    return Number(value);
  };
  const key = said.get('key')?.split(',');
  if (key?.includes('') === true) throw badOption(`key=${said.get('key')}`, place);
  return {
    key,
    size: number('size', 1),
    pauseMs: number('pause', 0) ?? defaultBatchOptions.pauseMs,
  };
}

function badOption(part: string, { file, line }: Place): Failure {
  return new Failure({
    code: 'migration/bad-batch-option',
    message: `${file}:${line}: \`drydock: batch\` does not understand ${part}`,
    hint: 'Write -- drydock: batch, or with options: -- drydock: batch key=id size=5000 pause=20',
    details: { file, line, option: part },
  });
}
