// The mark of Drydock's own transactions in the stream of changes: a rescue leaves out what a migration
// did, and keeps what everybody else wrote.

/** Prefix of the logical message that every transaction of a migration sends first. */
export const migrationMark = 'drydock/migration';

/**
 * Sends it; first in the transaction, so that a reader of the stream need not keep the rest of it. Every
 * role may (manual, 9.27.6), at any `wal_level`; it costs some sixty bytes of log.
 */
export const markMigration: string = `SELECT pg_logical_emit_message(true, '${migrationMark}', '')`;
