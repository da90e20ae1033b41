// What makes a rescue impossible, and what it would not bring along: said before an environment is armed.

import { Failure } from '../core/failure.ts';
import type { Capture } from '../history/rescue-runs.ts';
import { quoteIdentifier } from '../postgres/address.ts';
import type { Database } from '../postgres/connect.ts';

/** What the server and the database say. */
export interface ArmFacts {
  readonly database: string;
  readonly role: string;
  readonly walLevel: string;
  readonly mayReplicate: boolean;
  readonly mayCreate: boolean;
  readonly freeSlots: number;
  readonly freeSenders: number;
  readonly prepared: readonly string[];
  /** Tables that the role does not own. */
  readonly foreign: readonly string[];
  readonly unlogged: readonly string[];
  readonly largeObjects: boolean;
  /** Slots of others on this database. */
  readonly slots: readonly string[];
  /** Extensions that keep rows where no stream of changes sees them. */
  readonly ownStorage: readonly string[];
  /** Bytes of log that a slot may hold; null: as much as the disk. */
  readonly keepBytes: number | null;
  readonly databaseBytes: number;
  /** Triggers of the application that fire before one of ours can: `audit on orders`. */
  readonly early: readonly string[];
}

/** Reads them. */
export async function readArmFacts(database: Database): Promise<ArmFacts> {
  return await database.one<ArmFacts>(
    `SELECT current_database()::text AS database, current_user::text AS role, current_setting('wal_level') AS "walLevel",
            r.rolsuper OR r.rolreplication AS "mayReplicate", r.rolsuper OR r.rolcreatedb AS "mayCreate",
            current_setting('max_replication_slots')::int - (SELECT count(*)::int FROM pg_replication_slots) AS "freeSlots",
            current_setting('max_wal_senders')::int - (SELECT count(*)::int FROM pg_stat_replication) AS "freeSenders",
            ARRAY(SELECT gid FROM pg_prepared_xacts WHERE database = current_database() ORDER BY 1) AS prepared,
            ARRAY(SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE c.relkind IN ('r', 'p') AND NOT pg_has_role(c.relowner, 'USAGE') AND n.nspname !~ '^(pg_|information_schema$|drydock$)'
                     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
                   ORDER BY 1) AS foreign,
            ARRAY(SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind = 'r' AND c.relpersistence = 'u' ORDER BY 1) AS unlogged,
            EXISTS (SELECT FROM pg_largeobject_metadata) AS "largeObjects",
            ARRAY(SELECT slot_name::text FROM pg_replication_slots WHERE database = current_database() ORDER BY 1) AS slots,
            ARRAY(SELECT extname::text FROM pg_extension WHERE extname IN ('timescaledb', 'citus', 'citus_columnar') ORDER BY 1) AS "ownStorage",
            (SELECT CASE WHEN setting::int8 < 0 THEN NULL ELSE setting::float8 * 1048576 END FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS "keepBytes",
            pg_database_size(current_database())::float8 AS "databaseBytes",
            ARRAY(SELECT format('%s on %s', quote_ident(t.tgname), t.tgrelid::regclass) FROM pg_trigger t
                   WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 3 = 1 AND t.tgname COLLATE "C" < 'RI_ConstraintTrigger_'
                   ORDER BY 1) AS early
       FROM pg_roles r WHERE r.rolname = current_user`,
  );
}

/** What tells the writes: the server's own log where it can, unless triggers are wanted. */
export function captureOf({ walLevel }: ArmFacts, wanted: Capture | undefined): Capture {
  return wanted ?? (walLevel === 'logical' ? 'stream' : 'triggers');
}

/**
 * Refuses where no rescue is possible.
 *
 * @returns what it would not bring along, as sentences
 * @throws `rescue/wal-level`, `rescue/no-right`, `rescue/no-slot-free`, `rescue/prepared-transactions`, `rescue/own-storage`
 */
export function refuseUnarmable(
  facts: ArmFacts,
  { environment, capture }: { readonly environment: string; readonly capture: Capture },
): readonly string[] {
  const { database, role, foreign, prepared, ownStorage } = facts;
  const again = `then type the same command again; or go without: \`rescue: 'off'\` for ${environment}`;
  if (capture === 'stream' && facts.walLevel !== 'logical') {
    throw new Failure({
      code: 'rescue/wal-level',
      message: `the server of ${environment} writes its log with wal_level = ${facts.walLevel}, and \`rescue.capture: 'stream'\` asks for wal_level = logical`,
      hint: `As an administrator: ALTER SYSTEM SET wal_level = 'logical'; restart the server, ${again}; or leave \`capture\` out, so that triggers capture what is written.`,
    });
  }
  const missing = [
    ...(facts.mayReplicate || capture === 'triggers' ? [] : ['REPLICATION']),
    ...(facts.mayCreate ? [] : ['CREATEDB']),
  ];
  if (missing.length > 0) {
    throw new Failure({
      code: 'rescue/no-right',
      message: `the role ${role} lacks ${missing.join(' and ')}, which a rescue needs`,
      hint: `As an administrator, once: ALTER ROLE ${quoteIdentifier(role)} ${missing.join(' ')}; ${again}.`,
    });
  }
  if (foreign.length > 0) {
    throw new Failure({
      code: 'rescue/no-right',
      message: `the role ${role} does not own ${foreign.join(', ')}, and only owners may have it told what is written to a table`,
      hint: `Give the tables, or their owner's role, to ${quoteIdentifier(role)}, ${again}.`,
      details: { tables: foreign },
    });
  }
  // A second one for a moment: the comparison before the swap.
  if (capture === 'stream' && (facts.freeSlots < 2 || facts.freeSenders < 2)) {
    throw new Failure({
      code: 'rescue/no-slot-free',
      message: `the server has ${facts.freeSlots} free replication slots and ${facts.freeSenders} free senders, and a rescue needs two of each`,
      hint: `Raise max_replication_slots and max_wal_senders, restart the server, ${again}.`,
    });
  }
  if (prepared.length > 0) {
    throw new Failure({
      code: 'rescue/prepared-transactions',
      message: `${database} has prepared transactions, which no rescue sees: ${prepared.join(', ')}`,
      hint: `End them with COMMIT PREPARED or ROLLBACK PREPARED, ${again}.`,
    });
  }
  if (ownStorage.length > 0) {
    throw new Failure({
      code: 'rescue/own-storage',
      message: `${ownStorage.join(', ')} keeps rows in ${database} where a rescue cannot follow them`,
      hint: `Go without: \`rescue: 'off'\` for ${environment}.`,
    });
  }
  return limitsOf(facts, capture);
}

function limitsOf(facts: ArmFacts, capture: Capture): readonly string[] {
  const { unlogged, largeObjects, slots } = facts;
  return [
    ...(unlogged.length === 0
      ? []
      : [`what is written to the unlogged ${unlogged.join(', ')} from now on`]),
    ...(largeObjects ? ['large objects that are written from now on'] : []),
    ...(slots.length === 0
      ? []
      : [`the readers of ${slots.join(', ')}: they stay with the old database`]),
    ...(capture === 'stream' ? [] : limitsOfTriggers(facts)),
  ];
}

// What they write into another table that refers to the new row stands before that row, and is salvaged.
function limitsOfTriggers({ early }: ArmFacts): readonly string[] {
  if (early.length === 0) return [];
  return [
    `rows of ${early.join(', ')} that refer to the row the trigger fired for: its name is before RI_, so they are captured first and go to the file`,
  ];
}
