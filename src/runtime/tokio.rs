//! The production runtime (to come).
