// The eight table locks, what each blocks, and how they order. (Manual, section 13.3.1.)

/** A table lock of PostgreSQL, from weakest to strongest. */
export const lockModes = [
  'ACCESS SHARE',
  'ROW SHARE',
  'ROW EXCLUSIVE',
  'SHARE UPDATE EXCLUSIVE',
  'SHARE',
  'SHARE ROW EXCLUSIVE',
  'EXCLUSIVE',
  'ACCESS EXCLUSIVE',
] as const;

/** The name of a table lock. */
export type LockMode = (typeof lockModes)[number];

/** What an application cannot do on a table while somebody holds a lock on it. */
export type Blocked = 'reads and writes' | 'writes' | 'nothing';

/** What `mode` keeps applications from doing. */
export function blockedBy(mode: LockMode): Blocked {
  if (mode === 'ACCESS EXCLUSIVE') return 'reads and writes';
  return isAtLeast(mode, 'SHARE') ? 'writes' : 'nothing';
}

/** True when `mode` is `other` or stronger. */
export function isAtLeast(mode: LockMode, other: LockMode): boolean {
  return lockModes.indexOf(mode) >= lockModes.indexOf(other);
}

/** The stronger of two locks. */
export function stronger(a: LockMode, b: LockMode | undefined): LockMode {
  return b === undefined || isAtLeast(a, b) ? a : b;
}

const conflicts: Readonly<Record<LockMode, readonly LockMode[]>> = {
  'ACCESS SHARE': ['ACCESS EXCLUSIVE'],
  'ROW SHARE': ['EXCLUSIVE', 'ACCESS EXCLUSIVE'],
  'ROW EXCLUSIVE': ['SHARE', 'SHARE ROW EXCLUSIVE', 'EXCLUSIVE', 'ACCESS EXCLUSIVE'],
  'SHARE UPDATE EXCLUSIVE': lockModes.slice(3),
  SHARE: lockModes.filter((mode) => mode !== 'SHARE').slice(2),
  'SHARE ROW EXCLUSIVE': lockModes.slice(2),
  EXCLUSIVE: lockModes.slice(1),
  'ACCESS EXCLUSIVE': lockModes,
};

/** The locks of others that keep somebody from getting `mode`. (Manual, table 13.2.) */
export function conflictsWith(mode: LockMode): readonly LockMode[] {
  return conflicts[mode];
}

/** SQL that turns a mode of pg_locks (`AccessShareLock`) into its name (`ACCESS SHARE`). */
export function lockModeSql(column: string): string {
  return `upper(regexp_replace(replace(${column}, 'Lock', ''), '([a-z])([A-Z])', '\\1 \\2', 'g'))`;
}
