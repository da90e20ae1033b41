// An approval: another person's word for one plan and one database, kept in that database's journal.
// It counts for nothing else: an edited file is another plan, another database has another id.

import { detailOf, type JournalRow } from '../../history/journal.ts';

/** What an ssh signature of an approval is for. */
export const approvalNamespace = 'approval@drydock';

/** What is approved. */
export interface Approvable {
  readonly environment: string;
  /** The id that the marker of the database carries. */
  readonly databaseId: string;
  /** Digest of the plan. */
  readonly plan: string;
}

/** Who is about to apply: their own approval does not count. */
export interface Applier {
  readonly who: string;
  /** Role of their session on the server. */
  readonly role: string;
}

/** The text that an approval by ssh signs. */
export function approvalText({ environment, databaseId, plan }: Approvable): string {
  return `drydock approve\nenvironment ${environment}\ndatabase ${databaseId}\nplan ${plan}\n`;
}

/** An approval in the journal. */
export interface Approval {
  readonly who: string;
  readonly host: string;
  /** Role of the session that wrote it, as the server saw it. */
  readonly role: string | undefined;
  /** Signature of {@link approvalText}, armored. */
  readonly signature: string | undefined;
}

/** The approvals of a plan that others have given. */
export function approvalsOf(
  journal: readonly JournalRow[],
  { plan, databaseId }: Approvable,
  applier: Applier,
): readonly Approval[] {
  return journal
    .map(({ entry }) => entry)
    .filter(({ command, phase }) => command === 'approve' && phase === 'done')
    .filter((entry) => entry.plan === plan && detailOf(entry, 'databaseId') === databaseId)
    .map((entry) => ({
      who: entry.who,
      host: entry.host,
      role: entry.role,
      signature: detailOf(entry, 'signature'),
    }))
    .filter(({ who }) => who !== applier.who);
}

/**
 * The names of those who approved by the role of their session, each once. A role that several people
 * share, or that the change itself uses, proves nothing about who it was.
 */
export function approvedByRole(
  approvals: readonly Approval[],
  applier: Applier,
): readonly string[] {
  const roles = approvals.flatMap(({ role }) => (role === undefined ? [] : [role]));
  return [...new Set(roles)].filter((role) => role !== applier.role);
}
