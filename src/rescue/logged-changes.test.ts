import { describe, expect, it } from 'vitest';
import type { CatalogImage, ImageTable } from './image.ts';
import { inTheirOrder, type LoggedChange, streamed } from './logged-changes.ts';

const column = (
  number: number,
  name: string,
  generated = false,
): ImageTable['columns'][number] => ({
  number,
  name,
  type: 'text',
  generated,
  fill: null,
});

function image(...columns: ImageTable['columns']): CatalogImage {
  const table = { oid: 7, schema: 'public', name: 'users', whole: true, key: ['id'], columns };
  return new Map([[7, table]]);
}

const before = image(column(1, 'id'), column(2, 'name'), column(3, 'twice', true));
const shapes = { before, now: before, live: before };

function change(what: LoggedChange['what'], more: Partial<LoggedChange> = {}): LoggedChange {
  return { what, relation: 7, was: null, became: null, shape: null, old: null, new: null, ...more };
}

function update(was: string, became: string, relation = 7): LoggedChange {
  return change('U', { relation, was, became, old: `(${was})`, new: `(${became})` });
}

describe('the order of logged changes', () => {
  it('is that of the log where each version stands before the next', () => {
    const changes = [update('a', 'b'), update('b', 'c'), update('x', 'y')];
    expect(inTheirOrder(changes)).toEqual(changes);
  });

  it('is turned where the trigger of one row has changed another row of its statement', () => {
    const [outer, inner, other] = [update('a', 'b'), update('b', 'c'), update('x', 'y')];
    expect(inTheirOrder([inner, other, outer])).toEqual([outer, inner, other]);
    const last = update('c', 'd');
    expect(inTheirOrder([last, inner, outer])).toEqual([outer, inner, last]);
  });

  it('stays where a place is given out anew behind a TRUNCATE', () => {
    const changes = [
      update('a', 'b'),
      change('T'),
      change('I', { became: 'a', new: '(1)' }),
      update('a', 'c'),
    ];
    expect(inTheirOrder(changes)).toEqual(changes);
  });

  it('knows places by their tables', () => {
    const changes = [update('a', 'b', 7), update('x', 'a', 8)];
    expect(inTheirOrder(changes)).toEqual(changes);
  });

  it('has each change once, though two triggers have seen it', () => {
    const [one, other] = [update('a', 'b'), update('b', 'c')];
    expect(inTheirOrder([one, one, other, other])).toEqual([one, other]);
    expect(inTheirOrder([change('T'), change('T')])).toHaveLength(2);
  });
});

describe('a logged transaction', () => {
  const of = (changes: readonly LoggedChange[], isMigration = false) => ({
    xid: 5,
    isMigration,
    last: 9n,
    changes,
  });

  it('has the columns of its moment, and none that is computed', () => {
    const row = change('U', { was: 'a', became: 'b', old: '(1,ann,annann)', new: '(1,"",)' });
    const { changes, endLsn, messages } = streamed(of([row]), shapes);
    expect({ endLsn, messages }).toEqual({ endLsn: 9n, messages: [] });
    expect(changes).toMatchObject([
      { kind: 'update', old: ['1', 'ann'], row: ['1', ''], table: { schema: 'public', oid: 7 } },
    ]);
    const [first] = changes;
    expect(
      first !== undefined && 'table' in first && first.table.columns.map(({ name }) => name),
    ).toEqual(['id', 'name']);
  });

  it('is refused where somebody else has changed the columns', () => {
    const row = change('D', { was: 'a', old: '(1)' });
    expect(() => streamed(of([row]), shapes)).toThrow(
      expect.objectContaining({ code: 'rescue/unknown-shape' }),
    );
  });

  it('tells rows of a table that is gone again', () => {
    const row = change('I', { relation: 8, became: 'a', new: '(1,2)' });
    expect(streamed(of([row]), shapes).changes).toMatchObject([
      { kind: 'insert', row: ['1', '2'], table: { schema: 'dropped', name: '8' } },
    ]);
  });

  it('empties tables together', () => {
    const changes = [change('T'), change('T', { relation: 8 })];
    expect(streamed(of(changes), shapes).changes).toMatchObject([
      { kind: 'truncate', tables: [{ oid: 7 }, { oid: 8 }] },
    ]);
  });

  it('of a migration has old names by the numbers of the moment, and the new shape', () => {
    const rows = [
      change('U', { was: 'a', became: 'b', shape: '2 1 9', old: '(ann,1,)', new: '(eve,1,x)' }),
      change('M', { relation: 0, new: '[]' }),
      change('M', { relation: 0 }),
    ];
    const { changes, messages } = streamed(of(rows, true), shapes);
    expect(messages).toHaveLength(1);
    expect(changes).toMatchObject([
      { kind: 'update', table: { columns: [{ name: 'name' }, { name: 'id' }, { name: '' }] } },
      { kind: 'insert', table: { schema: 'drydock', name: 'rescue_marks' }, row: ['', '[]'] },
    ]);
  });
});
