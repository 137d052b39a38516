//! What crosses HTTP: OpenWhisk's JSON shapes, the error body, a typed client.
