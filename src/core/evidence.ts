// How stages talk to each other: every stage returns one record, bound by digest to what it judged.

/** The head that every record of a step carries. Records are JSON-serialisable and read-only. */
export interface Evidence {
  readonly kind: string;
  /** Version of the record's shape, for readers of old journals. */
  readonly version: 1;
  /** Digest of the plan that this record is about; null where no plan is involved. */
  readonly plan: string | null;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly endedAt: string;
  readonly outcome: 'done' | 'refused' | 'failed';
}
