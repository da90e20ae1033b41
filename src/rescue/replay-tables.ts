// What a replay keeps in the restored database itself, so that it is committed together with the rows it
// tells of: how far it is, which rows the migration touched, and what the old schema could not hold.

import { quoteLiteral } from '../postgres/address.ts';
import type { RowChange } from '../postgres/pgoutput.ts';
import { type CatalogImage, imageOf } from './image.ts';

/** Makes the tables, where they are not there yet. */
export const makeReplayTables = `
  CREATE SCHEMA IF NOT EXISTS drydock_replay;
  CREATE TABLE IF NOT EXISTS drydock_replay.progress
    (lsn numeric NOT NULL, round jsonb, image jsonb, unforeseen text[] NOT NULL DEFAULT '{}');
  CREATE TABLE IF NOT EXISTS drydock_replay.touched (relation oid NOT NULL, key text NOT NULL);
  CREATE UNIQUE INDEX IF NOT EXISTS touched_key ON drydock_replay.touched (relation, md5(key));
  CREATE TABLE IF NOT EXISTS drydock_replay.salvage
    (id bigint GENERATED ALWAYS AS IDENTITY, xid bigint, "table" text, what text, reason text, "row" jsonb, was jsonb);
  CREATE TABLE IF NOT EXISTS drydock_replay.triggers ("table" text, name text, enabled "char");
  CREATE OR REPLACE FUNCTION drydock_replay.met_row(is_there boolean) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN IF NOT is_there THEN RAISE 'the row is not there: the migration had made it'; END IF; END $$;
  INSERT INTO drydock_replay.progress (lsn) SELECT 0 WHERE NOT EXISTS (SELECT FROM drydock_replay.progress)`;

/** Takes them away. */
export const dropReplayTables = 'DROP SCHEMA IF EXISTS drydock_replay CASCADE';

/** What one snapshot sees and an earlier one did not, of a log that triggers write. */
export interface Round {
  readonly from: string;
  readonly to: string;
}

/** How far a replay is. */
export interface Progress {
  /** Everything up to here is committed: in the stream, or within the round. */
  readonly lsn: bigint;
  /** What is played of a log of triggers; null in a stream, and before the first one. */
  readonly round: Round | null;
  /** The tables as the migration left them; null: it was not met yet. */
  readonly image: CatalogImage | null;
}

/** Reads {@link Progress}: one row. */
export const readProgress = 'SELECT lsn::text, round, image FROM drydock_replay.progress';

/** A row of {@link readProgress}. */
export interface ProgressRow {
  readonly lsn: string;
  readonly round: Round | null;
  readonly image: unknown;
}

/** Reads it. */
export function progressOf({ lsn, round, image }: ProgressRow): Progress {
  return { lsn: BigInt(lsn), round, image: image === null ? null : imageOf(image) };
}

/** Writes that a round begins: whatever was to be played before is committed. */
export function writeRound(round: Round): string {
  return `UPDATE drydock_replay.progress SET lsn = 0, round = ${quoteLiteral(JSON.stringify(round))}`;
}

/** Writes how far it is. */
export function writeProgress(lsn: bigint): string {
  return `UPDATE drydock_replay.progress SET lsn = ${lsn}`;
}

/** Writes the shape that the tables have from here on. */
export function writeImage(told: string): string {
  return `UPDATE drydock_replay.progress SET image = ${quoteLiteral(told)}`;
}

/** Writes that the migration touched a table of which the stream does not bring whole rows. */
export function writeUnforeseen(table: string): string {
  const name = quoteLiteral(table);
  return `UPDATE drydock_replay.progress SET unforeseen = array_append(unforeseen, ${name}) WHERE NOT ${name} = ANY (unforeseen)`;
}

/** Writes that rows of a table differ by the migration's doing, or by what was salvaged. */
export function writeTouched(relation: number, keys: readonly string[]): string {
  const values = keys.map((key) => `(${relation}, ${quoteLiteral(key)})`).join(', ');
  return `INSERT INTO drydock_replay.touched VALUES ${values} ON CONFLICT DO NOTHING`;
}

/** A touched row got another key. */
export function followKey(relation: number, key: string, newKey: string): string {
  return `INSERT INTO drydock_replay.touched SELECT relation, ${quoteLiteral(newKey)} FROM drydock_replay.touched WHERE relation = ${relation} AND md5(key) = md5(${quoteLiteral(key)}) ON CONFLICT DO NOTHING`;
}

/** Something that the old schema cannot hold; it stays in the broken database. */
export interface Salvaged {
  readonly xid: number;
  readonly change: Exclude<RowChange, { readonly kind: 'truncate' }>;
  readonly reason: string;
}

/** Writes it down. */
export function writeSalvage({ xid, change, reason }: Salvaged): string {
  const { table, kind } = change;
  const cells = (row: readonly (string | null | undefined)[] | null): string =>
    row === null
      ? 'NULL'
      : quoteLiteral(
          JSON.stringify(
            Object.fromEntries(row.map((value, at) => [table.columns[at]?.name ?? '', value])),
          ),
        );
  const row = 'row' in change ? change.row : null;
  const was = 'old' in change ? change.old : null;
  const name = quoteLiteral(`${table.schema}.${table.name}`);
  return `INSERT INTO drydock_replay.salvage (xid, "table", what, reason, "row", was) VALUES (${xid}, ${name}, '${kind}', ${quoteLiteral(reason)}, ${cells(row)}, ${cells(was)})`;
}
