-- The totals are brought up to date.
REFRESH MATERIALIZED VIEW CONCURRENTLY order_totals;
