// Premium tiers: how much homework a user may keep open.

/** The migration that this file needs. */
export const tiersRequire = '007';

const openHomeworkLimits: Record<string, number> = {
  basic: 50,
  plus: 200,
  premium: 1_000,
  school: 1_000,
};

/** How much open homework a tier allows; a user without a tier counts as basic. */
export function openHomeworkLimit(tier: string | null): number {
  const limit = openHomeworkLimits[tier ?? 'basic'];
  if (limit === undefined) throw new Error(`there is no tier ${tier}`);
  return limit;
}

/** Says what is wrong when users have tiers that this code does not know. */
export function problemWithTiers(
  tiers: readonly { premium_tier: string | null; users: number }[],
): string | undefined {
  const users = tiers
    .filter(({ premium_tier }) => !Object.hasOwn(openHomeworkLimits, premium_tier ?? 'basic'))
    .reduce((sum, tier) => sum + tier.users, 0);
  return users === 0 ? undefined : `${users} users have a tier that this code does not know`;
}
