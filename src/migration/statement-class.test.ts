import { describe, expect, it } from 'vitest';
import { parseSql } from '../postgres/parser.ts';
import { classOf, type StatementClass } from './statement-class.ts';

const table: readonly (readonly [StatementClass, string])[] = [
  ['transactional', 'CREATE TABLE a (x int)'],
  ['transactional', 'ALTER TABLE a ADD COLUMN b int'],
  ['transactional', 'ALTER TABLE a ADD CONSTRAINT c CHECK (x > 0) NOT VALID'],
  ['transactional', 'ALTER TABLE a VALIDATE CONSTRAINT c, ADD COLUMN b int'],
  ['transactional', 'ALTER TABLE a DETACH PARTITION b'],
  ['transactional', 'CREATE INDEX i ON a (x)'],
  ['transactional', 'DROP INDEX i'],
  ['transactional', 'TRUNCATE a'],
  ['transactional', 'REINDEX TABLE a'],
  ['transactional', 'CLUSTER a'],
  ['transactional', 'ANALYZE a'],
  ['transactional', 'REFRESH MATERIALIZED VIEW CONCURRENTLY m'],
  ['session', "SET search_path = 'a'"],
  ['session', 'RESET ALL'],
  ['session', 'SAVEPOINT a'],
  ['code', 'SELECT 1'],
  ['code', "DO $$ BEGIN -- no COMMIT;\n RAISE NOTICE 'COMMIT;'; END $$"],
  ['code', 'CALL p()'],
  ['alone', 'CREATE INDEX CONCURRENTLY i ON a (x)'],
  ['alone', 'DROP INDEX CONCURRENTLY i'],
  ['alone', 'REINDEX INDEX CONCURRENTLY i'],
  ['alone', 'REINDEX (CONCURRENTLY) TABLE a'],
  ['alone', 'REINDEX SCHEMA public'],
  ['alone', 'VACUUM a'],
  ['alone', 'CLUSTER'],
  ['alone', 'ALTER TABLE a DETACH PARTITION b CONCURRENTLY'],
  ['alone', "ALTER SYSTEM SET work_mem = '8MB'"],
  ['alone', 'CREATE DATABASE a'],
  ['alone', 'DROP DATABASE a'],
  ['alone', "CREATE TABLESPACE a LOCATION '/a'"],
  ['alone', "CREATE SUBSCRIPTION a CONNECTION '' PUBLICATION b"],
  ['alone', 'DO $$ BEGIN UPDATE a SET x = 1; COMMIT; END $$'],
  ['validation', 'ALTER TABLE a VALIDATE CONSTRAINT c'],
  ['validation', 'ALTER TABLE a VALIDATE CONSTRAINT c, VALIDATE CONSTRAINT d'],
  ['validation', 'ALTER DOMAIN a VALIDATE CONSTRAINT c'],
  ['data', 'INSERT INTO a VALUES (1)'],
  ['data', 'UPDATE a SET x = 1'],
  ['data', 'DELETE FROM a'],
  ['data', 'MERGE INTO a USING b ON a.x = b.x WHEN MATCHED THEN DELETE'],
];

describe('the class of a statement', () => {
  it.each(table)('%s: %s', async (expected, sql) => {
    const { statements } = await parseSql(sql);
    expect(statements.map(({ node }) => classOf(node))).toEqual([expected]);
  });
});
