// Every rule, in the order of the list of hazards; those of the runbook come last.
// Adding a rule is adding its folder and its two lines here.

import type { Rule } from './rule.ts';
import { allowanceWithoutUse } from './rules/allowance-without-use/rule.ts';
import { attachPartitionScans } from './rules/attach-partition-scans/rule.ts';
import { backfillUnderLock } from './rules/backfill-under-lock/rule.ts';
import { checkWithoutNotValid } from './rules/check-without-not-valid/rule.ts';
import { collationChangeRebuildsIndexes } from './rules/collation-change-rebuilds-indexes/rule.ts';
import { columnNotNullWithoutDefault } from './rules/column-not-null-without-default/rule.ts';
import { columnOfConstrainedDomain } from './rules/column-of-constrained-domain/rule.ts';
import { columnTypeChangeChecksAgain } from './rules/column-type-change-checks-again/rule.ts';
import { columnTypeChangeIsBrief } from './rules/column-type-change-is-brief/rule.ts';
import { columnTypeRewrite } from './rules/column-type-rewrite/rule.ts';
import { columnUsedByView } from './rules/column-used-by-view/rule.ts';
import { columnWithInlineCheck } from './rules/column-with-inline-check/rule.ts';
import { columnWithInlineUnique } from './rules/column-with-inline-unique/rule.ts';
import { columnWithReference } from './rules/column-with-reference/rule.ts';
import { columnWithVolatileDefault } from './rules/column-with-volatile-default/rule.ts';
import { concurrentBuildOnBrokenServer } from './rules/concurrent-build-on-broken-server/rule.ts';
import { concurrentlyInTransaction } from './rules/concurrently-in-transaction/rule.ts';
import { ddlInProceduralCode } from './rules/ddl-in-procedural-code/rule.ts';
import { deleteRows } from './rules/delete-rows/rule.ts';
import { detachPartitionWithoutConcurrently } from './rules/detach-partition-without-concurrently/rule.ts';
import { domainConstraintWithoutNotValid } from './rules/domain-constraint-without-not-valid/rule.ts';
import { dropBreaksRunningCode } from './rules/drop-breaks-running-code/rule.ts';
import { dropCascade } from './rules/drop-cascade/rule.ts';
import { dropColumn } from './rules/drop-column/rule.ts';
import { dropDatabase } from './rules/drop-database/rule.ts';
import { dropIndexWithoutConcurrently } from './rules/drop-index-without-concurrently/rule.ts';
import { dropTable } from './rules/drop-table/rule.ts';
import { dynamicSqlUnchecked } from './rules/dynamic-sql-unchecked/rule.ts';
import { enumValueUsedInTransaction } from './rules/enum-value-used-in-transaction/rule.ts';
import { enumValueWithoutPlace } from './rules/enum-value-without-place/rule.ts';
import { exclusionConstraintOnExistingTable } from './rules/exclusion-constraint-on-existing-table/rule.ts';
import { explicitTableLock } from './rules/explicit-table-lock/rule.ts';
import { foreignKeyColumnTypeChange } from './rules/foreign-key-column-type-change/rule.ts';
import { foreignKeyDropped } from './rules/foreign-key-dropped/rule.ts';
import { foreignKeyNotValidOnPartitionedTable } from './rules/foreign-key-not-valid-on-partitioned-table/rule.ts';
import { foreignKeyWithoutIndex } from './rules/foreign-key-without-index/rule.ts';
import { foreignKeyWithoutNotValid } from './rules/foreign-key-without-not-valid/rule.ts';
import { identifierTooLong } from './rules/identifier-too-long/rule.ts';
import { identityColumnOnExistingTable } from './rules/identity-column-on-existing-table/rule.ts';
import { ifNotExistsOnExistingTable } from './rules/if-not-exists-on-existing-table/rule.ts';
import { indexDroppedBeforeReplacement } from './rules/index-dropped-before-replacement/rule.ts';
import { indexOnPartitionedTable } from './rules/index-on-partitioned-table/rule.ts';
import { indexWithoutConcurrently } from './rules/index-without-concurrently/rule.ts';
import { invalidIndexKept } from './rules/invalid-index-kept/rule.ts';
import { largeTableRewritten } from './rules/large-table-rewritten/rule.ts';
import { lockTimeoutWithoutEffect } from './rules/lock-timeout-without-effect/rule.ts';
import { logicalReplicationBroken } from './rules/logical-replication-broken/rule.ts';
import { narrowingTypeChange } from './rules/narrowing-type-change/rule.ts';
import { newColumnBreaksPreparedSelect } from './rules/new-column-breaks-prepared-select/rule.ts';
import { newTableReferencesLiveTable } from './rules/new-table-references-live-table/rule.ts';
import { noLockTimeout } from './rules/no-lock-timeout/rule.ts';
import { notNullDropped } from './rules/not-null-dropped/rule.ts';
import { notReRunnable } from './rules/not-re-runnable/rule.ts';
import { numberCollision } from './rules/number-collision/rule.ts';
import { partitionOfLocksParent } from './rules/partition-of-locks-parent/rule.ts';
import { primaryKeyOnNullableColumn } from './rules/primary-key-on-nullable-column/rule.ts';
import { primaryKeyWithoutIndex } from './rules/primary-key-without-index/rule.ts';
import { refreshWithoutConcurrently } from './rules/refresh-without-concurrently/rule.ts';
import { reindexWithoutConcurrently } from './rules/reindex-without-concurrently/rule.ts';
import { renameBreaksRunningCode } from './rules/rename-breaks-running-code/rule.ts';
import { securityChange } from './rules/security-change/rule.ts';
import { serialColumnOnExistingTable } from './rules/serial-column-on-existing-table/rule.ts';
import { sessionSettingsByRunner } from './rules/session-settings-by-runner/rule.ts';
import { setNotNullScans } from './rules/set-not-null-scans/rule.ts';
import { storageChangeRewrites } from './rules/storage-change-rewrites/rule.ts';
import { storedGeneratedColumn } from './rules/stored-generated-column/rule.ts';
import { syntaxError } from './rules/syntax-error/rule.ts';
import { tableAlteredRepeatedly } from './rules/table-altered-repeatedly/rule.ts';
import { tableWithoutPrimaryKey } from './rules/table-without-primary-key/rule.ts';
import { transactionInPieces } from './rules/transaction-in-pieces/rule.ts';
import { triggerChangeLocks } from './rules/trigger-change-locks/rule.ts';
import { triggersDisabled } from './rules/triggers-disabled/rule.ts';
import { truncate } from './rules/truncate/rule.ts';
import { typeChangeBreaksPreparedStatements } from './rules/type-change-breaks-prepared-statements/rule.ts';
import { unbatchedBackfill } from './rules/unbatched-backfill/rule.ts';
import { undocumentedMigration } from './rules/undocumented-migration/rule.ts';
import { uniqueConstraintWithoutIndex } from './rules/unique-constraint-without-index/rule.ts';
import { unknownDirective } from './rules/unknown-directive/rule.ts';
import { updateOrDeleteWithoutWhere } from './rules/update-or-delete-without-where/rule.ts';
import { vacuumFullOrCluster } from './rules/vacuum-full-or-cluster/rule.ts';
import { validatedInSameStatement } from './rules/validated-in-same-statement/rule.ts';
import { validatedInSameTransaction } from './rules/validated-in-same-transaction/rule.ts';
import { workAfterExclusiveLock } from './rules/work-after-exclusive-lock/rule.ts';
import { workUndoneLater } from './rules/work-undone-later/rule.ts';

/** The one list of rules. */
export const rules: readonly Rule[] = [
  indexWithoutConcurrently,
  dropIndexWithoutConcurrently,
  concurrentlyInTransaction,
  invalidIndexKept,
  concurrentBuildOnBrokenServer,
  reindexWithoutConcurrently,
  indexOnPartitionedTable,
  indexDroppedBeforeReplacement,
  foreignKeyWithoutIndex,
  columnWithVolatileDefault,
  serialColumnOnExistingTable,
  identityColumnOnExistingTable,
  storedGeneratedColumn,
  columnOfConstrainedDomain,
  columnWithInlineCheck,
  columnWithInlineUnique,
  columnWithReference,
  columnNotNullWithoutDefault,
  newColumnBreaksPreparedSelect,
  checkWithoutNotValid,
  foreignKeyWithoutNotValid,
  foreignKeyNotValidOnPartitionedTable,
  newTableReferencesLiveTable,
  uniqueConstraintWithoutIndex,
  primaryKeyWithoutIndex,
  primaryKeyOnNullableColumn,
  exclusionConstraintOnExistingTable,
  domainConstraintWithoutNotValid,
  foreignKeyDropped,
  logicalReplicationBroken,
  setNotNullScans,
  validatedInSameTransaction,
  validatedInSameStatement,
  notNullDropped,
  columnTypeRewrite,
  columnTypeChangeIsBrief,
  columnTypeChangeChecksAgain,
  collationChangeRebuildsIndexes,
  columnUsedByView,
  typeChangeBreaksPreparedStatements,
  narrowingTypeChange,
  foreignKeyColumnTypeChange,
  renameBreaksRunningCode,
  dropColumn,
  dropTable,
  dropCascade,
  dropBreaksRunningCode,
  truncate,
  dropDatabase,
  deleteRows,
  updateOrDeleteWithoutWhere,
  unbatchedBackfill,
  backfillUnderLock,
  partitionOfLocksParent,
  attachPartitionScans,
  detachPartitionWithoutConcurrently,
  vacuumFullOrCluster,
  storageChangeRewrites,
  refreshWithoutConcurrently,
  triggerChangeLocks,
  triggersDisabled,
  securityChange,
  explicitTableLock,
  enumValueUsedInTransaction,
  enumValueWithoutPlace,
  noLockTimeout,
  lockTimeoutWithoutEffect,
  sessionSettingsByRunner,
  workAfterExclusiveLock,
  tableAlteredRepeatedly,
  transactionInPieces,
  notReRunnable,
  ifNotExistsOnExistingTable,
  ddlInProceduralCode,
  numberCollision,
  workUndoneLater,
  largeTableRewritten,
  allowanceWithoutUse,
  dynamicSqlUnchecked,
  identifierTooLong,
  syntaxError,
  tableWithoutPrimaryKey,
  undocumentedMigration,
  unknownDirective,
];
