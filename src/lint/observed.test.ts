// Every example of every rule is run on a real server, and what the rules claim (locks, rewrites,
// scans, index builds) is compared with what the server did.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../test/database.ts';
import { observe } from '../../test/observer.ts';
import { connect } from '../postgres/connect.ts';
import { check } from './check.ts';
import { exampleOf, given, known } from './examples.ts';
import { rules } from './rules.ts';

let template: TestDatabase;
let version: number;

beforeAll(async () => {
  template = await testDatabase({ name: 'lint_given', sql: given.sql });
  await using database = await connect(template.address, { purpose: 'examples' });
  version = database.version;
});

afterAll(async () => {
  await template.drop();
});

const examples = rules.flatMap((rule) => [exampleOf(rule.id, 'bad'), exampleOf(rule.id, 'good')]);

describe.each(examples)('$path', (example) => {
  it('does on the server what is claimed of it', async () => {
    if (example.before !== undefined && version >= example.before) return;
    await using copy = await testDatabase({ template: 'lint_given' });
    const { findings } = await check([example], { earlier: [given], schema: known(example) });
    const states = await observe({
      address: copy.address,
      files: [{ sql: example.sql, findings }],
    });
    expect(states).toEqual([example.fails]);
  });
});
