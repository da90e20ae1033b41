-- Events are looked up by payload.
CREATE INDEX IF NOT EXISTS events_payload_idx ON ONLY events (payload);
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_2024_payload_idx ON events_2024 (payload);
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_rest_payload_idx ON events_rest (payload);
ALTER INDEX events_payload_idx ATTACH PARTITION events_2024_payload_idx;
ALTER INDEX events_payload_idx ATTACH PARTITION events_rest_payload_idx;
