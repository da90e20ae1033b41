import type { Allowance } from '../../directives.ts';
import type { Hit, Rule } from '../../rule.ts';

export const allowanceWithoutUse: Rule = {
  id: 'allowance-without-use',
  hazard: null,
  severity: 'warning',
  concern: 'documentation',
  title: 'A comment that allows nothing, or gives no reason',
  why: 'An allowance that fits no finding will one day hide a real one; one without a reason tells nobody why.',
  safeForm:
    'Take it out, or write: -- drydock: allow <rule> because <reason>, right before the statement.',
};

/** One hit for each allowance that was not used, or that has no reason. */
export function unusedAllowances(
  allowances: readonly Allowance[],
  used: ReadonlySet<Allowance>,
): { readonly rule: Rule; readonly hit: Hit }[] {
  return allowances.flatMap((allowance) => {
    const message =
      allowance.reason === ''
        ? 'This allows nothing because it gives no reason: write "because" and why.'
        : used.has(allowance)
          ? undefined
          : `Nothing here breaks ${allowance.rules.join(', ')}: this comment allows nothing.`;
    if (message === undefined) return [];
    const { start, end } = allowance.comment;
    return [{ rule: allowanceWithoutUse, hit: { objects: [], lock: null, message, start, end } }];
  });
}
