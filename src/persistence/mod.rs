//! What lies on the disk: formats only. Nothing here reads a clock, a file or a key; what is to be done with files leaves as
//! data, for the node to do.

pub mod aof;
