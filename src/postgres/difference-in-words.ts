// What was changed in a schema, in sentences: `column users.email: type text, was varchar(255)`.

import type { SchemaFact } from './fingerprint.ts';

/**
 * One sentence for each difference, in the order of the objects. An object that is new or missing is one
 * sentence, whatever belongs to it.
 *
 * @example differenceInWords(before, after) // ['index users_email_idx on users is new']
 */
export function differenceInWords(
  before: readonly SchemaFact[],
  after: readonly SchemaFact[],
): string[] {
  const changes = changesOf(before, after);
  const whole = new Set(
    changes
      .filter(
        ({ object, fact, was, is }) => fact === object && (was === undefined || is === undefined),
      )
      .map(({ object }) => object),
  );
  // Where a column came or went, those behind it have other places.
  const moved = new Set(
    changes
      .filter(({ was, is }) => was === undefined || is === undefined)
      .map(({ object }) => object),
  );
  return changes
    .filter(({ object, fact }) => fact === object || !whole.has(object))
    .flatMap((change) => sentenceOf(change, moved.has(change.object)))
    .map(inShort);
}

interface Change {
  readonly object: string;
  readonly fact: string;
  readonly was: string | undefined;
  readonly is: string | undefined;
}

function changesOf(before: readonly SchemaFact[], after: readonly SchemaFact[]): Change[] {
  const changes = new Map<string, Change>();
  const keyOf = ({ object, fact }: SchemaFact): string => `${object}\0${fact}`;
  for (const each of before) {
    const { object, fact, definition } = each;
    changes.set(keyOf(each), { object, fact, was: definition, is: undefined });
  }
  for (const each of after) {
    const { object, fact, definition } = each;
    changes.set(keyOf(each), { object, fact, was: changes.get(keyOf(each))?.was, is: definition });
  }
  return [...changes.entries()]
    .filter(([, { was, is }]) => was !== is)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, change]) => change);
}

function sentenceOf({ fact, was, is }: Change, siblingsMoved: boolean): string[] {
  const isColumn = fact.startsWith('column ');
  if (is === undefined) return [`${fact} is missing`];
  if (was === undefined)
    return [isColumn ? `${fact} is new: ${withoutPlace(is)}` : `${fact} is new`];
  if (isColumn) return columnSentence(fact, { was, is, siblingsMoved });
  const isShort = was.length + is.length <= 160 && !`${was}${is}`.includes('\n');
  return [
    isShort && was !== '' && is !== ''
      ? `${fact}: ${is}, was ${was}`
      : `${fact} has another definition`,
  ];
}

function columnSentence(
  fact: string,
  { was, is, siblingsMoved }: { was: string; is: string; siblingsMoved: boolean },
): string[] {
  const [before, now] = [clausesOf(was), clausesOf(is)];
  const differences = [...new Set([...before.keys(), ...now.keys()])].flatMap((name) => {
    const [old, next] = [before.get(name), now.get(name)];
    if (old === next || (name === 'place' && siblingsMoved)) return [];
    if (name === 'not') return [next === undefined ? 'may be null now' : 'not null now'];
    if (old === undefined) return [`${next} is new`];
    return next === undefined ? [`${old} is gone`] : [`${next}, was ${bare(old, name)}`];
  });
  return differences.length === 0 ? [] : [`${fact}: ${differences.join('; ')}`];
}

// The clauses of a column as fingerprint.sql writes them, by their first word.
const clauseStart =
  / (?=collate |not null|identity |generated |default |storage |compression |statistics |with (?!time zone)|options )/;

function clausesOf(definition: string): ReadonlyMap<string, string> {
  const [head = '', ...clauses] = definition.split(clauseStart);
  const place = /^#(\d+) /.exec(head)?.[1];
  return new Map([
    ...(place === undefined ? [] : [['place', `place ${place}`] as const]),
    ['type', `type ${withoutPlace(head)}`] as const,
    ...clauses.map((clause) => [/^\w+/.exec(clause)?.[0] ?? clause, clause] as const),
  ]);
}

function withoutPlace(definition: string): string {
  return definition.replace(/^#\d+ /, '');
}

function bare(clause: string, name: string): string {
  return clause.startsWith(`${name} `) ? clause.slice(name.length + 1) : clause;
}

function inShort(sentence: string): string {
  return sentence
    .replaceAll(/\bpublic\./g, '')
    .replaceAll('character varying', 'varchar')
    .replaceAll('timestamp with time zone', 'timestamptz')
    .replaceAll('timestamp without time zone', 'timestamp');
}
