//! The reference store and the default: the memory of this process.
