// The published shape of a manifest file: docs/backup-manifest.schema.json is made of it, and a test
// holds real manifests against it. Nothing else loads it: reading a manifest needs no zod.

import * as z from 'zod';
import type { Manifest } from './manifest.ts';

const time = z.iso.datetime();
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().nonnegative();
const head = { version: z.literal(1), plan: z.string().nullable(), startedAt: time, endedAt: time };
const outcome = z.enum(['done', 'refused', 'failed']);
const byName = <T extends z.ZodType>(value: T): z.ZodRecord<z.ZodString, T> =>
  z.record(z.string(), value);

const dump = z.strictObject({
  file: z.string().describe('Name of the dump beside the manifest'),
  format: z.enum(['file', 'folder']),
  sizeBytes: count,
  sha256: digest.describe('Of the file; of a folder, of the list that sha256sum prints in it'),
  files: z.array(z.strictObject({ name: z.string(), sizeBytes: count, sha256: digest })),
  dumpMajor: z.int().describe('Major version of pg_dump'),
  writtenBy: z.string().describe('The program with its options'),
});

const properties = z.strictObject({
  owner: z.string(),
  encoding: z.string(),
  collate: z.string(),
  ctype: z.string(),
  provider: z.enum(['libc', 'icu', 'builtin']),
  locale: z.string().nullable(),
  icuRules: z.string().nullable(),
  collationVersion: z.string().nullable(),
  tablespace: z.string(),
  connectionLimit: z.int(),
  comment: z.string().nullable(),
  privileges: z
    .array(
      z.strictObject({
        grantee: z.string().nullable().describe('null is PUBLIC'),
        privilege: z.string(),
        grantable: z.boolean(),
      }),
    )
    .nullable(),
  settings: z.array(
    z.strictObject({ role: z.string().nullable(), name: z.string(), value: z.string() }),
  ),
});

const source = z.strictObject({
  address: z.string().describe('Host, port and database, without a password'),
  database: z.string(),
  serverVersion: z.int().describe('server_version_num'),
  systemIdentifier: z.string().nullable(),
  timeline: z.int().nullable(),
  databaseId: z.int(),
  serverClock: z
    .strictObject({ startedAt: time, endedAt: time })
    .describe('Snapshot and end of the dump, by the clock of the server'),
  snapshot: z.string().describe('pg_current_snapshot()'),
  lsn: z.string().nullable(),
  sizeBytes: count,
  properties,
  collations: byName(z.strictObject({ recorded: z.string(), actual: z.string().nullable() }))
    .optional()
    .describe('Versions of the collations in use, by name; `default` is that of the database'),
  roles: z.array(z.strictObject({ name: z.string(), superuser: z.boolean(), owns: z.boolean() })),
  relations: byName(
    z.strictObject({
      id: z.int(),
      kind: z.enum(['table', 'partitioned table', 'foreign table', 'materialised view']),
      persistence: z.enum(['permanent', 'unlogged']),
      rowSecurity: z.boolean(),
      filled: z.boolean(),
    }),
  ),
  farViews: z
    .array(z.strictObject({ name: z.string(), id: z.int() }))
    .describe('Filled materialised views that read other servers'),
  publications: z.array(z.string()),
  slots: z.array(z.string()).describe('Logical replication slots of the database'),
  subscriptions: z.array(z.string()),
});

const contents = z.strictObject({
  tables: byName(count).describe('Rows by qualified name, in the snapshot of the dump'),
  hashes: z.strictObject({
    probe: z.string().describe('Equal where hashes can be compared'),
    tables: byName(z.string()),
    largeObjects: z.string().nullable(),
  }),
  sequences: byName(
    z.strictObject({
      last: z.string(),
      called: z.boolean(),
      increment: z.string(),
      cycles: z.boolean(),
    }),
  ),
  extensions: byName(z.string()),
  largeObjects: count,
  schema: z.strictObject({ fingerprint: digest, objects: byName(z.string()) }),
});

const proof = z.strictObject({
  kind: z.literal('proof'),
  ...head,
  outcome,
  level: z
    .union([z.literal(2), z.literal(3)])
    .describe(
      '2: restored, every row counted, the schema compared; 3: every row and every page too',
    ),
  dumpSha256: digest.describe('Of the dump that was restored; a proof of another one is void'),
  restoreMs: z.number(),
  serverVersion: z.int(),
  compared: z.strictObject({
    tables: count,
    hashedTables: count,
    rows: count,
    sequences: count,
    schemaObjects: count,
  }),
  examined: z
    .strictObject({ tables: count, indexes: count })
    .nullable()
    .describe('Of which amcheck has examined every page'),
  differences: z.array(z.string()),
});

/** What stands in a manifest file. */
export const manifestFileSchema: z.ZodType<Manifest & { readonly sha256: string }> = z
  .strictObject({
    kind: z.literal('backup'),
    ...head,
    outcome,
    drydock: z.string().describe('Version of Drydock'),
    environment: z.string(),
    reason: z.string(),
    by: z.strictObject({ who: z.string(), host: z.string() }),
    gitCommit: z.string().nullable(),
    ledger: z.array(z.string()).describe('Versions of the migrations that the database had'),
    pending: z.array(z.string()).describe('File names of the migrations that it precedes'),
    dump,
    globals: z.strictObject({ file: z.string(), sha256: digest }).nullable(),
    source,
    contents,
    activity: z.strictObject({
      countedSince: z.string().nullable(),
      tables: byName(z.strictObject({ inserted: count, updated: count, deleted: count })),
    }),
    proof: proof.nullable(),
    sha256: digest.describe('Of all the rest, as JSON with sorted keys and no spaces'),
  })
  .describe('The manifest of a Drydock backup');
