import { describe, expect, it } from 'vitest';
import { readBatchStatement } from './batch-statement.ts';

const id = [{ name: 'id', type: 'bigint' }];

async function narrowed(sql: string, isBounded = false): Promise<string> {
  const text = await (await readBatchStatement(sql)).inRange(id, isBounded);
  return text.replaceAll(/\s+/g, ' ').trim();
}

describe('a statement that is narrowed to a range of keys', () => {
  it.each([
    ['UPDATE a SET x = 1', 'UPDATE a SET x = 1 WHERE ("a"."id") <= ($1::bigint)'],
    [
      'UPDATE a SET x = 1 WHERE y OR z -- why',
      'UPDATE a SET x = 1 WHERE ( y OR z -- why ) AND ("a"."id") <= ($1::bigint)',
    ],
    [
      'DELETE FROM ONLY s.a AS t USING b WHERE t.x = b.x AND b.y RETURNING t.x',
      'DELETE FROM ONLY s.a AS t USING b WHERE ( t.x = b.x AND b.y ) AND ("t"."id") <= ($1::bigint) RETURNING t.x',
    ],
    [
      "UPDATE a SET x = (SELECT max(y) FROM b WHERE b.k = a.k), w = ' where ' WHERE (SELECT true WHERE true)",
      'UPDATE a SET x = (SELECT max(y) FROM b WHERE b.k = a.k), w = \' where \' WHERE ( (SELECT true WHERE true) ) AND ("a"."id") <= ($1::bigint)',
    ],
    [
      'INSERT INTO b SELECT a.x FROM a LEFT JOIN c USING (k) ORDER BY 1 ON CONFLICT (x) WHERE x > 1 DO UPDATE SET x = 2 WHERE b.x = 3',
      'INSERT INTO b SELECT a.x FROM a LEFT JOIN c USING (k) WHERE ("a"."id") <= ($1::bigint) ORDER BY 1 ON CONFLICT (x) WHERE x > 1 DO UPDATE SET x = 2 WHERE b.x = 3',
    ],
    [
      'WITH c AS (SELECT 1 WHERE true) UPDATE a SET x = 1 FROM c WHERE a.y',
      'WITH c AS (SELECT 1 WHERE true) UPDATE a SET x = 1 FROM c WHERE ( a.y ) AND ("a"."id") <= ($1::bigint)',
    ],
  ])('%s', async (sql, expected) => {
    expect(await narrowed(sql)).toBe(expected);
  });

  it('has a range of two ends after the first batch, of all columns of the key', async () => {
    const statement = await readBatchStatement('DELETE FROM a');
    const key = [
      { name: 'T', type: 'text' },
      { name: 'n', type: 'integer' },
    ];
    expect((await statement.inRange(key, true)).replaceAll(/\s+/g, ' ')).toContain(
      'WHERE ("a"."T", "a"."n") <= ($1::text, $2::integer) AND ("a"."T", "a"."n") > ($3::text, $4::integer)',
    );
  });
});

describe('a statement is refused', () => {
  it.each([
    ['INSERT INTO b SELECT x FROM a GROUP BY x', 'GROUP BY'],
    ['INSERT INTO b SELECT DISTINCT x FROM a', 'DISTINCT'],
    ['INSERT INTO b SELECT x FROM a LIMIT 5', 'LIMIT'],
    ['INSERT INTO b SELECT x FROM a UNION SELECT x FROM c', 'UNION'],
    ['INSERT INTO b SELECT row_number() OVER () FROM a', 'window function'],
    ['INSERT INTO b SELECT x FROM c RIGHT JOIN a USING (k)', 'FROM does not begin'],
    ['INSERT INTO b SELECT x FROM (SELECT 1 AS x) a', 'FROM does not begin'],
    ['INSERT INTO a SELECT * FROM a', 'adds rows to a'],
    ['UPDATE a SET x = (SELECT count(*) FROM a AS other)', 'also reads a'],
    ['WITH gone AS (DELETE FROM c RETURNING k) UPDATE a SET x = 1', 'WITH changes rows'],
  ])('%s', async (sql, why) => {
    await expect(readBatchStatement(sql)).rejects.toMatchObject({
      code: 'apply/cannot-be-batched',
      message: expect.stringContaining(why),
    });
  });
});
