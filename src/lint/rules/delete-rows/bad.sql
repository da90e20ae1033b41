-- Old orders go.
DELETE FROM orders WHERE id < 100;
