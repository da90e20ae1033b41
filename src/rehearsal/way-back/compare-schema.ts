// Is the schema what it was? By the facts of both, apart from the place of columns: one that comes back
// comes back as the last, which is told by itself.

import type { Database } from '../../postgres/connect.ts';
import { type SchemaFact, schemaDifference, schemaFacts } from '../../postgres/fingerprint.ts';
import type { Loss } from './report.ts';

/** What is different in the schema, and which columns are in another place. */
export async function compareSchemas(
  asItWas: Database,
  asItIs: Database,
): Promise<{ readonly differences: readonly string[]; readonly moved: readonly Loss[] }> {
  const was = await schemaFacts(asItWas);
  const is = await schemaFacts(asItIs);
  const differences = schemaDifference(was.map(withoutPlace), is.map(withoutPlace));
  return { differences: differences.map(({ sentence }) => sentence), moved: movedColumns(was, is) };
}

const place = /^#(\d+) /;

function withoutPlace(fact: SchemaFact): SchemaFact {
  return fact.fact.startsWith('column ')
    ? { ...fact, definition: fact.definition.replace(place, '') }
    : fact;
}

// Those behind a column that left have moved up and are not worth a word.
function movedColumns(was: readonly SchemaFact[], is: readonly SchemaFact[]): Loss[] {
  const placeOf = ({ definition }: SchemaFact): number => Number(place.exec(definition)?.[1] ?? 0);
  const now = new Map(is.map((fact) => [fact.fact, placeOf(fact)]));
  return was
    .filter((fact) => fact.fact.startsWith('column ') && (now.get(fact.fact) ?? 0) > placeOf(fact))
    .map(({ object, fact }) => ({
      table: object.replace(/^table /, ''),
      column: fact.slice(fact.lastIndexOf('.') + 1),
      rows: null,
      sentence: `${fact} comes back as the last of its table`,
    }));
}
