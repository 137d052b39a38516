//! Storage engines: records, blobs, activations.
