//! Pure policies: placement, scaling, keep-alive.
