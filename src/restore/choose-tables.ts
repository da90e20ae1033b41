// Which tables of a backup a person means.

import { Failure } from '../core/failure.ts';
import { quoteIdentifier } from '../postgres/address.ts';

/**
 * The qualified names of the wanted tables. Each is named with its schema or, where that is clear,
 * without it; the schema `public` comes first.
 *
 * @param known qualified names as the server quotes them
 * @throws `usage/no-such-table`
 */
export function chooseTables(known: readonly string[], wanted: readonly string[]): string[] {
  return [...new Set(wanted.map((name) => chooseTable(known, name)))];
}

function chooseTable(known: readonly string[], wanted: string): string {
  const spellings = [wanted, quoteIdentifier(wanted)];
  const exact = [...spellings, ...spellings.map((name) => `public.${name}`)];
  const found = exact.find((name) => known.includes(name));
  if (found !== undefined) return found;
  const elsewhere = known.filter((name) => spellings.some((each) => name.endsWith(`.${each}`)));
  const [only, another] = elsewhere;
  if (only !== undefined && another === undefined) return only;
  throw new Failure({
    code: 'usage/no-such-table',
    message:
      only === undefined
        ? `the backup has no rows of a table ${wanted}`
        : `${wanted} is in several schemas: ${elsewhere.join(', ')}`,
    hint:
      only === undefined
        ? `Choose of ${known.slice(0, 30).join(', ')}${known.length > 30 ? ', …' : ''}. Of a partitioned table, name its partitions.`
        : 'Name it with its schema.',
    details: { known },
  });
}
