//! Warm pool; runs one activation, collects its logs, finishes it.
