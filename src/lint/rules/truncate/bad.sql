-- The audit trail starts anew.
TRUNCATE audit;
