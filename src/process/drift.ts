// Drift: a schema that is not as the last apply left it. An apply on top of it would run what nobody has
// rehearsed, so it is refused until a person has explained it; where people try things by hand (ADR 0011)
// it is only said.

import { Failure, messageOf } from '../core/failure.ts';
import {
  expectPresentSchema,
  readExpectedSchema,
  schemaDrift,
} from '../history/expected-schema.ts';
import { noticeChangeByHand } from '../history/schema-look.ts';
import { connect } from '../postgres/connect.ts';
import { type Project, reading, type Target } from './project.ts';

const namedAtMost = 5;

/**
 * Looks whether the schema of an environment is as the last apply left it.
 *
 * @throws `history/schema-drifted` where the environment refuses it
 */
export async function assertNoDrift(project: Project, target: Target): Promise<void> {
  const drift = await reading(project, target, schemaDrift);
  if (drift.length === 0) return;
  const { name, drift: policy } = target.environment;
  const rest = drift.length - namedAtMost;
  const said = `${drift.slice(0, namedAtMost).join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`;
  const message = `the schema of ${name} was changed by hand since the last apply: ${said}`;
  if (policy === 'warn') {
    project.context.emit({ kind: 'note', text: message });
    return;
  }
  throw new Failure({
    code: 'history/schema-drifted',
    message,
    hint: `Take the change back (all of it: drydock status ${name}), or accept the schema as it is: drydock adopt ${name} --reason '…'`,
    details: { environment: name, drift },
  });
}

/** Keeps that the schema was changed by hand, before a command makes what it leaves the expected one. */
export async function noticeBeforeChange({ address }: Target): Promise<void> {
  await using database = await connect(address, { purpose: 'look at the schema' });
  await noticeChangeByHand(database);
}

/** Takes the schema as it is for the expected one, and returns its fingerprint. */
export async function expectSchemaNow({ address }: Target): Promise<string> {
  await using database = await connect(address, { purpose: 'look at the schema' });
  return await expectPresentSchema(database);
}

/**
 * Runs an apply and keeps the schema that it leaves, also when it fails half-way: what is in force then
 * is its doing, and no drift.
 */
export async function keepingWhatIsInForce<T>(
  { context }: Project,
  target: Target,
  apply: () => Promise<T>,
): Promise<T> {
  try {
    return await apply();
  } catch (failure) {
    await keepHalfDone(target).catch((second: unknown) => {
      if (failure instanceof Failure) failure.alsoFailed.push(second);
      else context.emit({ kind: 'note', text: messageOf(second) });
    });
    throw failure;
  }
}

async function keepHalfDone({ address }: Target): Promise<void> {
  await using database = await connect(address, { purpose: 'look at the schema' });
  const expected = await readExpectedSchema(database);
  if (expected !== undefined && !expected.isCurrent) await expectPresentSchema(database);
}
