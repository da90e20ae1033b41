import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { rulePages } from './rule-page.ts';

const folder = new URL('../../docs/rules/', import.meta.url);

it('every page in docs/rules is what the rules say (else: node script/rule-pages.mjs)', () => {
  const written = new Map(
    readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]),
  );
  expect(written).toEqual(new Map(rulePages()));
});
