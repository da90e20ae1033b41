// The part of a manifest that everything else takes for granted. Its digest holds against accidents, and
// says nothing of one that somebody wrote anew. Less than its published schema (manifest-schema.ts) on purpose:
// what another version of Drydock has added or left out is no reason to refuse a restore.

/** A kind of value, a list of one shape, or a record: by names, or all of one shape under `*`. */
type Shape = keyof typeof kinds | readonly [Shape] | { readonly [name: string]: Shape };

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';

/** A name of a file that stays in its folder, in a store too. */
export function isPlainName(value: unknown): boolean {
  return isText(value) && value.length <= 200 && /^[\w-]+(\.[\w-]+)*$/.test(value);
}

const kinds = {
  text: isText,
  'text or null': (value: unknown) => value === null || isText(value),
  'file name': isPlainName,
  time: (value: unknown) => isText(value) && !Number.isNaN(Date.parse(value)),
  'whole number': (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0,
  integer: (value: unknown) => Number.isSafeInteger(value),
  'number in digits': (value: unknown) => isText(value) && /^-?\d+$/.test(value),
  'yes or no': (value: unknown) => typeof value === 'boolean',
  'record or null': (value: unknown) => value === null || isObject(value),
  'list or null': (value: unknown) => value === null || Array.isArray(value),
  record: isObject,
} as const;

const shape: Shape = {
  environment: 'text',
  reason: 'text',
  startedAt: 'time',
  endedAt: 'time',
  by: { who: 'text', host: 'text' },
  ledger: ['text'],
  pending: ['text'],
  dump: {
    file: 'file name',
    format: 'text',
    sizeBytes: 'whole number',
    sha256: 'text',
    files: [{ name: 'file name', sizeBytes: 'whole number', sha256: 'text' }],
    dumpMajor: 'whole number',
    writtenBy: 'text',
  },
  source: {
    address: 'text',
    database: 'text',
    serverVersion: 'whole number',
    sizeBytes: 'whole number',
    serverClock: { startedAt: 'time', endedAt: 'time' },
    properties: {
      owner: 'text',
      encoding: 'text',
      collate: 'text',
      ctype: 'text',
      provider: 'text',
      locale: 'text or null',
      icuRules: 'text or null',
      tablespace: 'text',
      connectionLimit: 'integer',
      comment: 'text or null',
      privileges: 'list or null',
      settings: [{ role: 'text or null', name: 'text', value: 'text' }],
    },
    roles: [{ name: 'text', superuser: 'yes or no', owns: 'yes or no' }],
    relations: { '*': { id: 'integer', kind: 'text', filled: 'yes or no' } },
    farViews: [{ name: 'text', id: 'integer' }],
    publications: ['text'],
    subscriptions: ['text'],
    slots: ['text'],
  },
  contents: {
    tables: { '*': 'whole number' },
    hashes: { probe: 'text', tables: { '*': 'text' } },
    sequences: {
      '*': { last: 'number in digits', increment: 'number in digits', called: 'yes or no' },
    },
    extensions: { '*': 'text' },
    largeObjects: 'whole number',
    schema: { fingerprint: 'text', objects: { '*': 'text' } },
  },
  activity: 'record',
  proof: 'record or null',
};

/** What is not as it must be; undefined when all is. */
export function shapeProblem(manifest: unknown): string | undefined {
  return problemOf(manifest, shape, []);
}

function problemOf(value: unknown, wanted: Shape, path: readonly string[]): string | undefined {
  const at = path.join('.') || 'it';
  if (typeof wanted === 'string') return kinds[wanted](value) ? undefined : `${at} is no ${wanted}`;
  const parts = partsOf(value, wanted);
  if (parts === undefined) return `${at} is no ${Array.isArray(wanted) ? 'list' : 'record'}`;
  for (const [name, inner, part] of parts) {
    const problem = problemOf(part, inner, [...path, name]);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

type Part = readonly [name: string, wanted: Shape, value: unknown];

function partsOf(value: unknown, wanted: Exclude<Shape, string>): readonly Part[] | undefined {
  if (isList(wanted)) {
    return Array.isArray(value)
      ? value.map((each, index): Part => [String(index), wanted[0], each])
      : undefined;
  }
  if (!isObject(value)) return undefined;
  const every = wanted['*'];
  return every === undefined
    ? Object.entries(wanted).map(([name, inner]): Part => [name, inner, value[name]])
    : Object.entries(value).map(([name, each]): Part => [name, every, each]);
}

function isList(wanted: Exclude<Shape, string>): wanted is readonly [Shape] {
  return Array.isArray(wanted);
}
