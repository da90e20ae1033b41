-- The totals are brought up to date.
REFRESH MATERIALIZED VIEW order_totals;
