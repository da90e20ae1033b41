-- Events are looked up by payload.
CREATE INDEX events_payload_idx ON events (payload);
