// What belongs to a database and not to its contents, so that pg_dump leaves it out: its locale,
// owner, privileges, comment, limits and settings. A copy is given the same.

import { quoteIdentifier, quoteLiteral } from './address.ts';
import type { Database } from './connect.ts';

/** A privilege on a database. */
export interface DatabasePrivilege {
  /** Null stands for PUBLIC. */
  readonly grantee: string | null;
  readonly privilege: string;
  readonly grantable: boolean;
}

/** What `ALTER DATABASE … SET` or `ALTER ROLE … IN DATABASE … SET` said. */
export interface DatabaseSetting {
  /** Null when it is for every role. */
  readonly role: string | null;
  readonly name: string;
  readonly value: string;
}

/** Everything of a database that a dump of it does not carry. */
export interface DatabaseProperties {
  readonly owner: string;
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  readonly provider: 'libc' | 'icu' | 'builtin';
  /** Locale of the providers icu and builtin. */
  readonly locale: string | null;
  readonly icuRules: string | null;
  readonly collationVersion: string | null;
  readonly tablespace: string;
  readonly connectionLimit: number;
  readonly comment: string | null;
  /** Null when nothing was ever granted or revoked. */
  readonly privileges: readonly DatabasePrivilege[] | null;
  readonly settings: readonly DatabaseSetting[];
}

/** Reads the properties of a database from any database of the same server. */
export async function readProperties(
  database: Database,
  name: string,
): Promise<DatabaseProperties | undefined> {
  // Columns for locales were added in 15, 16 and renamed in 17: read by name from a JSON row, a
  // missing one is null.
  const [row] = await database.query<{ properties: DatabaseProperties }>(
    `SELECT json_build_object(
       'owner', o.rolname,
       'encoding', pg_encoding_to_char(d.encoding),
       'collate', d.datcollate,
       'ctype', d.datctype,
       'provider', CASE to_jsonb(d) ->> 'datlocprovider' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin'
                     ELSE 'libc' END,
       'locale', COALESCE(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
       'icuRules', to_jsonb(d) ->> 'daticurules',
       'collationVersion', to_jsonb(d) ->> 'datcollversion',
       'tablespace', t.spcname,
       'connectionLimit', d.datconnlimit,
       'comment', shobj_description(d.oid, 'pg_database'),
       'privileges', CASE WHEN d.datacl IS NOT NULL THEN (
         SELECT COALESCE(json_agg(json_build_object('grantee', r.rolname, 'privilege', a.privilege_type,
                                                    'grantable', a.is_grantable)), '[]')
           FROM aclexplode(d.datacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee) END,
       'settings', (
         SELECT COALESCE(json_agg(json_build_object('role', r.rolname,
                           'name', split_part(c, '=', 1), 'value', substr(c, strpos(c, '=') + 1))), '[]')
           FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) c
          WHERE s.setdatabase = d.oid)
     ) AS properties
       FROM pg_database d JOIN pg_roles o ON o.oid = d.datdba
       JOIN pg_tablespace t ON t.oid = d.dattablespace
      WHERE d.datname = $1`,
    [name],
  );
  return row?.properties;
}

/** Creates an empty database of the same encoding and locale, with `mark` for its comment. */
export async function createDatabaseLike(
  maintenance: Database,
  name: string,
  like: DatabaseProperties,
  options: { readonly keepTablespace: boolean; readonly mark?: string | undefined },
): Promise<void> {
  const { mark } = options;
  await maintenance.execute(creation(name, like, { ...options, version: maintenance.version }));
  if (mark === undefined) return;
  await maintenance.execute(
    `COMMENT ON DATABASE ${quoteIdentifier(name)} IS ${quoteLiteral(mark)}`,
  );
}

function creation(
  name: string,
  like: DatabaseProperties,
  options: { readonly keepTablespace: boolean; readonly version: number },
): string {
  const locale = like.locale === null ? '' : quoteLiteral(like.locale);
  const clauses = [
    'TEMPLATE template0',
    `ENCODING ${quoteLiteral(like.encoding)}`,
    `LC_COLLATE ${quoteLiteral(like.collate)}`,
    `LC_CTYPE ${quoteLiteral(like.ctype)}`,
    ...(options.version >= 150_000 ? [`LOCALE_PROVIDER ${like.provider}`] : []),
    ...(like.provider === 'icu' ? [`ICU_LOCALE ${locale}`] : []),
    ...(like.provider === 'builtin' ? [`BUILTIN_LOCALE ${locale}`] : []),
    ...(like.icuRules === null ? [] : [`ICU_RULES ${quoteLiteral(like.icuRules)}`]),
    // Naming even the default one wants a privilege on it, which leaving it out does not.
    ...(options.keepTablespace && like.tablespace !== 'pg_default'
      ? [`TABLESPACE ${quoteIdentifier(like.tablespace)}`]
      : []),
  ];
  return `CREATE DATABASE ${quoteIdentifier(name)} ${clauses.join(' ')}`;
}

/** Gives a database the owner, privileges, comment, limit and settings of another. */
export async function applyProperties(
  maintenance: Database,
  name: string,
  properties: DatabaseProperties,
): Promise<void> {
  await maintenance.execute(adornments(name, properties).join(';\n'));
}

/** Lets so many sessions in at once; -1 is no limit. */
export async function limitConnections(
  maintenance: Database,
  name: string,
  limit: number,
): Promise<void> {
  await maintenance.execute(limitation(name, limit));
}

/** The statements that make a database as empty as it was, for people and for psql. */
export function databaseScript(
  name: string,
  properties: DatabaseProperties,
  serverVersion: number,
): string {
  const options = { keepTablespace: true, version: serverVersion };
  const statements = [creation(name, properties, options), ...adornments(name, properties)];
  return statements.map((statement) => `${statement};\n`).join('');
}

function adornments(name: string, properties: DatabaseProperties): string[] {
  const database = quoteIdentifier(name);
  const { owner, comment, connectionLimit, privileges, settings } = properties;
  return [
    `ALTER DATABASE ${database} OWNER TO ${quoteIdentifier(owner)}`,
    limitation(name, connectionLimit),
    ...(comment === null ? [] : [`COMMENT ON DATABASE ${database} IS ${quoteLiteral(comment)}`]),
    ...(privileges === null ? [] : grants(database, owner, privileges)),
    ...settings.map((setting) => settingStatement(database, setting)),
  ];
}

function limitation(name: string, limit: number): string {
  return `ALTER DATABASE ${quoteIdentifier(name)} CONNECTION LIMIT ${limit}`;
}

// A database without an entry in datacl has the default privileges (manual, 5.7): they go first.
function grants(
  database: string,
  owner: string,
  privileges: readonly DatabasePrivilege[],
): string[] {
  return [
    `REVOKE ALL ON DATABASE ${database} FROM PUBLIC, ${quoteIdentifier(owner)}`,
    ...privileges.map(({ grantee, privilege, grantable }) => {
      const to = grantee === null ? 'PUBLIC' : quoteIdentifier(grantee);
      const option = grantable ? ' WITH GRANT OPTION' : '';
      return `GRANT ${privilege} ON DATABASE ${database} TO ${to}${option}`;
    }),
  ];
}

// Settings that are lists of names are kept with their quotes and must be taken apart, or the whole
// list becomes one name (the same list stands in pg_dump's dumputils.c).
const listSettings = new Set([
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
]);

function settingStatement(database: string, { role, name, value }: DatabaseSetting): string {
  const target =
    role === null
      ? `ALTER DATABASE ${database}`
      : `ALTER ROLE ${quoteIdentifier(role)} IN DATABASE ${database}`;
  const parameter = name.split('.').map(quoteIdentifier).join('.');
  const values = listSettings.has(name.toLowerCase()) ? listItems(value) : [value];
  return `${target} SET ${parameter} TO ${values.map(quoteLiteral).join(', ')}`;
}

function listItems(list: string): string[] {
  const items = list.match(/"(?:[^"]|"")*"|[^\s,"]+/g) ?? [];
  const plain = items.map((item) =>
    item.startsWith('"') ? item.slice(1, -1).replaceAll('""', '"') : item,
  );
  return plain.length === 0 ? [''] : plain;
}
