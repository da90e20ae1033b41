// Turns what the server (or the way to it) answers into failures that keep every field of the answer.

import { Failure } from '../core/failure.ts';
import { type Address, quoteIdentifier } from './address.ts';

/** SQLSTATE codes that Drydock decides by (PostgreSQL manual, appendix A). */
export const sqlStates = {
  lockNotAvailable: '55P03',
  deadlockDetected: '40P01',
  queryCanceled: '57014',
  undefinedTable: '42P01',
  dependentObjects: '2BP01',
  duplicateDatabase: '42P04',
  invalidSchema: '3F000',
  uniqueViolation: '23505',
} as const;

// Of which the server's own hint says no more than that there is a disk.
const diskFull = '53100';

interface ServerFields {
  readonly message: string;
  readonly code?: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly position?: string;
  readonly where?: string;
  readonly schema?: string;
  readonly table?: string;
  readonly column?: string;
  readonly constraint?: string;
}

/** The SQLSTATE behind a failure of this folder, if the server gave one. */
export function sqlStateOf(error: unknown): string | undefined {
  if (error instanceof Failure) {
    const state = error.details.sqlState;
    return typeof state === 'string' ? state : undefined;
  }
  return undefined;
}

/** The failure for a statement that the server refused. */
export function statementFailure(error: unknown, statement: string): Failure {
  const fields = error as ServerFields;
  const sqlState = fields.code;
  if (sqlState === undefined || !/^[0-9A-Z]{5}$/.test(sqlState)) return connectionLost(error);
  const position = fields.position === undefined ? undefined : Number(fields.position);
  return new Failure({
    code: 'postgres/statement-failed',
    message: fields.message,
    hint:
      (sqlState === diskFull ? undefined : fields.hint) ??
      `${remedyFor(sqlState)}, then type the same command again.`,
    details: {
      sqlState,
      statement,
      // The server counts characters (code points) from 1.
      ...(position === undefined ? {} : { position }),
      ...pick(fields, ['detail', 'where', 'schema', 'table', 'column', 'constraint']),
    },
    cause: error,
  });
}

// What to do about it where the statement itself is right (PostgreSQL manual, appendix A).
function remedyFor(sqlState: string): string {
  switch (sqlState) {
    case '42501':
      return 'Have the right granted to this role, or use the role that owns the object';
    case '25006':
      return 'This session may only read: look at default_transaction_read_only and at PGOPTIONS, and whether the server is a standby';
    case diskFull:
      return 'Make room on the disk of the server';
    case '53200':
      return 'Let the server have more memory, or give it less to do at once';
  }
  return sqlState.startsWith('23')
    ? 'Correct the rows that are in the way, or the statement'
    : 'Correct the statement';
}

/** The failure for a connection that could not be made. */
export function connectFailure(error: unknown, address: Address): Failure {
  const fields = error as ServerFields & { readonly errors?: readonly ServerFields[] };
  const code = fields.code ?? fields.errors?.[0]?.code ?? '';
  // How node-postgres puts that it was asked for a password and had none.
  if (/client password must be a/.test(fields.message ?? '')) return passwordWanted(error, address);
  const said = fields.message || (fields.errors?.[0]?.message ?? code);
  const parts = reasonFor(code, said, address);
  return new Failure({
    ...parts,
    details: { sqlState: code, address: address.label },
    cause: error,
  });
}

function passwordWanted(error: unknown, address: Address): Failure {
  return new Failure({
    code: 'postgres/wrong-password',
    message: `${address.label} wants a password for ${address.user ?? 'this user'}, and there is none`,
    hint: 'Give it in the address, in PGPASSWORD, or in ~/.pgpass (chmod 600).',
    details: { address: address.label },
    cause: error,
  });
}

function reasonFor(
  code: string,
  said: string,
  address: Address,
): { code: string; message: string; hint: string } {
  switch (code) {
    case '28P01':
    case '28000':
      return {
        code: 'postgres/wrong-password',
        message: `${address.label} did not let ${address.user ?? 'this user'} in: ${said}`,
        hint: 'Check the user and the password in the environment variable that holds the address (or in ~/.pgpass).',
      };
    case '3D000':
      return {
        code: 'postgres/no-such-database',
        message: `there is no database ${address.database} on ${address.host}:${address.port}`,
        hint: `Create it with \`createdb ${address.database}\`, or correct the address.`,
      };
    case '53300':
      return {
        code: 'postgres/too-many-connections',
        message: `${address.label} has no free connection: ${said}`,
        hint: 'Wait until sessions have ended, or raise max_connections, then type the same command again.',
      };
    case '55000':
      return {
        code: 'postgres/closed',
        message: `${address.label} is closed to everybody: ${said}`,
        hint: `A rescue that was killed behind its fence leaves it so: the same \`drydock rescue\`, or \`drydock disarm\`, opens it. Where nobody was rescuing, as its owner: ALTER DATABASE ${quoteIdentifier(address.database)} ALLOW_CONNECTIONS true;`,
      };
    case '57P03':
      return {
        code: 'postgres/not-accepting',
        message: `${address.label} accepts no connections now: ${said}`,
        hint: 'Wait until the server has started, then type the same command again.',
      };
    default:
      return {
        code: 'postgres/unreachable',
        message: `cannot reach ${address.label}: ${said}`,
        hint: `Check that the server runs and that the address is right: pg_isready -h ${address.host} -p ${address.port}`,
      };
  }
}

function connectionLost(error: unknown): Failure {
  return new Failure({
    code: 'postgres/connection-lost',
    message: `the connection to the server was lost: ${(error as Error).message}`,
    hint: 'Check the server and the network; `drydock status` shows what is in force.',
    databaseState: 'unknown',
    cause: error,
  });
}

function pick(fields: ServerFields, names: (keyof ServerFields)[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = fields[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
