"""The message runtime: envelopes, streams, consumers, outbox, request and reply. It knows no order and no stock."""
