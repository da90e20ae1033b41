// Approving: another person looks at a plan and says yes to it, for one database, in its journal.

import type { JournalRow } from '../history/journal.ts';
import { readDatabaseId } from '../history/marker.ts';
import type { Plan } from '../migration/plan.ts';
import type { Database } from '../postgres/connect.ts';
import {
  type Applier,
  approvalsOf,
  approvalText,
  approvedByRole,
  approvalNamespace as namespace,
} from '../promotion/approval/approval.ts';
import { signerOf, signText } from '../promotion/approval/ssh.ts';
import {
  doing,
  type OpenTarget,
  type Project,
  planFor,
  reading,
  type Target,
  targetNamed,
} from './project.ts';

/** A wish to approve what is pending. */
export interface ApprovalRequest {
  readonly environment: string;
  /** The last migration of the plan; all pending ones when left out. */
  readonly file?: string | undefined;
  /** Digest that the person was told, or the beginning of it: another plan is not approved. */
  readonly digest?: string | undefined;
  /** File of an ssh key to sign with. */
  readonly keyFile?: string | undefined;
}

/** Looks at the plan and asks; false: nothing is approved. */
export type ApprovalQuestion = (question: {
  readonly target: Target;
  readonly plan: Plan;
}) => Promise<boolean>;

/** What became of it. */
export interface ApprovalReport {
  readonly environment: string;
  readonly plan: string;
  readonly outcome: 'approved' | 'declined' | 'nothing pending';
  readonly signed: boolean;
}

/** Approves the pending migrations of an environment, when the person agrees. */
export async function approvePlan(
  project: Project,
  request: ApprovalRequest,
  agrees: ApprovalQuestion,
): Promise<ApprovalReport> {
  const target = targetNamed(project, request.environment);
  const plan = await planFor(project, target, request.file);
  const { keyFile } = request;
  const signed = keyFile !== undefined;
  const report = { environment: request.environment, plan: plan.digest, signed };
  if (plan.pending.length === 0) return { ...report, outcome: 'nothing pending' };
  if (!(await agrees({ target, plan }))) return { ...report, outcome: 'declined' };
  return doing(project, target, { command: 'approve', changes: false }, async () => {
    const databaseId = await reading(project, target, readDatabaseId);
    const { environment } = request;
    const text = approvalText({ environment, databaseId: databaseId ?? '', plan: plan.digest });
    const signature =
      keyFile === undefined ? {} : { signature: await signText(text, { keyFile, namespace }) };
    return {
      result: { ...report, outcome: 'approved' as const },
      plan: plan.digest,
      details: { databaseId, ...signature },
    };
  });
}

/** The names of the others who have approved this plan for this database. */
export async function whoApproved(
  project: Project,
  { environment, database }: OpenTarget,
  { plan, journal }: { readonly plan: Plan; readonly journal: readonly JournalRow[] },
): Promise<readonly string[]> {
  const { name, approvals } = environment;
  if (approvals.count === 0) return [];
  const databaseId = await readDatabaseId(database);
  if (databaseId === undefined) return [];
  const approvable = { environment: name, databaseId, plan: plan.digest };
  const applier = await applierOf(project, database);
  const given = approvalsOf(journal, approvable, applier);
  const { allowedSigners } = approvals;
  if (allowedSigners === undefined) return approvedByRole(given, applier);
  const text = approvalText(approvable);
  const signatures = given.flatMap(({ signature }) => signature ?? []);
  const signers = await Promise.all(
    signatures.map((signature) => signerOf(text, { signature, allowedSigners, namespace })),
  );
  return [...new Set(signers.filter((signer) => signer !== undefined))];
}

async function applierOf({ actor }: Project, database: Database): Promise<Applier> {
  const { role } = await database.one<{ role: string }>('SELECT session_user::text AS role');
  return { who: actor.who, role };
}
