// How much an apply may ask of the others who use the database.

/** Every limit of it. */
export interface ApplyPolicy {
  /** How long one transaction goes on trying to get its locks. */
  readonly lockPatienceMs: number;
  /** So many sessions waiting behind the migration make it give up its place. */
  readonly maxWaiting: number;
  /** The longest that one statement may take. */
  readonly statementLimitMs: number;
  /** The longest that a statement outside a transaction waits for the transactions of others. */
  readonly concurrentPatienceMs: number;
  /** Sessions idle in a transaction that are in the way for so long are ended; undefined: never. */
  readonly endIdleAfterMs: number | undefined;
}

// Limits that suit most databases; the configuration may say others.
const defaultPolicy: ApplyPolicy = {
  lockPatienceMs: 60_000,
  maxWaiting: 20,
  statementLimitMs: 12 * 3_600_000,
  concurrentPatienceMs: 30 * 60_000,
  endIdleAfterMs: undefined,
};

/** Limits that are to differ from the default ones. */
export type PolicyParts = {
  readonly [NAME in keyof ApplyPolicy]?: ApplyPolicy[NAME] | undefined;
};

/** The whole policy: what is said, and the defaults for the rest. */
export function policyFrom(said: PolicyParts = {}): ApplyPolicy {
  const given = Object.entries(said).filter(([, value]) => value !== undefined);
  return { ...defaultPolicy, ...Object.fromEntries(given) };
}
