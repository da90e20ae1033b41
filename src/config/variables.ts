// Values that a configuration has itself, or names a variable of the environment for.

import * as z from 'zod';
import { Address } from '../postgres/address.ts';
import { Secret } from './environment.ts';
import type { Text } from './input.ts';

/** A value, or the variable that has it. */
export const text: z.ZodType<Text> = z.union([
  z.string().min(1),
  z.strictObject({ env: z.string().min(1) }),
]);

/** The address; undefined where its variable is not set, which is no problem until it is needed. */
export function addressFrom(
  url: Text | undefined,
  variables: NodeJS.ProcessEnv,
): Address | undefined {
  const address = textOf(url, variables);
  return address === undefined ? undefined : Address.parse(address);
}

function textOf(value: Text | undefined, variables: NodeJS.ProcessEnv): string | undefined {
  const found = typeof value === 'object' ? variables[value.env] : value;
  return found === '' ? undefined : found;
}

/** The secret; undefined where its variable is not set. */
export function secretOf(
  value: Text | undefined,
  variables: NodeJS.ProcessEnv,
): Secret | undefined {
  const found = textOf(value, variables);
  return found === undefined ? undefined : new Secret(found);
}
