//! Executors that can host a world. Each implements [`crate::world::Host`] and has one function that runs a world from its
//! first moment to its end.

pub mod madsim;
