// Changes that the application's own triggers make of the same rows, while a migration changes them: they are
// noted in another order than they were made, and are taken back all the same.

import { expect, it } from 'vitest';
import { keptDatabase } from './kept-database.ts';

const schema = (trigger: string): string => `
  CREATE TABLE items (id int PRIMARY KEY, price int, total int, next int);
  CREATE TABLE bare (word text, n int);
  INSERT INTO items SELECT n, n, n * 2, n + 1 FROM generate_series(1, 30) n;
  INSERT INTO bare SELECT 'w' || n, n FROM generate_series(1, 30) n;
  ${trigger}`;

const nested: Readonly<Record<string, readonly [string, string]>> = {
  'an update by row that updates the same row': [
    `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       UPDATE items SET total = NEW.price * 2 WHERE id = NEW.id; RETURN NULL; END $$;
     CREATE TRIGGER f AFTER UPDATE OF price ON items FOR EACH ROW EXECUTE FUNCTION f();`,
    'UPDATE items SET price = price + 100 WHERE id <= 20',
  ],
  'an update by statement that updates the same table': [
    `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       UPDATE items SET total = total + 1; RETURN NULL; END $$;
     CREATE TRIGGER a AFTER UPDATE OF price ON items FOR EACH STATEMENT EXECUTE FUNCTION f();`,
    'UPDATE items SET price = price + 100 WHERE id <= 20',
  ],
  'the same column written twice': [
    `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       UPDATE items SET price = NEW.price * 10 WHERE id = NEW.id AND price < 1000; RETURN NULL; END $$;
     CREATE TRIGGER f AFTER UPDATE OF price ON items FOR EACH ROW WHEN (NEW.price < 1000) EXECUTE FUNCTION f();`,
    'UPDATE items SET price = price + 500 WHERE id <= 20',
  ],
  'another row of the table': [
    `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       UPDATE items SET total = total + 1 WHERE id = NEW.next; RETURN NULL; END $$;
     CREATE TRIGGER f AFTER UPDATE OF price ON items FOR EACH ROW EXECUTE FUNCTION f();`,
    'UPDATE items SET price = price + 100 WHERE id <= 20; UPDATE items SET total = total * 3',
  ],
  'rows that an insert makes and changes': [
    `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       UPDATE items SET total = NEW.price * 2 WHERE id = NEW.id; RETURN NULL; END $$;
     CREATE TRIGGER f AFTER INSERT ON items FOR EACH ROW EXECUTE FUNCTION f();`,
    'INSERT INTO items SELECT n, n FROM generate_series(101, 120) n',
  ],
  'rows that an update deletes': [
    `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       DELETE FROM items WHERE id = NEW.id; RETURN NULL; END $$;
     CREATE TRIGGER f AFTER UPDATE OF price ON items FOR EACH ROW EXECUTE FUNCTION f();`,
    'UPDATE items SET price = price + 100 WHERE id <= 20',
  ],
  'rows that a delete makes again': [
    `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       INSERT INTO items VALUES (OLD.id, -1); RETURN NULL; END $$;
     CREATE TRIGGER f AFTER DELETE ON items FOR EACH ROW EXECUTE FUNCTION f();`,
    'DELETE FROM items WHERE id <= 20',
  ],
  'rows without a key': [
    `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       UPDATE bare SET n = n * 2 WHERE word = NEW.word AND n < 1000; RETURN NULL; END $$;
     CREATE TRIGGER f AFTER UPDATE ON bare FOR EACH ROW WHEN (NEW.n < 1000 AND NEW.n > 100) EXECUTE FUNCTION f();`,
    'UPDATE bare SET n = n + 500 WHERE n <= 20',
  ],
};

const contents = `SELECT (SELECT json_agg(i ORDER BY id) FROM items i) AS items, (SELECT json_agg(b ORDER BY word, n) FROM bare b) AS bare`;

it.each(Object.entries(nested))('takes back %s', async (_what, [trigger, migration]) => {
  await using one = await keptDatabase(schema(trigger));
  const before = await one.run(contents);
  await one.apply(`-- drydock: deletes items\nBEGIN; ${migration}; COMMIT;`);
  expect(await one.run(contents)).not.toEqual(before);
  expect(await one.undo()).toEqual([]);
  expect(await one.run(contents)).toEqual(before);
});

it('is not offered where such a trigger changes the key of a row: its rehearsal finds that out', async () => {
  await using one = await keptDatabase(
    schema(`CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        UPDATE items SET id = id + 1000 WHERE id = NEW.id; RETURN NULL; END $$;
      CREATE TRIGGER f AFTER UPDATE OF price ON items FOR EACH ROW EXECUTE FUNCTION f();`),
  );
  await expect(one.apply('UPDATE items SET price = price + 100 WHERE id <= 20;')).rejects.toThrow(
    'reversible',
  );
});
